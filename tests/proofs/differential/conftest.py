"""Which random programs a session runs, and one line about them at its end."""

from __future__ import annotations

import os

import chosen
import pytest

from differential.tally import Tally

KEY = pytest.StashKey[Tally]()


def pytest_configure(config: pytest.Config) -> None:
    """The same programs in each run, unless other ones are asked for: what is new may find what nobody has listed."""
    config.stash[KEY] = Tally(chosen.seed(777), int(os.environ.get("KSCOPE_PROGRAMS", "5000")))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Tell what was run."""
    tally = config.stash[KEY]
    if tally.programs:
        terminalreporter.write_line(str(tally))


@pytest.fixture
def tally(pytestconfig: pytest.Config) -> Tally:
    """The counts of this session."""
    return pytestconfig.stash[KEY]
