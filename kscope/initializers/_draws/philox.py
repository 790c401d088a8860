"""Arrays of random numbers, in which each number follows from a key and from its place in the array.

The bits come from Philox (Salmon et al., 2011), a cipher of a key and a counter, which NumPy guarantees for all its
versions. So any part of an array can be drawn without the rest, in blocks, by any number of threads.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from kscope.initializers._draws.from_bits import Array

__all__ = ["BLOCK", "generator", "numbers"]

# Count of numbers in a task of a thread.
BLOCK = 2**20
# Count of numbers in a step, small enough for a processor's cache.
_CHUNK = 2**16
# Count of 32-bit words for one value of Philox' counter.
_COUNT = 8
_THREADS = min(4, os.cpu_count() or 1)
# The counter from which the low 32 bits of 64-bit words are drawn.
_FURTHER = 2**128


def generator(key: int) -> np.random.Generator:
    """Return a NumPy generator for a key, for users' functions."""
    return np.random.Generator(np.random.Philox(key=key))


def numbers(
    curve: Callable[[Array], Array], key: int, dtype: str, start: int, stop: int, threads: int = _THREADS
) -> Array:
    """Return the numbers from place `start` to before `stop`.

    Args:
        curve: converts an array of unsigned words, as wide as the dtype, to as many numbers.
        key: int of 128 bits.
        dtype: of 4 or 8 bytes.
        start: int.
        stop: int.
        threads: int. The largest number of threads.
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
    # The low half of each 64-bit number comes first, on every machine.
    return philox.random_raw(count // 2).astype("<u8", copy=False).view("<u4").astype(np.uint32, copy=False)
