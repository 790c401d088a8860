"""`LayerRequest`: one look-up of a layer by name, with the class and arguments to make it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kscope._scopes.scope import VariableScope
from kscope._stores.store import VariableStore
from kscope.typing import Reuse

__all__ = ["LayerRequest", "Makings"]

_PLAIN = (bool, int, float, str, bytes, type(None))


class Makings:
    """The class and arguments of a requested layer, to compare with those of the kept layer of the same name."""

    def __init__(self, cls: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]):
        self.cls = cls
        # Only plain values are compared: objects, such as initializers, are new at each call and compare as different.
        self._plain: dict[Any, Any] = {**dict(enumerate(args)), **kwargs}

    def agrees(self, other: Makings) -> bool:
        """Whether both have the same class and no plain argument that differs."""
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
    """One look-up of a layer; the call of a scoped layer checks it as it checks a `Request`.

    Attributes:
        scope: the layer's own scope, which has the layer's name.
        store: the store in which the layer is kept.
        name: the layer's full name.
        reuse: the reuse mode.
        asked: the class and arguments to make the layer, if they are known.
    """

    __slots__ = ("asked", "name", "reuse", "scope", "store")

    def __init__(self, scope: VariableScope, store: VariableStore, reuse: Reuse, asked: Makings | None):
        self.scope = scope
        self.store = store
        self.name = scope.name
        self.reuse = reuse
        self.asked = asked

    def spelled(self) -> str:
        """Return the request as a line of a message shows it."""
        return f"{self.name}, {self.asked}" if self.asked else self.name
