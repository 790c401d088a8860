"""`check_layer` lets good layers pass, and says of each broken one what was expected and found."""

from __future__ import annotations

import itertools

import keras
import numpy as np
import pytest
import twins
from samples import Stack, Tower

import kscope
from kscope.testing import LayerCheckError, check_layer

X = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
S = np.random.default_rng(0).normal(size=(2, 5, 4)).astype("float32")

# Keras warns before it raises what a layer raises in loading.
LOADING = pytest.mark.filterwarnings("ignore:Skipping nested container:UserWarning")


@pytest.mark.parametrize(
    ("make", "inputs"),
    [
        (lambda: Tower(4), X),
        (lambda: Stack(4), X),
        (lambda: keras.layers.Dense(4, name="fc"), X),
        (lambda: keras.layers.Flatten(), S),
        (lambda: keras.layers.Add(), [X, X]),
        (lambda: twins.MultiHeadAttention(2, 3), (S, S)),
        (lambda: twins.BatchNormalization(), X),
    ],
)
def test_good_layers(make, inputs):
    """Scoped layers and models, and Keras' own layers, pass; the policy is what it was."""
    check_layer(make, inputs)
    assert keras.config.dtype_policy().name == "float32"


def test_a_model_with_targets():
    """Targets, optimizer and loss are those that `fit` gets."""
    targets = np.array([0, 1, 2, 3])
    check_layer(
        lambda: twins.Dense(4, activation="softmax"),
        X,
        targets=targets,
        optimizer=keras.optimizers.SGD(0.1),
        loss="sparse_categorical_crossentropy",
    )


class Broken(keras.layers.Layer):
    """A dense layer with one fault of several."""

    made = itertools.count()

    def __init__(self, fault, units=4, offset=0.0, **kwargs):
        super().__init__(**kwargs)
        self.fault = fault
        self.units = units
        self.offset = offset
        self.number = 0 if fault != "names" else next(Broken.made)

    def build(self, shape):
        names = {"paths": ["w", "w"], "names": [f"kernel_{self.number}", "bias"]}.get(self.fault, ["kernel", "bias"])
        dtype = "float16" if self.fault == "weights" and self.compute_dtype == "float16" else None
        self.kernel = self.add_weight(shape=(shape[-1], self.units), name=names[0], dtype=dtype)
        self.bias = self.add_weight(shape=(self.units,), name=names[1])

    def call(self, x):
        outputs = keras.ops.matmul(x, self.kernel) + self.offset
        if self.fault == "untrained":
            return outputs
        outputs = outputs + self.bias
        return keras.ops.cast(outputs, "float32") if self.fault == "outputs" else outputs

    def compute_output_spec(self, x):
        dtype = "float16" if self.fault == "symbolic" else self.compute_dtype
        return keras.KerasTensor((*x.shape[:-1], self.units), "float32" if self.fault == "outputs" else dtype)

    def get_config(self):
        if self.fault == "unwritten":
            raise NotImplementedError("no config")
        return {**super().get_config(), "fault": self.fault}


class Unloadable(keras.layers.Dense):
    """A layer that cannot be loaded."""

    def load_own_variables(self, store):
        raise NotImplementedError("no loading")


class Unpredictable(keras.layers.Layer):
    """A layer that has no `from_config` for its argument, and is another one when it is loaded."""

    def __init__(self, scale=1.0, **kwargs):
        super().__init__(**kwargs)
        self.scale = scale

    def call(self, x):
        return x * self.scale

    def get_config(self):
        return {**super().get_config(), "scale": self.scale + 1.0}


# They are missing in the config.
OPTIONS = {"config": {"units": 5}, "state": {"offset": 1.0}}
FAULTS = {
    "symbolic": ("give the shapes and dtypes of an eager call: {'output': '(4, 4) float32'}", "(4, 4) float16"),
    "paths": ("all weights to have different paths", "more than once: broken"),
    "names": ("a second layer to have the same paths below its name: kernel_", "kernel_"),
    "config": ("to make a layer with the same weights and outputs, of shapes", "[(3, "),
    "state": ("to make a layer with the same weights and outputs: output ", "[["),
    "unwritten": ("to make a layer with the same weights and outputs", "NotImplementedError: no config"),
    "untrained": ("fit to change every trainable weight in 3 steps", "as before: ['"),
    "outputs": ("outputs of float16 under the policy mixed_float16", "{'output': 'float32'}"),
    "weights": ("weights of float32 under the policy mixed_float16", "/kernel': 'float16'}"),
}


@pytest.mark.parametrize("fault", list(FAULTS))
def test_broken_layers(fault):
    """Each fault is found by its own check, which says what was expected and what was found."""
    expected, found = FAULTS[fault]
    with pytest.raises(LayerCheckError, match=r"Layer 'broken\w*' of .*Broken") as raised:
        check_layer(lambda: Broken(fault, **OPTIONS.get(fault, {})), X)
    _, second, third = str(raised.value).split("\n", 2)
    assert second.startswith("  expected: ")
    assert expected in second
    assert third.startswith("  found:    ")
    assert found in third


def test_a_layer_that_does_not_come_back():
    """Outputs that are others after a round trip are shown."""
    with pytest.raises(LayerCheckError, match="get_config.* same weights and outputs: output .*\n  found:    .*"):
        check_layer(Unpredictable, X)


@LOADING
def test_a_layer_that_cannot_be_loaded():
    """What Keras raises in loading is the reason that is told."""
    with pytest.raises(LayerCheckError, match="(?s)same outputs after saving and loading\n  found:    .*no loading"):
        check_layer(lambda: Unloadable(2), X)


def test_no_precision():
    """A layer with a dtype of its own is not asked for another one."""
    check_layer(lambda: Tower(4, dtype="float32"), X, precision=())
    with pytest.raises(LayerCheckError, match="outputs of float16 under the policy mixed_float16"):
        check_layer(lambda: Tower(4, dtype="float32"), X)


def test_stores_are_kept_apart():
    """The layers that are made do not land in the store that is open."""
    with kscope.VariableStore().as_default():
        check_layer(lambda: Tower(4, name="tower"), X, precision=())
        assert list(kscope.default_store()) == []
