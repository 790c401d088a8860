"""What several test files use: layers, a scoped one and its plain twin, registered so that files can be loaded."""

from __future__ import annotations

import keras

import kscope


@keras.saving.register_keras_serializable(package="samples")
class Tower(kscope.ScopedLayer):
    """A dense layer whose variables have names."""

    def __init__(self, units=4, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def call(self, x):
        with kscope.variable_scope("fc"):
            kernel = kscope.get_variable("kernel", [x.shape[-1], self.units], initializer="he_normal")
            bias = kscope.get_variable("bias", [self.units], initializer="zeros")
        return keras.ops.relu(keras.ops.matmul(x, kernel) + bias)


class PlainTower(keras.layers.Layer):
    """The same layer, written as Keras wants it."""

    def __init__(self, units=4, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), initializer="he_normal", name="kernel")
        self.bias = self.add_weight(shape=(self.units,), initializer="zeros", name="bias")

    def call(self, x):
        return keras.ops.relu(keras.ops.matmul(x, self.kernel) + self.bias)


@keras.saving.register_keras_serializable(package="samples")
class Stack(kscope.ScopedModel):
    """Two towers below one model, one of them called twice, and a scale of its own."""

    def __init__(self, units=4, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.first = Tower(units)
        self.second = Tower(units)

    def call(self, x, training=False):
        with kscope.variable_scope("body"):
            x = self.first(x)
        x = self.second(x)
        x = self.second(x)
        scale = kscope.get_variable("scale", [], initializer="ones")
        return x * scale


def visit(*args, **kwargs):
    """Open a scope and leave it."""
    with kscope.variable_scope(*args, **kwargs) as scope:
        return scope


def paths(layer):
    """The paths of a layer's weights."""
    return [variable.path for variable in layer.weights]
