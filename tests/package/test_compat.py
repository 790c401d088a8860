"""`kscope.compat.v1`: TF1's names for kscope's objects."""

from __future__ import annotations

import importlib
import subprocess
import sys

import keras
import pytest

import kscope
import kscope.compat.v1 as tf
from kscope import initializers, partitioners, regularizers
from kscope._lazy import found
from kscope._variables import dtypes as _dtypes

V1 = "kscope.compat.v1"
MODULES = [
    V1,
    f"{V1}.initializers",
    f"{V1}.contrib",
    *(f"{V1}.contrib.{n}" for n in ("framework", "layers", "slim")),
    f"{V1}.losses",
]
NAMES = [(module, name) for module in MODULES for name in importlib.import_module(module).__all__]

# Where TF1's name is not that of the object.
RENAMED = {
    "all_variables": "global_variables",
    "reset_default_graph": "reset_default_store",
    "variance_scaling_initializer": "contrib_variance_scaling_initializer",
}


def _expected(module, name):
    """The object of kscope that a name stands for."""
    if f"{module}.{name}" in MODULES:
        return importlib.import_module(f"{module}.{name}")
    if module == f"{V1}.losses":
        return getattr(tf.losses, name)
    if module == V1:
        name = RENAMED[name] if name in ("all_variables", "reset_default_graph") else name
    elif module.endswith(".initializers"):
        name = name if hasattr(initializers, name) else f"{name}_initializer"
    else:
        name = RENAMED.get(name, name)
    return next(
        getattr(home, name) for home in (kscope, initializers, partitioners, regularizers) if name in home.__all__
    )


@pytest.mark.parametrize(("module", "name"), NAMES)
def test_names(module, name):
    """Each name is the object of kscope, and documented; a dtype is its name."""
    value = getattr(importlib.import_module(module), name)
    if isinstance(value, str):
        assert value == name
        assert _dtypes.standardize(value) == {"half": "float16"}.get(value, value)
    else:
        assert value is _expected(module, name)
        assert value.__doc__


@pytest.mark.parametrize("module", ["kscope.compat", *MODULES])
def test_modules(module):
    """Each module lists its names in order, and `dir` shows them."""
    names = importlib.import_module(module).__all__
    assert names == sorted(names)
    assert set(names) <= set(dir(importlib.import_module(module)))


def test_a_module_is_a_name():
    """A table may name a module, or what a module has."""
    assert found("kscope.compat", "v1", {"v1": V1}) is tf
    assert found("kscope.compat", "v1", {"v1": f"{V1}:contrib"}) is tf.contrib
    assert found("kscope.compat", "v1", {"v1": V1}) is kscope.compat.v1 is tf


def test_compat_is_reached_from_kscope():
    """`kscope.compat.v1` needs no import of its own."""
    code = "import kscope; print(kscope.compat.v1.contrib.slim.l2_regularizer(0.5).scale)"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert run.stdout == "0.5\n"


@pytest.mark.parametrize("module", MODULES)
def test_import_loads_no_keras(module):
    """Importing the spelling loads nothing; using a name of it does."""
    code = f"import sys, {module} as tf; print('keras' in sys.modules, len(dir(tf)) > 3)"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert run.stdout == "False True\n"


@pytest.mark.parametrize(
    ("module", "name", "message"),
    [
        (tf, "global_variables_initializer", ": variables are made with their values; leave it out."),
        (tf, "Graph", ": kscope has stores instead of graphs"),
        (tf, "create_partitioned_variables", ": use get_variable with a partitioner."),
        (tf.losses, "mean_squared_error", ": use keras.losses"),
        (tf.initializers, "global_variables", ": variables are made with their values"),
        (tf, "get_varable", "^module 'kscope.compat.v1' has no attribute 'get_varable'$"),
        (tf.contrib, "lars", "^module 'kscope.compat.v1.contrib' has no attribute 'lars'$"),
        (kscope.compat, "v3", "^module 'kscope.compat' has no attribute 'v3'$"),
    ],
)
def test_names_that_are_not_there(module, name, message):
    """What TF1 had and kscope does not have says what to use instead; what TF1 did not have is just not there."""
    with pytest.raises(AttributeError, match=message):
        getattr(module, name)


@pytest.mark.tensorflow
def test_the_names_are_those_of_tensorflow():
    """What has a name here, or a way out, is in TensorFlow 1's namespace, but for what went away with TensorFlow 2."""
    from tensorflow.compat import v1

    gone = {"contrib"}
    assert {name for name in [*tf.__all__, *tf._INSTEAD] if not hasattr(v1, name)} == gone
    assert {name for name in tf.initializers.__all__ if not hasattr(v1.initializers, name)} == set()
    assert {*tf.losses.__all__, *tf.losses._INSTEAD} == {name for name in dir(v1.losses) if name[0] != "_"}


@pytest.mark.tensorflow
def test_no_name_around_variables_is_forgotten():
    """Each name of TensorFlow 1 that speaks of variables or what goes with them is there, or has a way out."""
    from tensorflow.compat import v1

    words = ("variable", "initializ", "collection", "partitioner", "regularizer", "template")
    names = {name for name in dir(v1) if any(word in name.lower() for word in words)}
    assert names - {*tf.__all__, *tf._INSTEAD} == set()


def test_ported_code():
    """Code of TF1 runs after a change of its import."""
    slim = tf.contrib.slim

    @slim.add_arg_scope
    def fully_connected(x, units, weights_initializer=None, weights_regularizer=None, scope=None):
        with tf.variable_scope(scope, "fully_connected"):
            kernel = tf.get_variable(
                "weights", [x.shape[-1], units], tf.float32, weights_initializer, weights_regularizer
            )
            return x @ kernel + tf.get_variable("biases", [units], initializer=tf.zeros_initializer())

    def network(x):
        with slim.arg_scope(
            [fully_connected],
            weights_initializer=slim.xavier_initializer(),
            weights_regularizer=slim.l2_regularizer(0.5),
        ):
            return fully_connected(fully_connected(x, 3), 1, scope="logits")

    x = keras.ops.ones((2, 4))
    with tf.variable_scope("net", reuse=tf.AUTO_REUSE) as scope:
        first = network(x)
        assert [v.name for v in scope.trainable_variables()] == [
            "net/fully_connected/weights:0",
            "net/fully_connected/biases:0",
            "net/logits/weights:0",
            "net/logits/biases:0",
        ]
    assert first.shape == (2, 1)
    losses = scope.get_collection("regularization_losses")
    kernels = [keras.ops.convert_to_numpy(v) for v in scope.trainable_variables()[::2]]
    for loss, kernel in zip(losses, kernels, strict=True):
        assert keras.ops.convert_to_numpy(loss) == pytest.approx((kernel**2).sum() * 0.25, rel=1e-5)
    tf.reset_default_graph()
    assert tf.get_variable_scope().global_variables() == []


def _number(scalar):
    return float(keras.ops.convert_to_numpy(scalar))


def test_losses():
    """What was added to the losses is listed and summed, with the regularizers' values or without them."""
    tf.losses.add_loss(keras.ops.convert_to_tensor(2.0))
    tf.losses.add_loss(keras.ops.convert_to_tensor(3.0), "mine")
    tf.losses.add_loss(keras.ops.convert_to_tensor(4.0), None)
    tf.get_variable("v", [2], initializer=tf.ones_initializer(), regularizer=keras.ops.sum)
    assert [_number(loss) for loss in tf.losses.get_losses()] == [2.0]
    assert [_number(loss) for loss in tf.losses.get_losses(loss_collection="mine")] == [3.0]
    assert [_number(loss) for loss in tf.losses.get_regularization_losses("v")] == [2.0]
    assert _number(tf.losses.get_total_loss()) == 4.0
    assert _number(tf.losses.get_total_loss(add_regularization_losses=False)) == 2.0
