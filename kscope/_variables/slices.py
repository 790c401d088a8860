"""How a variable is sliced: a partitioner's result, checked, and the slices that follow (rows M3, M4, M7, M13)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from kscope import errors

__all__ = ["FullShape", "PartitionInfo", "partitions", "slices"]


class FullShape(tuple[int, ...]):
    """The shape that a partitioner gets: a tuple that also has methods of TensorFlow's `TensorShape`."""

    __slots__ = ()

    @property
    def ndims(self) -> int:
        """The number of axes."""
        return len(self)

    rank = ndims

    def as_list(self) -> list[int]:
        """Return the sizes as a list."""
        return list(self)

    def num_elements(self) -> int:
        """Return the product of the sizes."""
        count = 1
        for size in self:
            count *= size
        return count

    def is_fully_defined(self) -> bool:
        """Whether every size is known: always True."""
        return True


class PartitionInfo:
    """The place of a slice in its variable, for initializers that take `partition_info` (rows M7, M13).

    Args:
        full_shape: shape of the whole variable.
        var_offset: start of the slice, one int per axis.

    Raises:
        TypeError: if one of them is not a sequence.
        ValueError: if they differ in length, or the offset is outside of the shape.

    Example:
    >>> info = kscope.PartitionInfo(full_shape=[9, 3], var_offset=[4, 0])
    >>> info.single_offset([1, 3]), info.single_slice_dim([2, 3])
    (4, 0)
    """

    __slots__ = ("full_shape", "var_offset")

    def __init__(self, full_shape: Any, var_offset: Any):
        for name, value in (("full_shape", full_shape), ("var_offset", var_offset)):
            if not isinstance(value, Sequence) or isinstance(value, str):
                raise errors.OptionTypeError(
                    f"`{name}` must be a sequence (like tuple or list) instead of {type(value).__name__}"
                )
        if len(full_shape) != len(var_offset):
            raise errors.OptionError(
                f"Expected equal length, but `var_offset` is of length {len(var_offset)} while full_shape is of length "
                f"{len(full_shape)}."
            )
        for offset, size in zip(var_offset, full_shape, strict=True):
            if offset < 0 or offset >= size:
                raise errors.OptionError(
                    f"Expected 0 <= offset < shape but found offset={offset}, shape={size} for "
                    f"var_offset={list(var_offset)}, full_shape={list(full_shape)}"
                )
        self.full_shape = list(full_shape)
        self.var_offset = list(var_offset)

    def single_offset(self, shape: Sequence[int]) -> int:
        """Return the offset along the axis that is sliced, for a slice of that shape; 0 if no axis is."""
        axis = self.single_slice_dim(shape)
        return 0 if axis is None else self.var_offset[axis]

    def single_slice_dim(self, shape: Sequence[int]) -> int | None:
        """Return the axis along which a slice of that shape is shorter than the variable; `None` if there is none.

        Raises:
            ValueError: if there are several such axes, or the slice is larger than the variable.
        """
        if len(shape) != len(self.full_shape):
            raise errors.OptionError(
                f"Expected equal length, but received shape={list(shape)} of length {len(shape)} while "
                f"self.full_shape={self.full_shape} is of length {len(self.full_shape)}."
            )
        for length, offset, size in zip(shape, self.var_offset, self.full_shape, strict=True):
            if offset + length > size:
                raise errors.OptionError(
                    f"With self.var_offset={self.var_offset}, a partition of shape={list(shape)} would exceed "
                    f"self.full_shape={self.full_shape}."
                )
        cut = [axis for axis, length in enumerate(shape) if length != self.full_shape[axis]]
        if len(cut) > 1:
            raise errors.OptionError(
                f"Cannot use single_slice_dim() with shape={list(shape)} and self.full_shape={self.full_shape} since "
                f"slice dim could be either dimension {cut[0]} or {cut[1]}."
            )
        return cut[0] if cut else None


def partitions(partitioner: Any, shape: tuple[int, ...], dtype: str) -> list[int]:
    """Call a partitioner, and return its number of slices for each axis (rows M3, M4).

    Raises:
        PartitionerError: if the result has another form, or would slice more than one axis.
    """
    answer = partitioner(shape=FullShape(shape), dtype=dtype)
    if not isinstance(answer, Sequence) or isinstance(answer, str):
        raise errors.PartitionerError(f"Partitioner must return a sequence, but saw: {answer}")
    if len(answer) != len(shape):
        raise errors.PartitionerError(
            f"Partitioner returned a partition list that does not match the Variable's rank: {answer} vs. {shape}"
        )
    if any(count < 1 for count in answer):
        raise errors.PartitionerError(f"Partitioner returned zero partitions for some axes: {answer}")
    if sum(count > 1 for count in answer) > 1:
        raise errors.PartitionerError(
            f"Can only slice a variable along one dimension: shape: {shape}, partitioning: {answer}"
        )
    return [int(count) for count in answer]


def slices(shape: tuple[int, ...], counts: list[int]) -> Iterator[tuple[tuple[int, ...], PartitionInfo]]:
    """Iterate over the shapes and places of the slices; if the axis does not divide, the first are longer (row M7)."""
    axis = next((axis for axis, count in enumerate(counts) if count > 1), 0)
    length, longer = divmod(shape[axis], counts[axis])
    if not length:
        raise errors.PartitionerError(
            f"Partitioner wants {counts[axis]} slices of an axis of length {shape[axis]}: shape: {shape}, "
            f"partitioning: {counts}"
        )
    start = 0
    for number in range(counts[axis]):
        size = length + (number < longer)
        offset = [0] * len(shape)
        offset[axis] = start
        yield (*shape[:axis], size, *shape[axis + 1 :]), PartitionInfo(shape, offset)
        start += size
