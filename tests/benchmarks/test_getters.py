"""Getting a variable that exists through custom getters."""

from __future__ import annotations

import pytest

import kscope
from benchmarks.test_get import COUNT, gets, names_of
from kscope import getters

SIZE = 1_000


def identity(getter, *args, **kwargs):
    """A getter that does nothing: what is measured is the calling of it."""
    return getter(*args, **kwargs)


AROUND = {
    "one getter": identity,
    "ten patterns": {rf"a/layer_{i}/.*": identity for i in range(10)},
    "freeze": getters.freeze,
}


@pytest.mark.parametrize("what", AROUND)
def test_a_getter_beside_none(compare, filled, what):
    """What a getter around an existing variable costs, beside getting it without."""
    store, names = filled(SIZE), names_of(SIZE)
    ours = _in_scope(store, AROUND[what], names)
    compare(f"get, {what}", "no getter", ours, _in_scope(store, None, names), count=COUNT)


def test_a_second_getter(compare, filled):
    """What one more getter in the chain costs, beside a chain of one."""
    store, names = filled(SIZE), names_of(SIZE)
    chain = kscope.VariableScope(True, "a", custom_getter=identity)
    with store.as_default(), kscope.variable_scope(chain, custom_getter=identity) as chain:
        pass
    ours, other = _in_captured(store, chain, names), _in_scope(store, identity, names)
    compare("get, two getters", "one getter", ours, other, count=COUNT)


def _in_scope(store, getter, names):
    return _in_captured(store, kscope.VariableScope(True, "a", custom_getter=getter), names)


def _in_captured(store, scope, names):
    batch = gets(kscope.get_variable, names)

    def run():
        with store.as_default(), kscope.variable_scope(scope):
            batch()

    return run
