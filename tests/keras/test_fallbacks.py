"""The public ways that kscope takes where a private name of Keras is gone, and branches that only some Keras takes."""

from __future__ import annotations

from types import SimpleNamespace

import keras
import numpy as np
import pytest
from samples import Tower

import kscope
from kscope._keras import files, layers, optimizers, values
from kscope._layers.kept import watch
from kscope._scopes.thread import thread

X = np.ones((2, 3), "float32")


@pytest.mark.parametrize(("answer", "overwrites"), [("y", True), (" YES ", True), ("n", False), ("", False)])
def test_asking_before_a_file_is_overwritten(monkeypatch, answer, overwrites):
    """A file is overwritten only after a yes."""
    asked = []
    monkeypatch.setattr("builtins.input", lambda text: asked.append(text) or answer)
    assert files._ask("m.keras") is overwrites
    assert "m.keras" in asked[0]


def test_marking_a_default():
    """A method is marked as Keras' own decorator marks it."""

    def method():
        """Do nothing."""

    assert layers._mark(method)._is_default is True


class Random(keras.layers.Layer):
    """A layer with a seed generator, and a layer in a list that has another."""

    def __init__(self):
        super().__init__()
        self.generator = keras.random.SeedGenerator(0)
        self.parts = [keras.layers.Dropout(0.5)]


def test_layers_and_generators_by_their_attributes(monkeypatch):
    """Layers and seed generators are found among attributes where Keras has no list of them."""
    layer = Random()
    expected = list(layers.seed_generators(layer))
    assert list(layers._walked(layer, {})) == list(layers.sublayers(layer)) == [layer, layer.parts[0]]
    for part in (layer, layer.parts[0]):
        part.__dict__.pop("_seed_generators")
    assert list(layers.seed_generators(layer)) == expected


def test_tracking_by_an_attribute():
    """A variable and a layer are tracked as attributes where Keras' tracker is gone."""
    owner, variable, part = keras.layers.Layer(), keras.Variable(1.0), keras.layers.Dense(1)
    layers._set_attribute(owner, variable)
    layers._set_attribute(owner, part)
    assert owner.variables == [variable]
    assert list(layers.sublayers(owner)) == [owner, part]


def test_the_stored_dtype_in_public():
    """Where Keras has no private dtype of a variable, the public one tells it."""

    class Moved(keras.Variable):
        """A variable whose dtype is elsewhere."""

        dtype = "float16"

    variable = Moved(1.0)
    object.__delattr__(variable, "_dtype")
    assert values.stored_dtype(variable) == "float16"


def test_weight_decay_of_a_late_variable():
    """Since Keras 3.16 an optimizer keeps which variables decay, and a late variable is added to it."""
    optimizer = keras.optimizers.SGD(0.1, momentum=0.9)
    variables = [keras.Variable([1.0], name=name) for name in ("a", "b")]
    optimizer.build(variables[:1])
    optimizer._weight_decay_by_var_key = {}
    optimizer._is_excluded_from_weight_decay = lambda variable: variable is variables[0]
    optimizers.extend(variables[1], variables[:1])
    assert optimizer._weight_decay_by_var_key == {optimizer._var_key(variables[1]): True}


def test_a_variable_for_which_nobody_answers(monkeypatch):
    """A variable that an optimizer makes while a kept layer is made belongs to neither the layer nor a call."""
    monkeypatch.setattr(thread, "kept", SimpleNamespace(answers=lambda: False))
    watch.note(keras.Variable(1.0))


def test_words_of_keras_for_unknown_arguments():
    """A kept layer that adds a weight with an unknown argument gets Keras' own error."""

    class Wrong(keras.layers.Layer):
        """A layer with a misspelled argument."""

        def build(self, shape):
            self.add_weight(nonsense=1)

    with pytest.raises(TypeError, match=r"add_weight\(\) got an unexpected keyword argument 'nonsense'"):
        kscope.layer(Wrong)(X)


@pytest.mark.torch
def test_variables_of_a_layer_that_is_not_registered():
    """A layer without parameters takes and leaves a scoped variable, and PyTorch is told later."""
    layer = keras.layers.Layer()
    variable = kscope.get_variable("v", [1])
    layer._track_variable(variable)
    layer._untrack_variable(variable)
    built = Tower(2)
    built(X)
    with layers.unlocked(built):
        built._post_untrack_variable(variable)
    assert len(list(built.parameters())) == 2
