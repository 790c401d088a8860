"""`Building`: build a scoped layer, from the arguments of a call to the variables that its discovery makes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, Self

from kscope import _keras
from kscope._layers import binding
from kscope._layers.calls import call_spec, discovery
from kscope._layers.calls.call_pass import Pass
from kscope._layers.calls.call_spec import CallSpec
from kscope._layers.calls.layer_state import LayerState

__all__ = ["Building", "bind"]


class Building:
    """The context manager around the building of a layer, by its first call or by `build()`.

    While it is open, it is `state.building`, where `build()` and the first call find it.

    Args:
        layer: the layer.
        state: the layer's state.
        call: Keras' `__call__` of the layer, which the discovery traces.
        expected: the arguments of the call that the layer is built for; `None` if only their shapes are known.
    """

    __slots__ = ("_call", "_expected", "_in_build", "_layer", "_outer", "_outputs", "_state")

    def __init__(self, layer: Any, state: LayerState, call: Callable[..., Any], expected: CallSpec | None):
        self._layer = layer
        self._state = state
        self._call = call
        self._expected = expected
        # The outputs of the call that the layer is built for, as symbols.
        self._outputs: Any = None
        self._in_build = False

    def __enter__(self) -> Self:
        self._outer, self._state.building = self._state.building, self
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._state.building = self._outer

    def discover(self, shapes: tuple[Any, ...], named_shapes: dict[str, Any]) -> None:
        """Bind the layer, and make its variables in a discovery; inside a subclass's `build`, do nothing yet."""
        state, layer = self._state, self._layer
        if self._in_build or state.built_with is not None:
            return
        spec = self._expected or call_spec.from_shapes(layer, shapes, named_shapes)
        bind(layer, state)
        with state.discovery():
            # The discovery calls the layer, which Keras would otherwise build again.
            layer.built = True
            try:
                outputs = discovery.run(layer, self._call, spec, state)
            finally:
                layer.built = False
        state.built_with = spec
        # After a `build()` by hand, the layer may change before it is called.
        self._outputs = outputs if self._expected else None
        layer._scoped_variables = state.variables()  # noqa: SLF001 - a scoped layer
        for kept in state.layers:
            _keras.track(layer, kept.layer)
        if not layer.trainable:
            for thing in (*state.variables(), *(kept.layer for kept in state.layers)):
                thing.trainable = False

    def run(self, build: Callable[..., None], shapes: tuple[Any, ...], named_shapes: dict[str, Any]) -> None:
        """Run a subclass's `build`, and then the discovery, so that `call` can use what `build` makes.

        `build` runs in the layer's scope, as `call` does. If it or the discovery raises, the variables of both are
        removed.
        """
        state, layer = self._state, self._layer
        if self._in_build:
            # The `build` of a base class.
            build(layer, *shapes, **named_shapes)
            return
        bind(layer, state)
        with nullcontext() if state.built_with else state.discovery():
            self._in_build = True
            try:
                with Pass(state):
                    build(layer, *shapes, **named_shapes)
            finally:
                self._in_build = False
            self.discover(shapes, named_shapes)

    def outputs_of(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return the outputs of the symbolic call that the discovery has traced; the second time, and else, `None`."""
        outputs, self._outputs = self._outputs, None
        built_with = self._state.built_with
        return outputs if built_with is not None and built_with.matches(args, kwargs) else None


def bind(layer: Any, state: LayerState) -> None:
    """Choose the layer's store and scope, if it has none yet."""
    state.dtype = layer.variable_dtype
    if not state.bound:
        binding.bind(state)
