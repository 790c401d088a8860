"""What saved models name: classes and functions that are registered with Keras, under their public modules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import keras

__all__ = ["registered"]

_Named = TypeVar("_Named", bound=Callable[..., Any])


def registered(module: str) -> Callable[[_Named], _Named]:
    """Register a class or a function with Keras, so that it can be saved and loaded by name.

    Keras writes the module of a class into each saved model, and pickle into each pickle. Files must not depend on the
    names of private files, so that the class is given the module from which users take it.

    Args:
        module: the public module, of which the class is an attribute.

    Returns:
        A decorator that returns what it is given.
    """

    def register(thing: _Named) -> _Named:
        thing.__module__ = module
        keras.saving.register_keras_serializable(package="kscope")(thing)
        return thing

    return register
