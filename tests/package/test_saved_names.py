"""What saved models and pickles name: registered names and public modules, never a private file."""

from __future__ import annotations

import pickle
import pkgutil
from importlib import import_module

import keras
import numpy as np
import pytest

import kscope
from kscope import getters, initializers, regularizers

PUBLIC = {"kscope", "kscope.getters", "kscope.initializers", "kscope.regularizers"}


def drawn(rng, shape, dtype):
    """A function for `initializers.seeded`."""
    return rng.standard_normal(shape).astype(dtype)


keras.saving.register_keras_serializable(package="test_saved_names")(drawn)


@keras.saving.register_keras_serializable(package="test_saved_names")
def line(x):
    """A function for `kscope.scoped`."""
    return x * kscope.get_variable("slope", [], initializer="ones")


# One object of each registered class, by its registered name; a function stands for itself.
SAMPLES = {
    "L1": lambda: regularizers.L1(0.5),
    "L2": lambda: regularizers.L2(0.5),
    "ScopedFunction": lambda: kscope.scoped(line),
    "Seeded": lambda: initializers.seeded(drawn),
    "Sum": lambda: regularizers.l1_l2_regularizer(0.5, 0.5),
    "cast": lambda: getters.cast("float16"),
    "constant_initializer": lambda: initializers.constant_initializer(2.0),
    "contrib_variance_scaling_initializer": initializers.contrib_variance_scaling_initializer,
    "ema": lambda: getters.ema(0.9),
    "freeze": lambda: getters.freeze,
    "glorot_normal_initializer": initializers.glorot_normal_initializer,
    "glorot_uniform_initializer": initializers.glorot_uniform_initializer,
    "identity_initializer": initializers.identity_initializer,
    "low_rank": lambda: getters.low_rank(2),
    "no_regularizer": lambda: kscope.no_regularizer,
    "ones_initializer": initializers.ones_initializer,
    "orthogonal_initializer": initializers.orthogonal_initializer,
    "override": lambda: getters.override(trainable=False),
    "random_normal_initializer": initializers.random_normal_initializer,
    "random_uniform_initializer": initializers.random_uniform_initializer,
    "spectral_norm": getters.spectral_norm,
    "stop_gradient": lambda: getters.stop_gradient,
    "truncated_normal_initializer": initializers.truncated_normal_initializer,
    "uniform_unit_scaling_initializer": initializers.uniform_unit_scaling_initializer,
    "variance_scaling_initializer": initializers.variance_scaling_initializer,
    "weight_norm": getters.weight_norm,
    "zeros_initializer": initializers.zeros_initializer,
}


def _registered():
    for module in pkgutil.walk_packages(kscope.__path__, "kscope."):
        import_module(module.name)
    objects = keras.saving.get_custom_objects().items()
    return {name.removeprefix("kscope>"): thing for name, thing in objects if name.startswith("kscope>")}


def _modules(config):
    """Every module that a config names, at any depth."""
    if isinstance(config, dict):
        named = [config["module"]] if isinstance(config.get("module"), str) else []
        return named + [module for value in config.values() for module in _modules(value)]
    return [module for value in config for module in _modules(value)] if isinstance(config, list | tuple) else []


def test_each_registered_class_has_a_sample():
    """The tests below know every class that kscope registers."""
    assert set(_registered()) == set(SAMPLES)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_registered_class_is_found_in_a_public_module(name):
    """Its module is a public one, and has it under its name."""
    thing = _registered()[name]
    assert thing.__module__ in PUBLIC
    assert getattr(import_module(thing.__module__), thing.__name__) is thing


@pytest.mark.parametrize("name", SAMPLES)
def test_a_config_names_no_private_module(name):
    """What Keras writes into a saved model names public modules only, at any depth, and is read back."""
    config = keras.saving.serialize_keras_object(SAMPLES[name]())
    modules = [module for module in _modules(config) if module.startswith("kscope")]
    assert set(modules) <= PUBLIC
    assert "kscope._" not in str(config)
    again = keras.saving.deserialize_keras_object(config)
    assert keras.saving.serialize_keras_object(again) == config


@pytest.mark.parametrize("name", sorted(set(SAMPLES) - {"ScopedFunction"}))
def test_a_pickle_names_no_private_module(name):
    """A pickle names the public module, too, and is read back."""
    sample = SAMPLES[name]()
    written = pickle.dumps(sample)
    assert b"kscope._" not in written
    again = pickle.loads(written)
    assert again is sample or type(again) is type(sample)


def test_a_pickled_layer():
    """A layer is pickled by way of its config; its class is found in `kscope`."""
    layer = kscope.scoped(line)
    layer(np.ones((2,), "float32"))
    again = pickle.loads(pickle.dumps(layer))
    assert type(again) is type(layer) is kscope.ScopedFunction
    assert [v.path for v in again.weights] == ["line/slope"]


def test_an_old_config():
    """A config from before the folders names a file that is no more: the registered name is what counts."""
    config = {
        "module": "kscope._initializers_given",
        "class_name": "zeros_initializer",
        "config": {"dtype": "float32"},
        "registered_name": "kscope>zeros_initializer",
    }
    assert type(keras.saving.deserialize_keras_object(config)) is initializers.zeros_initializer


def test_an_old_model():
    """A saved model whose configs name the old files is loaded."""
    inputs = keras.Input((3,))
    made = kscope.scoped(line)(inputs)
    outputs = keras.layers.Dense(2, kernel_initializer=initializers.ones_initializer())(made)
    model = keras.Model(inputs, outputs)
    text = model.to_json()
    for new, old in (
        ('"module": "kscope"', '"module": "kscope._template"'),
        ('"module": "kscope.initializers"', '"module": "kscope._initializers_given"'),
    ):
        assert new in text
        text = text.replace(new, old)
    again = keras.models.model_from_json(text)
    np.testing.assert_allclose(again.predict(np.ones((1, 3)), verbose=0), model.predict(np.ones((1, 3)), verbose=0))
