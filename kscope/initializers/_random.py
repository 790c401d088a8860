"""TF1's initializers whose distribution does not depend on the shape, and the orthogonal one."""

# ruff: noqa: N801 - TF1's spelling

from __future__ import annotations

from typing import Any

from kscope import errors
from kscope._variables import dtypes
from kscope.initializers._base import Random, RandomFloats, number, registered
from kscope.initializers._draws.distributions import (
    Distribution,
    Integers,
    Normal,
    Orthogonal,
    Shape,
    Truncated,
    Uniform,
)
from kscope.typing import DtypeLike

__all__ = [
    "orthogonal_initializer",
    "random_normal_initializer",
    "random_uniform_initializer",
    "truncated_normal_initializer",
]


@registered
class random_uniform_initializer(Random):
    """Random numbers from a uniform distribution over `[minval, maxval)`.

    Args:
        minval: number. The lower bound, included.
        maxval: number. The upper bound, excluded. Defaults to 1 for floats; required for integers.
        seed: int. Seed of the numbers.
        dtype: float or integer dtype of the values, if the call gives none.

    Raises:
        DtypeError: for a dtype that is neither a float nor an integer.
        OptionError: for integers, if there is no `maxval`, or `minval` is not below it.
        OptionTypeError: for integers, if a bound is not an integer.

    Example:
    >>> initializer = kscope.initializers.random_uniform_initializer(5, 6, dtype="int32")
    >>> keras.ops.convert_to_numpy(initializer([2])).tolist()
    [5, 5]
    """

    def __init__(self, minval: Any = 0.0, maxval: Any = None, seed: int | None = None, dtype: DtypeLike = "float32"):
        super().__init__(seed, dtype)
        self.minval = number(minval)
        self.maxval = None if maxval is None else number(maxval)

    def _checked(self, dtype: DtypeLike) -> str:
        name = dtypes.standardize(dtype)
        if "int" not in name and not dtypes.is_floating(name):
            raise errors.DtypeError(f"Argument `dtype` got invalid value {name}. Accepted dtypes are floats and ints.")
        return name

    def _distribution_for(self, _: Shape, dtype: str) -> Distribution:
        if dtypes.is_floating(dtype):
            return Uniform(self.minval, 1.0 if self.maxval is None else self.maxval)
        if self.maxval is None:
            raise errors.OptionError(f"Must specify maxval for integer dtype {dtype}")
        for bound in (self.minval, self.maxval):
            if int(bound) != bound:
                raise errors.OptionTypeError(f"Expected {dtype}, but got {bound} of type {type(bound).__name__!r}.")
        if self.minval >= self.maxval:
            raise errors.OptionError(f"Need minval < maxval, got {self.minval} >= {self.maxval}")
        return Integers(int(self.minval), int(self.maxval))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments, for `from_config`."""
        return {"minval": self.minval, "maxval": self.maxval, **super().get_config()}


class _OfMoments(RandomFloats):
    """An initializer with the parameters mean and standard deviation."""

    def __init__(self, mean: Any = 0.0, stddev: Any = 1.0, seed: int | None = None, dtype: DtypeLike = "float32"):
        super().__init__(seed, dtype)
        self.mean = number(mean)
        self.stddev = number(stddev)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments, for `from_config`."""
        return {"mean": self.mean, "stddev": self.stddev, **super().get_config()}


@registered
class random_normal_initializer(_OfMoments):
    """Random numbers from a normal distribution.

    Args:
        mean: number.
        stddev: number. The standard deviation. Defaults to 1, unlike in Keras (0.05).
        seed: int. Seed of the numbers.
        dtype: float dtype of the values, if the call gives none.

    Raises:
        DtypeError: if a dtype is not a float.

    Example:
    >>> initializer = kscope.initializers.random_normal_initializer(stddev=0.0, mean=2.0)
    >>> keras.ops.convert_to_numpy(initializer([2])).tolist()
    [2.0, 2.0]
    """

    def _distribution_for(self, _shape: Shape, _dtype: str) -> Distribution:
        return Normal(self.mean, self.stddev)


@registered
class truncated_normal_initializer(_OfMoments):
    """Random numbers from a normal distribution that is truncated at two standard deviations from its mean.

    The standard deviation of the numbers is about 0.88 times `stddev`.

    Args:
        mean: number.
        stddev: number. The standard deviation before the truncation. Defaults to 1, unlike in Keras (0.05).
        seed: int. Seed of the numbers.
        dtype: float dtype of the values, if the call gives none.

    Raises:
        DtypeError: if a dtype is not a float.

    Example:
    >>> values = kscope.initializers.truncated_normal_initializer(stddev=0.1)([100])
    >>> bool(keras.ops.max(keras.ops.abs(values)) <= 0.2)
    True
    """

    def _distribution_for(self, _shape: Shape, _dtype: str) -> Distribution:
        return Truncated(self.mean, self.stddev)


@registered
class orthogonal_initializer(RandomFloats):
    """A random orthogonal matrix, from the QR decomposition of normal numbers (Saxe et al., 2014).

    All dimensions but the last are rows. The columns are orthonormal; or the rows, if there are fewer of them.

    Args:
        gain: float. Factor of the matrix.
        seed: int. Seed of the numbers.
        dtype: float dtype of the values, if the call gives none.

    Raises:
        DtypeError: if a dtype is not a float.
        ShapeValueError: when it is called, if a shape has fewer than two dimensions.

    Example:
    >>> q = keras.ops.convert_to_numpy(kscope.initializers.orthogonal_initializer()([3, 2]))
    >>> bool(np.allclose(q.T @ q, np.eye(2), atol=1e-5))
    True
    """

    def __init__(self, gain: float = 1.0, seed: int | None = None, dtype: DtypeLike = "float32"):
        super().__init__(seed, dtype)
        self.gain = gain

    def _values(self, shape: Shape, dtype: str, _: Any) -> Any:
        # Each slice is an orthogonal matrix, as in TF1; with `set_seed`, the whole is one.
        return self._draw(self._distribution_for(shape, dtype), shape, dtype)

    def _distribution_for(self, shape: Shape, _: str) -> Distribution:
        if len(shape) < 2:
            raise errors.ShapeValueError(
                "The tensor to initialize, specified by argument `shape` must be at least two-dimensional. "
                f"Received shape={shape}"
            )
        return Orthogonal(self.gain)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments, for `from_config`."""
        return {"gain": self.gain, **super().get_config()}
