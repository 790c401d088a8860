"""Keras' layers around scoped ones: wrappers, and recurrent layers of scoped cells."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import twins
from gradients import array, gradients
from samples import PlainTower, Tower
from trained import X, optimizer, same

import kscope


@pytest.mark.matrix("Layers around: TimeDistributed")
def test_time_distributed():
    """TimeDistributed calls a scoped layer at each step, and trains it as the plain twin."""
    x = np.random.default_rng(0).normal(size=(8, 5, 3)).astype("float32")
    models = [
        keras.Sequential([keras.Input((5, 3)), keras.layers.TimeDistributed(cls())]) for cls in (Tower, PlainTower)
    ]
    models[1].set_weights(models[0].get_weights())
    for model in models:
        model.compile(optimizer(), "mse")
    same([model.fit(x, np.ones((8, 5, 4)), epochs=3, shuffle=False, verbose=0).history["loss"] for model in models])


@keras.saving.register_keras_serializable(package="test_wrappers")
class Directed(twins.LSTM):
    """An LSTM of one's own with what Bidirectional asks of a layer."""

    def __init__(self, units, go_backwards=False, return_state=False, **kwargs):
        super().__init__(units, **kwargs)
        self.go_backwards = go_backwards
        self.return_state = return_state
        self.stateful = False

    def call(self, sequences, initial_state=None):
        return super().call(keras.ops.flip(sequences, axis=1) if self.go_backwards else sequences)


@pytest.mark.matrix("Layers around: Bidirectional")
def test_bidirectional():
    """Bidirectional makes two scoped layers of one, which share nothing, and has Keras' outputs and gradients."""
    x = np.random.default_rng(0).normal(size=(2, 5, 3)).astype("float32")
    scoped = keras.layers.Bidirectional(Directed(4, name="lstm"))
    stock = keras.layers.Bidirectional(keras.layers.LSTM(4))
    scoped(x), stock(x)
    assert len(scoped.weights) == 6
    scoped.set_weights(stock.get_weights())
    (outputs, found), (expected, wanted) = gradients(scoped, x), gradients(stock, x)
    np.testing.assert_allclose(outputs, expected, rtol=1e-4, atol=1e-5)
    for gradient, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(gradient, other, rtol=1e-3, atol=1e-4)


@pytest.mark.matrix("Layers around: Wrapper of one's own")
def test_a_wrapper():
    """A wrapper of a user's builds and calls a scoped layer."""

    class Twice(keras.layers.Wrapper):
        def call(self, x):
            return self.layer(x) * 2.0

    inner = Tower()
    wrapper = Twice(inner)
    np.testing.assert_allclose(array(wrapper(X)), 2 * array(inner(X)), rtol=1e-6)
    assert [v.path for v in wrapper.weights] == ["tower/fc/kernel", "tower/fc/bias"]


class Cell(kscope.ScopedLayer):
    """A recurrent cell."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = self.state_size = self.output_size = units

    def call(self, x, states):
        kernel = kscope.get_variable("kernel", [x.shape[-1], self.units])
        recurrent = kscope.get_variable("recurrent_kernel", [self.units, self.units], initializer="orthogonal")
        bias = kscope.get_variable("bias", [self.units], initializer="zeros")
        output = keras.ops.tanh(keras.ops.matmul(x, kernel) + keras.ops.matmul(states[0], recurrent) + bias)
        return output, [output]


@pytest.mark.matrix("Layers around: RNN of a scoped cell")
def test_rnn():
    """RNN runs a scoped cell, with the outputs and gradients of Keras' cell."""
    x = np.random.default_rng(0).normal(size=(2, 5, 3)).astype("float32")
    scoped, stock = keras.layers.RNN(Cell(4)), keras.layers.SimpleRNN(4)
    scoped(x), stock(x)
    scoped.set_weights(stock.get_weights())
    (outputs, found), (expected, wanted) = gradients(scoped, x), gradients(stock, x)
    np.testing.assert_allclose(outputs, expected, rtol=1e-4, atol=1e-5)
    for gradient, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(gradient, other, rtol=1e-3, atol=1e-4)


def test_a_cell_is_built_with_its_states():
    """Whatever states a cell says it has, `build()` with the shape of the inputs discovers the whole call."""

    class Many(kscope.ScopedLayer):
        state_size = [4, (2, 3)]

        def call(self, x, states):
            self.shapes = [tuple(state.shape)[1:] for state in states]
            return x * kscope.get_variable("scale", []), states

    cell = Many()
    cell.build((None, 3))
    assert cell.shapes == [(4,), (2, 3)]
    assert len(cell.weights) == 1
