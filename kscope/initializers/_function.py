"""Users' functions that draw initial values with a random generator of the variable."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from kscope import errors
from kscope._variables import dtypes
from kscope.initializers._base import full, registered
from kscope.initializers._draws import philox
from kscope.typing import DtypeLike, ShapeLike

__all__ = ["Seeded", "seeded"]

Function = Callable[[np.random.Generator, tuple[int, ...], str], Any]


@registered
class Seeded(keras.initializers.Initializer):
    """A function of `(rng, shape, dtype)` as an initializer; see `seeded`."""

    def __init__(self, function: Function):
        if not callable(function):
            raise errors.OptionTypeError(
                f"The seeded function must be a callable `function(rng, shape, dtype)`, while get {function!r}"
            )
        self.function = function

    def __call__(self, shape: ShapeLike, dtype: DtypeLike = None) -> Any:
        """Return numbers that the function draws with a new generator; `keras.utils.set_random_seed` controls them."""
        name = dtypes.canonical(dtypes.standardize(dtype or dtypes.floatx()))
        # As in Keras, seeds come from Python's generator.
        return self.function(philox.generator(random.getrandbits(128)), full(shape), name)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments, for `from_config`; the function has to be registered with Keras."""
        return {"function": keras.saving.serialize_keras_object(self.function)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Make an initializer from `get_config()`."""
        return cls(keras.saving.deserialize_keras_object(config["function"]))


def seeded(function: Function) -> Seeded:
    """Make an initializer from a function that draws with a NumPy generator.

    With a seed (`kscope.set_seed`, `VariableStore(seed=...)`), the generator follows from the seed and the variable's
    name, and draws the same numbers on every backend, in every run. Without a seed, each variable gets a new generator.
    A slice of a partitioned variable is cut out of the whole variable's values.

    To save the initializer with a layer, put `@keras.saving.register_keras_serializable()` below this decorator.

    Args:
        function: a callable `function(rng, shape, dtype)`, called with a `np.random.Generator`, a tuple of ints and the
            name of a dtype. It returns an array of that shape; an array of another float dtype is rounded.

    Returns:
        A Keras initializer.

    Raises:
        OptionTypeError: if `function` is not callable.

    Example:
    >>> @kscope.initializers.seeded
    ... def signs(rng, shape, dtype):
    ...     return rng.choice([-1.0, 1.0], shape)
    >>> store = kscope.VariableStore(seed=42)
    >>> v = store.get_variable("signs", [3], initializer=signs)
    >>> bool(keras.ops.all(keras.ops.abs(v) == 1.0))
    True
    """
    return Seeded(function)
