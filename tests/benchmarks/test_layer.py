"""A scoped layer beside the same layer with `build` and `add_weight`."""

from __future__ import annotations

from itertools import count

import keras
import pytest

import kscope

CALLS = 10
BUILDS = 3

serial = count()


class Scoped(kscope.ScopedLayer):
    """`Dense`, with its variables got by name in each call, in a scope of their own."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def call(self, x):
        with kscope.variable_scope("fc"):
            kernel = kscope.get_variable("kernel", [x.shape[-1], self.units])
            bias = kscope.get_variable("bias", [self.units], initializer="zeros")
        return keras.ops.relu(keras.ops.matmul(x, kernel) + bias)


class Plain(keras.layers.Layer):
    """The same in the way of Keras."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, shape):
        self.kernel = self.add_weight(name="kernel", shape=[shape[-1], self.units])
        self.bias = self.add_weight(name="bias", shape=[self.units], initializer="zeros")

    def call(self, x):
        return keras.ops.relu(keras.ops.matmul(x, self.kernel) + self.bias)


def calls(layer, x):
    def batch():
        for _ in range(CALLS):
            y = layer(x)
        # JAX hands the operations out, and goes on before they are done.
        getattr(y, "block_until_ready", bool)()

    return batch


def builds(layer_class, size, units):
    """Making and building; no name is used twice, since TensorFlow keeps something for each."""

    def batch():
        for _ in range(BUILDS):
            layer_class(units, name=f"{layer_class.__name__.lower()}_{next(serial)}").build((None, size))

    return batch


@pytest.mark.parametrize(("rows", "size", "units"), [(32, 256, 256), (4, 3, 8)])
def test_call_beside_keras(compare, rows, size, units):
    """An eager call of a scoped layer, with a scope and two variables, costs hardly more than of the plain one."""
    x = keras.ops.ones((rows, size))
    ours, other = calls(Scoped(units), x), calls(Plain(units), x)
    compare(f"call, ({rows}, {size}) -> {units}", "plain layer", ours, other, count=CALLS, at_most=1.10)


def test_build_beside_keras(compare):
    """Building a scoped layer traces its `call`, which the plain one leaves out."""
    ours, other = builds(Scoped, 3, 8), builds(Plain, 3, 8)
    compare("build, 3 -> 8", "plain layer", ours, other, count=BUILDS, rounds=50)
