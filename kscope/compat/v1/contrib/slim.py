"""`tf.contrib.slim`: what it had of `contrib.framework` and `contrib.layers`."""

from __future__ import annotations

from typing import Any

from kscope._lazy import found
from kscope.compat.v1.contrib import framework, layers

_HOMES = {**framework.HOMES, **layers.HOMES}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    return found(__name__, name, _HOMES)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
