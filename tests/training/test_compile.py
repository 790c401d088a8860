"""Compiled programs: the same results, and nothing of kscope left in them."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from samples import PlainTower, Stack, Tower

import kscope

X = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
Y = np.ones((8, 4), "float32")


def twins(units=4):
    """A scoped layer and its plain twin, built and with the same weights."""
    scoped, plain = Tower(units), PlainTower(units)
    scoped(X), plain(X)
    plain.set_weights([keras.ops.convert_to_numpy(v.value) for v in scoped.weights])
    return scoped, plain


def test_twins_agree():
    """A scoped layer computes what its plain twin computes."""
    scoped, plain = twins()
    np.testing.assert_allclose(keras.ops.convert_to_numpy(scoped(X)), keras.ops.convert_to_numpy(plain(X)), rtol=1e-6)


@pytest.mark.parametrize("jit", [False, True])
def test_fit(jit):
    """`fit` trains a scoped model as it trains the plain one, compiled or not."""
    scoped, plain = twins()
    losses = []
    for layer in (scoped, plain):
        model = keras.Sequential([keras.Input((3,)), layer])
        model.compile(keras.optimizers.SGD(0.1), "mse", jit_compile=jit)
        losses.append(model.fit(X, Y, batch_size=4, epochs=2, shuffle=False, verbose=0).history["loss"])
    np.testing.assert_allclose(*losses, rtol=1e-5)
    assert losses[0][1] < losses[0][0]


@pytest.mark.parametrize("jit", [False, True])
def test_fit_a_scoped_model(jit):
    """A scoped model with nested layers trains, compiled or not."""
    model = Stack(units=32)
    model.compile(keras.optimizers.SGD(0.05), "mse", jit_compile=jit)
    loss = model.fit(X, np.ones((8, 32), "float32"), epochs=4, verbose=0).history["loss"]
    assert loss[-1] < loss[0]
    assert len(model.weights) == 5


@pytest.mark.torch
def test_no_graph_breaks():
    """PyTorch compiles a call of a scoped layer, nested ones and models included, into one graph."""
    import torch

    x = torch.as_tensor(X)
    for layer in (Tower(), Stack()):
        expected = layer(x)
        explained = torch._dynamo.explain(layer)(x)
        assert (explained.graph_break_count, explained.break_reasons) == (0, [])
        torch._dynamo.reset()
        compiled = torch.compile(layer, fullgraph=True, backend="eager")
        torch.testing.assert_close(compiled(x), expected)
        torch._dynamo.reset()


@pytest.mark.torch
def test_same_operations_on_torch():
    """The graph that PyTorch traces has the operations of the plain twin's."""
    import torch

    def operations(layer):
        graphs = []

        def record(module, _):
            graphs.append(sorted(str(node.target) for node in module.graph.nodes if node.op == "call_function"))
            return module.forward

        torch._dynamo.reset()
        torch.compile(layer, backend=record, fullgraph=True)(torch.as_tensor(X))
        return graphs

    scoped, plain = twins()
    assert operations(scoped) == operations(plain)
    assert len(operations(scoped)[0]) > 0


@pytest.mark.jax
def test_same_operations_on_jax():
    """The program that JAX traces is the plain twin's, to the letter."""
    import jax

    def program(layer):
        values = [v.value for v in layer.trainable_variables]
        return str(jax.make_jaxpr(lambda values, x: layer.stateless_call(values, [], x)[0])(values, X))

    scoped, plain = twins()
    assert program(scoped) == program(plain)
    assert "dot_general" in program(scoped)


@pytest.mark.tensorflow
def test_same_operations_on_tensorflow():
    """The graph that TensorFlow traces has the operations of the plain twin's."""
    import tensorflow as tf

    def operations(layer):
        function = tf.function(lambda x: layer(x)).get_concrete_function(tf.TensorSpec((None, 3)))
        return sorted(operation.type for operation in function.graph.get_operations())

    scoped, plain = twins()
    assert operations(scoped) == operations(plain)
    assert "MatMul" in operations(scoped)


@pytest.mark.tensorflow
def test_built_inside_a_function():
    """A layer may be built by the first call of a `tf.function`, and keeps its variables when it is traced again."""
    import tensorflow as tf

    layer = Tower()
    function = tf.function(lambda x: layer(x))
    function(tf.ones((2, 3)))
    variables = layer.weights
    function(tf.ones((5, 3)))
    assert all(v is w for v, w in zip(variables, layer.weights, strict=True))
    np.testing.assert_allclose(function(tf.ones((2, 3))), layer(np.ones((2, 3), "float32")), rtol=1e-6)


@pytest.mark.jax
def test_built_inside_a_jit():
    """A layer may be built inside of `jax.jit`: its variables hold numbers, not tracers."""
    import jax

    layer = Tower()
    result = jax.jit(lambda x: layer(x))(X)
    np.testing.assert_allclose(result, layer(X), rtol=1e-6)


def test_get_variable_in_a_traced_function_that_runs_again():
    """A function that is traced twice gets the same variable under AUTO_REUSE, whatever ran before (row P12)."""

    def function(x):
        with kscope.variable_scope("fn", reuse=kscope.AUTO_REUSE):
            return x * kscope.get_variable("v", [], initializer="ones")

    for shape in ((2, 3), (5, 3)):
        keras.layers.Lambda(function)(keras.KerasTensor(shape))
    assert list(kscope.default_store()) == ["fn/v"]


def test_stateless_call():
    """`stateless_call` takes the weights from its arguments."""
    layer = Tower()
    layer(X)
    zeros = [keras.ops.zeros(v.shape) for v in layer.trainable_variables]
    outputs, _ = layer.stateless_call(zeros, [], X)
    assert float(keras.ops.sum(keras.ops.abs(outputs))) == 0.0
