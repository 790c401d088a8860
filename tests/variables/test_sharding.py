"""`partitioners.sharded`: one variable over a mesh of devices, by the argument that makes slices elsewhere."""

from __future__ import annotations

import copy

import keras
import numpy as np
import pytest

import kscope
from kscope import errors, get_variable, variable_scope
from kscope.partitioners import sharded

BY_COLUMNS = (None, "model")


class Tower(kscope.ScopedLayer):
    """A layer of a kernel and a bias by hand, and a stock one, over the columns of all three matrices."""

    def call(self, x):
        with variable_scope("fc", partitioner=sharded(BY_COLUMNS)):
            kernel = get_variable("kernel", [x.shape[-1], 8])
            bias = get_variable("bias", [8], initializer="zeros")
            return kscope.layer(keras.layers.Dense, 4, name="top")(keras.ops.relu(x @ kernel + bias))


@pytest.fixture
def mesh():
    """Eight devices as two by four."""
    devices = keras.distribution.list_devices()
    return keras.distribution.DeviceMesh((2, 4), ["batch", "model"], devices=devices)


@pytest.fixture
def distribution(mesh):
    """Batches over one axis of the mesh, and variables as they say themselves, for the time of a test."""
    layouts = keras.distribution.LayoutMap(mesh)
    keras.distribution.set_distribution(
        keras.distribution.ModelParallel(layout_map=layouts, batch_dim_name="batch"),
    )
    yield
    keras.distribution.set_distribution(None)


def _axes(variable):
    """The axes of the mesh that the axes of a variable's value really lie along."""
    return tuple(variable.value.sharding.spec)


@pytest.mark.jax
@pytest.mark.matrix("Training: sharded over a mesh of devices by a scope's partitioner")
def test_a_scope_hands_a_layout_down(mesh):
    """Axes are counted from the last, so that one argument fits kernels and biases; scalars are whole."""
    with variable_scope("fc", partitioner=sharded(BY_COLUMNS, mesh)):
        kernel, bias = get_variable("kernel", [3, 8]), get_variable("bias", [8])
        with variable_scope("deeper"):
            deeper = get_variable("kernel", [2, 3, 4])
        scalar = get_variable("scalar", [])
    assert [_axes(v) for v in (kernel, bias, deeper, scalar)] == [BY_COLUMNS, ("model",), (None, None, "model"), ()]
    assert [shard.data.shape for shard in kernel.value.addressable_shards] == [(3, 2)] * 8


@pytest.mark.jax
def test_an_assigned_value_is_laid_out(mesh):
    """A variable stays over the devices when it is assigned to."""
    v = get_variable("v", [8], initializer="zeros", partitioner=sharded(("model",), mesh))
    v.assign(np.arange(8.0))
    assert _axes(v) == ("model",)
    np.testing.assert_array_equal(v, np.arange(8.0))


@pytest.mark.jax
@pytest.mark.usefixtures("distribution")
def test_training_over_devices(tmp_path):
    """A model under `set_distribution` trains as on one device, its optimizer's moments over the devices, and loads."""
    x, y = np.random.default_rng(0).normal(size=(2, 16, 4)).astype("float32")

    def trained():
        keras.utils.set_random_seed(1)
        model = keras.Sequential([keras.Input((4,)), Tower(name="tower")])
        model.compile(keras.optimizers.Adam(0.1), "mse")
        return model, model.fit(x, y, epochs=4, batch_size=16, shuffle=False, verbose=0).history["loss"]

    model, losses = trained()
    columns = [(v.path, _axes(v)) for v in model.weights]
    assert columns == [
        ("tower/fc/kernel", BY_COLUMNS),
        ("tower/fc/bias", ("model",)),
        ("tower/fc/top/kernel", BY_COLUMNS),
        ("tower/fc/top/bias", ("model",)),
    ]
    assert {_axes(v) for v in model.optimizer.variables if v.shape == (4, 8)} == {BY_COLUMNS}
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", custom_objects={"Tower": Tower})
    assert [(v.path, _axes(v)) for v in loaded.weights] == columns
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))
    keras.distribution.set_distribution(
        keras.distribution.DataParallel(devices=keras.distribution.list_devices()[:1]),
    )
    with pytest.raises(errors.PartitionerError, match="the mesh has no such axis.(.|\n)*axes of the mesh: .'batch'."):
        trained()
    keras.distribution.set_distribution(None)
    keras.utils.set_random_seed(1)
    alone = keras.Sequential([keras.Input((4,)), _on_one_device()])
    alone.compile(keras.optimizers.Adam(0.1), "mse")
    np.testing.assert_allclose(
        alone.fit(x, y, epochs=4, batch_size=16, shuffle=False, verbose=0).history["loss"], losses, rtol=1e-5
    )


def _on_one_device():
    """The same layer, on a mesh of a single device."""
    mesh = keras.distribution.DeviceMesh((1,), ["model"], devices=["cpu:0"])

    class Alone(kscope.ScopedLayer):
        def call(self, x):
            with variable_scope("fc", partitioner=sharded(BY_COLUMNS, mesh)):
                kernel = get_variable("kernel", [x.shape[-1], 8])
                bias = get_variable("bias", [8], initializer="zeros")
                return kscope.layer(keras.layers.Dense, 4, name="top")(keras.ops.relu(x @ kernel + bias))

    return Alone(name="tower")


@pytest.mark.jax
def test_a_copy_is_laid_out_alike(mesh):
    """Copies and clones of a store lay their variables out as the store's are."""
    store = kscope.VariableStore()
    store.get_variable("v", [8], partitioner=sharded(("model",), mesh))
    assert [_axes(twin["v"]) for twin in (store.clone(), copy.deepcopy(store))] == [("model",)] * 2


@pytest.mark.jax
def test_what_does_not_fit_a_mesh(mesh):
    """No mesh, an axis it does not have, a length that does not divide: errors that leave nothing behind."""
    for partitioner, message in (
        (
            sharded(BY_COLUMNS),
            r"v cannot be sharded: there is no mesh(.|\n)*Fix: give sharded\(\) a keras.distribution",
        ),
        (
            sharded((None, "rows"), mesh),
            r"v cannot be sharded along 'rows'(.|\n)*axes of the mesh: \['batch', 'model'\]",
        ),
        (sharded(BY_COLUMNS, mesh), r"its axis of length 6 cannot be divided among 4 devices.(.|\n)*shape: \(3, 6\)"),
    ):
        with pytest.raises(errors.PartitionerError, match=message):
            get_variable("v", [3, 6], partitioner=partitioner)
    assert len(kscope.default_store()) == 0


@pytest.mark.jax
def test_a_layout_for_whom_it_concerns(mesh):
    """Called as any partitioner is, it answers with the layout."""
    layout = sharded(BY_COLUMNS, mesh)(shape=(3, 8), dtype="float32")
    assert layout.axes == BY_COLUMNS


@pytest.mark.tensorflow
@pytest.mark.torch
def test_other_backends_have_no_layouts(backend):
    """Where Keras lays nothing out, asking for it is an error, not a whole variable in silence."""
    message = rf"v cannot be sharded: Keras lays variables out over devices on JAX only.\n  backend: {backend}"
    with pytest.raises(errors.UnsupportedError, match=message):
        get_variable("v", [8], partitioner=sharded(("model",)))
    assert len(kscope.default_store()) == 0


@pytest.mark.parametrize("axes", ["model", [1]])
def test_axes_are_names(axes):
    """A str would be taken letter by letter, and a number is no name."""
    with pytest.raises(errors.OptionTypeError, match=r"sharded\(\) needs a sequence of names of axes of a mesh"):
        sharded(axes)
