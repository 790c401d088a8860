"""What TF1's initializers have in common: a dtype of their own, a seed, and what they are called with."""

from __future__ import annotations

import math
import operator
import random
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from kscope import _registered, errors
from kscope._variables import dtypes, shapes
from kscope.initializers._draws.distributions import Integers, Law, Normal, Orthogonal, Shape, Uniform
from kscope.typing import DtypeLike, ShapeLike

__all__ = ["Initializer", "OfFloats", "Random", "RandomFloats", "full", "number", "registered", "whole"]

registered = _registered.registered("kscope.initializers")


class Initializer(keras.initializers.Initializer):
    """What all have in common: a dtype of their own, and what they are called with."""

    def __init__(self, dtype: DtypeLike = "float32"):
        self.dtype = self._checked(dtype)

    def __call__(self, shape: ShapeLike, dtype: DtypeLike = None, partition_info: Any = None) -> Any:
        """A tensor of a shape and dtype."""
        dtype = dtypes.canonical(self.dtype if dtype is None else self._checked(dtype))
        return self._values(full(shape), dtype, partition_info)

    def _checked(self, dtype: DtypeLike) -> str:
        return dtypes.standardize(dtype)

    def _values(self, shape: Shape, dtype: str, partition_info: Any) -> Any:
        """The tensor; each initializer has its own."""

    def get_config(self) -> dict[str, Any]:
        """What to make an equal one of."""
        return {"dtype": self.dtype}


class OfFloats(Initializer):
    """An initializer that knows floats only."""

    def _checked(self, dtype: DtypeLike) -> str:
        name = dtypes.standardize(dtype)
        if not dtypes.is_floating(name):
            raise errors.DtypeError(f"Argument `dtype` is expected to be floating point. Received: {name}.")
        return name


class Random(Initializer):
    """An initializer that draws numbers."""

    # What `law` answers, for a dtype that was checked; each initializer has its own.
    _law: Callable[[Shape, str], Law]

    def __init__(self, seed: int | None, dtype: DtypeLike):
        super().__init__(dtype)
        self.seed = None if seed is None else _integer(seed)
        # As Keras does: drawing is a function of the object, and `keras.utils.set_random_seed` decides on the numbers.
        drawn = random.randrange(2**32) if self.seed is None else self.seed  # noqa: S311 - no secret
        # Keras' random functions take 32 bits of a seed.
        self._seed = drawn % 2**32

    def law(self, shape: Shape, dtype: str) -> Law:
        """What a variable of that shape and dtype is drawn from."""
        return self._law(shape, self._checked(dtype))

    def _values(self, shape: Shape, dtype: str, partition_info: Any) -> Any:
        return self._draw(self._law(whole(shape, partition_info), dtype), shape, dtype)

    def _draw(self, law: Law, shape: Shape, dtype: str) -> Any:
        """Numbers of Keras' generator."""
        if isinstance(law, Orthogonal):
            return _orthogonal(law.gain, shape, dtype, self._seed)
        if isinstance(law, Integers):
            return keras.random.randint(shape, law.low, law.high, dtype=dtype, seed=self._seed)
        draw = {Uniform: keras.random.uniform, Normal: keras.random.normal}
        return draw.get(type(law), keras.random.truncated_normal)(shape, *law, dtype=dtype, seed=self._seed)

    def get_config(self) -> dict[str, Any]:
        """What to make an equal one of."""
        return {"seed": self.seed, **super().get_config()}


class RandomFloats(Random, OfFloats):
    """An initializer that draws floats."""


def _orthogonal(gain: float, shape: Shape, dtype: str, seed: int) -> Any:
    rows, columns = math.prod(shape[:-1]), shape[-1]
    if rows == 0 or columns == 0:
        return keras.ops.zeros(shape, dtype)
    # No backend decomposes 16-bit floats.
    working = dtype if dtype == "float64" else "float32"
    normal = keras.random.normal((max(rows, columns), min(rows, columns)), dtype=working, seed=seed)
    q, r = keras.ops.qr(normal)
    q = q * keras.ops.sign(keras.ops.diagonal(r))
    if rows < columns:
        q = keras.ops.transpose(q)
    return keras.ops.cast(gain * keras.ops.reshape(q, shape), dtype)


def full(shape: ShapeLike) -> Shape:
    """A shape without unknown dimensions."""
    known = shapes.standardize(shape)
    if known is None or not shapes.is_full(known):
        raise errors.InitializerError(
            f"The shape to initialize must be fully defined, but instead was {shapes.spelled(known)}."
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
