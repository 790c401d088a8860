"""`caching_device`: reads come from a copy on another device."""

from __future__ import annotations

import copy

import keras
import numpy as np
import pytest

import kscope
from kscope import _keras, errors, get_variable, variable_scope

# TensorFlow and JAX have a second virtual one in these tests.
SECOND = "/device:CPU:1"


class Tower(kscope.ScopedLayer):
    """A dense layer whose variables are read from the device that is open where it is made."""

    def call(self, x):
        with variable_scope("fc"):
            return x @ get_variable("kernel", [x.shape[-1], 2]) + get_variable("bias", [2], initializer="zeros")


def _device(tensor):
    """The device of a tensor or of what a `tf.Variable` reads as, in Keras' spelling."""
    if keras.backend.backend() == "jax":
        (device,) = tensor.devices()
        return f"{device.platform}:{device.id}"
    return _spelled(getattr(tensor, "value", lambda: tensor)().device)


def _home(variable):
    """The device of the variable itself."""
    return _device(variable._value) if keras.backend.backend() == "jax" else _spelled(variable.handle.device)


def _spelled(device):
    return device.lower().partition("device:")[2]


@pytest.mark.tensorflow
@pytest.mark.jax
@pytest.mark.matrix("Training: variables read from a caching device")
def test_reads_come_from_the_device():
    """A value that is read lies on the caching device, while the variable stays where it is (row I15)."""
    v = get_variable("v", [2], initializer="ones", caching_device=SECOND)
    assert v.caching_device == "cpu:1"
    assert (_device(v.value), _home(v)) == ("cpu:1", "cpu:0")
    np.testing.assert_array_equal(v + 1.0, [2.0, 2.0])


@pytest.mark.tensorflow
@pytest.mark.jax
def test_a_copy_is_refreshed():
    """After an assignment, whole or in part, the new value is read."""
    v = get_variable("v", [2], initializer="ones", caching_device=SECOND)
    np.testing.assert_array_equal(v, [1.0, 1.0])
    v.assign([3.0, 4.0])
    np.testing.assert_array_equal(v, [3.0, 4.0])
    v.assign_add([1.0, 1.0])
    np.testing.assert_array_equal(v.value, [4.0, 5.0])
    assert _device(v.value) == "cpu:1"


@pytest.mark.jax
def test_one_copy_for_all_reads():
    """Between assignments nothing is copied again, where arrays never change."""
    v = get_variable("v", [2], initializer="ones", caching_device=SECOND)
    assert v.value is v.value


@pytest.mark.tensorflow
@pytest.mark.jax
def test_training_through_copies(tmp_path):
    """`fit` trains what is read from another device to the same numbers, and a model of it is saved and loaded."""
    x, y = np.random.default_rng(0).normal(size=(2, 16, 2)).astype("float32")

    def losses(layer):
        keras.utils.set_random_seed(3)
        model = keras.Sequential([keras.Input((2,)), layer])
        model.compile(keras.optimizers.Adam(0.1), "mse")
        return model, model.fit(x, y, epochs=4, verbose=0, shuffle=False).history["loss"]

    with variable_scope("cached", caching_device=SECOND):
        cached, found = losses(Tower())
    _, expected = losses(Tower())
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert found[-1] < found[0]
    cached.save(tmp_path / "model.keras")
    with kscope.VariableStore().as_default(), variable_scope("loaded", caching_device=SECOND):
        loaded = keras.models.load_model(tmp_path / "model.keras", custom_objects={"Tower": Tower})
    assert {v.caching_device for v in loaded.weights} == {"cpu:1"}
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), cached.predict(x, verbose=0))


@pytest.mark.tensorflow
def test_gradients_through_a_copy():
    """A tape that watches the variable differentiates what is read from the copy, eager and in a function."""
    import tensorflow as tf

    v = get_variable("v", [], initializer=keras.initializers.Constant(3.0), caching_device=SECOND)

    def gradient():
        with tf.GradientTape() as tape:
            loss = v * v
        return tape.gradient(loss, v)

    assert float(gradient()) == float(tf.function(gradient)()) == 6.0


@pytest.mark.tensorflow
def test_export_of_a_copy(tmp_path):
    """A SavedModel with a cached variable computes what the model does."""
    import tensorflow as tf

    x = np.ones((3, 2), "float32")
    with variable_scope("cached", caching_device=SECOND):
        model = keras.Sequential([keras.Input((2,)), Tower()])
    model.export(str(tmp_path / "model"), verbose=False)
    loaded = tf.saved_model.load(str(tmp_path / "model"))
    np.testing.assert_allclose(loaded.serve(x), model.predict(x, verbose=0), rtol=1e-6)


@pytest.mark.tensorflow
@pytest.mark.jax
def test_a_scope_hands_a_caching_device_down():
    """It is inherited, an argument comes first, and `""` switches it off (row I15)."""
    with variable_scope("a", caching_device=SECOND):
        inherited = get_variable("v", [1])
        off = get_variable("w", [1], caching_device="")
        with variable_scope("b", caching_device="cpu:0"):
            other = get_variable("v", [1])
    assert (inherited.caching_device, other.caching_device) == ("cpu:1", "cpu:0")
    assert not hasattr(off, "caching_device")


@pytest.mark.tensorflow
@pytest.mark.jax
def test_a_function_of_a_device():
    """A function is asked for each variable, as TF1 asked it for an operation (row I15)."""
    asked = []

    def caching(variable):
        asked.append((variable.name, variable.device))
        return "/cpu:1" if variable.name == "a/v" else None

    with variable_scope("a", caching_device=caching):
        v, w = get_variable("v", [1]), get_variable("w", [1])
    assert asked == [("a/v", "cpu:0"), ("a/w", "cpu:0")]
    assert (v.caching_device, hasattr(w, "caching_device")) == ("cpu:1", False)


@pytest.mark.tensorflow
@pytest.mark.jax
def test_a_copy_of_a_store_reads_alike():
    """Copies of a store read their variables where the store does."""
    store = kscope.VariableStore()
    store.get_variable("v", [1], caching_device=SECOND)
    assert copy.deepcopy(store)["v"].caching_device == "cpu:1"


@pytest.mark.parametrize("device", ["/device:GPU:7", "/job:moo"])
def test_a_device_that_does_not_exist(device):
    """It is an error that lists those there are, and leaves nothing behind."""
    message = f"Variable v cannot be cached on '{device}': there is no such device.\n  devices: .*cpu:0"
    with pytest.raises(errors.OptionError, match=message):
        get_variable("v", [1], caching_device=device)
    assert len(kscope.default_store()) == 0


@pytest.mark.torch
def test_the_own_device_on_pytorch():
    """There reads come from the device of the variable, and to ask for that changes nothing."""
    own = _keras.devices()[0]
    assert type(get_variable("v", [1], caching_device=own)) is kscope.ScopedVariable


@pytest.mark.torch
def test_another_device_on_pytorch(monkeypatch):
    """Where there is an accelerator, variables are on it, and reading them from elsewhere is refused."""
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    with pytest.raises(
        errors.UnsupportedError, match=r"w cannot be cached on 'cpu:0'(.|\n)*the variable is on: cuda:0"
    ):
        get_variable("w", [1], caching_device="/cpu:0")
