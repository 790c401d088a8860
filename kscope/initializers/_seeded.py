"""Initial values that follow from a seed and a name, and are the same on every backend.

Initializers of Keras and of kscope are recognized by their exact class, because a subclass may draw other numbers. All
other initializers draw as they do without a seed.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from kscope._variables import dtypes
from kscope._variables.slices import PartitionInfo
from kscope._variables.variable import NumpyInitializer
from kscope.initializers import _initial_value
from kscope.initializers._base import Random, number, whole
from kscope.initializers._draws import distributions, philox, seeds
from kscope.initializers._draws.distributions import Distribution, Normal, Orthogonal, Part, Shape, Truncated, Uniform
from kscope.initializers._draws.from_bits import Array
from kscope.initializers._function import Seeded
from kscope.initializers._variance_scaling import TRUNCATED, fans, units

__all__ = ["Drawing", "drawing", "state"]


class Drawing(NumpyInitializer):
    """An initializer that draws the same numbers at each call; for a slice, its part of the whole variable's."""

    __slots__ = ("_draw", "_info")

    def __init__(self, draw: Callable[[Shape, str, Part | None], Array], info: PartitionInfo | None):
        self._draw = draw
        self._info = info

    def __call__(self, shape: Shape, dtype: str) -> Array:
        """Return a new NumPy array of that shape and dtype."""
        part = None if self._info is None else (tuple(self._info.var_offset), tuple(shape))
        return self._draw(whole(shape, self._info), dtype, part)


def drawing(
    name: str, initializer: Any, seed: int, shape: Shape, dtype: str, info: PartitionInfo | None
) -> Drawing | None:
    """Return the seeded initializer of a new variable, or `None` if `initializer` itself has to be used.

    Args:
        name: scoped name of the variable; for a slice, of the whole variable.
        initializer: a callable.
        seed: seed of the store.
        shape: shape of the variable or slice.
        dtype: dtype of the variable.
        info: place of a slice in the whole variable.
    """
    key = seeds.key_of_name(seed, name)
    if type(initializer) is Seeded:
        return Drawing(functools.partial(_by_function, name, initializer, key), info)
    distribution = _distribution_for(initializer, whole(shape, info), dtype)
    if distribution is None:
        return None
    given = initializer.get_config()["seed"]
    if given is not None:
        if not isinstance(given, int):
            # A `SeedGenerator`, whose state decides on the numbers.
            return None
        key = seeds.key_of_seed(given)
    return Drawing(functools.partial(distributions.draw, distribution, key), info)


def state(name: str, seed: int, numbers: Array) -> Array:
    """Return the seeded first state of a layer's random generator: a seed below 2**31, and a counter that is 0."""
    return np.array([seeds.key_of_name(seed, name) % 2**31, 0], numbers.dtype)


def _by_function(name: str, initializer: Seeded, key: int, shape: Shape, dtype: str, part: Part | None) -> Array:
    value = initializer.function(philox.generator(key), shape, dtype)
    value = keras.ops.convert_to_numpy(_initial_value.fitting(name, initializer, value, shape, dtype))
    value = value if part is None else distributions.cut(value, part)
    return np.array(value, dtypes.as_numpy(dtype), order="C")


def _distribution_for(initializer: Any, shape: Shape, dtype: str) -> Distribution | None:
    if isinstance(initializer, Random):
        ours = type(initializer).__module__.startswith("kscope.")
        return initializer.distribution_for(shape, dtype) if ours else None
    distribution = _OF_KERAS.get(type(initializer))
    # For other dtypes, Keras raises its own error.
    return distribution(initializer, shape) if distribution is not None and dtypes.is_floating(dtype) else None


def _uniform(initializer: Any, _: Shape) -> Distribution:
    return Uniform(number(initializer.minval), number(initializer.maxval))


def _normal(initializer: Any, _: Shape) -> Distribution:
    return Normal(number(initializer.mean), number(initializer.stddev))


def _truncated(initializer: Any, _: Shape) -> Distribution:
    return Truncated(number(initializer.mean), number(initializer.stddev))


def _orthogonal(initializer: Any, shape: Shape) -> Distribution | None:
    # For a vector, Keras raises its own error.
    return Orthogonal(initializer.gain) if len(shape) > 1 else None


def _scaled(initializer: Any, shape: Shape) -> Distribution:
    variance = initializer.scale / max(1.0, units(initializer.mode, *_fans(initializer, shape)))
    if initializer.distribution == "uniform":
        limit = math.sqrt(3.0 * variance)
        return Uniform(-limit, limit)
    if initializer.distribution == "untruncated_normal":
        return Normal(0.0, math.sqrt(variance))
    return Truncated(0.0, math.sqrt(variance) / TRUNCATED)


def _fans(initializer: Any, shape: Shape) -> tuple[int, int]:
    inputs, outputs = initializer.input_axes, initializer.output_axes
    if inputs is None or outputs is None:
        return fans(shape)
    return math.prod(shape[axis] for axis in inputs), math.prod(shape[axis] for axis in outputs)


_OF_KERAS: dict[type, Callable[[Any, Shape], Distribution | None]] = {
    keras.initializers.RandomUniform: _uniform,
    keras.initializers.RandomNormal: _normal,
    keras.initializers.TruncatedNormal: _truncated,
    keras.initializers.Orthogonal: _orthogonal,
    keras.initializers.VarianceScaling: _scaled,
    keras.initializers.GlorotNormal: _scaled,
    keras.initializers.GlorotUniform: _scaled,
    keras.initializers.HeNormal: _scaled,
    keras.initializers.HeUniform: _scaled,
    keras.initializers.LecunNormal: _scaled,
    keras.initializers.LecunUniform: _scaled,
}
