"""Quantization: Keras' own layers support it; scoped layers and kept layers refuse it with a reason."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import keras

from kscope import _keras, errors

if TYPE_CHECKING:
    from kscope._layers.calls.layer_state import LayerState

__all__ = ["quantize", "refusal", "refusal_of_kept"]


def refusal(layer: str, mode: str | None, state: LayerState) -> errors.UnsupportedError:
    """Return the error of a scoped layer that is asked to quantize itself."""
    return _noted(
        layer,
        errors.UnsupportedError(
            errors.compose(
                f"Layer {layer!r} cannot be quantized to {mode}: its `call()` computes with the variables that it "
                "gets, as they are.",
                [("variables", _listed(state) or "none")],
                "override `quantize`, or compute with Keras' layers, which can be quantized.",
            )
        ),
    )


def refusal_of_kept(layer: str, mode: str | None) -> errors.UnsupportedError:
    """Return the error of a kept layer that is asked to quantize itself."""
    return _noted(
        layer,
        errors.UnsupportedError(
            errors.compose(
                f"Layer {layer!r} cannot be quantized to {mode}: its weights are variables of a scope, which stay as "
                "they are.",
                fix="make it in __init__, as an attribute of the layer that calls it.",
            )
        ),
    )


class _Thread(threading.local):
    """The errors in the model that this thread is quantizing: the name of each layer, and the text."""

    refusals: list[tuple[str, str]] | None = None


_thread = _Thread()


def _noted(layer: str, error: errors.UnsupportedError) -> errors.UnsupportedError:
    if _thread.refusals is not None:
        _thread.refusals.append((layer, str(error)))
    return error


def quantize(original: Callable[..., Any], model: Any, *args: Any, **kwargs: Any) -> Any:
    """Quantize a model, and warn about each scoped layer that is not quantized.

    Keras up to 3.15 turns the layers' errors into warnings. Later versions drop their texts, and return a report.
    """
    before, _thread.refusals = _thread.refusals, []
    try:
        report = original(*args, **kwargs)
        refusals = [] if report is None else _thread.refusals
    finally:
        _thread.refusals = before
    # Keras up to 3.15 does not call `quantize` of layers that contain layers.
    kept_back = [
        (
            layer.name,
            errors.compose(
                f"Layer {layer.name!r} keeps its own variables as they are; only Keras' layers are quantized.",
                [("variables", _listed(layer._kscope))],  # noqa: SLF001 - a scoped layer
            ),
        )
        for layer in _keras.sublayers(model)
        if hasattr(layer, "_kscope") and layer._kscope.known and not _is_leaf(layer)  # noqa: SLF001 - a scoped layer
    ]
    names = {name for name, _ in kept_back}
    for text in [text for name, text in refusals if name not in names] + [text for _, text in kept_back]:
        warnings.warn(text, stacklevel=4)
    return report


def _is_leaf(layer: keras.layers.Layer) -> bool:
    return len(list(_keras.sublayers(layer))) == 1


def _listed(state: LayerState) -> str:
    return ", ".join(variable.path for variable in state.variables())
