"""Compare arrays of several backends: the worst difference, the allowed one, and the first place that exceeds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

__all__ = ["Difference", "scale", "worst"]

Array = np.ndarray[Any, Any]

# Smaller floats are denormal, and some compilers round them to zero.
_SMALLEST = float(np.finfo(np.float32).tiny)
# An array counts as having at least this part of the size of the other arrays from its computation: one that is zero
# except for rounding, such as the gradient of an attention's key bias, has rounding errors of their size.
_KIN = 0.1


@dataclass(frozen=True)
class Difference:
    """The difference between two arrays: of all pairs, the one that differs most.

    Attributes:
        backends: the backends of the two arrays.
        worst: the absolute difference at the worst place: where it is largest relative to what is allowed.
        allowed: the absolute difference that is allowed at that place.
        index: the first place where the difference is not allowed; without one, the place of the worst.
        agree: whether all differences are allowed.
    """

    backends: tuple[str, str]
    worst: float
    allowed: float
    index: tuple[int, ...]
    agree: bool


def scale(arrays: Mapping[str, Array]) -> float:
    """Return the size of an array: the root mean square of its numbers, on the backend where it is largest."""
    sizes = [_root_mean_square(array) for array in arrays.values() if array.dtype.kind in "fc"]
    return max(sizes, default=0.0)


def _root_mean_square(array: Array) -> float:
    finite = np.abs(array[np.isfinite(array)]).astype("float64")
    return float(np.sqrt(np.mean(np.square(finite)))) if finite.size else 0.0


def worst(arrays: Mapping[str, Array], tolerance: float, kin: float = 0.0) -> Difference:
    """Compare each pair of several arrays of one shape.

    A difference may be as large as `tolerance` times the sum of the number's size and the size of the whole array:
    terms that cancel each other leave a rounding error of their own size.

    Args:
        arrays: an array for each backend.
        tolerance: float. The relative tolerance. With zero, the arrays have to be equal.
        kin: the largest size of an array that comes from the same computation.

    Returns:
        The difference between the two arrays that differ most, relative to the allowed difference.

    Example:
    >>> found = worst({"jax": np.array([1.0, 2.0]), "torch": np.array([1.0, 2.5])}, tolerance=0.01)
    >>> found.agree, found.index, found.worst
    (False, (1,), 0.5)
    """
    size = max(scale(arrays), _KIN * kin)
    pairs = [_pair(one, other, arrays, tolerance, size) for one, other in combinations(arrays, 2)]
    return max(pairs, key=lambda pair: pair[0])[1]


def _pair(one: str, other: str, arrays: Mapping[str, Array], tolerance: float, size: float) -> tuple[float, Difference]:
    differences = _differences(arrays[one], arrays[other])
    if differences.size == 0:
        return 0.0, Difference((one, other), 0.0, 0.0, (), True)
    allowed = np.zeros_like(differences)
    if tolerance:
        larger = np.fmax(*(np.where(np.isfinite(arrays[name]), np.abs(arrays[name]), 0.0) for name in (one, other)))
        allowed = tolerance * (larger.astype("float64") + size) + _SMALLEST
    excess = np.where(differences > 0, differences / np.maximum(allowed, _SMALLEST), 0.0)
    place = int(np.argmax(excess))
    over = np.flatnonzero(differences > allowed)
    index = np.unravel_index(int(over[0]) if over.size else place, differences.shape)
    numbers = (float(differences.flat[place]), float(allowed.flat[place]))
    return float(excess.flat[place]), Difference((one, other), *numbers, tuple(map(int, index)), not over.size)


def _differences(one: Array, other: Array) -> Array:
    """Return absolute differences: zero where both are the same infinity or both NaN, infinity where one is NaN."""
    if one.dtype.kind not in "fc" or other.dtype.kind not in "fc":
        # Text and bools are equal or not; integers are compared without rounding first.
        return np.where(one == other, 0.0, np.inf) if one.dtype.kind in "USb" else _integers(one, other)
    with np.errstate(invalid="ignore", over="ignore"):
        found = np.abs(one.astype(np.result_type(one, "float64")) - other)
    same = (one == other) | (np.isnan(one) & np.isnan(other))
    return np.where(same, 0.0, np.where(np.isnan(found), np.inf, found)).astype("float64")


def _integers(one: Array, other: Array) -> Array:
    return np.where(one == other, 0.0, np.abs(one.astype("float64") - other.astype("float64")))
