"""Functions of the user's that draw initial values, and get the random generator of their variable."""

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
                f"What is seeded must be a callable `function(rng, shape, dtype)`, while get {function!r}"
            )
        self.function = function

    def __call__(self, shape: ShapeLike, dtype: DtypeLike = None) -> Any:
        """Numbers of a new generator, which `keras.utils.set_random_seed` decides on."""
        name = dtypes.canonical(dtypes.standardize(dtype or dtypes.floatx()))
        # As Keras does: Python's generator is the one that is asked for seeds.
        return self.function(philox.generator(random.getrandbits(128)), full(shape), name)

    def get_config(self) -> dict[str, Any]:
        """What to make an equal one of; the function has to be known to Keras by then."""
        return {"function": keras.saving.serialize_keras_object(self.function)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """An initializer from `get_config()`."""
        return cls(keras.saving.deserialize_keras_object(config["function"]))


def seeded(function: Function) -> Seeded:
    """Make an initializer of a function that draws from a NumPy generator.

    With a seed (`kscope.set_seed`, `VariableStore(seed=...)`) the generator is that of the variable's name: it draws
    the same numbers on every backend, in every run. Without one it is a new one for each variable. A slice of a
    partitioned variable is cut out of the whole.

    To save it with a layer, register the function below the decorator: `@keras.saving.register_keras_serializable()`.

    Args:
        function: a callable `function(rng, shape, dtype)` that returns an array of that shape: a
            `np.random.Generator`, a tuple of ints, and the name of a dtype. An array of another float dtype is rounded.

    Returns:
        A Keras initializer.

    Raises:
        OptionTypeError: if it is not callable.

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
