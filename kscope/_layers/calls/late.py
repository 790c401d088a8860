"""Variables that a built layer asks for, and that no discovery met: with `late="allow"` they are made all the same."""

from __future__ import annotations

from typing import Any

import keras

from kscope import _keras
from kscope._keras import optimizers, patches
from kscope._scopes.thread import outside_calls

__all__ = ["Late"]


class Late:
    """What becomes of a layer's late variables: the layer tracks them, and its optimizers train them."""

    def __init__(self, layer: keras.layers.Layer):
        self._layer = layer

    def is_refused(self) -> bool:
        """Whether a step that JAX compiles runs: its variables are its arguments, and they are fixed."""
        return _keras.BACKEND == "jax" and _keras.deferring() and not _keras.symbolic()

    def take_on(self, variable: Any, earlier: list[Any]) -> None:
        """Track a variable as if the layer had been built with it; `earlier` are those that it has already."""
        layer: Any = self._layer
        if not layer.trainable:
            variable.trainable = False
        with _keras.unlocked(layer):
            layer._scoped_variables.append(variable)  # noqa: SLF001 - a layer of ours
        patches.register_again(layer)
        if variable.trainable:
            with _keras.eagerly(), outside_calls():
                optimizers.extend(variable, earlier)

    def take_on_layer(self, part: keras.layers.Layer) -> None:
        """Track a layer as if it had been there when this one was built."""
        if not self._layer.trainable:
            part.trainable = False
        with _keras.unlocked(self._layer):
            _keras.track(self._layer, part)
        patches.register_again(self._layer)
