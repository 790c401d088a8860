"""Rebuilding: a config carries scope, store and reuse mode; what shared shares again, never with the original."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import samples
from samples import Stack, Tower, paths

import kscope

X = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")


def shared_model():
    """Two layers of one store that share, and one that does not."""
    store = kscope.VariableStore()
    inputs = keras.Input((3,))
    left = Tower(store=store, scope="tower", name="left")(inputs)
    right = Tower(store=store, scope="tower", reuse=True, name="right")(inputs)
    return keras.Model(inputs, left + 2.0 * right + Tower(store=store, name="alone")(inputs))


def apart(model, other):
    """Whether two models have no variable in common."""
    return all(v is not w for v in model.weights for w in other.weights)


def same(model, other):
    """Whether two models compute the same."""
    a, b = (keras.ops.convert_to_numpy(m(X)) for m in (model, other))
    return np.allclose(a, b, atol=1e-6)


def saved(model, tmp_path):
    """The model after saving and loading."""
    path = tmp_path / "model.keras"
    model.save(path)
    return keras.models.load_model(path)


@pytest.mark.matrix("Rebuilding: clone_model")
def test_clone_model_shares_as_the_original():
    """A clone has as many variables under the same names, and none of the original's."""
    model = shared_model()
    clone = keras.models.clone_model(model)
    assert paths(clone) == paths(model)
    assert len(clone.weights) == 4
    assert apart(model, clone)


def test_each_clone_is_apart():
    """Clones share with each other as little as with the original, also a clone of a clone."""
    model = shared_model()
    clones = [keras.models.clone_model(model) for _ in range(2)]
    clones.append(keras.models.clone_model(clones[0]))
    for i, clone in enumerate(clones):
        assert len(clone.weights) == 4
        assert all(apart(clone, other) for other in [model, *clones[:i]])


@pytest.mark.parametrize("make", [shared_model, lambda: keras.Sequential([keras.Input((3,)), Tower(), Tower()])])
@pytest.mark.matrix("Saving: .keras")
def test_load_model(make, tmp_path):
    """A loaded model has the same names and computes the same."""
    model = make()
    loaded = saved(model, tmp_path)
    assert paths(loaded) == paths(model)
    assert apart(model, loaded)
    assert same(model, loaded)


def test_load_a_subclassed_model(tmp_path):
    """A loaded scoped model is built as it was, with the names it had."""
    model = Stack(name="net")
    model(X)
    loaded = saved(model, tmp_path)
    assert paths(loaded) == paths(model)
    assert same(model, loaded)


@pytest.mark.matrix("Rebuilding: load_model in a fresh process")
def test_load_in_a_fresh_process(tmp_path, backend):
    """A file loads in a process that imports only the module of its classes."""
    model = shared_model()
    model.save(tmp_path / "model.keras")
    np.save(tmp_path / "x.npy", X)
    program = (
        "import sys, keras, numpy as np; sys.path.insert(0, sys.argv[2]); import samples\n"
        "model = keras.models.load_model(sys.argv[1] + '/model.keras')\n"
        "y = keras.ops.convert_to_numpy(model(np.load(sys.argv[1] + '/x.npy')))\n"
        "np.save(sys.argv[1] + '/y.npy', y); print(*(v.path for v in model.weights))"
    )
    command = [sys.executable, "-c", program, str(tmp_path), str(Path(samples.__file__).parent)]
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    assert run.stdout.split() == paths(model)
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), keras.ops.convert_to_numpy(model(X)), atol=1e-6)


def test_names_survive_though_keras_counts_on():
    """A rebuilt layer keeps its scope, though Keras would name it anew."""
    layer = Tower()
    layer(X)
    Tower()
    rebuilt = Tower.from_config(layer.get_config())
    rebuilt(X)
    assert paths(rebuilt) == ["tower/fc/kernel", "tower/fc/bias"]
    assert rebuilt.store is not layer.store


def test_unbuilt_unnamed_layer():
    """An unnamed layer stays unnamed in its config, so that its scope is made unique where it binds."""
    layer = Tower()
    rebuilt = [Tower.from_config(layer.get_config()) for _ in range(2)]
    with kscope.VariableStore().as_default():
        for other in rebuilt:
            other(X)
    assert [other.scope.name for other in rebuilt] == ["tower", "tower_1"]


@pytest.mark.matrix("Rebuilding: from_config")
def test_from_config_in_another_order():
    """Layers that shared are rebuilt in any order: the one that reused may come first."""
    model = shared_model()
    right = Tower.from_config(model.get_layer("right").get_config())
    left = Tower.from_config(model.get_layer("left").get_config())
    right(X), left(X)
    assert left.store is right.store
    assert all(v is w for v, w in zip(left.weights, right.weights, strict=True))


def test_config_of_a_captured_scope():
    """A scope's defaults and reuse mode are in the config."""
    with kscope.variable_scope("outer", initializer="ones", regularizer=keras.regularizers.L2(0.5)) as outer:
        pass
    layer = Tower(scope=outer, store=kscope.VariableStore(), reuse=kscope.AUTO_REUSE)
    rebuilt = [Tower.from_config(layer.get_config())]
    layer(X)
    rebuilt.append(Tower.from_config(layer.get_config()))
    for other in rebuilt:
        other(X)
        assert other.scope.name == "outer"
        assert other.scope.reuse is kscope.AUTO_REUSE
        assert isinstance(other.scope.initializer, str | keras.initializers.Ones)
        assert [v.regularizer.l2 for v in other.weights] == [0.5, 0.5]


def test_nested_layers_bind_again():
    """A layer that was bound inside another one is bound by its config where it is called next."""
    model = Stack()
    model(X)
    rebuilt = Tower.from_config(model.second.get_config())
    rebuilt(X)
    assert rebuilt.scope.name == "tower"


def test_automatic_config():
    """Constructor arguments are in the config without a `get_config` of the subclass, as in Keras."""
    layer = Tower(7, name="net", store=kscope.VariableStore(), reuse=kscope.AUTO_REUSE)
    config = layer.get_config()
    assert (config["units"], config["name"], config["reuse"]) == (7, "net", "AUTO_REUSE")
    assert Tower.from_config(config).units == 7


class Strict(kscope.ScopedLayer):
    """Takes nothing but its own arguments, and writes its own config."""

    def __init__(self, units):
        super().__init__(name="strict")
        self.units = units

    def call(self, x):
        return x @ kscope.get_variable("kernel", [x.shape[-1], self.units])

    def get_config(self):
        config = super().get_config()
        return {key: value for key, value in config.items() if key not in ("name", "trainable", "dtype")} | {
            "units": self.units
        }


def test_a_subclass_without_keyword_arguments():
    """A subclass whose constructor takes no further arguments is rebuilt, too."""
    layer = Strict(2)
    layer(X)
    rebuilt = Strict.from_config(layer.get_config())
    rebuilt(X)
    assert paths(rebuilt) == paths(layer)


class Straight(Tower):
    """Hands its config to its constructor itself."""

    @classmethod
    def from_config(cls, config):
        return cls(**config)


def test_a_subclass_with_its_own_from_config():
    """A `from_config` that hands the config to the constructor works: the constructor reads configs."""
    store = kscope.VariableStore()
    layers = [Straight(store=store, scope="t"), Straight(store=store, scope="t", reuse=True)]
    for layer in layers:
        layer(X)
    left, right = (Straight.from_config(layer.get_config()) for layer in layers)
    left(X), right(X)
    assert left.store is right.store is not store


def test_build_config(tmp_path):
    """Nested inputs, keywords and dtypes come back as they were, without a call."""

    class Nested(kscope.ScopedLayer):
        def call(self, inputs, flags=(), *, other=None, units=2):
            x = inputs["a"] + inputs["b"][0]
            return x @ kscope.get_variable("kernel", [x.shape[-1], units])

    layer = Nested()
    layer({"a": X, "b": [X, X]}, flags=(1, "x"), other=np.ones((1,), "int32"), units=5)
    rebuilt = Nested.from_config(layer.get_config())
    rebuilt.build_from_config(layer.get_build_config())
    assert [tuple(v.shape) for v in rebuilt.weights] == [(3, 5)]
    rebuilt.build_from_config(layer.get_build_config())
    assert len(rebuilt.weights) == 1


def test_no_build_config_before_building():
    """A layer that was never built has no build config."""
    assert Tower().get_build_config() is None


def test_deepcopy_of_a_model():
    """A copy of a model shares as the original does, and not with it."""
    model = shared_model()
    clone = copy.deepcopy(model)
    assert len(clone.weights) == 4
    assert apart(model, clone)
    assert same(model, clone)


def test_discover_is_in_the_config():
    """The arguments to discover come back."""
    layer = Tower(discover=[{"x": None}])
    assert layer.get_config()["discover"] == [{"x": None}]
    assert Tower.from_config(layer.get_config()).get_config()["discover"] == [{"x": None}]


def test_layers_of_an_open_store_share_again():
    """Layers that share because one store was open where they were made share again when they are rebuilt."""
    with kscope.VariableStore().as_default():
        layers = [Tower(scope="t"), Tower(scope="t", reuse=True)]
    for layer in layers:
        layer(X)
    left, right = (Tower.from_config(layer.get_config()) for layer in layers)
    left(X), right(X)
    assert left.store is right.store is not layers[0].store


def test_a_config_without_our_keys():
    """A config that says nothing about scopes leaves the constructor's arguments as they are."""
    layer = Tower.from_config({"units": 4, "name": "net"})
    layer(X)
    assert paths(layer) == ["net/fc/kernel", "net/fc/bias"]


@keras.saving.register_keras_serializable(package="test_config")
class CatchAll(Tower):
    """Calls its keyword arguments something else, and takes a store of its own accord."""

    def __init__(self, store, width=2, **kw):
        super().__init__(units=width, store=store, **kw)
        self.width = width


@pytest.mark.parametrize("rebuild", [lambda a: CatchAll.from_config(a.get_config()), copy.deepcopy])
@pytest.mark.matrix("Rebuilding: a catch-all of another name")
def test_a_catch_all_of_another_name(rebuild):
    """Name, scope and store come back though Keras drops the name of a class whose catch-all is not `kwargs`."""
    layer = CatchAll(kscope.VariableStore(), 5, name="mine", scope="fc")
    layer(X)
    rebuilt = rebuild(layer)
    rebuilt(X)
    assert (rebuilt.name, rebuilt.width) == ("mine", 5)
    assert paths(rebuilt) == paths(layer) == ["fc/fc/kernel", "fc/fc/bias"]
    assert rebuilt.store is not layer.store


def test_catch_alls_share_again():
    """Layers that take their store by position share again when they are rebuilt."""
    store = kscope.VariableStore()
    layers = [CatchAll(store, scope="t"), CatchAll(store, scope="t", reuse=True)]
    for layer in layers:
        layer(X)
    rebuilt = [CatchAll.from_config(layer.get_config()) for layer in layers]
    for layer in rebuilt:
        layer(X)
    assert rebuilt[0].store is rebuilt[1].store is not store
    assert rebuilt[0].weights[0] is rebuilt[1].weights[0]


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
@pytest.mark.matrix("Rebuilding: deepcopy and pickle")
def test_copies_have_the_values(copied):
    """A deep copy and a pickle of a layer or model have its names and values, and none of its variables."""
    for layer in (Tower(name="tower"), Stack(name="net"), shared_model()):
        layer(X)
        twin = copied(layer)
        assert paths(twin) == paths(layer)
        assert apart(twin, layer)
        assert same(twin, layer)


@keras.saving.register_keras_serializable(package="test_config")
class OtherMeaning(Tower):
    """Calls arguments of its own as ours are called."""

    def __init__(self, scope, late=1.0, **kwargs):
        super().__init__(scope=f"{scope}_scope", **kwargs)
        self.late = late


def test_arguments_of_our_names():
    """A subclass may give a name of ours another meaning: it is rebuilt as it was made."""
    layer = OtherMeaning("red", late=2.5)
    layer(X)
    rebuilt = OtherMeaning.from_config(layer.get_config())
    rebuilt(X)
    assert rebuilt.late == 2.5
    assert paths(rebuilt) == paths(layer) == ["red_scope/fc/kernel", "red_scope/fc/bias"]


@keras.saving.register_keras_serializable(package="test_config")
def doubled(x):
    """A function that a file names."""
    return 2.0 * x * kscope.get_variable("scale", [3], initializer="uniform")


@pytest.mark.matrix("Rebuilding: a scoped function")
def test_a_scoped_function_is_saved_and_loaded(tmp_path):
    """A layer made of a registered function is saved and loaded by the function's name."""
    model = keras.Sequential([keras.Input((3,)), kscope.scoped(doubled)])
    loaded = saved(model, tmp_path)
    assert paths(loaded) == ["doubled/scale"]
    assert same(model, loaded)


@pytest.mark.matrix("Rebuilding: build_from_config")
def test_build_from_config():
    """A layer that is rebuilt from both its configs has its variables without a call."""
    layer = Stack(name="net")
    layer(X)
    rebuilt = Stack.from_config(layer.get_config())
    rebuilt.build_from_config(layer.get_build_config())
    assert paths(rebuilt) == paths(layer)
