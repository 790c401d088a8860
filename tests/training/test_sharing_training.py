"""Shared variables in training: counted once, regularized once, updated once, with the sum of their gradients."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from gradients import array, gradients
from trained import X, optimizer, same

import kscope
from kscope import AUTO_REUSE


def square():
    """A variable, regularized."""
    return kscope.get_variable("w", [3, 3], initializer="orthogonal", regularizer=keras.regularizers.L2(0.5))


class Tied(kscope.ScopedLayer):
    """A layer whose variable is that of every layer of its store."""

    def call(self, x):
        with kscope.variable_scope("/tied", reuse=AUTO_REUSE):
            w = square()
        return keras.ops.tanh(keras.ops.matmul(x, w))


class PlainTwice(keras.layers.Layer):
    """Two layers with one weight, written as Keras wants it: as one layer."""

    def build(self, input_shape):
        self.w = self.add_weight(
            shape=(3, 3), initializer="orthogonal", regularizer=keras.regularizers.L2(0.5), name="w"
        )

    def call(self, x):
        for _ in range(2):
            x = keras.ops.tanh(keras.ops.matmul(x, self.w))
        return x


def by_store():
    """Two layers given one store."""
    store = kscope.VariableStore()
    return keras.Sequential([keras.Input((3,)), Tied(store=store), Tied(store=store)])


def by_scope():
    """Two layers of one store and one scope, the second of which reuses."""

    class Own(kscope.ScopedLayer):
        def call(self, x):
            w = square()
            return keras.ops.tanh(keras.ops.matmul(x, w))

    store = kscope.VariableStore()
    layers = [Own(store=store, scope="tied"), Own(store=store, scope="tied", reuse=True)]
    return keras.Sequential([keras.Input((3,)), *layers])


def nested():
    """Two layers inside a scoped model."""

    class Model(kscope.ScopedModel):
        def __init__(self):
            super().__init__()
            self.layers_inside = [Tied(), Tied()]

        def call(self, x):
            for layer in self.layers_inside:
                x = layer(x)
            return x

    return Model()


def in_one_call():
    """One layer that gets its variable twice in a call, on purpose."""

    class Twice(kscope.ScopedLayer):
        def call(self, x):
            for _ in range(2):
                with kscope.variable_scope("tied", reuse=AUTO_REUSE):
                    w = kscope.get_variable(
                        "w", [3, 3], initializer="orthogonal", regularizer=keras.regularizers.L2(0.5)
                    )
                x = keras.ops.tanh(keras.ops.matmul(x, w))
            return x

    return keras.Sequential([keras.Input((3,)), Twice()])


def twice_the_layer():
    """One layer called twice."""
    inputs = keras.Input((3,))
    layer = Tied()
    return keras.Model(inputs, layer(layer(inputs)))


WAYS = pytest.mark.parametrize(
    "way",
    [
        pytest.param(by_store, marks=pytest.mark.matrix("Sharing: layers of one store")),
        pytest.param(by_scope, marks=pytest.mark.matrix("Sharing: layers of one scope")),
        pytest.param(nested, marks=pytest.mark.matrix("Sharing: layers inside one scoped model")),
        pytest.param(in_one_call, marks=pytest.mark.matrix("Sharing: twice in one call")),
        pytest.param(twice_the_layer, marks=pytest.mark.matrix("Sharing: one layer called twice")),
    ],
)


def pair(way):
    """A model that shares, and the plain one, with the same weight."""
    models = [way(), keras.Sequential([keras.Input((3,)), PlainTwice()])]
    models[0](X)
    models[1].set_weights(models[0].get_weights())
    return models


@WAYS
def test_a_shared_variable_is_one(way):
    """It is one weight, its regularizer one loss, its gradient the sum over its uses."""
    shared, plain = pair(way)
    assert len(shared.weights) == len(shared.trainable_variables) == 1
    (outputs, found), (expected, wanted) = gradients(shared, X), gradients(plain, X)
    np.testing.assert_allclose(outputs, expected, rtol=1e-4, atol=1e-6)
    assert len(found) == 1
    np.testing.assert_allclose(found[0], wanted[0], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(*[[float(array(loss)) for loss in model.losses] for model in (shared, plain)], rtol=1e-5)


@WAYS
def test_it_is_trained_once_a_step(way):
    """Training with momentum, weight decay, clipping and the regularizer is that of the plain layer, step by step."""
    losses = []
    for model in pair(way):
        model.compile(optimizer(weight_decay=0.01, global_clipnorm=0.5), "mse")
        losses.append(model.fit(X, -X, batch_size=4, epochs=3, shuffle=False, verbose=0).history["loss"])
        # The optimizer's iteration and rate, and one momentum.
        assert len(model.optimizer.variables) == 3
    same(losses, rtol=1e-4)


@pytest.mark.matrix("Sharing: a frozen shared variable")
def test_freezing_one_of_two_layers():
    """A shared variable that one layer freezes is frozen for both: there is one of it."""
    model = by_store()
    model.layers[0].trainable = False
    assert model.layers[1].trainable_variables == model.trainable_variables == []
    model.layers[0].trainable = True
    assert len(model.trainable_variables) == 1


@pytest.mark.matrix("Sharing: tied input and output embeddings")
def test_tied_embeddings():
    """A table that is looked up at the input and multiplied with at the output gets both gradients."""

    class Language(kscope.ScopedModel):
        def table(self):
            with kscope.variable_scope("embeddings", reuse=AUTO_REUSE):
                return kscope.get_variable("table", [5, 3], initializer="orthogonal")

        def call(self, tokens):
            x = keras.ops.take(self.table(), tokens, axis=0)
            return keras.ops.matmul(x, keras.ops.transpose(self.table()))

    model = Language()
    tokens = np.array([0, 1, 1])
    model(tokens)
    outputs, (gradient,) = gradients(model, tokens)
    table = model.get_weights()[0]
    np.testing.assert_allclose(outputs, table[tokens] @ table.T, rtol=1e-5, atol=1e-6)
    expected = 2 * outputs.T @ table[tokens]
    np.add.at(expected, tokens, 2 * outputs @ table)
    np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.matrix("Sharing: two models of one store")
def test_two_models_of_one_store():
    """A model trains what another one of its store uses, as a discriminator is shared by two losses."""
    store = kscope.VariableStore()
    first, second = (keras.Sequential([keras.Input((3,)), Tied(store=store)]) for _ in range(2))
    first.compile(optimizer(), "mse")
    before = array(second(X))
    first.fit(X, -X, verbose=0)
    assert not np.allclose(array(second(X)), before)
    np.testing.assert_allclose(array(second(X)), array(first(X)))
