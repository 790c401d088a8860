"""What models without scoped layers pay for kscope: Keras as kscope leaves it, beside Keras as it was."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import count

import keras
import numpy as np
import pytest

import kscope
from kscope._keras.patches import replaced

COUNT = 10
AT_MOST = 1.03

serial = count(1_000_000)


@contextmanager
def plain_keras():
    """A block in which Keras has its own functions."""
    changed = [(owner, name, getattr(owner, name)) for owner, name, _ in replaced]
    for owner, name, original in replaced:
        setattr(owner, name, original)
    try:
        yield
    finally:
        for owner, name, function in changed:
            setattr(owner, name, function)


@pytest.fixture(autouse=True)
def installed():
    """Everything is changed that kscope changes."""
    assert kscope.ScopedLayer
    assert replaced


@pytest.fixture
def beside_plain_keras(compare):
    """Measure one function in both."""

    def run(what, function, count=COUNT, **options):
        compare(
            what,
            "Keras without kscope",
            function,
            function,
            count=count,
            around=plain_keras,
            at_most=AT_MOST,
            **options,
        )

    return run


@pytest.mark.parametrize("kept", [False, True])
def test_add_weight(beside_plain_keras, kept):
    """A weight of a plain layer, in a process without kept layers, and in one with some."""
    zeros, layer = keras.initializers.Zeros(), keras.layers.Layer()
    if kept:
        kscope.layer(keras.layers.Dense, 1)

    def batch():
        for _ in range(COUNT):
            layer.add_weight(name=f"b{next(serial)}", shape=(1,), initializer=zeros)

    beside_plain_keras(f"add_weight, {'some' if kept else 'no'} kept layers", batch)


def test_variable(beside_plain_keras):
    """A variable of Keras."""
    zeros, kept = keras.initializers.Zeros(), []

    def batch():
        for _ in range(COUNT):
            kept.append(keras.Variable(zeros, shape=(1,), name=f"b{next(serial)}"))

    beside_plain_keras("keras.Variable", batch)


def test_remat(beside_plain_keras):
    """A call of a rematerialized function; it is wrapped before it is called."""
    x = keras.ops.ones((4, 4))
    functions = [keras.remat(lambda x: keras.ops.tanh(x))]
    with plain_keras():
        functions.append(keras.remat(lambda x: keras.ops.tanh(x)))

    def batch():
        # Which of the two: the function of `backend` tells it as `remat` would.
        function = functions[0] if hasattr(keras.layers.Layer.add_weight, "__wrapped__") else functions[1]
        for _ in range(COUNT):
            function(x)

    beside_plain_keras("a call of keras.remat(f)", batch)


def test_build(beside_plain_keras):
    """Making and building a functional model of ten layers."""

    def build():
        x = inputs = keras.Input((4,))
        for _ in range(10):
            x = keras.layers.Dense(4)(x)
        keras.Model(inputs, x)

    beside_plain_keras("a functional model of ten Dense layers", build, count=1, rounds=40)


def test_train_step(beside_plain_keras):
    """A step of a built and compiled model."""
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    x, y = np.ones((4, 4), "float32"), np.ones((4, 1), "float32")
    model.train_on_batch(x, y)
    beside_plain_keras("train_on_batch", lambda: model.train_on_batch(x, y), count=1)


@pytest.mark.torch
@pytest.mark.parametrize("number", [200, 800])
def test_weights_of_a_built_layer(beside_plain_keras, number):
    """Weights that a built layer adds, each of which PyTorch is told of."""
    zeros = keras.initializers.Zeros()

    def add():
        layer = keras.layers.Dense(1)
        layer.build((None, 1))
        layer._tracker.unlock()
        for _ in range(number):
            layer.add_weight(name=f"b{next(serial)}", shape=(1,), initializer=zeros)

    beside_plain_keras(f"{number} weights of a built layer", add, count=number, rounds=10)
