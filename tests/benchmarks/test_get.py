"""Getting a variable that exists."""

from __future__ import annotations

from contextlib import contextmanager

import keras
import pytest

import kscope

NAMES = 10
REPEATS = 20
COUNT = NAMES * REPEATS


def gets(get, names):
    """Ten names from all over the store, again and again; a call and a list for the shape on each side."""
    sample = names[:: len(names) // NAMES] * REPEATS

    def batch():
        for name in sample:
            get(name, [1])

    return batch


def names_of(size):
    return [f"v{i}" for i in range(size)]


@contextmanager
def reusing(store):
    with store.as_default(), kscope.variable_scope("a", reuse=True):
        yield


@pytest.mark.jax
@pytest.mark.parametrize("size", [10, 1_000, 100_000])
def test_get_beside_haiku(compare, filled, size):
    """An existing variable is got at least three times as fast as by Haiku's `get_parameter`."""
    import haiku as hk

    names = names_of(size)
    parameters = {"~": dict.fromkeys(names, keras.ops.zeros((1,)))}

    def measure():
        ours, other = gets(kscope.get_variable, names), gets(hk.get_parameter, names)
        compare(f"get, {size:,} variables", "hk.get_parameter", ours, other, count=COUNT, at_least=3)

    # All rounds run inside one `apply`, whose own cost grows with the number of parameters.
    with reusing(filled(size)):
        hk.without_apply_rng(hk.transform(measure)).apply(parameters)


@pytest.mark.tensorflow
@pytest.mark.parametrize("size", [10, 1_000])
def test_get_beside_tensorflow(compare, filled, size):
    """An existing variable is got at least 25 times as fast as by `tf.compat.v1.get_variable` in a graph."""
    import tensorflow as tf

    graph, names = tf.Graph(), names_of(size)
    with graph.as_default(), tf.compat.v1.variable_scope("a"):
        for name in names:
            tf.compat.v1.get_variable(name, [1])

    @contextmanager
    def reusing_graph():
        with graph.as_default(), tf.compat.v1.variable_scope("a", reuse=True):
            yield

    ours, other = gets(kscope.get_variable, names), gets(tf.compat.v1.get_variable, names)
    what, beside = f"get, {size:,} variables", "tf.compat.v1.get_variable"
    with reusing(filled(size)):
        compare(what, beside, ours, other, count=COUNT, rounds=30, around=reusing_graph, at_least=25)


@pytest.mark.parametrize("size", [1_000, 100_000])
def test_get_is_flat(compare, filled, size):
    """Getting a variable takes as long in a large store as in one of 10 variables."""
    ours, other = gets(kscope.get_variable, names_of(size)), gets(kscope.get_variable, names_of(10))
    small = filled(10)
    with reusing(filled(size)):
        what = f"get, {size:,} variables"
        compare(what, "10 variables", ours, other, count=COUNT, around=lambda: reusing(small), at_most=1.10)
