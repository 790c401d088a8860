"""Overlays: for a block, variables read as other values; and copies of stores."""

from __future__ import annotations

import copy
import threading

import keras
import numpy as np
import pytest
from samples import Stack, Tower

import kscope

X = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")


def numbers(tensor):
    """A tensor's or variable's values, as NumPy has them."""
    return keras.ops.convert_to_numpy(tensor)


@pytest.fixture
def store():
    """A store with a variable of two ones and one of two twos."""
    store = kscope.VariableStore()
    store.get_variable("a", initializer=[1.0, 1.0])
    store.get_variable("b", initializer=[2.0, 2.0])
    return store


@pytest.mark.matrix("Functional form: overlay")
def test_reads_as_another_value(store):
    """Inside the block the variables named read as the values given, the others as before."""
    with store.overlay({"a": np.array([5.0, 6.0])}):
        np.testing.assert_array_equal(numbers(store["a"] + store["b"]), [7.0, 8.0])
    np.testing.assert_array_equal(numbers(store["a"] + store["b"]), [3.0, 3.0])


def test_nested(store):
    """The inner block's values win, and the outer's are back after it."""
    with store.overlay({"a": [5.0, 5.0], "b": [6.0, 6.0]}):
        with store.overlay({"a": [7.0, 7.0]}):
            np.testing.assert_array_equal(numbers(store["a"] + store["b"]), [13.0, 13.0])
        np.testing.assert_array_equal(numbers(store["a"]), [5.0, 5.0])


def test_another_store(store):
    """A store stands for the mapping of its names."""
    clone = store.clone()
    clone["a"].assign([9.0, 9.0])
    assert dict(clone)["a"] is clone["a"]
    with store.overlay(clone):
        np.testing.assert_array_equal(numbers(store["a"]), [9.0, 9.0])


def test_swapped(store):
    """Values that are variables of the store itself are taken as they are when the block is made."""
    with store.overlay({"a": store["b"], "b": store["a"]}):
        np.testing.assert_array_equal(numbers(store["a"]), [2.0, 2.0])
        np.testing.assert_array_equal(numbers(store["b"]), [1.0, 1.0])


def test_assigning_inside(store):
    """What is assigned to other variables stays."""
    with store.overlay({"a": [5.0, 5.0]}):
        store["b"].assign([8.0, 8.0])
    np.testing.assert_array_equal(numbers(store["b"]), [8.0, 8.0])
    np.testing.assert_array_equal(numbers(store["a"]), [1.0, 1.0])


def test_unknown_name(store):
    """A name that is not in the store is an error with the nearest ones."""
    with pytest.raises(kscope.errors.VariableMissingError, match=r"No variable 'aa' to overlay(.*\n)*.*nearest names"):
        store.overlay({"aa": [1.0, 1.0]})


def test_another_shape(store):
    """A value of another shape is an error, and nothing is overlaid."""
    with pytest.raises(
        kscope.errors.ShapeMismatchError, match=r"a of shape \(2,\) cannot read as a value of shape \(3,\)"
    ):
        store.overlay({"a": [1.0, 1.0, 1.0]})


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.matrix("Functional form: overlay of a compiled model")
def test_evaluation_with_averages(jit):
    """A model that was compiled and evaluated before evaluates with the values given, and then as before."""
    model = Stack(name="net")
    model.compile("sgd", "mse", jit_compile=jit and keras.backend.backend() != "torch")
    y = np.ones((4, 4), "float32")
    before = model.evaluate(X, y, verbose=0)
    twin = Stack(name="net")
    twin.compile("sgd", "mse")
    expected = twin.evaluate(X, y, verbose=0)
    with model.store.overlay(twin.store):
        assert model.evaluate(X, y, verbose=0) == pytest.approx(expected, rel=1e-5)
        np.testing.assert_allclose(numbers(model(X)), numbers(twin(X)), rtol=1e-5)
        np.testing.assert_allclose(model.predict(X, verbose=0), numbers(twin(X)), rtol=1e-5)
    assert before != pytest.approx(expected, rel=1e-5)
    assert model.evaluate(X, y, verbose=0) == pytest.approx(before, rel=1e-6)


def gradient(function, value):
    """The gradient of a function of one tensor."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        value = tf.constant(value)
        with tf.GradientTape() as tape:
            tape.watch(value)
            result = function(value)
        return tape.gradient(result, value)
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(jax.grad(function))(value)
    import torch

    value = torch.tensor(value, requires_grad=True)
    function(value).backward()
    return value.grad


@pytest.mark.matrix("Functional form: gradients through an overlay")
def test_gradients_reach_the_values(store):
    """The gradient reaches the tensor that a variable reads as: fast weights."""

    def loss(fast):
        with store.overlay({"a": fast}):
            return keras.ops.sum(store["a"] * store["a"] * store["b"])

    np.testing.assert_allclose(numbers(gradient(loss, np.array([3.0, 4.0], "float32"))), [12.0, 16.0])


def test_mixed_precision():
    """Under mixed precision the values are cast as the variable's would be."""
    layer = Tower(2, dtype="mixed_float16", name="tower")
    layer(X)
    with layer.store.overlay({"tower/fc/kernel": np.ones((3, 2))}):
        outputs = layer(X)
    assert keras.backend.standardize_dtype(outputs.dtype) == "float16"


def test_other_threads(store):
    """Another thread reads the values given on TensorFlow and JAX, and its own on PyTorch, as documented."""
    # On TensorFlow and JAX the variables' memory is swapped.
    expected = [1.0, 1.0] if keras.backend.backend() == "torch" else [5.0, 5.0]
    seen = []
    with store.overlay({"a": [5.0, 5.0]}):
        thread = threading.Thread(target=lambda: seen.append(numbers(store["a"])))
        thread.start()
        thread.join()
    np.testing.assert_array_equal(seen[0], expected)


@pytest.mark.matrix("Functional form: clone of a store")
def test_clone():
    """A clone has all that its store has, under a prefix if one is given, and shares nothing."""
    store = kscope.VariableStore("mine")
    store.get_variable("a", [2], regularizer="l2", constraint="non_neg", collections=["mine"])
    store.get_variable("n", [], dtype="int32")
    clone = store.clone(prefix="target", name="copy")
    assert list(clone) == ["target/a", "target/n"]
    assert (clone.name, store.clone().name) == ("copy", "mine")
    twin = clone["target/a"]
    assert twin is not store["a"]
    np.testing.assert_array_equal(numbers(twin), numbers(store["a"]))
    assert twin.regularizer is store["a"].regularizer
    assert twin.constraint is store["a"].constraint
    assert clone.get_collection("mine")[0] is twin
    assert (clone["target/n"].trainable, clone["target/n"].dtype) == (False, "int32")
    store["a"].assign([7.0, 7.0])
    assert not np.allclose(numbers(twin), 7.0)


def test_deep_copy_of_a_store(store):
    """A deep copy of a store is a clone."""
    twin = copy.deepcopy({"store": store})["store"]
    assert list(twin) == ["a", "b"]
    assert twin["a"] is not store["a"]


def test_target_network():
    """A layer on a clone of another's store is its copy, and the other's training does not touch it."""
    online = Tower(2, name="q", store=kscope.VariableStore())
    online(X)
    target = Tower(2, name="q", store=online.store.clone(), reuse=True)
    np.testing.assert_array_equal(numbers(target(X)), numbers(online(X)))
    online.weights[0].assign(keras.ops.zeros((3, 2)))
    assert not np.allclose(numbers(target(X)), numbers(online(X)))
