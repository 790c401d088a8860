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

    The variables are made when the layer is built, in a discovery: a symbolic call of the layer. Every call starts in
    the layer's scope, and numbers default names from the start, so that the same code gets the same variables. Getting
    a name twice in one call without a reuse mode is an error.

    The layer is bound to a store and a scope once, when it is first built: to `store` if given; inside another scoped
    layer's call to that layer's store, under the current scope; to the store or scope that was open where the layer was
    made or is first called; else to a new store.

    Args:
        scope: str relative to the scope under which the layer is bound, absolute with a leading slash, or a captured
            `VariableScope`. Defaults to the layer's name, and for an unnamed layer to its class name, made unique.
        store: the `VariableStore` to bind to.
        reuse: reuse mode of the layer's scope; `True` or `AUTO_REUSE` shares variables that other layers made there.
        discover: a list of dicts of call arguments, each for one more discovery of a branch of `call()` that the first
            call does not take. Both values of `training` are discovered in any case.
        late: `"raise"` or `"allow"`: a built layer that asks for a new name raises `LateVariableError`, or makes the
            variable.
        **kwargs: those of `keras.layers.Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `autocast`.

    Raises:
        TypeError: if an argument has a wrong type.

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
        """Refuse to quantize: Keras cannot replace the variables that `call()` gets by name.

        Raises:
            UnsupportedError: always; `keras.Model.quantize` turns it into a warning.
        """
        del type_check, config
        raise quantize.refusal(self.name, mode, self._kscope)


class ScopedModel(Scoped, keras.Model):
    """A `keras.Model` whose `call()` gets its variables by name; see `ScopedLayer` for how it is bound and built.

    It is for subclassing. For a functional model, use `keras.Model` with scoped layers.

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
        """Export the model as Keras does; `input_signature` defaults to the one of the call that built the model.

        Keras itself knows only the shapes of that call, and exports all inputs as floats.
        """
        if input_signature is None and self._kscope.built_with is not None:
            input_signature = call_spec.input_signature(self, self._kscope.built_with)
        super().export(filepath, *args, input_signature=input_signature, **kwargs)
