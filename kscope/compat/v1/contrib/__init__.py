"""The parts of `tf.contrib` that are about variables.

Each file is a table of names, like `kscope.compat.v1`. `slim.py` has the names of `framework.py` and `layers.py`.
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
