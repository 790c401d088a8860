"""Gradients of a layer's trainable weights, as each backend computes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from kscope._spec import takes_training
from kscope.testing._calls import is_float, names, random

__all__ = ["gradients"]

Scalar = Callable[[Any], Any]


def gradients(layer: Any, args: tuple[Any, ...], training: bool) -> list[Any]:
    """The gradients of a fixed scalar of the outputs, in the order of the trainable variables.

    The scalar is the sum of all floats, each times a random number that is the same everywhere: a plain sum would be
    blind to layers such as a softmax, whose outputs add up to one.

    Returns:
        Tensors of the backend; zeros where the outputs do not depend on a variable, for which some backends say none.
    """

    def call(*args: Any) -> Any:
        return layer(*args, training=training)

    found = _BY_BACKEND[keras.backend.backend()](layer, call, args, training)
    return [
        keras.ops.zeros_like(variable) if gradient is None else keras.ops.convert_to_tensor(gradient)
        for gradient, variable in zip(found, layer.trainable_variables, strict=True)
    ]


def _scalar(outputs: Any) -> Any:
    total: Any = 0.0
    for name, output in zip(names(outputs, ""), keras.tree.flatten(outputs), strict=True):
        if is_float(output):
            factors = keras.ops.convert_to_tensor(random(name, output.shape))
            total = total + keras.ops.sum(keras.ops.multiply(keras.ops.cast(output, "float32"), factors))
    return total


def _with_tensorflow(layer: Any, call: Any, args: tuple[Any, ...], training: bool) -> Any:
    import tensorflow as tf

    del training
    with tf.GradientTape() as tape:
        total = _scalar(call(*args))
    return tape.gradient(total, [variable.value for variable in layer.trainable_variables])


def _with_jax(layer: Any, call: Any, args: tuple[Any, ...], training: bool) -> Any:
    import jax

    del call
    # Unlike a call, a stateless one hands `training` on to layers that do not take it.
    options = {"training": training} if takes_training(layer) else {}

    def total(trainable: Any, others: Any) -> Any:
        return _scalar(layer.stateless_call(trainable, others, *args, **options)[0])

    values = [[v.value for v in group] for group in (layer.trainable_variables, layer.non_trainable_variables)]
    return jax.grad(total)(*values)


def _with_torch(layer: Any, call: Any, args: tuple[Any, ...], training: bool) -> Any:
    import torch

    del training
    values = [variable.value for variable in layer.trainable_variables]
    total = _scalar(call(*args))
    return torch.autograd.grad(total, values, allow_unused=True) if total.requires_grad else [None] * len(values)


_BY_BACKEND = {"tensorflow": _with_tensorflow, "jax": _with_jax, "torch": _with_torch}
