"""Which random programs a session runs, and one line about them at its end."""

from __future__ import annotations

import os
from collections import Counter

import chosen
import pytest

pytest.register_assert_rewrite("programs.interpreter")


class Tally:
    """What the programs of a session were like: if none of them fails or shares, they say nothing."""

    def __init__(self, seed: int, wanted: int):
        self.seed = seed
        self.wanted = wanted
        self.programs = 0
        self.outcomes: Counter[str] = Counter()

    def add(self, outcomes: list[str]) -> None:
        """Count one program."""
        self.programs += 1
        self.outcomes.update(outcomes)

    def __str__(self) -> str:
        spelled = ", ".join(f"{count} {outcome}" for outcome, count in self.outcomes.most_common())
        return f"layer programs: {self.programs} programs, seed {self.seed}; {spelled}"


KEY = pytest.StashKey[Tally]()


def pytest_configure(config: pytest.Config) -> None:
    """The same programs in each run, unless other ones are asked for."""
    config.stash[KEY] = Tally(chosen.seed(0), int(os.environ.get("KSCOPE_LAYER_PROGRAMS", "150")))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Tell what was run."""
    tally = config.stash[KEY]
    if tally.programs:
        terminalreporter.write_line(str(tally))


@pytest.fixture
def tally(pytestconfig: pytest.Config) -> Tally:
    """The counts of this session."""
    return pytestconfig.stash[KEY]
