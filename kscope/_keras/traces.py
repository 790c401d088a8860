"""Whether Keras or the backend is tracing a program, and how to run code outside of the trace."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import keras

from kscope._keras import state
from kscope._keras.private import private
from kscope._keras.state import CALL_CONTEXT, STATELESS, SYMBOLIC, TORCH_DEVICE, symbolic

__all__ = [
    "BACKEND",
    "deferring",
    "eagerly",
    "inherited_training",
    "is_concrete",
    "isolated_call",
    "operations_at_root",
    "outside_of_traces",
    "tracing",
]

BACKEND: str = keras.backend.backend()

_NOTHING = nullcontext()


def _tracing() -> Callable[[], bool]:
    """Return the fastest function for `tracing`, because every scope calls it."""
    if BACKEND == "tensorflow":
        import tensorflow as tf

        return lambda: not tf.executing_eagerly()
    if BACKEND == "jax":
        context = private("jax._src.core:trace_ctx", off=None, otherwise=None)
        if hasattr(context, "is_top_level"):
            return lambda: not context.is_top_level()
        import jax

        # The public way has to create an array first.
        return lambda: isinstance(jax.numpy.zeros(()), jax.core.Tracer)
    # PyTorch's operations have no names, but the names of Keras' own layers must be the same on every backend.
    return symbolic


tracing: Callable[[], bool] = _tracing()
"""Whether a program is being traced: by the backend, or by Keras to infer shapes."""


def deferring() -> bool:
    """Whether Keras would defer the creation of a variable, or the backend would make it part of a program."""
    return state.get(STATELESS) is not None or tracing()


def _public_torch_device() -> str | None:
    """Return the device for variables on PyTorch, if Keras does not tell where it keeps the one that is in use."""
    if BACKEND != "torch" or TORCH_DEVICE not in state.unknown:
        return None
    return "cuda" if sys.modules["torch"].cuda.is_available() else "cpu"


_torch_device = _public_torch_device()


@contextmanager
def outside_of_traces() -> Iterator[None]:
    """Open a block that runs eagerly even while Keras or the backend traces, so that a variable is made at once.

    Keras defers variables that are made in a stateless scope: their initializers run again at each read, arrays are
    refused as initial values, and an initializer that raises breaks every later scope of the process. In a discovery,
    variables are made at once instead.
    """
    names = (STATELESS, SYMBOLIC, TORCH_DEVICE)
    saved = {name: state.get(name) for name in names}
    for name in (STATELESS, SYMBOLIC):
        state.put(name, None)
    if str(saved[TORCH_DEVICE]) == "meta":
        state.put(TORCH_DEVICE, None)
    elsewhere = _NOTHING if _torch_device is None else keras.device(_torch_device)
    symbols, _escaped.symbols = _escaped.symbols, saved[SYMBOLIC] or _escaped.symbols
    try:
        with _lifted(), elsewhere:
            yield
    finally:
        _escaped.symbols = symbols
        for name, value in saved.items():
            state.put(name, value)


def eagerly() -> Any:
    """Open a block that runs eagerly: `outside_of_traces` if a program is being traced, otherwise nothing."""
    return outside_of_traces() if deferring() or _torch_device is not None else _NOTHING


def _jax_eval_context() -> Any:
    if BACKEND != "jax":
        return None
    import jax

    # Inside the public context, JAX compiles every function again: 2 ms for each variable.
    return private(
        "jax.core:eval_context", "jax._src.core:eval_context", off=None, otherwise=jax.ensure_compile_time_eval
    )


_eval_context = _jax_eval_context()


def _lifted() -> Any:
    """Open a block that the backend runs outside of its trace."""
    if BACKEND == "tensorflow":
        return sys.modules["tensorflow"].init_scope()
    return _NOTHING if _eval_context is None else _eval_context()


@contextmanager
def isolated_call() -> Iterator[None]:
    """Open a block in which a layer is called as if no other layer's call were running.

    Keras keeps `training` in one context for each outermost call, and a nested call that passes `training` changes it
    for the rest of that call. A discovery must not change it.
    """
    saved = state.get(CALL_CONTEXT)
    state.put(CALL_CONTEXT, None)
    try:
        yield
    finally:
        state.put(CALL_CONTEXT, saved)


def inherited_training() -> bool | None:
    """Return the value of `training` that an outer layer's call was given."""
    context = state.get(CALL_CONTEXT)
    return None if context is None else getattr(context, "get_value", lambda _: None)("training")


def operations_at_root() -> Any:
    """Open a block in which TensorFlow gives a variable its own name, without the names of the open name scopes."""
    if BACKEND == "tensorflow" and sys.modules["tensorflow"].get_current_name_scope():
        return sys.modules["tensorflow"].name_scope("")
    return _NOTHING


class _Escaped(threading.local):
    """The symbolic scope around a block of `outside_of_traces`."""

    symbols: Any = None


_escaped = _Escaped()


def is_concrete(value: Any) -> bool:
    """Whether a tensor holds the user's numbers, and is not a symbol of a trace.

    On PyTorch, Keras retries a failed symbolic call on made-up numbers. A symbolic scope in which one tensor was not
    concrete is marked, and no tensor in it counts as concrete after that.
    """
    symbols = state.get(SYMBOLIC) or _escaped.symbols
    concrete = not hasattr(symbols, "kscope_refused") and _has_numbers(value)
    if not concrete and symbols is not None:
        symbols.kscope_refused = True
    return concrete


def _has_numbers(value: Any) -> bool:
    if BACKEND == "jax":
        return not isinstance(value, sys.modules["jax"].core.Tracer)
    if BACKEND == "tensorflow":
        return hasattr(value, "numpy")
    return str(getattr(value, "device", "")) != "meta"
