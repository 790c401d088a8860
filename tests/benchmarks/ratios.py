"""The figures of a run: kscope's time beside another's, the ratio, and the target it is held against."""

from __future__ import annotations

import dataclasses
import json
import platform
from importlib import metadata
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any

from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["Comparison", "table", "versions", "write"]

PACKAGES = ("keras", "tensorflow-cpu", "tensorflow", "jax", "torch", "dm-haiku", "numpy")


@dataclasses.dataclass(frozen=True)
class Comparison:
    """One thing done in two ways, in turns.

    Attributes:
        what: the thing.
        beside: the other way of doing it.
        count: how often it is done in a round.
        ours: seconds of each round of kscope.
        theirs: seconds of each round of the other way, the one before kscope's.
        at_least: the target, if it says how many times faster kscope has to be.
        at_most: the target, if it says how many times the other's time kscope may take.
    """

    what: str
    beside: str
    count: int
    ours: list[float]
    theirs: list[float]
    at_least: float | None = None
    at_most: float | None = None

    def ratios(self) -> list[float]:
        """The ratio of each round, in the direction of the target.

        The two times of a round lie a few milliseconds apart, so that what slows the machine down slows both.
        """
        return [self._directed(ours, theirs) for ours, theirs in zip(self.ours, self.theirs, strict=True)]

    def ratio(self) -> float:
        """The median of the rounds' ratios, which is what is held against the target."""
        return median(self.ratios())

    def ratio_of(self, summary: Callable[[list[float]], float]) -> float:
        """The ratio of two summaries of the rounds, such as their minima."""
        return self._directed(summary(self.ours), summary(self.theirs))

    def quartiles(self) -> tuple[float, float]:
        """Of the rounds' ratios: they tell noise from an effect."""
        low, _, high = quantiles(self.ratios(), n=4)
        return low, high

    def _directed(self, ours: float, theirs: float) -> float:
        return ours / theirs if self.at_least is None else theirs / ours

    def microseconds(self) -> tuple[float, float]:
        """What it takes once, as the median of the rounds."""
        return median(self.ours) / self.count * 1e6, median(self.theirs) / self.count * 1e6

    def target(self) -> str:
        """The target as it is written in the table."""
        if self.at_least is not None:
            return f">= {self.at_least:g}x faster"
        return "" if self.at_most is None else f"<= {self.at_most:.2f}"

    def met(self) -> bool | None:
        """Whether the target is met; `None` without one."""
        if self.at_least is not None:
            return self.ratio() >= self.at_least
        return None if self.at_most is None else self.ratio() <= self.at_most

    def cells(self) -> tuple[str, ...]:
        """The row of the table."""
        ours, theirs = self.microseconds()
        low, high = self.quartiles()
        ratio, within = f"{self.ratio():.4g}", f"{low:.4g} to {high:.4g}"
        verdict = {True: "yes", False: "NO", None: "information"}[self.met()]
        return self.what, self.beside, f"{ours:.2f}", f"{theirs:.2f}", ratio, within, self.target(), verdict

    def as_dict(self) -> dict[str, Any]:
        """The row of the file."""
        ours, theirs = self.microseconds()
        return {
            "what": self.what,
            "beside": self.beside,
            "kscope_us": ours,
            "other_us": theirs,
            "ratio": self.ratio(),
            "ratio_of_medians": self.ratio_of(median),
            "ratio_of_minima": self.ratio_of(min),
            "quartiles": self.quartiles(),
            "target": self.target(),
            "met": self.met(),
            "rounds": len(self.ours),
            "count": self.count,
        }


def versions() -> dict[str, str]:
    """Python and the installed packages that the figures depend on."""
    installed = {each.name.replace("_", "-"): each.version for each in metadata.distributions()}
    found = {name: installed[name] for name in PACKAGES if name in installed}
    return {"python": platform.python_version(), **found}


def table(backend: str, comparisons: list[Comparison]) -> Table:
    """All figures: medians over the rounds, of the time of one operation and of the ratio."""
    spelled = ", ".join(f"{name} {version}" for name, version in versions().items())
    drawn = Table(title=f"kscope on {backend} ({spelled})")
    for heading in ("what", "beside"):
        drawn.add_column(heading)
    for heading in ("kscope us", "other us", "ratio", "quartiles", "target", "met"):
        drawn.add_column(heading, justify="right", no_wrap=True)
    for comparison in comparisons:
        drawn.add_row(*comparison.cells())
    return drawn


def write(path: Path, backend: str, comparisons: list[Comparison]) -> None:
    """The same figures as JSON."""
    rows = [comparison.as_dict() for comparison in comparisons]
    path.write_text(json.dumps({"backend": backend, "versions": versions(), "rows": rows}, indent=2) + "\n")
