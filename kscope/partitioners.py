"""Partitioners: functions that choose how many slices a variable has, and along which axis (row M12).

A partitioner is any callable `partitioner(shape=..., dtype=...)` that returns one int per axis, at most one of them
above 1. These are TF1's, with its formulas, except `sharded`, which lays one variable out over devices.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from kscope import errors
from kscope._variables import dtypes

__all__ = ["fixed_size_partitioner", "min_max_variable_partitioner", "sharded", "variable_axis_size_partitioner"]

Partitioner = Callable[..., list[int]]


def fixed_size_partitioner(num_shards: int, axis: int = 0) -> Partitioner:
    """Return a partitioner into a fixed number of slices, at most the length of the axis.

    Args:
        num_shards: int. The number of slices.
        axis: int. The axis that is sliced.

    Example:
    >>> kscope.partitioners.fixed_size_partitioner(3)(shape=(10, 4), dtype="float32")
    [3, 1]
    """

    def partitioner(shape: Any, dtype: Any) -> list[int]:
        del dtype
        return _along(axis, min(num_shards, shape[axis]), len(shape))

    return partitioner


def variable_axis_size_partitioner(
    max_shard_bytes: int, axis: int = 0, bytes_per_string_element: int = 16, max_shards: int | None = None
) -> Partitioner:
    """Return a partitioner into the smallest number of slices that are each at most a size.

    Args:
        max_shard_bytes: int. The largest size of a slice, in bytes.
        axis: int. The axis that is sliced.
        bytes_per_string_element: has no effect; Keras has no variables of strings.
        max_shards: int. The largest number of slices, whatever their size.

    Raises:
        ValueError: if a number is less than one.

    Example:
    >>> kscope.partitioners.variable_axis_size_partitioner(32768, axis=2)(shape=(4, 8, 16, 32), dtype="float32")
    [1, 1, 2, 1]
    """
    _check_positive(max_shard_bytes=max_shard_bytes, max_shards=max_shards)
    del bytes_per_string_element

    def partitioner(shape: Any, dtype: Any) -> list[int]:
        bytes_per_slice = math.prod(shape) // shape[axis] * _size(dtype)
        slices_per_shard = max(1, max_shard_bytes // bytes_per_slice)
        count = math.ceil(shape[axis] / slices_per_shard)
        return _along(axis, min(count, max_shards or count), len(shape))

    return partitioner


def min_max_variable_partitioner(
    max_partitions: int = 1, axis: int = 0, min_slice_size: int = 256 << 10, bytes_per_string_element: int = 16
) -> Partitioner:
    """Return a partitioner into slices of at least a size, and into at most a number of slices.

    Args:
        max_partitions: int. The largest number of slices.
        axis: int. The axis that is sliced.
        min_slice_size: int. The smallest size of a slice, in bytes.
        bytes_per_string_element: has no effect; Keras has no variables of strings.

    Raises:
        ValueError: if a number is less than one.

    Example:
    >>> kscope.partitioners.min_max_variable_partitioner(100)(shape=(2048, 1024), dtype="float32")
    [32, 1]
    """
    _check_positive(max_partitions=max_partitions, min_slice_size=min_slice_size)
    del bytes_per_string_element

    def partitioner(shape: Any, dtype: Any) -> list[int]:
        count = math.ceil(math.prod(shape) * _size(dtype) / min_slice_size)
        return _along(axis, min(count, max_partitions, shape[axis]), len(shape))

    return partitioner


def _along(axis: int, count: int, rank: int) -> list[int]:
    partitions = [1] * rank
    partitions[axis] = count
    return partitions


def _size(dtype: Any) -> int:
    return int(dtypes.item_size(dtypes.standardize(dtype)))


def _check_positive(**numbers: int | None) -> None:
    for name, number in numbers.items():
        if number is not None and number < 1:
            raise errors.OptionError(f"{name} must be positive. Received: {name}={number!r}")


def sharded(axes: Sequence[str | None], device_mesh: Any = None) -> Any:
    """Return a partitioner that lays one variable out over a mesh of devices, without slices. On JAX only.

    Args:
        axes: for each axis of the variable the name of an axis of the mesh, or `None` if the axis is not sharded. They
            are aligned with the last axes of the variable: `("model",)` and `(None, "model")` mean the same for a
            kernel, and for its bias, so that both can inherit the partitioner from a scope.
        device_mesh: a `keras.distribution.DeviceMesh`. Defaults to the mesh of `keras.distribution.distribution()` at
            the time when the variable is made.

    Returns:
        A partitioner, for `partitioner=` of `get_variable` and of a scope.

    Raises, when a variable is made:
        PartitionerError: if there is no mesh, the mesh lacks an axis, or the devices do not divide an axis evenly.
        UnsupportedError: on TensorFlow and PyTorch, where Keras has no layouts of variables.

    Example:
    >>> mesh = keras.distribution.DeviceMesh((1,), ["model"], devices=["cpu:0"])
    >>> by_columns = kscope.partitioners.sharded((None, "model"), mesh)
    >>> if keras.backend.backend() == "jax":
    ...     with kscope.variable_scope("fc", partitioner=by_columns):
    ...         kernel, bias = kscope.get_variable("kernel", [3, 4]), kscope.get_variable("bias", [4])
    """
    from kscope._variables.sharded import Sharded

    if isinstance(axes, str) or not all(axis is None or isinstance(axis, str) for axis in axes):
        raise errors.OptionTypeError(
            f"sharded() needs a sequence of names of axes of a mesh, or None. Received: axes={axes!r}"
        )
    return Sharded(tuple(axes), device_mesh)
