"""The gradient of a layer's outputs with respect to its trainable weights, as each backend computes it."""

from __future__ import annotations

import keras


def array(tensor):
    """A tensor or a variable as a NumPy array."""
    return keras.ops.convert_to_numpy(tensor)


def gradients(layer, *inputs, **kwargs):
    """The outputs of a call, and the gradients of the sum of their squares, in the order of the trainable weights."""
    inputs = [keras.ops.convert_to_tensor(x) for x in inputs]
    outputs, found = _BY_BACKEND[keras.backend.backend()](layer, inputs, kwargs)
    return array(outputs), [array(gradient) for gradient in found]


def _loss(outputs):
    return keras.ops.sum(keras.ops.square(outputs))


def _with_tensorflow(layer, inputs, kwargs):
    import tensorflow as tf

    with tf.GradientTape() as tape:
        outputs = layer(*inputs, **kwargs)
        loss = _loss(outputs)
    return outputs, tape.gradient(loss, [v.value for v in layer.trainable_variables])


def _with_jax(layer, inputs, kwargs):
    import jax

    def loss(trainable, others):
        outputs, others = layer.stateless_call(trainable, others, *inputs, **kwargs)
        return _loss(outputs), (outputs, others)

    trainable = [v.value for v in layer.trainable_variables]
    others = [v.value for v in layer.non_trainable_variables]
    found, (outputs, others) = jax.grad(loss, has_aux=True)(trainable, others)
    for variable, value in zip(layer.non_trainable_variables, others, strict=True):
        variable.assign(value)
    return outputs, found


def _with_torch(layer, inputs, kwargs):
    layer.zero_grad()
    outputs = layer(*inputs, **kwargs)
    _loss(outputs).backward()
    return outputs, [v.value.grad for v in layer.trainable_variables]


_BY_BACKEND = {"tensorflow": _with_tensorflow, "jax": _with_jax, "torch": _with_torch}
