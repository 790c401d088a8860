"""`tf.contrib`, as far as it was about variables.

Each file is a table of names, as `kscope.compat.v1` is. Start with `layers.py`; `slim.py` has the names of both others.
"""

from __future__ import annotations

from typing import Any

from kscope._lazy import found

_HOMES = {
    "framework": "kscope.compat.v1.contrib.framework",
    "layers": "kscope.compat.v1.contrib.layers",
    "slim": "kscope.compat.v1.contrib.slim",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    return found(__name__, name, _HOMES)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
