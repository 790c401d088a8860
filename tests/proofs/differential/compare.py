"""Running a program by both libraries, and what tells the two runs apart."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from functools import partial
from itertools import zip_longest

from differential import exceptions
from differential.libraries import TF1, Kscope
from differential.machine import Machine
from differential.observed import SeenError, Step
from differential.programs import Program

# The errors whose first sentence is TF1's; of the others only the built-in class is.
SAME_WORDING = frozenset(
    {
        "CollectionsError",
        "ConstantDtypeError",
        "ConstantShapeError",
        "DtypeMismatchError",
        "GetterError",
        "InitializerError",
        "ReuseError",
        "ScopeNameError",
        "ScopeTypeError",
        "ShapeMismatchError",
        "VariableExistsError",
        "VariableMissingError",
    }
)


@dataclass(frozen=True)
class Comparison:
    """Both runs of one program."""

    program: Program
    theirs: list[Step]
    ours: list[Step]
    without: AbstractSet[str]

    def difference(self) -> str | None:
        """The first step that differs, in words."""
        for number, (theirs, ours) in enumerate(zip_longest(self.theirs, self.ours)):
            if theirs is None or ours is None or not self._agree(theirs, ours):
                facts = "\n".join(f"  {label}: {_told(step)}" for label, step in (("TF1", theirs), ("kscope", ours)))
                return f"Step {number} differs: {(ours or theirs).statement!r}\n{facts}"
        return None

    def _agree(self, theirs: Step, ours: Step) -> bool:
        if theirs == ours:
            return True
        theirs, ours = (exceptions.level(step, self.without) for step in (theirs, ours))
        return _worded_alike(theirs, ours) == _worded_alike(ours, ours)


def _worded_alike(step: Step, ours: Step) -> Step:
    """A step whose error has lost its own class, and the sentence where the wording is ours."""
    if not isinstance(step.seen, SeenError) or not isinstance(ours.seen, SeenError):
        return step
    sentence = step.seen.sentence if ours.seen.kind in SAME_WORDING else ""
    return replace(step, seen=replace(step.seen, kind="", sentence=sentence))


def _told(step: Step | None) -> str:
    if step is None:
        return "no such step"
    return f"{step.seen!r}" + "".join(f"\n    getter: {called!r}" for called in step.log)


def run(program: Program, without: AbstractSet[str] = frozenset()) -> Comparison:
    """Run a program by both, getting around all listed exceptions but `without`."""
    steer = partial(exceptions.steer, without=without)
    theirs, ours = (Machine(library(), program, steer).run() for library in (TF1, Kscope))
    return Comparison(program, theirs, ours, without)
