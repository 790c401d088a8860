"""Tolerances: how much two backends may differ, by dtype and kind of result, with the reason.

No two backends round alike: they sum in other orders, and fuse or approximate other operations. The tolerances are
bounds on rounding for well-conditioned layers. The error of a wrong formula is larger by orders of magnitude.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from kscope.testing._errors import CaseError

__all__ = ["KINDS", "Tolerances", "coarsest"]

KINDS = ("outputs", "losses", "gradients", "training")
# These kinds contain gradients, which are summed over the positions of the inputs, too.
_BACKWARD = ("gradients", "training")

# The distance from 1 to the next number, widest first.
_EPSILON = {"float64": 2.0**-52, "float32": 2.0**-23, "float16": 2.0**-10, "bfloat16": 2.0**-7}
# In epsilons: fused or approximated functions (tanh, exp) differ by a few of them before anything is summed.
_SLACK = 16
# Sums of 16-bit floats are computed in float32, so that each operation rounds once.
_SLACK_16 = 4
_FEWEST_TERMS = 16


def coarsest(dtypes: Iterable[str]) -> str:
    """Return the dtype that rounds most. Dtypes that are not floats do not round."""
    return max(dtypes, key=lambda dtype: _EPSILON.get(dtype, 0.0))


@dataclass(frozen=True)
class Tolerances:
    """The tolerances of one comparison.

    Attributes:
        terms: int. The number of terms that are summed for an output: the sum of the fan-ins of all weights.
        positions: int. The number of positions of the inputs over which a gradient is summed.
        weights: int. The number of weights, as a measure of the depth of the layer.
        compute: the dtypes in which the layer computes. A result of a coarse one stays coarse in any dtype.
        steps: int. The number of training steps. Each step starts with the errors of the steps before.
        given: the user's tolerances, by kind or dtype.

    Raises:
        CaseError: if a tolerance is given for an unknown kind or dtype, or is not a number of at least zero.
    """

    terms: int = _FEWEST_TERMS
    positions: int = 1
    weights: int = 1
    compute: Iterable[str] = ()
    steps: int = 0
    given: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for key, value in self.given.items():
            if key not in (*KINDS, *_EPSILON):
                known = ", ".join((*KINDS, *_EPSILON))
                raise CaseError(f"tolerances are given for one of {known}. Received: {key!r}")
            if not isinstance(value, float | int) or not value >= 0:
                raise CaseError(f"A tolerance is a number of at least zero. Received: tolerances[{key!r}]={value!r}")

    def of(self, kind: str, dtype: str) -> float:
        """Return the relative tolerance of a result: zero if `dtype` is not a float.

        Args:
            kind: one of `KINDS`.
            dtype: the dtype of the result.

        Example:
        >>> Tolerances(terms=64).of("outputs", "float32") == 16 * 2**-23 * 8
        True
        >>> Tolerances().of("outputs", "int32")
        0.0
        """
        if dtype not in _EPSILON:
            return 0.0
        rounded = coarsest([dtype, *self.compute])
        for key in (kind, rounded):
            if key in self.given:
                return float(self.given[key])
        return self._rounding(rounded, kind)

    def reason(self, kind: str, dtype: str) -> str:
        """Return a tolerance and the reason for its size, for the report."""
        rounded = coarsest([dtype, *self.compute])
        if kind in self.given or rounded in self.given:
            return f"{kind}: {self.of(kind, dtype):.1e}, as given"
        why = f"rounding of sums of {self.terms} terms{self._over(kind)} in another order grows with their root"
        if "16" in rounded:
            why = f"each operation rounds to 16 bits, which grows with the root of the {self.weights} weights"
        steps = f", and with each of {self.steps} steps" if kind == "training" else ""
        return f"{kind}: {self.of(kind, dtype):.1e} for {rounded}, epsilon {_EPSILON[rounded]:.1e}: {why}{steps}"

    def _over(self, kind: str) -> str:
        return f", over {self.positions} positions," if kind in _BACKWARD else ""

    def _rounding(self, dtype: str, kind: str) -> float:
        terms = max(self.terms, _FEWEST_TERMS) + (self.positions if kind in _BACKWARD else 0)
        growth = _SLACK_16 * math.sqrt(max(self.weights, 1)) if "16" in dtype else _SLACK * math.sqrt(terms)
        return _EPSILON[dtype] * growth * (1 + self.steps if kind == "training" else 1)
