"""Call a layer with the inputs of a case: directly, or as a model that predicts and trains."""

from __future__ import annotations

from typing import Any
from zlib import crc32

import keras
import numpy as np

__all__ = ["arguments", "as_model", "is_float", "names", "numbers", "random", "targets_for", "tensors"]


def arguments(layer: keras.layers.Layer, inputs: Any) -> tuple[Any, ...]:
    """Return the positional arguments of a call: the items of a tuple, or one list for a functional model."""
    if not isinstance(inputs, tuple):
        return (inputs,)
    functional = isinstance(layer, keras.Model) and getattr(layer, "inputs", None)
    return (list(inputs),) if functional else inputs


def tensors(nested: Any) -> Any:
    """Convert nested arrays to tensors. Text stays an array, since not every backend has tensors of text."""
    return keras.tree.map_structure(
        lambda array: array if array.dtype.kind in "US" else keras.ops.convert_to_tensor(array), nested
    )


def as_model(layer: keras.layers.Layer, args: tuple[Any, ...]) -> tuple[Any, Any]:
    """Return a model that computes what the layer computes, and the inputs of that model.

    A model with one argument is returned itself. Else the batch size is fixed: a layer may depend on it.
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
    """Return a name for each leaf: `root`, followed by the keys that lead to the leaf."""
    return [root + "".join(f"[{key!r}]" for key in path) for path, _ in keras.tree.flatten_with_path(nested)]


def random(name: str, shape: Any) -> np.ndarray[Any, Any]:
    """Draw float32 numbers that depend on the name and shape only: some backends order dicts differently."""
    return np.random.default_rng(crc32(name.encode())).normal(size=tuple(shape)).astype("float32")


def targets_for(outputs: Any) -> Any:
    """Draw random targets for `outputs`."""
    drawn = [random(name, x.shape) for name, x in zip(names(outputs, ""), keras.tree.flatten(outputs), strict=True)]
    return keras.tree.pack_sequence_as(outputs, drawn)


def numbers(tensor: Any) -> np.ndarray[Any, Any]:
    """Return a tensor or variable as an array."""
    return np.asarray(keras.ops.convert_to_numpy(tensor))


def is_float(tensor: Any) -> bool:
    """Whether `tensor` has a float dtype, so that gradients flow from it."""
    return "float" in str(keras.backend.standardize_dtype(tensor.dtype))
