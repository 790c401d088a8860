"""Look-ups of partitioned variables: each slice is looked up by itself (rows M)."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from kscope import errors
from kscope._scopes.thread import thread
from kscope._stores.lookup.request import Request
from kscope._variables import shapes, slices
from kscope._variables.partitioned import PartitionedVariable
from kscope._variables.slices import PartitionInfo
from kscope.initializers._initial_value import Constant

__all__ = ["obtain", "without_partitioner"]

# The look-up of one slice. It is an argument, because its module imports this one.
FindOrMake: TypeAlias = Callable[[Request], Any]


def obtain(request: Request, find_or_make: FindOrMake) -> PartitionedVariable:
    """Find the partitioned variable, or make it; a request that raises leaves nothing behind (rows M8, M9)."""
    if not callable(request.partitioner):
        raise errors.OptionTypeError(f"The partitioner must be a callable, while get {request.partitioner!r}")
    with request.store.lock:
        whole = request.store.partitioned.get(request.name)
        if whole is None:
            return _make(request, find_or_make)
        _check_shared(request, whole)
        return _again(request, whole, find_or_make)


def without_partitioner(request: Request, find_or_make: FindOrMake) -> PartitionedVariable | None:
    """Find a partitioned variable by a request without partitioner, which `reuse=True` alone allows (row M8).

    Returns:
        The variable, or `None` if there is no partitioned variable of that name.
    """
    whole: PartitionedVariable | None = request.store.partitioned.get(request.name)
    if whole is None:
        return None
    if request.reuse is not True:
        raise errors.VariableExistsError(
            f"No partitioner was provided, but a partitioned version of the variable was found: {request.name}/part_0. "
            "Perhaps a variable of the same name was already created with partitioning?"
        )
    _check_shape(request, whole)
    return _again(request, whole, find_or_make)


def _check_shared(request: Request, whole: PartitionedVariable) -> None:
    if thread.call is None and request.reuse is False:
        raise _exists(request)
    _check_shape(request, whole)
    if request.dtype is not None and request.dtype != whole.dtype:
        raise errors.DtypeMismatchError(
            f"Trying to reuse partitioned variable {request.name}, but specified dtype {request.dtype} and found dtype "
            f"{whole.dtype}."
        )
    counts = slices.partitions(request.partitioner, tuple(whole.shape), whole.dtype)
    if counts != whole.partitions:
        raise errors.ShapeMismatchError(
            f"Trying to reuse partitioned variable {request.name}, but specified partitions {counts} and found "
            f"partitions {whole.partitions}."
        )


def _check_shape(request: Request, whole: PartitionedVariable) -> None:
    if not shapes.compatible(request.shape, tuple(whole.shape)):
        raise errors.ShapeMismatchError(
            f"Trying to reuse partitioned variable {request.name}, but specified shape "
            f"{shapes.spelled(request.shape)} and found shape {shapes.spelled(tuple(whole.shape))}."
        )


def _again(request: Request, whole: PartitionedVariable, find_or_make: FindOrMake) -> PartitionedVariable:
    """Look each slice up again, so that a layer's call notes that it got them."""
    try:
        for number, shard in enumerate(whole.shards):
            find_or_make(request.for_part(f"{request.name}/part_{number}", tuple(shard.shape), None))
    except errors.VariableExistsError:
        raise _exists(request) from None
    return whole


def _exists(request: Request) -> errors.VariableExistsError:
    return errors.VariableExistsError(
        f"Partitioned variable with name {request.name} already exists. Did you mean to set reuse=True or "
        "reuse=tf.AUTO_REUSE in VarScope?"
    )


def _missing(request: Request) -> errors.VariableMissingError:
    return errors.VariableMissingError(
        f"PartitionedVariable {request.name} does not exist, or was not created with tf.get_variable(). Did you "
        "mean to set reuse=False or reuse=tf.AUTO_REUSE in VarScope?"
    )


def _make(request: Request, find_or_make: FindOrMake) -> PartitionedVariable:
    if request.name in request.store.records:
        raise errors.VariableExistsError(
            "A partitioner was provided, but an unpartitioned version of the variable was found: "
            f"{request.name}. Perhaps a variable of the same name was already created without partitioning?"
        )
    if request.reuse is True and thread.call is None:
        raise _missing(request)
    shape, dtype = _shape_and_dtype(request)
    counts = slices.partitions(request.partitioner, shape, dtype)
    try:
        parts = (
            request.for_part(f"{request.name}/part_{number}", part, _part_of(request.initial, part, info), info)
            for number, (part, info) in enumerate(slices.slices(shape, counts))
        )
        shards = _obtain_all(parts, find_or_make)
    except errors.LateVariableError:
        raise
    except errors.VariableMissingError:
        raise _missing(request) from None
    whole = request.store.partitioned[request.name] = PartitionedVariable(request.name, shards, counts)
    return whole


def _obtain_all(requests: Iterable[Request], find_or_make: FindOrMake) -> list[Any]:
    """Find or make every slice; if one fails, remove those that were made before it."""
    shards, made = [], []
    try:
        for request in requests:
            new = request.name not in request.store.records
            shards.append(find_or_make(request))
            if new:
                made.append(request)
    except BaseException:
        for request in made:
            request.store.discard(request.store.records[request.name])
        raise
    return shards


def _shape_and_dtype(request: Request) -> tuple[tuple[int, ...], str]:
    initial = request.initial
    shape = initial.shape if request.shape is None and isinstance(initial, Constant) else request.shape
    if shape is None or not shapes.is_full(shape):
        raise errors.InitializerError(
            f"Shape of a new partitioned variable must be fully defined, but instead was "
            f"{'<unknown>' if shape is None else shapes.spelled(shape)}."
        )
    if isinstance(initial, Constant) and tuple(shape) != initial.shape:
        raise errors.ShapeMismatchError(
            f"Partitioned variable {request.name} of shape {shape} cannot start from a constant of shape "
            f"{initial.shape}."
        )
    dtype = initial.dtype if isinstance(initial, Constant) else request.dtype or request.fallback
    return tuple(shape), dtype


def _part_of(initial: Any, shape: tuple[int, ...], info: PartitionInfo) -> Any:
    """Return the initial value of one slice: a slice of a constant, or the initializer itself (row M7)."""
    if isinstance(initial, Constant):
        where = tuple(slice(offset, offset + size) for offset, size in zip(info.var_offset, shape, strict=True))
        return Constant(operator.getitem(initial.value, where), initial.dtype, shape, initial.adapts)
    return initial
