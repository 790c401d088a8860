"""Distributions with their parameters, as data, and NumPy arrays of numbers that are drawn from them.

Floats of 16 and 8 bits are the rounded float32 numbers; float64 numbers are the float32 numbers with more digits. So
the dtype changes only the precision of the numbers.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from kscope._variables import dtypes
from kscope.initializers._draws import from_bits, philox
from kscope.initializers._draws.from_bits import Array

__all__ = ["Distribution", "Integers", "Normal", "Orthogonal", "Part", "Shape", "Truncated", "Uniform", "cut", "draw"]

Shape = tuple[int, ...]
# The start and the shape of a part of an array.
Part = tuple[Shape, Shape]


class Uniform(NamedTuple):
    """Uniform floats in `[low, high)`."""

    low: float
    high: float

    def numbers(self, key: int, dtype: str, start: int, stop: int) -> Array:
        """Return the numbers of the places from `start` to before `stop`."""
        numbers = philox.numbers(from_bits.uniform, key, dtype, start, stop)
        numbers *= self.high - self.low
        numbers += self.low
        # A number just below the bound may be rounded to it.
        low, high = numbers.dtype.type(self.low), numbers.dtype.type(self.high)
        return np.clip(numbers, *sorted((low, np.nextafter(high, low))), out=numbers)


class Normal(NamedTuple):
    """Floats of a normal distribution."""

    mean: float
    stddev: float

    def numbers(self, key: int, dtype: str, start: int, stop: int) -> Array:
        """Return the numbers of the places from `start` to before `stop`."""
        return _moved(philox.numbers(from_bits.normal, key, dtype, start, stop), self.mean, self.stddev)


class Truncated(NamedTuple):
    """Floats of a normal distribution that is truncated at two of its standard deviations, `stddev`."""

    mean: float
    stddev: float

    def numbers(self, key: int, dtype: str, start: int, stop: int) -> Array:
        """Return the numbers of the places from `start` to before `stop`."""
        return _moved(philox.numbers(from_bits.truncated, key, dtype, start, stop), self.mean, self.stddev)


class Integers(NamedTuple):
    """Uniform ints in `[low, high)`."""

    low: int
    high: int

    def numbers(self, key: int, _: str, start: int, stop: int) -> Array:
        """Return the numbers of the places from `start` to before `stop`.

        Their probabilities differ by the fraction `(high - low) / 2**64` at most.
        """
        span = np.uint64(self.high - self.low)
        # Ints of 64 bits wrap around, so the sum is right when it is converted to a signed int.
        low = np.uint64(self.low % 2**64)
        return philox.numbers(lambda words: words % span + low, key, "uint64", start, stop)


class Orthogonal(NamedTuple):
    """A matrix with orthonormal columns, or rows if there are fewer; all dimensions but the last are rows."""

    gain: float

    def whole(self, key: int, shape: Shape) -> Array:
        """Return the matrix, from the QR decomposition of normal numbers (Saxe et al., 2014).

        It is computed in 64 bits: the results of different LAPACK libraries differ in the last digits, which are
        rounded away.
        """
        rows, columns = math.prod(shape[:-1]), shape[-1]
        normal = Normal(0.0, 1.0).numbers(key, "float64", 0, rows * columns)
        q, r = np.linalg.qr(normal.reshape(max(rows, columns), min(rows, columns)))
        q *= np.sign(np.diagonal(r))
        return self.gain * (q.T if rows < columns else q).reshape(shape)


Distribution = Uniform | Normal | Truncated | Integers | Orthogonal


def draw(distribution: Distribution, key: int, shape: Shape, dtype: str, part: Part | None = None) -> Array:
    """Return the array of that shape and dtype that follows from a key, or a part of it."""
    begin, size = part or ((0,) * len(shape), shape)
    if isinstance(distribution, Orthogonal):
        values = distribution.whole(key, shape)
    else:
        # Rows are contiguous, so the rows before and after the part are not drawn.
        row = math.prod(shape[1:])
        start, rows = (begin[0], size[0]) if shape else (0, 1)
        working = "float64" if dtype == "float64" else "float32"
        values = distribution.numbers(key, working, start * row, (start + rows) * row).reshape((*size[:1], *shape[1:]))
        begin = (0, *begin[1:])[: len(shape)]
    return np.asarray(cut(values, (begin, size)), dtypes.as_numpy(dtype), order="C")


def cut(values: Array, part: Part) -> Array:
    """Return a view of a part of an array."""
    return values[tuple(slice(first, first + length) for first, length in zip(*part, strict=True))]


def _moved(numbers: Array, mean: float, stddev: float) -> Array:
    numbers *= stddev
    if mean:
        numbers += mean
    return numbers
