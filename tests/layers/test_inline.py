"""Keras layers made inside `call()`: `kscope.layer` and `get_or_create_layer` (rows S14, S15, T5, T6)."""

from __future__ import annotations

import copy
import warnings

import keras
import numpy as np
import pytest
from keras import layers

import kscope
from kscope import errors, get_or_create_layer, get_variable, layer, variable_scope

X = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
Y = X.sum(axis=1, keepdims=True)


def numbers(tensor):
    """A tensor's values."""
    return keras.ops.convert_to_numpy(tensor)


def paths(owner):
    """The names of a layer's variables."""
    return [v.path for v in owner.variables]


@keras.saving.register_keras_serializable("test_inline")
class Net(kscope.ScopedLayer):
    """Stock layers of several kinds, named and nameless, with state and random numbers."""

    def call(self, x):
        x = layer(layers.Dense, 4, activation="tanh", name="fc")(x)
        x = layer(layers.BatchNormalization)(x)
        x = layer(layers.Dropout, 0.25)(x)
        for _ in range(2):
            x = layer(layers.Dense, 4)(x)
        return layer(layers.Dense, 1, name="top")(x)


@keras.saving.register_keras_serializable("test_inline")
class Attention(kscope.ScopedLayer):
    """Layers of layers, which make their parts when they are built."""

    def call(self, x):
        x = layer(layers.MultiHeadAttention, 2, 4, dropout=0.1, name="mha")(x, x)
        return get_or_create_layer("rnn", lambda: layers.Bidirectional(layers.LSTM(3)))(x)


NET = [
    *("net/fc/kernel", "net/fc/bias"),
    *("net/batch_normalization/gamma", "net/batch_normalization/beta"),
    *("net/dense/kernel", "net/dense/bias", "net/dense_1/kernel", "net/dense_1/bias", "net/top/kernel", "net/top/bias"),
    *("net/batch_normalization/moving_mean", "net/batch_normalization/moving_variance"),
    "net/dropout/seed_generator/state",
]


@pytest.mark.matrix("Layers: Keras layers made inline in call()")
def test_names():
    """Weights are variables of the store below the layer's name; nameless layers are numbered in each call (row T5)."""
    for _ in range(2):
        layers.Dense(1)
        net = Net()
        for _ in range(2):
            assert net(X).shape == (8, 1)
        assert sorted(paths(net)) == sorted(NET)
        assert sorted(net.store) == sorted(NET)
        assert all(net.store[v.path] is v for v in net.variables)
        assert [part.name for part in net._layers] == [
            *("fc", "batch_normalization", "dropout", "dense", "dense_1", "top")
        ]


def test_names_of_parts():
    """What is inside of a layer is named after its place there, whatever the process made before."""
    for _ in range(2):
        layers.LSTM(1)
        attention = Attention()
        attention(np.ones((2, 5, 4), "float32"))
        assert sorted(paths(attention)) == sorted(
            [
                *(f"attention/mha/{part}/{w}" for part in ("query", "key", "value") for w in ("kernel", "bias")),
                *(f"attention/mha/attention_output/{w}" for w in ("kernel", "bias")),
                "attention/mha/seed_generator/state",
                *(
                    f"attention/rnn/{way}_lstm/lstm_cell/{w}"
                    for way in ("forward", "backward")
                    for w in ("kernel", "recurrent_kernel", "bias")
                ),
                *(f"attention/rnn/seed_generator_{n}/state" for n in (1, 2)),
            ]
        )


@pytest.mark.parametrize(("cls", "shape"), [(Net, (8, 3)), (Attention, (8, 5, 4))])
def test_trained_saved_loaded(tmp_path, cls, shape):
    """A model with inline layers trains, and a loaded one gives the same numbers."""
    x = np.random.default_rng(1).normal(size=shape).astype("float32")
    model = keras.Sequential([keras.Input(shape[1:]), cls()])
    y = np.zeros(model.output_shape[1:]) + np.ones((8, 1))
    model.compile(keras.optimizers.Adam(0.05), "mse")
    losses = model.fit(x, y, epochs=15, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert paths(loaded) == paths(model)
    np.testing.assert_allclose(loaded.predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-5)
    twin = keras.models.clone_model(model)
    model.save_weights(tmp_path / "model.weights.h5")
    twin.load_weights(tmp_path / "model.weights.h5")
    assert all((numbers(v) == numbers(w)).all() for v, w in zip(twin.variables, model.variables, strict=True))
    assert not {id(v) for v in twin.variables} & {id(v) for v in model.variables}
    other = copy.deepcopy(model)
    np.testing.assert_allclose(other.predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-5)


def test_as_an_attribute():
    """Inline layers compute, and learn, what the same ones as attributes do."""

    class Plain(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.a, self.n, self.b = layers.Dense(4, "tanh"), layers.BatchNormalization(), layers.Dense(1)

        def call(self, x):
            return self.b(self.n(self.a(x)))

    class Inline(kscope.ScopedLayer):
        def call(self, x):
            x = layer(layers.Dense, 4, "tanh", name="a")(x)
            return layer(layers.Dense, 1, name="b")(layer(layers.BatchNormalization, name="n")(x))

    models = []
    for part in (Plain(), Inline()):
        keras.utils.set_random_seed(3)
        models.append(model := keras.Sequential([keras.Input((3,)), part]))
        model.compile(keras.optimizers.SGD(0.1), "mse")
    plain, inline = models
    weights = {v.path.partition("/")[2]: v for v in inline.variables}
    for name, v in (
        *((f"a/{v.name}", v) for v in plain.layers[0].a.variables),
        *((f"n/{v.name}", v) for v in plain.layers[0].n.variables),
        *((f"b/{v.name}", v) for v in plain.layers[0].b.variables),
    ):
        v.assign(numbers(weights[name]))
    for model in models:
        model.fit(X, Y, batch_size=4, epochs=3, verbose=0, shuffle=False)
    np.testing.assert_allclose(*(model.predict(X, verbose=0) for model in models), rtol=1e-4, atol=1e-6)


def test_what_is_returned_is_the_layer():
    """The layer itself is returned, to be called several times, also by other scoped layers."""

    class Twice(kscope.ScopedLayer):
        def call(self, x):
            fc = layer(layers.Dense, 3, name="fc")
            assert isinstance(fc, layers.Dense)
            return fc(fc(x))

    twice = Twice()
    twice(X)
    assert paths(twice) == ["twice/fc/kernel", "twice/fc/bias"]


def test_the_same_name_twice():
    """Getting a name twice in a call is an accident; `get_or_create_layer`, or a reuse mode, shares (row S14)."""

    class Twice(kscope.ScopedLayer):
        mode, get = None, staticmethod(lambda: layer(layers.Dense, 3, name="fc"))

        def call(self, x):
            with variable_scope("s", reuse=self.mode):
                return self.get()(self.get()(x))

    with pytest.raises(
        errors.LayerExistsError, match=r"Layer twice/s/fc already exists(.*\n)+.*this call got it before"
    ):
        Twice()(X)
    shared = Twice()
    shared.mode = kscope.AUTO_REUSE
    shared(X)
    created = Twice()
    created.get = lambda: get_or_create_layer("fc", lambda: layers.Dense(3))
    created(X)
    assert len(shared.weights) == len(created.weights) == 2


def test_sharing_between_layers():
    """Two scoped layers share an inline layer as they share variables: on purpose."""

    class Head(kscope.ScopedLayer):
        def call(self, x):
            return layer(layers.Dense, 2, name="fc")(x)

    store = kscope.VariableStore()
    first, second = Head(store=store, scope="a"), Head(store=store, scope="a", reuse=kscope.AUTO_REUSE)
    np.testing.assert_array_equal(numbers(first(X)), numbers(second(X)))
    assert first.weights == second.weights
    with pytest.raises(errors.LayerExistsError, match=r"Originally made at: .*test_inline.py"):
        Head(store=store, scope="a")(X)
    model = keras.Sequential([keras.Input((3,)), first])
    assert len(model.weights) == 2


@pytest.mark.parametrize(
    ("made", "asked", "match"),
    [
        ((layers.Dense, 4), (layers.Dense, 5), r"asked for: +fc, Dense\(5\)"),
        ((layers.Dense, 4, "relu"), (layers.Dense, 4, "tanh"), r"found: +fc, Dense\(4, 'relu'\)"),
        ((layers.Dense, 4), (layers.EinsumDense, "ab,bc->ac", 4), r"asked for: +fc, EinsumDense\('ab,bc->ac', 4\)"),
    ],
)
def test_another_layer_of_that_name(made, asked, match):
    """A layer is shared under the class and the plain arguments that made it."""
    with variable_scope("", reuse=kscope.AUTO_REUSE):
        first = layer(*made, name="fc", kernel_initializer=keras.initializers.HeNormal())
        assert layer(*made, name="fc", kernel_initializer=keras.initializers.HeNormal()) is first
        with pytest.raises(errors.LayerMismatchError, match=match):
            layer(*asked, name="fc")


def test_outside_of_layers():
    """Outside of scoped layers the store keeps the layer, by the rules of variables (row S15)."""
    with variable_scope("net"):
        first = layer(layers.Dense, 3)
        second = layer(layers.Dense, 3)
        assert (first.name, second.name) == ("dense", "dense_1")
        second(first(X))
        with pytest.raises(errors.LayerExistsError, match="Layer net/fc already exists"):
            [layer(layers.Dense, 3, name="fc") for _ in range(2)]
    with variable_scope("net", reuse=True):
        assert layer(layers.Dense, 3) is first
        assert layer(layers.Dense, 3) is second
        with pytest.raises(errors.VariableMissingError, match="Variable net/dense_2/kernel does not exist"):
            layer(layers.Dense, 3)(X)
    assert get_or_create_layer("m", lambda: layers.Dense(3)) is get_or_create_layer("m", lambda: layers.Dense(3))
    names = ["net/dense/kernel", "net/dense/bias", "net/dense_1/kernel", "net/dense_1/bias"]
    assert list(kscope.default_store()) == names
    with kscope.EagerVariableStore().as_default():
        assert layer(layers.Dense, 3, name="fc") is layer(layers.Dense, 3, name="fc")


def test_weights_that_are_there():
    """A reusing scope gives a new layer the variables that are there under its names (row T5)."""
    with variable_scope("fc"):
        kernel, bias = get_variable("kernel", [3, 2]), get_variable("bias", [2])
    with variable_scope("", reuse=True):
        fc = layer(layers.Dense, 2, name="fc")
        fc(X)
    assert fc.weights == [kernel, bias]
    with pytest.raises(errors.VariableExistsError, match="Variable net/kernel already exists"):
        get_variable("net/kernel", [3, 2]), layer(layers.Dense, 2, name="net")(X)


def test_defaults_of_the_scope():
    """The scope's getter, regularizer and constraint reach the weights (row T6), and so do its creators."""
    seen = []

    def getter(getter, name, *args, **kwargs):
        seen.append(name)
        return getter(name, *args, **kwargs)

    with variable_scope("t", regularizer="l2", constraint="non_neg", custom_getter=getter):
        fc = layer(layers.Dense, 2, name="z", bias_regularizer="l1")
        fc(X)
    assert seen == ["t/z/kernel", "t/z/bias"]
    assert [type(v.regularizer).__name__ for v in fc.weights] == ["L2", "L1"]
    assert len(fc.losses) == 2
    assert isinstance(fc.kernel.constraint, keras.constraints.NonNeg)


def test_a_partitioner():
    """Under a partitioner the layer's weights are partitioned, tracked as their slices, and trained."""

    @kscope.scoped
    def net(x):
        with variable_scope("s", partitioner=kscope.partitioners.fixed_size_partitioner(2)):
            return layer(layers.Dense, 4, name="fc")(x)

    expected = ["net/s/fc/kernel/part_0", "net/s/fc/kernel/part_1", "net/s/fc/bias/part_0", "net/s/fc/bias/part_1"]
    model = keras.Sequential([keras.Input((3,)), net])
    assert paths(net) == paths(net._layers[0]) == expected
    before = [numbers(v).copy() for v in net.weights]
    model.compile("sgd", "mse")
    model.fit(X, np.ones((8, 4)), verbose=0)
    assert all((numbers(v) != w).any() for v, w in zip(net.weights, before, strict=True))


def test_a_getter_that_computes():
    """A getter that returns no variable cannot serve a layer that asks once."""
    with (
        variable_scope("t", custom_getter=kscope.getters.stop_gradient),
        pytest.raises(
            errors.UnsupportedError, match=r"t/fc/kernel cannot be the weight of a Keras layer(.*\n)+.*Dense"
        ),
    ):
        layer(layers.Dense, 2, name="fc")(X)
    assert list(kscope.default_store()) == []
    assert kscope.default_store().layers == {}


def test_a_getter_that_shares():
    """Two weights of a layer that a getter makes one are tracked once; one of nobody's store is tracked, too."""
    own = keras.Variable(np.ones((3, 2), "float32"))

    def one(getter, name, *args, **kwargs):
        return getter(name.replace("/v", "/u"), *args, **{**kwargs, "reuse": kscope.AUTO_REUSE})

    with variable_scope("shared", custom_getter=one):
        twice = layer(Twice, name="twice")
    with variable_scope("foreign", custom_getter=lambda getter, *args, **kwargs: own):
        foreign = layer(Twice, name="twice")
    for each, weight in ((twice, "shared/twice/u"), (foreign, own.path)):
        each(X)
        assert [v.path for v in each.weights] == [weight]
    assert list(kscope.default_store()) == ["shared/twice/u"]


class Twice(layers.Layer):
    """A layer of two weights of one shape."""

    def build(self, shape):
        self.u, self.v = (self.add_weight(name=name, shape=(shape[-1], 2)) for name in "uv")

    def call(self, x):
        return x @ self.u + x @ self.v


def test_a_shared_weight_stays():
    """What was there before a layer failed to be built is there after it."""
    with variable_scope("fc"):
        kernel = get_variable("kernel", [3, 2])

    def failing(shape, dtype=None):
        raise RuntimeError("no bias")

    with variable_scope("", reuse=kscope.AUTO_REUSE):
        fc = layer(layers.Dense, 2, bias_initializer=failing, name="fc")
        with pytest.raises(RuntimeError, match="no bias"):
            fc(X)
    assert kscope.default_store()["fc/kernel"] is kernel
    assert list(kscope.default_store()) == ["fc/kernel"]


def test_a_scoped_layer_with_a_store_of_its_own():
    """A scoped layer that was given a store keeps to it, wherever it is kept."""
    store = kscope.VariableStore()

    class Inner(kscope.ScopedLayer):
        def call(self, x):
            return x * get_variable("v", [3])

    with variable_scope("net"):
        get_or_create_layer("inner", lambda: Inner(store=store))(X)
    assert list(store) == ["inner/v"]
    assert list(kscope.default_store()) == []


def test_late_layers_of_a_frozen_layer():
    """A layer that is not trained takes a late one on as it is itself."""

    class Late(kscope.ScopedLayer):
        deep = False

        def call(self, x):
            return layer(layers.Dense, 3, name="b")(x) if self.deep else x

    late = Late(late="allow")
    late(X)
    late.trainable, late.deep = False, True
    late(X)
    assert late.trainable_weights == []
    assert len(late.non_trainable_weights) == 2


def test_late_layers():
    """A built layer refuses a name that its discovery did not meet, unless it may grow."""

    class Late(kscope.ScopedLayer):
        deep = False

        def call(self, x):
            x = layer(layers.Dense, 3, name="a")(x)
            return layer(layers.Dense, 3, name="b")(x) if self.deep else x

    fixed, growing = Late(), Late(late="allow", name="growing")
    for each in (fixed, growing):
        each(X)
        each.deep = True
    with pytest.raises(errors.LateVariableError, match=r"Layer late/b does not exist: layer 'late' is built"):
        fixed(X)
    growing(X)
    growing.trainable = False
    assert [v.path for v in growing.weights] == [f"growing/{part}/{w}" for part in "ab" for w in ("kernel", "bias")]
    assert [part.name for part in growing._layers] == ["a", "b"]
    assert growing.trainable_weights == []


@pytest.mark.jax
def test_late_layers_in_a_compiled_step():
    """A step that JAX compiles cannot take a layer on."""
    import jax

    class Late(kscope.ScopedLayer):
        deep = False

        def call(self, x):
            return layer(layers.Dense, 3, name="b")(x) if self.deep else x

    late = Late(late="allow")
    late(X)
    late.deep = True
    with pytest.raises(errors.LateVariableError, match="a step that JAX compiles cannot take on a new one"):
        jax.jit(late)(X)


def test_a_call_that_raises():
    """A first call that raises takes its layers back, and their weights."""

    class Failing(kscope.ScopedLayer):
        fails = True

        def call(self, x):
            x = layer(layers.Dense, 3, name="a")(x)
            kscope.get_or_create_layer("b", lambda: layers.Dropout(0.5))(x)
            if self.fails:
                raise RuntimeError("no")
            return x

    store = kscope.VariableStore()
    failing = Failing(store=store)
    with pytest.raises(RuntimeError, match="no"):
        failing(X)
    assert list(store) == []
    assert store.layers == {}
    assert failing._layers == []
    failing.fails = False
    failing(X)
    assert len(store) == 3


def test_an_outer_call_that_raises():
    """What an inner layer made goes with the outer call that raised, and takes its place again."""

    class Inner(kscope.ScopedLayer):
        def call(self, x):
            return layer(layers.Dense, 3, name="a")(x)

    class Outer(kscope.ScopedLayer):
        fails = True

        def __init__(self):
            super().__init__()
            self.inner = Inner()

        def call(self, x):
            x = self.inner(x)
            if self.fails:
                raise RuntimeError("no")
            return x

    outer = Outer()
    with pytest.raises(RuntimeError, match="no"):
        outer(X)
    assert list(outer.store) == []
    outer.fails = False
    outer(X)
    assert list(outer.store) == paths(outer) == ["outer/inner/a/kernel", "outer/inner/a/bias"]
    assert list(outer.store.layers) == ["outer/inner/a"]


def test_a_model_in_a_scope():
    """A functional model, made once, is kept as a layer is; so is a scoped layer."""

    class Inner(kscope.ScopedLayer):
        def call(self, x):
            return x * get_variable("v", [2])

    def create():
        inputs = keras.Input((3,))
        return keras.Model(inputs, Inner(name="inner")(layers.Dense(2)(layers.Dense(4)(inputs))))

    class Outer(kscope.ScopedLayer):
        def call(self, x):
            return get_or_create_layer("backbone", create)(x)

    outer = Outer()
    outer(X)
    outer(X)
    assert sorted(paths(outer)) == sorted(
        [
            *(f"outer/backbone/{name}/{w}" for name in ("dense", "dense_1") for w in ("kernel", "bias")),
            "outer/backbone/inner/v",
        ]
    )


def test_scoped_layers_in_scopes_are_saved(tmp_path):
    """What a scoped layer, which is made inline, keeps is saved with the layer that made it."""

    @keras.saving.register_keras_serializable("test_inline")
    class Leaf(kscope.ScopedLayer):
        def call(self, x):
            return layer(layers.Dense, 2, name="fc")(x) * get_variable("v", [2])

    @keras.saving.register_keras_serializable("test_inline")
    class Root(kscope.ScopedLayer):
        def call(self, x):
            return layer(Leaf, name="leaf")(x)

    model = keras.Sequential([keras.Input((3,)), Root()])
    assert sorted(paths(model)) == ["root/leaf/fc/bias", "root/leaf/fc/kernel", "root/leaf/v"]
    model.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(loaded.predict(X, verbose=0), model.predict(X, verbose=0), rtol=1e-5)


def test_layers_without_a_build():
    """What is built by a layer's call, not by its `build`, is named after it as well."""

    class Block(layers.Layer):
        def __init__(self, units, name=None):
            super().__init__(name=name)
            self.fc, self.drop = layers.Dense(units), layers.Dropout(0.5)

        def call(self, x):
            return self.drop(self.fc(x))

    @kscope.scoped
    def net(x):
        return layer(Block, 2)(x)

    net(X)
    assert sorted(paths(net)) == ["net/block/dense/bias", "net/block/dense/kernel", "net/block/seed_generator/state"]
    with variable_scope("s"):
        layer(Block, 2)(X)
    assert "s/block/dense/kernel" in kscope.default_store()


class Weighty(layers.Layer):
    """A layer of one's own, with weights of all kinds, and no `name`."""

    def __init__(self):
        super().__init__()

    def build(self, shape):
        """Make them."""
        self.weight = self.add_weight((shape[-1],), "ones")
        self.again = [self.add_weight(shape=(), name="w", initializer=keras.initializers.Zeros()) for _ in range(2)]
        self.count = self.add_weight(dtype="int32", name="count")
        self.mean = self.add_weight(shape=(2,), trainable=False, autocast=False, name="mean")

    def call(self, x):
        """Use some."""
        return x * self.weight


def test_all_kinds_of_weights():
    """`add_weight` in all its ways: by position, nameless, twice, of integers, kept in their own dtype."""
    weighty = layer(Weighty, name="w")
    weighty(X)
    assert {v.path: (tuple(v.shape), v.dtype, v.trainable) for v in weighty.variables} == {
        "w/variable": ((3,), "float32", True),
        "w/w": ((), "float32", True),
        "w/w_1": ((), "float32", True),
        "w/count": ((), "int32", False),
        "w/mean": ((2,), "float32", False),
    }
    np.testing.assert_array_equal(numbers(weighty.weight), [1, 1, 1])
    with variable_scope("init", initializer="ones"):
        mean = layer(Weighty)
        mean.build((None, 1))
        np.testing.assert_array_equal(numbers(mean.mean), [1, 1])


def test_mixed_precision():
    """Weights keep their dtype, and are read in the layer's."""
    net = layer(layers.BatchNormalization, dtype="mixed_float16", name="n")
    assert keras.backend.standardize_dtype(net(X, training=True).dtype) == "float16"
    assert {v.dtype for v in net.variables} == {"float32"}


def test_what_cannot_be_kept():
    """Files and variables of a layer's own, which saving by name would lose, are refused; so is what is no layer."""

    class Vocabulary(layers.Layer):
        def save_assets(self, path):
            """Write a file."""

    class Own(layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.v = keras.Variable([1.0])

    for make, match in (
        (Vocabulary, "Vocabulary saves files of its own"),
        (Own, r"a variable other than by add_weight\(\)"),
    ):
        with pytest.raises(errors.UnsupportedError, match=match):
            layer(make, name="kept")
    with pytest.raises(errors.LayerError, match="did not return a Keras layer"):
        layer(dict)
    for call in (lambda: layer(3), lambda: get_or_create_layer("m", 3)):
        with pytest.raises(errors.OptionTypeError, match="needs a "):
            call()
    with pytest.raises(errors.ScopeTypeError, match="name_or_scope is required"):
        get_or_create_layer(None, lambda: layers.Dense(3))
    assert kscope.default_store().layers == {}
    assert list(kscope.default_store()) == []


def test_signatures():
    """Anything that makes a layer will do, also where Python cannot tell its arguments."""
    assert layer(lambda: layers.Dense(3), name="fc").units == 3
    assert layer(type("Odd", (layers.Dense,), {"__signature__": 3}), 3, name="odd").name == "odd"


def test_quantization_is_refused():
    """A kept layer says that its weights stay as they are."""
    model = keras.Sequential([keras.Input((3,)), Net()])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.quantize("int8")
    said = "\n".join(str(warning.message) for warning in caught)
    assert "'net/fc' cannot be quantized to int8" in said
    assert "'net' keeps its own variables as they are" in said
    assert sorted(paths(model)) == sorted(NET)


def test_transformed():
    """A transformed function has the weights of its inline layers among its values."""
    net = kscope.transform(lambda x: layer(layers.Dense, 2, name="fc")(x))
    values = net.init(X)
    assert sorted(values) == ["fc/bias", "fc/kernel"]
    doubled = {name: 2 * keras.ops.convert_to_tensor(value) for name, value in values.items()}
    np.testing.assert_allclose(numbers(net.apply(doubled, X)), 2 * numbers(net.apply(values, X)), rtol=1e-5)


def test_frozen():
    """A layer that does not train takes its inline layers with it."""
    net = Net(trainable=False)
    net(X)
    assert net.trainable_weights == []
    assert not any(part.trainable for part in net._layers)


def test_stores():
    """Clearing a store forgets its layers."""
    store = kscope.VariableStore()
    with store.as_default():
        first = layer(layers.Dense, 3, name="fc")
        store.clear()
        assert layer(layers.Dense, 3, name="fc") is not first


def test_built_where_another_store_is_open():
    """The weights go where the layer was made, wherever it is called."""
    with kscope.VariableStore().as_default() as store, variable_scope("s"):
        fc = layer(layers.Dense, 3, name="fc")
    with kscope.VariableStore().as_default() as other, variable_scope("t"):
        fc(X)
    assert list(store) == ["s/fc/kernel", "s/fc/bias"]
    assert list(other) == []
