"""What a store keeps of a variable, and all of them by scope, so that listing one scope does not read the others."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from kscope._variables.variable import ScopedVariable

__all__ = ["Kept", "Record", "Tree"]


class Record:
    """One variable in a store, with what is asked of it again and again."""

    __slots__ = ("collections", "draw", "dtype", "name", "number", "shape", "site", "variable")

    # The variable's place among those of its store; it gets one when it is added.
    number: int

    def __init__(
        self,
        name: str,
        variable: ScopedVariable,
        dtype: str,
        collections: tuple[str, ...],
        site: object,
        draw: Callable[[], Any] | None,
    ):
        self.name = name
        self.variable = variable
        self.shape: tuple[int, ...] = tuple(variable.shape)
        self.dtype = dtype
        self.collections = collections
        self.site = site
        # Gives an initial value anew, in a store that `redraws`, unless it was a constant.
        self.draw = draw


class Kept(Protocol):
    """A Keras layer that a store keeps under the name of its scope, with its weights among the store's variables."""

    @property
    def name(self) -> str:
        """The full name, that of the layer's scope."""

    @property
    def layer(self) -> Any:
        """The Keras layer."""

    @property
    def records(self) -> list[Record]:
        """The layer's weights."""

    @property
    def asked(self) -> Any:
        """What the layer was made of, if that is known."""

    @property
    def site(self) -> object:
        """The line that made it."""

    def settle(self, made: list[Any]) -> None:
        """Give a name to the variables that the layer's code made beside `add_weight`, or refuse them."""


class Tree:
    """A scope's variables and the scopes in it, each part of a name a step down."""

    __slots__ = ("records", "scopes")

    def __init__(self) -> None:
        self.scopes: dict[str, Tree] = {}
        self.records: dict[str, Record] = {}

    def add(self, record: Record) -> None:
        """Put a variable in its place."""
        *scopes, leaf = record.name.split("/")
        tree = self
        for scope in scopes:
            below = tree.scopes.get(scope)
            if below is None:
                below = tree.scopes[scope] = Tree()
            tree = below
        tree.records[leaf] = record

    def remove(self, record: Record) -> None:
        """Take a variable out, and scopes that have none any more."""
        scope, _, leaf = record.name.rpartition("/")
        path = [self]
        for part in scope.split("/") if scope else ():
            path.append(path[-1].scopes[part])
        del path[-1].records[leaf]
        for part, above, below in reversed(list(zip(scope.split("/"), path, path[1:], strict=False))):
            if below.records or below.scopes:
                break
            del above.scopes[part]

    def starting_with(self, prefix: str) -> list[Record]:
        """The variables whose names start with `prefix`, in the order in which they came."""
        *scopes, start = prefix.split("/")
        tree = self
        for scope in scopes:
            below = tree.scopes.get(scope)
            if below is None:
                return []
            tree = below
        return sorted(_collected(tree, start), key=attrgetter("number"))


def _collected(tree: Tree, start: str = "") -> list[Record]:
    found = [record for leaf, record in tree.records.items() if leaf.startswith(start)]
    for scope, below in tree.scopes.items():
        if scope.startswith(start):
            found += _collected(below)
    return found
