"""Each private name of Keras that kscope uses may vanish: one feature is off with a warning, everything else works.

`without_names.py` takes one name after the other away, and runs the quick start: define, train, save, load.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).parent / "without_names.py"
BACKEND = os.environ["KERAS_BACKEND"]

# The name, as a regular expression, and what the warning says; `None` where a public way does the same, or the quick
# start does not come to it. A quoted name is a key of Keras' thread-local state.
OF_KERAS = {
    "get_global_attribute": "left to Keras",
    "set_global_attribute": "left to Keras",
    "GLOBAL_STATE_TRACKER": None,
    '"stateless_scope"': "left to Keras",
    '"symbolic_scope"': "left to Keras",
    '"name_scope_stack"': "weights of their own",
    '"object_name_uids"': "depend on how many there are",
    '"current_call_ctx"': "does not reach the discovery",
    "get_keras_mask": "masks",
    "set_keras_mask": "masks",
    r"(?<=utils\.)default|(?<=def )default(?=\(method)|(?<=python_utils import )default": None,
    "DotNotTrackScope": "listed twice",
    "_tracker": None,
    "_lock_violation_msg": None,
    "add_to_store": None,
    "_flatten_layers": None,
    "_seed_generators": None,
    "_track_variable": None,
    "_untrack_variable": None,
    "_trainable_variables": None,
    "_var_key": None,
    "GLOBAL_SEED_GENERATOR": "UntrackedVariableError",
    "AutocastScope": "mixed precision",
    "get_autocast_scope": "mixed precision",
    "_maybe_autocast": None,
    "_dtype": None,
    "SavedModelExportArchive": "SavedModel",
    "_convert_to_tf_variable": "SavedModel",
    "_h5_entry_path": "layer by layer",
    "_h5_entry_group": "before their shapes are compared",
    "h5_file": "layer by layer",
    "ask_to_proceed_with_overwrite": None,
}
OF_BACKEND = {
    "tensorflow": {
        ("keras.src.backend.tensorflow", "remat"): "keras.remat",
        ("tensorflow.python.autograph", "CONVERSION_RULES"): "another class",
        ("tensorflow.python.autograph", "DoNotConvert"): "another class",
    },
    "jax": {
        ("keras.src.backend.jax", "remat"): "keras.remat",
        ("keras", "jax_export"): None,
        ("keras", "_initialize_layout"): None,
        ("keras", "_initialize_with_initializer"): None,
        ("keras", "_layout"): None,
        ("jax", "trace_ctx"): None,
        ("jax", "eval_context"): None,
    },
    "torch": {
        ("keras.src.backend.torch", "remat"): "keras.remat",
        ("keras", '"torch_device"'): "left to Keras",
        ("keras", "TorchLayer"): "PyTorch sees only one",
        ("keras", "_track_variables"): "PyTorch sees only one",
        ("keras", "_post_track_variable"): "PyTorch sees only one",
        ("keras", "_post_untrack_variable"): "PyTorch sees only one",
        ("keras", "_torch_params"): "PyTorch sees only one",
    },
}
EXPECTED = {**{("keras", name): said for name, said in OF_KERAS.items()}, **OF_BACKEND[BACKEND]}


@pytest.fixture(scope="module")
def results():
    """What the quick start said without each of the names."""
    given = json.dumps([*EXPECTED, ("keras", "no_such_name")])
    run = subprocess.run([sys.executable, SCRIPT], input=given, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return {(line["package"], line["name"]): line for line in map(json.loads, run.stdout.splitlines())}


@pytest.mark.parametrize(("package", "name"), list(EXPECTED), ids=lambda text: text)
def test_without_one_name(results, package, name):
    """Without a private name the quick start runs, and the feature that is off is named once."""
    result, expected = results[package, name], EXPECTED[package, name]
    assert result["error"] is None, result["error"]
    assert result["found"], "no module has the name any more"
    assert sum(expected in text for text in result["said"]) == 1 if expected else not result["said"], result["said"]


def test_with_all_names(results):
    """With all names there, the quick start says nothing."""
    result = results["keras", "no_such_name"]
    assert (result["error"], result["found"], result["said"]) == (None, 0, [])
