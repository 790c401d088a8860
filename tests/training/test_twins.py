"""Keras' own layers written the scoped way pass Keras' own test of a layer, and compute the same to the gradients."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import twins
from gradients import array, gradients
from keras.src.testing import TestCase
from samples import paths

CASES = {
    "Dense": ({"units": 4, "activation": "relu"}, [(2, 3)]),
    "Conv2D": ({"filters": 4, "kernel_size": 3, "strides": 2, "padding": "same"}, [(2, 6, 5, 3)]),
    "LSTM": ({"units": 4}, [(2, 5, 3)]),
    "MultiHeadAttention": ({"num_heads": 2, "key_dim": 3}, [(2, 5, 4), (2, 7, 4)]),
    "BatchNormalization": ({"momentum": 0.5}, [(4, 5, 3)]),
}
ALL = pytest.mark.parametrize(("name", "options", "shapes"), [(name, *case) for name, case in CASES.items()])

# Keras' training check hands `fit` a generator, of which Keras says that it does not shuffle it.
GENERATOR = pytest.mark.filterwarnings("ignore:`shuffle=True` was passed:UserWarning")


def twins_of(name, options, shapes):
    """A scoped layer and Keras' one, built, with the same weights, and inputs for both."""
    numbers = np.random.default_rng(0)
    inputs = [numbers.normal(size=shape).astype("float32") for shape in shapes]
    scoped, stock = getattr(twins, name)(**options), getattr(keras.layers, name)(**options)
    scoped(*inputs), stock(*inputs)
    # Both signs, but for what has to be positive; small, so that no softmax saturates.
    low = [0.1 if "variance" in v.path else -0.5 for v in stock.weights]
    weights = [numbers.uniform(start, 0.5, size=v.shape) for v, start in zip(stock.weights, low, strict=True)]
    scoped.set_weights(weights), stock.set_weights(weights)
    return scoped, stock, inputs


def agree(scoped, stock, inputs, **kwargs):
    """Whether outputs, gradients and, after the call, weights are those of Keras' layer."""
    (outputs, found), (expected, wanted) = (gradients(layer, *inputs, **kwargs) for layer in (scoped, stock))
    np.testing.assert_allclose(outputs, expected, rtol=1e-4, atol=1e-5)
    for gradient, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(gradient, other, rtol=1e-3, atol=1e-4)
    for variable, other in zip(scoped.weights, stock.weights, strict=True):
        np.testing.assert_allclose(array(variable), array(other), rtol=1e-5, atol=1e-6)


@pytest.mark.matrix("Layers: Keras' own run_layer_test")
@GENERATOR
@ALL
def test_the_layer_test_of_keras(name, options, shapes):
    """Keras' own test of a layer: config, build, symbolic and eager call, training, mixed precision."""
    stock = getattr(keras.layers, name)(**options)
    output = stock(np.zeros(shapes[0], "float32"), *[np.zeros(shapes[0], "float32")] * (len(shapes) - 1))
    TestCase().run_layer_test(
        getattr(twins, name),
        init_kwargs=options,
        input_shape=shapes[0],
        expected_output_shape=tuple(output.shape),
        expected_num_trainable_weights=len(stock.trainable_weights),
        expected_num_non_trainable_weights=len(stock.non_trainable_weights),
        expected_num_seed_generators=0,
        expected_num_losses=0,
        run_training_check=True,
        run_mixed_precision_check=True,
    )


@pytest.mark.matrix("Layers: Keras' own run_layer_test")
def test_the_layer_test_of_keras_with_named_shapes():
    """Keras' own test of a layer of several inputs, which are built and called by name."""
    TestCase().run_layer_test(
        twins.MultiHeadAttention,
        init_kwargs={"num_heads": 2, "key_dim": 3},
        input_shape={"query_shape": (2, 5, 4), "value_shape": (2, 7, 4)},
        expected_output_shape=(2, 5, 4),
        expected_num_trainable_weights=8,
        expected_num_non_trainable_weights=0,
        # Keras' training check hands all inputs over as one.
        run_training_check=False,
    )


@pytest.mark.matrix("Layers: outputs and gradients of the stock layer")
@ALL
def test_outputs_and_gradients(name, options, shapes):
    """With the same weights, a twin has the outputs and the gradients of Keras' layer."""
    agree(*twins_of(name, options, shapes))


def test_sequences_of_an_lstm():
    """The LSTM returns whole sequences as well, with the same gradients."""
    agree(*twins_of("LSTM", {"units": 4, "return_sequences": True}, [(2, 5, 3)]))


@pytest.mark.matrix("Layers: moving statistics of batch normalization")
def test_batch_normalization_in_training():
    """In training the batch's statistics are used, and the moving ones are equal afterwards, call after call."""
    scoped, stock, inputs = twins_of("BatchNormalization", {"momentum": 0.5}, [(4, 5, 3)])
    before = array(scoped.weights[-1])
    for _ in range(3):
        agree(scoped, stock, inputs, training=True)
    assert not np.allclose(array(scoped.weights[-1]), before)


@pytest.mark.parametrize(
    "policy",
    [
        pytest.param("mixed_float16", marks=pytest.mark.matrix("Precision: state in mixed_float16")),
        pytest.param("mixed_bfloat16", marks=pytest.mark.matrix("Precision: state in mixed_bfloat16")),
    ],
)
def test_batch_normalization_in_mixed_precision(policy):
    """The moving statistics keep their precision while the layer computes in 16 bits."""
    inputs = np.random.default_rng(0).normal(3.0, 1.0, size=(64, 3)).astype("float32")
    layers = [cls(dtype=policy) for cls in (twins.BatchNormalization, keras.layers.BatchNormalization)]
    for layer in layers:
        for _ in range(50):
            outputs = layer(inputs, training=True)
        assert keras.backend.standardize_dtype(outputs.dtype) == layer.compute_dtype
    for variable, other in zip(*(layer.non_trainable_variables for layer in layers), strict=True):
        np.testing.assert_allclose(array(variable), array(other), rtol=1e-5)


def test_frozen_batch_normalization():
    """A frozen layer uses its moving statistics in training, too, and keeps them."""
    scoped, stock, inputs = twins_of("BatchNormalization", {"momentum": 0.5}, [(4, 5, 3)])
    scoped.trainable = stock.trainable = False
    before = scoped.get_weights()
    outputs = [array(layer(*inputs, training=True)) for layer in (scoped, stock)]
    np.testing.assert_allclose(*outputs, rtol=1e-5)
    np.testing.assert_array_equal(scoped.get_weights(), before)


@ALL
def test_names(name, options, shapes):
    """A twin's variables are named as Keras names those of its layer, below the layer's scope."""
    scoped, stock, _ = twins_of(name, options, shapes)
    scope = scoped.scope.name
    # Keras' LSTM has its weights in a cell.
    theirs = [v.path.removeprefix(stock.name).replace("/lstm_cell", "") for v in stock.weights]
    assert [path.removeprefix(scope) for path in paths(scoped)] == theirs


@ALL
def test_initial_values(name, options, shapes):
    """A twin starts from the distribution that Keras' layer starts from: equal constants, equal bounds."""
    inputs = [np.zeros(shape, "float32") for shape in shapes]
    scoped, stock = getattr(twins, name)(**options), getattr(keras.layers, name)(**options)
    scoped(*inputs), stock(*inputs)
    for variable, other in zip(scoped.weights, stock.weights, strict=True):
        if "kernel" not in variable.path:
            np.testing.assert_array_equal(array(variable), array(other))
        else:
            assert np.std(array(variable)) == pytest.approx(np.std(array(other)), rel=0.5)
