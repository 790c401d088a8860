"""Build, train, save, load, drop, again and again: nothing of kscope's stays behind, and no memory."""

from __future__ import annotations

import gc
import os
import threading
import tracemalloc
from collections import Counter
from pathlib import Path

import keras
import numpy as np
import pytest
from samples import Stack, Tower

import kscope

CYCLES = int(os.environ.get("KSCOPE_SOAK_CYCLES", "60"))
WARM_UP = 20
# Blocks of memory that kscope's own lines allocated and that are alive; a leak adds at least one a cycle. Not bytes:
# Python keeps one dictionary for the thread-local data of all stores, which is as large as the garbage once was. Of a
# trace that failed, as one cycle in six has, JAX keeps some blocks, whoever's layer it was.
TOLERANCE = 20 + CYCLES // 4
MODULES = ("kscope", "keras", "samples", "test_soak")

pytestmark = pytest.mark.slow

X = np.ones((2, 3), "float32")
Y = np.ones((2, 4), "float32")


def functional():
    """A functional model of two scoped layers."""
    inputs = keras.Input((3,))
    return keras.Model(inputs, Tower(4)(Tower(3)(inputs)))


def with_own_stores():
    """Two scoped layers with a store each."""
    return functional()


def with_one_store():
    """Two scoped layers of one store, which share it again in the loaded model."""
    with kscope.VariableStore().as_default():
        return functional()


def with_the_default_store():
    """Two scoped layers of the default store, in whose place an empty one is put."""
    kscope.reset_default_store()
    with kscope.variable_scope("net"):
        return functional()


def nested():
    """A scoped model with sublayers."""
    return Stack(4)


@keras.saving.register_keras_serializable(package="test_soak")
class Fails(Stack):
    """Raises at the end of its first call."""

    fails = False

    def call(self, x, training=False):
        x = super().call(x, training)
        if self.fails:
            raise RuntimeError("at first")
        return x


def failing_at_first():
    """A scoped model whose first call raised."""
    model = Fails(4)
    model.fails = True
    with pytest.raises(RuntimeError, match="at first"):
        model(X)
    model.fails = False
    return model


def called_in_a_thread():
    """A model that was built by another thread, which has a stand of its own in the store."""
    model = Stack(4, store=kscope.VariableStore())
    thread = threading.Thread(target=model, args=(X,))
    thread.start()
    thread.join()
    return model


WAYS = [with_own_stores, with_one_store, with_the_default_store, nested, failing_at_first, called_in_a_thread]


def cycle(number, path):
    """Build, train, save, load and drop; now and then with compiled programs, which take longest."""
    model = WAYS[number % len(WAYS)]()
    model.compile(keras.optimizers.SGD(0.1), "mse", run_eagerly=number % 20 != 0)
    model.train_on_batch(X, Y)
    model.save(path / "model.keras")
    model.save_weights(path / "model.weights.h5")
    loaded = keras.models.load_model(path / "model.keras")
    loaded.load_weights(path / "model.weights.h5")
    np.testing.assert_allclose(loaded.predict_on_batch(X), model.predict_on_batch(X), rtol=1e-5)


def alive():
    """How many objects there are of each class of kscope, of Keras and of the tests."""
    gc.collect()
    classes = (type(thing) for thing in gc.get_objects())
    return Counter(f"{c.__module__}.{c.__qualname__}" for c in classes if str(c.__module__).split(".")[0] in MODULES)


def allocated():
    """The blocks that kscope's own lines allocated since `tracemalloc` was started, and that are still in use."""
    gc.collect()
    ours = tracemalloc.Filter(True, str(Path(kscope.__file__).parent / "*"))
    return len(tracemalloc.take_snapshot().filter_traces([ours]).traces)


@pytest.fixture
def tracing():
    """Notes who allocates what."""
    tracemalloc.start()
    yield
    tracemalloc.stop()


@pytest.mark.matrix("Reliability: build, train, save, load, drop: memory is flat")
def test_nothing_stays_behind(tmp_path, tracing):
    """However often models are made, trained, saved, loaded and dropped: as many objects are alive, and no memory goes.

    What Keras and the backends keep for themselves (compiled programs, interned names) grows without kscope, too, so
    that it is kscope's own allocations that are held against a limit; objects are counted exactly, Keras' among them.
    """
    for number in range(WARM_UP):
        cycle(number, tmp_path)
    objects, memory = alive(), allocated()
    for number in range(WARM_UP, WARM_UP + CYCLES):
        cycle(number, tmp_path)
    assert alive() == objects
    assert allocated() - memory < TOLERANCE


def test_a_leak_is_seen(tmp_path, tracing):
    """A layer that is kept shows in the counts with its store and its variables, and in the memory."""
    objects, memory, kept = alive(), allocated(), []
    for _ in range(60):
        kept.append(Tower())
        kept[-1].build((None, 3))
    more = alive() - objects
    for name, each in (
        ("_layers.calls.layer_state.LayerState", 1),
        ("_stores.store.VariableStore", 1),
        ("_variables.variable.ScopedVariable", 2),
    ):
        assert more[f"kscope.{name}"] == len(kept) * each
    assert allocated() - memory > TOLERANCE
