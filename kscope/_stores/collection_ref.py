"""A collection as a list that can be changed, which `get_collection_ref` returns (row N6)."""

from __future__ import annotations

from collections.abc import Iterable, MutableSequence
from typing import Any, Protocol, overload

from kscope import errors
from kscope._records.keys import GraphKeys

__all__ = ["CollectionRef"]

# What is in them follows from the variables as they are now.
_DERIVED = (GraphKeys.TRAINABLE_VARIABLES, GraphKeys.REGULARIZATION_LOSSES)


class _Store(Protocol):
    """The methods of a store that change its collections."""

    def get_collection(self, key: str) -> list[Any]: ...

    def replace_collection(self, key: str, values: list[Any]) -> None: ...

    def add_to_collection(self, key: str, value: Any) -> None: ...


class CollectionRef(MutableSequence[Any]):
    """A collection as it stands, which `get_collection_ref` returns: changing this changes it (row N6).

    Membership is by identity, as variables compare by value.
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
