"""What Keras offers inside a layer: losses, metrics, masks, random numbers, layers inside."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from gradients import array
from samples import PlainTower, Tower
from trained import X, Y, fit, optimizer, same, same_weights

import kscope
from kscope import errors

TOKENS = np.array([[1, 2, 0, 0], [3, 0, 0, 0]])


def scale(**kwargs):
    """A variable to multiply by."""
    return kscope.get_variable("scale", [], initializer="ones", **kwargs)


def values(losses):
    """Loss tensors as floats."""
    return [float(array(loss)) for loss in losses]


class Regularized(kscope.ScopedLayer):
    """A layer whose variable is regularized."""

    def call(self, x):
        return x * kscope.get_variable("w", [3], initializer="ones", regularizer=keras.regularizers.L2(0.5))


class PlainRegularized(keras.layers.Layer):
    """The same layer, written as Keras wants it."""

    def build(self, input_shape):
        self.w = self.add_weight(shape=(3,), initializer="ones", regularizer=keras.regularizers.L2(0.5), name="w")

    def call(self, x):
        return x * self.w


class Penalized(kscope.ScopedLayer):
    """A layer that adds a loss in its call."""

    def call(self, x):
        outputs = x * kscope.get_variable("w", [3], initializer="ones")
        self.add_loss(0.5 * keras.ops.mean(keras.ops.square(outputs)))
        return outputs


class PlainPenalized(PlainRegularized):
    """The same layer, written as Keras wants it."""

    def build(self, input_shape):
        self.w = self.add_weight(shape=(3,), initializer="ones", name="w")

    def call(self, x):
        outputs = x * self.w
        self.add_loss(0.5 * keras.ops.mean(keras.ops.square(outputs)))
        return outputs


@pytest.mark.parametrize(
    ("classes", "options"),
    [
        pytest.param(
            (Regularized, PlainRegularized), {}, marks=pytest.mark.matrix("Losses: regularizer of a variable")
        ),
        pytest.param((Penalized, PlainPenalized), {}, marks=pytest.mark.matrix("Losses: add_loss in call")),
        pytest.param(
            (Tower, PlainTower),
            {"activity_regularizer": "l2"},
            marks=pytest.mark.matrix("Losses: activity regularizer"),
        ),
    ],
)
def test_losses(classes, options):
    """Each loss is there once, also after several calls, and is trained on as in the plain twin."""
    models = [keras.Sequential([keras.Input((3,)), cls(**options)]) for cls in classes]
    models[1].set_weights(models[0].get_weights())
    losses = []
    for model in models:
        model.compile(optimizer(), "mse")
        model(X), model(X)
        losses.append(values(model.losses))
    np.testing.assert_allclose(*losses, rtol=1e-6)
    assert len(losses[0]) == 1
    y = Y[:, : models[0].output_shape[-1]]
    same([model.fit(X, y, epochs=3, shuffle=False, verbose=0).history["loss"] for model in models])
    same_weights(*models)


@pytest.mark.matrix("Losses: none is left of the discovery")
def test_losses_are_of_the_variables_as_they_are():
    """No call computes a loss; each time they are asked for, each regularizer is called once (row S4)."""
    calls = []

    def regularizer(v):
        calls.append(1)
        return keras.ops.sum(v)

    class Layer(kscope.ScopedLayer):
        def call(self, x):
            kscope.get_variable("off", [3], regularizer=kscope.no_regularizer)
            return x * kscope.get_variable("v", [3], initializer="ones", regularizer=regularizer)

    layer = Layer()
    layer(X), layer(X)
    assert calls == []
    assert values(layer.losses) == [3.0]
    layer.weights[1].assign([2.0, 2.0, 2.0])
    assert values(layer.losses) == [6.0]
    assert len(calls) == 2


def test_no_loss_of_the_discovery():
    """The symbolic calls of the discovery leave no loss behind."""

    class Trained(Penalized):
        def call(self, x, training=False):
            return super().call(x)

    layer = Trained()
    layer.build((None, 3))
    assert layer.losses == []
    layer(X)
    np.testing.assert_allclose(values(layer.losses), [0.5 * np.mean(X**2)], rtol=1e-5)


class Measured(kscope.ScopedLayer):
    """A layer with a metric."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.mean = keras.metrics.Mean(name="mean_output")

    def call(self, x):
        outputs = x * scale()
        self.mean.update_state(outputs)
        return outputs


class PlainMeasured(keras.layers.Layer):
    """The same, written as Keras wants it."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.mean = keras.metrics.Mean(name="mean_output")
        self.scale = self.add_weight(shape=(), initializer="ones", name="scale")

    def call(self, x):
        outputs = x * self.scale
        self.mean.update_state(outputs)
        return outputs


@pytest.mark.tensorflow
@pytest.mark.torch
@pytest.mark.matrix("Metrics: a metric in a scoped layer")
def test_a_metric_in_a_layer():
    """A metric that a layer holds is reported by `fit`, from values of real calls, and is no weight."""
    model = keras.Sequential([keras.Input((3,)), Measured()])
    model.compile(keras.optimizers.SGD(0.0), "mse")
    history = model.fit(X, X, batch_size=4, epochs=2, verbose=0).history
    np.testing.assert_allclose(history["mean_output"], [X.mean()] * 2, rtol=1e-4)
    assert [v.path for v in model.weights] == ["measured/scale"]


@pytest.mark.jax
@pytest.mark.matrix("Metrics: a metric in a scoped layer", says="not in Keras")
@pytest.mark.parametrize("cls", [Measured, PlainMeasured])
def test_a_metric_in_a_layer_on_jax(cls):
    """On JAX Keras cannot update the metric of any layer in a compiled step; this fails when it can."""
    model = keras.Sequential([keras.Input((3,)), cls()])
    model.compile(keras.optimizers.SGD(0.0), "mse")
    with pytest.raises(TypeError, match="'NoneType' object is not callable"):
        model.fit(X, X, verbose=0)


class Noisy(kscope.ScopedLayer):
    """A layer that draws random numbers and drops some, with generators of both kinds."""

    def __init__(self, in_build=False, **kwargs):
        super().__init__(**kwargs)
        self.dropout = keras.layers.Dropout(0.5, seed=1)
        if not in_build:
            self.seeds = keras.random.SeedGenerator(2)

    def call(self, x, training=False):
        x = x * scale()
        if training:
            x = x + keras.random.normal(keras.ops.shape(x), seed=self.seeds)
        return self.dropout(x, training=training)


class NoisyInBuild(Noisy):
    """The same, with the generator made in `build()`."""

    def __init__(self, **kwargs):
        super().__init__(in_build=True, **kwargs)

    def build(self, input_shape):
        self.seeds = keras.random.SeedGenerator(2)


@pytest.mark.parametrize(
    "cls",
    [
        pytest.param(Noisy, marks=pytest.mark.matrix("Random: SeedGenerator and Dropout made in __init__")),
        pytest.param(NoisyInBuild, marks=pytest.mark.matrix("Random: SeedGenerator made in build")),
    ],
)
def test_random_numbers(cls):
    """Each training call draws new numbers, compiled or not; two layers of one seed draw the same; no weight comes."""
    layer, other = cls(), cls()
    layer.build((None, 3)), other.build((None, 3))
    drawn = [array(layer(X, training=True)) for _ in range(2)]
    assert not np.allclose(*drawn)
    np.testing.assert_allclose([array(other(X, training=True)) for _ in range(2)], drawn)
    np.testing.assert_allclose(array(layer(X)), X, rtol=1e-6)
    assert [v.path.rpartition("/")[2] for v in layer.weights] == ["scale"]
    assert len(layer.non_trainable_variables) == 2

    model = keras.Sequential([keras.Input((3,)), layer])
    model.compile(keras.optimizers.SGD(0.0), "mse")
    losses = model.fit(X, X, epochs=3, verbose=0).history["loss"]
    assert len(set(losses)) == 3


@pytest.mark.matrix("Layers inside: BatchNormalization")
def test_batch_normalization_inside():
    """A BatchNormalization layer inside a scoped one updates its statistics once a step, as outside."""

    class Normalized(kscope.ScopedLayer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.norm = keras.layers.BatchNormalization(momentum=0.5)

        def call(self, x, training=False):
            return self.norm(x * scale(trainable=False), training=training)

    norm = keras.layers.BatchNormalization(momentum=0.5)
    models = [keras.Sequential([keras.Input((3,)), layer]) for layer in (Normalized(), norm)]
    for model in models:
        model.compile(optimizer(), "mse")
    same([model.fit(X, Y[:, :3], batch_size=4, epochs=2, shuffle=False, verbose=0).history["loss"] for model in models])
    for weight, other in zip(models[0].layers[0].norm.weights, norm.weights, strict=True):
        np.testing.assert_allclose(array(weight), array(other), rtol=1e-5)


@pytest.mark.matrix("Layers inside: Dense made in build")
def test_a_layer_made_in_build():
    """A Keras layer that `build()` makes is trained with the variables that `call()` gets."""

    class Built(kscope.ScopedLayer):
        def build(self, input_shape):
            self.dense = keras.layers.Dense(4)

        def call(self, x):
            return self.dense(x) * scale()

    model = keras.Sequential([keras.Input((3,)), Built()])
    model.compile(optimizer(), "mse")
    losses = fit(model, epochs=3)
    assert losses[-1] < losses[0]
    assert len(model.trainable_weights) == 3


def test_variables_of_all_kinds():
    """What the V2 shim ignores or refuses works in a call as outside: collections and partitioners (row S5)."""

    class Layer(kscope.ScopedLayer):
        def call(self, x):
            kscope.get_variable("v", [1], collections=["mine"], use_resource=False)
            kscope.get_local_variable("l", [1])
            kscope.get_variable("p", [4], partitioner=kscope.partitioners.fixed_size_partitioner(2))
            return x

    layer = Layer(store=kscope.VariableStore())
    for _ in range(2):
        layer(X)
    assert [v.path for v in layer.trainable_weights] == ["layer/v", "layer/p/part_0", "layer/p/part_1"]
    assert [v.path for v in layer.non_trainable_weights] == ["layer/l"]
    assert [v.path for v in layer.store.get_collection("mine")] == ["layer/v"]


def test_a_caching_device():
    """A caching device, which the V2 shim ignores, is heeded in a call as outside (row S5)."""

    @kscope.scoped
    def layer(x):
        return x * kscope.get_variable("v", [3], caching_device="/gpu:77")

    with pytest.raises(errors.OptionError, match="v cannot be cached on '/gpu:77': there is no such device"):
        layer(X)


def test_training_reaches_a_call_that_takes_it():
    """`call()` itself is written, with `training` or without; without a `call()` a layer cannot be called (row S16)."""
    seen = []

    class Telling(kscope.ScopedLayer):
        def call(self, x, training=None):
            seen.append(training)
            return x * scale()

    layer = Telling()
    layer.build((None, 3))
    seen.clear()
    layer(X), layer(X, training=True)
    assert seen == [None, True]
    assert [v.path for v in layer.weights] == ["telling/scale"]
    Tower()(X, training=True)
    with pytest.raises(NotImplementedError, match="does not have a `call` method"):
        kscope.ScopedLayer()(X)


class Pooled(kscope.ScopedLayer):
    """A layer that takes the mask of its input, and ends it."""

    def call(self, x, mask=None):
        x = x * scale()
        if mask is None:
            return keras.ops.mean(x, axis=1)
        mask = keras.ops.cast(mask, x.dtype)[:, :, None]
        return keras.ops.sum(x * mask, axis=1) / keras.ops.sum(mask, axis=1)

    def compute_mask(self, inputs, previous_mask=None):
        return None


class Passing(kscope.ScopedLayer):
    """A layer that passes a mask on."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, x):
        return x * scale()


@pytest.mark.matrix("Masks: Embedding with mask_zero into a scoped layer")
def test_masks():
    """A mask reaches `call()` through a scoped layer that passes it on, in a model, eagerly and in `fit`."""
    embedding = keras.layers.Embedding(5, 3, mask_zero=True)
    inputs = keras.Input((4,), dtype="int32")
    model = keras.Model(inputs, Pooled()(Passing()(embedding(inputs))))
    table = np.array(embedding.get_weights()[0])
    expected = [table[[1, 2]].mean(axis=0), table[3]]
    np.testing.assert_allclose(array(model(TOKENS)), expected, rtol=1e-5)
    np.testing.assert_allclose(model.predict(TOKENS, verbose=0), expected, rtol=1e-5)
    np.testing.assert_allclose(array(Pooled()(embedding(TOKENS))), expected, rtol=1e-5)
    model.compile("sgd", "mse")
    model.fit(TOKENS, np.ones((2, 3)), verbose=0)
    np.testing.assert_array_equal(embedding.get_weights()[0][[0, 4]], table[[0, 4]])


@pytest.mark.matrix("Masks: mask argument of a call")
def test_a_mask_by_hand():
    """A mask that is passed is the one that counts, also after a first call without one."""
    x = np.arange(12, dtype="float32").reshape(2, 2, 3)
    layer = Pooled()
    np.testing.assert_allclose(array(layer(x)), x.mean(axis=1), rtol=1e-6)
    mask = np.array([[True, False], [True, False]])
    np.testing.assert_allclose(array(layer(x, mask=mask)), x[:, 0], rtol=1e-6)


@pytest.mark.matrix("Masks: compute_mask")
def test_compute_mask():
    """A scoped layer that makes a mask hands it to the next layer."""

    class Masking(kscope.ScopedLayer):
        def call(self, x):
            return x * scale()

        def compute_mask(self, inputs, previous_mask=None):
            return keras.ops.any(keras.ops.not_equal(inputs, 0.0), axis=-1)

    x = np.array([[[1.0, 2.0], [0.0, 0.0]]], "float32")
    np.testing.assert_allclose(array(Pooled()(Masking()(x))), [[1.0, 2.0]])


@pytest.mark.matrix("Masks: a layer without masking warns")
def test_a_layer_that_destroys_a_mask():
    """A scoped layer that does not support masking warns as Keras' layers do."""
    with pytest.warns(UserWarning, match="does not support masking"):
        Tower()(keras.layers.Embedding(5, 3, mask_zero=True)(TOKENS))
