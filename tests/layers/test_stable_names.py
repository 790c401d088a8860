"""Names never depend on what the process did before, on the thread, the backend, or loading."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import keras
import numpy as np
from samples import Stack, Tower, paths

import kscope

X = np.ones((2, 3), "float32")

# The same on every backend: that is the promise.
EXPECTED = json.loads((Path(__file__).parent / "expected_names.json").read_text(encoding="utf-8"))


def program():
    """Layers, models and functions of all kinds, by the names of their variables."""
    store = kscope.VariableStore()
    with store.as_default():
        for _ in range(2):
            with kscope.variable_scope(None, "block"):
                kscope.get_variable("w", [1])
        with kscope.variable_scope("outer"):
            nested = Tower()
            nested(X)
    stack = Stack()
    stack(X)
    inputs = keras.Input((3,))
    functional = keras.Model(inputs, Tower(name="b")(Tower()(inputs)))
    template = kscope.scoped(lambda x: x * kscope.get_variable("y", []), name="template")
    template(X)
    return {
        "store": list(store),
        "stack": paths(stack),
        "functional": paths(functional),
        "template": paths(template),
    }


def test_first_time():
    """The names are those that are written down, on each backend."""
    assert program() == EXPECTED


def test_second_time():
    """The same program run again has the same names."""
    program()
    assert program() == EXPECTED


def test_after_other_models():
    """Models made before change nothing, though Keras counts them."""
    for _ in range(3):
        Stack()(X), keras.layers.Dense(1)(X)
    assert program() == EXPECTED


def test_in_another_thread():
    """Another thread gives the same names."""
    results = []
    thread = threading.Thread(target=lambda: results.append(program()))
    with kscope.variable_scope("open"):
        thread.start()
        thread.join()
    assert results == [EXPECTED]


def test_after_loading(tmp_path):
    """A loaded model has the names that it was saved with."""
    model = Stack()
    model(X)
    model.save(tmp_path / "model.keras")
    Stack()(X)
    assert paths(keras.models.load_model(tmp_path / "model.keras")) == EXPECTED["stack"]


def test_inside_open_keras_scopes():
    """Keras' own name scopes, and the models around, are in no name."""
    with keras.name_scope("keras_scope"):
        assert program() == EXPECTED
