"""What TF1's initializers have in common: a dtype of their own, a seed, and what they are called with."""

from __future__ import annotations

import operator
import random
from typing import Any

import keras
import numpy as np

from kscope import _dtypes, _shapes, errors
from kscope.typing import DtypeLike, ShapeLike

__all__ = ["Initializer", "OfFloats", "Random", "RandomFloats", "Shape", "full", "number", "registered", "whole"]

Shape = tuple[int, ...]

registered = keras.saving.register_keras_serializable(package="kscope")


class Initializer(keras.initializers.Initializer):
    """What all have in common: a dtype of their own, and what they are called with."""

    def __init__(self, dtype: DtypeLike = "float32"):
        self.dtype = self._checked(dtype)

    def __call__(self, shape: ShapeLike, dtype: DtypeLike = None, partition_info: Any = None) -> Any:
        """A tensor of a shape and dtype."""
        dtype = _dtypes.canonical(self.dtype if dtype is None else self._checked(dtype))
        return self._values(full(shape), dtype, partition_info)

    def _checked(self, dtype: DtypeLike) -> str:
        return _dtypes.standardize(dtype)

    def _values(self, shape: Shape, dtype: str, partition_info: Any) -> Any:
        """The tensor; each initializer has its own."""

    def get_config(self) -> dict[str, Any]:
        """What to make an equal one of."""
        return {"dtype": self.dtype}


class OfFloats(Initializer):
    """An initializer that knows floats only."""

    def _checked(self, dtype: DtypeLike) -> str:
        name = _dtypes.standardize(dtype)
        if not _dtypes.is_floating(name):
            raise errors.DtypeError(f"Argument `dtype` is expected to be floating point. Received: {name}.")
        return name


class Random(Initializer):
    """An initializer that draws numbers."""

    def __init__(self, seed: int | None, dtype: DtypeLike):
        super().__init__(dtype)
        self.seed = None if seed is None else _integer(seed)
        # As Keras does: drawing is a function of the object, and `keras.utils.set_random_seed` decides on the numbers.
        drawn = random.randrange(2**32) if self.seed is None else self.seed  # noqa: S311 - no secret
        # Keras' random functions take 32 bits of a seed.
        self._seed = drawn % 2**32

    def _uniform(self, shape: Shape, limit: float, dtype: str) -> Any:
        return keras.random.uniform(shape, -limit, limit, dtype=dtype, seed=self._seed)

    def _normal(self, shape: Shape, mean: float, stddev: float, dtype: str) -> Any:
        return keras.random.normal(shape, mean, stddev, dtype=dtype, seed=self._seed)

    def _truncated(self, shape: Shape, mean: float, stddev: float, dtype: str) -> Any:
        return keras.random.truncated_normal(shape, mean, stddev, dtype=dtype, seed=self._seed)

    def get_config(self) -> dict[str, Any]:
        """What to make an equal one of."""
        return {"seed": self.seed, **super().get_config()}


class RandomFloats(Random, OfFloats):
    """An initializer that draws floats."""


def full(shape: ShapeLike) -> Shape:
    """A shape without unknown dimensions."""
    known = _shapes.standardize(shape)
    if known is None or not _shapes.is_full(known):
        raise errors.InitializerError(
            f"The shape to initialize must be fully defined, but instead was {_shapes.spelled(known)}."
        )
    return known


def whole(shape: Shape, partition_info: Any) -> Shape:
    """The shape of the variable that a slice is part of."""
    return shape if partition_info is None else full(partition_info.full_shape)


def number(value: Any) -> Any:
    """A Python number, of one or of a tensor without dimensions."""
    return np.asarray(value).item()


def _integer(seed: Any) -> int:
    try:
        return operator.index(seed)
    except TypeError:
        raise errors.OptionTypeError(f"The seed must be an int or None, while get {seed!r}") from None
