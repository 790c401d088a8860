"""What the built-in getters are made of: settings, and variables kept beside those that they read."""

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

# Keras can save a layer in a scope with a registered getter.
registered = _registered.registered("kscope.getters")

# Norms are computed in 32 bits at least.
_NARROW = ("float16", "bfloat16")


def arguments_of(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """What a getter is asked for, by name: getters around it may hand arguments on by position."""
    return {**dict(zip(Arguments._fields, args, strict=False)), **kwargs}


def is_state(got: Any, arguments: dict[str, Any]) -> bool:
    """Whether a variable goes through all built-in getters as it is: another getter's numbers, or no floats."""
    if not hasattr(got, "dtype"):
        raise errors.GetterError(
            errors.compose(
                f"A getter needs variable {arguments['name']} or a tensor, and the getters around it return neither.",
                [("got", repr(got))],
            )
        )
    return arguments.get("synchronization") == "on_read" or not dtypes.is_floating(dtype_of(got))


def dtype_of(got: Any) -> str:
    """The dtype that something is read in."""
    return str(keras.backend.standardize_dtype(got.dtype))


def wide(got: Any) -> Any:
    """The value of a variable, or of what a getter made of one, to compute a norm from."""
    value = _keras.stored_value(got)
    return ops.cast(value, "float32") if dtype_of(value) in _NARROW else value


class SettingsGetter(ABC):
    """A getter with settings, which are attributes named like the constructor's arguments."""

    def __call__(self, getter: Any, /, *args: Any, **kwargs: Any) -> Any:
        arguments = arguments_of(args, kwargs)
        got = getter(**arguments)
        return got if is_state(got, arguments) else self.read(getter, got, arguments)

    @abstractmethod
    def read(self, getter: Any, got: Any, arguments: dict[str, Any]) -> Any:
        """What stands for a variable that was got."""

    def get_config(self) -> dict[str, Any]:
        """The settings, for Keras to save a layer in a scope with this getter."""
        return {key: value for key, value in vars(self).items() if not key.startswith("_")}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A getter with these settings."""
        return cls(**config)

    def __repr__(self) -> str:
        settings = ", ".join(f"{key}={value!r}" for key, value in self.get_config().items())
        return f"kscope.getters.{type(self).__name__}({settings})"


def further(getter: Any, arguments: dict[str, Any], suffix: str, **different: Any) -> Any:
    """A variable beside the one that was asked for: in the same scope, under the same reuse mode."""
    plain = {"regularizer": None, "constraint": None, "partitioner": None}
    return getter(**{**arguments, **plain, "name": arguments["name"] + suffix, **different})


def state(getter: Any, got: Any, arguments: dict[str, Any], suffix: str, **different: Any) -> Any:
    """A variable for a getter's own numbers, which no optimizer trains, and which has 32 bits at least."""
    kept = _keras.stored_dtype(got)
    different["dtype"] = "float32" if kept in _NARROW else kept
    own = further(getter, arguments, suffix, trainable=False, synchronization="on_read", **different)
    return variable_of(own, arguments["name"] + suffix)


def variable_of(got: Any, name: str) -> Any:
    """What was got, if it is a variable."""
    if isinstance(got, keras.Variable):
        return got
    raise errors.GetterError(
        errors.compose(
            f"A getter needs variable {name} itself, and the getters around it return something else.",
            [("got", f"a {type(got).__name__}")],
            "nest them the other way round: the scope of the getter that needs the variable outside.",
        )
    )


def training_now(training: bool | None) -> bool:
    """Whether the running call is one in training, unless a getter was told."""
    if training is None:
        training, call = _keras.inherited_training(), thread.call
        if call is not None:
            training = call.training(training)
    return bool(training)


def unit(vector: Any) -> Any:
    """A vector of length one."""
    return vector / ops.maximum(ops.sqrt(ops.sum(ops.square(vector))), 1e-12)
