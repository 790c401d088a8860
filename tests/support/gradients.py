"""The gradient of a layer's outputs with respect to its trainable weights."""

from __future__ import annotations

import keras

from kscope.testing._parity.gradients import derived


def array(tensor):
    """A tensor or a variable as a NumPy array; NumPy 1 has no arithmetic for bfloat16."""
    value = keras.ops.convert_to_numpy(tensor)
    return value.astype("float32") if value.dtype.name == "bfloat16" else value


def gradients(layer, *inputs, **kwargs):
    """The outputs of a call, and the gradients of the sum of their squares, in the order of the trainable weights."""
    inputs = [keras.ops.convert_to_tensor(x) for x in inputs]
    outputs, found = derived(layer, lambda y: keras.ops.sum(keras.ops.square(y)), inputs, kwargs)
    return array(outputs), [array(gradient) for gradient in found]
