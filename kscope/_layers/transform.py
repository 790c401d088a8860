"""`transform`: turn a scoped function into pure functions of a mapping from scoped names to arrays."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import keras

from kscope import _keras, errors
from kscope._layers.calls import layer_state
from kscope._layers.template import ScopedFunction
from kscope._stores.store import VariableStore

__all__ = ["Transformed", "transform"]


class _Redrawing(VariableStore):
    """A store that can draw the initial values of its variables again."""

    redraws = True


class Transformed:
    """The result of `transform`: `init` and `apply`, and `apply_and_update` for functions that assign.

    Attributes:
        store: the store with the variables that the values replace: it shows their dtypes, and which are trainable.

    Example:
    >>> f = kscope.transform(lambda x: x + kscope.get_variable("bias", [3], initializer="ones"))
    >>> values = f.init(np.zeros((2, 3), "float32"))
    >>> list(values), f.store["bias"].trainable
    (['bias'], True)
    >>> f.apply(values, np.zeros((2, 3), "float32")).shape == (2, 3)
    True
    """

    def __init__(self, function: Callable[..., Any]):
        self.store: VariableStore = _Redrawing()
        self._inner = function if isinstance(function, keras.layers.Layer) else None
        if self._inner is not None:
            function = _calling(self._inner)
        self._layer = ScopedFunction(function, self._inner and self._inner.name, store=self.store, scope="")
        state = layer_state.of(self._layer)
        assert state is not None  # it is a scoped layer
        state.closed = True
        self._drawn = False

    def init(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Draw initial values for a call with these arguments, of which only shapes and dtypes matter.

        Returns:
            A dict from scoped names to arrays of the backend.

        Raises:
            ValueError: an error of the function, or of its `get_variable`.
        """
        self._build(args, kwargs)
        again, self._drawn = self._drawn, True
        return {name: self._initial(name, again) for name in self.store}

    def _initial(self, name: str, again: bool) -> Any:
        record = self.store.records[name]
        if again and record.draw is not None:
            return keras.ops.convert_to_tensor(record.draw(), record.dtype)
        return _keras.frozen(record.variable.value)

    def apply(self, values: Mapping[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Call the function with these values for its variables, without side effects.

        Args:
            values: a mapping like the one that `init` returns, to tensors, arrays or traced values.
            *args: the function's arguments.
            **kwargs: the function's arguments.

        Returns:
            The function's return value.

        Raises:
            ValuesError: a name is missing or unknown, a shape does not fit, or the function assigns to a variable;
                the assigned value would be lost here.
        """
        outputs, values, updated = self._call(values, args, kwargs)
        if updated:
            raise errors.ValuesError(
                errors.compose(
                    "The function assigns to variables, and apply() would lose their new values.",
                    [("assigned", ", ".join(updated))],
                    "use apply_and_update(), which returns the values after the call, too.",
                )
            )
        return outputs

    def apply_and_update(self, values: Mapping[str, Any], *args: Any, **kwargs: Any) -> tuple[Any, dict[str, Any]]:
        """Call the function as `apply` does, and return the values that it assigns, such as moving averages.

        Returns:
            The function's return value, and the values of all variables after the call.
        """
        return self._call(values, args, kwargs)[:2]

    def _call(
        self, values: Mapping[str, Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Any, dict[str, Any], list[str]]:
        self._build(args, kwargs)
        self._check(values)
        variables = {name: record.variable for name, record in self.store.records.items()}
        scope = keras.StatelessScope([(variables[name], values[name]) for name in variables])
        before = {name: scope.get_current_value(variable) for name, variable in variables.items()}
        with scope:
            outputs = self._layer(*args, **kwargs)
        after = {name: scope.get_current_value(variable) for name, variable in variables.items()}
        return outputs, after, [name for name in variables if after[name] is not before[name]]

    def _build(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if self._layer.built:
            return
        self._layer.build_for(*args, **kwargs)
        ours = {id(record.variable) for record in self.store.records.values()}
        inner = self._inner
        others = [variable.path for variable in inner.weights if id(variable) not in ours] if inner else []
        if others:
            raise errors.LayerError(
                errors.compose(
                    f"Layer {self._layer.default_name!r} has variables that no `get_variable` made, which cannot be "
                    "among the values.",
                    [("variables", ", ".join(others))],
                    "use Keras' own `stateless_call`, or get all variables by name.",
                )
            )

    def _check(self, values: Mapping[str, Any]) -> None:
        facts: list[tuple[str, object]] = []
        for name, record in self.store.records.items():
            if name not in values:
                facts.append(("missing", name))
            elif (given := tuple(keras.ops.shape(keras.ops.convert_to_tensor(values[name])))) != record.shape:
                facts.append(("mis-shaped", f"{name}: {record.shape} asked for, {given} given"))
        facts += [("unknown", name) for name in values if name not in self.store]
        if facts:
            raise errors.ValuesError(
                errors.compose("The values do not fit the function's variables.", facts, "take them from init().")
            )


def _calling(layer: keras.layers.Layer) -> Callable[..., Any]:
    @functools.wraps(layer.call)
    def call(*args: Any, **kwargs: Any) -> Any:
        return layer(*args, **kwargs)

    return call


def transform(function: Callable[..., Any]) -> Transformed:
    """Make pure functions of one that gets its variables with `get_variable`, as Haiku's `transform` does.

    `jax.grad`, `jax.vmap`, `torch.func` and `tf.function` can be applied to `apply`; gradients are returned by name.
    Scoped layers that the function calls are bound to its store; their variables are among the values.

    Args:
        function: a function of tensors, or a scoped layer that was not called yet.

    Returns:
        A `Transformed` with `init(*args)`, `apply(values, *args)` and `apply_and_update(values, *args)`.

    Raises:
        TypeError: if `function` is not callable.

    Example:
    >>> def line(x):
    ...     return x * kscope.get_variable("slope", [], initializer="ones") + kscope.get_variable("offset", [])
    >>> line = kscope.transform(line)
    >>> values = line.init(np.ones(3, "float32"))
    >>> sorted(values)
    ['offset', 'slope']
    >>> y = line.apply({"slope": np.float32(2.0), "offset": np.float32(1.0)}, np.ones(3, "float32"))
    >>> print(keras.ops.convert_to_numpy(y))
    [3. 3. 3.]
    """
    return Transformed(function)
