"""What layers do that Keras offers no public way to extend, read or repeat."""

from __future__ import annotations

import functools
import inspect
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import keras
from keras.src.backend.common import global_state
from keras.src.backend.common.masking import get_keras_mask, set_keras_mask
from keras.src.random.seed_generator import GLOBAL_SEED_GENERATOR
from keras.src.utils.tracking import DotNotTrackScope

__all__ = [
    "around_add_weight",
    "around_models",
    "around_remat",
    "around_variables",
    "default",
    "get_keras_mask",
    "global_random_state",
    "only_shards",
    "own_names",
    "seed_generators",
    "set_keras_mask",
    "sublayers",
    "track",
    "unlocked",
    "untracked",
]

# Thread-local state of Keras, which has no public reader or writer.
_NAME_SCOPES = "name_scope_stack"
_NAME_UIDS = "object_name_uids"

_Method = TypeVar("_Method", bound=Callable[..., Any])


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


def untracked() -> Any:
    """A block in which a layer takes no note of the variables in what is set on it."""
    return DotNotTrackScope()


def around_models(method: str, scoped: type[Any], around: Callable[..., Any]) -> None:
    """Put a function around a method of `keras.Model`, for models with layers of class `scoped` in them.

    It is called as `around(original, model, ...)`, where `original` is bound already. Keras' own models are made by
    Keras' own functions, so that no subclass of ours could override it; every other model is left as it is.
    """
    original = getattr(keras.Model, method)

    @functools.wraps(original)
    def replaced(self: Any, *args: Any, **kwargs: Any) -> Any:
        if any(isinstance(layer, scoped) for layer in sublayers(self)):
            return around(functools.partial(original, self), self, *args, **kwargs)
        return original(self, *args, **kwargs)

    setattr(keras.Model, method, replaced)


def around_remat(wrap: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    """Hand what is rematerialized through `wrap` at each of its calls: `keras.remat` and `RematScope` alike."""
    from keras.src import backend

    core = backend.core
    original = core.remat

    def remat(function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *args, **kwargs: original(wrap(function))(*args, **kwargs)

    core.remat = remat


def sublayers(layer: keras.layers.Layer) -> Iterator[Any]:
    """The layer and all layers in it, at any depth; public Keras lists the outermost only."""
    yield from layer._flatten_layers()  # noqa: SLF001


def seed_generators(layer: keras.layers.Layer) -> Iterator[Any]:
    """The seed generators of a layer and of all layers in it."""
    for part in sublayers(layer):
        yield from part._seed_generators  # noqa: SLF001


def track(owner: keras.layers.Layer, part: Any) -> None:
    """Have a layer track a variable, or a layer, as if it had made it as an attribute."""
    tracker = owner._tracker  # noqa: SLF001
    if isinstance(part, keras.layers.Layer):
        tracker.add_to_store("layers", part)
    elif not any(part is variable for variable in owner.variables):
        owner._track_variable(part)  # noqa: SLF001


def only_shards(owner: keras.layers.Layer, whole: type[Any]) -> None:
    """Have a layer forget variables that stand for others, which it tracks as well."""
    for variable in [v for v in owner._trainable_variables + owner._non_trainable_variables if type(v) is whole]:  # noqa: SLF001
        with unlocked(owner):
            owner._untrack_variable(variable)  # noqa: SLF001


@contextmanager
def own_names(uids: dict[str, int]) -> Iterator[None]:
    """A block in which Keras numbers nameless layers from anew, and knows of no name scope around it.

    Args:
        uids: the numbers so far, for blocks that belong together.
    """
    own = {_NAME_SCOPES: [], _NAME_UIDS: defaultdict(int, uids)}
    saved = {name: global_state.get_global_attribute(name) for name in own}
    for name, value in own.items():
        global_state.set_global_attribute(name, value)
    try:
        yield
    finally:
        uids.update(global_state.get_global_attribute(_NAME_UIDS))
        for name, value in saved.items():
            global_state.set_global_attribute(name, value)


def around_add_weight(route: Callable[[Any, dict[str, Any], list[tuple[str, Any]]], Any]) -> None:
    """Ask `route` for each weight that a layer adds, before Keras makes it; `None` leaves it to Keras.

    It is called with the layer, the options of `add_weight`, and the names of the layers whose code runs, each with
    the layer, outermost first. A layer asks for its weights as a method of its own class, so that nothing but the
    method can tell them.
    """
    original = keras.layers.Layer.add_weight
    signature = inspect.signature(original)

    @functools.wraps(original)
    def add_weight(self: Any, *args: Any, **kwargs: Any) -> Any:
        options = signature.bind(self, *args, **kwargs)
        options.apply_defaults()
        given = {**options.arguments, **dict(zip(("shape", "initializer", "dtype"), args, strict=False))}
        given["name"] = given["name"] or "variable"
        given["shape"] = () if given["shape"] is None else given["shape"]
        weight = route(self, given, _open_layers(self))
        return original(self, *args, **kwargs) if weight is None else weight

    keras.layers.Layer.add_weight = add_weight


def around_variables(note: Callable[[Any], None], refusal: Callable[[], Exception | None]) -> None:
    """Tell `note` of each variable that is made, and ask `refusal` for the error of one that Keras refuses to make.

    Keras' trackers learn of those alone that become attributes, and its words are about `build`.
    """
    original = keras.Variable.__init__

    @functools.wraps(original)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807 - it is the constructor
        try:
            original(self, *args, **kwargs)
        except ValueError:
            refused = refusal()
            if refused is None:
                raise
            raise refused from None
        note(self)

    keras.Variable.__init__ = __init__


def global_random_state() -> list[Any]:
    """The state of the seed generator that random operations without a seed use, once there is one."""
    generator = global_state.get_global_attribute(GLOBAL_SEED_GENERATOR)
    return [] if generator is None else [generator.state]


def _open_layers(owner: Any) -> list[tuple[str, Any]]:
    scopes = global_state.get_global_attribute(_NAME_SCOPES) or []
    path = [(scope.name, scope.caller) for scope in scopes]
    return path if path and path[-1][1] is owner else [*path, (owner.name, owner)]
