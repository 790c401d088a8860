"""`PartitionedVariable`: one name for several variables, each a slice of the whole (rows M)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import keras

from kscope import errors

__all__ = ["PartitionedVariable"]


class PartitionedVariable(keras.Variable):
    """A variable in slices, which `get_variable` returns if there is a partitioner (row M1).

    Each slice is a variable, `name/part_0`, `name/part_1`, ...: layers track the slices, optimizers train them, and
    files contain them. This object represents the whole: `keras.ops` and operators read all slices joined, and
    gradients reach every slice. `take` looks up rows without joining the slices.

    Attributes:
        shards: the slices, in order.
        partitions: number of slices along each axis.

    Example:
    >>> halves = kscope.partitioners.fixed_size_partitioner(2)
    >>> table = kscope.get_variable("table", [5, 3], partitioner=halves)
    >>> [v.path for v in table], [v.shape == s for v, s in zip(table, [(3, 3), (2, 3)])]
    (['table/part_0', 'table/part_1'], [True, True])
    >>> keras.ops.sum(table, axis=0).shape == (3,)
    True
    """

    def __init__(self, name: str, shards: list[Any], partitions: list[int]):
        # Keras' constructor is not called, because it would make another variable.
        self._set("_whole_name", name)
        self._set("shards", shards)
        self._set("partitions", partitions)
        self._set("_axis", next((axis for axis, count in enumerate(partitions) if count > 1), 0))
        length = sum(shard.shape[self._axis] for shard in shards)
        shape = tuple(shards[0].shape)
        # The backend's class of shapes: its operations read the rank from it.
        kind = type(shards[0].shape)
        self._set("_whole_shape", kind((*shape[: self._axis], length, *shape[self._axis + 1 :])))

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    @property
    def name(self) -> str:
        """The scoped name, as in TF1 without `:0`."""
        return str(self._whole_name)

    path = name

    @property
    def shape(self) -> Any:
        """The shape of the whole variable."""
        return self._whole_shape

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self._whole_shape)

    @property
    def dtype(self) -> str:
        """The dtype; under mixed precision, the dtype that the variable is read in."""
        return str(self.shards[0].dtype)

    @property
    def trainable(self) -> bool:
        """Whether the slices are trained."""
        return all(shard.trainable for shard in self.shards)

    @trainable.setter
    def trainable(self, value: bool) -> None:
        for shard in self.shards:
            shard.trainable = value

    @property
    def value(self) -> Any:
        """All slices joined, as a tensor."""
        values = [shard.value for shard in self.shards]
        return values[0] if len(values) == 1 else keras.ops.concatenate(values, axis=self._axis)

    def as_tensor(self) -> Any:
        """Return all slices joined, as a tensor."""
        return self.value

    def assign(self, value: Any) -> PartitionedVariable:
        """Assign a value of the whole variable's shape to the slices.

        Raises:
            ShapeMismatchError: if the value has another shape.
        """
        value = keras.ops.convert_to_tensor(value, self.shards[0].dtype)
        if tuple(value.shape) != tuple(self.shape):
            raise errors.ShapeMismatchError(
                f"Partitioned variable {self.name} of shape {tuple(self.shape)} cannot take a value of shape "
                f"{tuple(value.shape)}."
            )
        for shard, part in zip(self.shards, self._split(value), strict=True):
            shard.assign(part)
        return self

    def _split(self, value: Any) -> Iterator[Any]:
        starts = self._starts()
        for start, stop in pairwise([*starts, self.shape[self._axis]]):
            yield value[(slice(None),) * self._axis + (slice(start, stop),)]

    def _starts(self) -> list[int]:
        starts = [0]
        for shard in self.shards[:-1]:
            starts.append(starts[-1] + shard.shape[self._axis])
        return starts

    def take(self, indices: Any) -> Any:
        """Return the rows at the given indices, as `keras.ops.take(..., axis=0)` does, without joining the slices.

        Args:
            indices: ints, of any shape.

        Returns:
            A tensor of shape `indices.shape + self.shape[1:]`.
        """
        if self._axis or len(self.shards) == 1:
            return keras.ops.take(self.value, indices, axis=0)
        indices = keras.ops.convert_to_tensor(indices)
        indices = keras.ops.where(indices < 0, indices + self.shape[0], indices)
        first, *others = self.shards
        # For an index outside of a slice, the row at its end is read and then not used.
        rows = keras.ops.take(first, keras.ops.minimum(indices, first.shape[0] - 1), axis=0)
        for start, shard in zip(self._starts()[1:], others, strict=True):
            # The last slice gets indices beyond the end as they are: the backend decides what they mean.
            last = self.shape[0] if shard is others[-1] else shard.shape[0] - 1
            found = keras.ops.take(shard, keras.ops.clip(indices - start, 0, last), axis=0)
            here = indices >= start
            for _ in self.shape[1:]:
                here = keras.ops.expand_dims(here, -1)
            rows = keras.ops.where(here, found, rows)
        return rows

    def __iter__(self) -> Iterator[Any]:
        return iter(self.shards)

    def __len__(self) -> int:
        return len(self.shards)

    def __repr__(self) -> str:
        return f"<PartitionedVariable path={self.name}, shape={tuple(self.shape)}, partitions={self.partitions}>"
