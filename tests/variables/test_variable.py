"""`ScopedVariable`: a `keras.Variable` of its scoped name, made at once wherever it is asked for (rows G13, H20)."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import kscope
from kscope import AUTO_REUSE, ScopedVariable, default_store, errors, get_variable, variable_scope

BACKEND = keras.backend.backend()


class Around(keras.layers.Layer):
    """A plain Keras layer that runs a function inside its call."""

    def __init__(self, body, **kwargs):
        super().__init__(**kwargs)
        self.body = body

    def call(self, x):
        self.body(x)
        return x * 2


class Scoped(kscope.ScopedLayer):
    """A scoped layer that runs a function inside its call."""

    def __init__(self, body, **kwargs):
        super().__init__(**kwargs)
        self.body = body

    def call(self, x):
        self.body(x)
        return x * 2


def _eagerly(body):
    body(keras.ops.ones((2, 3)))


def _in_a_stateless_scope(body):
    with keras.StatelessScope():
        body(keras.ops.ones((2, 3)))


def _in_a_symbolic_call(body):
    Around(body).compute_output_spec(keras.KerasTensor((2, 3)))


def _in_a_symbolic_call_of_any_batch(body):
    Around(body)(keras.Input((3,)))


def _in_discovery(body):
    Scoped(body, store=default_store(), scope="/").build((2, 3))


def _in_a_jitted_function(body):
    import jax

    jax.jit(lambda x: (body(x), x)[1])(np.ones((2, 3), "float32"))


def _in_a_tf_function(body):
    import tensorflow as tf

    def function(x):
        body(x)
        return x

    tf.function(function, autograph=False)(tf.ones((2, 3)))


TRACED = {
    "symbolic": _in_a_symbolic_call,
    "symbolic, any batch": _in_a_symbolic_call_of_any_batch,
    "discovery": _in_discovery,
    **({"jit": _in_a_jitted_function} if BACKEND == "jax" else {}),
    **({"tf.function": _in_a_tf_function} if BACKEND == "tensorflow" else {}),
}
WAYS = {"eager": _eagerly, "stateless": _in_a_stateless_scope, **TRACED}

ways = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
traced = pytest.mark.parametrize("way", TRACED.values(), ids=TRACED)


def _got(way, **options):
    """A variable that was asked for in some way of running a program."""

    def body(x):
        with variable_scope("foo", reuse=AUTO_REUSE):
            get_variable("v", **options)

    way(body)
    return default_store()["foo/v"]


def _value(variable):
    return keras.ops.convert_to_numpy(variable.value).tolist()


def test_it_is_a_keras_variable():
    """What `get_variable` makes is a `keras.Variable` of the active backend (row B1)."""
    v = get_variable("v", [2])
    assert type(v) is ScopedVariable
    assert isinstance(v, keras.Variable)
    assert "path=v, shape=" in repr(v)


@pytest.mark.parametrize("name", ["v", "foo/v", "foo/bar/v", "a/b/c/d/v"])
def test_names(name):
    """The path is the scoped name, and the name is TF1's spelling of it (row B1)."""
    v = get_variable(name, [1])
    assert (v.path, v.name) == (name, f"{name}:0")
    assert default_store()[name] is v


LEAVES = ["k.1", ".h", "9", "a>b", "a\\b", "w-1", "s/_w", "s/-w", "s/.w", "s.t/u-v/>w", "S/" + "w" * 200]


@pytest.mark.parametrize("name", LEAVES)
def test_special_characters(name):
    """Every character that TF1 allowed is allowed, at each place where it was (row B12)."""
    v = get_variable(name, [1])
    assert (v.path, v.name) == (name, f"{name}:0")


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("v:0", errors.VariableNameError),
        ("a b", errors.VariableNameError),
        ("_v", errors.VariableNameError),
        ("", errors.VariableNameError),
        ("/v", errors.VariableNameError),
        ("a//v", errors.VariableNameError),
        ("a/", errors.VariableNameError),
        (3, errors.NameTypeError),
        (None, errors.NameTypeError),
    ],
)
def test_impossible_names(name, error):
    """Names that no checkpoint could hold are refused, and nothing is made (rows B12, B13)."""
    with pytest.raises(error, match="name"):
        get_variable(name, [1])
    assert len(default_store()) == 0


def test_it_computes():
    """A scoped variable works in arithmetic, `keras.ops`, `matmul`, indexing, and NumPy (row B1)."""
    kernel = get_variable("kernel", initializer=[[1.0, 2.0], [3.0, 4.0]])
    bias = get_variable("bias", initializer=[10.0, 20.0])
    x = keras.ops.convert_to_tensor([[1.0, 1.0]])
    results = [
        x @ kernel + bias,
        keras.ops.matmul(x, kernel) + bias,
        keras.ops.add(keras.ops.sum(kernel, axis=0, keepdims=True), bias),
        abs(-bias) + kernel[0] + kernel[1],
        bias + np.asarray(kernel.numpy()).sum(0),
    ]
    for result in results:
        assert np.ravel(keras.ops.convert_to_numpy(result)).tolist() == [14.0, 26.0]


def test_it_can_be_assigned():
    """`assign`, `assign_add` and `assign_sub` work as on any Keras variable (row B1)."""
    v = get_variable("v", initializer=[1.0, 2.0])
    v.assign([3.0, 4.0])
    v.assign_add([1.0, 1.0])
    v.assign_sub([2.0, 0.0])
    assert v.numpy().tolist() == [2.0, 5.0]


def test_it_is_trained():
    """A Keras optimizer updates it, and leaves it the same object (row B1)."""
    v = get_variable("v", initializer=[1.0])
    optimizer = keras.optimizers.Adam(0.1)
    optimizer.apply([keras.ops.ones((1,))], [v])
    assert v.numpy()[0] < 1.0
    assert any("v" in variable.path for variable in optimizer.variables)


@pytest.mark.tensorflow
def test_the_tensorflow_variable_has_the_name():
    """The `tf.Variable` inside has TF1's name, whatever name scope is open (row B1)."""
    import tensorflow as tf

    with tf.name_scope("tf"), keras.name_scope("keras"), variable_scope("foo"), variable_scope("bar"):
        v = get_variable("v", [1])
    assert isinstance(v.value, tf.Variable)
    assert v.value.name == v.name == "foo/bar/v:0"


@pytest.mark.tensorflow
@ways
def test_the_tensorflow_variable_has_the_name_everywhere(way):
    """The `tf.Variable` has TF1's name also while a program is traced (rows B1, H20)."""
    assert _got(way, shape=[1]).value.name == "foo/v:0"


@ways
def test_the_path_is_the_scoped_name_everywhere(way):
    """No Keras name scope, and no layer around, puts a prefix before the path (row B8)."""
    with keras.name_scope("around"):
        v = _got(way, shape=[1])
    assert (v.path, v.name) == ("foo/v", "foo/v:0")


def test_the_path_of_a_variable_made_in_a_build():
    """A variable that a plain layer's `build` gets has no prefix of the layer (row B8)."""

    class Building(keras.layers.Layer):
        def build(self, shape):
            self.kernel = get_variable("kernel", [3, 1])

        def call(self, x):
            return x @ self.kernel

    layer = Building(name="layer")
    layer(np.ones((2, 3), "float32"))
    assert [v.path for v in layer.weights] == ["kernel"]
    assert layer.weights[0] is default_store()["kernel"]


@ways
def test_its_initializer_is_called_once(way):
    """The values are there at once, and the initializer was called once, wherever the variable is made (row H20)."""
    calls = []

    def initializer(shape, dtype):
        calls.append(1)
        return keras.ops.full(shape, 3, dtype)

    def body(x):
        with variable_scope("foo", reuse=AUTO_REUSE):
            v = get_variable("v", [2], initializer=initializer)
        assert v._value is not None

    way(body)
    v = default_store()["foo/v"]
    assert _value(v) == _value(v) == [3.0, 3.0]
    assert calls == [1]


def _initial_values():
    return {
        "default": ({"shape": [2]}, None),
        "name": ({"shape": [2], "initializer": "ones"}, [1.0, 1.0]),
        "function": ({"shape": [2], "initializer": lambda s, dtype: keras.ops.ones(s, dtype)}, [1.0, 1.0]),
        "list": ({"initializer": [1.0, 2.0]}, [1.0, 2.0]),
        "array": ({"initializer": np.array([1.0, 2.0], "float32")}, [1.0, 2.0]),
        "tensor": ({"initializer": keras.ops.convert_to_tensor([1.0, 2.0])}, [1.0, 2.0]),
        "variable": ({"initializer": keras.Variable([1.0, 2.0])}, [1.0, 2.0]),
        "function of nothing": ({"initializer": lambda: [1.0, 2.0]}, [1.0, 2.0]),
        "function of nothing that computes": ({"initializer": lambda: keras.ops.ones((2,)) * 2.0}, [2.0, 2.0]),
    }


@ways
@pytest.mark.parametrize("kind", sorted(_initial_values()))
def test_every_initial_value_everywhere(kind, way):
    """Whatever stands for the initial value does so in eager and traced programs alike (rows H7, H11, H20)."""
    options, expected = _initial_values()[kind]
    v = _got(way, **options)
    assert keras.ops.is_tensor(v.value) or BACKEND == "tensorflow"
    assert np.abs(_value(v)).max() <= 2.0
    assert expected is None or _value(v) == expected


@pytest.mark.tensorflow
@ways
def test_a_tensorflow_variable_everywhere(way):
    """A `tf.Variable` is a constant in traced programs, too (rows H11, H20)."""
    import tensorflow as tf

    assert _value(_got(way, initializer=tf.Variable([1.0, 2.0]))) == [1.0, 2.0]


# PyTorch runs a symbolic call again on ones if it fails, so that `x` has numbers then, which are not the user's.
DEPENDING = {
    "constant": lambda x: {"initializer": x},
    "list": lambda x: {"initializer": [x, x]},
    "function": lambda x: {"shape": [2, 3], "initializer": lambda shape, dtype: x},
    "function of nothing": lambda x: {"initializer": lambda: x},
}


@traced
@pytest.mark.parametrize("options", DEPENDING.values(), ids=DEPENDING)
def test_a_value_that_depends_on_a_traced_tensor(options, way):
    """An initial value that depends on a traced program's inputs is refused, and nothing is left (row H20)."""

    def body(x):
        with variable_scope("foo"):
            get_variable("v", **options(x))

    with pytest.raises(errors.InitialValueError, match="depends on the inputs of a program that is being traced"):
        way(body)
    assert len(default_store()) == 0


COMPUTING = {
    "function": lambda x: {"shape": [2, 3], "initializer": lambda shape, dtype: x * 2},
    "function of nothing": lambda x: {"initializer": lambda: x * 2},
}


@traced
@pytest.mark.parametrize("options", COMPUTING.values(), ids=COMPUTING)
def test_a_computation_on_a_traced_tensor(options, way):
    """An initializer that computes with a traced program's inputs is refused, by TensorFlow itself (row H20)."""

    def body(x):
        get_variable("v", **options(x))

    with pytest.raises((errors.InitialValueError, TypeError), match="depends on the inputs of|is out of scope"):
        way(body)
    assert len(default_store()) == 0


@ways
def test_a_failing_initializer_leaves_nothing(way):
    """An initializer that raises leaves no variable, no name, and no state of Keras behind (row G13)."""
    calls = []

    def bad(shape, dtype):
        calls.append(1)
        raise KeyError("bad")

    def body(x):
        with variable_scope("foo"):
            get_variable("v", [1], initializer=bad)

    with keras.name_scope("around"):
        with pytest.raises(KeyError, match="bad"):
            way(body)
        assert keras.Variable(0.0, name="plain").path == "around/plain"
    assert len(default_store()) == 0
    assert kscope.get_variable_scope().name == ""
    called = len(calls)
    with keras.StatelessScope():
        deferred = keras.Variable("ones", shape=(1,), name="deferred")
    assert _value(deferred) == [1.0]
    assert keras.ops.convert_to_numpy(keras.layers.Dense(1, kernel_initializer="ones")(np.ones((1, 2)))).tolist() == [
        [2]
    ]
    assert _value(_got(way, shape=[1], initializer="ones")) == [1.0]
    assert len(calls) == called


@ways
def test_making_one_leaves_the_state_of_keras_alone(way):
    """Making a variable leaves open what was open: stateless and symbolic scopes, and name scopes (row H20)."""
    seen = []

    def state():
        stateless = keras.src.backend.common.stateless_scope.in_stateless_scope()
        return stateless, keras.src.backend.common.symbolic_scope.in_symbolic_scope(), keras.ops.ones((1,)) * 1

    def body(x):
        before = state()
        with variable_scope("foo", reuse=AUTO_REUSE):
            get_variable("v", [1])
        after = state()
        seen.append(before[:2] == after[:2] and type(before[2]) is type(after[2]))
        seen.append(getattr(before[2], "device", None) == getattr(after[2], "device", None))

    way(body)
    assert all(seen)


def test_it_is_read_in_a_stateless_scope():
    """In a stateless scope its value is the scope's, as of any Keras variable (row H20)."""
    v = get_variable("v", [1], initializer="ones")
    with keras.StatelessScope(state_mapping=[(v, keras.ops.zeros((1,)))]) as scope:
        assert keras.ops.convert_to_numpy(v + 0.0).tolist() == [0.0]
        v.assign([5.0])
    assert keras.ops.convert_to_numpy(scope.get_current_value(v)).tolist() == [5.0]
    assert v.numpy().tolist() == [1.0]


@pytest.mark.torch
def test_its_torch_parameter():
    """On PyTorch the value is a leaf parameter that requires a gradient if it trains (row I1)."""
    for name, trainable in (("v", True), ("w", False)):
        value = get_variable(name, [1], trainable=trainable).value
        assert (value.is_leaf, value.requires_grad) == (True, trainable)
