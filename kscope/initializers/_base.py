"""The base classes of TF1's initializers: their default dtype, their seed, and the arguments of their call."""

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
from kscope.initializers._draws.distributions import Distribution, Integers, Normal, Orthogonal, Shape, Uniform
from kscope.typing import DtypeLike, ShapeLike

__all__ = ["Initializer", "OfFloats", "Random", "RandomFloats", "full", "number", "registered", "whole"]

registered = _registered.registered("kscope.initializers")


class Initializer(keras.initializers.Initializer):
    """The base class of all: a default dtype, and the arguments of the call."""

    def __init__(self, dtype: DtypeLike = "float32"):
        self.dtype = self._checked(dtype)

    def __call__(self, shape: ShapeLike, dtype: DtypeLike = None, partition_info: Any = None) -> Any:
        """Return a tensor of that shape and dtype."""
        dtype = dtypes.canonical(self.dtype if dtype is None else self._checked(dtype))
        return self._values(full(shape), dtype, partition_info)

    def _checked(self, dtype: DtypeLike) -> str:
        return dtypes.standardize(dtype)

    def _values(self, shape: Shape, dtype: str, partition_info: Any) -> Any:
        """Return the tensor; each initializer overrides this."""

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments, for `from_config`."""
        return {"dtype": self.dtype}


class OfFloats(Initializer):
    """An initializer for floats only."""

    def _checked(self, dtype: DtypeLike) -> str:
        name = dtypes.standardize(dtype)
        if not dtypes.is_floating(name):
            raise errors.DtypeError(f"Argument `dtype` is expected to be floating point. Received: {name}.")
        return name


class Random(Initializer):
    """An initializer that draws numbers."""

    # Returns the distribution for a checked dtype; each initializer overrides it.
    _distribution_for: Callable[[Shape, str], Distribution]

    def __init__(self, seed: int | None, dtype: DtypeLike):
        super().__init__(dtype)
        self.seed = None if seed is None else _integer(seed)
        # As in Keras: an object draws the same numbers at each call, and `keras.utils.set_random_seed` controls them.
        drawn = random.randrange(2**32) if self.seed is None else self.seed  # noqa: S311 - no secret
        # Keras' random functions accept seeds of 32 bits.
        self._seed = drawn % 2**32

    def distribution_for(self, shape: Shape, dtype: str) -> Distribution:
        """Return the distribution for a variable of that shape and dtype."""
        return self._distribution_for(shape, self._checked(dtype))

    def _values(self, shape: Shape, dtype: str, partition_info: Any) -> Any:
        return self._draw(self._distribution_for(whole(shape, partition_info), dtype), shape, dtype)

    def _draw(self, distribution: Distribution, shape: Shape, dtype: str) -> Any:
        """Draw from a distribution with Keras' random functions."""
        if isinstance(distribution, Orthogonal):
            return _orthogonal(distribution.gain, shape, dtype, self._seed)
        if isinstance(distribution, Integers):
            return keras.random.randint(shape, distribution.low, distribution.high, dtype=dtype, seed=self._seed)
        draw = {Uniform: keras.random.uniform, Normal: keras.random.normal}
        return draw.get(type(distribution), keras.random.truncated_normal)(
            shape, *distribution, dtype=dtype, seed=self._seed
        )

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments, for `from_config`."""
        return {"seed": self.seed, **super().get_config()}


class RandomFloats(Random, OfFloats):
    """An initializer that draws floats."""


def _orthogonal(gain: float, shape: Shape, dtype: str, seed: int) -> Any:
    rows, columns = math.prod(shape[:-1]), shape[-1]
    if rows == 0 or columns == 0:
        return keras.ops.zeros(shape, dtype)
    # No backend has a QR decomposition of 16-bit floats.
    working = dtype if dtype == "float64" else "float32"
    normal = keras.random.normal((max(rows, columns), min(rows, columns)), dtype=working, seed=seed)
    q, r = keras.ops.qr(normal)
    q = q * keras.ops.sign(keras.ops.diagonal(r))
    if rows < columns:
        q = keras.ops.transpose(q)
    return keras.ops.cast(gain * keras.ops.reshape(q, shape), dtype)


def full(shape: ShapeLike) -> Shape:
    """Return a shape as a tuple of ints; raise an error if a dimension is unknown."""
    known = shapes.standardize(shape)
    if known is None or not shapes.is_full(known):
        raise errors.InitializerError(
            f"The shape to initialize must be fully defined, but instead was {shapes.spelled(known)}."
        )
    return known


def whole(shape: Shape, partition_info: Any) -> Shape:
    """Return the shape of the whole variable: that of `partition_info`, or `shape` if there are no slices."""
    return shape if partition_info is None else full(partition_info.full_shape)


def number(value: Any) -> Any:
    """Return a Python number, from a number or a scalar tensor."""
    return np.asarray(value).item()


def _integer(seed: Any) -> int:
    try:
        return operator.index(seed)
    except TypeError:
        raise errors.OptionTypeError(f"The seed must be an int or None, while get {seed!r}") from None
