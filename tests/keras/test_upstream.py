"""`docs/upstream.md` is true: each script prints what the page says, with the Keras that is installed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import keras
import numpy as np
import pytest
import upstream

BACKEND = os.environ["KERAS_BACKEND"]
FOLDER = Path(__file__).parents[2] / "kscope" / "_keras"
ENTRIES = upstream.entries()
VERSIONS = {"Keras": keras.__version__, "NumPy": np.__version__}
if BACKEND == "jax":
    VERSIONS["JAX"] = version("jax")
HERE = [entry for entry in ENTRIES if entry.applies(BACKEND, VERSIONS)]
MISTAKE = "print('before')\n1 / 0\n"


def titles(entries):
    return [entry.title for entry in entries]


def run(scripts, folder):
    """What each script printed, in one process that imports Keras once."""
    files = [folder / f"script_{number}.py" for number in range(len(scripts))]
    for file, script in zip(files, scripts, strict=True):
        file.write_text(script, encoding="utf-8")
    # A script that wants several devices asks for them itself.
    environment = {name: value for name, value in os.environ.items() if name != "XLA_FLAGS"}
    process = subprocess.run(
        [sys.executable, upstream.__file__],
        input=json.dumps([str(file) for file in files]),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout)


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    """What the scripts printed, by the titles of their entries, and what one with a mistake did."""
    scripts = [*(entry.code for entry in HERE), MISTAKE]
    result = run(scripts, tmp_path_factory.mktemp("upstream"))
    assert result["keras"] == keras.__version__
    return dict(zip([*titles(HERE), "mistake"], result["outcomes"], strict=True))


@pytest.mark.parametrize("entry", HERE, ids=lambda entry: entry.title)
def test_script(printed, entry):
    """A script prints what the page says; when this fails, Keras has changed: look whether the touch point can go."""
    assert printed[entry.title] == entry.printed


def test_script_with_a_mistake(printed):
    """A script that raises prints its traceback, so that it is never taken for one that prints less."""
    assert printed["mistake"].startswith("before\nTraceback")
    assert printed["mistake"].endswith("ZeroDivisionError: division by zero\n")


def test_entries_have_different_titles():
    """No two entries have one title, by which a failing one is found."""
    assert len(set(titles(ENTRIES))) == len(ENTRIES)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.title)
def test_entry_is_about_plain_keras(entry):
    """A script does without kscope, and without the private names of Keras."""
    assert "kscope" not in entry.code
    assert not re.search(r"(from|import) keras\.|\._(?!_)", entry.code)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.title)
def test_entry_says_what_would_go(entry):
    """An entry ends with the parts of `kscope/_keras` that would go, all of which exist, or says that there is none."""
    last = entry.text.strip().split("\n\n## ")[0].split("\n\n")[-1].replace("\n", " ")
    parts = re.findall(r"((?:`[\w.]+`(?:, | and | ))+)in `(\w+\.py)`", last)
    for names, file in parts:
        source = (FOLDER / file).read_text(encoding="utf-8")
        for name in re.findall(r"`(?:\w+\.)*(\w+)`", names):
            assert re.search(rf"^( *(def|class) {name}\b|{name}\b.* = )", source, re.MULTILINE), f"{name} in {file}"
    whole = [file for file in re.findall(r"`(\w+\.py)`", last) if (FOLDER / file).exists()]
    assert parts or whole or "kscope has no part for it" in last, last


def test_table_of_contents():
    """The table of contents has each group and each entry, in the page's order, with a link that leads to it."""
    page = upstream.PAGE.read_text(encoding="utf-8")
    listed = re.findall(r"^ *- \[(.+)\]\(#(.+)\)$", page, re.MULTILINE)
    headings = re.findall(r"^###? (.+)$", page, re.MULTILINE)
    assert [title for title, _ in listed] == headings
    assert [link for _, link in listed] == [re.sub(r"[^\w\- ]", "", t.lower()).replace(" ", "-") for t in headings]


@pytest.mark.parametrize(
    ("where", "backend", "keras_version", "applies"),
    [
        ("Backends: JAX.", "jax", "3.15.1", True),
        ("Backends: JAX.", "torch", "3.15.1", False),
        ("Backends: JAX, PyTorch.", "torch", "3.15.1", True),
        ("Backends: JAX. Keras: <3.16.", "jax", "3.15.1", True),
        ("Backends: JAX. Keras: <3.16.", "jax", "3.16.0.dev2026102704", False),
        ("Backends: JAX. Keras: >=3.16.", "jax", "3.16.0.dev2026102704", True),
        ("Backends: JAX. Keras: >=3.16.", "jax", "3.15.1", False),
        ("Backends: JAX. Keras: >=3.15. NumPy: >=2.4.", "jax", "3.15.1", True),
        ("Backends: JAX. Keras: >=3.15. NumPy: >=2.10.", "jax", "3.15.1", False),
    ],
)
def test_where_an_entry_applies(where, backend, keras_version, applies):
    """An entry is for the backends that it names, and before or from some versions on."""
    entry = upstream.entry("title", f"{where}\n\n```python\n1\n```\n\n```text\n1\n```\n")
    assert entry.applies(backend, {"Keras": keras_version, "NumPy": "2.4.6"}) is applies


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("```python\n1\n```\n\n```text\n1\n```\n", "'title' does not say for which backends it is"),
        ("Backends: JAX.\n\n```python\n1\n```\n", "'title' has 0 scripts with an outcome"),
        ("Backends: Theano.\n\n```python\n1\n```\n\n```text\n1\n```\n", "'title' names a backend that there is not"),
    ],
)
def test_incomplete_entry(text, message):
    """An entry that does not say where it is true, or what its script prints, is refused."""
    with pytest.raises(ValueError, match=message):
        upstream.entry("title", text)
