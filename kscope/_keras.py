"""Every touch point with Keras, or with a backend, that is not public API.

Each says why there is no public way; `tests/test_keras.py` fails for each of them when Keras changes it.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, TypeVar

import keras
from keras.src.backend.common import global_state
from keras.src.backend.common.masking import get_keras_mask, set_keras_mask
from keras.src.backend.common.variables import AutocastScope, get_autocast_scope

__all__ = [
    "around_remat",
    "autocast",
    "cast_value",
    "default",
    "deferring",
    "eagerly",
    "frozen",
    "get_keras_mask",
    "has_stateless_value",
    "inherited_training",
    "is_concrete",
    "isolated_call",
    "numbers",
    "operations_at_root",
    "outside_of_traces",
    "set_keras_mask",
    "set_numbers",
    "symbolic",
    "tracing",
    "unlocked",
]

BACKEND: str = keras.backend.backend()

_Method = TypeVar("_Method", bound=Callable[..., Any])


# Thread-local state of Keras, which has no public reader or writer.
_STATELESS = "stateless_scope"
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
    return global_state.get_global_attribute(_STATELESS) is not None or tracing()


@contextmanager
def outside_of_traces() -> Iterator[None]:
    """Run the block eagerly even while Keras or the backend traces, so that a variable is made for good.

    Keras defers variables that are made in a stateless scope: their initializers run again at each read, arrays are
    refused as initial values, and one that raises poisons every later scope of the process. A discovery pass makes
    its variables at once instead, where they are asked for.
    """
    names = (_STATELESS, _SYMBOLIC, _TORCH_DEVICE)
    saved = {name: global_state.get_global_attribute(name) for name in names}
    for name in (_STATELESS, _SYMBOLIC):
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
        return sys.modules["jax"].ensure_compile_time_eval()
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


def autocast(layer: keras.layers.Layer) -> Any:
    """A block in which variables are read in the layer's compute dtype, as Keras opens one around an outermost call."""
    if get_autocast_scope() is not None or layer.compute_dtype == layer.variable_dtype:
        return _NOTHING
    return AutocastScope(layer.compute_dtype)


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
    scope = global_state.get_global_attribute(_STATELESS)
    return scope is not None and (symbolic() or scope.get_current_value(variable) is not None)


def cast_value(variable: Any, value: Any) -> Any:
    """A value of a variable's, in the dtype that a layer under mixed precision reads it in."""
    return variable._maybe_autocast(value)  # noqa: SLF001


def default(method: _Method) -> _Method:
    """Mark an override of a method of `keras.Layer` as its default, which Keras takes for nobody's override.

    Keras writes a layer's constructor arguments into its config only as long as no class overrides `get_config`, and
    asks `call` for an output's shape only as long as none overrides `compute_output_shape`. There is no public way to
    extend either.
    """
    method._is_default = True  # type: ignore[attr-defined]  # noqa: SLF001 - Keras' mark
    return method


def unlocked(layer: Any) -> Any:
    """A block in which a built layer takes new variables, which Keras allows while it is built only."""
    return _unlocked(layer._tracker)  # noqa: SLF001


@contextmanager
def _unlocked(tracker: Any) -> Iterator[None]:
    locked, message = tracker.locked, tracker._lock_violation_msg  # noqa: SLF001
    tracker.unlock()
    try:
        yield
    finally:
        if locked:
            tracker.lock(message)


def around_remat(wrap: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    """Hand what is rematerialized through `wrap` at each of its calls: `keras.remat` and `RematScope` alike."""
    from keras.src import backend

    core = backend.core
    original = core.remat

    def remat(function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *args, **kwargs: original(wrap(function))(*args, **kwargs)

    core.remat = remat


def _unique_key(path: str, taken: dict[str, Any]) -> str:
    """A name PyTorch accepts for a parameter: no dot, and no other variable's."""
    key = path.replace(".", "_")
    count = 0
    while key in taken:
        count += 1
        key = f"{path.replace('.', '_')}:{count}"
    return key


def _patch_torch_parameters() -> None:
    """Let PyTorch see each variable of a layer, whatever its path.

    Keras registers parameters under `variable.path`. Of two variables with one path (two layers with a store each)
    PyTorch would see one: `zero_grad` misses the other, whose gradients then add up from step to step in silence.
    A dot in a path is refused outright.
    """
    from keras.src.backend.torch.layer import TorchLayer
    from torch.nn import ParameterDict

    def track_variables(self: Any) -> None:
        parameters: dict[str, Any] = {}
        for variable in self.variables:
            parameters[_unique_key(variable.path, parameters)] = variable.value
        self._torch_params = ParameterDict(parameters)

    def track_again(self: Any, _: Any) -> None:
        if hasattr(self, "_torch_params"):
            track_variables(self)

    for name, replacement in (
        ("_track_variables", track_variables),
        ("_post_track_variable", track_again),
        ("_post_untrack_variable", track_again),
    ):
        assert hasattr(TorchLayer, name)
        setattr(TorchLayer, name, replacement)


def _leave_out_of_autograph() -> None:
    """Keep AutoGraph from rewriting kscope's functions inside a `tf.function`, as it does not rewrite Keras'.

    It would turn each error into one that is no ValueError any more. The public `do_not_convert` is a decorator that
    has to import TensorFlow where the function is defined.
    """
    from tensorflow.python.autograph.core import config

    config.CONVERSION_RULES = (config.DoNotConvert("kscope"), *config.CONVERSION_RULES)


if BACKEND == "torch":
    _patch_torch_parameters()
elif BACKEND == "tensorflow":
    _leave_out_of_autograph()
