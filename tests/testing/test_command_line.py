"""`python -m kscope`: commands, their arguments and exit codes."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import numpy as np
import pytest

import kscope
from kscope.__main__ import main
from kscope.testing import BackendsDisagreeError, CaseError, Report, Row, _backends
from kscope.testing._parity import cli as _cli
from kscope.testing._parity.cli import array


def test_the_program():
    """`python -m kscope --version` tells the version and ends."""
    command = [sys.executable, "-m", "kscope", "--version"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == (f"kscope {kscope.__version__}\n", "")


def test_help(capsys):
    """The help shows the arguments, the shapes, the exit codes and an example."""
    with pytest.raises(SystemExit, match="0"):
        main(["parity", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    for said in ("--input SHAPE", "32,10:int32:1000", "exit codes: 0 the backends agree; 1", "--junit FILE"):
        assert said in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: COMMAND"),
        (["parity", "m:f"], "the following arguments are required: --input"),
        (["party"], "invalid choice: 'party'"),
    ],
)
def test_usage(arguments, message, capsys):
    """Missing and unknown arguments end with code 2 and say what is wrong."""
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["m:f", "--input", "2x3"], "kscope parity: A shape is such as 32,64 or 32,10:int32"),
        (["make_layer", "--input", "2,3"], "A function is named as 'package.module:make_layer'"),
        (["m:f", "--input", "2,3", "--backends", "jax, fax"], "Received: backends=['jax', 'fax']"),
        (["m:f", "--input", "2,3", "--targets", "2,3:int9"], "There is no dtype 'int9'"),
        (["m:f", "--input", "2,3", "--backends", "jax"], "Two backends at least are needed"),
    ],
)
def test_errors(arguments, message, capsys, monkeypatch):
    """What cannot be run ends with code 2, and one message on the standard error."""
    monkeypatch.setattr(_backends, "installed", lambda: _backends.BACKENDS)
    assert main(["parity", *arguments]) == 2
    said = capsys.readouterr()
    assert message in said.err
    assert said.out == ""


@pytest.mark.parametrize("agree", [True, False])
def test_reports(agree, capsys, monkeypatch, tmp_path):
    """The table is printed; the code is 0 if the backends agree and 1 if they do not."""
    asked = {}
    report = Report("m:f", ("jax", "torch"), rows=(Row("gradients", "kernel", agree, ("jax", "torch")),))

    def compare(make_layer, inputs, **options):
        asked.update(options, make_layer=make_layer, inputs=inputs)
        report.check()
        return report

    monkeypatch.setattr(_cli, "assert_backends_agree", compare)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path != str(tmp_path)])
    monkeypatch.chdir(tmp_path)
    arguments = ["m:f", "--input", "2,3", "--input", "2:int32", "--targets", "2,1", "--backends", "jax,torch"]
    assert main(["parity", *arguments, "--json", "r.json", "--training"]) == (0 if agree else 1)
    assert capsys.readouterr().out == f"{report}\n"
    assert [(x.shape, str(x.dtype)) for x in asked.pop("inputs")] == [((2, 3), "float32"), ((2,), "int32")]
    assert asked.pop("targets").shape == (2, 1)
    assert asked == {
        "make_layer": "m:f",
        "backends": ["jax", "torch"],
        "steps": 3,
        "optimizer": "sgd",
        "loss": "mse",
        "training": True,
        "timeout": 300.0,
        "json": "r.json",
        "junit": None,
    }
    # Modules of the current directory can be named, once.
    assert sys.path.count(str(tmp_path)) == 1
    main(["parity", *arguments])
    assert sys.path.count(str(tmp_path)) == 1


@pytest.mark.parametrize(
    ("text", "shape", "dtype", "limit"),
    [
        ("2,3", (2, 3), "float32", None),
        ("4:float16", (4,), "float16", None),
        ("100:int32", (100,), "int32", 10),
        ("1000:uint8:200", (1000,), "uint8", 200),
        ("9:bool", (9,), "bool", 2),
    ],
)
def test_array(text, shape, dtype, limit):
    """A shape stands for an array of its dtype below its limit, the same one each time."""
    found = array(text, seed=1)
    assert (found.shape, str(found.dtype)) == (shape, dtype)
    if limit is not None:
        assert set(np.unique(found)) <= set(range(limit))
        assert found.max() >= limit // 2
    np.testing.assert_array_equal(found, array(text, seed=1))


@pytest.mark.parametrize("text", ["", "2,", "2:string", "2:int32:0", "a"])
def test_no_array(text):
    """What is no shape is an error that shows one."""
    with pytest.raises(CaseError, match=re.escape(f"Received: {text!r}")):
        array(text, seed=0)


def test_a_disagreement_is_an_assertion():
    """The error of the command is the one that a test raises."""
    assert issubclass(BackendsDisagreeError, AssertionError)
    assert json.dumps(Report("m:f", ("jax", "torch")).to_dict())
