"""Collections: lists of variables and other things by name, which TF1 kept in the graph and kscope in the store."""

from __future__ import annotations

import re
from collections.abc import Iterable, MutableSequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any, overload

import keras

from kscope import _keras, errors
from kscope._context import thread
from kscope._keys import GraphKeys
from kscope._options import NoneIsNoLoss
from kscope._records import Record
from kscope._scope import VariableScope

if TYPE_CHECKING:
    from kscope._store import VariableStore

__all__ = ["CollectionRef", "Collections", "Filter", "items"]

# What is in them follows from the variables as they are now.
_DERIVED = (GraphKeys.TRAINABLE_VARIABLES, GraphKeys.REGULARIZATION_LOSSES)


class Filter:
    """Which names a listing has: those that start with a prefix and match a regular expression.

    Args:
        scope: the start of the names, or a `VariableScope`, whose name ends where it ends.
        regex: matched from the start of the name, as TF1 did with its `scope` (row N4).
    """

    __slots__ = ("_pattern", "everything", "prefix")

    def __init__(self, scope: str | VariableScope | None, regex: str | None):
        self.everything = scope is None and regex is None
        self.prefix = scope.prefix if isinstance(scope, VariableScope) else scope or ""
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

    def add(self, key: str, number: int, item: Any) -> None:
        """Put something at the end; a call of a layer, which runs again and again, puts it there once."""
        _check_lasting(key, item)
        added = self._added.setdefault(key, [])
        if thread.call is None or not any(other is item for _, other in added):
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


def _check_lasting(key: str, item: Any) -> None:
    """Refuse a tensor that stands for numbers of one call: kept beyond it, it is an error of the backend's later on."""
    if isinstance(item, keras.Variable) or not (keras.ops.is_tensor(item) or isinstance(item, keras.KerasTensor)):
        return
    if thread.call is not None or _keras.deferring():
        raise errors.UnsupportedError(
            errors.compose(
                f"A tensor of one call cannot be kept in the collection {key!r}.",
                [("got", f"{type(item).__name__} of shape {tuple(item.shape)}")],
                "return it from the call; a loss is added with the layer's self.add_loss().",
            )
        )


class CollectionRef(MutableSequence[Any]):
    """A collection as it stands, which `get_collection_ref` returns: changing this changes it (row N6).

    Membership is by identity, as variables compare by value.
    """

    def __init__(self, store: VariableStore, key: str):
        self._store = store
        self._key = key

    def _items(self) -> list[Any]:
        return self._store.get_collection(self._key)

    def _write(self, items: list[Any]) -> None:
        if self._key in _DERIVED:
            raise errors.UnsupportedError(
                errors.compose(
                    f"The collection {self._key!r} follows from the variables, and can only be added to.",
                    fix="set `variable.trainable` or `variable.regularizer` instead.",
                )
            )
        self._store.replace_collection(self._key, items)

    @overload
    def __getitem__(self, index: int) -> Any: ...

    @overload
    def __getitem__(self, index: slice) -> list[Any]: ...

    def __getitem__(self, index: int | slice) -> Any:
        return self._items()[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        items = self._items()
        items[index] = value
        self._write(items)

    def __delitem__(self, index: int | slice) -> None:
        items = self._items()
        del items[index]
        self._write(items)

    def __len__(self) -> int:
        return len(self._items())

    def insert(self, index: int, value: Any) -> None:
        """Put an item before another one."""
        items = self._items()
        items.insert(index, value)
        self._write(items)

    def append(self, value: Any) -> None:
        """Put an item at the end."""
        self._store.add_to_collection(self._key, value)

    def extend(self, values: Iterable[Any]) -> None:
        """Put items at the end."""
        for value in list(values):
            self.append(value)

    def __contains__(self, value: object) -> bool:
        return any(item is value for item in self._items())

    def index(self, value: Any, start: int = 0, stop: int | None = None) -> int:
        """Where an item is; it is told by identity."""
        items = self._items()
        for place in range(*slice(start, stop).indices(len(items))):
            if items[place] is value:
                return place
        raise ValueError(f"The collection {self._key!r} does not hold {value!r}.")

    def __repr__(self) -> str:
        return repr(self._items())
