"""Random programs of scoped layers do what a plain model says, and leave nothing behind."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from programs import grammar as g
from programs.interpreter import Session

pytestmark = pytest.mark.slow

ROUND = 100


@pytest.mark.matrix("Reliability: random layer programs")
def test_random_layer_programs_do_what_the_model_says(tally):
    """Variables, names, sharing, results and errors are as foretold, and both libraries stand where they stood.

    Whatever raises, retraces, clears the session or runs in another thread in between (rows C3, O1, O2, P4, Q3).
    """
    # Rounds, because Hypothesis varies what it drew before.
    for number in range(-(-tally.wanted // ROUND)):
        _round(tally, tally.seed * 1_000_000 + number)
    for outcome in ("Boom", "VariableExistsError", "VariableMissingError", "LateVariableError"):
        assert tally.outcomes[outcome] >= 0.005 * tally.outcomes.total()
    assert tally.outcomes["done"] >= 0.4 * tally.outcomes.total()


def _round(tally, number: int) -> None:
    @seed(number)
    @settings(
        max_examples=ROUND,
        deadline=None,
        database=None,
        print_blob=True,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(g.PROGRAMS)
    def check(program: g.Program) -> None:
        session = Session()
        session.run(program)
        tally.add(session.outcomes)

    check()
