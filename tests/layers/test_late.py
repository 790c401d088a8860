"""Late variables: names that a built layer asks for and no discovery met."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from samples import paths

import kscope

X = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
Y = np.random.default_rng(1).normal(size=(8, 3)).astype("float32")


@keras.saving.register_keras_serializable(package="test_late")
class Branching(kscope.ScopedLayer):
    """Gets another variable in another branch."""

    def call(self, x, extra=False):
        x = x * kscope.get_variable("a", [3], initializer="ones")
        if extra:
            x = x + kscope.get_variable("b", [3], initializer="zeros")
        return x


@keras.saving.register_keras_serializable(package="test_late")
class Net(kscope.ScopedModel):
    """A layer that may grow, with another before it and one after it."""

    def __init__(self, late="allow", **kwargs):
        super().__init__(**kwargs)
        self.before = Branching(name="before")
        self.growing = Branching(late=late, name="growing")
        self.after = Branching(name="after")

    def call(self, x, extra=False):
        return self.after(self.growing(self.before(x), extra=extra))


def numbers(variables):
    """Copies of the values of variables."""
    return [keras.ops.convert_to_numpy(v).copy() for v in variables]


@pytest.mark.matrix("Late variables: an error that says what to discover")
def test_raises_and_names_the_way_out():
    """Without being allowed, a late name is an error that names both ways out."""
    layer = Branching()
    layer(X)
    with pytest.raises(kscope.errors.LateVariableError, match=r'discover=\[\{"training": True\}\].*late="allow"'):
        layer(X, extra=True)


@pytest.mark.matrix("Late variables: allowed")
def test_allowed():
    """An allowed late variable is made, tracked, and found again."""
    layer = Branching(late="allow", name="grow")
    layer(X)
    for _ in range(2):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(layer(X, extra=True)), X)
    assert paths(layer) == ["grow/a", "grow/b"]
    assert layer.store["grow/b"] is layer.trainable_variables[1]


def test_a_frozen_layer():
    """A late variable of a layer that is not trainable is not trained."""
    layer = Branching(late="allow", trainable=False)
    layer(X)
    layer(X, extra=True)
    assert [v.trainable for v in layer.weights] == [False, False]


def test_another_layers_variable():
    """A late name that another layer made is shared if the scope says so, and tracked by both."""
    store = kscope.VariableStore()
    first = Branching(store=store, scope="s", discover=[{"extra": True}])
    second = Branching(store=store, scope="s", reuse=True, late="allow")
    first(X), second(X)
    second(X, extra=True)
    assert second.weights[1] is first.weights[1]


def test_a_call_that_raises():
    """A late variable is there though the rest of the call raises: other calls of the layer may have seen it."""

    class Raising(Branching):
        def call(self, x, extra=False):
            x = super().call(x, extra)
            if extra:
                raise RuntimeError("after it")
            return x

    layer = Raising(late="allow", name="r")
    layer(X)
    with pytest.raises(RuntimeError, match="after it"):
        layer(X, extra=True)
    assert paths(layer) == ["r/a", "r/b"]


def test_what_is_no_policy():
    """`late` is one of two words."""
    with pytest.raises(kscope.errors.OptionError, match='must be "raise" or "allow". Received: late=\'maybe\''):
        Branching(late="maybe")


def slots(optimizer):
    """The values of all of an optimizer's variables, by path, in order."""
    variables = getattr(optimizer, "inner_optimizer", optimizer).variables
    return [(v.path, v.shape) for v in variables]


OPTIMIZERS = {
    "adam": lambda: keras.optimizers.Adam(0.1),
    "amsgrad": lambda: keras.optimizers.Adam(0.1, amsgrad=True, use_ema=True),
    "sgd": lambda: keras.optimizers.SGD(0.1, momentum=0.9),
    "plain": lambda: keras.optimizers.SGD(0.1),
    "rmsprop": lambda: keras.optimizers.RMSprop(0.1, momentum=0.5, centered=True),
    "accumulating": lambda: keras.optimizers.Adam(0.1, gradient_accumulation_steps=2),
    "adafactor": lambda: keras.optimizers.Adafactor(0.1),
    "muon": lambda: keras.optimizers.Muon(0.1),
    "scaled": lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.1)),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.matrix("Late variables: the optimizer keeps the others' moments")
def test_the_optimizer_keeps_its_moments(name):
    """The optimizer trains the late variable from then on, in its place; what it knows of the others stays."""
    model = Net(name="net")
    model.compile(OPTIMIZERS[name](), "mse")
    model.fit(X, Y, epochs=3, verbose=0)
    before = {
        id(v): value for v, value in zip(model.optimizer.variables, numbers(model.optimizer.variables), strict=True)
    }
    model(X, extra=True)
    assert paths(model) == ["net/before/a", "net/growing/a", "net/growing/b", "net/after/a"]
    for variable, value in zip(model.optimizer.variables, numbers(model.optimizer.variables), strict=True):
        np.testing.assert_array_equal(value, before.get(id(variable), value))
    fresh = Net(name="net")
    fresh(X), fresh(X, extra=True)
    fresh.compile(OPTIMIZERS[name](), "mse")
    fresh.optimizer.build(fresh.trainable_variables)
    assert [s for _, s in slots(model.optimizer)] == [s for _, s in slots(fresh.optimizer)]
    leaves = [path.rpartition("/")[2] for path, _ in slots(model.optimizer)]
    assert leaves == [path.rpartition("/")[2] for path, _ in slots(fresh.optimizer)]


class Trained(Net):
    """A model whose training takes the other branch from some step on."""

    extra = False

    def call(self, x):
        return super().call(x, extra=self.extra)


@pytest.mark.filterwarnings("ignore:Gradients do not exist")
def test_training_goes_on():
    """Training goes on as if the variable, zero until then, had been there from the start."""
    early, late = Trained(name="net"), Trained(name="net")
    early.growing.build((None, 3))
    early(X), late(X)
    early.extra = True
    early(X)
    early.extra = False
    for model in (early, late):
        model.compile(keras.optimizers.SGD(0.1, momentum=0.9), "mse")
        model.fit(X, Y, epochs=3, verbose=0, shuffle=False)
        model.extra = True
        model(X)
        model.make_train_function(force=True)
        model.fit(X, Y, epochs=3, verbose=0, shuffle=False)
    for one, other in zip(numbers(early.weights), numbers(late.weights), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    assert np.abs(numbers(late.weights)[2]).min() > 0


def test_in_a_compiled_step():
    """Where a compiled step can take on a new variable, it does; on JAX the error says what to do."""
    model = Trained(name="net")
    model.compile("adam", "mse")
    model.fit(X, Y, verbose=0)
    model.extra = True
    model.make_train_function(force=True)
    if keras.backend.backend() == "jax":
        with pytest.raises(kscope.errors.LateVariableError, match="call the layer once outside of the compiled step"):
            model.fit(X, Y, verbose=0)
        return
    model.fit(X, Y, epochs=2, verbose=0)
    assert np.abs(numbers(model.weights)[2]).min() > 0


@pytest.mark.filterwarnings("ignore:Gradients do not exist")
@pytest.mark.matrix("Late variables: saved and loaded")
def test_saved_and_loaded(tmp_path):
    """A model that has grown is saved and loaded with its late variables and the optimizer's state."""
    model = Net(name="net")
    model.compile("adam", "mse")
    model.fit(X, Y, verbose=0)
    model(X, extra=True)
    model.make_train_function(force=True)
    model.fit(X, Y, verbose=0)
    model.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    assert paths(loaded) == paths(model)
    for there, here in zip(numbers(model.weights), numbers(loaded.weights), strict=True):
        np.testing.assert_array_equal(here, there)
    for there, here in zip(numbers(model.optimizer.variables), numbers(loaded.optimizer.variables), strict=True):
        np.testing.assert_array_equal(here, there)
