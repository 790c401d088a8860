"""`Overlay`: variables read as other values in a block, with `store.overlay({...})`."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, TypeAlias

import keras

from kscope import _keras, errors
from kscope._records.registry import Registry
from kscope._variables import shapes
from kscope._variables.variable import ScopedVariable

__all__ = ["Overlay"]

_Variables: TypeAlias = Registry | Mapping[str, ScopedVariable]


class _Thread(threading.local):
    """The values that variables read as in this thread, by the variables' `id`, from all open blocks."""

    def __init__(self) -> None:
        self.values: dict[int, Any] = {}


_thread = _Thread()


class Overlay:
    """The context manager that `VariableStore.overlay` returns.

    Inside the block, a variable reads as the very tensor that was given, so that gradients reach it. A program that
    TensorFlow compiled before reads the variables' memory instead, so the values are also put there. On JAX, Keras'
    training and evaluation donate the memory that they read; concrete values, which carry no gradient, are therefore
    only put into the variables' memory.
    """

    __slots__ = ("_before", "_kept", "_values")

    def __init__(self, store: _Variables, values: Mapping[str, Any]):
        self._values = [(variable, _fitting(variable, values[name])) for name, variable in _named(store, values)]
        self._kept: list[tuple[ScopedVariable, Any]] = []

    def __enter__(self) -> None:
        _install()
        self._before = _thread.values
        values = dict(self._before)
        for variable, value in self._values:
            swapped = _keras.BACKEND != "torch" and _keras.is_concrete(value) and not _keras.deferring()
            if swapped:
                self._kept.append((variable, _keras.frozen(variable.value)))
                variable.assign(value)
            if _keras.BACKEND == "jax" and swapped:
                values.pop(id(variable), None)
            else:
                values[id(variable)] = value
        _thread.values = values

    def __exit__(self, *exc_info: object) -> None:
        _thread.values = self._before
        while self._kept:
            variable, value = self._kept.pop()
            variable.assign(value)


def _named(store: _Variables, values: Mapping[str, Any]) -> list[tuple[str, ScopedVariable]]:
    unknown = [name for name in values if name not in store]
    if unknown:
        raise errors.VariableMissingError(
            errors.compose(
                f"No variable {unknown[0]!r} to overlay.",
                [("store", repr(store)), ("nearest names", errors.nearest(unknown[0], store) or "none")],
                "give a mapping from scoped names, without ':0', to values.",
            )
        )
    return [(name, store[name]) for name in values]


def _fitting(variable: ScopedVariable, value: Any) -> Any:
    if isinstance(value, keras.Variable):
        # A copy of its current value: it may be the very variable that is overlaid.
        value = _keras.frozen(value.value)
    tensor = keras.ops.copy(keras.ops.convert_to_tensor(value, variable.dtype))
    if tuple(tensor.shape) != tuple(variable.shape):
        raise errors.ShapeMismatchError(
            errors.compose(
                f"Variable {variable.path} of shape {shapes.spelled(tuple(variable.shape))} cannot read as a value of "
                f"shape {shapes.spelled(tuple(tensor.shape))}."
            )
        )
    return tensor


def _install() -> None:
    """Make `ScopedVariable.value` look for overlays; done when the first block opens, as it makes each read slower."""
    if "value" in ScopedVariable.__dict__:
        return
    read = ScopedVariable.value.fget

    def value(self: ScopedVariable) -> Any:
        """The current value: a tensor of the backend."""
        overlaid = _thread.values.get(id(self))
        if overlaid is None or _keras.has_stateless_value(self):
            return read(self)
        return _keras.cast_value(self, overlaid)

    ScopedVariable.value = property(value)
