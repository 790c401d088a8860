"""`LayerRequest`: one look-up of a layer by name, and what the layer is to be made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kscope._scopes.scope import VariableScope
from kscope._stores.store import VariableStore
from kscope.typing import Reuse

__all__ = ["LayerRequest", "Makings"]

_PLAIN = (bool, int, float, str, bytes, type(None))


class Makings:
    """What a layer is to be made of, for comparison with what one of the same name was made of."""

    def __init__(self, cls: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]):
        self.cls = cls
        # Objects, such as initializers, are made anew at each call, and compare as different.
        self._plain: dict[Any, Any] = {**dict(enumerate(args)), **kwargs}

    def agrees(self, other: Makings) -> bool:
        """Whether one layer can be both, as far as plain arguments tell."""
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
    """One look-up of a layer; a call of a scoped layer judges it as it judges a `Request`.

    Attributes:
        scope: the layer's own, whose name is the layer's.
        store: where the layer is kept.
        name: the layer's full name.
        reuse: the reuse mode.
        asked: what the layer is to be made of, if that is known.
    """

    __slots__ = ("asked", "name", "reuse", "scope", "store")

    def __init__(self, scope: VariableScope, store: VariableStore, reuse: Reuse, asked: Makings | None):
        self.scope = scope
        self.store = store
        self.name = scope.name
        self.reuse = reuse
        self.asked = asked

    def spelled(self) -> str:
        """What is asked for, in a line of a message."""
        return f"{self.name}, {self.asked}" if self.asked else self.name
