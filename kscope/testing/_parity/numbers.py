"""Arrays of several backends: the worst difference, what it may be, and the first place where it is more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

__all__ = ["Difference", "scale", "worst"]

Array = np.ndarray[Any, Any]

# Below it floats are denormal, and some compilers take them for zero.
_SMALLEST = float(np.finfo(np.float32).tiny)
# How much of the size of an array's kin counts as its own: what is zero but for rounding, such as the gradient of an
# attention's key bias, is as rough as they are.
_KIN = 0.1


@dataclass(frozen=True)
class Difference:
    """How two arrays differ, the two that differ most.

    Attributes:
        backends: whose they are.
        worst: the largest absolute difference, in parts of what is allowed there.
        allowed: the absolute difference that is allowed there.
        index: the first place where it is more than allowed; the worst place if there is none.
    """

    backends: tuple[str, str]
    worst: float
    allowed: float
    index: tuple[int, ...]
    agree: bool


def scale(arrays: Mapping[str, Array]) -> float:
    """The size of an array's numbers on all backends: the root of their mean square."""
    sizes = [_root_mean_square(array) for array in arrays.values() if array.dtype.kind in "fc"]
    return max(sizes, default=0.0)


def _root_mean_square(array: Array) -> float:
    finite = np.abs(array[np.isfinite(array)]).astype("float64")
    return float(np.sqrt(np.mean(np.square(finite)))) if finite.size else 0.0


def worst(arrays: Mapping[str, Array], tolerance: float, kin: float = 0.0) -> Difference:
    """Compare each two of several arrays of one shape.

    A difference may be as large as `tolerance` times the number itself and the size of the whole array: terms that
    cancel each other out leave an error of the size that they had.

    Args:
        arrays: an array for each backend.
        tolerance: float. A relative one; with zero they have to be equal.
        kin: the size of the arrays that came of the same computation.

    Returns:
        The difference of the two arrays that differ most, relative to what is allowed.

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
    """Absolute differences; none where both are the same infinity, or both no number at all."""
    if one.dtype.kind not in "fc" or other.dtype.kind not in "fc":
        # Integers of any size, bools and text are equal or not.
        return np.where(one == other, 0.0, np.inf) if one.dtype.kind in "USb" else _integers(one, other)
    with np.errstate(invalid="ignore", over="ignore"):
        found = np.abs(one.astype(np.result_type(one, "float64")) - other)
    same = (one == other) | (np.isnan(one) & np.isnan(other))
    return np.where(same, 0.0, np.where(np.isnan(found), np.inf, found)).astype("float64")


def _integers(one: Array, other: Array) -> Array:
    return np.where(one == other, 0.0, np.abs(one.astype("float64") - other.astype("float64")))
