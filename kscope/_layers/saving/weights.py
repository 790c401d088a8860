"""Save and load a layer's variables in a weights file under their scoped names; a shared variable is saved once.

Keras writes a layer's variables under numbers, in an entry whose path is made of attribute names. Here a key is the
number of the store in the file and the scoped name, with `|` for the slash, which HDF5 would take for a group:
`0|tower|fc|kernel`. The layer's own entry is only the first place to look, so that loading works after attributes were
renamed or layers were added. A layer is checked completely before any of its variables is set.
"""

from __future__ import annotations

import math
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from kscope import _keras, errors
from kscope._keras import files
from kscope._layers.saving import packing
from kscope._records.record import Record
from kscope._records.registry import Registry

__all__ = ["load", "save", "whole_file"]

_SHARED = "shared"

# Comparing with every name is slow, so only the first few missing names get a hint.
_HINTS = 4

# The number of mismatches that a message lists.
_LISTED = 20

Known = Mapping[Record, Registry]
Name = tuple[int, str]
Mismatch = tuple[str, str, str]


class _Place:
    """The position of one variable in the file: the path of an entry, a key in it, and a part of a packed data set."""

    __slots__ = ("key", "part", "path")

    def __init__(self, path: str, key: str, part: packing.Part | None = None):
        self.path = path
        self.key = key
        self.part = part

    def order(self) -> tuple[str, str]:
        """Return a sort key that is the same for all variables in one packed data set."""
        return self.path, self.part.key if self.part else ""

    def shape(self, entry: Any) -> tuple[int, ...]:
        if self.part is not None:
            return self.part.shape
        with files.at(entry, self.path) as there:
            return files.declared_shape(there, self.key)


class _Written:
    """The stores and records that were written to one file so far."""

    def __init__(self) -> None:
        self.numbers: dict[Registry, int] = {}
        self.records: set[Record] = set()


class _Read:
    """The known content of one file that is being loaded, and the records that were loaded so far."""

    def __init__(self) -> None:
        self.numbers: dict[Registry, int] = {}
        self.records: set[Record] = set()
        self.claimed: set[Name] = set()
        self._entries: dict[str, dict[Name, _Place]] = {}
        self._all: dict[Name, _Place] | None = None
        self._chunk: tuple[str, str, Any] = ("", "", None)

    def entry(self, entry: Any) -> dict[Name, _Place]:
        """Return the variables in the layer's entry."""
        path = files.place(entry)
        if path not in self._entries:
            self._entries[path] = dict(_places(entry, path))
        return self._entries[path]

    def everything(self, entry: Any) -> dict[Name, _Place]:
        """Return the variables of the whole file, which is searched once, and only if a layer needs it."""
        if self._all is None:
            self._all = {}
            for path in files.places(entry):
                with files.at(entry, path) as there:
                    self._all.update(self.entry(there))
        return self._all

    def value(self, entry: Any, place: _Place) -> Any:
        """Return the numbers of one variable."""
        with files.at(entry, place.path) as there:
            if place.part is None:
                return there[place.key]
            if self._chunk[:2] != (place.path, place.part.key):
                self._chunk = (place.path, place.part.key, there[place.part.key])
            size = int(np.prod(place.part.shape))
            return self._chunk[2][place.part.offset : place.part.offset + size].reshape(place.part.shape)

    def unclaimed(self) -> list[str]:
        """List the names in the file that no layer asked for."""
        return sorted(name for number, name in (self._all or {}).keys() - self.claimed)


class _Thread(threading.local):
    """The files that were read inside `whole_file()`, of which every variable must be used."""

    whole: list[_Read] | None = None


_thread = _Thread()
_files: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()


def _session(entry: Any, kind: type[Any]) -> Any:
    if not files.is_file(entry):
        return kind()
    session = _files.get(entry)
    if not isinstance(session, kind):
        session = _files[entry] = kind()
    return session


def _key(number: int, name: str) -> str:
    return f"{number}|{name.replace('/', '|')}"


def _name(key: str) -> Name | None:
    number, bar, name = key.partition("|")
    return (int(number), name.replace("|", "/")) if bar and number.isdecimal() else None


def save(entry: Any, known: Known, others: Iterable[Any]) -> None:
    """Write a layer's variables, except those that are already in the file.

    Args:
        entry: the layer's entry in the file, a mapping.
        known: the scoped variables, with their stores.
        others: the layer's further variables, which are written under numbers, as by Keras.
    """
    file: _Written = _session(entry, _Written)
    arrays, shared = {}, []
    for record, store in known.items():
        key = _key(file.numbers.setdefault(store, len(file.numbers)), record.name)
        if record in file.records:
            shared.append(key)
        else:
            file.records.add(record)
            arrays[key] = _keras.numbers(record.variable)
    for key, array in packing.packed(arrays):
        entry[key] = array
    if shared:
        entry[_SHARED] = packing.text(shared)
    for i, variable in enumerate(others):
        entry[str(i)] = variable


def load(entry: Any, layer: keras.layers.Layer, known: Known, others: list[Any]) -> bool:
    """Set a layer's variables from a file.

    Args:
        entry: the layer's entry in the file, a mapping.
        layer: the layer, for messages.
        known: the scoped variables, with their stores.
        others: the layer's further variables.

    Returns:
        Whether the file has the layer's variables by scoped names. If not, nothing was done; the file may have them
        by Keras' numbers.

    Raises:
        WeightsMismatchError: a variable is missing, superfluous, or of another shape; nothing was set.
    """
    file: _Read = _session(entry, _Read)
    if _thread.whole is not None and file not in _thread.whole:
        _checked(file.everything, entry, layer)
        _thread.whole.append(file)
    here = _checked(file.entry, entry, layer)
    numbered = [key for key in entry.keys() if key.isdecimal()]  # noqa: SIM118 - Keras' mapping has no __iter__
    if not here and _SHARED not in entry and (numbered or not _checked(file.everything, entry, layer)):
        return False
    found, mismatches = _find(entry, layer, file, here, known)
    mismatches += _others(entry, numbered, others)
    if mismatches:
        raise _mismatch(layer.name, mismatches)
    # Sorted by packed data set, so that each is read once.
    for record, place in sorted(found.items(), key=lambda item: item[1].order()):
        _keras.set_numbers(record.variable, file.value(entry, place))
        file.records.add(record)
    for i, variable in enumerate(others):
        variable.assign(entry[str(i)])
    return True


def _checked(read: Any, entry: Any, layer: keras.layers.Layer) -> dict[Name, _Place]:
    try:
        places: dict[Name, _Place] = read(entry)
    except (ValueError, TypeError, KeyError, OSError, RuntimeError) as error:
        raise errors.WeightsFileError(f"Layer {layer.name!r} cannot read its weights from the file: {error}") from error
    return places


def _places(entry: Any, path: str) -> Iterator[tuple[Name, _Place]]:
    for key in list(entry.keys()):
        if (name := _name(key)) is not None:
            yield name, _Place(path, key)
        elif key.startswith(packing.PREFIX) and not key.endswith(packing.NAMES):
            _bounded(entry, key)
            (size,) = files.declared_shape(entry, key)
            for inner, part in packing.unpacked(key, _bounded(entry, key + packing.NAMES), size):
                if (name := _name(inner)) is None:
                    raise ValueError(f"{key!r} lists {inner!r}, which is no scoped name")
                yield name, _Place(path, key, part)


def _bounded(entry: Any, key: str) -> Any:
    """Read a data set of kscope's, or raise if it is larger than kscope writes them."""
    size = math.prod(files.declared_shape(entry, key))
    if size > 16 * packing.CHUNK_BYTES:
        raise ValueError(f"{key!r} declares {size:,} numbers, more than in any file of kscope")
    return entry[key]


def _find(
    entry: Any, layer: keras.layers.Layer, file: _Read, here: dict[Name, _Place], known: Known
) -> tuple[dict[Record, _Place], list[Mismatch]]:
    """Find the position of each variable that is not loaded yet, and list the mismatches."""
    found: dict[Record, _Place] = {}
    mismatches: list[Mismatch] = []
    taken: set[int] = set()
    for store, records in _by_store(known, file.records).items():
        names = {record.name for record in records}
        number, places = _choose(entry, layer, file, here, store, names, taken)
        taken.add(number)
        file.numbers.setdefault(store, number)
        file.claimed.update((number, name) for name in names)
        for record in records:
            place = places.get((number, record.name))
            if place is None:
                mismatches.append(("missing", record.name, _nearest(record.name, number, places, len(mismatches))))
                continue
            shape = place.shape(entry)
            if shape != record.shape:
                mismatches.append(("mis-shaped", record.name, f"{record.shape} in the layer, {shape} in the file"))
            found[record] = place
        if names & {name for other, name in here if other == number}:
            wanted = {record.name for record, owner in known.items() if owner is store}
            extra = sorted(name for other, name in here if other == number and name not in wanted)
            mismatches += [("extra", name, "") for name in extra]
    return found, mismatches


def _nearest(name: str, number: int, places: Iterable[Name], before: int) -> str:
    if before > _HINTS:
        return ""
    near = errors.nearest(name, [other for store, other in places if store == number])
    return near and f"nearest in the file: {near}"


def _by_store(known: Known, loaded: set[Record]) -> dict[Registry, list[Record]]:
    groups: dict[Registry, list[Record]] = {}
    for record, store in known.items():
        if record not in loaded:
            groups.setdefault(store, []).append(record)
    return groups


def _choose(
    entry: Any,
    layer: keras.layers.Layer,
    file: _Read,
    here: dict[Name, _Place],
    store: Registry,
    names: set[str],
    taken: set[int],
) -> tuple[int, dict[Name, _Place]]:
    """Choose the number of a layer's store in the file; also return the variables to search.

    It is the first store with all of the names among those in the layer's entry, those of its shared variables, the
    one of earlier layers, and all others. If there is none, the best of the other candidates is chosen.
    """
    own = sorted({number for number, _ in here} - taken)
    for number in own:
        if all((number, name) in here for name in names):
            return number, here
    places = _checked(file.everything, entry, layer)
    numbers = sorted({number for number, _ in places})
    full = [number for number in numbers if all((number, name) in places for name in names)]
    likely = [*own, *_shared(entry), *([file.numbers[store]] if store in file.numbers else [])]
    for number in likely:
        if number in full and number not in taken:
            return number, places
    free = [number for number in full if number not in file.numbers.values()]
    if len(free) > 1:
        raise errors.WeightsMismatchError(
            errors.compose(
                f"Layer {layer.name!r} cannot tell which of its entries in the file are its own.",
                [("variables", ", ".join(sorted(names))), ("found", f"in {len(free)} stores of the file")],
                "give the layers scopes of different names, or the attribute the name it had when the file was saved.",
            )
        )
    partly = max(numbers, key=lambda number: sum((number, name) in places for name in names), default=0)
    return (free or [number for number in likely if number not in taken] or [partly])[0], places


def _shared(entry: Any) -> list[int]:
    """List the store numbers of the layer's variables that were written with an earlier layer."""
    if _SHARED not in entry:
        return []
    return sorted({name[0] for key in packing.untext(_bounded(entry, _SHARED)) if (name := _name(key))})


def _others(entry: Any, numbered: list[str], others: list[Any]) -> list[Mismatch]:
    """List the mismatches of the variables that are saved under numbers."""
    mismatches: list[Mismatch] = []
    for i, variable in enumerate(others):
        if str(i) not in numbered:
            mismatches.append(("missing", variable.path, ""))
        elif (shape := files.declared_shape(entry, str(i))) != tuple(variable.shape):
            facts = f"{tuple(variable.shape)} in the layer, {shape} in the file"
            mismatches.append(("mis-shaped", variable.path, facts))
    return mismatches + [("extra", key, "") for key in numbered if int(key) >= len(others)]


def _mismatch(layer: str, mismatches: list[Mismatch]) -> errors.WeightsMismatchError:
    """Return the error of a layer that differs from the file; a mismatch is its kind, a scoped name, and details."""
    kinds = ("missing", "extra", "mis-shaped")
    facts = [
        (kind, f"{name}{f' ({details})' if details else ''}")
        for kind in kinds
        for of_kind, name, details in mismatches
        if of_kind == kind
    ]
    if len(facts) > _LISTED:
        facts[_LISTED:] = [("and", f"{len(facts) - _LISTED} more")]
    count = f"{len(mismatches)} entry does" if len(mismatches) == 1 else f"{len(mismatches)} entries do"
    return errors.WeightsMismatchError(
        errors.compose(
            f"Layer {layer!r} and the weights file differ: {count} not fit. Nothing was loaded into the layer.",
            facts,
            "load into a layer as it was when the file was saved, or pass skip_mismatch=True to leave this one out.",
        )
    )


@contextmanager
def whole_file() -> Iterator[Callable[[], list[str]]]:
    """Record the variables of the files that are read in the block; yield a function that lists the unused names."""
    read: list[_Read] = []
    outer, _thread.whole = _thread.whole, read
    try:
        yield lambda: [name for file in read for name in file.unclaimed()]
    finally:
        _thread.whole = outer
