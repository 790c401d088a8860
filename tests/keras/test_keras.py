"""The touch points with Keras and the backends that are not public API: each fails here when Keras changes it."""

from __future__ import annotations

from types import SimpleNamespace

import keras
import numpy as np
import pytest
from keras.src.backend.common import global_state
from samples import Tower

import kscope
from kscope import _keras
from kscope._keras import patches, values as _values
from kscope._keras.private import private

X = np.ones((2, 3), "float32")


def in_trace(function):
    """Run a function while Keras traces, and return its result."""
    results = []

    class Traced(keras.layers.Layer):
        def call(self, x):
            results.append(function(x))
            return x

    Traced()(keras.KerasTensor((2, 3)))
    return results[-1]


def test_tracing():
    """A trace of Keras is one on each backend; eager execution is none."""
    assert not _keras.tracing()
    assert in_trace(lambda x: _keras.tracing())
    assert not _keras.tracing()


def test_tracing_after_clear_session():
    """`clear_session` replaces Keras' global state, and traces are still told."""
    keras.utils.clear_session()
    assert in_trace(lambda x: _keras.tracing())


@pytest.mark.jax
def test_tracing_under_jit():
    """A jitted function is a trace."""
    import jax

    seen = []
    jax.jit(lambda x: seen.append(_keras.tracing()) or x)(1.0)
    assert seen == [True]


@pytest.mark.tensorflow
def test_tracing_in_a_function():
    """A `tf.function` is a trace."""
    import tensorflow as tf

    seen = []
    tf.function(lambda x: seen.append(_keras.tracing()) or x)(1.0)
    assert seen == [True]


def test_deferring_in_a_stateless_scope():
    """In a stateless scope Keras would defer the making of a variable."""
    assert not _keras.deferring()
    with keras.StatelessScope():
        assert _keras.deferring()


def test_outside_of_traces():
    """Outside of a trace a variable is made at once, with numbers; the trace goes on as it was."""

    def make(x):
        before = {key: global_state.get_global_attribute(key) for key in ("stateless_scope", "symbolic_scope")}
        with _keras.outside_of_traces():
            variable = keras.Variable("ones", shape=(2,))
            assert global_state.get_global_attribute("stateless_scope") is None
        for key, value in before.items():
            assert global_state.get_global_attribute(key) is value is not None
        return variable

    variable = in_trace(make)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(variable.value), [1.0, 1.0])


def test_outside_of_traces_after_an_error():
    """An error inside leaves Keras' state as it was."""
    with keras.StatelessScope() as scope:
        with pytest.raises(KeyError, match="x"), _keras.outside_of_traces():
            raise KeyError("x")
        assert global_state.get_global_attribute("stateless_scope") is scope


def test_isolated_call_and_inherited_training():
    """A call's `training` is seen by layers in it, and an isolated call neither sees nor changes it."""
    seen = []

    class Inner(keras.layers.Layer):
        def call(self, x, training=None):
            seen.append(training)
            return x

    inner = Inner()

    class Outer(keras.layers.Layer):
        def call(self, x):
            seen.append(_keras.inherited_training())
            with _keras.isolated_call():
                seen.append(_keras.inherited_training())
                inner(x, training=False)
            return inner(x)

    Outer()(X, training=True)
    assert seen == [True, None, False, True]
    assert _keras.inherited_training() is None


def test_masks():
    """A mask that was set is got."""
    x = keras.ops.convert_to_tensor(X)
    mask = keras.ops.convert_to_tensor([True, False])
    _keras.set_keras_mask(x, mask)
    assert _keras.get_keras_mask(x) is mask
    assert _keras.get_keras_mask(keras.ops.convert_to_tensor(X)) is None


def test_is_concrete():
    """A tensor of numbers is concrete, one of a trace is not."""
    assert _keras.is_concrete(keras.ops.convert_to_tensor(X))
    assert not in_trace(_keras.is_concrete)


def test_default():
    """Keras writes constructor arguments into the config though `get_config` is overridden."""
    assert Tower(units=7).get_config()["units"] == 7


def test_a_variables_path():
    """A variable's path is the one that was asked for, whatever name scopes are open in Keras."""
    with keras.name_scope("model"), keras.name_scope("layer"), kscope.variable_scope("a/b"):
        variable = kscope.get_variable("v", [2])
    assert (variable.path, variable.name) == ("a/b/v", "a/b/v:0")


@pytest.mark.tensorflow
def test_operations_at_root():
    """TensorFlow names a variable as it is told, inside open name scopes."""
    import tensorflow as tf

    with tf.name_scope("open"), _keras.operations_at_root():
        assert tf.Variable(1.0, name="a/v").name == "a/v:0"


@pytest.mark.torch
def test_every_parameter_is_seen():
    """PyTorch sees variables of one path as two parameters, and trains each with its own gradient."""
    model = keras.Sequential([keras.Input((3,)), Tower(3), Tower(3)])
    assert len({v.path for v in model.weights}) == 2
    assert len(list(model.parameters())) == 4
    model.compile(keras.optimizers.SGD(0.0), "mse")
    gradients = []
    for _ in range(2):
        model.train_on_batch(X, np.ones((2, 3)))
        gradients.append([v.value.grad.clone() for v in model.trainable_weights])
    for first, second in zip(*gradients, strict=True):
        np.testing.assert_allclose(first, second)


@pytest.mark.torch
def test_dots_in_names():
    """A dot is legal in a scope name, and PyTorch takes the parameter."""
    layer = Tower(name="a.b", scope="a.b")
    layer(X)
    assert [v.path for v in layer.weights] == ["a.b/fc/kernel", "a.b/fc/bias"]
    assert len(list(layer.parameters())) == 2


@pytest.mark.torch
def test_parameters_follow_tracking():
    """A scoped variable that a built layer gains or loses is one that PyTorch gains or loses."""
    layer = Tower(2)
    layer(X)
    assert len(list(layer.parameters())) == 2
    more = [kscope.VariableStore().get_variable("tower/fc/kernel", [1]) for _ in range(3)]
    with _keras.unlocked(layer):
        for variable in (*more, more[0]):
            layer._track_variable(variable)
        assert {id(p) for p in layer.parameters()} >= {id(v.value) for v in more}
        assert len(list(layer.parameters())) == 5
        layer._untrack_variable(more[1])
        assert {id(p) for p in layer.parameters()} == {id(v.value) for v in layer.variables}
        layer._untrack_variable(more[2])
        assert {id(p) for p in layer.parameters()} == {id(v.value) for v in layer.variables}


@pytest.mark.torch
def test_plain_models_are_registered_by_keras():
    """The keys of a model without scoped variables are Keras' own, also of two layers of one path."""
    assert kscope.ScopedLayer

    class Pair(keras.layers.Layer):
        """Two layers of one path."""

        def __init__(self):
            super().__init__(name="p")
            self.first, self.second = keras.layers.Dense(3, name="d"), keras.layers.Dense(3, name="d")

        def call(self, x):
            return self.second(self.first(x))

    pair = Pair()
    pair(X)
    keys = ["_torch_params.p/d/kernel", "_torch_params.p/d/bias"]
    assert sorted(pair.state_dict()) == sorted(keys)


def test_dots_in_a_models_names():
    """A scope whose name has a dot works on each backend."""
    with kscope.variable_scope("v1.5"):
        assert kscope.get_variable("v", [1]).path == "v1.5/v"


@pytest.mark.tensorflow
def test_autograph_leaves_kscope_alone():
    """In a `tf.function` that AutoGraph converts, kscope's errors are what they are."""
    import tensorflow as tf

    @tf.function
    def twice(x):
        kscope.get_variable("v", [1])
        if x > 0:
            kscope.get_variable("v", [1])
        return x

    with pytest.raises(kscope.errors.VariableExistsError, match="v already exists"):
        twice(tf.constant(1.0))


@pytest.mark.parametrize("change", [lambda v: v.assign([5.0, 6.0]), lambda v: v.assign_add([5.0, 6.0])])
def test_frozen(change):
    """A frozen value stays as it was, however the variable is changed."""
    variable = keras.Variable([1.0, 2.0])
    value = _keras.frozen(variable.value)
    change(variable)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(value), [1.0, 2.0])


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16", "int32", "bool"])
def test_numbers(dtype):
    """Numbers go into a variable and come out again, in its dtype."""
    variable = keras.Variable(np.zeros(2), dtype=dtype, trainable=False)
    _keras.set_numbers(variable, np.array([1.0, 0.0]))
    assert keras.backend.standardize_dtype(_keras.numbers(variable).dtype) == variable.dtype == dtype
    np.testing.assert_array_equal(_keras.numbers(variable).astype("float32"), [1.0, 0.0])


def test_unlocked():
    """A built layer takes new variables in the block, and none after it."""
    layer = keras.layers.Dense(2)
    with _keras.unlocked(layer):
        layer.early = keras.Variable([1.0])
    layer.build((None, 3))
    with _keras.unlocked(layer):
        layer.more = keras.Variable([1.0])
    with pytest.raises(ValueError, match="cannot add new elements of state"):
        layer.another = keras.Variable([1.0])


def test_cast_value():
    """A value is cast as a variable's would be, inside a layer's call under mixed precision."""
    variable = keras.Variable([1.0])
    with _values._AutocastScope("float16"):
        value = _keras.cast_value(variable, variable.value)
    assert keras.backend.standardize_dtype(value.dtype) == "float16"


@pytest.mark.jax
@pytest.mark.tensorflow
def test_compute_output_spec_in_mixed_precision():
    """The symbolic outputs of a layer have the dtype of the real ones, though Keras leaves out its autocasting.

    On PyTorch Keras does not autocast variables of a symbolic call at all, whoever made them.
    """
    layer = Tower(dtype="mixed_bfloat16")
    spec = layer.compute_output_spec(keras.KerasTensor((None, 3), "bfloat16"))
    assert (spec.shape, spec.dtype) == ((None, 4), "bfloat16")
    assert keras.backend.standardize_dtype(layer(X).dtype) == "bfloat16"
    assert [v.dtype for v in layer.weights] == ["float32"] * 2


def test_autocast():
    """A block of autocasting changes nothing inside of another one, or of a layer that computes in its own dtype."""
    mixed, plain = Tower(dtype="mixed_bfloat16"), Tower()
    variable = kscope.get_variable("v", [1])
    seen = []
    with _keras.autocast(plain):
        seen.append(variable.value.dtype)
    with _keras.autocast(mixed):
        seen.append(variable.value.dtype)
        with _keras.autocast(Tower(dtype="mixed_float16")):
            seen.append(variable.value.dtype)
    assert [keras.backend.standardize_dtype(dtype) for dtype in seen] == ["float32", "bfloat16", "bfloat16"]


def test_around_remat(monkeypatch):
    """All that Keras rematerializes goes through one function of the backend, by `keras.remat` and by `RematScope`."""
    backend = private("keras.src.backend:ops", "keras.src.backend:core", off="it is not")
    if not hasattr(backend, "remat"):
        backend = private("keras.src.backend:core", off="it is not")
    # Put back what this test wraps once more.
    monkeypatch.setattr(backend, "remat", backend.remat)
    wrapped = []
    patches._rematerialization(SimpleNamespace(bind=lambda function: wrapped.append(function) or function))
    keras.remat(keras.ops.tanh)(X)
    assert wrapped == [keras.ops.tanh]
    with keras.RematScope(mode="full"):
        layer = keras.layers.Dense(2)
    layer(X)
    assert len(wrapped) == 2


@pytest.mark.jax
def test_one_symbol_for_unknown_sizes():
    """Keras uses one symbol for the sizes that are not known, so that JAX knows again what it traced."""
    seen = []

    class Layer(keras.layers.Layer):
        def call(self, x):
            seen.append(x.shape[0])
            return x

    for _ in range(2):
        Layer()(keras.Input((3,)))
    assert seen[0].scope is seen[1].scope


@pytest.mark.jax
def test_the_rest_of_jax_export_is_as_it_was():
    """Only the one function of JAX' module answers otherwise."""
    import jax

    core = private("keras.src.backend.jax.ops:core", "keras.src.backend.jax:core", off="it is not")
    assert core.jax_export.export is jax.export.export


def test_what_is_stored_under_mixed_precision():
    """A variable's own dtype and value are told inside a layer that reads it in another dtype."""
    v = kscope.get_variable("v", initializer=[1.0])
    with _values._AutocastScope("float16"):
        assert keras.backend.standardize_dtype(v.dtype) == "float16"
        assert _keras.stored_dtype(v) == "float32"
        assert keras.backend.standardize_dtype(_keras.stored_value(v).dtype) == "float32"
