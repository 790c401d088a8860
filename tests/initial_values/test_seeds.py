"""Seeds: whose they are, what follows from one, and what does not matter."""

from __future__ import annotations

import copy
import subprocess
import sys
import threading
from pathlib import Path

import keras
import numpy as np
import pytest
from draws import drawn, numbers

import kscope
from kscope import VariableStore, errors, get_variable, layer, variable_scope
from kscope.partitioners import fixed_size_partitioner

NAMES = ("a/kernel", "a/gate", "b/kernel")


@pytest.fixture(autouse=True)
def no_seed_is_left():
    """A test that sets the seed of the process takes it back."""
    yield
    kscope.set_seed(None)


class Net(kscope.ScopedLayer):
    """A variable and a Keras layer with random state."""

    def call(self, x):
        x = x @ get_variable("kernel", [x.shape[-1], 4])
        return layer(keras.layers.Dropout, 0.5)(layer(keras.layers.Dense, 3, name="fc")(x))


def values(store):
    """All numbers of a store by name."""
    return {name: numbers(store[name]).tolist() for name in store}


def filled(store, names=NAMES):
    """What a store has after these names were asked for."""
    for name in names:
        store.get_variable(name, [4, 3])
    return values(store)


def built(**options):
    """What a new layer's variables are."""
    net = Net(name="net", **options)
    net.build((None, 5))
    return {v.path: numbers(v).tolist() for v in net.variables}


def test_the_same_seed_and_name():
    """Two stores of one seed have the same values under the same names, and other values under others."""
    first, second = filled(VariableStore(seed=42)), filled(VariableStore(seed=42))
    assert first == second
    assert len({str(value) for value in first.values()}) == len(NAMES)


@pytest.mark.parametrize("seed", [0, 43, -42, 2**200])
def test_another_seed(seed):
    """Any int is a seed, and gives other values than another one."""
    assert (drawn(seed=seed) != drawn(seed=42)).all()
    assert (drawn(seed=seed) == drawn(seed=seed)).all()


@pytest.mark.parametrize("seed", [1.0, "1", b"1"])
def test_what_is_no_seed(seed):
    """A seed that is no int is refused wherever it is given."""
    store = VariableStore()
    for give in (kscope.set_seed, lambda seed: VariableStore(seed=seed), lambda seed: setattr(store, "seed", seed)):
        with pytest.raises(errors.OptionTypeError, match="The seed must be an int or None. Received: seed="):
            give(seed)
    assert store.seed is None


def test_whose_seed():
    """A store's own seed goes before that of the process, which reaches stores that were made before it."""
    own, other = VariableStore(seed=np.int64(1)), VariableStore()
    assert (own.seed, other.seed) == (1, None)
    kscope.set_seed(2)
    assert (own.seed, other.seed, VariableStore().seed, kscope.default_store().seed) == (1, 2, 2, 2)
    own.seed, other.seed = None, 3
    assert (own.seed, other.seed) == (2, 3)
    kscope.set_seed(None)
    assert (own.seed, other.seed) == (None, 3)


def test_without_a_seed_keras_draws():
    """Without a seed Keras' own initializers draw, and `keras.utils.set_random_seed` decides on the numbers."""
    keras.utils.set_random_seed(7)
    got = numbers(get_variable("v", [3, 3]))
    keras.utils.set_random_seed(7)
    np.testing.assert_array_equal(got, numbers(keras.initializers.GlorotUniform()([3, 3])))


def test_with_a_seed_keras_does_not_matter():
    """Keras' random state has no part in seeded values."""
    keras.utils.set_random_seed(7)
    first = drawn()
    keras.utils.set_random_seed(8)
    np.testing.assert_array_equal(first, drawn())


def test_order_does_not_matter():
    """The order of making, and other variables, have no part in a value."""
    first = filled(VariableStore(seed=1))
    assert filled(VariableStore(seed=1), NAMES[::-1]) == first
    assert filled(VariableStore(seed=1), NAMES[1:2]) == {NAMES[1]: first[NAMES[1]]}


def test_how_a_name_is_put_together_does_not_matter():
    """A scoped name is what counts, however many scopes it was put together of."""
    with VariableStore(seed=42).as_default(), variable_scope("a"):
        np.testing.assert_array_equal(numbers(get_variable("v", [3, 5])), drawn(name="a/v"))


def test_threads_do_not_matter():
    """Threads that make the same names in stores of their own, or in one store, get the same values."""
    expected = filled(VariableStore(seed=1))
    shared = VariableStore(seed=1)
    stores = [VariableStore(seed=1) for _ in range(4)] + [shared] * 4
    orders = [NAMES, NAMES[::-1]] * 4
    threads = [threading.Thread(target=filled, args=each) for each in zip(stores, orders, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(values(store) == expected for store in stores)


def test_an_initializer_of_a_scope_draws_for_each_name():
    """One object that several variables inherit draws other numbers for each."""
    normal = keras.initializers.RandomNormal()
    with VariableStore(seed=1).as_default(), variable_scope("a", initializer=normal):
        v, w = get_variable("v", [4]), get_variable("w", [4])
    assert (numbers(v) != numbers(w)).all()


def test_rolled_back_and_made_again():
    """A variable that was taken back with a failed call has the same values when it is made again."""
    fails, store = [True], VariableStore(seed=1)

    def call(x):
        x = x + get_variable("v", [3])
        if fails:
            raise ValueError("not yet")
        return x

    net = kscope.scoped(call, name="net", store=store)
    with pytest.raises(ValueError, match="not yet"):
        net.build((None, 3))
    assert values(store) == {}
    fails.clear()
    net.build((None, 3))
    np.testing.assert_array_equal(numbers(store["net/v"]), drawn(shape=[3], name="net/v", seed=1))


def test_late_variables():
    """A variable that a built layer makes late has the values that it would have had early."""

    class Growing(kscope.ScopedLayer):
        def call(self, x, wide=False):
            return x + get_variable("wide" if wide else "narrow", [3])

    store, early = VariableStore(seed=1), VariableStore(seed=1)
    late = Growing(name="g", store=store, late="allow")
    late(np.zeros((1, 3), "float32"))
    late(np.zeros((1, 3), "float32"), wide=True)
    assert values(store) == filled_as(early, store)


def filled_as(store, like):
    """What a store has after the names of another were asked for, in the order of the alphabet."""
    for name in sorted(like):
        store.get_variable(name, tuple(like[name].shape))
    return {name: values(store)[name] for name in like}


@pytest.mark.matrix("Initial values: the same for layers and their random state")
def test_layers_with_stores_of_their_own():
    """The seed of the process reaches the private stores of layers, the weights of kept layers and their state."""
    kscope.set_seed(1)
    first = built()
    assert first == built() == built(store=VariableStore(seed=1))
    kscope.set_seed(2)
    second = built()
    assert sorted(first) == sorted(second)
    same = {name for name in first if first[name] == second[name]}
    assert same == {"net/fc/bias"}


def test_state_of_random_numbers():
    """A dropout's state begins with a number of its name, and one that was given a seed begins with that."""

    class Dropping(kscope.ScopedLayer):
        def call(self, x):
            for options in ({}, {}, {"seed": 5}):
                x = layer(keras.layers.Dropout, 0.5, **options)(x)
            return x

    def states():
        net = Dropping(name="net", store=VariableStore(seed=1))
        net(np.ones((2, 3), "float32"))
        return [numbers(v).tolist() for v in net.variables]

    assert states() == [[507340170, 0], [343287369, 0], [5, 0]]


def test_clones_and_copies_of_stores():
    """A cloned store keeps the seed, so that what is made later has the values it would have had in the first."""
    store = VariableStore(seed=1)
    filled(store)
    twins = [store.clone(), copy.deepcopy(store), kscope.EagerVariableStore(seed=1).copy()]
    for twin in [store, *twins]:
        twin.get_variable("later", [3])
    assert len({str(twin_values["later"]) for twin_values in map(values, [store, *twins])}) == 1
    assert VariableStore().clone().own_seed is None


def test_layers_from_a_config():
    """A config carries the seed of a store that was given, and a rebuilt layer draws what the first one drew."""
    net = Net(name="net", store=VariableStore(seed=1))
    net.build((None, 5))
    config = net.get_config()
    assert config["store"]["seed"] == 1
    twin = Net.from_config(config)
    twin.build((None, 5))
    assert twin.store is not net.store
    assert values(twin.store) == values(net.store)
    assert "seed" not in Net(store=VariableStore()).get_config()["store"]


def test_transform():
    """`init` is a function of the seed, and draws anew for another one."""
    f = kscope.transform(lambda x: x * get_variable("v", [3]))
    x = np.ones(3, "float32")
    f.store.seed = 1
    first, again = numbers(f.init(x)["v"]), numbers(f.init(x)["v"])
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(first, drawn(shape=[3], name="v", seed=1))
    f.store.seed = 2
    np.testing.assert_array_equal(numbers(f.init(x)["v"]), drawn(shape=[3], name="v", seed=2))
    f.store.seed = None
    assert (numbers(f.init(x)["v"]) != numbers(f.init(x)["v"])).any()


INITIALIZERS = {
    "default": None,
    "normal": keras.initializers.RandomNormal(),
    "given": keras.initializers.HeNormal(seed=3),
    "orthogonal": keras.initializers.Orthogonal(),
    "ours": kscope.initializers.variance_scaling_initializer(),
    "orthogonal of ours": kscope.initializers.orthogonal_initializer(),
    "for itself": kscope.initializers.xavier_initializer(),
    "function": kscope.initializers.seeded(lambda rng, shape, dtype: rng.random(shape)),
}


@pytest.mark.matrix("Initial values: the same in slices")
@pytest.mark.parametrize("initializer", INITIALIZERS.values(), ids=INITIALIZERS)
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("seed", [1, 2])
def test_slices(initializer, axis, seed):
    """A variable in slices has the values of the whole one (row M7)."""
    store = VariableStore(seed=seed)
    whole = store.get_variable("a/v", (7, 11), initializer=initializer, partitioner=fixed_size_partitioner(3, axis))
    assert len(whole) == 3
    np.testing.assert_array_equal(numbers(whole.value), drawn(initializer, (7, 11), seed=seed))


def test_slices_without_a_seed_draw_for_themselves():
    """Without a seed, slices of one initializer have numbers of their own, whether or not it knows where they stand."""
    for initializer in ("glorot_uniform", kscope.initializers.random_normal_initializer()):
        first, second = VariableStore().get_variable(
            "v", (4, 3), initializer=initializer, partitioner=fixed_size_partitioner(2)
        )
        assert (numbers(first) != numbers(second)).any()


def test_a_creator_gets_what_draws():
    """A creator may call the initial value, which then is an array (row L3)."""

    def halving(next_creator, **kwargs):
        value = kwargs["initial_value"](kwargs["shape"], kwargs["dtype"])
        return next_creator(**{**kwargs, "initial_value": value / 2})

    with VariableStore(seed=42).as_default(), kscope.variable_creator_scope(halving):
        v = get_variable("a/v", [3, 5])
    np.testing.assert_array_equal(numbers(v), drawn() / 2)


@pytest.mark.jax
def test_jax_compiles_nothing(caplog):
    """On JAX a seeded variable needs no program for its shape, where Keras' initializers need several."""
    import jax

    def compiles(seed, shape):
        caplog.clear()
        with jax.log_compiles():
            drawn(shape=shape, seed=seed)
        return "Compiling" in caplog.text

    assert compiles(None, (3, 41))
    assert not compiles(1, (3, 43))


LAYOUTS = """
import os
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=4"
import keras, kscope
mesh = keras.distribution.DeviceMesh((4,), ["model"], keras.distribution.list_devices())
layouts = keras.distribution.LayoutMap(mesh)
layouts["a/v"] = ("model", None)
with keras.distribution.ModelParallel(layout_map=layouts, batch_dim_name="model").scope():
    v = kscope.VariableStore(seed=42).get_variable("a/v", [8, 5])
print([tuple(shard.data.shape) for shard in v.value.addressable_shards], keras.ops.convert_to_numpy(v).tolist())
"""


@pytest.mark.jax
def test_layouts(monkeypatch):
    """On JAX each device gets its part of a sharded variable, and the values are those of one device."""
    monkeypatch.setenv("PYTHONPATH", str(Path(kscope.__file__).parents[1]))
    run = subprocess.run([sys.executable, "-c", LAYOUTS], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == f"{[(2, 5)] * 4} {drawn(shape=(8, 5)).tolist()}"
