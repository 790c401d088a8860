"""How a layer is called with the inputs of a case: directly, and as a model that predicts and trains."""

from __future__ import annotations

from typing import Any
from zlib import crc32

import keras
import numpy as np

__all__ = ["arguments", "as_model", "is_float", "names", "numbers", "random", "targets_for", "tensors"]


def arguments(layer: keras.layers.Layer, inputs: Any) -> tuple[Any, ...]:
    """The positional arguments of a call: those of a tuple, but a functional model takes its inputs as one list."""
    if not isinstance(inputs, tuple):
        return (inputs,)
    functional = isinstance(layer, keras.Model) and getattr(layer, "inputs", None)
    return (list(inputs),) if functional else inputs


def tensors(nested: Any) -> Any:
    """The arrays of a nest as tensors; text stays an array, for which not every backend has a tensor."""
    return keras.tree.map_structure(
        lambda array: array if array.dtype.kind in "US" else keras.ops.convert_to_tensor(array), nested
    )


def as_model(layer: keras.layers.Layer, args: tuple[Any, ...]) -> tuple[Any, Any]:
    """A model that computes what the layer does, and its inputs: the layer itself if it is a model.

    The sizes of the batch are fixed, since a layer may depend on them.
    """
    if isinstance(layer, keras.Model) and len(args) == 1:
        return layer, args[0]
    symbols = keras.tree.map_structure(lambda array: keras.Input(batch_shape=array.shape, dtype=_dtype(array)), args)
    flat = keras.tree.flatten(args)
    inputs, data = (keras.tree.flatten(symbols), flat) if len(flat) > 1 else (keras.tree.flatten(symbols)[0], flat[0])
    return keras.Model(inputs, layer(*symbols), name="as_model"), data


def _dtype(array: np.ndarray[Any, Any]) -> str:
    return "string" if array.dtype.kind in "US" else str(array.dtype)


def names(nested: Any, root: str) -> list[str]:
    """A name for each leaf: `root`, and the way to it."""
    return [root + "".join(f"[{key!r}]" for key in path) for path, _ in keras.tree.flatten_with_path(nested)]


def random(name: str, shape: Any) -> np.ndarray[Any, Any]:
    """Random float32 numbers that depend on the name and shape alone: dicts have another order on some backends."""
    return np.random.default_rng(crc32(name.encode())).normal(size=tuple(shape)).astype("float32")


def targets_for(outputs: Any) -> Any:
    """Random targets for these outputs."""
    drawn = [random(name, x.shape) for name, x in zip(names(outputs, ""), keras.tree.flatten(outputs), strict=True)]
    return keras.tree.pack_sequence_as(outputs, drawn)


def numbers(tensor: Any) -> np.ndarray[Any, Any]:
    """A tensor or variable as an array."""
    return np.asarray(keras.ops.convert_to_numpy(tensor))


def is_float(tensor: Any) -> bool:
    """Whether gradients come from it."""
    return "float" in str(keras.backend.standardize_dtype(tensor.dtype))
