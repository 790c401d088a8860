"""Registration of classes and functions with Keras under their public modules, for saved models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import keras

__all__ = ["registered"]

_Named = TypeVar("_Named", bound=Callable[..., Any])


def registered(module: str) -> Callable[[_Named], _Named]:
    """Register a class or a function with Keras, so that it can be saved and loaded by name.

    Keras writes the module of a class into each saved model, and pickle into each pickle. Saved files must not depend
    on the names of private modules, so the class gets the module from which users import it.

    Args:
        module: the public module, of which the class is an attribute.

    Returns:
        A decorator that returns its argument.
    """

    def register(thing: _Named) -> _Named:
        thing.__module__ = module
        keras.saving.register_keras_serializable(package="kscope")(thing)
        return thing

    return register
