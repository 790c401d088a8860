"""Values of variables: read, kept, assigned and cast as Keras does, where it offers no way or goes a long one."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import keras
from keras.src.backend.common import global_state
from keras.src.backend.common.variables import AutocastScope, get_autocast_scope

from kscope._keras.traces import BACKEND, STATELESS, symbolic

__all__ = [
    "autocast",
    "cast_value",
    "frozen",
    "has_stateless_value",
    "numbers",
    "set_numbers",
    "stored_dtype",
    "stored_value",
]


def autocast(layer: keras.layers.Layer) -> Any:
    """A block in which variables are read in the layer's compute dtype, as Keras opens one around an outermost call."""
    if get_autocast_scope() is not None or layer.compute_dtype == layer.variable_dtype:
        return nullcontext()
    return AutocastScope(layer.compute_dtype)


def frozen(value: Any) -> Any:
    """A variable's value as it is now; JAX' arrays never change, those of the others are copied."""
    if BACKEND == "jax":
        return value
    # TensorFlow gives a variable new memory when it is assigned to while a tensor that was read of it is there.
    if BACKEND == "tensorflow":
        return value.value() if hasattr(value, "value") else value
    return value.detach().clone()


def numbers(variable: Any) -> Any:
    """A variable's value as a NumPy array; on TensorFlow by half the way that Keras goes."""
    return variable.value.numpy() if BACKEND == "tensorflow" else keras.ops.convert_to_numpy(variable)


def set_numbers(variable: Any, array: Any) -> None:
    """Assign a NumPy array of the variable's shape; on TensorFlow by half the way that Keras goes."""
    if BACKEND == "tensorflow":
        value = variable.value
        value.assign(array.astype(value.dtype.as_numpy_dtype, copy=False), read_value=False)
    else:
        variable.assign(array)


def has_stateless_value(variable: Any) -> bool:
    """Whether a variable's value comes from elsewhere: from a stateless scope's mapping, or a run on symbols."""
    scope = global_state.get_global_attribute(STATELESS)
    return scope is not None and (symbolic() or scope.get_current_value(variable) is not None)


def cast_value(variable: Any, value: Any) -> Any:
    """A value of a variable's, in the dtype that a layer under mixed precision reads it in."""
    return variable._maybe_autocast(value)  # noqa: SLF001


def stored_dtype(variable: Any) -> str:
    """The dtype that a variable is kept in, also where a layer under mixed precision reads it in another.

    Of a tensor, its dtype.
    """
    dtype = variable._dtype if isinstance(variable, keras.Variable) else variable.dtype  # noqa: SLF001
    return str(keras.backend.standardize_dtype(dtype))


def stored_value(variable: Any) -> Any:
    """The value in the dtype that a variable is kept in; of a tensor, the tensor."""
    with AutocastScope(None):
        return keras.ops.convert_to_tensor(variable.value if isinstance(variable, keras.Variable) else variable)
