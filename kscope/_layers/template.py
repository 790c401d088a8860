"""`scoped` and `make_template`: make a scoped layer of a plain function (rows T)."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, overload

import keras

from kscope import errors
from kscope._layers.calls import layer_state
from kscope._layers.layer import ScopedLayer
from kscope._registered import registered
from kscope._scopes.frame import get_variable_scope
from kscope._scopes.thread import thread
from kscope._scopes.variable_scope import variable_scope
from kscope._stores.store import current_store
from kscope.typing import Getter

__all__ = ["ScopedFunction", "make_template", "scoped"]


@registered("kscope")
class ScopedFunction(ScopedLayer):
    """A scoped layer whose `call()` is a function; `scoped` and `make_template` make it.

    Args:
        function: the function; it gets its variables with `get_variable`.
        default_name: str. The name of the layer's scope, made unique. Defaults to the function's name.
        **kwargs: those of `ScopedLayer`.
    """

    def __init__(self, function: Callable[..., Any], default_name: str | None = None, **kwargs: Any):
        if not callable(function):
            raise errors.OptionTypeError(f"scoped() needs a function. Received: {function!r}")
        self.function = function
        self.default_name: str = default_name or str(getattr(function, "__name__", type(function).__name__))
        # Keras reads the signature of `call` while the layer is made.
        self.call = functools.wraps(function)(lambda *args, **kwargs: function(*args, **kwargs))
        super().__init__(**kwargs)

    def _default_name(self) -> str:
        return self.default_name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function; arguments that are not tensors may be positional, which Keras allows by name only."""
        args, kwargs = self._inputs_first(args, kwargs)
        return super().__call__(*args, **kwargs)

    def build_for(self, *args: Any, **kwargs: Any) -> None:
        """Make the variables for a call with these arguments, without calling the function on them."""
        self._build_for(*self._inputs_first(args, kwargs))

    def _inputs_first(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        count = next((i for i, arg in enumerate(args) if not _is_input(arg)), len(args))
        names = list(inspect.signature(self.call).parameters)[count : len(args)]
        return args[:count], {**dict(zip(names, args[count:], strict=True)), **kwargs}

    def get_config(self) -> dict[str, Any]:
        """Return the config with the function, which must be registered with `keras.saving` to be loaded again."""
        function = keras.saving.serialize_keras_object(self.function)
        return {**super().get_config(), "function": function, "default_name": self.default_name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Make a layer from a config of `get_config()`."""
        function = keras.saving.deserialize_keras_object(config["function"])
        return super().from_config({**config, "function": function})


def _is_input(arg: Any) -> bool:
    return all(leaf is None or hasattr(leaf, "shape") for leaf in keras.tree.flatten(arg))


@overload
def scoped(function: Callable[..., Any], **kwargs: Any) -> ScopedFunction: ...


@overload
def scoped(function: None = None, **kwargs: Any) -> Callable[[Callable[..., Any]], ScopedFunction]: ...


def scoped(function: Callable[..., Any] | None = None, **kwargs: Any) -> Any:
    """Make a scoped layer of a function that gets its variables with `get_variable`; also a decorator.

    Args:
        function: a function of tensors. It is passed `training` and `mask` if it has these arguments.
        **kwargs: those of `ScopedLayer`. The layer's scope defaults to the function's name.

    Returns:
        A `ScopedLayer`; without `function`, a decorator that makes one.

    Raises:
        TypeError: if `function` is not callable.

    Example:
    >>> @kscope.scoped
    ... def line(x, units=2):
    ...     return x @ kscope.get_variable("kernel", [x.shape[-1], units])
    >>> line(np.ones((1, 3), "float32"), units=4).shape == (1, 4)
    True
    >>> line.weights[0].path
    'line/kernel'
    """
    if function is None:
        return functools.partial(scoped, **kwargs)
    return ScopedFunction(function, **kwargs)


def make_template(
    name_: str,
    func_: Callable[..., Any],
    create_scope_now_: bool = False,
    unique_name_: str | None = None,
    custom_getter_: Getter | None = None,
    **kwargs: Any,
) -> ScopedFunction:
    """Make a function share its variables between all calls: the first call makes them, later calls get the same.

    The variables are in the store that is open where the template is made. If no store is open there, and the template
    is first called in a scoped layer's call, they are in that layer's store, under the current scope; otherwise in the
    default store.

    Args:
        name_: str. The name of the variables' scope, made unique as a default name is.
        func_: the function.
        create_scope_now_: bool. Whether to choose the scope where the template is made, not where it is first called.
        unique_name_: str. The name of the scope in place of `name_`, not made unique.
        custom_getter_: a getter around each `get_variable` of the function.
        **kwargs: arguments that are bound to `func_`.

    Returns:
        A `ScopedLayer`. A later call that asks for a new name raises `LateVariableError`.

    Raises:
        ValueError: if `name_` is `None`.

    Example:
    >>> def scale_by_y(x):
    ...     return x * kscope.get_variable("y", [])
    >>> scale = kscope.make_template("scale", scale_by_y)
    >>> first, second = scale(1.0), scale(2.0)
    >>> [v.path for v in scale.weights]
    ['scale/y']
    """
    if name_ is None:
        raise errors.ScopeNameError("name cannot be None.")
    function = functools.partial(func_, **kwargs) if kwargs else func_
    if custom_getter_ is not None:
        function = _with_getter(function, custom_getter_)
    scope: Any = unique_name_
    if create_scope_now_:
        with variable_scope(unique_name_, None if unique_name_ else name_) as scope:
            pass
    template = ScopedFunction(function, default_name=name_, store=current_store(), scope=scope)
    # Unlike a layer, a template is bound under the scope of its first call, not of its construction (row T2).
    state = layer_state.of(template)
    assert state is not None  # it is a scoped layer
    state.wanted.home = None
    # A template that a layer makes and calls is bound inside that layer, as any inner layer is (row S17).
    state.wanted.yields = thread.frame is None and not create_scope_now_
    return template


def _with_getter(function: Callable[..., Any], getter: Getter) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        with variable_scope(get_variable_scope(), custom_getter=getter):
            return function(*args, **kwargs)

    return wrapped
