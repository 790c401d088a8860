"""Weights files: by scoped name, shared variables once, and loaded whatever happened to the attributes."""

from __future__ import annotations

import h5py
import keras
import numpy as np
import pytest
from samples import PlainTower, Stack, Tower

import kscope

X = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")


def output(layer):
    """What a layer computes, as NumPy has it."""
    return keras.ops.convert_to_numpy(layer(X))


def stored(path):
    """The keys of all variables in a weights file, as a list."""
    keys = []
    with h5py.File(path) as file:
        file.visititems(lambda name, item: keys.append(name.rpartition("/")[2]) if hasattr(item, "dtype") else None)
    return keys


def pair(left="left", right="right"):
    """Two layers that share by name, and one that does not."""
    store = kscope.VariableStore()
    inputs = keras.Input((3,))
    first = Tower(store=store, scope="tower", name=left)(inputs)
    second = Tower(store=store, scope="tower", reuse=True, name=right)(inputs)
    return keras.Model(inputs, first + 2.0 * second + Tower(store=store, name="alone")(inputs))


@pytest.fixture
def path(tmp_path):
    """Where the test keeps its weights."""
    return tmp_path / "model.weights.h5"


def moved(model, twin, path):
    """Whether the twin computes what the model does once it has the model's weights, and did not before."""
    before = output(twin)
    model.save_weights(path)
    twin.load_weights(path)
    np.testing.assert_allclose(output(twin), output(model), atol=1e-6)
    return not np.allclose(before, output(twin), atol=1e-6)


@pytest.mark.matrix("Saving: weights under their scoped names")
def test_keys_are_scoped_names(path):
    """The keys in the file are the scoped names."""
    model = keras.Sequential([keras.Input((3,)), Tower(name="tower")])
    model.save_weights(path)
    assert stored(path) == ["0|tower|fc|bias", "0|tower|fc|kernel"]


@pytest.mark.matrix("Saving: shared variables once")
def test_shared_variables_are_written_once(path):
    """A variable of two layers stands in the file once (keras#18419)."""
    model = pair()
    assert moved(model, pair(), path)
    assert sorted(key for key in stored(path) if "|" in key) == [
        "0|alone|fc|bias",
        "0|alone|fc|kernel",
        "0|tower|fc|bias",
        "0|tower|fc|kernel",
    ]


@pytest.mark.parametrize("shard", [1e-7, 1.0])
@pytest.mark.matrix("Saving: sharded weights")
def test_sharded(tmp_path, shard):
    """Sharded weights are found in whatever shard they are."""
    model, twin = pair(), pair()
    model.save_weights(tmp_path / "m.weights.json", max_shard_size=shard)
    twin.load_weights(tmp_path / "m.weights.json")
    np.testing.assert_allclose(output(twin), output(model), atol=1e-6)
    assert len(list(tmp_path.iterdir())) == (3 if shard < 1 else 2)


class Pairs(kscope.ScopedModel):
    """Two towers under attributes whose names are given."""

    def __init__(self, names, **kwargs):
        super().__init__(**kwargs)
        self.names = names
        for name, scope in zip(names, ("red", "blue"), strict=True):
            setattr(self, name, Tower(name=scope))

    def call(self, x):
        return getattr(self, self.names[0])(x) - getattr(self, self.names[1])(x)


@pytest.mark.parametrize("names", [("one", "two"), ("b", "a"), ("z", "a")])
@pytest.mark.matrix("Saving: renamed attributes")
def test_attributes_may_be_renamed(path, names):
    """Loading goes by scoped names, whatever the attributes are called, also if they change places."""
    model, twin = Pairs(("a", "b"), name="net"), Pairs(names, name="net")
    model(X), twin(X)
    assert moved(model, twin, path)


@pytest.mark.matrix("Saving: a layer added before")
def test_a_layer_before(path):
    """A layer that is put before the others does not push their weights on to the next."""

    def model(*names):
        store = kscope.VariableStore()
        return keras.Sequential([keras.Input((3,)), *[Tower(3, name=name, store=store) for name in names]])

    old, new = model("a", "b"), model("new", "a", "b")
    old.save_weights(path)
    with pytest.warns(UserWarning, match="new/fc/kernel"):
        new.load_weights(path, skip_mismatch=True)
    for name in ("a", "b"):
        for there, here in zip(old.get_layer(name).weights, new.get_layer(name).weights, strict=True):
            np.testing.assert_array_equal(keras.ops.convert_to_numpy(here), keras.ops.convert_to_numpy(there))
    with pytest.raises(ValueError, match="missing: new/fc/kernel"):
        new.load_weights(path)


def test_unnamed_layers_of_one_name(path):
    """Layers whose stores hold equal names are told apart by their places."""

    def model():
        return keras.Sequential([keras.Input((3,)), Tower(3), Tower(3)])

    assert moved(model(), model(), path)


@pytest.mark.matrix("Saving: .weights.h5")
def test_round_trip(path):
    """Weights go into a file and into another model."""
    assert moved(pair(), pair(), path)


class Autoencoder(kscope.ScopedModel):
    """Two codes, each of an encoder and a decoder that share; the decoder comes first in the file."""

    def __init__(self, names=("decoder", "encoder"), **kwargs):
        super().__init__(**kwargs)
        self.names = names
        self.stores = [kscope.VariableStore(), kscope.VariableStore()]
        for i, store in enumerate(self.stores):
            for name in reversed(names):
                layer = Tower(3, store=store, scope="code", reuse=kscope.AUTO_REUSE, name=f"{name}{i}")
                setattr(self, f"{name}{i}", layer)

    def call(self, x):
        for i in range(2):
            for name in self.names:
                x = getattr(self, f"{name}{i}")(x)
        return x


@pytest.mark.parametrize("names", [("decoder", "encoder"), ("encoder", "decoder")])
def test_equal_names_in_two_shared_stores(path, names):
    """A sharing layer takes its variables from its own store's entries, also if it comes first."""
    model, twin = Autoencoder(), Autoencoder(names)
    model(X), twin(X)
    assert moved(model, twin, path)


def test_ambiguous(path):
    """Names that stand in two stores of the file, neither of them at the layer's place, are no guess but an error."""
    model = keras.Sequential([keras.Input((3,)), Tower(3), Tower(3)])
    model.save_weights(path)

    class Other(Tower):
        pass

    other = keras.Sequential([keras.Input((3,)), Other(3, name="tower")])
    with pytest.raises(ValueError, match="cannot tell which of its entries in the file are its own"):
        other.load_weights(path)


def test_stores_may_be_merged_and_split(path):
    """A file of shared weights loads into layers that no longer share, each getting a copy."""
    model = pair()
    inputs = keras.Input((3,))
    apart = [Tower(name=name, scope="tower") for name in ("left", "right")]
    twin = keras.Model(inputs, apart[0](inputs) + 2.0 * apart[1](inputs) + Tower(name="alone")(inputs))
    assert moved(model, twin, path)
    assert len(twin.weights) == 6


def test_many_variables(path):
    """A layer of many small variables is packed, and loads by name all the same."""

    class Many(kscope.ScopedModel):
        def __init__(self, order):
            super().__init__(name="many")
            self.order = order

        def call(self, x):
            for i in self.order:
                dtype = ("float32", "float16", "bfloat16")[i % 3]
                x = x + keras.ops.cast(kscope.get_variable(f"v{i}", [3], dtype, "uniform"), "float32")
            return x

    model, twin = Many(range(200)), Many(range(199, -1, -1))
    model(X), twin(X)
    assert moved(model, twin, path)
    assert len(stored(path)) == 6


class Mixed(kscope.ScopedLayer):
    """A layer with a variable by name and one of Keras' making."""

    def build(self, input_shape):
        self.bias = self.add_weight(shape=(input_shape[-1],), initializer="uniform", name="bias")

    def call(self, x):
        return x * kscope.get_variable("scale", [3], initializer="uniform") + self.bias


@pytest.mark.matrix("Saving: variables of add_weight beside scoped ones")
def test_variables_of_keras_making(path):
    """What `add_weight` makes in a scoped layer is written under numbers, beside the names."""
    model, twin = (keras.Sequential([keras.Input((3,)), Mixed()]) for _ in range(2))
    assert moved(model, twin, path)
    assert stored(path) == ["0", "0|mixed|scale"]


@pytest.mark.matrix("Saving: files by Keras' keys")
def test_files_by_plain_keras_keys(path):
    """A file that the plain twin wrote, by numbers, still loads."""
    plain = keras.Sequential([keras.Input((3,)), PlainTower(name="tower")])
    plain.save_weights(path)
    scoped = keras.Sequential([keras.Input((3,)), Tower(name="tower")])
    # Keras takes the class's name for the place.
    with h5py.File(path, "r+") as file:
        file.move("layers/plain_tower", "layers/tower")
    scoped.load_weights(path)
    np.testing.assert_allclose(output(scoped), output(plain), atol=1e-6)


def edited(path, edit):
    """Change a weights file by hand."""
    with h5py.File(path, "r+") as file:
        edit(file["layers/tower/vars"])


def rename(entry):
    entry.move("0|tower|fc|kernel", "0|tower|fc|kernal")


def reshape(entry):
    del entry["0|tower|fc|kernel"]
    entry["0|tower|fc|kernel"] = np.zeros((5, 4), "float32")


def add(entry):
    entry["0|tower|fc|more"] = np.zeros(3)


def remove(entry):
    del entry["0|tower|fc|bias"]


@pytest.mark.parametrize(
    ("edit", "lines"),
    [
        (rename, ["missing: tower/fc/kernel (nearest in the file: tower/fc/kernal", "extra:   tower/fc/kernal"]),
        (reshape, ["mis-shaped: tower/fc/kernel ((3, 4) in the layer, (5, 4) in the file)"]),
        (add, ["extra: tower/fc/more"]),
        (remove, ["missing: tower/fc/bias"]),
    ],
)
@pytest.mark.matrix("Saving: what does not fit is named, nothing is loaded half")
def test_what_does_not_fit_is_named(path, edit, lines):
    """A missing, extra or mis-shaped entry is reported by name, and no layer of the model is loaded."""
    model, twin = (keras.Sequential([keras.Input((3,)), keras.layers.Dense(3), Tower(name="tower")]) for _ in range(2))
    model.save_weights(path)
    edited(path, edit)
    before = output(twin)
    with pytest.raises(ValueError, match="and the weights file differ") as caught:
        twin.load_weights(path)
    for line in lines:
        assert line in str(caught.value)
    np.testing.assert_array_equal(output(twin), before)


def test_many_that_do_not_fit(path):
    """A long list is cut."""

    class Many(kscope.ScopedModel):
        def __init__(self, prefix):
            super().__init__(name="many")
            self.prefix = prefix

        def call(self, x):
            return x + sum(kscope.get_variable(f"{self.prefix}{i}", [3]) for i in range(70))

    model, twin = Many("a"), Many("b")
    model(X), twin(X)
    model.save_weights(path)
    with pytest.raises(ValueError, match="70 entries do not fit") as caught:
        twin.load_weights(path)
    assert "and:     50 more" in str(caught.value)


def test_variables_that_nobody_asks_for(path):
    """A file with the variables of a layer that is gone is reported, and loads if it is to be skipped."""
    model = keras.Sequential([keras.Input((3,)), Tower(3, name="a"), Tower(3, name="b")])
    model.save_weights(path)
    smaller = keras.Sequential([keras.Input((3,)), Tower(3, name="a")])
    before = output(smaller)
    with pytest.raises(kscope.errors.WeightsMismatchError, match="extra: b/fc/bias, b/fc/kernel"):
        smaller.load_weights(path)
    np.testing.assert_array_equal(output(smaller), before)
    smaller.load_weights(path, skip_mismatch=True)
    assert not np.allclose(output(smaller), before)


def test_the_optimizer_is_put_back_too(path):
    """A loading that fails leaves the optimizer's variables as they were."""

    def trained(units):
        model = keras.Sequential([keras.Input((3,)), Tower(3, name="tower"), keras.layers.Dense(units)])
        model.compile("adam", "mse")
        model.fit(X, np.ones((4, units)), verbose=0)
        return model

    model, twin = trained(1), trained(2)
    model.save_weights(path)
    before = [keras.ops.convert_to_numpy(v).copy() for v in twin.optimizer.variables]
    with pytest.raises(ValueError, match="could not be loaded"):
        twin.load_weights(path)
    for variable, value in zip(twin.optimizer.variables, before, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(variable), value)


def test_into_a_plain_dict():
    """The two methods work on any mapping, as Keras' own do."""
    layer, twin = Stack(name="net"), Stack(name="net")
    layer(X), twin(X)
    entry = {}
    layer.first.save_own_variables(entry)
    assert sorted(entry) == ["0|net|body|tower|fc|bias", "0|net|body|tower|fc|kernel"]
    twin.first.load_own_variables(entry)
    for there, here in zip(layer.first.weights, twin.first.weights, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(here), keras.ops.convert_to_numpy(there))


def test_layer_without_variables(path):
    """A scoped layer without variables has nothing to save, and loads."""

    class Nothing(kscope.ScopedLayer):
        def call(self, x):
            return 2.0 * x

    model = keras.Sequential([keras.Input((3,)), Nothing(), Tower(name="tower")])
    assert moved(model, keras.Sequential([keras.Input((3,)), Nothing(), Tower(name="tower")]), path)


def test_a_file_for_a_plain_model(path):
    """A plain model without scoped layers loads and saves as Keras has it."""
    models = [keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]) for _ in range(2)]
    assert moved(*models, path)


def test_a_plain_dict_of_another_layer():
    """A mapping that has other variables is refused with what is missing."""
    layer = Tower(name="tower")
    layer(X)
    with pytest.raises(kscope.errors.WeightsMismatchError, match="missing: tower/fc/kernel"):
        layer.load_own_variables({"0|other|fc|kernel": np.zeros((3, 4))})


def forget(entry):
    del entry["0"]


def widen(entry):
    forget(entry)
    entry["0"] = np.zeros(5)


@pytest.mark.parametrize(
    ("edit", "line"),
    [(forget, "missing: .*bias"), (widen, r"mis-shaped: .*bias \(\(3,\) in the layer, \(5,\) in the file")],
)
def test_variables_of_keras_making_that_do_not_fit(path, edit, line):
    """What `add_weight` made is checked, too, and nothing is loaded if it does not fit."""
    model, twin = (keras.Sequential([keras.Input((3,)), Mixed()]) for _ in range(2))
    model.save_weights(path)
    with h5py.File(path, "r+") as file:
        edit(file["layers/mixed/vars"])
    before = output(twin)
    with pytest.raises(ValueError, match=line):
        twin.load_weights(path)
    np.testing.assert_array_equal(output(twin), before)
