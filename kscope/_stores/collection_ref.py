"""`CollectionRef`: a live view of a collection, which `get_collection_ref` returns (row N6)."""

from __future__ import annotations

from collections.abc import Iterable, MutableSequence
from typing import Any, Protocol, overload

from kscope import errors
from kscope._records.keys import GraphKeys

__all__ = ["CollectionRef"]

# The items of these collections are computed from the current variables.
_DERIVED = (GraphKeys.TRAINABLE_VARIABLES, GraphKeys.REGULARIZATION_LOSSES)


class _Store(Protocol):
    """The methods of a store that change its collections."""

    def get_collection(self, key: str) -> list[Any]: ...

    def replace_collection(self, key: str, values: list[Any]) -> None: ...

    def add_to_collection(self, key: str, value: Any) -> None: ...


class CollectionRef(MutableSequence[Any]):
    """A live view of a collection: a change of the view changes the collection (row N6).

    Items are compared by identity, because variables compare by value.
    """

    def __init__(self, store: _Store, key: str):
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
        """Insert an item before an index."""
        items = self._items()
        items.insert(index, value)
        self._write(items)

    def append(self, value: Any) -> None:
        """Append an item."""
        self._store.add_to_collection(self._key, value)

    def extend(self, values: Iterable[Any]) -> None:
        """Append several items."""
        for value in list(values):
            self.append(value)

    def __contains__(self, value: object) -> bool:
        return any(item is value for item in self._items())

    def index(self, value: Any, start: int = 0, stop: int | None = None) -> int:
        """Return the index of an item, which is compared by identity."""
        items = self._items()
        for place in range(*slice(start, stop).indices(len(items))):
            if items[place] is value:
                return place
        raise ValueError(f"The collection {self._key!r} does not hold {value!r}.")

    def __repr__(self) -> str:
        return repr(self._items())
