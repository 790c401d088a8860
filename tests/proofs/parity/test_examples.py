"""The example that compares backends, on all of them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parents[3] / "examples"


def test_backend_switch(tmp_path):
    """The same curve on every backend from the same numbers, also for a run that is handed on, and a picture of it."""
    command = [sys.executable, str(EXAMPLES / "backend_switch.py"), "--steps", "30", "--output", str(tmp_path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=600).stdout
    assert re.findall(r"(\w+): \S+ ms a step, the same initial values", done) == ["tensorflow", "jax", "torch"]
    ((apart, handed_on),) = re.findall(r"between backends: (\S+), after handing on: (\S+)", done)
    # Rounding of some 30 steps of Adam.
    assert max(float(apart), float(handed_on)) < 1e-4
    assert "Loss by step" in done
    assert (tmp_path / "backend_switch.png").read_bytes().startswith(b"\x89PNG")
