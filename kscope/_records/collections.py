"""Collections: lists of variables and other things by name, which TF1 kept in the graph and kscope in the store."""

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
    """Which names a listing has: those that start with a prefix and match a regular expression.

    Args:
        prefix: the start of the names; a scope's prefix ends in a slash.
        regex: matched from the start of the name, as TF1 did with its `scope` (row N4).
    """

    __slots__ = ("_pattern", "everything", "prefix")

    def __init__(self, prefix: str | None, regex: str | None):
        self.everything = prefix is None and regex is None
        self.prefix = prefix or ""
        self._pattern = None if regex is None else re.compile(regex)

    def matches(self, item: Any) -> bool:
        """Whether a thing is listed; what has no name is, where nothing is asked of names (row N5)."""
        if self.everything:
            return True
        name = _name(item)
        if not isinstance(name, str) or not name.startswith(self.prefix):
            return False
        return self._pattern is None or self._pattern.match(name) is not None

    def among(self, records: list[Record]) -> list[Record]:
        """Those variables, of some with the prefix, that match."""
        if self._pattern is None:
            return records
        return [record for record in records if self._pattern.match(record.variable.name)]


def _name(item: Any) -> Any:
    """`"scope/v:0"` for a variable of ours, the path for one of Keras', the attribute for everything else."""
    name = getattr(item, "name", None)
    return getattr(item, "path", name) if isinstance(item, keras.Variable) and ":" not in str(name) else name


class Collections:
    """What was added to the collections of a store by hand, beside the variables that were made for them."""

    def __init__(self) -> None:
        # Each with its number in the order of all that the store got.
        self._added: dict[str, list[tuple[int, Any]]] = {}

    def add(self, key: str, number: int, item: Any, once: bool) -> None:
        """Put something at the end; a call of a layer, which runs again and again, puts it there `once`."""
        _check_lasting(key, item, once)
        added = self._added.setdefault(key, [])
        if not once or not any(other is item for _, other in added):
            added.append((number, item))

    def replace(self, key: str, items: Iterable[tuple[int, Any]]) -> None:
        """Let a collection be these."""
        self._added[key] = list(items)

    def listed(self, key: str, records: list[Record], names: Filter) -> list[Any]:
        """What a collection holds, in the order in which it came: records out of `records`, and what was added."""
        found = [(record.number, record) for record in records if _holds(key, record)]
        found += [(number, item) for number, item in self._added.get(key, ()) if names.matches(item)]
        return [thing for _, thing in sorted(found, key=itemgetter(0))]

    def discard(self, variable: Any) -> None:
        """Take a variable out that is taken back."""
        for key, added in self._added.items():
            self._added[key] = [pair for pair in added if pair[1] is not variable]

    def copied(self, twins: dict[int, Any]) -> Collections:
        """The same with other variables: `twins` by the `id` of the one in whose place each stands."""
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
    """What users see of it: variables for records, or their regularizers' values as they are now (rows I5-I11)."""
    if key != GraphKeys.REGULARIZATION_LOSSES:
        return [thing.variable if isinstance(thing, Record) else thing for thing in listed]
    losses = [_loss(thing.variable) if isinstance(thing, Record) else thing for thing in listed]
    return [loss for loss in losses if loss is not None]


def _loss(variable: Any) -> Any:
    regularizer = variable.regularizer
    return (regularizer.function if isinstance(regularizer, NoneIsNoLoss) else regularizer)(variable)


def _check_lasting(key: str, item: Any, in_call: bool) -> None:
    """Refuse a tensor that stands for numbers of one call: kept beyond it, it is an error of the backend's later on."""
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
    """The collections that replace the global one; a copy, so that nobody's list is changed (rows N2, N3, N12)."""
    if given is None:
        return (GraphKeys.GLOBAL_VARIABLES,)
    if isinstance(given, list | tuple | set):
        return tuple(given)
    raise errors.CollectionsError(
        f"collections argument to Variable constructor must be a list, tuple, or set. Got {given} of type {type(given)}"
    )
