"""`tf.contrib`, as far as it was about variables.

Each file is a table of names, as `kscope.compat.v1` is. Start with `layers.py`; `slim.py` has the names of both others.
"""

from __future__ import annotations

from kscope._lazy import lazily

_HOMES = {
    "framework": "kscope.compat.v1.contrib.framework",
    "layers": "kscope.compat.v1.contrib.layers",
    "slim": "kscope.compat.v1.contrib.slim",
}

__all__ = sorted(_HOMES)


__getattr__, __dir__ = lazily(__name__, _HOMES)
