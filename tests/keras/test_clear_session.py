"""`keras.utils.clear_session` forgets names, never variables: scoped layers go on as if it had not been called."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from samples import Stack, Tower, paths

import kscope
from kscope._scopes.thread import thread

X = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
Y = np.ones((4, 4), "float32")
POINTS = ["made", "built", "called", "compiled", "trained", "saved", "loaded"]


def clear():
    """Clear the session, as loops over many models do."""
    keras.utils.clear_session(free_memory=False)


def numbers(model):
    """What a model computes."""
    return keras.ops.convert_to_numpy(model(X))


def functional():
    """Two towers of one store in a functional model."""
    with kscope.VariableStore().as_default():
        inputs = keras.Input((3,))
        return keras.Model(inputs, Tower(4)(Tower(3)(inputs)))


def life(make, path, cleared):
    """The life of a model, in which the session is cleared at one point; gives its names and all its results."""
    results = []

    def at(point):
        if point == cleared:
            clear()

    keras.utils.set_random_seed(1)
    model = make()
    at("made")
    model.build((None, 3))
    at("built")
    results.append(numbers(model))
    at("called")
    model.compile(keras.optimizers.SGD(0.1), "mse")
    at("compiled")
    results.append(model.fit(X, Y, epochs=2, shuffle=False, verbose=0).history["loss"])
    at("trained")
    model.save(path)
    at("saved")
    loaded = keras.models.load_model(path)
    at("loaded")
    results += [numbers(model), numbers(loaded)]
    results.append(loaded.fit(X, Y, shuffle=False, verbose=0).history["loss"])
    return paths(model), paths(loaded), results


@pytest.mark.matrix("Reliability: clear_session at any point")
@pytest.mark.parametrize("make", [Stack, functional])
def test_at_any_point_of_a_models_life(make, tmp_path):
    """Names and results are those of a model around which nothing was cleared."""
    names, loaded, results = life(make, tmp_path / "model.keras", None)
    assert names == loaded
    for point in POINTS:
        again = life(make, tmp_path / "model.keras", point)
        assert again[:2] == (names, loaded), point
        for one, other in zip(results, again[2], strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-5, err_msg=point)


def test_inside_scopes_and_stores():
    """Scopes, stores and their counters are kscope's, and stay as they are (row C1)."""
    with kscope.VariableStore().as_default() as store, kscope.variable_scope("net"):
        first = Tower()
        first(X)
        clear()
        assert kscope.get_variable_scope().name == "net"
        v = kscope.get_variable("v", [1])
        second = Tower()
        second(X)
        clear()
        with kscope.variable_scope("", reuse=True):
            assert kscope.get_variable("v") is v
        with pytest.raises(kscope.errors.VariableExistsError, match="net/v already exists"):
            kscope.get_variable("v", [1])
    assert list(store)[:2] == ["net/tower/fc/kernel", "net/tower/fc/bias"]
    assert list(store)[2:] == ["net/v", "net/tower_1/fc/kernel", "net/tower_1/fc/bias"]


class Clears(kscope.ScopedLayer):
    """Clears the session in the middle of its call, between two variables and two sublayers."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.before, self.after = Tower(3), Tower(3)
        self.clears = True

    def call(self, x):
        x = self.before(x) * kscope.get_variable("v", [], initializer="ones")
        if self.clears:
            clear()
        with kscope.variable_scope("s"):
            return self.after(x) * kscope.get_variable("w", [], initializer="ones")


NAMES = ["clears/tower/fc/kernel", "clears/tower/fc/bias", "clears/v"]
NAMES += ["clears/s/tower/fc/kernel", "clears/s/tower/fc/bias", "clears/s/w"]


def test_inside_a_call():
    """A call goes on after the session was cleared in it, and so do the later ones."""
    layer = Clears()
    layer.clears = False
    expected = numbers(layer)
    for layer.clears in (True, False, True):
        np.testing.assert_allclose(numbers(layer), expected, rtol=1e-6)
        assert (thread.frame, thread.call) == (None, None)
    assert list(layer.store) == NAMES


@pytest.mark.jax
@pytest.mark.torch
@pytest.mark.parametrize("x", [X, keras.KerasTensor((None, 3))], ids=["eager", "symbolic"])
def test_inside_a_discovery(x):
    """A discovery goes on, too, and so does whatever Keras traces."""
    layer = Clears()
    assert layer(x).shape[-1] == 3
    assert list(layer.store) == NAMES
    expected = numbers(layer)
    layer.clears = False
    np.testing.assert_allclose(numbers(layer), expected, rtol=1e-6)


class ClearsToo(keras.layers.Layer):
    """Does the same without kscope."""

    def call(self, x):
        clear()
        return x


@pytest.mark.tensorflow
def test_inside_a_discovery_on_tensorflow():
    """TensorFlow refuses it in each trace, as it does with Keras' own layers; the retry finds nothing in its way."""
    store = kscope.VariableStore()
    layer = Clears(store=store)
    for call in (layer, ClearsToo()):
        with pytest.raises(AssertionError, match="Do not use tf.reset_default_graph"):
            call(keras.KerasTensor((None, 3)))
    assert (len(store), layer.built, thread.frame, thread.call) == (0, False, None, None)
    layer.clears = False
    numbers(layer)
    assert sorted(store) == sorted(NAMES)
    layer.clears = True
    numbers(layer)
