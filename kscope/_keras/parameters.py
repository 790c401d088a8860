"""How PyTorch sees the variables of layers: what `patches` puts in the place of Keras' registration."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Iterator
from typing import Any

from kscope._keras.layers import open_layers, sublayers
from kscope._keras.traces import BACKEND

__all__ = ["forget", "register", "register_again", "register_all"]

# The layers and models whose scoped variables PyTorch knows of.
_with_scoped_variables: weakref.WeakSet[Any] = weakref.WeakSet()


def register_all(kind: type[Any], original: Any) -> Any:
    """Return a `_track_variables` that registers variables of class `kind` under keys of their own."""

    def track_variables(self: Any) -> None:
        variables = self.variables
        if not any(isinstance(variable, kind) for variable in variables):
            original(self)
            return
        from torch.nn import ParameterDict

        parameters: dict[str, Any] = {}
        for variable in variables:
            parameters[_free_key(variable.path, parameters)] = variable.value
        self._torch_params = ParameterDict(parameters)
        _with_scoped_variables.add(self)

    return track_variables


def register_again(layer: Any) -> None:
    """Register the variables of a built layer with PyTorch again: in the layer, and in all layers that contain it.

    Otherwise `zero_grad` would miss a late variable, and its gradients would add up without an error.
    """
    if BACKEND == "torch":
        for module in {*_with_scoped_variables, *open_layers(layer)}:
            if hasattr(module, "_torch_params") and any(part is layer for part in sublayers(module)):
                module._track_variables()  # noqa: SLF001


def register(kind: type[Any], original: Any) -> Any:
    """Return a `_post_track_variable` that registers a variable of class `kind` under a key of its own."""

    def post_track_variable(self: Any, variable: Any) -> None:
        if not isinstance(variable, kind):
            original(self, variable)
        elif (parameters := getattr(self, "_torch_params", None)) is not None and _key(variable, parameters) is None:
            parameters[_free_key(variable.path, parameters)] = variable.value

    return post_track_variable


def forget(kind: type[Any], original: Any) -> Any:
    """Return a `_post_untrack_variable` that finds the key of a variable of class `kind`."""

    def post_untrack_variable(self: Any, variable: Any) -> None:
        if not isinstance(variable, kind):
            original(self, variable)
            return
        parameters = getattr(self, "_torch_params", None)
        if parameters is not None and (key := _key(variable, parameters)) is not None:
            parameters.pop(key)

    return post_untrack_variable


def _keys(path: str) -> Iterator[str]:
    """Iterate over the keys that a variable of that path may have. PyTorch allows no dot in them."""
    key = path.replace(".", "_")
    yield key
    yield from (f"{key}:{count}" for count in itertools.count(1))


def _free_key(path: str, taken: Any) -> str:
    return next(key for key in _keys(path) if key not in taken)


def _key(variable: Any, parameters: Any) -> str | None:
    """Return the key of a variable among a layer's parameters; `None` if it has none."""
    value = variable.value
    found = itertools.islice(_keys(variable.path), len(parameters)) if next(_keys(variable.path)) in parameters else ()
    return next((key for key in found if parameters.get(key) is value), None)
