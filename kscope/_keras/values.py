"""Reading, copying, assigning and casting values of variables, where Keras has no public way or a slow one."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import keras

from kscope._keras import state
from kscope._keras.private import attribute, private
from kscope._keras.state import STATELESS, symbolic
from kscope._keras.traces import BACKEND

__all__ = [
    "autocast",
    "cast_value",
    "frozen",
    "has_stateless_value",
    "initialize",
    "numbers",
    "set_numbers",
    "stored_dtype",
    "stored_value",
]

_VARIABLES = "keras.src.backend.common.variables"
_OFF = "under mixed precision, getters and inferred outputs see variables in another dtype than calls do"

_AutocastScope: Any = private(f"{_VARIABLES}:AutocastScope", off=_OFF, otherwise=nullcontext)
_get_autocast_scope: Any = private(f"{_VARIABLES}:get_autocast_scope", off=_OFF, otherwise=lambda: None)


def autocast(layer: keras.layers.Layer) -> Any:
    """Open a block in which variables are read in the layer's compute dtype, as Keras does for an outermost call."""
    if _get_autocast_scope() is not None or layer.compute_dtype == layer.variable_dtype:
        return nullcontext()
    return _AutocastScope(layer.compute_dtype)


def frozen(value: Any) -> Any:
    """Return a variable's value as it is now. JAX' arrays are immutable; those of other backends are copied."""
    if BACKEND == "jax":
        return value
    # On TensorFlow, an assignment gives the variable new memory while a tensor that was read from it exists.
    if BACKEND == "tensorflow":
        return value.value() if hasattr(value, "value") else value
    return value.detach().clone()


def numbers(variable: Any) -> Any:
    """Return a variable's value as a NumPy array. On TensorFlow this bypasses Keras, to save time."""
    return variable.value.numpy() if BACKEND == "tensorflow" else keras.ops.convert_to_numpy(variable)


def set_numbers(variable: Any, array: Any) -> None:
    """Assign a NumPy array of the variable's shape. On TensorFlow this bypasses Keras, to save time."""
    if BACKEND == "tensorflow":
        value = variable.value
        value.assign(array.astype(value.dtype.as_numpy_dtype, copy=False), read_value=False)
    else:
        variable.assign(array)


def has_stateless_value(variable: Any) -> bool:
    """Whether reading a variable returns another value: one of a stateless scope's mapping, or of a symbolic call."""
    scope = state.get(STATELESS)
    return scope is not None and (symbolic() or scope.get_current_value(variable) is not None)


def cast_value(variable: Any, value: Any) -> Any:
    """Cast a variable's value to the dtype in which a layer under mixed precision reads it."""
    return attribute(variable, "_maybe_autocast", _OFF, lambda value: value)(value)


def stored_dtype(variable: Any) -> str:
    """Return the dtype of a variable's memory, even where a layer under mixed precision reads it in another dtype.

    For a tensor, return its dtype.
    """
    dtype = getattr(variable, "_dtype", None) if isinstance(variable, keras.Variable) else variable.dtype
    if dtype is None:
        with _AutocastScope(None):
            dtype = variable.dtype
    return str(keras.backend.standardize_dtype(dtype))


def stored_value(variable: Any) -> Any:
    """Return a variable's value in the dtype of its memory; for a tensor, the tensor."""
    with _AutocastScope(None):
        return keras.ops.convert_to_tensor(variable.value if isinstance(variable, keras.Variable) else variable)


def _jax_initialize(variable: Any, array: Any) -> None:
    """Set the value of a new variable from a NumPy array, and send each device only its part.

    Keras would put the whole array on one device first, or compile a program for each shape, with the numbers in it.
    """
    variable._initialize_layout()  # noqa: SLF001
    jax = sys.modules["jax"]

    layout = variable._layout  # noqa: SLF001
    variable._initialize(jax.device_put(array, getattr(layout, "backend_layout", layout)))  # noqa: SLF001


def _initialize() -> Callable[[Any, Any], None] | None:
    names = ("_initialize_layout", "_initialize", "_initialize_with_initializer")
    if BACKEND == "jax" and all(hasattr(keras.Variable, name) for name in names):
        return _jax_initialize
    return None


initialize: Callable[[Any, Any], None] | None = _initialize()
"""Set the value of a new variable from a NumPy array without Keras, where that is faster (JAX); `None` elsewhere."""
