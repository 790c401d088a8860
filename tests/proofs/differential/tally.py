"""What the programs of a session were like: a generator that makes nothing but trivial ones would find nothing."""

from __future__ import annotations

from collections import Counter

from differential.compare import Comparison
from differential.observed import SeenError, SeenVariable, Steered, rebuilt
from differential.programs import Program

RARER = {"SeenGetter", "SeenCreator", "SeenWhole", "template called again"}


class Tally:
    """Counts of the programs that agreed: all, those in which a variable is got twice, those in which a step raises."""

    def __init__(self, seed: int, wanted: int):
        self.seed = seed
        self.wanted = wanted
        self.programs = 0
        self.sharing = 0
        self.raising = 0
        self.steps = 0
        self.rarer: Counter[str] = Counter()
        self.steered: Counter[str] = Counter()
        self._done: set[str] = set()

    def add(self, comparison: Comparison) -> None:
        """Count one program."""
        self.programs += 1
        self._done.add(repr(comparison.program))
        firsts: list[int] = []
        rebuilt(lambda node: firsts.append(node.first) if isinstance(node, SeenVariable) else None, _seen(comparison))
        self.sharing += len(set(firsts)) < len(firsts)
        self.raising += any(isinstance(step.seen, SeenError) for step in comparison.ours)
        self.steps += len(comparison.ours)
        self.rarer.update(_rarer(comparison))
        self.steered.update(step.seen.row for step in comparison.ours if isinstance(step.seen, Steered))

    def __contains__(self, program: Program) -> bool:
        return repr(program) in self._done  # not by `==`, which takes True for 1

    def __str__(self) -> str:
        return (
            f"differential: {self.programs} programs, seed {self.seed}; {self.steps} steps, "
            f"{self._percent(self.sharing)} share, {self._percent(self.raising)} raise, "
            f"{self.steered.total()} steps left out for listed exceptions"
        )

    def _percent(self, count: int) -> str:
        return f"{100 * count // self.programs} %"


def _rarer(comparison: Comparison) -> set[str]:
    """What a program may do well without, and should not always."""
    found: list[str] = []
    logs = tuple(step.log for step in comparison.ours)
    rebuilt(lambda node: found.append(type(node).__name__), (_seen(comparison), logs))
    calls = ["template called again" for step in comparison.ours if step.again]
    return {*found, *calls} & RARER


def _seen(comparison: Comparison) -> tuple[object, ...]:
    return tuple(step.seen for step in comparison.ours)
