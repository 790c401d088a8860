"""Everything that kscope changes in Keras, and in the backends: `install` does it, once in a process.

Each change stands by itself. Where Keras has moved what one of them replaces, that one is left out with a warning (a
change that only saves time, in silence), and the others are made. A model without scoped layers behaves as before.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import keras

from kscope._keras.layers import open_layers, sublayers
from kscope._keras.private import MISSING, find, private, switch_off
from kscope._keras.traces import BACKEND

__all__ = ["Hooks", "built_optimizers", "install", "install_for_kept_layers", "register_again", "replaced"]

built_optimizers: weakref.WeakSet[Any] = weakref.WeakSet()
"""Every optimizer that was built since `install`."""

replaced: list[tuple[Any, str, Any]] = []
"""What `install` put something in the place of: its owner, its name, and what it was."""

# The layers and models whose scoped variables PyTorch knows of.
_with_scoped_variables: weakref.WeakSet[Any] = weakref.WeakSet()

_Around = Callable[..., Any]
_WeightMaker = Callable[[Any], Callable[[dict[str, Any]], Any] | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooks:
    """What the changes call, and which classes they look for.

    Args:
        layer: class of the layers that make a model one with scoped layers in it.
        variable: class of the variables whose names are not Keras'.
        around_models: functions by the name of the method of `keras.Model` that they go around. Each is called as
            `around(original, model, ...)`, for models with scoped layers only; `original` is bound.
        bind: called with a function that is rematerialized, each time it runs; returns the function, or one that finds
            the running call again in the backward pass.
        thread: an object whose `call` or `kept` is not `None` while the next two want to be called.
        note: called with each variable that is made.
        refusal: returns the error of a variable that Keras refuses to make; `None` for Keras' own.
        spelled: opens a block in which names of scoped variables are spelled by a function of the path.
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
    """Make all changes but that of `install_for_kept_layers`, once in a process.

    No change relies on another one. Those of classes of Keras come first; what only one backend needs comes last.
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
    """Make the one change that only kept layers need, once in a process: each weight of each layer pays for it.

    Args:
        weight_maker: called with a layer that adds a weight; returns `None`, or a function of the options of
            `add_weight` that makes the weight in place of Keras.
    """
    if "weights" not in _done:
        with _lock:
            if "weights" not in _done:
                _added_weights(weight_maker)
                _done.add("weights")


def _replace(owner: Any, name: str, replacement: Callable[[Any], Any]) -> None:
    """Put `replacement(original)` in the place of a function, under the original's name and signature."""
    original = getattr(owner, name)
    replaced.append((owner, name, original))
    setattr(owner, name, functools.wraps(original)(replacement(original)))


def _files_and_quantization(hooks: Hooks) -> None:
    """Write and load files of models with scoped layers whole or not at all, and name what is not quantized.

    Keras' own models are made by Keras' own functions, so that no subclass of ours could override their methods.
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
    """Let a function that runs again in the backward pass get the variables that it got before.

    TensorFlow and PyTorch run it again when the call that it was a part of is over. Both `keras.remat` and
    `RematScope` go through this function of the backend.
    """
    backend = find("keras.src.backend:ops")
    if not hasattr(backend, "remat"):
        # Keras 3.15
        backend = find("keras.src.backend:core")
    if not hasattr(backend, "remat"):
        switch_off("backend.ops.remat", "`keras.remat` of a function that gets variables raises, or gets others")
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

    A layer asks for its weights as a method of its own class, so that nothing but the method can tell them.
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
                # Keras has words for what it does not take.
                return original(self, *args, **kwargs)
            bound.apply_defaults()
            options = {**bound.arguments, **dict(zip(("shape", "initializer", "dtype"), args, strict=False))}
            options["name"] = options["name"] or "variable"
            options["shape"] = () if options["shape"] is None else options["shape"]
            return make(options)

        return add_weight

    _replace(keras.layers.Layer, "add_weight", replacement)


def _new_variables(hooks: Hooks) -> None:
    """See each variable that is made inside a scoped call, past `get_variable`.

    Keras' trackers learn only of those that become attributes, and its error is about `build`.
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
    """Keep a list of built optimizers, for `late="allow"`: a late variable has to find those that train its layer."""

    def replacement(original: Any) -> Any:
        def build(self: Any, variables: Any) -> None:
            original(self, variables)
            built_optimizers.add(self)

        return build

    _replace(keras.optimizers.Optimizer, "build", replacement)


def _names_after_variables(hooks: Hooks) -> None:
    """Spell a scoped variable's name without slash or colon where Keras names something after it and takes neither.

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
    """Keep AutoGraph from rewriting kscope's functions inside a `tf.function`, as it does not rewrite Keras'.

    It would turn each error into one that is no ValueError any more. The public `do_not_convert` is a decorator that
    has to import TensorFlow where the function is defined.
    """
    config = "tensorflow.python.autograph.core.config"
    off = "errors that are raised inside a `tf.function` may have another class"
    rules, rule = private(f"{config}:CONVERSION_RULES", off=off), private(f"{config}:DoNotConvert", off=off)
    if MISSING not in (rules, rule):
        from tensorflow.python.autograph.core import config as module

        module.CONVERSION_RULES = (rule("kscope"), *rules)


class _Keeping:
    """A module of which one function answers equal questions with one object."""

    def __init__(self, module: Any):
        self._module = module
        self._symbolic_shape = functools.cache(module.symbolic_shape)

    def symbolic_shape(self, shape: str, constraints: list[str]) -> Any:
        """JAX' `symbolic_shape`, asked once."""
        return self._symbolic_shape(shape, constraints=tuple(constraints))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)


def _symbolic_dimensions() -> None:
    """Let Keras use one symbol for all sizes that are not known, instead of a new one for each symbolic call.

    JAX keeps what it traced for the shapes it has seen. With a new symbol each time it finds nothing there, traces all
    functions of `jax.numpy` again, and keeps the traces: twice the time, and 150 KB a model that is dropped.
    """
    for place in ("keras.src.backend.jax.ops:core", "keras.src.backend.jax:core"):
        core = find(place)
        if hasattr(core, "jax_export"):
            core.jax_export = _Keeping(core.jax_export)
            return


_PARAMETERS = "PyTorch sees one parameter where two scoped variables have one path, and takes no dot in a name"


def _parameters(hooks: Hooks) -> None:
    """Let PyTorch see each scoped variable of a layer, whatever its path.

    Keras registers parameters under `variable.path`. Of two variables with one path (two layers with a store each)
    PyTorch would see one: `zero_grad` misses the other, whose gradients then add up from step to step in silence.
    A dot in a path is refused outright. Models without scoped variables are registered by Keras alone.
    """
    layer = find("keras.src.backend.torch.layer:TorchLayer")
    replacements = {
        "_track_variables": _register_all,
        "_post_track_variable": _register,
        "_post_untrack_variable": _forget,
    }
    # Set under another name, Keras would take the parameters for further weights.
    code = getattr(getattr(layer, "_track_variables", None), "__code__", None)
    if code is None or "_torch_params" not in code.co_names or not all(hasattr(layer, name) for name in replacements):
        switch_off("TorchLayer._track_variables", _PARAMETERS)
        return
    for name, replacement in replacements.items():
        _replace(layer, name, functools.partial(replacement, hooks.variable))


def _register_all(kind: type[Any], original: Any) -> Any:
    def track_variables(self: Any) -> None:
        variables = self.variables
        if not any(isinstance(variable, kind) for variable in variables):
            original(self)
            return
        from torch.nn import ParameterDict

        parameters: dict[str, Any] = {}
        for variable in variables:
            parameters[_free_key(variable.path, parameters)] = variable.value
        self._torch_params = ParameterDict(parameters)
        _with_scoped_variables.add(self)

    return track_variables


def register_again(layer: Any) -> None:
    """Let PyTorch see what a built layer has come to hold: in the layer, and in all that contain it.

    Without it `zero_grad` would miss a late variable, whose gradients would add up in silence.
    """
    if BACKEND == "torch":
        for module in {*_with_scoped_variables, *open_layers(layer)}:
            if hasattr(module, "_torch_params") and any(part is layer for part in sublayers(module)):
                module._track_variables()  # noqa: SLF001


def _register(kind: type[Any], original: Any) -> Any:
    def post_track_variable(self: Any, variable: Any) -> None:
        if not isinstance(variable, kind):
            original(self, variable)
        elif (parameters := getattr(self, "_torch_params", None)) is not None and _key(variable, parameters) is None:
            parameters[_free_key(variable.path, parameters)] = variable.value

    return post_track_variable


def _forget(kind: type[Any], original: Any) -> Any:
    def post_untrack_variable(self: Any, variable: Any) -> None:
        if not isinstance(variable, kind):
            original(self, variable)
            return
        parameters = getattr(self, "_torch_params", None)
        if parameters is not None and (key := _key(variable, parameters)) is not None:
            parameters.pop(key)

    return post_untrack_variable


def _keys(path: str) -> Iterator[str]:
    """Iterate over the keys that a variable of that path may have: PyTorch takes no dot."""
    key = path.replace(".", "_")
    yield key
    for count in itertools.count(1):
        yield f"{key}:{count}"


def _free_key(path: str, taken: Any) -> str:
    return next(key for key in _keys(path) if key not in taken)


def _key(variable: Any, parameters: Any) -> str | None:
    """Return the key of a variable among a layer's parameters; `None` if it has none."""
    value = variable.value
    found = itertools.islice(_keys(variable.path), len(parameters)) if next(_keys(variable.path)) in parameters else ()
    return next((key for key in found if parameters.get(key) is value), None)
