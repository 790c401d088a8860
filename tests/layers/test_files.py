"""Files: written whole or not at all, read whole or not at all, and refused when they are not what they claim."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tracemalloc
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
import samples
from samples import Tower

import kscope

X = np.ones((2, 3), "float32")
KEY = "layers/tower/vars/0|tower|fc|kernel"


def make(units=4):
    """A small model with a scoped layer in it."""
    return keras.Sequential([keras.Input((3,)), Tower(units, name="tower")])


def values(model):
    """The weights' values."""
    return [keras.ops.convert_to_numpy(v).copy() for v in model.weights]


def unchanged(model, before):
    """Whether all weights are as they were."""
    return all((a == b).all() for a, b in zip(values(model), before, strict=True))


def names(path):
    """What is in a directory."""
    return sorted(file.name for file in path.iterdir())


SAVES = {
    "model.keras": lambda model, path: model.save(path),
    "model.weights.h5": lambda model, path: model.save_weights(path),
    "model.weights.json": lambda model, path: model.save_weights(path, max_shard_size=1.0),
}


@pytest.mark.parametrize("name", SAVES)
def test_only_the_file_is_left(tmp_path, name):
    """Saving leaves the file and its shards, nothing beside them."""
    for _ in range(2):
        SAVES[name](make(), tmp_path / name)
    shards = ["model_00000.weights.h5"] if name.endswith("json") else []
    assert names(tmp_path) == sorted([name, *shards])


@pytest.mark.parametrize("name", SAVES)
def test_a_save_that_raises_leaves_the_old_file(tmp_path, name):
    """If a layer cannot be saved, the file is what it was."""
    SAVES[name](make(), tmp_path / name)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}

    class Broken(Tower):
        def save_own_variables(self, store):
            raise RuntimeError("the disk is full")

    broken = keras.Sequential([keras.Input((3,)), Tower(), Broken()])
    with pytest.raises(RuntimeError, match="the disk is full"):
        SAVES[name](broken, tmp_path / name)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


KILLED = """
import os, signal, sys
sys.path.insert(0, sys.argv[2])
import keras
from samples import Tower
class Killer(Tower):
    def save_own_variables(self, store):
        super().save_own_variables(store)
        os.kill(os.getpid(), signal.SIGKILL)
model = keras.Sequential([keras.Input((3,)), Tower(), Killer()])
model.save(sys.argv[1]) if sys.argv[1].endswith(".keras") else model.save_weights(sys.argv[1])
"""


@pytest.mark.parametrize("name", ["model.keras", "model.weights.h5"])
@pytest.mark.matrix("Reliability: a killed save leaves the old file")
def test_a_killed_save_leaves_the_old_file(tmp_path, name):
    """A process that is killed while it saves leaves the old file whole."""
    model = make()
    SAVES[name](model, tmp_path / name)
    before = (tmp_path / name).read_bytes()
    run = subprocess.run([sys.executable, "-c", KILLED, tmp_path / name, Path(samples.__file__).parent], check=False)
    assert run.returncode == -9
    assert (tmp_path / name).read_bytes() == before
    twin = make()
    twin.load_weights(tmp_path / name)
    assert unchanged(twin, values(model))


def test_a_link_stays_a_link(tmp_path):
    """Saving to a symbolic link replaces the file that it leads to."""
    (tmp_path / "real").mkdir()
    link = tmp_path / "model.weights.h5"
    link.symlink_to(tmp_path / "real" / "model.weights.h5")
    make().save_weights(link)
    assert link.is_symlink()
    make().load_weights(link)


def test_overwrite_asks(tmp_path, monkeypatch):
    """`overwrite=False` asks before it replaces a file, as in Keras, and leaves it if the answer is no."""
    path = tmp_path / "model.keras"
    make().save(path)
    before = path.read_bytes()
    for answer, kept in (("n", True), ("y", False)):
        monkeypatch.setattr("builtins.input", lambda _, answer=answer: answer)
        make(5).save(path, overwrite=False)
        assert (path.read_bytes() == before) is kept


def test_arguments_by_position(tmp_path):
    """The arguments may be given by position, as in Keras, also to models without scoped layers."""
    for model in (make(), keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])):
        model.save_weights(tmp_path / "m.weights.json", True, 1.0)
        model.load_weights(tmp_path / "m.weights.json", False)
        model.save(tmp_path / "m.keras", True, True)
        assert unchanged(keras.models.load_model(tmp_path / "m.keras"), values(model))


def test_unzipped(tmp_path):
    """A model saved as a directory is Keras' business, and loads."""
    model = make()
    model.save(tmp_path / "model", zipped=False)
    assert unchanged(keras.models.load_model(tmp_path / "model"), values(model))


def test_a_path_of_ones_own(tmp_path):
    """Anything that Python takes for a path will do."""

    class Place(os.PathLike):
        def __fspath__(self):
            return str(tmp_path / "model.keras")

        __str__ = __fspath__

    make().save(Place())
    assert names(tmp_path) == ["model.keras"]


def test_elsewhere_than_in_a_file_system():
    """A path with a scheme goes to Keras as it is: it has TensorFlow write there, and says so where that is missing."""
    model, path = make(), "ram://kscope/model.keras"
    if importlib.util.find_spec("tensorflow"):
        model.save(path)
        assert unchanged(keras.models.load_model(path), values(model))
    else:
        with pytest.raises(ValueError, match="requires installing .*TensorFlow"):
            model.save(path)


@pytest.mark.parametrize("length", [0, 10, 0.5, 0.99])
@pytest.mark.parametrize("name", SAVES)
@pytest.mark.matrix("Reliability: truncated files")
def test_cut_off(tmp_path, name, length):
    """A file that was cut off anywhere is refused, and nothing is loaded."""
    model = make()
    SAVES[name](model, tmp_path / name)
    before = values(model)
    for file in tmp_path.iterdir():
        whole = file.read_bytes()
        file.write_bytes(whole[: int(length * len(whole)) if length < 1 else length])
    with pytest.raises(kscope.errors.WeightsFileError, match=r"cannot be read.*(\n.*)*Nothing was loaded"):
        model.load_weights(tmp_path / name)
    assert unchanged(model, before)


def test_a_missing_file(tmp_path):
    """A file that is not there is Python's FileNotFoundError."""
    with pytest.raises(FileNotFoundError, match=r"none\.weights\.h5"):
        make().load_weights(tmp_path / "none.weights.h5")


def huge(file):
    """A declared shape of four gigabytes, with nothing behind it."""
    del file[KEY]
    file.create_dataset(KEY, shape=(1 << 15, 1 << 15), dtype="float32", chunks=(1024, 1024), compression="gzip")


def soft_link(file):
    del file[KEY]
    file[KEY] = h5py.SoftLink("/layers/tower/vars/0|tower|fc|bias")


def external_link(file):
    del file[KEY]
    file[KEY] = h5py.ExternalLink("/etc/passwd", "/")


def external_data(file):
    del file[KEY]
    file.create_dataset(KEY, (3, 4), "float32", external=[("/etc/passwd", 0, 48)])


def virtual_data(file):
    del file[KEY]
    layout = h5py.VirtualLayout((3, 4), "float32")
    layout[...] = h5py.VirtualSource("/etc/passwd", "data", (3, 4))
    file.create_virtual_dataset(KEY, layout)


def group(file):
    del file[KEY]
    file.create_group(KEY)


def loop(file):
    """A group that stands below itself."""
    del file[KEY]
    file["layers/tower/again"] = file["layers"]


def packed(names, size):
    def edit(file):
        entry = file["layers/tower/vars"]
        entry.create_dataset("packed|0", shape=(size,), dtype="float32", chunks=(min(size, 1024),))
        if names is not None:
            entry["packed|0|names"] = np.frombuffer(json.dumps(names).encode(), np.uint8)

    return edit


def large_list(file):
    packed(None, 12)(file)
    file["layers/tower/vars"].create_dataset("packed|0|names", shape=(1 << 31,), dtype="uint8", chunks=(1 << 20,))


@pytest.mark.parametrize(
    ("edit", "match"),
    [
        (huge, r"tower/fc/kernel \(\(3, 4\) in the layer, \(32768, 32768\) in the file\)"),
        (soft_link, "'0|tower|fc|kernel' is a link"),
        (external_link, "'0|tower|fc|kernel' is a link"),
        (external_data, "is in another file"),
        (virtual_data, "is in another file"),
        (group, "'0|tower|fc|kernel' is not a data set"),
        (loop, "missing: tower/fc/kernel"),
        (packed([["0|a", [3, 4]]], 1 << 31), "declares 2,147,483,648 numbers"),
        (packed([["0|a", [3, 4]]], 11), "has 11 numbers, and lists variables of 12"),
        (packed([["../a", [3, 4]]], 12), "'../a', which is no scoped name"),
        (packed(None, 12), "cannot read its weights from the file"),
        (large_list, "declares 2,147,483,648 numbers"),
    ],
)
@pytest.mark.matrix("Reliability: hostile files")
def test_hostile(tmp_path, edit, match):
    """A forged file is refused before anything of it is read, with little memory; no link is followed."""
    path = tmp_path / "model.weights.h5"
    model = make()
    model.save_weights(path)
    with h5py.File(path, "r+") as file:
        edit(file)
    before = values(model)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=match.replace("|", r"\|")):
            model.load_weights(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20e6
    assert unchanged(model, before)


def test_not_a_number():
    """A key with thousands of digits is no key of a store."""
    layer = Tower(name="tower")
    layer(X)
    with pytest.raises(kscope.errors.WeightsFileError, match="cannot read its weights"):
        layer.load_own_variables({"9" * 10_000 + "|tower|fc|kernel": np.zeros((3, 4))})


@pytest.mark.matrix("Reliability: names out of an archive")
def test_archive_with_names_out_of_it(tmp_path):
    """A `.keras` file whose members point out of it writes nothing there."""
    path = tmp_path / "in" / "model.keras"
    path.parent.mkdir()
    make().save(path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("../escaped.txt", "x")
        archive.writestr("assets/../../escaped.txt", "x")
    with pytest.warns(UserWarning, match="Skipping invalid path during archive extraction"):
        keras.models.load_model(path)
    assert names(tmp_path) == ["in"]


class Trap:
    """What runs when it is unpickled."""

    def __reduce__(self):
        return os.mkdir, ("sprung",)


@pytest.mark.matrix("Reliability: pickles are not loaded")
def test_pickles_are_not_loaded(tmp_path, monkeypatch):
    """A pickle in place of the weights is refused, and not run."""
    import pickle

    monkeypatch.chdir(tmp_path)
    for name in SAVES:
        Path(name).write_bytes(pickle.dumps(Trap()))
        with pytest.raises(kscope.errors.WeightsFileError, match="cannot be read"):
            make().load_weights(name)
    assert not Path("sprung").exists()
