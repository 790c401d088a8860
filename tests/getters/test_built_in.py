"""Ready getters: their formulas and gradients, in eager code, compiled steps, `fit`, and files."""

from __future__ import annotations

import functools
import gc
import math

import keras
import numpy as np
import pytest
from gradients import array, gradients
from samples import paths
from trained import X, Y, fit

import kscope
from kscope import AUTO_REUSE, default_store, errors, get_variable, getters, variable_scope

KERNEL = np.random.default_rng(2).normal(size=(3, 4)).astype("float32")


class Line(kscope.ScopedLayer):
    """A dense layer whose variables come through a getter."""

    def __init__(self, getter, **kwargs):
        super().__init__(**kwargs)
        self.getter = getter

    def call(self, x, training=False):
        with variable_scope("fc", custom_getter=self.getter):
            kernel = get_variable("kernel", [x.shape[-1], 4], initializer=lambda shape, dtype: KERNEL.astype(dtype))
            bias = get_variable("bias", [4], initializer="zeros")
        # What a getter returns may be of another dtype than the inputs.
        dtype = keras.backend.standardize_dtype(kernel.dtype)
        return keras.ops.matmul(keras.ops.cast(x, dtype), kernel) + bias


class Scoped(kscope.ScopedLayer):
    """The same layer, for a scope that has the getter."""

    call = Line.call
    getter = None


BUILT_IN = {
    "stop_gradient": lambda: {".*/kernel": getters.stop_gradient},
    "freeze": lambda: {".*/kernel": getters.freeze},
    "weight_norm": getters.weight_norm,
    "weight_norm of all": lambda: getters.weight_norm(axis=None),
    "spectral_norm": getters.spectral_norm,
    "ema": lambda: getters.ema(0.5),
    "cast": lambda: getters.cast("bfloat16"),
    "override": lambda: getters.override(regularizer="l2"),
    "low_rank": lambda: getters.low_rank(2, alpha=3),
    "several": lambda: {".*/kernel": getters.weight_norm(0), ".*/bias": getters.freeze},
}
BESIDE = {
    "weight_norm": ["fc/kernel_g"],
    "weight_norm of all": ["fc/kernel_g"],
    "several": ["fc/kernel_g"],
    "spectral_norm": ["fc/kernel_u"],
    "ema": ["fc/kernel/ema", "fc/bias/ema"],
    "low_rank": ["fc/kernel_lora_a", "fc/kernel_lora_b"],
}
each_getter = pytest.mark.parametrize("name", BUILT_IN)


def values(layer):
    """The values of a layer's variables by name, without the layer's."""
    return {v.path.removeprefix("line/"): array(v) for v in layer.weights}


def built(name_or_getter, **options):
    """A layer with one of the built-in getter, or another one."""
    getter = BUILT_IN[name_or_getter]() if isinstance(name_or_getter, str) else name_or_getter
    layer = Line(getter, **options)
    layer.build((None, 3))
    return layer


def compiled(layer):
    """The layer's call as one program of the backend."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        return tf.function(lambda x, training: layer(x, training=training))
    if backend == "torch":
        import torch

        program = torch.compile(layer, backend="eager", fullgraph=True)
        return lambda x, training: program(torch.as_tensor(x), training=training)
    import jax

    @functools.partial(jax.jit, static_argnums=3)
    def step(trainable, others, x, training):
        return layer.stateless_call(trainable, others, x, training=training)

    def run(x, training):
        trainable, others = ([v.value for v in group] for group in (layer.trainable_variables, others_of(layer)))
        outputs, others = step(trainable, others, x, training)
        for variable, value in zip(others_of(layer), others, strict=True):
            variable.assign(value)
        return outputs

    return run


def others_of(layer):
    return layer.non_trainable_variables


@each_getter
def test_variables_beside(name):
    """What a getter needs besides is tracked by the layer, under names made of the variable's own."""
    layer = built(name)
    named = ["fc/kernel", "fc/bias", *BESIDE.get(name, [])]
    assert sorted(paths(layer)) == sorted(f"line/{path}" for path in named)


@each_getter
def test_compiled(name):
    """A compiled call, in training and not, computes and updates what the eager one does."""
    layer, other = built(name), built(name)
    other.set_weights(layer.get_weights())
    program = compiled(other)
    for training in (False, True, True, False):
        expected = array(layer(X, training=training))
        np.testing.assert_allclose(array(program(X, training)), expected, rtol=1e-5, atol=1e-5)
    for weight, twin in zip(layer.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(weight, twin, rtol=1e-5, atol=1e-6)


@each_getter
def test_fit(name):
    """`fit` trains through the getter, compiled as it does eagerly."""
    layers = [built(name) for _ in range(2)]
    layers[1].set_weights(layers[0].get_weights())
    before = values(layers[0])
    for layer, eagerly in zip(layers, (True, False), strict=True):
        model = keras.Sequential([keras.Input((3,)), layer])
        model.compile(keras.optimizers.SGD(0.05), "mse", run_eagerly=eagerly)
        if name == "stop_gradient" and keras.backend.backend() != "jax":
            with pytest.warns(UserWarning, match="Gradients do not exist"):
                losses = fit(model)
        else:
            losses = fit(model)
        assert losses[-1] < losses[0]
    for weight, twin in zip(*(layer.get_weights() for layer in layers), strict=True):
        np.testing.assert_allclose(weight, twin, rtol=1e-4, atol=1e-2 if name == "cast" else 1e-5)
    same = name in ("stop_gradient", "freeze", "low_rank")
    assert np.array_equal(values(layers[0])["fc/kernel"], before["fc/kernel"]) is same


@each_getter
def test_weights_files(name, tmp_path):
    """All variables, those beside included, are saved and loaded by name."""
    first = keras.Sequential([keras.Input((3,)), built(name)])
    other = keras.Sequential([keras.Input((3,)), built(name)])
    first.set_weights([np.random.default_rng(i).uniform(1, 2, w.shape) for i, w in enumerate(first.get_weights())])
    first.save_weights(tmp_path / "all.weights.h5")
    other.load_weights(tmp_path / "all.weights.h5")
    np.testing.assert_array_equal(array(other(X)), array(first(X)))


@each_getter
def test_saved_with_the_scope(name, tmp_path):
    """A layer in a scope with a built-in getter is rebuilt with that getter when the model is loaded."""
    with variable_scope("s", custom_getter=BUILT_IN[name]()) as scope:
        pass
    layer = Scoped(scope=scope)
    model = keras.Sequential([keras.Input((3,)), layer])
    model.save(tmp_path / "model.keras")
    objects = {"Scoped": Scoped}
    loaded = keras.saving.load_model(tmp_path / "model.keras", custom_objects=objects, safe_mode=False)
    assert [v.path for v in loaded.weights] == [v.path for v in model.weights]
    assert [v.trainable for v in loaded.weights] == [v.trainable for v in model.weights]
    np.testing.assert_allclose(array(loaded(X)), array(model(X)), rtol=1e-6)


@each_getter
def test_reuse(name):
    """Under AUTO_REUSE the same variables are found again, and a reusing scope needs no shape."""
    with variable_scope("fc", custom_getter=BUILT_IN[name](), reuse=AUTO_REUSE):
        first = get_variable("kernel", initializer=KERNEL)
        known = list(default_store())
        again = get_variable("kernel", [3, 4])
        with variable_scope("", reuse=True):
            last = get_variable("kernel")
        with pytest.raises(errors.ShapeMismatchError, match=r"Trying to share variable fc/kernel"):
            get_variable("kernel", [4, 3])
    np.testing.assert_array_equal(array(first), array(again))
    np.testing.assert_array_equal(array(first), array(last))
    assert list(default_store()) == known


@pytest.mark.parametrize("name", BESIDE)
def test_accidental_sharing(name):
    """Without a reuse mode a second read raises, and a reusing scope wants the variables beside it, too."""
    getter = BUILT_IN[name]()
    with variable_scope("fc", custom_getter=getter):
        get_variable("kernel", [3, 4])
        with pytest.raises(errors.VariableExistsError, match="Variable fc/kernel already exists"):
            get_variable("kernel", [3, 4])
    get_variable("v/kernel", [3, 4])
    with variable_scope("v", custom_getter=getter, reuse=True):
        with pytest.raises(errors.VariableMissingError, match="Variable v/kernel(_g|_u|/ema|_lora_a) does not exist"):
            get_variable("kernel", [3, 4])


@each_getter
def test_integers_and_state_go_through(name):
    """Variables that are no floats, and those that are read in their own dtype, are returned as they are."""
    with variable_scope("fc", custom_getter=BUILT_IN[name]()):
        count = get_variable("count", [2, 2], dtype="int32", trainable=False)
        state = get_variable("state/kernel", [2, 2], synchronization="on_read", trainable=False)
    assert [count, state] == default_store().variables()


@each_getter
def test_mixed_precision(name):
    """In a layer that computes in 16 bits, weights are kept in 32, and norms computed from those."""
    layer, plain = built(name, dtype="mixed_bfloat16"), built(name)
    plain.set_weights(layer.get_weights())
    outputs = layer(X, training=True)
    assert keras.backend.standardize_dtype(outputs.dtype) == "bfloat16"
    assert {v.dtype for v in layer.weights} == {"float32"}
    np.testing.assert_allclose(array(outputs).astype("float32"), array(plain(X, training=True)), atol=0.1)


NESTED = ["stop_gradient", "weight_norm", "spectral_norm", "cast", "low_rank"]
OUTER = [*NESTED, "ema", "override", "freeze"]


@pytest.mark.parametrize(("outer", "inner"), [(a, b) for a in OUTER for b in NESTED if a != b])
def test_nested_in_layers(outer, inner):
    """Each built-in getter works inside each other one, in the discovery of a layer, too."""

    class Nested(Line):
        def call(self, x, training=False):
            with variable_scope("", custom_getter=BUILT_IN[outer]()):
                return super().call(x, training)

    layer = Nested(BUILT_IN[inner]())
    outputs = array(layer(X, training=True))
    assert np.isfinite(outputs.astype("float32")).all()
    with variable_scope("fc", custom_getter=BUILT_IN[outer]()), variable_scope("", custom_getter=BUILT_IN[inner]()):
        get_variable("kernel", [3, 4])


@pytest.mark.parametrize("name", ["weight_norm", "spectral_norm", "low_rank"])
def test_nested_in_itself(name):
    """The same getter twice around one variable would keep one name for two things, and is an error."""
    with variable_scope("fc", custom_getter=BUILT_IN[name]()), variable_scope("", custom_getter=BUILT_IN[name]()):
        with pytest.raises(errors.VariableExistsError, match="Variable fc/kernel_(g|u|lora_a) already exists"):
            get_variable("kernel", [3, 4])


def test_a_tensor_where_a_variable_is_needed():
    """A getter that needs a variable says so when the getter around it returns a tensor."""
    with variable_scope("fc", custom_getter=getters.cast("float16")):
        with variable_scope("", custom_getter=getters.ema(0.5)):
            with pytest.raises(errors.GetterError, match="A getter needs variable fc/kernel itself"):
                get_variable("kernel", [3, 4])


def test_state_needs_a_variable():
    """A getter of a user's that turns a built-in one's state into a tensor is told to stand elsewhere."""
    with variable_scope("fc", custom_getter=lambda getter, *args, **kwargs: getter(*args, **kwargs) * 1.0):
        with variable_scope("", custom_getter=getters.spectral_norm()):
            with pytest.raises(errors.GetterError, match="A getter needs variable fc/kernel_u itself"):
                get_variable("kernel", [3, 4])


def test_neither_a_variable_nor_a_tensor():
    """A getter that meets a pair where it needs a variable says so."""
    with variable_scope("fc", custom_getter=lambda getter, *args, **kwargs: (getter(*args, **kwargs), 1)):
        with variable_scope("", custom_getter=getters.cast("float16")):
            with pytest.raises(errors.GetterError, match="needs variable fc/kernel or a tensor"):
                get_variable("kernel", [3, 4])


def test_stop_gradient():
    """What is read through `stop_gradient` is a constant; where it is read without, the variable is trained."""

    class Both(kscope.ScopedLayer):
        def call(self, x):
            with variable_scope("fc", reuse=AUTO_REUSE):
                trained = get_variable("scale", [], initializer=keras.initializers.Constant(2.0))
                constant = get_variable("scale", custom_getter=getters.stop_gradient)
            return x * trained * constant

    layer = Both()
    layer.build((None, 3))
    _, (gradient,) = gradients(layer, X)
    # Of sum((x * t * c) ** 2) by t alone.
    np.testing.assert_allclose(gradient, np.sum(X**2) * 2 * 2.0 * 2.0**2, rtol=1e-5)


def test_freeze():
    """What is made through `freeze` is not trainable; what exists is shared as it is (row G10)."""
    trained = get_variable("trained", [1])
    with variable_scope("", custom_getter=getters.freeze):
        assert not get_variable("frozen", [1]).trainable
        with variable_scope("", reuse=True):
            assert get_variable("trained") is trained
    assert trained.trainable


@pytest.mark.parametrize(
    ("axis", "shape"), [(-1, (4,)), (1, (4,)), (0, (3,)), (None, ()), ((), ()), ([0, -1], (3, 4))], ids=str
)
def test_weight_norm(axis, shape):
    """The weight starts as `v`, is `g * v / ||v||`, and has the gradients of that."""
    layer = built(getters.weight_norm(axis))
    np.testing.assert_allclose(array(layer(X)), X @ KERNEL, rtol=1e-5)
    found = {v.path.removeprefix("line/fc/"): v for v in layer.weights}
    g, v = np.random.default_rng(3).uniform(1, 2, shape).astype("float32"), KERNEL * 1.5
    found["kernel_g"].assign(g), found["kernel"].assign(v)

    axes = () if axis is None else (axis,) if isinstance(axis, int) else axis
    kept = {a % 2 for a in axes}
    others = tuple({0, 1} - kept)
    norm = np.sqrt(np.sum(v**2, axis=others, keepdims=True))
    g = g.reshape(norm.shape)
    weight = g * v / norm
    outputs, gradient = gradients(layer, X)
    np.testing.assert_allclose(outputs, X @ weight, rtol=1e-5, atol=1e-5)
    gradient = dict(zip([variable.path for variable in layer.trainable_weights], gradient, strict=True))
    by_weight = X.T @ (2 * X @ weight)
    by_g = np.sum(by_weight * v, axis=others, keepdims=True) / norm
    by_v = g / norm * by_weight - g * by_g / norm**2 * v
    np.testing.assert_allclose(gradient["line/fc/kernel_g"], by_g.reshape(shape), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(gradient["line/fc/kernel"], by_v, rtol=1e-4, atol=1e-3)


def test_weight_norm_of_an_impossible_axis():
    """An axis that the variable has not is an error that names it."""
    with variable_scope("fc", custom_getter=getters.weight_norm(2)):
        with pytest.raises(errors.OptionError, match="cannot keep axis 2 of variable fc/kernel of 2 axes"):
            get_variable("kernel", [3, 4])


@pytest.mark.parametrize("iterations", [1, 3])
def test_spectral_norm_beside_keras(iterations):
    """Outputs and vector are those of `keras.layers.SpectralNormalization`, in training; else nothing is updated."""
    layer = built(getters.spectral_norm(iterations))
    dense = keras.layers.SpectralNormalization(keras.layers.Dense(4, use_bias=False), power_iterations=iterations)
    dense.build((None, 3))
    u = next(v for v in layer.weights if v.path == "line/fc/kernel_u")
    dense.vector_u.assign(u)
    before = array(u)
    for training in (True, True, False):
        dense.kernel.assign(KERNEL)
        expected = array(dense(X, training=True)) if training else None
        outputs = array(layer(X, training=training))
        if training:
            np.testing.assert_allclose(outputs, expected, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(array(u), array(dense.vector_u), rtol=1e-4, atol=1e-5)
        np.testing.assert_array_equal(values(layer)["fc/kernel"], KERNEL)
    assert not np.allclose(before, array(u))


def _spectrum(matrix, u):
    v = u @ matrix.T
    v /= np.linalg.norm(v)
    u = v @ matrix
    u /= np.linalg.norm(u)
    return v, u, float((v @ matrix @ u.T).squeeze())


def test_spectral_norm_gradient():
    """The gradient goes through the quotient, with the vectors as constants."""
    layer = built("spectral_norm")
    v, u, sigma = _spectrum(KERNEL, values(layer)["fc/kernel_u"])
    outputs, (by_kernel, _) = gradients(layer, X)
    np.testing.assert_allclose(outputs, X @ KERNEL / sigma, rtol=1e-4, atol=1e-5)
    by_weight = X.T @ (2 * X @ KERNEL / sigma)
    expected = by_weight / sigma - np.sum(by_weight * KERNEL) / sigma**2 * (v.T @ u)
    np.testing.assert_allclose(by_kernel, expected, rtol=1e-3, atol=1e-3)


def test_spectral_norm_of_a_convolution():
    """A kernel of more axes is taken as a matrix with the last axis as columns."""
    kernel = np.random.default_rng(4).normal(size=(2, 2, 3, 4)).astype("float32")
    with variable_scope("conv", custom_getter=getters.spectral_norm(50)):
        normed = get_variable("kernel", initializer=kernel)
    matrix = kernel.reshape(-1, 4)
    np.testing.assert_allclose(array(normed), kernel / np.linalg.norm(matrix, 2), rtol=1e-3)


def test_spectral_norm_of_zeros():
    """A weight of zeros stays one."""
    with variable_scope("fc", custom_getter=getters.spectral_norm()):
        np.testing.assert_array_equal(array(get_variable("kernel", [3, 4], initializer="zeros")), 0.0)


@pytest.mark.parametrize("training", [True, False])
def test_training_by_hand(training):
    """`training=` says whether the state moves on, whatever the mode of the call."""
    for getter in (getters.spectral_norm(training=training), getters.ema(0.5, training=training)):
        layer = built(getter)
        before = values(layer)
        layer.get_weights()
        next(v for v in layer.weights if v.path == "line/fc/kernel").assign(KERNEL * 2.0 + 1.0)
        layer(X, training=not training)
        state = next(path for path in before if path.endswith(("kernel_u", "kernel/ema")))
        assert np.allclose(values(layer)[state], before[state]) is not training


class Model(kscope.ScopedModel):
    """A model that reads through a getter itself, and through a layer that has no argument `training`."""

    def __init__(self, averages):
        super().__init__(name="line")
        self.averages = averages
        self.inner = Untold(averages)

    def call(self, x, training=False):
        scale = get_variable("scale", [], initializer="ones", custom_getter=self.averages)
        return self.inner(x) * scale


class Untold(kscope.ScopedLayer):
    """A layer that is not told whether it is trained."""

    def __init__(self, averages):
        super().__init__(name="untold")
        self.averages = averages

    def call(self, x):
        return x * get_variable("scale", [], initializer="ones", custom_getter=self.averages)


@pytest.mark.parametrize("eagerly", [True, False])
def test_the_mode_of_a_model(eagerly):
    """A model that reads through a getter in its own call, and a layer inside, are told that they are trained."""
    model = Model(getters.ema(0.5))
    model.compile(keras.optimizers.SGD(0.1), "mse", run_eagerly=eagerly)
    for _ in range(2):
        model.fit(X, X * 3, batch_size=8, verbose=0)
    found = values(model)
    assert 1 < found["scale/ema"] < found["scale"]
    assert 1 < found["untold/scale/ema"] < found["untold/scale"]
    model.evaluate(X, X, verbose=0)
    assert values(model) == found


def test_the_mode_of_calls():
    """The innermost call that was told its mode says it; outside of calls there is no training."""
    averages = getters.ema(0.5)
    model = Model(averages)
    model(X)
    model.inner.weights[0].assign(3.0)
    model(X, training=False), model.inner(X)
    assert values(model)["untold/scale/ema"] == 1.0
    model(X, training=True)
    assert values(model)["untold/scale/ema"] == 2.0
    assert get_variable("plain", initializer=1.0, custom_getter=averages) == 1.0


def test_ema_in_fit():
    """Each training step moves the averages on, by the values that the step starts with."""
    averages = getters.ema(0.75)
    layer = built(averages)
    model = keras.Sequential([keras.Input((3,)), layer])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    expected = KERNEL
    for _ in range(3):
        expected = 0.75 * expected + 0.25 * values(layer)["fc/kernel"]
        model.fit(X, Y, batch_size=8, verbose=0)
        np.testing.assert_allclose(values(layer)["fc/kernel/ema"], expected, rtol=1e-5)
    assert not np.allclose(expected, values(layer)["fc/kernel"])
    model.predict(X, verbose=0), model.evaluate(X, Y, verbose=0)
    np.testing.assert_allclose(values(layer)["fc/kernel/ema"], expected, rtol=1e-5)


def test_ema_evaluation():
    """The evaluation scope reads the averages, in programs that were compiled before, too, and ends."""
    averages = getters.ema(0.75)
    layer = built(averages)
    model = keras.Sequential([keras.Input((3,)), layer])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    fit(model)
    plain = model.predict(X, verbose=0), model.evaluate(X, Y, verbose=0)
    found = values(layer)
    averaged = X @ found["fc/kernel/ema"] + found["fc/bias/ema"]
    with averages.evaluation():
        np.testing.assert_allclose(model.predict(X, verbose=0), averaged, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(array(layer(X)), averaged, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(model.evaluate(X, Y, verbose=0), np.mean((averaged - Y) ** 2), rtol=1e-4)
    np.testing.assert_allclose(model.predict(X, verbose=0), plain[0], rtol=1e-6)
    assert model.evaluate(X, Y, verbose=0) == pytest.approx(plain[1])
    fit(model)


def test_ema_of_several_stores():
    """One getter serves layers with a store each, also when their variables have the same names."""
    averages = getters.ema(0.5)
    layers = [built(averages) for _ in range(2)]
    assert layers[0].weights[0].path == layers[1].weights[0].path
    for number, layer in enumerate(layers, start=1):
        layer.weights[0].assign(KERNEL * number)
    averages.update()
    with averages.evaluation():
        for number, layer in enumerate(layers, start=1):
            np.testing.assert_allclose(array(layer.weights[0]), KERNEL * (1 + number) / 2, rtol=1e-6)


def test_ema_keeps_nothing_alive():
    """Variables that are gone are not averaged any more."""
    averages = getters.ema(0.5)
    store = kscope.VariableStore()
    store.get_variable("v", [1], custom_getter=averages)
    assert len(averages._alive()) == 1
    del store
    gc.collect()
    assert averages._alive() == []


def test_ema_of_what_is_trained():
    """Only trainable variables have an average; its name may be TF1's, and it has 32 bits at least."""
    averages = getters.ema(0.99, suffix="ExponentialMovingAverage")
    with variable_scope("fc", custom_getter=averages, dtype="float16"):
        get_variable("kernel", [2])
        get_variable("count", [2], trainable=False)
    assert [(v.path, v.dtype, v.trainable) for v in default_store().variables()] == [
        ("fc/kernel", "float16", True),
        ("fc/kernel/ExponentialMovingAverage", "float32", False),
        ("fc/count", "float16", False),
    ]


def test_cast():
    """A variable is read in another dtype; its gradient comes in its own."""
    _, (by_kernel, _) = gradients(built("cast"), X)
    assert by_kernel.dtype == "float32"
    np.testing.assert_allclose(by_kernel, X.T @ (2 * X @ KERNEL), rtol=0.1, atol=0.5)


def test_override():
    """Arguments of `get_variable` are replaced, given by keyword or by position."""

    def by_position(getter, name, shape, dtype, **kwargs):
        return getter(name, shape, dtype, **kwargs)

    with variable_scope("fc", custom_getter=getters.override(shape=[2], dtype="float16", trainable=False)):
        with variable_scope("", custom_getter=by_position):
            v = get_variable("v", [1], dtype="float32", regularizer="l2")
    assert (tuple(v.shape), v.dtype, v.trainable) == ((2,), "float16", False)
    assert isinstance(v.regularizer, keras.regularizers.L2)


def test_low_rank():
    """The product of the two matrices is added; only they are trained, and they start at nothing."""
    layer = built("low_rank")
    np.testing.assert_allclose(array(layer(X)), X @ KERNEL, rtol=1e-5)
    a, b = layer.trainable_variables
    assert [v.path for v in (a, b)] == ["line/fc/kernel_lora_a", "line/fc/kernel_lora_b"]
    assert (tuple(a.shape), tuple(b.shape)) == ((3, 2), (2, 4))
    limit = math.sqrt(6 / 3)
    assert 0 < np.abs(array(a)).max() <= limit
    b.assign(np.arange(8, dtype="float32").reshape(2, 4))
    weight = KERNEL + 1.5 * array(a) @ array(b)
    outputs, (by_a, by_b) = gradients(layer, X)
    np.testing.assert_allclose(outputs, X @ weight, rtol=1e-5, atol=1e-4)
    by_weight = X.T @ (2 * X @ weight)
    np.testing.assert_allclose(by_a, 1.5 * by_weight @ array(b).T, rtol=1e-4, atol=1e-2)
    np.testing.assert_allclose(by_b, 1.5 * array(a).T @ by_weight, rtol=1e-4, atol=1e-2)


def test_low_rank_of_a_convolution():
    """A kernel of more axes gets matrices of all its rows; `alpha` is the rank unless it is given."""
    with variable_scope("conv", custom_getter=getters.low_rank(2)):
        get_variable("kernel", [2, 2, 3, 4], initializer="zeros")
        store = default_store()
        store["conv/kernel_lora_b"].assign(np.ones((2, 4), "float32"))
        with variable_scope("", reuse=True):
            kernel = array(get_variable("kernel"))
    expected = array(store["conv/kernel_lora_a"]) @ np.ones((2, 4), "float32")
    np.testing.assert_allclose(kernel.reshape(-1, 4), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: getters.spectral_norm(0), "power_iterations must be an int above zero, while get 0"),
        (lambda: getters.ema(1.5), "The decay must be a float from 0 to 1, while get 1.5"),
        (lambda: getters.cast("int32"), "Variables can be read in a float dtype, while get int32"),
        (lambda: getters.low_rank(1.5), "The rank must be an int above zero, while get 1.5"),
        (lambda: getters.override(nam="v"), "has no argument to override that is called 'nam'"),
        (lambda: getters.override(reuse=True), "has no argument to override that is called 'reuse'"),
    ],
    ids=["iterations", "decay", "dtype", "rank", "unknown", "reuse"],
)
def test_impossible_settings(make, message):
    """Settings that cannot work are refused where the getter is made."""
    with pytest.raises(errors.KscopeError, match=message):
        make()


@pytest.mark.parametrize(
    ("getter", "shown"),
    [
        (getters.weight_norm([0, 1]), "kscope.getters.weight_norm(axis=(0, 1))"),
        (getters.ema(0.5), "kscope.getters.ema(decay=0.5, suffix='ema', training=None)"),
        (getters.override(trainable=False), "kscope.getters.override(trainable=False)"),
    ],
    ids=["weight_norm", "ema", "override"],
)
def test_repr(getter, shown):
    """A getter shows its settings."""
    assert repr(getter) == shown
