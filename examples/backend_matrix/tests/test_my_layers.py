"""The tests that a layer needs if it has to run on every backend."""

import importlib.util

import keras
import numpy as np
import pytest
from kscope.testing import assert_backends_agree, check_layer
from my_layers import GatedUnit, make_gated_unit

X = np.linspace(-1, 1, 6, dtype="float32").reshape(2, 3)
BACKENDS = [name for name in ("tensorflow", "jax", "torch") if importlib.util.find_spec(name)]


@pytest.mark.kscope_backends
def test_it_keeps_the_contracts_of_keras():
    check_layer(make_gated_unit, X)


@pytest.mark.kscope_backends
def test_its_variables(kscope_store):
    layer = GatedUnit(4, store=kscope_store, scope="unit")
    layer(X)
    assert [v.path for v in layer.weights] == [
        "unit/value/kernel",
        "unit/value/bias",
        "unit/gate/kernel",
        "unit/gate/bias",
    ]


@pytest.mark.kscope_backends
def test_its_numbers(kscope_seeded_store):
    layer = GatedUnit(2, store=kscope_seeded_store, scope="unit")
    outputs = keras.ops.convert_to_numpy(layer(X))
    value, gate = (
        X @ keras.ops.convert_to_numpy(kscope_seeded_store[f"unit/{name}/kernel"]) for name in ("value", "gate")
    )
    np.testing.assert_allclose(outputs, value / (1 + np.exp(-gate)), rtol=1e-5)


@pytest.mark.skipif(len(BACKENDS) < 2, reason="there is one backend only in this environment")
def test_all_backends_agree():
    assert_backends_agree(make_gated_unit, X)
