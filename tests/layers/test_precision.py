"""Precision, memory and adapters: mixed precision, quantization, rematerialization, LoRA by a custom getter."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from gradients import array, gradients
from samples import Stack, Tower
from trained import X, fit, optimizer, pair, same

import kscope
from kscope import errors

MODES = ["int8", "int4", "float8"]


@pytest.mark.parametrize(
    "policy",
    [
        pytest.param("mixed_float16", marks=pytest.mark.matrix("Precision: mixed_float16")),
        pytest.param("mixed_bfloat16", marks=pytest.mark.matrix("Precision: mixed_bfloat16")),
    ],
)
def test_mixed_precision(policy):
    """Variables are float32, calls compute in 16 bits, and training, with loss scaling, is the plain twin's."""
    models = pair(dtype=policy)
    results = []
    for model in models:
        model.compile(optimizer(), "mse", auto_scale_loss=True)
        results.append(fit(model, epochs=3))
    same(results, rtol=1e-2)
    scoped = models[0]
    assert {v.dtype for v in scoped.weights} == {"float32"}
    assert keras.backend.standardize_dtype(scoped(X).dtype) == policy.removeprefix("mixed_")


@pytest.mark.parametrize(
    "dtype",
    [
        pytest.param("float16", marks=pytest.mark.matrix("Precision: float16")),
        pytest.param("bfloat16", marks=pytest.mark.matrix("Precision: bfloat16")),
        pytest.param(
            "float64",
            # JAX computes in 32 bits unless it is told otherwise for the whole process.
            marks=[pytest.mark.matrix("Precision: float64"), pytest.mark.tensorflow, pytest.mark.torch],
        ),
    ],
)
def test_pure_precision(dtype):
    """A layer of one dtype has its variables in it, and trains."""
    model = keras.Sequential([keras.Input((3,)), Tower(dtype=dtype)])
    model.compile(keras.optimizers.SGD(0.05), "mse")
    losses = fit(model, epochs=3)
    assert losses[-1] < losses[0]
    assert {v.dtype for v in model.weights} == {dtype}


@pytest.mark.matrix("Precision: global policy")
def test_a_global_policy():
    """A global policy holds for scoped layers as for Keras' own."""
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = Stack()
        model.build((None, 3))
    finally:
        keras.config.set_dtype_policy("float32")
    assert {v.dtype for v in model.weights} == {"float32"}
    assert keras.backend.standardize_dtype(model(X).dtype) == "bfloat16"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.matrix("Precision: quantize a scoped layer", says="refused")
def test_quantize_a_layer(mode):
    """A scoped layer refuses: Keras cannot swap variables that `call()` gets by name. Nothing is changed."""
    layer = Tower()
    before = array(layer(X))
    with pytest.raises(errors.UnsupportedError, match="Layer 'tower.*' cannot be quantized(.|\n)*Fix: "):
        layer.quantize(mode)
    np.testing.assert_array_equal(array(layer(X)), before)
    assert [v.dtype for v in layer.weights] == ["float32"] * 2


# Keras 3.16 sums up in one warning what it skips.
@pytest.mark.filterwarnings(
    "ignore:Layer InputLayer does not have:UserWarning", "ignore:.*layer.s. were skipped because:UserWarning"
)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.matrix("Precision: quantize a model of scoped layers", says="warned")
def test_quantize_a_model(mode):
    """Quantizing a model warns for each scoped layer that stays as it is, as Keras does for layers of users."""
    model = keras.Sequential([keras.Input((3,)), Tower(), Tower()])
    with pytest.warns(UserWarning, match="Layer 'tower.*' cannot be quantized") as warned:
        model.quantize(mode)
    assert sum("cannot be quantized" in str(warning.message) for warning in warned) == 2
    assert {v.dtype for v in model.weights} == {"float32"}


class Mixed(kscope.ScopedModel):
    """A model with a Keras layer inside, and a variable of its own."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return self.dense(x) * kscope.get_variable("scale", [], initializer="ones")


@pytest.mark.matrix("Precision: quantize Keras' layers inside of a scoped model")
@pytest.mark.parametrize("mode", MODES)
def test_quantize_inside_a_scoped_model(mode):
    """Keras' layers inside a scoped model are quantized; that the model's own variables are not is said."""
    model = Mixed()
    before = array(model(X))
    with pytest.warns(UserWarning, match="Layer 'mixed.*' keeps its own variables as they are(.|\n)*mixed/scale"):
        model.quantize(mode)
    assert model.dense.quantization_mode == mode
    np.testing.assert_allclose(array(model(X)), before, atol=0.6)


class MixedLayer(kscope.ScopedLayer):
    """A layer with a Keras layer inside, and a variable of its own."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return self.dense(x) * kscope.get_variable("scale", [], initializer="ones")


# Keras 3.16 sums up in one warning what it skips.
@pytest.mark.filterwarnings(
    "ignore:Layer InputLayer does not have:UserWarning", "ignore:.*layer.s. were skipped because:UserWarning"
)
@pytest.mark.parametrize("mode", MODES)
def test_quantize_a_model_of_mixed_layers(mode):
    """A stock model names the variables of a scoped layer whose Keras layers are quantized."""
    model = keras.Sequential([keras.Input((3,)), MixedLayer()])
    with pytest.warns(UserWarning, match="Layer 'mixed_layer.*' keeps its own variables as they are"):
        model.quantize(mode)
    assert model.layers[0].dense.quantization_mode == mode


def lora(next_getter, name, shape=None, **kwargs):
    """Add a product of two thin matrices to each kernel, which itself is frozen (Hu et al., 2021)."""
    if not name.endswith("kernel"):
        return next_getter(name, shape=shape, **kwargs)
    kernel = next_getter(name, shape=shape, **{**kwargs, "trainable": False})
    a = next_getter(name + "_lora_a", shape=[shape[0], 2], **{**kwargs, "initializer": "he_uniform"})
    b = next_getter(name + "_lora_b", shape=[2, shape[1]], **{**kwargs, "initializer": "zeros"})
    return kernel + keras.ops.matmul(a, b)


@pytest.mark.matrix("Precision: LoRA by a custom getter")
def test_lora():
    """An adapter starts as the layer it is put around, and is all that is trained but for the bias."""
    store = kscope.VariableStore()
    with store.as_default(), kscope.variable_scope("adapted", custom_getter=lora):
        layer = Tower(name="tower")
    plain = Tower()
    plain.build((None, 3)), layer.build((None, 3))
    paths = [v.path.removeprefix("adapted/tower/fc/") for v in layer.weights]
    assert paths == ["kernel_lora_a", "kernel_lora_b", "bias", "kernel"]
    store["adapted/tower/fc/kernel"].assign(plain.weights[0])
    np.testing.assert_allclose(array(layer(X)), array(plain(X)), rtol=1e-5)
    model = keras.Sequential([keras.Input((3,)), layer])
    model.compile(optimizer(), "mse")
    before = dict(zip(paths, layer.get_weights(), strict=True))
    losses = fit(model, epochs=3)
    assert losses[-1] < losses[0]
    assert [p for p, w in zip(paths, layer.get_weights(), strict=True) if np.array_equal(w, before[p])] == ["kernel"]


@pytest.mark.matrix("Precision: rematerialization by RematScope")
@pytest.mark.parametrize("mode", ["full", "activations"])
def test_remat_scope(mode):
    """A layer made in a `RematScope` computes its activations again, with the same outputs and gradients."""
    plain = Tower()
    with keras.RematScope(mode=mode):
        layer = Tower()
    plain(X), layer(X)
    layer.set_weights(plain.get_weights())
    (outputs, found), (expected, wanted) = gradients(layer, X), gradients(plain, X)
    np.testing.assert_allclose(outputs, expected, rtol=1e-5)
    for gradient, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(gradient, other, rtol=1e-5)


@pytest.mark.matrix("Precision: rematerialization in fit")
def test_remat_in_fit():
    """A model whose scoped layers are rematerialized, `training` and all, trains as it does without."""
    with keras.RematScope(mode="full"):
        models = [Stack()]
    models.append(Stack())
    for model in models:
        model.build((None, 3))
        model.compile(keras.optimizers.SGD(0.02), "mse")
    models[1].set_weights(models[0].get_weights())
    same([fit(model, epochs=3) for model in models], rtol=1e-4)


@pytest.mark.matrix("Precision: rematerialization of a function")
def test_remat_of_a_function():
    """`keras.remat` around a part of a call computes it again, with variables that the call got before."""

    class Part(kscope.ScopedLayer):
        def call(self, x):
            w = kscope.get_variable("w", [3], initializer="ones")
            return keras.remat(lambda x: keras.ops.tanh(x * w))(x)

    layer = Part()
    layer(X)
    outputs, (gradient,) = gradients(layer, X)
    np.testing.assert_allclose(outputs, np.tanh(X), rtol=1e-5)
    np.testing.assert_allclose(gradient, np.sum(2 * np.tanh(X) * (1 - np.tanh(X) ** 2) * X, axis=0), rtol=1e-4)
