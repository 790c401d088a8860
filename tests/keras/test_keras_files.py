"""The touch points with Keras' weights files: each test fails when Keras changes what is used of it."""

from __future__ import annotations

from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from samples import Stack

from kscope import _keras
from kscope._keras import files

SUPPORT = Path(__file__).parents[1] / "support"
X = np.linspace(-1, 1, 6, dtype="float32").reshape(2, 3)


class Spy(keras.layers.Layer):
    """A layer that shows the mappings that Keras hands to it."""

    def build(self, input_shape):
        self.add_weight(shape=(2,), name="w")

    def save_own_variables(self, store):
        self.saved = (files.is_file(store), files.place(store))
        store["0|a"] = np.zeros(2)

    def load_own_variables(self, store):
        self.loaded = (files.is_file(store), files.place(store))
        self.places = files.places(store)
        self.shapes = [files.declared_shape(store, key) for key in store.keys()]  # noqa: SIM118
        with files.at(store, "layers/dense") as there:
            self.there = len(there)
        self.here = len(store)


@pytest.mark.parametrize(("name", "options"), [("m.weights.h5", {}), ("m.weights.json", {"max_shard_size": 1.0})])
def test_the_mapping_of_a_layer(tmp_path, name, options):
    """A layer's mapping knows its place and the other places of the file, and can go there and back."""
    spy = Spy()
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2), spy])
    model.save_weights(tmp_path / name, **options)
    model.load_weights(tmp_path / name)
    assert spy.saved == spy.loaded == (True, "layers/spy")
    assert {"layers/dense", "layers/spy"} <= set(spy.places)
    assert (spy.shapes, spy.there, spy.here) == ([(2,)], 2, 1)


def test_sublayers():
    """All layers of a model are found, at any depth, each once."""
    model = Stack()
    model(X)
    found = list(_keras.sublayers(keras.Sequential([model])))
    assert len(found) == 4
    assert {id(layer) for layer in found} >= {id(model), id(model.first), id(model.second)}


@pytest.mark.parametrize("written", ["tensorflow", "jax", "torch"])
@pytest.mark.matrix("Saving: a file of another backend")
def test_a_file_of_another_backend(written):
    """A file that was written on one backend loads on the other two, and computes the same."""
    model = keras.models.load_model(SUPPORT / "weights" / f"{written}.keras")
    expected = np.load(SUPPORT / "weights" / f"{written}.npy")
    np.testing.assert_allclose(keras.ops.convert_to_numpy(model(X)), expected, rtol=1e-5, atol=1e-6)


def test_a_group_under_several_names(tmp_path):
    """A file whose groups stand below themselves is looked through once, and no link is followed."""
    path = tmp_path / "m.weights.h5"
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).save_weights(path)
    with h5py.File(path, "r+") as file:
        file["layers/dense/up"] = file["layers"]
        file["link"] = h5py.SoftLink("/layers")
        file["numbers"] = [1, 2]

    class Entry:
        h5_file = h5py.File(path)
        _h5_entry_path = ""

    with Entry.h5_file:
        assert sorted(files.places(Entry)) == ["", "layers/dense"]
