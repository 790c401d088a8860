"""`ScopedLayer` and `ScopedModel`: Keras layers whose `call()` gets its variables by name."""

from __future__ import annotations

from typing import Any

import keras

from kscope import errors
from kscope._layers import quantize
from kscope._layers.calls import call_spec
from kscope._layers.scoped import Scoped

__all__ = ["ScopedLayer", "ScopedModel"]


class ScopedLayer(Scoped):
    """A Keras layer whose `call()` gets its variables by name, with `get_variable`.

    The variables are made when the layer is built, in a discovery pass over `call()`. Every call starts in the scope
    the layer is bound to, with default names numbered from anew, so that the same code gets the same variables.
    Getting a name twice in one call without a reuse mode is an accident, and raises.

    The layer binds when it is first built, for good: to `store` if given; inside another scoped layer to that one's
    store, under the scope its call stands in; to the store or scope that was open where the layer was made or is
    first called; else to a store of its own.

    Args:
        scope: str relative to where the layer binds, absolute with a leading slash, or a captured `VariableScope`.
            Defaults to the layer's name, and for an unnamed layer to its class name, made unique.
        store: the `VariableStore` to bind to.
        reuse: reuse mode of the layer's scope; `True` or `AUTO_REUSE` shares what other layers made there.
        discover: a list of dicts of call arguments, each for one more discovery pass over a branch of `call()` that
            the first call does not take. `training` is discovered both ways without being named.
        **kwargs: those of `keras.layers.Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `autocast`.

    Raises:
        TypeError: if an argument is of a wrong type.

    Example:
    >>> class Tower(kscope.ScopedLayer):
    ...     def __init__(self, units, **kwargs):
    ...         super().__init__(**kwargs)
    ...         self.units = units
    ...
    ...     def call(self, x):
    ...         with kscope.variable_scope("fc"):
    ...             w = kscope.get_variable("kernel", [x.shape[-1], self.units])
    ...             b = kscope.get_variable("bias", [self.units], initializer="zeros")
    ...         return keras.ops.relu(x @ w + b)
    >>> tower = Tower(4)
    >>> tower(np.ones((2, 3), "float32")).shape == (2, 4)
    True
    >>> [v.path for v in tower.weights]
    ['tower/fc/kernel', 'tower/fc/bias']
    """

    def quantize(self, mode: str | None = None, type_check: bool = True, config: Any = None) -> None:
        """Refuse: Keras has no way to put other variables in the place of those that `call()` gets by name.

        Raises:
            UnsupportedError: always; `keras.Model.quantize` makes a warning of it.
        """
        del type_check, config
        raise quantize.refusal(self.name, mode, self._kscope)


class ScopedModel(Scoped, keras.Model):
    """A `keras.Model` whose `call()` gets its variables by name; see `ScopedLayer` for how it binds and builds.

    It is for subclassing. A functional model is made of `keras.Model` and scoped layers.

    Args:
        scope: as in `ScopedLayer`.
        store: as in `ScopedLayer`.
        reuse: as in `ScopedLayer`.
        discover: as in `ScopedLayer`.
        late: as in `ScopedLayer`.
        **kwargs: those of `keras.Model`.

    Raises:
        LayerError: if `inputs` or `outputs` is given.

    Example:
    >>> class Line(kscope.ScopedModel):
    ...     def call(self, x):
    ...         return x * kscope.get_variable("slope", []) + kscope.get_variable("offset", [])
    >>> line = Line(name="line")
    >>> line.compile("sgd", "mse")
    >>> history = line.fit(np.ones((4, 1)), np.ones((4, 1)), verbose=0)
    >>> sorted(v.path for v in line.weights)
    ['line/offset', 'line/slope']
    """

    def __init__(self, **kwargs: Any):
        if "inputs" in kwargs or "outputs" in kwargs:
            raise errors.LayerError(
                f"{type(self).__name__} is for subclassing. Make a functional model of keras.Model and scoped layers."
            )
        super().__init__(**kwargs)

    def export(self, filepath: Any, *args: Any, input_signature: Any = None, **kwargs: Any) -> None:
        """Keras' export; the input signature, if not given, is that of the call that the model was built for.

        Keras knows the shapes of that call only, and takes all inputs for floats.
        """
        if input_signature is None and self._kscope.built_with is not None:
            input_signature = call_spec.input_signature(self, self._kscope.built_with)
        super().export(filepath, *args, input_signature=input_signature, **kwargs)
