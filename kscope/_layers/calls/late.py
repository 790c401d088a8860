"""`Late`: with `late="allow"`, a built layer makes variables that no discovery made."""

from __future__ import annotations

from typing import Any

import keras

from kscope import _keras
from kscope._keras import optimizers, parameters
from kscope._scopes.thread import outside_calls

__all__ = ["Late"]


class Late:
    """The late variables of a layer: the layer tracks them, and its optimizers train them."""

    def __init__(self, layer: keras.layers.Layer):
        self._layer = layer

    def is_refused(self) -> bool:
        """Whether JAX is compiling a step: the variables are arguments of the step, so none can be added."""
        return _keras.BACKEND == "jax" and _keras.deferring() and not _keras.symbolic()

    def take_on(self, variable: Any, earlier: list[Any]) -> None:
        """Track a variable as if the layer had been built with it; `earlier` are the variables that it already has."""
        layer: Any = self._layer
        if not layer.trainable:
            variable.trainable = False
        with _keras.unlocked(layer):
            layer._scoped_variables.append(variable)  # noqa: SLF001 - a scoped layer
        parameters.register_again(layer)
        if variable.trainable:
            with _keras.eagerly(), outside_calls():
                optimizers.extend(variable, earlier)

    def take_on_layer(self, part: keras.layers.Layer) -> None:
        """Track a layer as if this layer had been built with it."""
        if not self._layer.trainable:
            part.trainable = False
        with _keras.unlocked(self._layer):
            _keras.track(self._layer, part)
        parameters.register_again(self._layer)
