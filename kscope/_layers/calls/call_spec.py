"""`CallSpec`: the arguments of the call that a layer is built for, with symbols in place of tensors."""

from __future__ import annotations

import inspect
from typing import Any

import keras
import numpy as np

from kscope import _keras, errors

__all__ = ["CallSpec", "describe", "from_config", "from_shapes", "input_signature", "takes_training", "to_config"]


class CallSpec:
    """The arguments of one call, with symbols in place of tensors.

    Args:
        args: positional arguments, nested.
        kwargs: keyword arguments, nested.
    """

    __slots__ = ("args", "kwargs")

    def __init__(self, args: tuple[Any, ...], kwargs: dict[str, Any]):
        self.args = args
        self.kwargs = kwargs

    def with_arguments(self, **arguments: Any) -> CallSpec:
        """Return a copy with other keyword arguments."""
        return CallSpec(self.args, {**self.kwargs, **arguments})

    def matches(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        """Whether these are the same arguments: symbols of equal shape and dtype, and identical other objects."""
        ours, theirs = ((spec.args, _given(spec.kwargs)) for spec in (self, CallSpec(args, kwargs)))
        try:
            keras.tree.assert_same_structure(ours, theirs)
        except (TypeError, ValueError):
            return False
        return all(map(_alike, keras.tree.flatten(ours), keras.tree.flatten(theirs)))

    def __repr__(self) -> str:
        parts = [repr(arg) for arg in self.args] + [f"{key}={value!r}" for key, value in self.kwargs.items()]
        return f"({', '.join(parts)})"


def _given(kwargs: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in kwargs.items() if value is not None}


def _alike(one: Any, other: Any) -> bool:
    if isinstance(one, keras.KerasTensor) and isinstance(other, keras.KerasTensor):
        return (one.shape, one.dtype, one.sparse) == (other.shape, other.dtype, other.sparse)
    return one is other


def describe(layer: keras.layers.Layer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> CallSpec:
    """Return the spec of a call with real, traced or symbolic arguments."""
    args, kwargs = keras.tree.map_structure(lambda leaf: _symbol(layer, leaf), (args, kwargs))
    if takes_training(layer) and kwargs.get("training") is None:
        kwargs = {**kwargs, "training": _keras.inherited_training()}
    return CallSpec(args, kwargs)


def from_shapes(layer: keras.layers.Layer, shapes: tuple[Any, ...], named_shapes: dict[str, Any]) -> CallSpec:
    """Return the spec of a call of which only shapes are known, for a `build()` by hand."""
    if not shapes and not named_shapes:
        raise errors.LayerError(
            f"Layer {layer.name!r} cannot be built without the shape of an input: call it, or give its `build()` one."
        )
    kwargs = {name.removesuffix("_shape"): shape for name, shape in named_shapes.items()}
    if "input" in kwargs and "input" not in inspect.signature(layer.call).parameters:
        shapes = (kwargs.pop("input"), *shapes)
    args, kwargs = _symbols(layer, (shapes, kwargs))
    if len(args) == 1 and not kwargs and _is_cell(layer):
        args = (*args, _states(layer, args[0].shape[0]))
    return CallSpec(args, kwargs)


def _is_cell(layer: keras.layers.Layer) -> bool:
    """Whether a layer is a recurrent cell, which `keras.layers.RNN` builds with the shape of its inputs alone."""
    return hasattr(layer, "state_size") and "states" in inspect.signature(layer.call).parameters


def _states(layer: Any, batch_size: int | None) -> list[keras.KerasTensor]:
    sizes = layer.state_size if isinstance(layer.state_size, list | tuple) else [layer.state_size]
    shapes = [(batch_size, *size) if isinstance(size, list | tuple) else (batch_size, size) for size in sizes]
    return [keras.KerasTensor(shape, layer.compute_dtype) for shape in shapes]


def _symbols(layer: keras.layers.Layer, nested: Any) -> Any:
    if _is_shape(nested):
        return keras.KerasTensor(tuple(nested), layer.input_dtype)
    if isinstance(nested, dict):
        return {key: _symbols(layer, value) for key, value in nested.items()}
    return type(nested)(_symbols(layer, value) for value in nested)


def _is_shape(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return len(value) > 0 and all(size is None or isinstance(size, int) for size in value)
    return hasattr(value, "as_list")


def _symbol(layer: keras.layers.Layer, leaf: Any) -> Any:
    if not (hasattr(leaf, "shape") and hasattr(leaf, "dtype")):
        return leaf
    sparse = bool(getattr(leaf, "sparse", False)) or type(leaf).__name__ in ("SparseTensor", "BCOO")
    symbol = keras.KerasTensor(tuple(leaf.shape), _dtype_of(leaf), sparse=sparse)
    symbol = layer.dtype_policy.convert_input(symbol, layer.autocast, layer.input_dtype)
    mask = _keras.get_keras_mask(leaf)
    if mask is not None:
        _keras.set_keras_mask(symbol, keras.KerasTensor(tuple(mask.shape), "bool"))
    return symbol


def _dtype_of(leaf: Any) -> str:
    if not (isinstance(leaf, keras.KerasTensor) or keras.ops.is_tensor(leaf)):
        # The backend's dtype for a NumPy dtype, without converting all the data.
        leaf = keras.ops.convert_to_tensor(np.empty((0,), leaf.dtype))
    return str(keras.backend.standardize_dtype(leaf.dtype))


def takes_training(layer: keras.layers.Layer) -> bool:
    """Whether `call()` has an argument `training`."""
    return "training" in inspect.signature(layer.call).parameters


def input_signature(layer: keras.layers.Layer, spec: CallSpec) -> list[Any]:
    """Return the positional inputs of a call, for Keras' export.

    Raises:
        LayerError: if an input comes after an argument that is not an input.
    """
    arguments = inspect.signature(layer.call).bind_partial(*spec.args, **spec.kwargs).arguments
    inputs = {name: value for name, value in arguments.items() if _has_symbols(value)}
    if list(inputs) != list(arguments)[: len(inputs)]:
        raise errors.LayerError(
            f"Layer {layer.name!r} cannot be exported with the inputs {list(inputs)} of `call{spec}`: inputs come "
            "first there. Give `input_signature=`, or put them first in `call`."
        )
    return [keras.tree.map_structure(_any_batch, value) for value in inputs.values()]


def _any_batch(symbol: keras.KerasTensor) -> keras.layers.InputSpec:
    return keras.layers.InputSpec(dtype=symbol.dtype, shape=(None, *symbol.shape[1:]) if symbol.shape else ())


def _has_symbols(value: Any) -> bool:
    return any(isinstance(leaf, keras.KerasTensor) for leaf in keras.tree.flatten(value))


def to_config(spec: CallSpec) -> dict[str, Any]:
    """Return the arguments as lists and dicts that JSON can hold."""
    return {"args": _encoded(spec.args), "kwargs": _encoded(spec.kwargs)}


def from_config(config: dict[str, Any]) -> CallSpec:
    """Return the spec from a config of `to_config`."""
    return CallSpec(_decoded(config["args"]), _decoded(config["kwargs"]))


def _encoded(value: Any) -> Any:
    if isinstance(value, keras.KerasTensor):
        return {"shape": list(value.shape), "dtype": str(value.dtype)}
    if isinstance(value, dict):
        return {"dict": {key: _encoded(item) for key, item in value.items()}}
    if isinstance(value, list | tuple):
        return {type(value).__name__: [_encoded(item) for item in value]}
    return value


def _decoded(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if "shape" in value:
        return keras.KerasTensor(tuple(value["shape"]), value["dtype"])
    if "dict" in value:
        return {key: _decoded(item) for key, item in value["dict"].items()}
    if "tuple" in value:
        return tuple(_decoded(item) for item in value["tuple"])
    return [_decoded(item) for item in value["list"]]
