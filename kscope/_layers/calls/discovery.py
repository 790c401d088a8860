"""Discovery: a symbolic call of a layer in `build()`, in which its variables are made.

The call goes through `Layer.__call__`, so that masks, autocasting and `training` are as in a real call. Tensors are
replaced by symbols of their shape and dtype; all other arguments are passed unchanged.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import keras

from kscope import _keras, errors
from kscope._layers.calls.call_spec import CallSpec, describe, takes_training

if TYPE_CHECKING:
    from kscope._layers.calls.layer_state import LayerState

__all__ = ["run"]

_NOTE = (
    "This was raised in a discovery pass: kscope runs `call()` once on symbols, which have a shape and a dtype but no "
    "values, to make its variables. Code that needs values (`if x > 0`) belongs in `keras.ops` (`where`, `cond`)."
)


def run(layer: keras.layers.Layer, call: Callable[..., Any], spec: CallSpec, state: LayerState) -> Any:
    """Trace the call that the layer is built for, and the branches that other calls may take.

    Both values of `training` are traced, `False` first, so that the order of the variables does not depend on the first
    call. The mode that the first call does not use may fail: what it made is removed. Its error is raised when that
    mode is called, or named by the `LateVariableError` of a variable that is missing then.

    Returns:
        The outputs of the call that the layer is built for, as symbols.
    """
    outputs = None
    if takes_training(layer):
        asked = spec.kwargs.get("training")
        if asked is None:
            asked = inspect.signature(layer.call).parameters["training"].default
        asked = asked is True
        for training in (False, True):
            way = spec.with_arguments(training=training)
            if training is asked:
                outputs = _trace(call, way)
            else:
                _try(call, way, state)
    else:
        outputs = _trace(call, spec)
    ways = [spec.with_arguments(**_described(layer, arguments)) for arguments in state.discover]
    for way in (*ways, *state.branches):
        _trace(call, way)
    state.note = state.note or f"used {len(state.known)} variables, with the arguments {spec}"
    return outputs


def _described(layer: keras.layers.Layer, arguments: Any) -> dict[str, Any]:
    described: dict[str, Any] = describe(layer, (), dict(arguments)).kwargs
    return {key: described[key] for key in arguments}


def _try(call: Callable[..., Any], spec: CallSpec, state: LayerState) -> None:
    try:
        with state.discovery():
            _trace(call, spec)
    except Exception as error:  # noqa: BLE001 - its error comes when that mode is called
        state.note = f"with training={spec.kwargs['training']} it failed: {type(error).__name__}: {error}"


class _Trace(keras.Operation):
    """A function of tensors as a Keras operation, which can be traced without numbers."""

    def __init__(self, body: Callable[[Sequence[Any]], Sequence[Any]]):
        super().__init__(name="discovery")
        self.body = body

    def call(self, *tensors: Any) -> Any:
        """Run the function."""
        return self.body(tensors)


def _trace(call: Callable[..., Any], spec: CallSpec) -> Any:
    """Run `call` on the symbols of `spec`; its error is raised in the original form, not in Keras' wording.

    Returns:
        The return value of `call`, with symbols for tensors.
    """
    leaves = keras.tree.flatten((spec.args, spec.kwargs))
    symbols = [leaf for leaf in leaves if isinstance(leaf, keras.KerasTensor)]
    masks = [(i, mask) for i, symbol in enumerate(symbols) if (mask := _keras.get_keras_mask(symbol)) is not None]
    raised: list[Exception] = []
    returned: list[Any] = []

    def body(tensors: Sequence[Any]) -> Sequence[Any]:
        if raised and isinstance(raised[0], errors.KscopeError):
            # On PyTorch, Keras retries a failed symbolic call on made-up numbers, which no variable may start from.
            raise raised[0]
        for (i, _), mask in zip(masks, tensors[len(symbols) :], strict=True):
            _keras.set_keras_mask(tensors[i], mask)
        values = iter(tensors)
        filled = [next(values) if isinstance(leaf, keras.KerasTensor) else leaf for leaf in leaves]
        args, kwargs = keras.tree.pack_sequence_as((spec.args, spec.kwargs), filled)
        try:
            returned[:] = [call(*args, **kwargs)]
        except Exception as error:
            raised.append(error)
            raise
        # Keras expects tensors, and may not support other objects that a call returns.
        return [leaf for leaf in keras.tree.flatten(returned) if keras.ops.is_tensor(leaf)] or tensors

    tensors = [keras.KerasTensor(s.shape, s.dtype, sparse=s.sparse) for s in (*symbols, *(mask for _, mask in masks))]
    with _keras.isolated_call():
        try:
            outputs = iter(_Trace(body).compute_output_spec(*tensors))
        except Exception as worded:  # noqa: BLE001 - it is raised again
            error = raised[-1] if raised else worded
            if not isinstance(error, errors.KscopeError):
                error.add_note(_NOTE)
            raise error from None
    leaves = [next(outputs) if keras.ops.is_tensor(leaf) else leaf for leaf in keras.tree.flatten(returned)]
    return keras.tree.pack_sequence_as(returned, leaves)[0]
