"""The examples run as scripts, in a process of their own, on the backend under test."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(name):
    """What a script prints."""
    command = [sys.executable, str(EXAMPLES / name)]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout


def test_every_example_is_run():
    """No example is left without a test."""
    assert sorted(path.name for path in EXAMPLES.glob("*.py")) == [
        "backend_switch.py",
        "quickstart.py",
        "shared_digits.py",
    ]


def test_quickstart():
    """The tour shows the page's six examples."""
    output = run("quickstart.py")
    assert [line[:2] for line in output.splitlines() if re.match(r"\d\.", line)] == ["1.", "2.", "3.", "4.", "5.", "6."]
    assert "foo/bar/v:0" in output
    assert output.count(": True") == 3
    assert "Variable accident/v already exists, disallowed." in output
    assert "Variable missing/v does not exist" in output


def test_shared_digits():
    """The main job: shared by name, trained on real images, loaded in a fresh process with the same accuracy."""
    output = run("shared_digits.py")
    assert len(re.findall(r"encoder/\S+ .*classifier \+ verifier", output)) == 6
    results = re.findall(r"accuracy on held-out images: (\S+), loaded in a fresh process: (\S+)", output)
    assert len(results) == 2
    for trained, loaded in results:
        assert trained == loaded
        assert float(trained) >= 0.95


def test_backend_switch_needs_two_backends():
    """Where there is one backend, the comparison says so; `tests/proofs/parity` runs it where there are all three."""
    command = [sys.executable, str(EXAMPLES / "backend_switch.py")]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(r"Install two backends at least; there is (tensorflow|jax|torch).\n", done.stderr)


def test_the_template_is_tested_where_it_says():
    """The template's workflow has a job for each environment of its `tox.ini`."""
    folder = EXAMPLES / "backend_matrix"
    workflow = (folder / ".github" / "workflows" / "tests.yml").read_text(encoding="utf-8")
    (jobs,) = re.findall(r"environment: \[(.*)\]", workflow)
    (environments,) = re.findall(r"env_list = (.*)", (folder / "tox.ini").read_text(encoding="utf-8"))
    assert jobs == environments
