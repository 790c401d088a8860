"""`layer` and `get_or_create_layer`: Keras layers made inside `call()`, kept and shared by name (rows S14, T5, T6)."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from kscope import errors
from kscope._layers.kept import messages
from kscope._layers.kept.kept_layer import KeptLayer
from kscope._layers.kept.layer_kind import LAYERS
from kscope._layers.kept.layer_request import LayerRequest, Makings
from kscope._records.record import Kept
from kscope._scopes import names
from kscope._scopes.reuse import AUTO_REUSE
from kscope._scopes.thread import thread
from kscope._scopes.variable_scope import variable_scope
from kscope._stores.store import current_store
from kscope.typing import Reuse

__all__ = ["get_or_create_layer", "layer"]


def layer(cls: Callable[..., Any], /, *args: Any, name: str | None = None, **kwargs: Any) -> Any:
    """Get the Keras layer of that name in the current scope, or make it, depending on the scope's reuse mode.

    A layer that `call()` makes directly is lost: the next call makes another one. The layer that is made here is kept
    in the store. Its weights are variables of the store below the layer's name, made with the scope's getter,
    regularizer, constraint and partitioner; the layer whose call gets it tracks, trains and saves them.

    Args:
        cls: a Keras layer class, or any callable that returns a layer.
        *args: positional arguments of `cls`, when the layer is made.
        name: str, joined to the current scope's name. Defaults to the class name in snake case, made unique in the
            scope as a `default_name` is (row T5).
        **kwargs: keyword arguments of `cls`, when the layer is made.

    Returns:
        The layer: the same object at each look-up.

    Raises:
        LayerExistsError: the name is taken, and the scope does not reuse.
        LayerMismatchError: the layer of that name was made with another class, or with other numbers or strings.
        LateVariableError: a built layer asks for a name that its discovery did not make.
        LayerError: `cls` does not return a layer.
        UnsupportedError: the layer has state that cannot be saved by name.
        ValueError: an error of `get_variable`, when the weights are made.

    Example:
    >>> class Tower(kscope.ScopedLayer):
    ...     def call(self, x):
    ...         for _ in range(2):
    ...             x = kscope.layer(keras.layers.Dense, 4, activation="relu")(x)
    ...         return kscope.layer(keras.layers.Dense, 1, name="top")(x)
    >>> tower = Tower()
    >>> tower(np.ones((2, 3), "float32")).shape == (2, 1)
    True
    >>> [v.path for v in tower.weights][:3]
    ['tower/dense/kernel', 'tower/dense/bias', 'tower/dense_1/kernel']
    """
    if not callable(cls):
        raise errors.OptionTypeError(f"kscope.layer() needs a layer class to call. Received: {cls!r}")
    default = None if name is not None else names.snake_case(str(getattr(cls, "__name__", type(cls).__name__)))

    def make(leaf: str) -> Any:
        return cls(*args, **kwargs, **({"name": leaf} if _takes_name(cls) else {}))

    return _obtain(name, default, make, Makings(cls, args, kwargs))


def get_or_create_layer(name: str, create_fn: Callable[[], Any]) -> Any:
    """Get the Keras layer or model of that name in the current scope, or make it, in every reuse mode.

    Unlike `layer`, it can get the same layer twice in one call, and a function makes the layer.

    Args:
        name: str, joined to the current scope's name.
        create_fn: a function without arguments that returns a new layer or model; called if there is none of that name.

    Returns:
        The layer: the same object at each look-up.

    Raises:
        LateVariableError: a built layer asks for a name that its discovery did not make.
        LayerError: `create_fn` does not return a layer.
        UnsupportedError: the layer has state that cannot be saved by name.
        ValueError: an error of `get_variable`, when the weights are made.

    Example:
    >>> @kscope.scoped
    ... def net(x):
    ...     for _ in range(3):
    ...         x = kscope.get_or_create_layer("fc", lambda: keras.layers.Dense(x.shape[-1]))(x)
    ...     return x
    >>> net(np.ones((2, 3), "float32")).shape == (2, 3)
    True
    >>> [v.path for v in net.weights]
    ['net/fc/kernel', 'net/fc/bias']
    """
    if not callable(create_fn):
        raise errors.OptionTypeError(f"get_or_create_layer() needs a function to call. Received: {create_fn!r}")
    return _obtain(name, None, lambda _: create_fn(), None, AUTO_REUSE)


def _takes_name(cls: Callable[..., Any]) -> bool:
    try:
        parameters = inspect.signature(cls).parameters.values()
    except (TypeError, ValueError):
        return True
    return any(parameter.name == "name" or parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)


def _obtain(
    name: str | None,
    default_name: str | None,
    make: Callable[[str], Any],
    asked: Makings | None,
    reuse: Reuse | None = None,
) -> Any:
    with variable_scope(name, default_name) as scope:
        store = current_store()
    if store.always_auto_reuse:
        reuse = AUTO_REUSE
    request = LayerRequest(scope, store, scope.mode if reuse is None else reuse, asked)
    with store.lock:
        kept = _find(request) or _make(request, make)
    return kept.layer


def _find(request: LayerRequest) -> Kept | None:
    """Return the layer to share, or `None` to make one."""
    kept: Kept | None = request.store.layers.get(request.name)
    if thread.call is not None:
        kept = thread.call.claim(request, kept, LAYERS)
    elif kept is not None and request.reuse is False:
        raise messages.exists(request, kept)
    if kept is not None and request.asked and kept.asked and not request.asked.agrees(kept.asked):
        raise messages.mismatch(request, kept)
    return kept


def _make(request: LayerRequest, make: Callable[[str], Any]) -> Kept:
    """Make the layer, and put it into the store."""
    leaf = request.name.rpartition("/")[2]
    kept = KeptLayer(request.scope, request.store, request.asked, functools.partial(make, leaf))
    request.store.layers[request.name] = kept
    if thread.call is not None:
        thread.call.made(request, kept, LAYERS)
    return kept
