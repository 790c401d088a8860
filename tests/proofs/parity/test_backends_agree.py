"""Layers of all kinds agree on all backends, and those that do not are caught at the right place."""

from __future__ import annotations

import json
from xml.etree import ElementTree as ET

import keras
import numpy as np
import pytest

from kscope import testing
from kscope.__main__ import main
from kscope.testing import assert_backends_agree, compare_backends
from parity.cases import CASES

ALL = ("tensorflow", "jax", "torch")
KINDS = {
    "scoped layers": pytest.mark.matrix("Agreement of all backends: scoped layers", on=ALL),
    "nested and shared layers": pytest.mark.matrix("Agreement of all backends: nested and shared layers", on=ALL),
    "partitioned variables": pytest.mark.matrix("Agreement of all backends: partitioned variables", on=ALL),
    "custom getters": pytest.mark.matrix("Agreement of all backends: custom getters", on=ALL),
    "losses": pytest.mark.matrix("Agreement of all backends: losses", on=ALL),
    "Keras layers inside": pytest.mark.matrix("Agreement of all backends: Keras layers made inline in call()", on=ALL),
    "Keras' own layers": pytest.mark.matrix("Agreement of all backends: Keras' own layers", on=ALL),
}
# Where a layer differs first, the index there, and the backend that is the odd one out.
PLACES = {
    "other_output": ("outputs of a call", "output[1, 2]", "torch"),
    "other_gradient": ("gradients", "apart/bias[0]", "jax"),
    "other_name": ("weight names", "apart/offset", "tensorflow"),
    "other_shape": ("weight shapes", "apart/kernel", "jax"),
    "other_dtype": ("outputs of a call", "output", "torch"),
    "other_training": ("loss of a training step", "step 2", "torch"),
}


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    """Where the reports are written to."""
    return tmp_path_factory.mktemp("reports")


@pytest.fixture(scope="session")
def reports(files):
    """The reports of all cases: one start of each backend for all of them."""
    cases = [case for _, case in CASES.values()]
    found = compare_backends(cases, json=files / "report.json", junit=files / "report.xml")
    return {report.title: report for report in found}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=KINDS[kind]) for name, (kind, _) in CASES.items() if kind in KINDS]
)
def test_agreement(name, reports):
    """All backends agree on the layer, from the names of its weights to what they are after training."""
    report = reports[name]
    report.check()
    assert (report.agree, report.backends, report.missing) == (True, ALL, ())
    compared = {row.what for row in report.rows}
    assert {"outputs of a call", "outputs of predict_on_batch"} <= compared
    assert ("gradients" in compared) == any("trainable" in row.what for row in report.rows)


@pytest.mark.matrix("Agreement of all backends: a difference is caught where it starts", on=ALL)
@pytest.mark.parametrize("name", list(PLACES))
def test_disagreement(name, reports):
    """A layer that is another one on one backend is caught, at the first thing that differs."""
    what, place, odd = PLACES[name]
    report = reports[name]
    first = report.first
    assert (first.what, first.place) == (what, place)
    assert odd in first.backends
    assert set(first.found) == set(ALL)
    with pytest.raises(testing.BackendsDisagreeError, match="do not agree") as raised:
        report.check()
    assert f"First place: {what}: {first.place}: " in str(raised.value)


def test_every_difference_has_its_case():
    """Each layer that is made to differ is looked for at a place."""
    assert [name for name, (kind, _) in CASES.items() if kind == "disagreement"] == list(PLACES)


def test_failure_on_one_backend(reports):
    """What raises on one backend is shown with its traceback there, and the others are compared all the same."""
    report = reports["fails_on_jax"]
    with pytest.raises(testing.WorkerFailedError, match="NotImplementedError: nothing for JAX"):
        report.check()
    assert [(failure.backend, failure.stage) for failure in report.failures] == [("jax", "make_layer")]
    assert report.rows
    assert all(row.agree and set(row.found) <= {"tensorflow", "torch"} for row in report.rows)


def test_files(files, reports):
    """The JSON and the XML file have a report for each case, and say of each what failed."""
    said = json.loads((files / "report.json").read_text(encoding="utf-8"))
    assert {one["title"]: one["agree"] for one in said["reports"]} == {n: r.agree for n, r in reports.items()}
    suites = ET.parse(files / "report.xml").getroot().findall("testsuite")
    counts = {suite.get("name"): int(suite.get("failures")) + int(suite.get("errors")) for suite in suites}
    assert counts == {name: len(report.differing) + len(report.failures) for name, report in reports.items()}


def test_one_layer():
    """A function of this module, which cannot be imported by its name, is found; two backends may be named."""
    report = assert_backends_agree(make_dense, np.ones((2, 3), "float32"), backends=["torch", "jax"], steps=1)
    assert (report.agree, report.backends, report.missing) == (True, ("torch", "jax"), ())
    assert [row.name for row in report.rows if row.what == "gradients"] == ["fc/kernel", "fc/bias"]


def test_the_command(capsys):
    """The command prints the table of what differs, and ends with code 1."""
    arguments = ["parity.cases:other_gradient", "--input", "4,3", "--backends", "torch,jax", "--steps", "0"]
    assert main(["parity", *arguments]) == 1
    assert "First place: gradients: apart/bias[0]: " in capsys.readouterr().out


def make_dense():
    """A layer of Keras' own."""
    return keras.layers.Dense(2, name="fc")
