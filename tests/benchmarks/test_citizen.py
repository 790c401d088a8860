"""What it costs to be a layer of Keras: calls, compiled steps, building, saving and loading, beside plain twins."""

from __future__ import annotations

from itertools import count

import keras
import numpy as np
import pytest
import twins
from samples import PlainTower, Tower

import kscope

MANY = 10_000
DEPTH = 20

serial = count()


STOCK = {
    "Dense": ((64,), (32, 64)),
    "Conv2D": ((8, 3), (4, 16, 16, 3)),
    "LSTM": ((8,), (8, 4, 8)),
    "MultiHeadAttention": ((2, 8), (4, 8, 16)),
    "BatchNormalization": ((), (32, 64)),
}


def done(result):
    """Wait for what JAX handed out."""
    getattr(result, "block_until_ready", bool)()


@pytest.mark.parametrize("name", STOCK)
def test_call_beside_a_stock_layer(compare, name):
    """An eager call of a scoped twin, beside Keras' own layer, which takes other operations here and there."""
    arguments, shape = STOCK[name]
    x = keras.ops.ones(shape)
    inputs = (x, x) if name == "MultiHeadAttention" else (x,)
    layers = [getattr(module, name)(*arguments) for module in (twins, keras.layers)]

    def calls(layer):
        layer(*inputs)

        def batch():
            for _ in range(10):
                y = layer(*inputs)
            done(y)

        return batch

    compare(f"call, {name}", f"keras.layers.{name}", *map(calls, layers), count=10, at_most=1.10)


def stack(layer_class):
    """A model of many layers."""
    names = [f"{layer_class.__name__.lower()}_{next(serial)}" for _ in range(DEPTH)]
    return keras.Sequential([keras.Input((8,)), *(layer_class(8, name=name) for name in names)])


def test_compiled_step_beside_keras(compare):
    """In a compiled step nothing of kscope is left: `train_on_batch` takes as long as with the plain twin."""
    x, y = np.ones((16, 8), "float32"), np.ones((16, 8), "float32")

    def steps(layer_class):
        model = stack(layer_class)
        model.compile(keras.optimizers.SGD(0.01), "mse")

        def batch():
            for _ in range(5):
                model.train_on_batch(x, y)

        return batch

    compare(f"train step, {DEPTH} layers", "plain layers", steps(Tower), steps(PlainTower), count=5, at_most=1.02)


def built(layer_class):
    """Make and build one layer."""
    layer_class(8, name=f"{layer_class.__name__.lower()}_{next(serial)}").build((None, 3))


@pytest.mark.parametrize("what", ["one layer", f"a stack of {DEPTH}"])
def test_build_beside_keras(compare, what):
    """Building a scoped layer, beside its plain twin; in a model both are traced besides."""
    build = built if what == "one layer" else stack

    def builds(layer_class):
        return lambda: build(layer_class)

    compare(f"build, {what}", "plain", builds(Tower), builds(PlainTower), count=1, rounds=20, at_most=1.15)


class Many(kscope.ScopedLayer):
    """Many small variables by name."""

    def call(self, x):
        for i in range(MANY):
            kscope.get_variable(f"v{i}", [4, 4], initializer="zeros")
        return x


class PlainMany(keras.layers.Layer):
    """The same in the way of Keras."""

    def build(self, shape):
        self.many = [self.add_weight(name=f"v{i}", shape=(4, 4), initializer="zeros") for i in range(MANY)]


@pytest.fixture(scope="module")
def models():
    """A model with many variables of a scoped layer, and one with as many of a plain layer."""
    made = []
    for layer in (Many(), PlainMany()):
        model = keras.Sequential([keras.Input((3,)), layer])
        assert len(model.weights) == MANY
        made.append(model)
    return made


@pytest.mark.parametrize("what", ["save", "load"])
def test_weights_files_beside_keras(compare, models, tmp_path, what):
    """Saving and loading the weights of a layer with ten thousand variables, beside what Keras does with its own."""

    def do(model):
        path = tmp_path / f"{type(model.layers[-1]).__name__}.weights.h5"
        model.save_weights(path)
        return lambda: model.save_weights(path, overwrite=True) if what == "save" else model.load_weights(path)

    compare(f"{what} {MANY:,} variables", "plain layer", *map(do, models), count=1, rounds=3, at_least=3.0)
