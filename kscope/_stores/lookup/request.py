"""`Request`: the checked arguments of one look-up, with every default filled in.

Rows and decisions: `docs/rules`.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, NamedTuple

from kscope._variables import dtypes, options, shapes
from kscope.initializers import _initial_value
from kscope.initializers._initial_value import Constant
from kscope.typing import DtypeLike, Reuse, ShapeLike

if TYPE_CHECKING:
    from kscope._records.registry import Registry
    from kscope._scopes.scope import VariableScope
    from kscope._variables.slices import PartitionInfo

__all__ = ["Arguments", "Implied", "Request"]


class Arguments(NamedTuple):
    """The arguments of one call of `get_variable`, in the order in which custom getters take them.

    They include the scope's reuse mode, but not the custom getter, which is called with them.
    """

    name: Any
    shape: ShapeLike = None
    dtype: DtypeLike = None
    initializer: Any = None
    regularizer: Any = None
    reuse: Any = None
    trainable: bool | None = None
    collections: Any = None
    caching_device: Any = None
    partitioner: Any = None
    validate_shape: Any = True
    use_resource: bool | None = None
    constraint: Any = None
    synchronization: Any = None
    aggregation: Any = None


class Implied(str):
    """A default dtype, which the caller did not pass. A look-up does not check it (decision 1, row G8)."""

    __slots__ = ()


class Request:
    """The checked arguments of one look-up.

    It is made from `Arguments` with the scope's defaults filled in. They are checked and resolved as far as a look-up
    needs them, in TF1's order: first the constant's dtype, then the two modes (row G9). The other arguments are
    checked when the variable is made.

    Attributes:
        dtype: the dtype that the caller passed, or `None`.
        fallback: the dtype of a new variable: `dtype`, or the default, which is mostly the scope's.
        initial: a `Constant`, a callable, or `None`.
        whole: for a slice, the name of the partitioned variable, and the slice's position in it.
    """

    __slots__ = (
        "aggregation",
        "caching_device",
        "collections",
        "constraint",
        "dtype",
        "fallback",
        "initial",
        "name",
        "partitioner",
        "regularizer",
        "reuse",
        "scope",
        "shape",
        "store",
        "synchronization",
        "trainable",
        "validate_shape",
        "whole",
    )

    def __init__(self, scope: VariableScope, store: Registry, arguments: Arguments):
        self.scope = scope
        self.store = store
        self.reuse: Reuse = arguments.reuse
        self.name: str = arguments.name
        self.shape = shapes.standardize(arguments.shape)
        self.dtype: str | None = None
        dtype = arguments.dtype
        if dtype is None or isinstance(dtype, Implied):
            self.fallback = dtypes.canonical(dtype or scope.dtype)
        else:
            self.dtype = self.fallback = dtypes.canonical(dtypes.standardize(dtype))
        self.initial = _initial_value.resolve(arguments.initializer)
        if isinstance(self.initial, Constant):
            self.initial = _initial_value.fit(self.initial, self.dtype)
        self.regularizer = arguments.regularizer
        self.trainable = arguments.trainable
        self.collections = arguments.collections
        self.caching_device = arguments.caching_device
        self.partitioner = arguments.partitioner
        self.validate_shape = arguments.validate_shape
        self.constraint = arguments.constraint
        self.whole: tuple[str, PartitionInfo] | None = None
        self.synchronization = options.mode_of(
            "synchronization", options.SYNCHRONIZATION, arguments.synchronization, self.name
        )
        self.aggregation = options.mode_of("aggregation", options.AGGREGATION, arguments.aggregation, self.name)

    def for_part(self, name: str, shape: tuple[int, ...], initial: Any, info: PartitionInfo | None = None) -> Request:
        """Return the request for one slice of a partitioned variable; `info` is the position of a slice to be made."""
        part = copy.copy(self)
        part.name = name
        part.shape = None if isinstance(initial, Constant) else shape
        part.initial = initial
        part.partitioner = None
        part.whole = None if info is None else (self.name, info)
        return part

    def trains(self, dtype: str) -> bool:
        """Whether a new variable of that dtype is trainable."""
        return options.trainable_of(self.trainable, self.synchronization, dtype, self.name)

    def spelled(self) -> str:
        """Return the request as a line of a message shows it."""
        parts = [self.name]
        if self.shape is not None:
            parts.append(f"shape {shapes.spelled(self.shape)}")
        if self.dtype is not None:
            parts.append(f"dtype {self.dtype}")
        return ", ".join(parts)
