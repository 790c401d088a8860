"""Functions, arrays and settings reach another process by name and by file, and nothing else is sent."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import keras
import ml_dtypes
import numpy as np
import pytest

import kscope
from kscope.testing import Case, CaseError, TargetError
from kscope.testing._parity import target as _target
from kscope.testing._parity.case import read, write
from kscope.testing._parity.records import Record
from kscope.testing._parity.target import Target, target_of
from kscope.testing._parity.trees import flatten, unflatten

X = np.ones((2, 3), "float32")


def make_layer():
    """A layer."""
    return keras.layers.Dense(2)


class Makers:
    """Functions in a class."""

    @classmethod
    def make(cls):
        return make_layer()

    def method(self):
        return make_layer()


renamed = make_layer
nameless = Makers.method
del Makers.method


@pytest.mark.parametrize("function", [make_layer, Makers.make, keras.layers.Flatten])
def test_found_again(function):
    """A function, class or class method is found again by its name."""
    assert target_of(function).load() == function


def test_by_text():
    """A name is taken as it is, and needs no file."""
    assert target_of("keras.layers:Flatten") == Target("keras.layers", None, "Flatten")
    assert target_of("keras:layers.Flatten").load() is keras.layers.Flatten


def test_a_module_that_cannot_be_imported(tmp_path):
    """A module is loaded from its file where its name leads to no file, or to another one."""
    for name in ("not_on_the_path", "json", "not.there"):
        (tmp_path / "some.py").write_text("def make():\n    return 7\n", encoding="utf-8")
        loaded = sys.modules.get(name)
        try:
            assert Target(name, str(tmp_path / "some.py"), "make").load()() == 7
        finally:
            sys.modules.pop(name)
            if loaded is not None:
                sys.modules[name] = loaded


def test_a_script(tmp_path):
    """A function of the script that runs is found by its file, and what the script guards is not run again."""
    script = tmp_path / "script.py"
    script.write_text(
        "from kscope.testing._parity.target import target_of\n"
        "def make():\n    return 7\n"
        "if __name__ == '__main__':\n    print(target_of(make).file, target_of(make).load()())\n",
        encoding="utf-8",
    )
    root = str(Path(kscope.__file__).parents[1])
    run = subprocess.run(
        [sys.executable, script],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": root},
    )
    assert run.stdout.split() == [str(script.resolve()), "7"], run.stderr


def test_the_main_module():
    """`python -m package.module` is found by its own name; a program without a file cannot be found."""
    main = ModuleType("__main__")
    with pytest.raises(TargetError, match="The program that runs is in no file"):
        _target._found_again(main)
    main.__file__ = __file__
    assert _target._found_again(main) == ("__main__", str(Path(__file__).resolve()))
    main.__spec__ = keras.__spec__
    assert _target._found_again(main)[0] == "keras"


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda: None, "<lambda> is a lambda. The layer is made in other processes"),
        ("make_layer", "A function is named as 'package.module:make_layer'. Received: 'make_layer'"),
        (X, "has no name. The layer is made in other processes"),
        (nameless, "test_parity_target:Makers.method is None, and not"),
    ],
)
def test_what_cannot_be_found_again(function, message):
    """What has no name at the top level of a module is an error that says so."""
    with pytest.raises(TargetError, match=re.escape(message)):
        target_of(function)


def test_a_local_function():
    """A function in a function cannot be found again."""

    def local():
        return make_layer()

    with pytest.raises(TargetError, match="is a local function. The layer is made in other processes"):
        target_of(local)


def test_a_name_that_means_something_else():
    """A function whose name another one has taken is not mistaken for it."""

    def other():
        return None

    other.__qualname__ = "make_layer"
    with pytest.raises(TargetError, match="Give it a name of its own"):
        target_of(other)


def test_a_name_that_is_not_there(tmp_path):
    """A wrong name, and a file that is no Python, are told."""
    with pytest.raises(TargetError, match=re.escape("Module 'keras' has no 'layers.Dens'")):
        Target("keras", None, "layers.Dens").load()
    (tmp_path / "text.txt").write_text("text", encoding="utf-8")
    with pytest.raises(TargetError, match="is no Python file"):
        Target("text", str(tmp_path / "text.txt"), "make").load()


def test_trees():
    """Nested lists, tuples and dicts come back with their arrays."""
    nested = {"a": [X, (X * 2,)], "b": np.float32(3)}
    leaves, structure = flatten(nested, "inputs")
    assert [leaf.shape for leaf in leaves] == [(2, 3), (2, 3), ()]
    assert unflatten([0, 1, 2], structure) == {"a": [0, (1,)], "b": 2}


@pytest.mark.parametrize(
    ("nested", "message"),
    [
        ([1, 2], "inputs[0] must be a NumPy array, or lists, tuples and dicts of them"),
        ({"a": None}, "inputs['a'] must be a NumPy array"),
        (np.array([None]), "inputs has Python objects in it, which only pickle could send"),
    ],
)
def test_what_is_no_array(nested, message):
    """What is no NumPy array is named by its place."""
    with pytest.raises(CaseError, match=re.escape(message)):
        flatten(nested, "inputs")


def test_records(tmp_path):
    """Arrays of any dtype come back in their order under their names, whatever is in those; no file is no record."""
    arrays = {
        "a/b": X,
        "file": np.array([1, 2], "int8"),
        "half": np.array([1.5], ml_dtypes.bfloat16),
        "text": np.array(["one", "three"]),
    }
    Record({"n": [1, 2]}, arrays).save(tmp_path / "folder" / "r")
    found = Record.load(tmp_path / "folder" / "r")
    assert (found.facts, list(found.arrays)) == ({"n": [1, 2]}, list(arrays))
    assert found.dtypes["half"] == "bfloat16"
    assert found.arrays["half"].dtype == "float32"
    for name, array in arrays.items():
        np.testing.assert_array_equal(found.arrays[name], array.astype(found.arrays[name].dtype))
    assert Record.load(tmp_path / "folder" / "s") is None
    assert sorted(path.name for path in (tmp_path / "folder").iterdir()) == ["r.json", "r.npz"]


def test_a_case(tmp_path):
    """A case is read as it was written; objects of Keras are sent as Keras serializes them."""
    optimizer = keras.optimizers.SGD(0.5)
    case = Case(make_layer, (X, {"y": X}), targets=[X], optimizer=optimizer, loss=keras.losses.MeanSquaredError())
    write(case, tmp_path)
    work = read(tmp_path)
    assert work.target.load() is make_layer
    np.testing.assert_array_equal(work.inputs[1]["y"], X)
    np.testing.assert_array_equal(work.targets[0], X)
    assert keras.optimizers.get(work.optimizer).get_config() == optimizer.get_config()
    assert work.loss["class_name"] == "MeanSquaredError"
    assert (work.steps, work.training) == (3, False)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": -1}, "steps must be an int of at least zero. Received: steps=-1"),
        ({"steps": 1.5}, "steps must be an int of at least zero. Received: steps=1.5"),
        ({"inputs": []}, r"inputs must have an array in them. Received: inputs=\[\]"),
        ({"loss": len}, "loss must be a name, a config, or an object with `get_config`"),
        ({"targets": 1}, "targets must be a NumPy array"),
    ],
)
def test_what_a_case_cannot_be(options, message, tmp_path):
    """A setting that cannot be sent is an error that names it."""
    with pytest.raises(CaseError, match=message):
        write(Case(make_layer, **{"inputs": X, **options}), tmp_path)
