"""Variables that a built layer asks for, and that no discovery met: with `late="allow"` they are made all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras

from kscope import _keras
from kscope._context import outside_calls
from kscope._keras import optimizers, patches

if TYPE_CHECKING:
    from kscope._inline import LayerRequest
    from kscope._kept import KeptLayer
    from kscope._records import Record
    from kscope._request import Request
    from kscope._state import LayerState

__all__ = ["Late"]


class Late:
    """What becomes of a layer's late variables: the layer tracks them, and its optimizers train them."""

    def __init__(self, layer: keras.layers.Layer):
        self._layer = layer

    def check(self, request: Request | LayerRequest, state: LayerState) -> None:
        """Refuse what a compiled step of JAX cannot take in: its variables are its arguments, and they are fixed.

        Raises:
            LateVariableError: on JAX, in a compiled step.
        """
        if _keras.BACKEND == "jax" and _keras.deferring() and not _keras.symbolic():
            raise request.words.late_in_step(request, state.wanted.name)

    def take_on(self, record: Record, state: LayerState) -> None:
        """Track a variable as if the layer had been built with it."""
        layer: Any = self._layer
        variable = record.variable
        earlier = [known.variable for known in state.known if known is not record]
        if not layer.trainable:
            variable.trainable = False
        with _keras.unlocked(layer):
            layer._scoped_variables.append(variable)  # noqa: SLF001 - a layer of ours
        patches.register_again(layer)
        if variable.trainable:
            with _keras.eagerly(), outside_calls():
                optimizers.extend(variable, earlier)

    def take_on_layer(self, kept: KeptLayer) -> None:
        """Track a layer as if it had been there when this one was built."""
        if not self._layer.trainable:
            kept.layer.trainable = False
        with _keras.unlocked(self._layer):
            _keras.track(self._layer, kept.layer)
        patches.register_again(self._layer)
