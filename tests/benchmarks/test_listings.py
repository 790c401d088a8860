"""Listing variables by scope."""

from __future__ import annotations

from copy import copy

import pytest

import kscope

COUNT = 10


@pytest.fixture
def crowded():
    """Stores with ten variables in a scope, and any number elsewhere."""

    def fill(size):
        store = kscope.VariableStore()
        store.get_variable("v", [1])
        (record,) = store.records.values()
        for name in (*(f"a/v{i}" for i in range(10)), *(f"b/c{i // 100}/v{i}" for i in range(size - 10))):
            twin = copy(record)
            twin.name, twin.number = name, next(store.numbers)
            store.add(twin)
        return store

    return fill


def lists(store, scope):
    def batch():
        for _ in range(COUNT):
            listed = store.variables(scope)
        assert len(listed) == 10

    return batch


@pytest.mark.parametrize("scope", ["a/", "b/c7/v77"], ids=["scope", "prefix"])
def test_listing_a_scope(compare, crowded, scope):
    """Listing ten of 100,000 variables costs what it costs among 1,000: the others are not looked at."""
    ours, other = lists(crowded(100_000), scope), lists(crowded(1_000), scope)
    compare(f"list 10 of 100,000 by {scope!r}", "10 of 1,000", ours, other, count=COUNT, at_most=1.10)
