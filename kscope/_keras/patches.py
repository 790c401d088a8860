"""Every change that kscope makes to Keras and to the backends.

`install` makes them, once in a process; `install_for_kept_layers` makes the one that only kept layers need.

The changes do not depend on each other. If Keras no longer has a name that a change replaces, the change is left out
with a warning (without one if it only saves time), and the others are made. Models without scoped layers are not
affected.
"""

from __future__ import annotations

import functools
import inspect
import threading
import weakref
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import keras

from kscope._keras import parameters
from kscope._keras.layers import sublayers
from kscope._keras.private import MISSING, find, private, switch_off
from kscope._keras.traces import BACKEND

__all__ = ["Hooks", "built_optimizers", "install", "install_for_kept_layers", "replaced"]

built_optimizers: weakref.WeakSet[Any] = weakref.WeakSet()
"""Every optimizer that was built since `install`."""

replaced: list[tuple[Any, str, Any]] = []
"""What was replaced: owner, name, original value."""

_Around = Callable[..., Any]
_WeightMaker = Callable[[Any], Callable[[dict[str, Any]], Any] | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooks:
    """The functions that the changes call, and the classes that they look for.

    Args:
        layer: the class of scoped layers.
        variable: the class of scoped variables.
        around_models: functions by the name of the method of `keras.Model` that they wrap. Each is called as
            `around(original, model, ...)`, for models with scoped layers only; `original` is bound.
        bind: called with a rematerialized function, each time it runs; returns the function, or a function that
            restores the running call in the backward pass.
        thread: an object; `note` and `refusal` are called only while its `call` or `kept` is not `None`.
        note: called with each variable that is made.
        refusal: returns the error to raise when Keras refuses to make a variable; `None` for Keras' own error.
        spelled: opens a block in which a function of the path gives the names of scoped variables.
    """

    layer: type[Any]
    variable: type[Any]
    around_models: dict[str, _Around]
    bind: Callable[[Callable[..., Any]], Callable[..., Any]]
    thread: Any
    note: Callable[[Any], None]
    refusal: Callable[[], Exception | None]
    spelled: Callable[[Callable[[str], str]], AbstractContextManager[None]]


_lock = threading.Lock()
_done: set[str] = set()


def install(hooks: Hooks) -> None:
    """Make all changes except the one of `install_for_kept_layers`, once in a process.

    Changes to classes of Keras come first, changes for one backend last.
    """
    with _lock:
        if "all" in _done:
            return
        _files_and_quantization(hooks)
        _rematerialization(hooks)
        _new_variables(hooks)
        _built_optimizers()
        _names_after_variables(hooks)
        if BACKEND == "tensorflow":
            _autograph()
        elif BACKEND == "jax":
            _symbolic_dimensions()
        else:
            _parameters(hooks)
        _done.add("all")


def install_for_kept_layers(weight_maker: _WeightMaker) -> None:
    """Make the one change that only kept layers need, once in a process. It slows `add_weight` of every layer down.

    Args:
        weight_maker: called with a layer that adds a weight; returns a function that makes the weight from the options
            of `add_weight`, or `None` to let Keras make it.
    """
    with _lock:
        if "weights" not in _done:
            _added_weights(weight_maker)
            _done.add("weights")


def _replace(owner: Any, name: str, replacement: Callable[[Any], Any]) -> None:
    """Replace a function by `replacement(original)`, with the name and signature of the original."""
    original = getattr(owner, name)
    replaced.append((owner, name, original))
    setattr(owner, name, functools.wraps(original)(replacement(original)))


def _files_and_quantization(hooks: Hooks) -> None:
    """Call the functions of `around_models` for models with scoped layers.

    They write and load a file completely or not at all, and name the layers that are not quantized. Models that Keras'
    own functions make are of Keras' own classes, so overriding the methods in a subclass is not enough.
    """

    def around(name: str, function: _Around) -> None:
        def replacement(original: Any) -> Any:
            def method(self: Any, *args: Any, **kwargs: Any) -> Any:
                if any(isinstance(layer, hooks.layer) for layer in sublayers(self)):
                    return function(functools.partial(original, self), self, *args, **kwargs)
                return original(self, *args, **kwargs)

            return method

        _replace(keras.Model, name, replacement)

    for name, function in hooks.around_models.items():
        around(name, function)


def _rematerialization(hooks: Hooks) -> None:
    """Give a rematerialized function the same variables when it runs again in the backward pass.

    TensorFlow and PyTorch run it again after the layer's call has returned. Both `keras.remat` and `RematScope` use
    this function of the backend.
    """
    # The second one is Keras 3.15's.
    backends = [find("keras.src.backend:ops"), find("keras.src.backend:core")]
    backend = next((backend for backend in backends if hasattr(backend, "remat")), None)
    if backend is None:
        switch_off("backend.ops.remat", "`keras.remat` of a function that gets variables raises, or gets other ones")
        return

    def replacement(original: Any) -> Any:
        def remat(function: Any) -> Any:
            plain = original(function)

            @functools.wraps(plain)
            def rematerialized(*args: Any, **kwargs: Any) -> Any:
                bound = hooks.bind(function)
                return (plain if bound is function else original(bound))(*args, **kwargs)

            return rematerialized

        return remat

    _replace(backend, "remat", replacement)


def _added_weights(weight_maker: _WeightMaker) -> None:
    """Make the weights of kept layers variables of the store.

    A layer makes its weights by calling its own method `add_weight`, so only a change of this method can see them.
    """

    def replacement(original: Any) -> Any:
        signature = inspect.signature(original)

        def add_weight(self: Any, *args: Any, **kwargs: Any) -> Any:
            make = weight_maker(self)
            if make is None:
                return original(self, *args, **kwargs)
            try:
                bound = signature.bind(self, *args, **kwargs)
            except TypeError:
                # Keras raises its own error for wrong arguments.
                return original(self, *args, **kwargs)
            bound.apply_defaults()
            options = {**bound.arguments, **dict(zip(("shape", "initializer", "dtype"), args, strict=False))}
            options["name"] = options["name"] or "variable"
            options["shape"] = () if options["shape"] is None else options["shape"]
            return make(options)

        return add_weight

    _replace(keras.layers.Layer, "add_weight", replacement)


def _new_variables(hooks: Hooks) -> None:
    """Notice each variable that a scoped call makes without `get_variable`.

    Keras' trackers see only variables that become attributes, and Keras' error is about `build`.
    """
    thread, note, refusal = hooks.thread, hooks.note, hooks.refusal

    def replacement(original: Any) -> Any:
        def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807 - it is the constructor
            if thread.call is None and thread.kept is None:
                original(self, *args, **kwargs)
                return
            try:
                original(self, *args, **kwargs)
            except ValueError:
                refused = refusal()
                if refused is None:
                    raise
                raise refused from None
            note(self)

        return __init__

    _replace(keras.Variable, "__init__", replacement)


def _built_optimizers() -> None:
    """Keep a set of the built optimizers: with `late="allow"`, those of a layer have to train its late variables."""

    def replacement(original: Any) -> Any:
        def build(self: Any, variables: Any) -> None:
            original(self, variables)
            built_optimizers.add(self)

        return build

    _replace(keras.optimizers.Optimizer, "build", replacement)


def _names_after_variables(hooks: Hooks) -> None:
    """Spell a scoped variable's name without slash or colon where Keras derives a name from it and allows neither.

    A scoped variable's `.name` is TensorFlow 1's, `encoder/fc/kernel:0`.
    """

    def spell(owner: Any, name: str, spelling: Callable[[str], str]) -> None:
        def replacement(original: Any) -> Any:
            def spelled(*args: Any, **kwargs: Any) -> Any:
                with hooks.spelled(spelling):
                    return original(*args, **kwargs)

            return spelled

        _replace(owner, name, replacement)

    spell(keras.optimizers.Adafactor, "build", lambda path: path.replace("/", "_"))
    archive = private(
        "keras.src.export.saved_model:SavedModelExportArchive",
        # Keras 3.15
        "keras.src.export.saved_model_export_archive:SavedModelExportArchive",
        off="a SavedModel cannot be exported from JAX or PyTorch",
    )
    if archive is not MISSING and hasattr(archive, "_convert_to_tf_variable"):
        spell(archive, "_convert_to_tf_variable", str)
    elif archive is not MISSING:
        switch_off(
            "SavedModelExportArchive._convert_to_tf_variable", "a SavedModel cannot be exported from JAX or PyTorch"
        )


def _autograph() -> None:
    """Keep AutoGraph from rewriting kscope's functions inside a `tf.function`; it does not rewrite Keras' either.

    AutoGraph would replace each error by one that is no longer a ValueError. The public `do_not_convert` is a
    decorator, for which every file would have to import TensorFlow.
    """
    config = "tensorflow.python.autograph.core.config"
    off = "errors that are raised inside a `tf.function` may have another class"
    rules, rule = private(f"{config}:CONVERSION_RULES", off=off), private(f"{config}:DoNotConvert", off=off)
    if MISSING not in (rules, rule):
        from tensorflow.python.autograph.core import config as module

        replaced.append((module, "CONVERSION_RULES", rules))
        module.CONVERSION_RULES = (rule("kscope"), *rules)


class _Keeping:
    """A wrapper of `jax.export` whose `symbolic_shape` returns the same object for the same arguments."""

    def __init__(self, module: Any):
        self._module = module
        self._symbolic_shape = functools.cache(module.symbolic_shape)

    def symbolic_shape(self, shape: str, constraints: list[str]) -> Any:
        """Call JAX' `symbolic_shape`, once for each shape."""
        return self._symbolic_shape(shape, constraints=tuple(constraints))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)


def _symbolic_dimensions() -> None:
    """Make Keras use one symbol for an unknown size, instead of a new symbol in each symbolic call.

    JAX caches traces by shape. With new symbols it never hits its cache: it traces every function of `jax.numpy` again,
    and keeps the traces, which takes twice the time and leaks 150 KB for each model.
    """
    for place in ("keras.src.backend.jax.ops:core", "keras.src.backend.jax:core"):
        core = find(place)
        if hasattr(core, "jax_export"):
            replaced.append((core, "jax_export", core.jax_export))
            core.jax_export = _Keeping(core.jax_export)
            return


_PARAMETERS = "PyTorch sees only one of two scoped variables with the same path, and refuses a path with a dot"


def _parameters(hooks: Hooks) -> None:
    """Register every scoped variable of a layer with PyTorch, whatever its path.

    Keras registers parameters under `variable.path`. Two layers with a store each can have two variables with the same
    path, of which PyTorch would see only one: `zero_grad` would miss the other, and its gradients would add up from
    step to step without an error. PyTorch refuses a path with a dot. Keras alone registers the variables of models
    without scoped variables.
    """
    layer = find("keras.src.backend.torch.layer:TorchLayer")
    replacements = {
        "_track_variables": parameters.register_all,
        "_post_track_variable": parameters.register,
        "_post_untrack_variable": parameters.forget,
    }
    # Set under another name, Keras would take the parameters for further weights.
    code = getattr(getattr(layer, "_track_variables", None), "__code__", None)
    if code is None or "_torch_params" not in code.co_names or not all(hasattr(layer, name) for name in replacements):
        switch_off("TorchLayer._track_variables", _PARAMETERS)
        return
    for name, replacement in replacements.items():
        _replace(layer, name, functools.partial(replacement, hooks.variable))
