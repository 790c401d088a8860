"""The discovery pass: a symbolic call of a layer in `build()`, in which its variables are made.

The call goes through `Layer.__call__`, so that masks, autocasting and `training` are as in a real one. Tensors are
replaced by symbols of their shape and dtype; everything else is handed on as it is.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from kscope import _keras, errors

if TYPE_CHECKING:
    from kscope._state import LayerState

__all__ = ["CallSpec", "describe", "from_shapes", "run"]


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
        """The same call with other keyword arguments."""
        return CallSpec(self.args, {**self.kwargs, **arguments})

    def __repr__(self) -> str:
        parts = [repr(arg) for arg in self.args] + [f"{key}={value!r}" for key, value in self.kwargs.items()]
        return f"({', '.join(parts)})"


def describe(layer: keras.layers.Layer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> CallSpec:
    """The spec of a call with real, traced or symbolic arguments."""
    args, kwargs = keras.tree.map_structure(lambda leaf: _symbol(layer, leaf), (args, kwargs))
    if _takes_training(layer) and kwargs.get("training") is None:
        kwargs = {**kwargs, "training": _keras.inherited_training()}
    return CallSpec(args, kwargs)


def from_shapes(layer: keras.layers.Layer, shapes: tuple[Any, ...], named_shapes: dict[str, Any]) -> CallSpec:
    """The spec of a call of which only shapes are known: `build()` by hand."""
    if not shapes and not named_shapes:
        raise errors.LayerError(
            f"Layer {layer.name!r} cannot be built without the shape of an input: call it, or give its `build()` one."
        )
    kwargs = {name.removesuffix("_shape"): shape for name, shape in named_shapes.items()}
    if "input" in kwargs and "input" not in inspect.signature(layer.call).parameters:
        shapes = (kwargs.pop("input"), *shapes)
    return CallSpec(*_symbols(layer, (shapes, kwargs)))


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
        # What the backend makes of a NumPy dtype, without converting all the data to see it.
        leaf = keras.ops.convert_to_tensor(np.empty((0,), leaf.dtype))
    return str(keras.backend.standardize_dtype(leaf.dtype))


def _takes_training(layer: keras.layers.Layer) -> bool:
    return "training" in inspect.signature(layer.call).parameters


def run(layer: keras.layers.Layer, call: Callable[..., Any], spec: CallSpec, state: LayerState) -> None:
    """Trace the call that the layer is built for, and the branches that other calls may take.

    `training` is traced both ways, `False` first, so that the order of the variables does not depend on the first
    call. The way that nobody asked for yet may fail: its error comes when it is called, and what it made goes.
    """
    specs = [spec]
    if _takes_training(layer):
        asked = spec.kwargs.get("training")
        if asked is None:
            asked = inspect.signature(layer.call).parameters["training"].default
        asked = asked is True
        for training in (False, True):
            way = spec.with_arguments(training=training)
            if training is asked:
                _trace(call, way)
            else:
                _try(call, way, state)
        specs = []
    for arguments in state.discover:
        specs.append(spec.with_arguments(**_described(layer, arguments)))
    for way in specs:
        _trace(call, way)
    state.note = state.note or f"met {len(state.known)} variables, with the arguments {spec}"


def _described(layer: keras.layers.Layer, arguments: Any) -> dict[str, Any]:
    described: dict[str, Any] = describe(layer, (), dict(arguments)).kwargs
    return {key: described[key] for key in arguments}


def _try(call: Callable[..., Any], spec: CallSpec, state: LayerState) -> None:
    try:
        with state.discovery():
            _trace(call, spec)
    except Exception as error:  # noqa: BLE001 - whatever it is, it comes again when that way is called
        state.note = f"with training={spec.kwargs['training']} it failed: {type(error).__name__}: {error}"


class _Trace(keras.Operation):
    """A function of tensors as an operation, which is what Keras can trace without running it."""

    def __init__(self, body: Callable[[Sequence[Any]], None]):
        super().__init__(name="discovery")
        self.body = body

    def call(self, *tensors: Any) -> Any:
        """Run the function. Its result is of no interest, but Keras wants to see tensors."""
        self.body(tensors)
        return tensors


def _trace(call: Callable[..., Any], spec: CallSpec) -> None:
    """Run `call` on the symbols of `spec`; what it raises is raised as it was, not as Keras words it."""
    leaves = keras.tree.flatten((spec.args, spec.kwargs))
    symbols = [leaf for leaf in leaves if isinstance(leaf, keras.KerasTensor)]
    masks = [(i, mask) for i, symbol in enumerate(symbols) if (mask := _keras.get_keras_mask(symbol)) is not None]
    raised: list[Exception] = []

    def body(tensors: Sequence[Any]) -> None:
        if raised and isinstance(raised[0], errors.KscopeError):
            # PyTorch: what failed on symbols is tried again on made-up numbers, from which no variable may start.
            raise raised[0]
        for (i, _), mask in zip(masks, tensors[len(symbols) :], strict=True):
            _keras.set_keras_mask(tensors[i], mask)
        values = iter(tensors)
        filled = [next(values) if isinstance(leaf, keras.KerasTensor) else leaf for leaf in leaves]
        args, kwargs = keras.tree.pack_sequence_as((spec.args, spec.kwargs), filled)
        try:
            call(*args, **kwargs)
        except Exception as error:
            raised.append(error)
            raise

    tensors = [keras.KerasTensor(s.shape, s.dtype, sparse=s.sparse) for s in (*symbols, *(mask for _, mask in masks))]
    with _keras.isolated_call():
        try:
            _Trace(body).compute_output_spec(*tensors)
        except Exception:
            if raised:
                raise raised[-1] from None
            raise
