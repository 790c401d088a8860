"""`layer` and `get_or_create_layer`: Keras layers made inside `call()`, kept and shared by name (rows S14, T5, T6)."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kscope import _layer_messages, _names, errors
from kscope._context import current_frame, thread
from kscope._kept import KeptLayer
from kscope._reuse import AUTO_REUSE, Reuse
from kscope._variable_scope import variable_scope

if TYPE_CHECKING:
    from kscope._late import Late
    from kscope._scope import VariableScope
    from kscope._state import LayerState, Made
    from kscope._store import VariableStore

__all__ = ["get_or_create_layer", "layer"]

_PLAIN = (bool, int, float, str, bytes, type(None))


def layer(cls: Callable[..., Any], /, *args: Any, name: str | None = None, **kwargs: Any) -> Any:
    """Get the Keras layer of that name in the current scope, or make it, as the scope's reuse mode says.

    A layer that `call()` makes of its own accord is lost: another one is made at the next call. This one is kept with
    the variables of the store. Its weights are variables of the store below the layer's name, by way of the scope's
    getter, regularizer, constraint and partitioner; the layer whose call gets it tracks, trains and saves them.

    Args:
        cls: a layer class of Keras, or anything that makes a layer of the arguments.
        *args: what it is called with, when the layer is made.
        name: str, joined to the current scope's name. Defaults to the class name in snake case, made unique in the
            scope as a `default_name` is (row T5).
        **kwargs: what it is called with, when the layer is made.

    Returns:
        The layer, the identical one at each look-up.

    Raises:
        LayerExistsError: the name is taken, and the scope does not reuse.
        LayerMismatchError: the layer of that name was made by another class, or of other numbers and names.
        LateVariableError: a built layer asks for a name that its discovery did not meet.
        LayerError: what `cls` returns is no layer.
        UnsupportedError: the layer keeps something that cannot be saved by name.
        ValueError: what `get_variable` raises, when the weights are made.

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
    default = None if name is not None else _names.snake_case(str(getattr(cls, "__name__", type(cls).__name__)))

    def make(leaf: str) -> Any:
        return cls(*args, **kwargs, **({"name": leaf} if _takes_name(cls) else {}))

    return _obtain(name, default, make, _Asked(cls, args, kwargs))


def get_or_create_layer(name: str, create_fn: Callable[[], Any]) -> Any:
    """Get the Keras layer or model of that name in the current scope, or have it made, whatever the reuse mode.

    As `layer`, but for getting the same one twice in a call on purpose, and for what takes more than one call to make.

    Args:
        name: str, joined to the current scope's name.
        create_fn: called with nothing, if there is no such layer yet; returns a layer or a model.

    Returns:
        The layer, the identical one at each look-up.

    Raises:
        LateVariableError: a built layer asks for a name that its discovery did not meet.
        LayerError: what `create_fn` returns is no layer.
        UnsupportedError: the layer keeps something that cannot be saved by name.
        ValueError: what `get_variable` raises, when the weights are made.

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


class _Asked:
    """What a layer is to be made of, for comparison with what one of the same name was made of."""

    def __init__(self, cls: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]):
        self.cls = cls
        # Objects, such as initializers, are made anew at each call, and compare as different.
        self._plain: dict[Any, Any] = {**dict(enumerate(args)), **kwargs}

    def agrees(self, other: _Asked) -> bool:
        """Whether both can be met by one layer, as far as it shows."""
        return self.cls == other.cls and all(
            value == other._plain[key]
            for key, value in self._plain.items()
            if isinstance(value, _PLAIN) and isinstance(other._plain.get(key, self), _PLAIN)
        )

    def __str__(self) -> str:
        name = getattr(self.cls, "__name__", self.cls)
        plain = [
            f"{value!r}" if isinstance(key, int) else f"{key}={value!r}"
            for key, value in self._plain.items()
            if isinstance(value, _PLAIN)
        ]
        return f"{name}({', '.join(plain)})"


class LayerRequest:
    """One look-up of a layer; what a call of a scoped layer asks of it is what it asks of a `Request`."""

    words = _layer_messages

    __slots__ = ("asked", "must_exist", "name", "reuse", "scope", "store")

    def __init__(self, scope: VariableScope, store: VariableStore, reuse: Reuse, asked: _Asked | None):
        self.scope = scope
        self.store = store
        self.name = scope.name
        self.reuse = reuse
        self.asked = asked
        # Under `reuse=True` it is the weights that have to be there: the layer is no more than their code (row T5).
        self.must_exist = False

    def known_of(self, state: LayerState) -> dict[KeptLayer, VariableStore]:
        """The layers that a scoped layer's calls get."""
        return state.layers

    def restore(self, kept: KeptLayer) -> KeptLayer:
        """Put a layer back that was rolled back with others, and its weights, for which it does not ask again."""
        for record in kept.records:
            self.store.put_back(record)
        return self.store.layers.setdefault(kept.name, kept)

    def made_with(self, kept: KeptLayer) -> list[Made]:
        """What goes with a layer when it is taken back: its weights, too."""
        weights: list[Made] = [(self.store, record) for record in kept.records]
        return [(self.store, kept), *weights]

    def take_on(self, late: Late, kept: KeptLayer, state: LayerState) -> None:
        """Have a built layer track one that its discovery did not meet."""
        del state
        late.take_on_layer(kept)

    def spelled(self) -> str:
        """What is asked for, in a line of a message."""
        return f"{self.name}, {self.asked}" if self.asked else self.name

    def find(self) -> KeptLayer | None:
        """The layer to share, `None` to make one."""
        kept = self.store.layers.get(self.name)
        if thread.call is not None:
            kept = thread.call.claim(self, kept)
        elif kept is not None and self.reuse is False:
            raise _layer_messages.exists(self, kept)
        if kept is not None and self.asked and kept.asked and not self.asked.agrees(kept.asked):
            raise _layer_messages.mismatch(self, kept)
        return kept

    def make(self, make: Callable[[str], Any]) -> KeptLayer:
        """Make the layer, and keep it."""
        leaf = self.name.rpartition("/")[2]
        kept = KeptLayer(self.scope, self.store, self.asked, functools.partial(make, leaf))
        self.store.layers[self.name] = kept
        if thread.call is not None:
            thread.call.made(self, kept)
        return kept


def _obtain(
    name: str | None,
    default_name: str | None,
    make: Callable[[str], Any],
    asked: _Asked | None,
    reuse: Reuse | None = None,
) -> Any:
    with variable_scope(name, default_name) as scope:
        store = current_frame().store
    if store.always_auto_reuse:
        reuse = AUTO_REUSE
    request = LayerRequest(scope, store, scope.mode if reuse is None else reuse, asked)
    with store.lock:
        kept = request.find() or request.make(make)
    return kept.layer
