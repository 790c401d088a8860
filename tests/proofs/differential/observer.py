"""From a library's objects to observations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from differential.libraries import Library
from differential.observed import (
    SeenCreator,
    SeenGetter,
    SeenList,
    SeenScope,
    SeenVariable,
    SeenWhole,
    plain_shape,
    word_of,
)

# Read of a scope, each by its own method; those of the whole store are what `List` lists.
LISTINGS = ("global_variables", "trainable_variables", "local_variables")


class Observer:
    """What one run has seen so far: which variable was first seen when, to tell which are the same."""

    def __init__(self, library: Library):
        self.library = library
        self._known: list[tuple[Any, int]] = []

    def last(self, store: Any) -> Any:
        """The variable of this store that was first seen last."""
        held = {id(variable) for variable in self.library.variables(store).values()}
        return next((known for known, _ in reversed(self._known) if id(known) in held), None)

    def result(self, value: Any, number: int, store: Any) -> Any:
        """What `get_variable`, or a getter, returned at a step."""
        if isinstance(value, tuple):
            return tuple(self.result(item, number, store) for item in value)
        if value is None:
            return None
        slices = self.library.slices(value)
        return self._variable(value, number, store) if slices is None else self._whole(value, slices, number, store)

    def _first(self, variable: Any, number: int) -> int:
        first = next((step for known, step in self._known if known is variable), None)
        if first is None:
            first = number
            self._known.append((variable, first))
        return first

    def _variable(self, variable: Any, number: int, store: Any) -> SeenVariable:
        keys = [key for key, kept in self.library.variables(store).items() if kept is variable]
        return SeenVariable(
            variable.name,
            *keys,
            self._first(variable, number),
            plain_shape(variable.shape),
            self.library.dtype(variable),
            variable.trainable,
            self.library.value(variable),
        )

    def _whole(self, variable: Any, slices: list[Any], number: int, store: Any) -> SeenWhole:
        return SeenWhole(
            variable.name,
            self._first(variable, number),
            plain_shape(variable.shape),
            self.library.dtype(variable),
            tuple(self._variable(part, number, store) for part in slices),
        )

    def scope(self, scope: Any) -> SeenScope:
        """A scope's attributes."""
        return SeenScope(
            scope.name,
            self.library.reuse_word(scope.reuse),
            self.library.scope_dtype(scope),
            word_of(self.library.initializers, scope.initializer),
            word_of(self.library.regularizers, scope.regularizer),
            scope.custom_getter is not None,
            scope.use_resource,
            word_of(self.library.partitioners, scope.partitioner),
        )

    def looked(self, scope: Any, store: Any) -> Iterator[Any]:
        """A scope and all that it lists."""
        yield self.scope(scope)
        for listing in LISTINGS:
            yield self.listing(listing, getattr(scope, listing)(), store)
        yield self.listing("mine", scope.get_collection("mine"), store)
        if not scope.name:
            yield len(scope.get_collection("regularization_losses"))

    def listing(self, name: str, found: list[Any], store: Any) -> SeenList:
        """A listing: the keys and dtypes of variables, anything else as it is."""
        keys = {id(variable): key for key, variable in self.library.variables(store).items()}
        return SeenList(
            name, tuple((keys[id(v)], self.library.dtype(v)) if id(v) in keys else (str(v), "text") for v in found)
        )

    def getter(self, name: str, kwargs: dict[str, Any]) -> SeenGetter:
        """What a custom getter was called with."""
        return SeenGetter(
            name,
            tuple(sorted(kwargs)),
            plain_shape(kwargs["shape"]),
            self.library.plain_dtype(kwargs["dtype"]),
            word_of(self.library.initializers, kwargs["initializer"]),
            self.library.reuse_word(kwargs["reuse"]),
            kwargs["trainable"],
            None if kwargs["collections"] is None else tuple(kwargs["collections"]),
            word_of(self.library.partitioners, kwargs["partitioner"]),
        )

    def creator(self, kwargs: dict[str, Any]) -> SeenCreator:
        """What a variable creator was called with; no more of it than both libraries tell (row L3)."""
        collections = kwargs["collections"]
        return SeenCreator(
            kwargs["name"],
            self.library.plain_dtype(self.library.created_dtype(kwargs)),
            # What a getter dropped is `None` in TF1.
            kwargs["trainable"] is not False,
            # TF1 tells `None` where it means the global ones.
            ("variables",) if collections is None else tuple(collections),
        )
