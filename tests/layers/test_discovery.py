"""Building by discovery: whatever a call takes, its variables are made before it runs."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from samples import Stack, Tower, paths

import kscope
from kscope import errors

X = np.ones((2, 3), "float32")


def weight(name="w", shape=(), **kwargs):
    """A variable of the current scope."""
    return kscope.get_variable(name, shape, initializer="ones", **kwargs)


def test_by_a_call():
    """The first call builds the layer, with real tensors or symbolic ones."""
    for x in (X, keras.ops.convert_to_tensor(X), keras.KerasTensor((None, 3))):
        layer = Tower()
        assert layer(x).shape[-1] == 4
        assert [tuple(v.shape) for v in layer.weights] == [(3, 4), (4,)]


@pytest.mark.parametrize("shape", [(None, 3), [2, 3]])
def test_by_a_shape(shape):
    """`build()` by hand takes the shape of the first argument."""
    layer = Tower()
    layer.build(shape)
    assert layer.built
    assert [tuple(v.shape) for v in layer.weights] == [(3, 4), (4,)]


class Pair(kscope.ScopedLayer):
    """Takes two arguments, one of them nested."""

    def call(self, left, right=None):
        a, b = (right["a"], right["b"]) if right is not None else (left, left)
        return left * weight("left", [left.shape[-1]]) + (a + b) * weight("right", [a.shape[-1]])


def test_several_and_nested_inputs():
    """Inputs may be several, and nested."""
    layer = Pair()
    layer(X, {"a": X, "b": X})
    assert paths(layer) == ["pair/left", "pair/right"]
    assert layer(X, right={"a": X, "b": X}).shape == (2, 3)


def test_several_and_nested_shapes():
    """`build()` by hand takes shapes by position or by name, nested as the inputs are."""
    nested = {"a": (None, 3), "b": (None, 3)}
    for arguments, named in [(((None, 3), nested), {}), ((), {"left_shape": (None, 3), "right_shape": nested})]:
        layer = Pair()
        layer.build(*arguments, **named)
        assert paths(layer) == ["pair/left", "pair/right"]


def test_build_by_the_name_keras_uses():
    """`input_shape=` is the shape of the first argument, whatever that is called."""
    layer = Tower()
    layer.build(input_shape=(None, 3))
    assert layer.built


def test_build_without_shapes():
    """A layer cannot be built without the shape of an input."""
    with pytest.raises(errors.LayerError, match="'tower' cannot be built without the shape of an input"):
        Tower(name="tower").build()


def test_build_twice():
    """Building a built layer does nothing."""
    layer = Tower()
    layer.build((None, 3))
    before = layer.weights
    layer.build((None, 3))
    assert all(v is w for v, w in zip(before, layer.weights, strict=True))


def test_list_of_inputs():
    """A list of tensors is one argument."""

    class Add(kscope.ScopedLayer):
        def call(self, inputs):
            return sum(x * weight(f"w{i}", [x.shape[-1]]) for i, x in enumerate(inputs))

    layer = Add()
    assert layer([X, X, X]).shape == (2, 3)
    assert paths(layer) == ["add/w0", "add/w1", "add/w2"]


def test_keyword_arguments_that_are_no_tensors():
    """Arguments that are no tensors reach the discovery as they are."""

    class Choose(kscope.ScopedLayer):
        def call(self, x, units=2, names=("a",), *, flag=None):
            for name in names:
                x = x * weight(name)
            return x @ weight("kernel", [x.shape[-1], units]) if flag is None else x

    layer = Choose()
    assert layer(X, units=5, names=("p", "q")).shape == (2, 5)
    assert paths(layer) == ["choose/p", "choose/q", "choose/kernel"]


def test_integers_and_numpy_doubles():
    """Integers stay integers in discovery, and NumPy's doubles become the layer's floats, as in the call."""
    seen = []

    class Look(kscope.ScopedLayer):
        def call(self, words, scores):
            seen.append((str(keras.backend.standardize_dtype(words.dtype)), scores.dtype))
            return keras.ops.take(weight("table", [9, 2]), words, axis=0) * scores

    Look()(np.array([[1, 2]], "int64"), np.ones((1, 2, 1), "float64"))
    assert len({(words, str(scores)) for words, scores in seen}) <= 2
    assert all(words.startswith("int") for words, _ in seen)


def test_masks_reach_the_discovery():
    """A mask that Keras hands to the call is handed to its discovery."""

    class Masked(kscope.ScopedLayer):
        def __init__(self):
            super().__init__()
            self.supports_masking = True

        def call(self, x, mask=None):
            if mask is not None:
                x = x * weight("masked") * keras.ops.cast(mask, x.dtype)[..., None]
            return x * weight("always")

    layer = Masked()
    words = keras.Input((4,), dtype="int32")
    keras.Model(words, layer(keras.layers.Embedding(5, 3, mask_zero=True)(words)))
    assert paths(layer) == ["masked/masked", "masked/always"]
    eager = Masked()
    eager(keras.layers.Embedding(5, 3, mask_zero=True)(np.array([[1, 0]])))
    assert paths(eager) == ["masked/masked", "masked/always"]


def test_mixed_precision():
    """Variables are float32, and are read in the compute dtype, in discovery as in the call."""
    seen = []

    class Half(kscope.ScopedLayer):
        def call(self, x):
            w = weight("w", [3])
            seen.append((str(keras.backend.standardize_dtype(x.dtype)), str(w.dtype)))
            return x * w

    layer = Half(dtype="mixed_bfloat16")
    layer(X)
    assert set(seen) == {("bfloat16", "bfloat16")}
    assert layer.weights[0].dtype == "float32"


def test_the_layers_dtype_is_the_default():
    """A variable without a dtype has the layer's variable dtype; a scope's goes before it (rows J1, S10)."""

    class Typed(kscope.ScopedLayer):
        def call(self, x):
            assert kscope.get_variable_scope().dtype == "float16"
            with kscope.variable_scope("other", dtype="bfloat16"):
                weight("b")
            return x * weight("a")

    layer = Typed(dtype="float16")
    layer(X)
    assert {v.path: v.dtype for v in layer.weights} == {"typed/other/b": "bfloat16", "typed/a": "float16"}


def test_a_variable_without_a_shape():
    """What is missing is said in TF1's words for graphs, in a layer too (row S10)."""

    class Shapeless(kscope.ScopedLayer):
        def call(self, x):
            return x * kscope.get_variable("k")

    with pytest.raises(errors.InitializerError, match="Variable shapeless/k did not get an initializer, so"):
        Shapeless()(X)


def test_sublayers_are_built_in_the_discovery():
    """Keras' own layers inside a scoped one are built with it."""

    class Mixed(kscope.ScopedLayer):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(5)

        def call(self, x):
            return self.dense(x) * weight("scale")

    layer = Mixed()
    layer.build((None, 3))
    assert layer.dense.built
    assert len(layer.weights) == 3


def test_a_subclass_with_build():
    """What a subclass makes in `build()` is there for `call()`, whether or not it calls `super().build()`."""

    class Own(kscope.ScopedLayer):
        def build(self, input_shape):
            self.offset = self.add_weight(shape=(input_shape[-1],), name="offset")

        def call(self, x):
            return x * weight() + self.offset

    class Polite(Own):
        def build(self, input_shape):
            super().build(input_shape)
            self.more = self.add_weight(shape=(), name="more")

        def call(self, x):
            return super().call(x) * self.more

    for layer, count in ((Own(), 2), (Polite(), 3)):
        assert layer(X).shape == (2, 3)
        assert len(layer.weights) == count
    by_hand = Own()
    by_hand.build((None, 3))
    assert len(by_hand.weights) == 2


def test_variables_of_a_subclass_with_build():
    """`build()` stands in the layer's scope, too: `call()` finds what it got there, by name (row S12)."""

    class Own(kscope.ScopedLayer):
        def build(self, input_shape):
            with kscope.variable_scope("fc"):
                self.kernel = kscope.get_variable("kernel", [input_shape[-1], 3])

        def call(self, x):
            with kscope.variable_scope("fc"):
                assert kscope.get_variable("kernel", [3, 3]) is self.kernel
            return x @ self.kernel + weight("bias")

    layer = Own()
    for _ in range(2):
        layer(X)
    assert [v.path for v in layer.weights] == ["own/fc/kernel", "own/bias"]
    layer.build((None, 3))
    assert len(layer.store) == 2
    assert len(kscope.default_store()) == 0


@pytest.mark.parametrize("where", ["build", "call"])
def test_build_and_call_fail_as_one(where):
    """What `build()` made goes when it fails, or when the discovery after it does; the next try starts anew."""
    failing = {where}

    class Own(kscope.ScopedLayer):
        def build(self, input_shape):
            weight("a")
            if "build" in failing:
                raise RuntimeError("in build")

        def call(self, x):
            if "call" in failing:
                raise RuntimeError("in call")
            return x * weight("b")

    store = kscope.VariableStore()
    layer = Own(store=store)
    with pytest.raises(RuntimeError, match=f"in {where}"):
        layer(X)
    assert len(store) == 0
    failing.clear()
    layer(X)
    assert [v.path for v in layer.weights] == ["own/a", "own/b"]


def test_constants_and_arrays_are_made_in_the_discovery():
    """A constant initial value is as good in a layer as anywhere, though Keras refuses it in a trace (row H20)."""

    class Constants(kscope.ScopedLayer):
        def call(self, x):
            a = kscope.get_variable("a", initializer=[1.0, 2.0, 3.0])
            return x * a + kscope.get_variable("b", initializer=X[0])

    layer = Constants()
    np.testing.assert_allclose(keras.ops.convert_to_numpy(layer(X)), [[2.0, 3.0, 4.0]] * 2)


def test_an_initializer_runs_once():
    """An initializer is called once for each variable, however often the layer is traced (row H6)."""
    calls = []

    def ones(shape, dtype=None):
        calls.append(shape)
        return np.ones(shape, dtype)

    class Counted(kscope.ScopedLayer):
        def call(self, x, training=False):
            return x * kscope.get_variable("w", [3], initializer=ones)

    model = keras.Sequential([keras.Input((3,)), Counted()])
    model.compile("sgd", "mse")
    model.fit(X, X, verbose=0)
    assert calls == [(3,)]


def test_an_initial_value_from_the_inputs():
    """A variable cannot start from the values of the inputs: they have none in a discovery."""

    class Data(kscope.ScopedLayer):
        def call(self, x):
            return x * kscope.get_variable("w", initializer=keras.ops.mean(x))

    with pytest.raises(errors.InitialValueError, match="depends on the inputs of a program that is being traced"):
        Data()(X)


def test_an_unknown_batch_size_is_no_shape():
    """A variable of the size of a batch is refused, when the batch size is unknown."""

    class Batch(kscope.ScopedLayer):
        def call(self, x):
            return x * weight("w", [x.shape[0], 1])

    with pytest.raises(ValueError, match=r"should be fully defined|specified shape \(89, 1\)"):
        Batch()(keras.KerasTensor((None, 3)))


def test_freezing_before_building():
    """A layer that is frozen before it is built has no trainable weights."""
    layer = Tower(trainable=False)
    layer(X)
    assert layer.trainable_weights == []
    assert [v.trainable for v in layer.weights] == [False, False]


def test_call_without_building():
    """`call()` by itself builds the layer, as Keras' wrappers need it."""
    layer = Tower()
    assert layer.call(keras.ops.convert_to_tensor(X)).shape == (2, 4)
    assert paths(layer) == ["tower/fc/kernel", "tower/fc/bias"]


def test_inside_keras_wrappers_and_containers():
    """A scoped layer works in TimeDistributed and Sequential, built at once or by the first call."""
    layer = keras.layers.TimeDistributed(Tower())
    assert layer(np.ones((2, 5, 3), "float32")).shape == (2, 5, 4)
    for model in (keras.Sequential([Tower(5), Tower(4)]), keras.Sequential([keras.Input((3,)), Tower(5), Tower(4)])):
        assert model(X).shape == (2, 4)
        assert len(model.weights) == 4


def test_weights_are_in_the_order_of_creation():
    """Weights come in the order in which the call made them, not by name (row S7, deviation 14)."""

    class Order(kscope.ScopedLayer):
        def call(self, x):
            return x * weight("z") * weight("a") * weight("m")

    layer = Order()
    layer(X)
    assert paths(layer) == ["order/z", "order/a", "order/m"]


def test_a_shared_variable_counts_once():
    """A variable of several layers is in the model's weights once, and its regularizer in the losses once."""
    store = kscope.VariableStore()

    class Tied(kscope.ScopedLayer):
        def call(self, x):
            with kscope.variable_scope("/tied", reuse=kscope.AUTO_REUSE):
                return x * kscope.get_variable("w", [3], initializer="ones", regularizer=keras.regularizers.L2(1.0))

    inputs = keras.Input((3,))
    model = keras.Model(inputs, Tied(store=store)(Tied(store=store)(inputs)))
    assert len(model.weights) == 1
    assert [float(keras.ops.convert_to_numpy(loss)) for loss in model.losses] == [3.0]


def test_a_model_is_a_model():
    """A scoped model compiles, fits, evaluates and summarizes."""
    model = Stack()
    model.compile("adam", "mse")
    model.fit(X, np.ones((2, 4)), verbose=0)
    lines = []
    model.summary(print_fn=lines.append)
    assert "stack" in "\n".join(lines)
    assert model.evaluate(X, np.ones((2, 4)), verbose=0) >= 0


def test_a_model_is_for_subclassing():
    """A scoped model refuses inputs and outputs, which would make it a functional model."""
    inputs = keras.Input((3,))
    with pytest.raises(errors.LayerError, match="ScopedModel is for subclassing"):
        kscope.ScopedModel(inputs=inputs, outputs=inputs)


@pytest.mark.jax
@pytest.mark.tensorflow
def test_code_that_needs_values():
    """Python control flow over values fails in a discovery, and the error says why.

    On PyTorch Keras tries again with made-up numbers, and the call takes one of its branches.
    """

    class Values(kscope.ScopedLayer):
        def call(self, x):
            return x * weight() if x[0, 0] > 0 else x

    with pytest.raises(Exception, match=".") as caught:  # Keras words it differently on each
        Values()(X)
    assert any("discovery pass" in note for note in caught.value.__notes__)


def test_a_subclass_that_calls_the_base_build():
    """`super().build()` straight to kscope's own does no harm: discovery comes after the whole `build()`."""

    class Own(kscope.ScopedLayer):
        def build(self, input_shape):
            super().build(input_shape)
            self.offset = self.add_weight(shape=(input_shape[-1],), name="offset")

        def call(self, x):
            return x * weight() + self.offset

    layer = Own()
    assert layer(X).shape == (2, 3)
    assert len(layer.weights) == 2


def test_a_layer_that_is_first_called_inside_a_built_one():
    """A layer that a later call meets first is built there, below the scope that the call stands in."""

    class Grows(kscope.ScopedLayer):
        def __init__(self):
            super().__init__()
            self.inner = Tower()
            self.deep = False

        def call(self, x):
            x = x * weight()
            return self.inner(x) if self.deep else x

    layer = Grows()
    layer(X)
    layer.deep = True
    assert layer(X).shape == (2, 4)
    assert list(layer.store) == ["grows/w", "grows/tower/fc/kernel", "grows/tower/fc/bias"]


class Counting(kscope.ScopedLayer):
    """Counts how often its call runs, and may repeat its outputs."""

    calls = 0
    times = 1

    def call(self, x, words=None):
        type(self).calls += 1
        kscope.get_variable("v", [3])
        x = keras.ops.concatenate([x] * self.times, axis=-1)
        return {"x": x} if words is None else {"x": x, "words": words}


def test_a_symbolic_call_is_the_discovery():
    """A layer that is built by a symbolic call is traced once for both, and its outputs are as they would be."""
    once, twice = Counting(), Counting()
    inputs, words = keras.Input((3,)), keras.Input((2,), dtype="int32")
    Counting.calls = 0
    built = once.compute_output_spec(inputs, words=words)
    first = Counting.calls
    twice.build(x_shape=(None, 3), words_shape=(None, 2))
    Counting.calls = 0
    known = twice.compute_output_spec(inputs, words=words)
    assert first == Counting.calls  # PyTorch traces what has unknown sizes twice
    for name in ("x", "words"):
        assert (built[name].shape, built[name].dtype) == (known[name].shape, known[name].dtype)


def test_a_layer_that_changes_after_it_was_built():
    """What discovery saw of the outputs holds for the call that it was made for, and for no later one."""
    for build in (lambda layer: layer.build((None, 3)), lambda layer: layer(np.ones((1, 3), "float32"))):
        layer = Counting()
        build(layer)
        layer.times = 2
        assert layer.compute_output_spec(keras.KerasTensor((None, 3)))["x"].shape == (None, 6)


def test_other_arguments_than_it_was_built_for():
    """Outputs are traced anew for arguments of another shape, dtype or structure."""
    layer = Counting()
    layer._build_for((keras.KerasTensor((2, 3)),), {})
    spec = layer._kscope.built_with
    assert spec.matches((keras.KerasTensor((2, 3)),), {"words": None})
    for args, kwargs in [
        ((keras.KerasTensor((4, 3)),), {}),
        ((keras.KerasTensor((2, 3), "int32"),), {}),
        (([keras.KerasTensor((2, 3))],), {}),
        ((keras.KerasTensor((2, 3)),), {"words": 5}),
    ]:
        assert not spec.matches(args, kwargs)
