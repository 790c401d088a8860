"""Arrays of random numbers, each of which follows from a key and from its place in the array.

The bits are those of Philox (Salmon et al., 2011), a cipher of a key and a counter; NumPy guarantees them for all its
versions. So any part of an array can be drawn without the rest, in blocks, by any number of threads.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from kscope.initializers._draws.from_bits import Array

__all__ = ["BLOCK", "generator", "numbers"]

# The numbers that a thread draws before it takes the next ones.
BLOCK = 2**20
# The numbers that stay in a processor's cache from one step to the next.
_CHUNK = 2**16
# The 32-bit words of one count of Philox.
_COUNT = 8
_THREADS = min(4, os.cpu_count() or 1)
# Where a float64's further bits come from.
_FURTHER = 2**128


def generator(key: int) -> np.random.Generator:
    """NumPy's generator for a key, for those who draw themselves."""
    return np.random.Generator(np.random.Philox(key=key))


def numbers(
    curve: Callable[[Array], Array], key: int, dtype: str, start: int, stop: int, threads: int = _THREADS
) -> Array:
    """The numbers from place `start` to before `stop`.

    Args:
        curve: makes as many numbers of unsigned words, as wide as the dtype.
        key: 128 bits.
        dtype: of 4 or 8 bytes.
        start: int.
        stop: int.
        threads: at most so many are used.
    """
    first, last = start // _COUNT * _COUNT, -(-stop // _COUNT) * _COUNT
    out = np.empty(last - first, dtype)
    blocks = [(place, out[place - first : place - first + BLOCK]) for place in range(first, last, BLOCK)]
    if threads == 1 or len(blocks) < 2:
        for place, block in blocks:
            _fill(block, curve, key, place)
    else:
        with ThreadPoolExecutor(min(threads, len(blocks))) as pool:
            list(pool.map(lambda each: _fill(each[1], curve, key, each[0]), blocks))
    return out[start - first : stop - first]


def _fill(block: Array, curve: Callable[[Array], Array], key: int, place: int) -> None:
    philox = np.random.Philox(key=key, counter=place // _COUNT)
    further = np.random.Philox(key=key, counter=_FURTHER + place // _COUNT) if block.itemsize == 8 else None
    for begin in range(0, len(block), _CHUNK):
        part = block[begin : begin + _CHUNK]
        words = _words(philox, len(part))
        if further is not None:
            words = words.astype(np.uint64) << 32 | _words(further, len(part))
        part[:] = curve(words)


def _words(philox: np.random.Philox, count: int) -> Array:
    # The low half of each 64 bits comes first, on every machine.
    return philox.random_raw(count // 2).astype("<u8", copy=False).view("<u4").astype(np.uint32, copy=False)
