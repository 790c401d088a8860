"""Getters that change the arguments of a look-up, or the dtype or the gradient of the value that is read."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from kscope import _keras, errors
from kscope._stores.lookup.request import Arguments
from kscope._variables import dtypes
from kscope.getters._base import SettingsGetter, arguments_of, is_state, registered

__all__ = ["cast", "freeze", "override", "stop_gradient"]


@registered
def stop_gradient(getter: Any, /, *args: Any, **kwargs: Any) -> Any:
    """Read a variable as a constant: no gradient flows into it from here.

    Unlike with `freeze`, the same variable is trained wherever it is got without this getter. The variable stays among
    the trainable ones; if nothing else reads it, its gradient is `None` or zero.

    Example:
    >>> class Tied(kscope.ScopedLayer):
    ...     def call(self, x):
    ...         with kscope.variable_scope("fc", reuse=kscope.AUTO_REUSE):
    ...             trained = kscope.get_variable("kernel", [x.shape[-1], x.shape[-1]])
    ...             constant = kscope.get_variable("kernel", custom_getter=kscope.getters.stop_gradient)
    ...         return (x @ trained) @ keras.ops.transpose(constant)
    >>> len(Tied()(np.ones((2, 3), "float32"))), Tied().trainable
    (2, True)
    """
    got = getter(*args, **kwargs)
    return got if is_state(got, arguments_of(args, kwargs)) else ops.stop_gradient(got)


@registered
def freeze(getter: Any, /, *args: Any, **kwargs: Any) -> Any:
    """Make the variable with `trainable=False`: no optimizer updates it, wherever it is read.

    As any argument, this applies to a new variable only; an existing one is shared unchanged (row G10). To train a
    variable in one place and not in another, use `stop_gradient`.

    Example:
    >>> with kscope.variable_scope("fc", custom_getter={".*/bias": kscope.getters.freeze}):
    ...     kernel, bias = kscope.get_variable("kernel", [3, 4]), kscope.get_variable("bias", [4])
    >>> kernel.trainable, bias.trainable
    (True, False)
    """
    return getter(**{**arguments_of(args, kwargs), "trainable": False})


@registered
class cast(SettingsGetter):  # noqa: N801 - used like a function
    """Read variables in another dtype than they are stored in; gradients have the stored dtype.

    Args:
        dtype: a float dtype, as a name or a framework's.

    Example:
    >>> with kscope.variable_scope("fc", custom_getter=kscope.getters.cast("bfloat16")):
    ...     kernel = kscope.get_variable("kernel", [3, 4])
    >>> keras.backend.standardize_dtype(kernel.dtype), kscope.default_store()["fc/kernel"].dtype
    ('bfloat16', 'float32')
    """

    def __init__(self, dtype: Any):
        self.dtype = dtypes.standardize(dtype)
        if not dtypes.is_floating(self.dtype):
            raise errors.OptionError(f"Variables can be read in a float dtype, while get {self.dtype}")

    def read(self, getter: Any, got: Any, arguments: dict[str, Any]) -> Any:
        """Return the value in the other dtype."""
        del getter, arguments
        return ops.cast(_keras.stored_value(got), self.dtype)


@registered
class override:  # noqa: N801 - used like a function
    """Override arguments of every `get_variable` inside the scope.

    Args:
        **arguments: arguments of `get_variable`, except `name` and `custom_getter`.

    Example:
    >>> plain = kscope.getters.override(initializer="zeros", regularizer=None)
    >>> with kscope.variable_scope("fc", custom_getter=plain):
    ...     kernel = kscope.get_variable("kernel", [2], initializer="ones", regularizer="l2")
    >>> keras.ops.convert_to_numpy(kernel).tolist(), kernel.regularizer
    ([0.0, 0.0], None)
    """

    def __init__(self, **arguments: Any):
        unknown = sorted(set(arguments) - set(Arguments._fields[1:]) | {"reuse"}.intersection(arguments))
        if unknown:
            raise errors.OptionTypeError(f"get_variable has no argument to override that is called {unknown[0]!r}.")
        self.arguments = arguments

    def __call__(self, getter: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Get the variable with the overriding arguments."""
        return getter(**{**arguments_of(args, kwargs), **self.arguments})

    def get_config(self) -> dict[str, Any]:
        """Return the arguments, as Keras saves them."""
        return {key: keras.saving.serialize_keras_object(value) for key, value in self.arguments.items()}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Make a getter with these arguments."""
        return cls(**{key: keras.saving.deserialize_keras_object(value) for key, value in config.items()})

    def __repr__(self) -> str:
        return f"kscope.getters.override({', '.join(f'{key}={value!r}' for key, value in self.arguments.items())})"
