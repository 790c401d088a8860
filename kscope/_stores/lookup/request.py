"""`Request`: one call of `get_variable` as it reaches the store, with every default filled in."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from kscope._variables import dtypes as _dtypes
from kscope._variables import options as _options
from kscope._variables import shapes as _shapes
from kscope.initializers import _initial_value as _initial
from kscope.initializers._initial_value import Constant

if TYPE_CHECKING:
    from kscope._records.registry import Registry
    from kscope._scopes.scope import VariableScope
    from kscope._variables.slices import PartitionInfo
    from kscope.typing import Reuse

__all__ = ["Implied", "Request"]


class Implied(str):
    """A dtype that nobody wrote: the scope's. A look-up does not check it (deviation 1, row G8)."""

    __slots__ = ()


class Request:
    """What is asked of a store.

    Made of the arguments of `get_variable` after the scope's defaults, which are checked and resolved as far as a
    look-up needs them, in TF1's order: first the constant's dtype, then the two modes (row G9). The rest is looked
    at when the variable is made.

    Attributes:
        dtype: the one that somebody wrote, or `None`.
        fallback: the scope's dtype.
        initial: a `Constant`, a callable, or `None`.
        whole: of a slice, the name of the whole, and where it stands there.
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

    def __init__(
        self,
        scope: VariableScope,
        store: Registry,
        reuse: Reuse,
        name: str,
        shape: Any,
        dtype: Any,
        initializer: Any,
        regularizer: Any,
        trainable: bool | None,
        collections: Any,
        caching_device: Any,
        partitioner: Any,
        validate_shape: Any,
        constraint: Any,
        synchronization: Any,
        aggregation: Any,
    ):
        self.scope = scope
        self.store = store
        self.reuse = reuse
        self.name = name
        self.shape = _shapes.standardize(shape)
        self.dtype: str | None = None
        if dtype is None or isinstance(dtype, Implied):
            self.fallback = _dtypes.canonical(dtype or scope.dtype)
        else:
            self.dtype = self.fallback = _dtypes.canonical(_dtypes.standardize(dtype))
        self.initial = _initial.resolve(initializer)
        if isinstance(self.initial, Constant):
            self.initial = _initial.fit(self.initial, self.dtype)
        self.regularizer = regularizer
        self.trainable = trainable
        self.collections = collections
        self.caching_device = caching_device
        self.partitioner = partitioner
        self.validate_shape = validate_shape
        self.constraint = constraint
        self.whole: tuple[str, PartitionInfo] | None = None
        self.synchronization = _options.mode_of("synchronization", _options.SYNCHRONIZATION, synchronization, name)
        self.aggregation = _options.mode_of("aggregation", _options.AGGREGATION, aggregation, name)

    def for_part(self, name: str, shape: tuple[int, ...], initial: Any, info: PartitionInfo | None = None) -> Request:
        """The same for one slice of a partitioned variable; one that is to be made stands somewhere in the whole."""
        part = copy.copy(self)
        part.name = name
        part.shape = None if isinstance(initial, Constant) else shape
        part.initial = initial
        part.partitioner = None
        part.whole = None if info is None else (self.name, info)
        return part

    def trains(self, dtype: str) -> bool:
        """Whether a variable of that dtype is made trainable."""
        return _options.trainable_of(self.trainable, self.synchronization, dtype, self.name)

    def spelled(self) -> str:
        """What is asked for, in a line of a message."""
        parts = [self.name]
        if self.shape is not None:
            parts.append(f"shape {_shapes.spelled(self.shape)}")
        if self.dtype is not None:
            parts.append(f"dtype {self.dtype}")
        return ", ".join(parts)
