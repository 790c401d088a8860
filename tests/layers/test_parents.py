"""Models of scoped layers: Sequential, functional, subclassed, scoped; what they show of themselves."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from gradients import array
from samples import Stack, Tower, paths
from trained import X, fit, optimizer, same

import kscope


class Subclassed(keras.Model):
    """A model of Keras' own with scoped layers inside."""

    def __init__(self):
        super().__init__()
        self.first, self.second = Tower(5, name="first"), Tower(4, name="second")

    def call(self, x):
        return self.second(self.first(x))


class Scoped(kscope.ScopedModel):
    """The same as a scoped model."""

    def __init__(self):
        super().__init__(name="scoped")
        self.first, self.second = Tower(5, name="first"), Tower(4, name="second")

    def call(self, x):
        return self.second(self.first(x))


def sequential():
    """The same as a Sequential."""
    return keras.Sequential([keras.Input((3,)), Tower(5, name="first"), Tower(4, name="second")])


def unbuilt_sequential():
    """The same as a Sequential that is built by its first call."""
    return keras.Sequential([Tower(5, name="first"), Tower(4, name="second")])


def functional():
    """The same as a functional model."""
    inputs = keras.Input((3,))
    return keras.Model(inputs, Tower(4, name="second")(Tower(5, name="first")(inputs)))


def nested():
    """The same as a functional model that is used as a layer of another one."""
    inputs = keras.Input((3,))
    return keras.Model(inputs, functional()(inputs))


def plain():
    """The same of Keras' layers."""
    return keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(5, activation="relu"), keras.layers.Dense(4, activation="relu")]
    )


@pytest.mark.parametrize(
    ("parent", "prefix"),
    [
        pytest.param(sequential, "", marks=pytest.mark.matrix("Parents: Sequential")),
        pytest.param(unbuilt_sequential, "", marks=pytest.mark.matrix("Parents: Sequential built by its first call")),
        pytest.param(functional, "", marks=pytest.mark.matrix("Parents: functional")),
        pytest.param(nested, "", marks=pytest.mark.matrix("Parents: functional inside functional")),
        pytest.param(Subclassed, "", marks=pytest.mark.matrix("Parents: subclassed keras.Model")),
        pytest.param(Scoped, "scoped/", marks=pytest.mark.matrix("Parents: subclassed ScopedModel")),
    ],
)
def test_parents(parent, prefix):
    """In each kind of model scoped layers have the same names and train as Keras' layers of the same weights."""
    models = [parent(), plain()]
    models[0](X)
    assert paths(models[0]) == [
        f"{prefix}first/fc/kernel",
        f"{prefix}first/fc/bias",
        f"{prefix}second/fc/kernel",
        f"{prefix}second/fc/bias",
    ]
    models[1].set_weights(models[0].get_weights())
    for model in models:
        model.compile(optimizer(), "mse")
    same([fit(model, epochs=3) for model in models], rtol=1e-4)


@pytest.mark.matrix("Parents: one scoped layer called twice")
def test_a_layer_called_twice():
    """A layer that a functional model calls twice has its variables once, and both calls train them."""
    inputs = keras.Input((3,))
    layer = Tower(3)
    model = keras.Model(inputs, layer(layer(inputs)))
    assert len(model.weights) == 2
    np.testing.assert_allclose(array(model(X)), array(layer(layer(X))), rtol=1e-5)


@pytest.mark.matrix("Showing: summary")
def test_summary():
    """A summary lists scoped layers with shapes and counts, and counts the weights of nested ones."""
    lines = []
    sequential().summary(print_fn=lines.append)
    text = "\n".join(lines)
    assert "(None, 5)" in text
    assert "Total params: 44 " in text
    stack = Stack()
    stack.build((None, 3))
    stack.summary(print_fn=lines.append, expand_nested=True, show_trainable=True)
    assert f"Total params: {stack.count_params()} " in "\n".join(lines)


@pytest.mark.matrix("Showing: count_params")
def test_count_params():
    """A scoped layer counts its parameters, those of layers inside included."""
    stack = Stack()
    stack.build((None, 3))
    assert stack.count_params() == 3 * 4 + 4 + 4 * 4 + 4 + 1


@pytest.mark.matrix("Showing: plot_model without pydot", says="refused by Keras")
def test_plot_model(tmp_path, monkeypatch):
    """Without the packages that it needs, `plot_model` says which, as with any model; nothing is written."""
    from keras.src.utils import model_visualization

    monkeypatch.setattr(model_visualization, "pydot", None)
    with pytest.raises(ImportError, match="You must install pydot"):
        keras.utils.plot_model(sequential(), tmp_path / "model.png")
    assert list(tmp_path.iterdir()) == []
