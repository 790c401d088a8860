"""Packing: many small arrays in few data sets, and out again."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, strategies as st

from kscope._layers.saving import packing as _packing

DTYPES = ["float32", "int64", "bool", "float16", ml_dtypes.bfloat16]


def unpacked(sets):
    """The arrays in packed data sets, and those that stand alone."""
    arrays = {}
    for key, data in sets.items():
        if not key.startswith(_packing.PREFIX):
            arrays[key] = data
        elif not key.endswith(_packing.NAMES):
            for name, part in _packing.unpacked(key, sets[key + _packing.NAMES], data.size):
                arrays[name] = data[part.offset : part.offset + int(np.prod(part.shape))].reshape(part.shape)
    return arrays


@given(st.lists(st.tuples(st.sampled_from(DTYPES), st.lists(st.integers(0, 4), max_size=3)), max_size=200))
def test_round_trip(kinds):
    """Whatever is packed comes out again, of the same dtype and shape."""
    arrays = {
        f"0|v{i}": (np.arange(np.prod(shape)) % 2).reshape(shape).astype(dtype)
        for i, (dtype, shape) in enumerate(kinds)
    }
    back = unpacked(dict(_packing.packed(arrays)))
    assert back.keys() == arrays.keys()
    for key, array in arrays.items():
        assert back[key].dtype == array.dtype
        assert back[key].shape == array.shape
        assert (back[key] == array).all()


def test_few_stay_readable():
    """A layer with few variables has a data set for each, under its name."""
    arrays = {f"0|v{i}": np.zeros(3) for i in range(10)}
    assert dict(_packing.packed(arrays)).keys() == arrays.keys()


def test_large_ones_stand_alone():
    """A large array is no part of a packed one."""
    arrays = {f"0|v{i}": np.zeros(3) for i in range(100)} | {"0|large": np.zeros(10_000)}
    sets = dict(_packing.packed(arrays))
    assert sorted(sets) == ["0|large", "packed|0", "packed|0|names"]


def test_chunks_are_bounded():
    """No packed data set is larger than a chunk, however many arrays there are."""
    arrays = {f"0|v{i}": np.zeros(1500) for i in range(300)} | {f"0|w{i}": np.zeros((), "int8") for i in range(9000)}
    sizes = [data.nbytes for key, data in _packing.packed(arrays) if not key.endswith(_packing.NAMES)]
    assert max(sizes) <= _packing.CHUNK_BYTES
    assert len(sizes) == 7


@pytest.mark.parametrize(
    ("names", "match"),
    [
        (b"[", "Expecting value"),
        (b"[" * 100_000, "nested too deeply"),
        (b'[["0|v", [4]]]', "has 3 numbers, and lists variables of 4"),
        (b'[["0|v", [-3]]]', "lists '0|v' of shape"),
        (b"[[5, [3]]]", "lists 5 of shape"),
        (b'[["0|v", ["3"]]]', "lists '0|v' of shape"),
        (b'[["0|v", [1e99]]]', "lists '0|v' of shape"),
    ],
)  # fmt: skip
def test_forged_names(names, match):
    """A list of names that no saving wrote is an error, not a read beyond the end."""
    with pytest.raises(ValueError, match=match.replace("|", r"\|")):
        list(_packing.unpacked("packed|0", np.frombuffer(names, np.uint8), 3))
