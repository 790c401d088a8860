"""What the tests of training share: a model of scoped layers and its plain twin, with the same weights, and data."""

from __future__ import annotations

import keras
import numpy as np
from samples import PlainTower, Tower

X = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
Y = np.random.default_rng(1).normal(size=(8, 4)).astype("float32")


def pair(**options):
    """A scoped model and its plain twin, with the same weights; `options` are those of the layers."""
    models = [keras.Sequential([keras.Input((3,)), cls(4, **options)]) for cls in (Tower, PlainTower)]
    models[1].set_weights(models[0].get_weights())
    return models


def fit(model, epochs=2, **options):
    """Train a model for a few steps, in an order that is always the same, and return the losses of the epochs."""
    return model.fit(X, Y, batch_size=4, epochs=epochs, shuffle=False, verbose=0, **options).history["loss"]


def optimizer(**options):
    """An optimizer with a state, so that it shows when it sees a variable twice or not at all."""
    return keras.optimizers.SGD(0.1, momentum=0.9, **options)


def same(results, rtol=1e-5, atol=1e-6):
    """Whether the losses of two models are equal, and fall."""
    np.testing.assert_allclose(*results, rtol=rtol, atol=atol)
    assert results[0][-1] < results[0][0]


def same_weights(scoped, plain, rtol=1e-5, atol=1e-6):
    """Whether two models have equal weights."""
    for weight, other in zip(scoped.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(weight, other, rtol=rtol, atol=atol)
