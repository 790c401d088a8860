"""Records, one for each variable of a store, and their tree by scope, so that listing a scope reads no other scope."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from kscope._variables.variable import ScopedVariable

__all__ = ["Kept", "Record", "Tree"]


class Record:
    """One variable of a store, with the properties that every look-up reads."""

    __slots__ = ("collections", "draw", "dtype", "name", "number", "shape", "site", "variable")

    # The position in the order of the store, set when the record is added.
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
        # In a store that `redraws`, returns a new initial value; `None` for a constant.
        self.draw = draw


class Kept(Protocol):
    """A kept layer: a Keras layer under the name of its scope, whose weights are variables of the store."""

    @property
    def name(self) -> str:
        """The full name, which is that of the layer's scope."""

    @property
    def layer(self) -> Any:
        """The Keras layer."""

    @property
    def records(self) -> list[Record]:
        """The records of the layer's weights."""

    @property
    def asked(self) -> Any:
        """The arguments that the layer was made with, if they are known."""

    @property
    def site(self) -> object:
        """The line of code that made the layer."""

    def settle(self, made: list[Any]) -> None:
        """Name the state of random generators, which Keras makes without `add_weight`; refuse other such variables."""


class Tree:
    """The records of a scope and the scopes in it: one level for each part of a name."""

    __slots__ = ("records", "scopes")

    def __init__(self) -> None:
        self.scopes: dict[str, Tree] = {}
        self.records: dict[str, Record] = {}

    def add(self, record: Record) -> None:
        """Add a record."""
        *scopes, leaf = record.name.split("/")
        tree = self
        for scope in scopes:
            below = tree.scopes.get(scope)
            if below is None:
                below = tree.scopes[scope] = Tree()
            tree = below
        tree.records[leaf] = record

    def remove(self, record: Record) -> None:
        """Remove a record, and the scopes that are empty without it."""
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
        """Return the records whose names start with `prefix`, in the order in which they were added."""
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
