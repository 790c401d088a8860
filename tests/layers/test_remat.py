"""Rematerialized parts of a call get their variables again when they run again, in the backward pass."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from gradients import array, gradients
from samples import paths
from trained import X, optimizer, same

import kscope
from kscope import errors


class Blocks(kscope.ScopedLayer):
    """Two blocks with default names, below a scope, each wrapped or not; each gets two variables and a layer."""

    def __init__(self, wrap=keras.remat, **kwargs):
        super().__init__(**kwargs)
        self.wrap = wrap
        self.dense = keras.layers.Dense(3)

    def block(self, x):
        with kscope.variable_scope(None, "block"):
            w = kscope.get_variable("w", [3, 3], initializer="orthogonal")
            b = kscope.get_variable("b", [3], initializer="zeros")
        return keras.ops.tanh(keras.ops.matmul(x, w) + b)

    def call(self, x, training=False):
        x = self.dense(x * kscope.get_variable("scale", [], initializer="ones"))
        with kscope.variable_scope("stack"):
            x = self.wrap(self.block)(x)
            x = self.wrap(self.block)(x)
        return x


def plain(function):
    """No rematerialization."""
    return function


def pair():
    """The layer with and without rematerialization, with the same weights."""
    layers = [Blocks(), Blocks(plain)]
    for layer in layers:
        layer.build((None, 3))
    layers[0].set_weights([np.random.default_rng(0).normal(size=v.shape) for v in layers[0].weights])
    layers[1].set_weights(layers[0].get_weights())
    return layers


@pytest.mark.matrix("Precision: rematerialization of a function that gets variables")
def test_gradients():
    """The gradients are those without rematerialization, time after time, and no other variable is made."""
    remat, once = pair()
    for _ in range(2):
        (outputs, found), (expected, wanted) = gradients(remat, X), gradients(once, X)
        np.testing.assert_allclose(outputs, expected, rtol=1e-4, atol=1e-6)
        for gradient, other in zip(found, wanted, strict=True):
            np.testing.assert_allclose(gradient, other, rtol=1e-4, atol=1e-5)
    names = ["scale", "stack/block/w", "stack/block/b", "stack/block_1/w", "stack/block_1/b"]
    assert [path.removeprefix("blocks/") for path in paths(remat)][:5] == names
    assert list(kscope.default_store()) == []


@pytest.mark.matrix("Precision: rematerialization of a function that gets variables")
def test_fit():
    """It trains as without, compiled as the backend does by default."""
    losses = []
    for layer in pair():
        model = keras.Sequential([keras.Input((3,)), layer])
        model.compile(optimizer(), "mse")
        losses.append(model.fit(X, -X, batch_size=4, epochs=2, shuffle=False, verbose=0).history["loss"])
    same(losses, rtol=1e-4)


def test_an_accident_is_one_still():
    """Getting a name twice in a call raises, also if the second time is in a rematerialized part."""

    class Twice(kscope.ScopedLayer):
        def call(self, x):
            x = x * kscope.get_variable("w", [3])
            return keras.remat(lambda x: x * kscope.get_variable("w", [3]))(x)

    with pytest.raises(errors.VariableExistsError, match="this call got it before"):
        Twice()(X)


def test_another_store_in_a_call():
    """A part that runs where another store is open gets that one's variables again."""
    other = kscope.VariableStore()

    class Elsewhere(kscope.ScopedLayer):
        def call(self, x):
            with other.as_default(), kscope.variable_scope("there"):
                return keras.remat(lambda x: keras.ops.tanh(x * kscope.get_variable("w", [3], initializer="ones")))(x)

    layer = Elsewhere()
    layer(X)
    _, (gradient,) = gradients(layer, X)
    np.testing.assert_allclose(gradient, np.sum(2 * np.tanh(X) * (1 - np.tanh(X) ** 2) * X, axis=0), rtol=1e-4)
    assert list(other) == ["there/w"]


def test_outside_of_calls():
    """A function that gets no variable is what it was to Keras."""
    x = keras.Variable(X)
    np.testing.assert_allclose(array(keras.remat(keras.ops.tanh)(x.value)), np.tanh(X), rtol=1e-5)
