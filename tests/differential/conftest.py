"""Which random programs a session runs, and one line about them at its end."""

from __future__ import annotations

import os
import secrets

import pytest

from differential.tally import Tally

KEY = pytest.StashKey[Tally]()


def pytest_configure(config: pytest.Config) -> None:
    """Choose a seed, unless Hypothesis' own option gives one, so that it can be told at the end."""
    given = config.getoption("--hypothesis-seed", None)
    seed = secrets.randbelow(2**32) if given is None else int(given)
    config.stash[KEY] = Tally(seed, int(os.environ.get("KSCOPE_PROGRAMS", "2000")))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Tell what was run."""
    tally = config.stash[KEY]
    if tally.programs:
        terminalreporter.write_line(str(tally))


@pytest.fixture
def tally(pytestconfig: pytest.Config) -> Tally:
    """The counts of this session."""
    return pytestconfig.stash[KEY]
