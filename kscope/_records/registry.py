"""`Registry`: the content of a store, under one lock: variables by name, their collections, a seed (rows O)."""

from __future__ import annotations

import itertools
import threading
import uuid
from collections.abc import Iterator
from typing import Any

from kscope import errors
from kscope._records.collections import Collections, Filter
from kscope._records.record import Kept, Record, Tree
from kscope._variables.partitioned import PartitionedVariable
from kscope.initializers._draws import seeds

__all__ = ["Registry"]


class _Frames(threading.local):
    """The frame of each thread in one store; `None` before the thread uses the store."""

    frame: Any = None


class Registry:
    """The part of a store that knows no scopes: its variables by name, its collections and its seed.

    Args:
        name: str. Shown in messages.
        seed: int or `None`. The initial values follow from it and from the variables' names.

    Raises:
        OptionTypeError: if `seed` is neither an int nor `None`.
    """

    always_auto_reuse = False
    redraws = False

    def __init__(self, name: str | None = None, seed: int | None = None):
        self.name = name
        self.own_seed = seeds.checked(seed)
        self.lock = threading.RLock()
        self.records: dict[str, Record] = {}
        self.partitioned: dict[str, PartitionedVariable] = {}
        self.layers: dict[str, Kept] = {}
        self._tree = Tree()
        self.collections = Collections()
        self.numbers = itertools.count()
        self.members: set[int] = set()
        self.frames = _Frames()
        self._token: str | None = None

    @property
    def token(self) -> str:
        """A unique identifier of the store, in this process and in saved configs."""
        if self._token is None:
            self._token = uuid.uuid4().hex
        return self._token

    @property
    def seed(self) -> int | None:
        """The seed of new variables: the store's own, or that of `kscope.set_seed`. It can be set.

        Setting `None` removes the store's own seed.
        """
        return seeds.current() if self.own_seed is None else self.own_seed

    @seed.setter
    def seed(self, seed: int | None) -> None:
        self.own_seed = seeds.checked(seed)

    def enrol(self) -> int:
        """Return an unused number for a layer that has this store in its config."""
        with self.lock:
            member = len(self.members)
            while member in self.members:
                member += 1
            self.members.add(member)
            return member

    def put_back(self, record: Record) -> Record:
        """Add a record again that was discarded; if its name is taken by now, return the record that is there."""
        with self.lock:
            if record.name not in self.records:
                self.add(record)
            return self.records[record.name]

    def add(self, record: Record) -> None:
        """Add the record of a new variable."""
        with self.lock:
            record.number = next(self.numbers)
            self.records[record.name] = record
            self._tree.add(record)

    def discard(self, made: Record | Kept) -> None:
        """Remove a variable or a layer that was made in a first call that failed (row Q3)."""
        with self.lock:
            if self.layers.get(made.name) is made:
                del self.layers[made.name]
            if self.records.get(made.name) is made:
                record = self.records.pop(made.name)
                self._tree.remove(record)
                self.collections.discard(record.variable)
                self.partitioned.pop(record.name.rpartition("/part_")[0], None)

    def clear(self) -> None:
        """Remove all variables, so that all names are free again, and all collections (row G16)."""
        with self.lock:
            self.records = {}
            self.partitioned = {}
            self.layers = {}
            self._tree = Tree()
            self.collections = Collections()

    def _made(self, names: Filter) -> list[Record]:
        """Return the records that a filter lists, in the order in which they were made."""
        with self.lock:
            return names.among(self._tree.starting_with(names.prefix) if names.prefix else list(self.records.values()))

    def __getitem__(self, name: str) -> Any:
        record = self.records.get(name)
        if record is None and name in self.partitioned:
            return self.partitioned[name]
        if record is None:
            nearest = errors.nearest(name, list(self.records)) or "none"
            raise KeyError(f"No variable {name!r} in {self!r}. Nearest names: {nearest}")
        return record.variable

    def __contains__(self, name: object) -> bool:
        return name in self.records

    def __iter__(self) -> Iterator[str]:
        return iter(list(self.records))

    def keys(self) -> list[str]:
        """Return the names, so that a store can be used as a mapping."""
        return list(self.records)

    def __len__(self) -> int:
        return len(self.records)

    def __repr__(self) -> str:
        name = f"{self.name!r}, " if self.name else ""
        return f"{type(self).__name__}({name}{len(self.records)} variables)"
