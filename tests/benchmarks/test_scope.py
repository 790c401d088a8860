"""Entering and leaving a variable scope."""

from __future__ import annotations

import pytest

import kscope

COUNT = 200


def entries(variable_scope):
    def batch():
        for _ in range(COUNT):
            with variable_scope("a"):
                pass

    return batch


def open_many(variable_scope, size):
    """Let the place know that many scopes."""
    for i in range(size):
        with variable_scope(f"s{i}"):
            pass


def knowing(size):
    store = kscope.VariableStore()
    with store.as_default():
        open_many(kscope.variable_scope, size)
    return store


@pytest.mark.tensorflow
@pytest.mark.parametrize("size", [10, 1_000])
def test_scope_beside_tensorflow(compare, size):
    """A scope is entered and left at least 40 times as fast as `tf.compat.v1.variable_scope` in a graph."""
    import tensorflow as tf

    graph = tf.Graph()
    with graph.as_default():
        open_many(tf.compat.v1.variable_scope, size)
    ours, other = entries(kscope.variable_scope), entries(tf.compat.v1.variable_scope)
    what, beside = f"scope, {size:,} known", "tf.compat.v1.variable_scope"
    with knowing(size).as_default():
        compare(what, beside, ours, other, count=COUNT, rounds=30, around=graph.as_default, at_least=40)


@pytest.mark.parametrize("size", [1_000, 100_000])
def test_scope_is_flat(compare, size):
    """Entering and leaving a scope takes as long beside many known scopes as beside 10."""
    batch = entries(kscope.variable_scope)
    small = knowing(10)
    with knowing(size).as_default():
        what = f"scope, {size:,} known"
        compare(what, "10 known", batch, batch, count=COUNT, around=small.as_default, at_most=1.10)
