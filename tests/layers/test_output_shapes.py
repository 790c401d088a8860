"""Shapes and specs of outputs, without numbers: what wrappers and symbolic models ask for."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from samples import Stack, Tower

import kscope


class Attention(kscope.ScopedLayer):
    """Two inputs, two outputs."""

    def call(self, query, value=None):
        kernel = kscope.get_variable("kernel", [query.shape[-1], value.shape[-1]])
        return {"scores": keras.ops.matmul(query, kernel), "both": [query, value]}


@pytest.mark.parametrize("built", [False, True])
@pytest.mark.matrix("Rebuilding: compute_output_shape")
def test_compute_output_shape(built):
    """The shape of an output is computed from shapes, whether the layer is built or not."""
    for layer, units in ((Tower(7), 7), (Stack(5), 5)):
        if built:
            layer.build((None, 3))
        assert layer.compute_output_shape((None, 3)) == (None, units)
        assert layer.compute_output_shape((2, 3)) == (2, units)


def test_nested_shapes():
    """Shapes of several inputs and outputs are nested as `call` has them."""
    shapes = Attention().compute_output_shape(query_shape=(2, 4), value_shape=(2, 5))
    assert shapes == {"scores": (2, 5), "both": [(2, 4), (2, 5)]}


@pytest.mark.matrix("Rebuilding: compute_output_spec")
def test_compute_output_spec():
    """The spec of an output has its shape and dtype, and computing it builds the layer."""
    layer = Tower(7, dtype="float16")
    spec = layer.compute_output_spec(keras.KerasTensor((2, 3), "float16"))
    assert (spec.shape, spec.dtype) == ((2, 7), "float16")


def test_a_subclass_that_knows_better():
    """A `compute_output_shape` of a subclass is asked, as in Keras, and its `call` is not traced again."""

    class Known(Tower):
        traced = 0

        def call(self, x):
            Known.traced += 1
            return super().call(x)

        def compute_output_shape(self, input_shape):
            return (*input_shape[:-1], self.units)

    layer = Known(6)
    inputs = keras.Input((3,))
    outputs = layer(inputs)
    traced = Known.traced
    assert layer.compute_output_shape((9, 3)) == (9, 6)
    assert layer(inputs).shape == outputs.shape == (None, 6)
    assert Known.traced == traced


def test_time_distributed():
    """A scoped layer works over time, eagerly, in a symbolic model and after cloning."""
    inputs = keras.Input((5, 3))
    model = keras.Model(inputs, keras.layers.TimeDistributed(Tower(4, name="tower"))(inputs))
    x = np.random.default_rng(0).normal(size=(2, 5, 3)).astype("float32")
    assert model.output_shape == (None, 5, 4)
    y = keras.ops.convert_to_numpy(model(x))
    tower = model.layers[1].layer
    np.testing.assert_allclose(y[:, 2], keras.ops.convert_to_numpy(tower(x[:, 2])), rtol=1e-5)
    assert keras.models.clone_model(model)(x).shape == (2, 5, 4)
    assert [v.path for v in model.weights] == ["tower/fc/kernel", "tower/fc/bias"]


def test_build_from_a_shape_without_sizes():
    """A shape that no call could have is an error of `call`, and the layer stays unbuilt."""
    layer = Tower(7)
    with pytest.raises(ValueError, match="shape"):
        layer.compute_output_shape((None, None))
    assert not layer.built
