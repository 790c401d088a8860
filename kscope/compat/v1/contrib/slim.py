"""`tf.contrib.slim`: the names that it had from `contrib.framework` and `contrib.layers`."""

from __future__ import annotations

from kscope._lazy import lazily
from kscope.compat.v1.contrib import framework, layers

_HOMES = {**framework.HOMES, **layers.HOMES}

__all__ = sorted(_HOMES)


__getattr__, __dir__ = lazily(__name__, _HOMES)
