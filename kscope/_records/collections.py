"""Collections: lists of variables and other objects by name. They belong to the store, in TF1 to the graph."""

from __future__ import annotations

import re
from collections.abc import Iterable
from operator import itemgetter
from typing import Any

import keras

from kscope import _keras, errors
from kscope._records.keys import GraphKeys
from kscope._records.record import Record
from kscope._variables.options import NoneIsNoLoss

__all__ = ["Collections", "Filter", "collections_of", "items"]


class Filter:
    """A filter of names: those that start with a prefix and match a regular expression.

    Args:
        prefix: the start of the names; a scope's prefix ends with a slash.
        regex: matched from the start of the name, like `scope` in TF1 (row N4).
    """

    __slots__ = ("_pattern", "everything", "prefix")

    def __init__(self, prefix: str | None, regex: str | None):
        self.everything = prefix is None and regex is None
        self.prefix = prefix or ""
        self._pattern = None if regex is None else re.compile(regex)

    def matches(self, item: Any) -> bool:
        """Whether an item is listed; an item without a name is listed only if all items are (row N5)."""
        if self.everything:
            return True
        name = _name(item)
        if not isinstance(name, str) or not name.startswith(self.prefix):
            return False
        return self._pattern is None or self._pattern.match(name) is not None

    def among(self, records: list[Record]) -> list[Record]:
        """Return the records that match, out of records whose names start with the prefix."""
        if self._pattern is None:
            return records
        return [record for record in records if self._pattern.match(record.variable.name)]


def _name(item: Any) -> Any:
    """Return `"scope/v:0"` for a scoped variable, the path of any other Keras variable, or the `name` attribute."""
    name = getattr(item, "name", None)
    return getattr(item, "path", name) if isinstance(item, keras.Variable) and ":" not in str(name) else name


class Collections:
    """The items that users added to the collections of a store; a record has the collections of its variable."""

    def __init__(self) -> None:
        # Each item with its number, in one order with the records of the store.
        self._added: dict[str, list[tuple[int, Any]]] = {}

    def add(self, key: str, number: int, item: Any, once: bool) -> None:
        """Add an item at the end; with `once`, for the call of a layer, which runs again, only if it is not there."""
        _check_lasting(key, item, once)
        added = self._added.setdefault(key, [])
        if not once or not any(other is item for _, other in added):
            added.append((number, item))

    def replace(self, key: str, items: Iterable[tuple[int, Any]]) -> None:
        """Replace the added items of a collection."""
        self._added[key] = list(items)

    def listed(self, key: str, records: list[Record], names: Filter) -> list[Any]:
        """Return the items of a collection in the order of their numbers: matching `records`, and the added items."""
        found = [(record.number, record) for record in records if _holds(key, record)]
        found += [(number, item) for number, item in self._added.get(key, ()) if names.matches(item)]
        return [thing for _, thing in sorted(found, key=itemgetter(0))]

    def discard(self, variable: Any) -> None:
        """Remove a variable that was rolled back."""
        for key, added in self._added.items():
            self._added[key] = [pair for pair in added if pair[1] is not variable]

    def copied(self, twins: dict[int, Any]) -> Collections:
        """Return a copy with other variables: `twins` has the new ones, by the `id` of those that they replace."""
        copy = Collections()
        for key, added in self._added.items():
            copy.replace(key, [(number, twins.get(id(item), item)) for number, item in added])
        return copy


def _holds(key: str, record: Record) -> bool:
    if key == GraphKeys.TRAINABLE_VARIABLES:
        return bool(record.variable.trainable)
    if key == GraphKeys.REGULARIZATION_LOSSES:
        return record.variable.regularizer is not None
    return key in record.collections


def items(key: str, listed: list[Any]) -> list[Any]:
    """Return the items that users see: variables for records, or their current regularization losses (rows I5-I11)."""
    if key != GraphKeys.REGULARIZATION_LOSSES:
        return [thing.variable if isinstance(thing, Record) else thing for thing in listed]
    losses = [_loss(thing.variable) if isinstance(thing, Record) else thing for thing in listed]
    return [loss for loss in losses if loss is not None]


def _loss(variable: Any) -> Any:
    regularizer = variable.regularizer
    return (regularizer.function if isinstance(regularizer, NoneIsNoLoss) else regularizer)(variable)


def _check_lasting(key: str, item: Any, in_call: bool) -> None:
    """Refuse a tensor of one call: using it after the call would be an error of the backend."""
    if isinstance(item, keras.Variable) or not (keras.ops.is_tensor(item) or isinstance(item, keras.KerasTensor)):
        return
    if in_call or _keras.deferring():
        raise errors.UnsupportedError(
            errors.compose(
                f"A tensor of one call cannot be kept in the collection {key!r}.",
                [("got", f"{type(item).__name__} of shape {tuple(item.shape)}")],
                "return it from the call; a loss is added with the layer's self.add_loss().",
            )
        )


def collections_of(given: Any) -> tuple[str, ...]:
    """Return the collections of a new variable, the global one by default, as a copy (rows N2, N3, N12)."""
    if given is None:
        return (GraphKeys.GLOBAL_VARIABLES,)
    if isinstance(given, list | tuple | set):
        return tuple(given)
    raise errors.CollectionsError(
        f"collections argument to Variable constructor must be a list, tuple, or set. Got {given} of type {type(given)}"
    )
