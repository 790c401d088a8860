"""Making a variable."""

from __future__ import annotations

from itertools import count

import keras
import pytest

import kscope

COUNT = 10
AT_MOST = {"tensorflow": 1.05, "jax": 1.15, "torch": 1.40}

# TensorFlow keeps something for each name that it has met: no name is used twice in a process, on either side.
serial = count(1_000_000)


def makes(**options):
    def batch():
        for _ in range(COUNT):
            kscope.get_variable(f"k{next(serial)}", (1,), **options)

    return batch


@pytest.mark.parametrize("size", [10, 1_000, 100_000])
def test_make_beside_keras(compare, filled, backend, size):
    """Making a variable costs hardly more than the `keras.Variable` that it is, however many there are."""
    zeros, kept = keras.initializers.Zeros(), []

    def other():
        for _ in range(COUNT):
            kept.append(keras.Variable(zeros, shape=(1,), name=f"b{next(serial)}"))

    with filled(size).as_default(), kscope.variable_scope("a"):
        what = f"make, {size:,} variables"
        compare(what, "keras.Variable", makes(initializer=zeros), other, count=COUNT, at_most=AT_MOST[backend])


def test_make_by_default_beside_keras(compare, filled, backend):
    """The same with the initializer that a variable gets by itself, a new one for each."""
    kept = []

    def other():
        for _ in range(COUNT):
            glorot = keras.initializers.GlorotUniform()
            kept.append(keras.Variable(glorot, shape=(1,), name=f"b{next(serial)}"))

    with filled(10).as_default(), kscope.variable_scope("a"):
        what, beside = "make, default initializer", "keras.Variable, glorot_uniform"
        compare(what, beside, makes(), other, count=COUNT, at_most=AT_MOST[backend])


def test_make_beside_add_weight(compare, filled):
    """Making a variable, beside what a layer without kscope calls for it."""
    zeros, layer = keras.initializers.Zeros(), keras.layers.Layer()

    def other():
        for _ in range(COUNT):
            layer.add_weight(name=f"b{next(serial)}", shape=(1,), initializer=zeros)

    with filled(10).as_default(), kscope.variable_scope("a"):
        compare("make", "Layer.add_weight", makes(initializer=zeros), other, count=COUNT)
