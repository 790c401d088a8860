"""Quantization: Keras' layers know how, scoped ones do not, and say so."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import keras

from kscope import _keras, errors

if TYPE_CHECKING:
    from kscope._layers.calls.layer_state import LayerState

__all__ = ["install", "refusal"]


def refusal(layer: str, mode: str | None, state: LayerState) -> errors.UnsupportedError:
    """What a scoped layer says that is asked to quantize itself."""
    return errors.UnsupportedError(
        errors.compose(
            f"Layer {layer!r} cannot be quantized to {mode}: its `call()` computes with the variables that it gets, as "
            "they are.",
            [("variables", _listed(state) or "none")],
            "override `quantize`, or make the computation of Keras' layers, which know how.",
        )
    )


def install(scoped: type[Any]) -> None:
    """Have `keras.Model.quantize` name what it leaves as it is: it asks only layers that have none inside."""

    def telling(quantize: Callable[..., Any], model: Any, *args: Any, **kwargs: Any) -> None:
        quantize(*args, **kwargs)
        for layer in _keras.sublayers(model):
            if isinstance(layer, scoped) and layer._kscope.known and not _is_leaf(layer):  # noqa: SLF001 - ours
                warnings.warn(
                    errors.compose(
                        f"Layer {layer.name!r} keeps its own variables as they are; only Keras' layers are quantized.",
                        [("variables", _listed(layer._kscope))],  # noqa: SLF001 - ours
                    ),
                    stacklevel=4,
                )

    _keras.around_models("quantize", scoped, telling)


def _is_leaf(layer: keras.layers.Layer) -> bool:
    return len(list(_keras.sublayers(layer))) == 1


def _listed(state: LayerState) -> str:
    return ", ".join(variable.path for variable in state.variables())
