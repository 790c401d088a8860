"""The touch points where Keras names things after variables."""

from __future__ import annotations

import threading
from importlib import import_module
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from samples import Tower

import kscope
from kscope._keras.private import private
from kscope._variables.variable import ScopedVariable

X = np.ones((2, 3), "float32")


def test_adafactor():
    """Adafactor trains scoped variables, whose names hold a slash and a colon."""
    model = keras.Sequential([keras.Input((3,)), Tower(2, name="tower")])
    model.compile("adafactor", "mse")
    model.fit(X, np.ones((2, 2)), verbose=0)
    assert "tower_fc_kernel" in [v.name for v in model.optimizer.variables]


def test_names_of_a_saved_model(monkeypatch):
    """What makes a SavedModel's variables sees paths; the exports themselves are tested in `tests/proofs/export`."""
    seen, v = [], kscope.get_variable("v", [1])

    class Probe:
        """Stands for a variable of another kind, so that the conversion stops after its first look."""

        @property
        def __class__(self):
            seen.append(v.name)
            return int

        def __getattr__(self, name):
            seen.append(v.name)
            raise AttributeError(name)

    # The newer Keras asks first whether it is TensorFlow's, which need not be installed.
    module = import_module("keras.src.export.saved_model_export_archive")
    monkeypatch.setattr(module, "tf", SimpleNamespace(Variable=str), raising=False)
    archive = private(
        "keras.src.export.saved_model:SavedModelExportArchive",
        "keras.src.export.saved_model_export_archive:SavedModelExportArchive",
        off="it is not",
    )
    with pytest.raises((TypeError, AttributeError), match="must be a `backend.Variable`|_value"):
        archive._convert_to_tf_variable(None, Probe())
    assert seen[0] == "v"


def test_spelling_ends_with_its_block():
    """Names are spelled otherwise in the block and in its thread only."""
    v = kscope.get_variable("a", [1])
    elsewhere = []
    with ScopedVariable.names_spelled(str.upper):
        assert v.name == "A"
        thread = threading.Thread(target=lambda: elsewhere.append(v.name))
        thread.start()
        thread.join()
    assert [v.name, *elsewhere] == ["a:0", "a:0"]
