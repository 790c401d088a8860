"""What the tests of seeds have in common: a draw by name, and a digest of its numbers."""

from __future__ import annotations

import hashlib

import keras
import numpy as np

import kscope

__all__ = ["digest", "drawn", "numbers"]


def numbers(tensor):
    """A tensor's or variable's values, as NumPy has them."""
    return keras.ops.convert_to_numpy(tensor)


def drawn(initializer=None, shape=(3, 5), dtype=None, name="a/v", seed=42):
    """The numbers of a new variable in a new store of that seed."""
    return numbers(kscope.VariableStore(seed=seed).get_variable(name, shape, dtype, initializer))


def digest(values):
    """Eight letters for the bits of an array."""
    values = np.ascontiguousarray(values)
    return hashlib.sha256(values.astype(values.dtype.newbyteorder("<")).tobytes()).hexdigest()[:8]
