"""What layers do that Keras offers no public way to extend, read or repeat."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import keras
from keras.src.backend.common.masking import get_keras_mask, set_keras_mask
from keras.src.utils.tracking import DotNotTrackScope

__all__ = [
    "around_models",
    "around_remat",
    "default",
    "get_keras_mask",
    "set_keras_mask",
    "sublayers",
    "unlocked",
    "untracked",
]

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
