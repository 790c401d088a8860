"""Compute the gradients of a layer's trainable weights, on each backend in its way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from kscope._layers.calls.call_spec import takes_training
from kscope.testing._calls import is_float, names, random

__all__ = ["derived", "gradients"]

Scalar = Callable[[Any], Any]


def gradients(layer: Any, args: tuple[Any, ...], training: bool) -> list[Any]:
    """Return the gradients of a fixed scalar of the outputs, in the order of the trainable variables.

    The scalar is the sum of all floats, each times a random number that is the same on every backend. The gradient
    of a plain sum would be zero for layers such as a softmax, whose outputs add up to one.

    Returns:
        Tensors of the backend. For a variable on which the outputs do not depend, zeros; some backends give `None`.
    """
    return derived(layer, _scalar, args, {"training": training})[1]


def derived(layer: Any, scalar: Scalar, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, list[Any]]:
    """Return the outputs of a call and the gradients of a scalar of them; the call updates the state of the layer.

    Args:
        layer: a built layer.
        scalar: a function of the outputs that returns a scalar tensor.
        args: tensors, the positional arguments of the call.
        kwargs: the keyword arguments of the call.

    Returns:
        The outputs, and tensors as `gradients` returns them.
    """
    outputs, found = _BY_BACKEND[keras.backend.backend()](layer, scalar, args, kwargs)
    return outputs, [
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


def _with_tensorflow(layer: Any, scalar: Scalar, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    import tensorflow as tf

    with tf.GradientTape() as tape:
        outputs = layer(*args, **kwargs)
        total = scalar(outputs)
    return outputs, tape.gradient(total, [variable.value for variable in layer.trainable_variables])


def _with_jax(layer: Any, scalar: Scalar, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    import jax

    if not takes_training(layer):
        # Unlike `__call__`, `stateless_call` passes `training` to layers that do not take it.
        kwargs = {key: value for key, value in kwargs.items() if key != "training"}

    def total(trainable: Any, others: Any) -> Any:
        outputs, others = layer.stateless_call(trainable, others, *args, **kwargs)
        return scalar(outputs), (outputs, others)

    values = [[v.value for v in group] for group in (layer.trainable_variables, layer.non_trainable_variables)]
    found, (outputs, others) = jax.grad(total, has_aux=True)(*values)
    for variable, value in zip(layer.non_trainable_variables, others, strict=True):
        variable.assign(value)
    return outputs, found


def _with_torch(layer: Any, scalar: Scalar, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    import torch

    values = [variable.value for variable in layer.trainable_variables]
    outputs = layer(*args, **kwargs)
    total = scalar(outputs)
    found = torch.autograd.grad(total, values, allow_unused=True) if total.requires_grad else [None] * len(values)
    return outputs, found


_BY_BACKEND = {"tensorflow": _with_tensorflow, "jax": _with_jax, "torch": _with_torch}
