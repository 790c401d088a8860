"""Programs that Keras or the backend traces: whether one is, and the way out of it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import keras
from keras.src.backend.common import global_state

__all__ = [
    "BACKEND",
    "STATELESS",
    "deferring",
    "eagerly",
    "inherited_training",
    "is_concrete",
    "isolated_call",
    "operations_at_root",
    "outside_of_traces",
    "symbolic",
    "tracing",
]

BACKEND: str = keras.backend.backend()

# Thread-local state of Keras, which has no public reader or writer.
STATELESS = "stateless_scope"
_SYMBOLIC = "symbolic_scope"
_TORCH_DEVICE = "torch_device"
_CALL_CONTEXT = "current_call_ctx"

_NOTHING = nullcontext()


def symbolic() -> bool:
    """Whether Keras runs a program on symbols, to learn shapes."""
    # `clear_session` puts a new tracker in the old one's place, so that it is looked up each time.
    return global_state.GLOBAL_STATE_TRACKER.__dict__.get(_SYMBOLIC) is not None


def _tracing() -> Callable[[], bool]:
    """A function that tells whether a program is being traced, as cheap as it can be: it is asked at every scope."""
    if BACKEND == "tensorflow":
        import tensorflow as tf

        return lambda: not tf.executing_eagerly()
    if BACKEND == "jax":
        # JAX has no public question for it that does not create an array first.
        from jax._src.core import trace_ctx

        return lambda: not trace_ctx.is_top_level()
    # On PyTorch operations carry no names; but names of Keras' own layers must not differ between backends.
    return symbolic


tracing: Callable[[], bool] = _tracing()
"""Whether a program is being traced: by the backend, or by Keras to learn shapes."""


def deferring() -> bool:
    """Whether Keras would defer the making of a variable, or the backend put it into a program."""
    return global_state.get_global_attribute(STATELESS) is not None or tracing()


@contextmanager
def outside_of_traces() -> Iterator[None]:
    """Run the block eagerly even while Keras or the backend traces, so that a variable is made for good.

    Keras defers variables that are made in a stateless scope: their initializers run again at each read, arrays are
    refused as initial values, and one that raises poisons every later scope of the process. A discovery pass makes
    its variables at once instead, where they are asked for.
    """
    names = (STATELESS, _SYMBOLIC, _TORCH_DEVICE)
    saved = {name: global_state.get_global_attribute(name) for name in names}
    for name in (STATELESS, _SYMBOLIC):
        global_state.set_global_attribute(name, None)
    if str(saved[_TORCH_DEVICE]) == "meta":
        global_state.set_global_attribute(_TORCH_DEVICE, None)
    symbols, _escaped.symbols = _escaped.symbols, saved[_SYMBOLIC] or _escaped.symbols
    try:
        with _lifted():
            yield
    finally:
        _escaped.symbols = symbols
        for name, value in saved.items():
            global_state.set_global_attribute(name, value)


def eagerly() -> Any:
    """A block that runs eagerly: `outside_of_traces`, if there is one."""
    return outside_of_traces() if deferring() else _NOTHING


def _lifted() -> Any:
    """The backend's way out of its trace."""
    if BACKEND == "tensorflow":
        return sys.modules["tensorflow"].init_scope()
    if BACKEND == "jax":
        # The public `ensure_compile_time_eval` compiles every function anew that runs inside it: 2 ms a variable.
        from jax._src.core import eval_context

        return eval_context()
    return _NOTHING


@contextmanager
def isolated_call() -> Iterator[None]:
    """Run a layer's call as if no other layer were being called around it.

    Keras hands `training` down through one context per outermost call, and a nested call that passes `training`
    changes it for the rest of that call. A discovery pass must leave no such trace.
    """
    saved = global_state.get_global_attribute(_CALL_CONTEXT)
    global_state.set_global_attribute(_CALL_CONTEXT, None)
    try:
        yield
    finally:
        global_state.set_global_attribute(_CALL_CONTEXT, saved)


def inherited_training() -> bool | None:
    """The `training` value that an outer layer's call hands down."""
    context = global_state.get_global_attribute(_CALL_CONTEXT)
    return None if context is None else context.get_value("training")


def operations_at_root() -> Any:
    """A scope in which TensorFlow names a variable by the name it is given, without the open scopes' before it."""
    if BACKEND == "tensorflow" and sys.modules["tensorflow"].get_current_name_scope():
        return sys.modules["tensorflow"].name_scope("")
    return _NOTHING


class _Escaped(threading.local):
    """The symbolic scope around the block that runs outside of traces."""

    symbols: Any = None


_escaped = _Escaped()


def is_concrete(value: Any) -> bool:
    """Whether a tensor holds numbers of the user's, rather than standing for some in a trace.

    On PyTorch Keras runs a symbolic call that raised again, on made-up numbers. So a call in which some tensor was not
    concrete has none that are.
    """
    symbols = global_state.get_global_attribute(_SYMBOLIC) or _escaped.symbols
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


def _leave_out_of_autograph() -> None:
    """Keep AutoGraph from rewriting kscope's functions inside a `tf.function`, as it does not rewrite Keras'.

    It would turn each error into one that is no ValueError any more. The public `do_not_convert` is a decorator that
    has to import TensorFlow where the function is defined.
    """
    from tensorflow.python.autograph.core import config

    config.CONVERSION_RULES = (config.DoNotConvert("kscope"), *config.CONVERSION_RULES)


if BACKEND == "tensorflow":
    _leave_out_of_autograph()
