"""Exports to other formats, as far as Keras offers them on each backend: what comes back computes the same."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from samples import PlainTower, Stack, Tower

import kscope

# The exporters, and what they export to, warn of each other's old interfaces.
pytestmark = pytest.mark.filterwarnings("ignore")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(2, 3)).astype("float32")
MORE = RNG.normal(size=(5, 3)).astype("float32")


def subclassed():
    """A scoped model with scoped layers below it."""
    return Stack(name="net")


def sequential():
    """A stock model with a scoped layer in it."""
    return keras.Sequential([keras.Input((3,)), Tower(4, name="tower")])


def shared():
    """Two layers that share."""
    store = kscope.VariableStore()
    inputs = keras.Input((3,))
    first = Tower(store=store, scope="tower", name="first")(inputs)
    return keras.Model(inputs, first - 2.0 * Tower(store=store, scope="tower", reuse=True, name="second")(inputs))


MODELS = [subclassed, sequential, shared]


def called(make):
    """A model that was called, as Keras wants it for exporting."""
    model = make()
    model(X)
    return model


def output(model, x):
    """What a model computes, as NumPy has it."""
    return keras.ops.convert_to_numpy(model(x))


@pytest.mark.tensorflow
@pytest.mark.jax
@pytest.mark.parametrize("make", MODELS)
@pytest.mark.matrix("Export: SavedModel")
def test_saved_model(make, tmp_path):
    """A SavedModel computes the same, on batches of any size, and its variables have the scoped names."""
    import tensorflow as tf

    model = called(make)
    model.export(tmp_path / "model", format="tf_saved_model", verbose=False)
    loaded = tf.saved_model.load(str(tmp_path / "model"))
    for x in (X, MORE):
        np.testing.assert_allclose(loaded.serve(x), output(model, x), rtol=1e-5, atol=1e-6)
    assert {v.name for v in loaded.variables} == {v.name for v in model.weights}


@pytest.mark.parametrize("make", MODELS)
@pytest.mark.matrix("Export: ONNX")
def test_onnx(make, tmp_path):
    """An ONNX file computes the same."""
    import onnxruntime

    model = called(make)
    path = tmp_path / "model.onnx"
    model.export(path, format="onnx", verbose=False)
    session = onnxruntime.InferenceSession(path)
    (inputs,) = session.get_inputs()
    # On some backends Keras exports for a batch of one.
    x = X[:1]
    np.testing.assert_allclose(session.run(None, {inputs.name: x})[0], output(model, x), rtol=1e-4, atol=1e-5)


@pytest.mark.tensorflow
@pytest.mark.parametrize("make", MODELS)
@pytest.mark.matrix("Export: LiteRT")
def test_litert(make, tmp_path):
    """A LiteRT file computes the same."""
    import tensorflow as tf

    model = called(make)
    path = tmp_path / "model.tflite"
    model.export(path, format="litert", verbose=False)
    interpreter = tf.lite.Interpreter(str(path))
    (inputs,) = interpreter.get_input_details()
    interpreter.resize_tensor_input(inputs["index"], X.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(inputs["index"], X)
    interpreter.invoke()
    (outputs,) = interpreter.get_output_details()
    np.testing.assert_allclose(interpreter.get_tensor(outputs["index"]), output(model, X), rtol=1e-4, atol=1e-5)


@pytest.mark.torch
@pytest.mark.parametrize("make", MODELS)
@pytest.mark.matrix("Export: torch.export")
def test_torch_export(make, tmp_path):
    """A `torch.export` program computes the same; Keras exports it for a batch of one."""
    import torch

    model = called(make)
    path = tmp_path / "model.pt2"
    model.export(path, format="torch", verbose=False)
    outputs = torch.export.load(path).module()(torch.tensor(X[:1]))
    np.testing.assert_allclose(outputs.detach().numpy(), output(model, X[:1]), rtol=1e-5, atol=1e-6)


class TwoInputs(kscope.ScopedModel):
    """Numbers and words."""

    def call(self, x, words, training=False):
        table = kscope.get_variable("table", [10, 3])
        return x + keras.ops.take(table, words, axis=0)


@pytest.mark.tensorflow
@pytest.mark.jax
def test_several_inputs(tmp_path):
    """The signature is that of the call that the model was built for, dtypes included."""
    import tensorflow as tf

    model = TwoInputs()
    words = np.array([1, 2], "int32")
    y = keras.ops.convert_to_numpy(model(X, words=words))
    model.export(tmp_path / "model", format="tf_saved_model", verbose=False)
    loaded = tf.saved_model.load(str(tmp_path / "model"))
    np.testing.assert_allclose(loaded.serve(X, words), y, rtol=1e-5)


@pytest.mark.tensorflow
@pytest.mark.jax
def test_a_given_signature(tmp_path):
    """A signature that is given is the one that is exported."""
    import tensorflow as tf

    model = called(subclassed)
    signature = [keras.layers.InputSpec(dtype="float32", shape=(5, 3))]
    model.export(tmp_path / "model", format="tf_saved_model", verbose=False, input_signature=signature)
    loaded = tf.saved_model.load(str(tmp_path / "model"))
    np.testing.assert_allclose(loaded.serve(MORE), output(model, MORE), rtol=1e-5, atol=1e-6)


class Late(kscope.ScopedModel):
    """An input behind an argument that is none."""

    def call(self, x, scale=2.0, bias=None):
        return x * scale * kscope.get_variable("v", [3]) + bias


def test_inputs_out_of_order(tmp_path):
    """Inputs that Keras' export could not pass are an error that says what to do."""
    model = Late()
    model(X, scale=3.0, bias=X)
    with pytest.raises(kscope.errors.LayerError, match=r"Give `input_signature=`, or put them first"):
        model.export(tmp_path / "model", verbose=False)


def refusal(path, model_format, match):
    """What Keras says of exporting a plain model and a scoped one."""
    said = []
    for layer in (PlainTower(), Tower()):
        model = keras.Sequential([keras.Input((3,)), layer])
        model(X)
        with pytest.raises(Exception, match=match) as caught:
            model.export(path, format=model_format, verbose=False)
        said.append((type(caught.value), str(caught.value)))
    return said


@pytest.mark.jax
@pytest.mark.matrix("Export: LiteRT", says="not in Keras")
def test_no_litert(tmp_path):
    """Keras has no LiteRT on this backend, for any model."""
    plain, scoped = refusal(tmp_path / "m.tflite", "litert", "requires TensorFlow or PyTorch")
    assert scoped == plain


@pytest.mark.tensorflow
@pytest.mark.jax
@pytest.mark.matrix("Export: torch.export", says="not in Keras")
def test_no_torch_export(tmp_path):
    """Keras has no `torch.export` on these backends, for any model."""
    plain, scoped = refusal(tmp_path / "m.pt2", "torch", "requires PyTorch")
    assert scoped == plain


@pytest.mark.torch
@pytest.mark.matrix("Export: SavedModel", says="fails in Keras")
def test_no_saved_model(tmp_path):
    """Keras' way to a SavedModel does not work with this PyTorch, for any model."""
    plain, scoped = refusal(tmp_path / "m", "tf_saved_model", "dynamic_shapes")
    assert scoped == plain


@pytest.mark.torch
@pytest.mark.matrix("Export: LiteRT", says="needs litert-torch")
def test_litert_needs_a_package(tmp_path):
    """On PyTorch LiteRT needs one more package; Keras says which."""
    plain, scoped = refusal(tmp_path / "m.tflite", "litert", "pip install litert-torch")
    assert scoped == plain
