"""Parts of layers that Keras has no public way to extend, read or repeat."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, TypeVar

import keras

from kscope._keras import state
from kscope._keras.private import MISSING, attribute, private
from kscope._keras.state import NAME_SCOPES, NAME_UIDS

__all__ = [
    "default",
    "get_keras_mask",
    "global_random_state",
    "only_shards",
    "open_layers",
    "own_names",
    "seed_generators",
    "set_keras_mask",
    "sublayers",
    "track",
    "unlocked",
    "untracked",
]

_Method = TypeVar("_Method", bound=Callable[..., Any])

_MASKING = "keras.src.backend.common.masking"
_NO_MASKS = "the discovery of a layer does not see the masks of its inputs"
get_keras_mask: Any = private(f"{_MASKING}:get_keras_mask", off=_NO_MASKS, otherwise=lambda _: None)
set_keras_mask: Any = private(f"{_MASKING}:set_keras_mask", off=_NO_MASKS, otherwise=lambda *_: None)


def _mark(method: _Method) -> _Method:
    method._is_default = True  # type: ignore[attr-defined]  # noqa: SLF001 - Keras' mark
    return method


# Without the decorator, its mark may still be what Keras looks for.
_HAS_MARK = hasattr(keras.layers.Layer.get_config, "_is_default")
_NO_MARK = None if _HAS_MARK else "a scoped layer is built and saved only if it has a `get_config`"

default: Callable[[_Method], _Method] = private("keras.src.utils.python_utils:default", off=_NO_MARK, otherwise=_mark)
"""Mark an override of a method of `keras.Layer` as the default, so that Keras does not count it as an override.

Keras writes a layer's constructor arguments into its config only if no class overrides `get_config`, and calls `call`
to infer the shape of an output only if no class overrides `compute_output_shape`. There is no public way to extend
either.
"""

untracked: Callable[[], Any] = private(
    "keras.src.utils.tracking:DotNotTrackScope",
    off="the slices of a partitioned variable that is an attribute are listed twice",
    otherwise=nullcontext,
)
"""Open a block in which a layer does not track the variables of the attributes that are set on it."""

_NO_GROWTH = "a built layer takes no further variables"


def unlocked(layer: Any) -> Any:
    """Open a block in which a built layer can get new variables. Keras allows this only while a layer is built."""
    tracker = attribute(layer, "_tracker", _NO_GROWTH)
    return nullcontext() if tracker is None else _unlocked(tracker)


@contextmanager
def _unlocked(tracker: Any) -> Iterator[None]:
    locked, message = tracker.locked, getattr(tracker, "_lock_violation_msg", None)
    tracker.unlock()
    try:
        yield
    finally:
        if locked:
            tracker.lock(message)


def sublayers(layer: keras.layers.Layer) -> Iterator[Any]:
    """Iterate over a layer and all layers in it, at any depth. Keras' public API lists only the outermost ones."""
    flatten = getattr(layer, "_flatten_layers", MISSING)
    yield from _walked(layer, {}) if flatten is MISSING else flatten()


def _walked(thing: Any, seen: dict[int, Any]) -> Iterator[Any]:
    """Iterate over the layers that are reachable from an object through attributes and collections."""
    if id(thing) in seen:
        return
    seen[id(thing)] = thing
    if isinstance(thing, keras.layers.Layer):
        yield thing
        for value in list(vars(thing).values()):
            yield from _walked(value, seen)
    elif isinstance(thing, dict | list | tuple | set):
        for value in list(thing.values() if isinstance(thing, dict) else thing):
            yield from _walked(value, seen)


def seed_generators(layer: keras.layers.Layer) -> Iterator[Any]:
    """Iterate over the seed generators of a layer and of all layers in it."""
    for part in sublayers(layer):
        generators = getattr(part, "_seed_generators", MISSING)
        if generators is MISSING:
            generators = [value for value in vars(part).values() if isinstance(value, keras.random.SeedGenerator)]
        yield from generators


def track(owner: keras.layers.Layer, part: Any) -> None:
    """Make a layer track a variable or a layer, as if it were one of its attributes."""
    if isinstance(part, keras.layers.Layer):
        add = getattr(getattr(owner, "_tracker", None), "add_to_store", None)
        _set_attribute(owner, part) if add is None else add("layers", part)
    elif not any(part is variable for variable in owner.variables):
        getattr(owner, "_track_variable", functools.partial(_set_attribute, owner))(part)


def _set_attribute(owner: Any, part: Any) -> None:
    """Make a layer track a variable or a layer by Keras' public way, as an attribute."""
    setattr(owner, f"kscope_tracked_{id(part)}", part)


def only_shards(owner: keras.layers.Layer, whole: type[Any]) -> None:
    """Make a layer forget the variables of class `whole`, whose slices it tracks as well."""
    own = [*getattr(owner, "_trainable_variables", ()), *getattr(owner, "_non_trainable_variables", ())]
    for variable in [v for v in own if type(v) is whole]:
        with unlocked(owner):
            attribute(owner, "_untrack_variable", "kept layers list partitioned weights twice", _nothing)(variable)


def _nothing(*_: Any) -> None:
    """Do nothing."""


@contextmanager
def own_names(uids: dict[str, int]) -> Iterator[None]:
    """Open a block in which Keras numbers layers without a name from the start, and sees no outer name scope.

    Args:
        uids: the numbers that are in use, updated at the end; blocks that share them continue the numbering.
    """
    own = {NAME_SCOPES: [], NAME_UIDS: defaultdict(int, uids)}
    saved = {name: state.get(name) for name in own}
    for name, value in own.items():
        state.put(name, value)
    try:
        yield
    finally:
        uids.update(state.get(NAME_UIDS) or {})
        for name, value in saved.items():
            state.put(name, value)


_GLOBAL_GENERATOR: str | None = private(
    "keras.src.random.seed_generator:GLOBAL_SEED_GENERATOR",
    off="random operations without a seed inside `call()` may raise UntrackedVariableError",
    otherwise=None,
)


def global_random_state() -> list[Any]:
    """Return the state of the seed generator of random operations without a seed; `[]` if there is none yet."""
    generator = None if _GLOBAL_GENERATOR is None else state.get(_GLOBAL_GENERATOR)
    return [] if generator is None else [generator.state]


def open_layers(owner: Any) -> list[Any]:
    """Return the layers whose code is running, and the name scopes that no layer opened, outermost first.

    Args:
        owner: the calling layer, which comes last.
    """
    layers = [scope if scope.caller is None else scope.caller for scope in state.get(NAME_SCOPES) or ()]
    if not layers or layers[-1] is not owner:
        layers.append(owner)
    return layers
