"""Pack many small arrays into a few large ones: HDF5 takes longer to make a data set than to write a few numbers."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from typing import Any, NamedTuple

import numpy as np

__all__ = ["CHUNK_BYTES", "NAMES", "PREFIX", "Part", "packed", "text", "unpacked", "untext"]

PREFIX = "packed|"

NAMES = "|names"

# The size of a small array, and of a chunk. A chunk is read whole before a layer is changed, so its size is bounded.
_SMALL_BYTES = 16 * 1024
CHUNK_BYTES = 1024 * 1024
_CHUNK_ARRAYS = 4096

# Fewer arrays are not packed, so that other tools can read each data set by its name.
_FEW = 64


class Part(NamedTuple):
    """The position of one array in a packed one: the data set, the offset in it, and the array's shape."""

    key: str
    offset: int
    shape: tuple[int, ...]


def packed(arrays: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the data sets to write for named arrays: large arrays unchanged, small ones of one dtype packed."""
    small: dict[str, list[str]] = {}
    for key, array in arrays.items():
        if len(arrays) < _FEW or array.nbytes > _SMALL_BYTES:
            yield key, array
        else:
            small.setdefault(str(array.dtype), []).append(key)
    numbers = count()
    for keys in small.values():
        for chunk in _chunks(keys, arrays):
            name = f"{PREFIX}{next(numbers)}"
            yield name, np.concatenate([arrays[key].reshape(-1) for key in chunk])
            yield name + NAMES, text([(key, arrays[key].shape) for key in chunk])


def _chunks(keys: Iterable[str], arrays: Mapping[str, Any]) -> Iterator[list[str]]:
    chunk: list[str] = []
    size = 0
    for key in keys:
        size += arrays[key].nbytes
        if chunk and (size > CHUNK_BYTES or len(chunk) == _CHUNK_ARRAYS):
            yield chunk
            chunk, size = [], arrays[key].nbytes
        chunk.append(key)
    yield chunk


def unpacked(key: str, names: Any, size: int) -> Iterator[tuple[str, Part]]:
    """Yield the name and position of each array in the packed data set `key` of `size` numbers.

    Raises:
        ValueError: if `names` is not a list of names that `packed` makes.
    """
    offset = 0
    for name, shape in untext(names):
        if not isinstance(name, str) or not all(type(length) is int and length >= 0 for length in shape):
            raise ValueError(f"{key!r} lists {name!r} of shape {shape!r}")
        yield name, Part(key, offset, tuple(shape))
        offset += math.prod(shape)
    if offset != size:
        raise ValueError(f"{key!r} has {size:,} numbers, and lists variables of {offset:,}")


def text(value: Any) -> Any:
    """Return a value as JSON in an array of bytes, which every weights file can hold."""
    return np.frombuffer(json.dumps(value).encode(), np.uint8)


def untext(array: Any) -> Any:
    """Return the value that was passed to `text`.

    Raises:
        ValueError: if the array is not JSON.
    """
    try:
        return json.loads(np.asarray(array, np.uint8).tobytes())
    except RecursionError as error:
        raise ValueError("the text is nested too deeply") from error
