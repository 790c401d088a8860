"""How far two backends may be apart, by dtype and by what is compared, with the reason.

No two backends round alike: they sum in other orders, and fuse or approximate other operations. What follows are
bounds on rounding for well-conditioned layers; a wrong formula is off by orders of magnitude more.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from kscope.testing._errors import CaseError

__all__ = ["KINDS", "Tolerances", "coarsest"]

KINDS = ("outputs", "losses", "gradients", "training")
# What a gradient goes into is summed up over the positions of the inputs, too.
_BACKWARD = ("gradients", "training")

# The distance from 1 to the next number, widest first.
_EPSILON = {"float64": 2.0**-52, "float32": 2.0**-23, "float16": 2.0**-10, "bfloat16": 2.0**-7}
# In parts of an epsilon: fused and approximated functions (tanh, exp) are off by a few before anything is added.
_SLACK = 16
# Sums of 16-bit floats are formed in float32; what is left is one rounding after each operation.
_SLACK_16 = 4
_FEWEST_TERMS = 16


def coarsest(dtypes: Iterable[str]) -> str:
    """The dtype that rounds most; any other one rounds less than a float."""
    return max(dtypes, key=lambda dtype: _EPSILON.get(dtype, 0.0))


@dataclass(frozen=True)
class Tolerances:
    """The tolerances of one comparison.

    Attributes:
        terms: int. How many numbers are summed up on the way to an output: the fan-in of all weights together.
        positions: int. Over how many positions of the inputs a gradient is summed up.
        weights: int. How many weights there are, for the depth of the layer.
        compute: the dtypes that the layer computes in; what comes of a coarse one is coarse in any dtype.
        steps: int. The training steps; each starts from the errors of those before.
        given: tolerances of the user's, by kind or dtype.

    Raises:
        CaseError: if a given tolerance is of an unknown kind or dtype, or is not a number.
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
        """The relative tolerance of what is compared, zero for what is no float.

        Args:
            kind: one of `KINDS`.
            dtype: the dtype of what is compared.

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
        """Why a tolerance is what it is, for the report."""
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
