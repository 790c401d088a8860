"""The matrix of features and backends is what the tests prove, and is written without loss."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
from matrix import COLUMNS, FILE, HEAD, marked, parse, render

CONFTEST = f"""
import sys
sys.path.insert(0, {str(FILE.parent / "support")!r})
from pathlib import Path
from matrix import Matrix

def pytest_addoption(parser):
    parser.addoption("--backend")

def pytest_configure(config):
    config.addinivalue_line("markers", "matrix(feature, says, on): what a test proves")
    config.pluginmanager.register(Matrix(Path(__file__).with_name("MATRIX.md"), config.getoption("--backend")))
"""

TESTS = """
import pytest

@pytest.mark.matrix("Saving: weights")
@pytest.mark.parametrize("n", [1, 2, 3])
def test_weights(n):
    pass

@pytest.mark.matrix("Training: fit")
@pytest.mark.matrix("Training: evaluate")
@pytest.mark.parametrize("n", [1, 2, 3])
def test_fit(n):
    assert n != FAILING

@pytest.mark.matrix("Training: fit")
def test_fit_again():
    pass

@pytest.mark.matrix("Precision: int8", says="refused")
def test_refusal():
    pass

@pytest.mark.matrix("Precision: int8")
def test_no_refusal():
    pass

@pytest.mark.matrix("Training: everywhere", on=["jax", "torch"])
def test_everywhere():
    pass

def test_unmarked():
    pass
"""

GREEN = f"""{HEAD}
## Precision

|  | TensorFlow | JAX | PyTorch |
| --- | --- | --- | --- |
| int8 |  | refused |  |

## Saving

|  | TensorFlow | JAX | PyTorch |
| --- | --- | --- | --- |
| weights |  | ✓ |  |

## Training

|  | TensorFlow | JAX | PyTorch |
| --- | --- | --- | --- |
| evaluate |  | ✓ |  |
| everywhere |  | ✓ | ✓ |
| fit |  | ✓ |  |
"""


@pytest.fixture
def session(tmp_path):
    """A function that runs the sample tests and returns the file afterwards."""
    (tmp_path / "conftest.py").write_text(CONFTEST, encoding="utf-8")

    def run(*arguments, backend="jax", failing=0):
        code = TESTS.replace("FAILING", str(failing))
        (tmp_path / "test_sample.py").write_text(code, encoding="utf-8")
        command = [sys.executable, "-B", "-m", "pytest", "-p", "no:cacheprovider", "--strict-markers"]
        done = subprocess.run(
            [*command, f"--rootdir={tmp_path}", f"--backend={backend}", *arguments, str(tmp_path)],
            capture_output=True,
            check=False,
            cwd=tmp_path,
            # No other plugin: they cost more than the tests.
            env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        )
        assert done.returncode == (1 if failing else 0), done.stdout.decode()
        return (tmp_path / "MATRIX.md").read_text(encoding="utf-8")

    return run


def test_a_column_a_run(session):
    """A run fills the column of its backend; another one of another backend leaves it; a second one changes nothing."""
    assert session() == GREEN
    assert session() == GREEN
    both = session(backend="torch")
    assert parse(both)["Precision: int8"] == {"JAX": "refused", "PyTorch": "refused"}
    first, second = (re.sub("(✓|refused) \\|\n", " |\n", text) for text in (GREEN, both))
    assert first == second


def test_a_failure(session):
    """One failing case is a cross for each feature that it should have proven, until it passes again."""
    session()
    table = parse(session(failing=2))
    assert table["Training: fit"] == table["Training: evaluate"] == {"JAX": "✗"}
    assert table["Saving: weights"] == {"JAX": "✓"}
    assert session() == GREEN


def test_a_partial_run(session):
    """A run of some tests replaces their features' cells only."""
    session()
    assert session("-k", "weights") == GREEN
    table = parse(session("-k", "evaluate or fit", backend="tensorflow"))
    assert table["Training: fit"] == {"TensorFlow": "✓", "JAX": "✓"}
    assert table["Saving: weights"] == {"JAX": "✓"}


def test_a_run_without_marked_tests(session):
    """A run of nothing that is marked does not touch the file."""
    session()
    assert session("-k", "unmarked") == GREEN


def test_the_file_is_read_as_it_is_written():
    """What the file holds is written again to the letter."""
    text = FILE.read_text(encoding="utf-8")
    assert render(parse(text)) == text


def test_the_rows_are_the_marks():
    """The features of the file are those that tests are marked for: none is stale, and none is missing.

    A new mark fails here once: its row comes at the end of that run.
    """
    assert sorted(parse(FILE.read_text(encoding="utf-8"))) == sorted(set(marked(FILE.parent)))


def test_every_feature_has_a_group():
    """Each mark names a group and a feature, and has no character that a Markdown table could not hold."""
    for feature in marked(FILE.parent):
        assert re.fullmatch(r"[^:|]+: [^|]+", feature), feature


def test_columns_are_the_backends(backend):
    """The backend under test has a column."""
    assert backend in COLUMNS
