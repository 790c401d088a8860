"""The parts of the built-in getters: settings, and further variables beside the one that was asked for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import keras
from keras import ops

from kscope import _keras, _registered, errors
from kscope._scopes.thread import thread
from kscope._stores.lookup.request import Arguments
from kscope._variables import dtypes

__all__ = [
    "SettingsGetter",
    "arguments_of",
    "dtype_of",
    "further",
    "is_state",
    "registered",
    "state",
    "training_now",
    "unit",
    "variable_of",
    "wide",
]

# A getter has to be registered so that Keras can save a layer in a scope that has it.
registered = _registered.registered("kscope.getters")

# Norms are computed in 32 bits at least.
_NARROW = ("float16", "bfloat16")


def arguments_of(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return a getter's arguments by name: another getter may pass them by position."""
    return {**dict(zip(Arguments._fields, args, strict=False)), **kwargs}


def is_state(got: Any, arguments: dict[str, Any]) -> bool:
    """Whether all built-in getters return a variable unchanged: the state of a getter, or one that is not a float."""
    if not hasattr(got, "dtype"):
        raise errors.GetterError(
            errors.compose(
                f"A getter needs variable {arguments['name']} or a tensor, and the getters around it return neither.",
                [("got", repr(got))],
            )
        )
    return arguments.get("synchronization") == "on_read" or not dtypes.is_floating(dtype_of(got))


def dtype_of(got: Any) -> str:
    """Return the dtype that a variable or tensor is read in."""
    return str(keras.backend.standardize_dtype(got.dtype))


def wide(got: Any) -> Any:
    """Return the value of a variable or tensor, in 32 bits at least, to compute a norm from."""
    value = _keras.stored_value(got)
    return ops.cast(value, "float32") if dtype_of(value) in _NARROW else value


class SettingsGetter(ABC):
    """A getter with settings: attributes that have the names of the constructor's arguments."""

    def __call__(self, getter: Any, /, *args: Any, **kwargs: Any) -> Any:
        arguments = arguments_of(args, kwargs)
        got = getter(**arguments)
        return got if is_state(got, arguments) else self.read(getter, got, arguments)

    @abstractmethod
    def read(self, getter: Any, got: Any, arguments: dict[str, Any]) -> Any:
        """Return the value that `get_variable` returns in place of the variable `got`."""

    def get_config(self) -> dict[str, Any]:
        """Return the settings, with which Keras saves a layer in a scope that has this getter."""
        return {key: value for key, value in vars(self).items() if not key.startswith("_")}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Make a getter with these settings."""
        return cls(**config)

    def __repr__(self) -> str:
        settings = ", ".join(f"{key}={value!r}" for key, value in self.get_config().items())
        return f"kscope.getters.{type(self).__name__}({settings})"


def further(getter: Any, arguments: dict[str, Any], suffix: str, **different: Any) -> Any:
    """Get a variable beside the one that was asked for, in the same scope and with the same reuse mode."""
    plain = {"regularizer": None, "constraint": None, "partitioner": None}
    return getter(**{**arguments, **plain, "name": arguments["name"] + suffix, **different})


def state(getter: Any, got: Any, arguments: dict[str, Any], suffix: str, **different: Any) -> Any:
    """Get a variable for the state of a getter, which is not trainable and has 32 bits at least."""
    kept = _keras.stored_dtype(got)
    different["dtype"] = "float32" if kept in _NARROW else kept
    own = further(getter, arguments, suffix, trainable=False, synchronization="on_read", **different)
    return variable_of(own, arguments["name"] + suffix)


def variable_of(got: Any, name: str) -> Any:
    """Return `got` if it is a variable, else raise."""
    if isinstance(got, keras.Variable):
        return got
    raise errors.GetterError(
        errors.compose(
            f"A getter needs variable {name} itself, and the getters around it return something else.",
            [("got", f"a {type(got).__name__}")],
            "nest them the other way round, with the getter that needs the variable in the outer scope.",
        )
    )


def training_now(training: bool | None) -> bool:
    """Whether the running call is in training; `training`, if not `None`, decides."""
    if training is None:
        training, call = _keras.inherited_training(), thread.call
        if call is not None:
            training = call.training(training)
    return bool(training)


def unit(vector: Any) -> Any:
    """Return a vector divided by its length."""
    return vector / ops.maximum(ops.sqrt(ops.sum(ops.square(vector))), 1e-12)
