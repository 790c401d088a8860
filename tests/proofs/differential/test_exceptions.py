"""The listed exceptions: each is still one, and each is got around."""

from __future__ import annotations

import pytest

from differential.compare import run
from differential.exceptions import LISTED, Listed

pytestmark = pytest.mark.tensorflow

GOT_AROUND = [one for one in LISTED if one.steer is not None or one.level is not None]


def _row(one: Listed) -> str:
    return one.row


@pytest.mark.parametrize("listed", LISTED, ids=_row)
def test_the_libraries_differ_where_it_is_listed(listed: Listed):
    """Each listed row is one in which kscope and TF1 really do differ (section V, and the rows of the list)."""
    assert run(listed.witness, without={listed.row}).difference() is not None


@pytest.mark.parametrize("listed", GOT_AROUND, ids=_row)
def test_a_listed_difference_is_got_around(listed: Listed):
    """With the whole list in force, the program that shows a row's difference shows none (section V)."""
    assert run(listed.witness).difference() is None


def test_each_row_is_listed_once():
    """A row, or a part of one, has one entry, so that leaving it out leaves all of it out (section V)."""
    rows = [one.row for one in LISTED]
    assert len(rows) == len(set(rows))
