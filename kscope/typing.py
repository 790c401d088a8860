"""The types of what users pass in and get back."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any, Literal, Protocol, TypeAlias

__all__ = ["DtypeLike", "Getter", "GetterFunction", "Reuse", "ReuseMode", "ShapeLike"]

DtypeLike: TypeAlias = Any
"""A str, a Python type, or a NumPy, TensorFlow, JAX or PyTorch dtype."""

ShapeLike: TypeAlias = Any
"""An int, or a list, tuple, array or `tf.TensorShape` of ints; `None` in it only to look a variable up."""


class ReuseMode(enum.Enum):
    """The third reuse mode, a singleton: truthy, and compared by `is`."""

    AUTO_REUSE = 1


Reuse: TypeAlias = bool | Literal[ReuseMode.AUTO_REUSE]
"""A reuse mode: `False` to create, `True` to share, `kscope.AUTO_REUSE` for either."""


class GetterFunction(Protocol):
    """A custom getter: called with the next getter, then only keywords, `name=` being the full name (row K1)."""

    def __call__(self, getter: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Return what the caller of `get_variable` gets; usually by way of `getter(**kwargs)`."""


Getter: TypeAlias = GetterFunction | Mapping[str, GetterFunction]
"""A custom getter, or a mapping from regular expressions, matched with the whole of the full name, to getters."""
