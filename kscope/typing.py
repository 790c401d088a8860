"""Types of arguments and results of the public API."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any, Literal, Protocol, TypeAlias

__all__ = ["DtypeLike", "Getter", "GetterFunction", "Reuse", "ReuseMode", "ShapeLike"]

DtypeLike: TypeAlias = Any
"""A str, a Python type, or a NumPy, TensorFlow, JAX or PyTorch dtype."""

ShapeLike: TypeAlias = Any
"""An int, or a list, tuple, array or `tf.TensorShape` of ints; `None` is allowed in it only for look-ups."""


class ReuseMode(enum.Enum):
    """The third reuse mode, a singleton: it is true, and is compared with `is`."""

    AUTO_REUSE = 1


Reuse: TypeAlias = bool | Literal[ReuseMode.AUTO_REUSE]
"""A reuse mode: `False` to create, `True` to share, `kscope.AUTO_REUSE` for either."""


class GetterFunction(Protocol):
    """A custom getter: called with the next getter, and then only keywords; `name=` is the full name (row K1)."""

    def __call__(self, getter: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Return the result of `get_variable`, usually that of `getter(**kwargs)`."""


Getter: TypeAlias = GetterFunction | Mapping[str, GetterFunction]
"""A custom getter, or a mapping from regular expressions, which have to match the whole full name, to getters."""
