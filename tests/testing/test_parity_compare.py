"""What differs between made-up results of workers is found, named, and nothing else is."""

from __future__ import annotations

import json
import math
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from kscope.testing import BackendsDisagreeError, CaseError, Failure, Report, Row, WorkerFailedError
from kscope.testing._parity.compare import compare, notes, tolerances
from kscope.testing._parity.numbers import worst
from kscope.testing._parity.records import Record
from kscope.testing._parity.report_files import junit, write_json, write_junit
from kscope.testing._parity.tolerances import Tolerances

KERNEL = {"shape": [3, 4], "dtype": "float32", "trainable": True}
VALUES = np.arange(12, dtype="float32").reshape(3, 4)


def built(weights=None, **facts):
    """The record of a first stage."""
    weights = {"fc/kernel": KERNEL} if weights is None else weights
    return Record({"weights": weights, "compute": ["float32"], "positions": 2, "narrow": False, **facts})


def found(array, name="outputs/output", facts=None, dtype=None):
    """The record of a stage with one array."""
    return Record(facts or {}, {name: array}, {name: dtype or str(array.dtype)})


def rows(*records, stage="build"):
    """The rows of a comparison of as many backends as there are records."""
    results = {backend: {stage: record} for backend, record in zip("abc", records, strict=False)}
    return list(compare(results, tolerances(results, 0, None)))


def differing(*records, stage="build"):
    """Those of them that differ."""
    return [row for row in rows(*records, stage=stage) if not row.agree]


def test_agreement():
    """What is equal everywhere has a row for each name that says so."""
    assert [(row.what, row.name, row.agree) for row in rows(built(), built(), built())] == [
        ("weight names", "fc/kernel", True),
        ("weight order", "that of get_weights()", True),
        ("weight shapes", "fc/kernel", True),
        ("weight dtypes", "fc/kernel", True),
        ("weights trainable", "fc/kernel", True),
    ]
    (row,) = rows(found(VALUES), found(VALUES), stage="eager")
    assert (row.what, row.difference, row.agree) == ("outputs of a call", 0.0, True)


def test_one_backend_is_no_comparison():
    """Where only one worker came to, there is nothing to compare."""
    assert rows(built()) == rows(found(VALUES), stage="eager") == []


@pytest.mark.parametrize(
    ("fact", "value", "what", "said"),
    [
        ("shape", [4, 3], "weight shapes", "(4, 3)"),
        ("dtype", "float16", "weight dtypes", "float16"),
        ("trainable", False, "weights trainable", "False"),
    ],
)
def test_facts(fact, value, what, said):
    """A weight of another shape, dtype or trainable flag has a row with what each backend has."""
    (row,) = differing(built(), built(), built({"fc/kernel": {**KERNEL, fact: value}}))
    assert (row.what, row.name, row.backends, row.found["c"]) == (what, "fc/kernel", ("a", "c"), said)


def test_names():
    """A name that a backend lacks is missing there, and is compared nowhere else."""
    one, other = built({"x": KERNEL, "y": KERNEL}), built({"x": KERNEL})
    (row,) = differing(one, other)
    assert (row.what, row.name, row.found) == ("weight names", "y", {"a": "there", "b": "missing"})


def test_order():
    """The same names in another order are told by the first place."""
    one, other = built({"x": KERNEL, "y": KERNEL, "z": KERNEL}), built({"x": KERNEL, "z": KERNEL, "y": KERNEL})
    (row,) = differing(one, other)
    assert (row.what, row.name, row.found) == ("weight order", "number 1", {"a": "y", "b": "z"})


def test_64_bits():
    """Where a backend has no 64-bit dtypes, they are the 32-bit ones; everywhere else they are not."""
    wide = {"x": {**KERNEL, "dtype": "int64"}}
    narrow = {"x": {**KERNEL, "dtype": "int32"}}
    assert differing(built(wide), built(narrow, narrow=True)) == []
    assert len(differing(built(wide), built(narrow))) == 1
    results = {
        "a": {"build": built(wide), "eager": found(VALUES.astype("int64"))},
        "b": {"build": built(narrow, narrow=True), "eager": found(VALUES.astype("int32"))},
    }
    assert all(row.agree for row in compare(results, Tolerances()))


def test_outputs():
    """Outputs are compared by name, shape, dtype and numbers, in this order."""
    assert differing(found(VALUES), found(VALUES, "outputs/other"), stage="eager")[0].found["b"] == "missing"
    assert differing(found(VALUES), found(VALUES.T), stage="eager")[0].found["b"] == "(4, 3)"
    (row,) = differing(found(VALUES), found(VALUES, dtype="float16"), stage="compiled")
    assert (row.what, row.found["b"]) == ("outputs of predict_on_batch", "float16")


def test_numbers():
    """A difference has its size, what is allowed, the first place, and what each backend has there."""
    other = VALUES.copy()
    other[1, 2] += 0.25
    other[2, 3] += 0.5
    (row,) = differing(found(VALUES), found(VALUES), found(other), stage="eager")
    assert (row.difference, row.index, row.place) == (0.5, (1, 2), "output[1, 2]")
    assert row.backends in (("a", "c"), ("b", "c"))
    assert row.tolerance == pytest.approx(Tolerances().of("outputs", "float32") * (11.5 + 6.5), rel=0.1)
    assert row.found == {"a": "6", "b": "6", "c": "6.25"}
    assert str(row) == "outputs of a call: output[1, 2]: 6 on a, 6 on b, 6.25 on c"


def test_weights_that_are_missing_are_told_once():
    """Weights that a backend lacks have their row among the names, and none for their values."""
    assert rows(found(VALUES, "weights/x"), found(VALUES, "weights/y"), stage="training") == []


@pytest.mark.parametrize(
    ("one", "other", "agree"),
    [
        ([1.0, np.nan], [1.0, np.nan], True),
        ([1.0, np.nan], [1.0, 1.0], False),
        ([1.0, np.inf], [1.0, np.inf], True),
        ([1.0, np.inf], [1.0, -np.inf], False),
        ([1.0, 1e-9], [1.0, 0.0], True),
        ([0.0, 1e-42], [0.0, 0.0], True),
        ([1, 2], [1, 2], True),
        ([1, 2], [1, 3], False),
        ([True, False], [True, True], False),
        (["a", "b"], ["a", "b"], True),
        (["a", "b"], ["a", "c"], False),
        ([], [], True),
        ([1 + 1j], [1 + 1j], True),
        ([1 + 1j], [1 - 1j], False),
    ],
)
def test_worst(one, other, agree):
    """Floats may be apart by the tolerance, the same non-numbers are equal, and all else is equal or not."""
    arrays = {"a": np.array(one), "b": np.array(other)}
    tolerance = 1e-6 if arrays["a"].dtype.kind in "fc" else 0.0
    assert worst(arrays, tolerance).agree == agree


def test_the_size_of_the_kin():
    """What is zero but for rounding may be as rough as what came of the same computation."""
    arrays = {"a": np.array([1e-8]), "b": np.array([-1e-8])}
    assert not worst(arrays, 1e-6).agree
    assert worst(arrays, 1e-6, kin=1.0).agree


def test_tolerances_grow():
    """Longer sums, gradients, training steps and coarser dtypes are allowed more; integers nothing."""
    small, large = Tolerances(terms=100, positions=50, steps=2), Tolerances(terms=400)
    assert large.of("outputs", "float32") == 2 * small.of("outputs", "float32")
    kinds = [small.of(kind, "float32") for kind in ("outputs", "gradients", "training")]
    assert kinds == sorted(kinds)
    dtypes = [small.of("outputs", dtype) for dtype in ("int32", "float64", "float32", "float16", "bfloat16")]
    assert dtypes == sorted(dtypes)
    assert dtypes[0] == 0.0
    assert Tolerances(compute=["bfloat16"]).of("gradients", "float32") == Tolerances().of("outputs", "bfloat16")


def test_tolerances_of_the_layer():
    """The terms are the fan-in of all weights together, of the backend that has most."""
    weights = {"kernel": KERNEL, "bias": {**KERNEL, "shape": [4]}, "table": {**KERNEL, "shape": [2, 5, 7]}}
    of = tolerances({"a": {"build": built()}, "b": {"build": built(weights, positions=9)}, "c": {}}, 3, {"outputs": 1})
    assert (of.terms, of.positions, of.weights, of.steps, of.compute) == (3 + 1 + 10, 9, 3, 3, ["float32"])
    assert of.of("outputs", "float32") == 1.0


def test_given_tolerances():
    """A tolerance by what is compared comes before one by dtype, and that before the default."""
    given = Tolerances(given={"gradients": 0.5, "float32": 0.25})
    assert [given.of(kind, "float32") for kind in ("gradients", "outputs")] == [0.5, 0.25]
    assert given.of("outputs", "float64") == Tolerances().of("outputs", "float64")
    assert given.reason("outputs", "float32") == "outputs: 2.5e-01, as given"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"weights": 1.0}, "tolerances are given for one of outputs, losses, .*float32.* Received: 'weights'"),
        ({"outputs": "1"}, r"A tolerance is a number of at least zero. Received: tolerances\['outputs'\]='1'"),
        ({"outputs": math.nan}, "A tolerance is a number of at least zero"),
    ],
)
def test_bad_tolerances(given, message):
    """A tolerance for nothing, or of no size, is an error."""
    with pytest.raises(CaseError, match=message):
        Tolerances(given=given)


def test_notes():
    """A reader is told what ran, what was left out and why, and what is allowed and why."""
    results = {
        backend: {
            "build": built(compute=["bfloat16"]),
            "compiled": found(VALUES, facts={"how": how}),
            "gradients": Record({"skipped": "no trainable weights"}),
            "training": found(VALUES[0, :1], "losses/step 1"),
        }
        for backend, how in (("a", "jax.jit"), ("b", "no compiler"))
    }
    of = tolerances(results, 2, None)
    said = list(notes(results, of, list(compare(results, of))))
    assert said[:2] == [
        "predict_on_batch ran jax.jit on a, no compiler on b",
        "gradients not compared: no trainable weights",
    ]
    assert "bfloat16, epsilon 7.8e-03: each operation rounds to 16 bits" in said[2]
    assert said[3].endswith("and with each of 2 steps")
    assert "over 2 positions" in Tolerances(positions=2).reason("gradients", "float32")
    assert len(said) == 4


AGREEING = Row("outputs of a call", "output", True, ("jax", "torch"), 1e-8, 1e-6, (0,), {"jax": "1", "torch": "1"})
DIFFERING = Row(
    "gradients", "[bold]kernel", False, ("jax", "torch"), math.inf, 1e-6, (0, 1), {"jax": "inf", "torch": "1"}
)
NAMED = Row("weight names", "fc/bias", False, ("jax", "torch"), found={"jax": "there", "torch": "missing"})
FAILED = Failure("torch", "eager", "Traceback\n\x1b[1mValueError: no")


def test_text():
    """The table has a line for all that agrees of a kind, one for each row that differs, and what is not installed."""
    report = Report(
        "layers:make",
        ("jax", "torch"),
        ("tensorflow",),
        (NAMED, AGREEING, AGREEING, DIFFERING),
        notes=("a note",),
        versions={"keras": "3.15"},
        seconds=1.25,
    )
    lines = [" ".join(line.split()) for line in str(report).splitlines()]
    assert lines == [
        "layers:make: jax, torch do not agree.",
        "First place: weight names: fc/bias: there on jax, missing on torch",
        "Not installed: tensorflow",
        "",
        "compared name worst difference allowed between found",
        lines[5],
        "≠ weight names fc/bias jax, torch jax: there, torch: missing",
        "= outputs of a call 2 names, worst at output[0] 1e-08 1e-06 jax, torch",
        "≠ gradients [bold]kernel[0, 1] inf 1e-06 jax, torch jax: inf, torch: 1",
        "a note",
        "keras 3.15; 1.2 s",
    ]
    assert set(lines[5]) == {"─"}


def test_text_of_agreement():
    """A green report says so, and has no first place."""
    report = Report("layers:make", ("jax", "torch"), rows=(AGREEING,))
    assert str(report).startswith("layers:make: jax, torch agree.\n\n")
    assert (report.agree, report.first) == (True, None)
    report.check()


def test_errors():
    """Rows that differ are one error, and workers that failed another, with their traceback."""
    with pytest.raises(BackendsDisagreeError, match="First place: gradients") as raised:
        Report("m:f", ("jax", "torch"), rows=(DIFFERING,)).check()
    assert isinstance(raised.value, AssertionError)
    with pytest.raises(WorkerFailedError, match="(?s)torch failed in eager:\nTraceback.*ValueError: no"):
        Report("m:f", ("jax", "torch"), failures=(FAILED,)).check()


def test_files(tmp_path):
    """A report goes into JSON and JUnit XML whole, whatever numbers and characters are in it."""
    reports = [
        Report("m:f", ("jax", "torch"), ("tensorflow",), (AGREEING, DIFFERING), (FAILED,), seconds=0.5),
        Report("m:g", ("jax", "torch")),
    ]
    write_json(tmp_path / "r.json", reports)
    said = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert (said["agree"], [one["agree"] for one in said["reports"]]) == (False, [False, True])
    assert [row["difference"] for row in said["reports"][0]["rows"]] == [1e-8, "inf"]
    write_junit(tmp_path / "r.xml", reports)
    text = (tmp_path / "r.xml").read_text(encoding="utf-8")
    assert text == junit(reports)
    suite, empty = ET.fromstring(text)
    counts = {"name": "m:f", "time": "0.500", "tests": "4", "failures": "1", "errors": "1", "skipped": "1"}
    assert suite.attrib == counts
    assert [(case.get("name"), [child.tag for child in case]) for case in suite] == [
        ("outputs of a call: output", []),
        ("gradients: [bold]kernel", ["failure"]),
        ("torch: eager", ["error"]),
        ("tensorflow", ["skipped"]),
    ]
    assert suite[2][0].text == "Traceback\n[1mValueError: no"
    assert len(empty) == 0
