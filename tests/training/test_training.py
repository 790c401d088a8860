"""Training loops: a model of scoped layers trains as its plain twin does, whichever way it is trained."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from gradients import array
from samples import Stack, Tower
from train_steps import CustomStep
from trained import X, Y, fit, optimizer, pair, same, same_weights

import kscope


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({}, marks=pytest.mark.matrix("Training: fit")),
        pytest.param({"run_eagerly": True}, marks=pytest.mark.matrix("Training: fit, run eagerly")),
        pytest.param({"jit_compile": True}, marks=pytest.mark.matrix("Training: fit, compiled")),
        pytest.param({"jit_compile": False}, marks=pytest.mark.matrix("Training: fit, not compiled")),
        pytest.param(
            {"steps_per_execution": 2},
            marks=[
                pytest.mark.matrix("Training: fit, several steps at once"),
                pytest.mark.jax,
                pytest.mark.tensorflow,
            ],
        ),
    ],
    ids=str,
)
def test_fit(options):
    """`fit` has the losses of the plain twin, and leaves the same weights."""
    models = pair()
    for model in models:
        model.compile(optimizer(), "mse", **options)
    same([fit(model) for model in models])
    same_weights(*models)


@pytest.mark.torch
@pytest.mark.matrix("Training: fit, several steps at once", says="refused by Keras")
def test_several_steps_at_once_on_torch():
    """Keras has no `steps_per_execution` on PyTorch before 3.16, and says so; then it is as on the other backends."""
    models = pair()
    for model in models:
        model.compile(optimizer(), "mse", steps_per_execution=2)
    if keras.__version__ < "3.16":
        with pytest.raises(ValueError, match="`steps_per_execution` must be 1 with the PyTorch backend"):
            fit(models[0])
    else:
        same([fit(model) for model in models])
        same_weights(*models)


@pytest.mark.matrix("Training: train_on_batch, test_on_batch, predict_on_batch")
def test_batches():
    """Single batches are trained, tested and predicted as with the plain twin."""
    models = pair()
    results = []
    for model in models:
        model.compile(optimizer(), "mse")
        results.append([float(model.train_on_batch(X, Y)) for _ in range(3)])
    same(results)
    np.testing.assert_allclose(*[float(model.test_on_batch(X, Y)) for model in models], rtol=1e-5)
    np.testing.assert_allclose(*[model.predict_on_batch(X) for model in models], rtol=1e-5)


@pytest.mark.matrix("Training: evaluate and predict")
def test_evaluate_and_predict():
    """`evaluate` and `predict` give what the plain twin gives."""
    models = pair()
    for model in models:
        model.compile(optimizer(), "mse", metrics=["mae"])
    np.testing.assert_allclose(*[model.evaluate(X, Y, verbose=0) for model in models], rtol=1e-5)
    np.testing.assert_allclose(*[model.predict(X, verbose=0) for model in models], rtol=1e-5)


class CustomStack(CustomStep, Stack):
    """A scoped model with a training step of its own."""


@pytest.mark.matrix("Training: custom train_step")
def test_custom_train_step():
    """A training step as Keras' guide for the backend writes it trains a scoped model as the built-in one does."""
    models = [CustomStack(), Stack()]
    for model in models:
        model.build((None, 3))
        model.compile(optimizer(), "mse")
    models[1].set_weights(models[0].get_weights())
    same([fit(model) for model in models])
    same_weights(*models)


@pytest.mark.matrix("Training: stateless_call")
def test_stateless_call():
    """`stateless_call` takes the weights from its arguments and returns what the call assigned; none is changed."""

    class Counter(kscope.ScopedLayer):
        def call(self, x):
            steps = kscope.get_variable("steps", [], initializer="zeros", trainable=False)
            steps.assign(steps + 1.0)
            return x * kscope.get_variable("scale", [])

    layer = Counter()
    layer.build((None, 3))
    outputs, (steps,) = layer.stateless_call([keras.ops.ones(())], [keras.ops.ones(())], X)
    np.testing.assert_allclose(array(outputs), X)
    assert float(steps) == 2.0
    assert float(layer.store["counter/steps"].numpy()) == 0.0


@pytest.mark.matrix("Training: gradient accumulation")
def test_gradient_accumulation():
    """Gradients accumulate over steps as with the plain twin, and nothing is trained in between."""
    models = pair()
    for model in models:
        model.compile(optimizer(gradient_accumulation_steps=2), "mse")
    before = models[0].get_weights()
    models[0].train_on_batch(X[:4], Y[:4])
    np.testing.assert_array_equal(models[0].get_weights()[0], before[0])
    models[1].train_on_batch(X[:4], Y[:4])
    models[0].train_on_batch(X[4:], Y[4:]), models[1].train_on_batch(X[4:], Y[4:])
    assert not np.allclose(models[0].get_weights()[0], before[0])
    same_weights(*models)


@pytest.mark.matrix("Training: constraints and weight decay")
def test_constraints():
    """An optimizer applies constraints and weight decay to scoped variables."""

    class Clipped(kscope.ScopedLayer):
        def call(self, x):
            return x * kscope.get_variable("scale", [3], initializer="ones", constraint=keras.constraints.NonNeg())

    model = keras.Sequential([keras.Input((3,)), Clipped()])
    model.compile(keras.optimizers.SGD(10.0, weight_decay=0.01), "mse")
    model.fit(X, -X, verbose=0)
    np.testing.assert_array_equal(model.get_weights()[0], np.zeros(3))


def changed(model, train):
    """The paths of the weights that training changes."""
    before = model.get_weights()
    train(model)
    after = model.get_weights()
    return [v.path for v, old, new in zip(model.weights, before, after, strict=True) if not np.array_equal(old, new)]


@pytest.mark.matrix("Training: a frozen layer")
def test_a_frozen_layer():
    """`fit` trains what is not frozen, as long as it is frozen."""
    model = Stack()
    model.build((None, 3))
    model.first.trainable = False
    model.compile(optimizer(), "mse")
    assert changed(model, fit) == ["stack/scale", "stack/tower/fc/kernel", "stack/tower/fc/bias"]
    model.first.trainable = True
    model.compile(optimizer(), "mse")
    assert len(changed(model, fit)) == 5


@pytest.mark.matrix("Training: a frozen scope")
def test_a_frozen_scope():
    """The variables below a scope are frozen by their `trainable`, whichever layers they belong to."""
    model = Stack()
    model.build((None, 3))
    for variable in model.store.trainable_variables("stack/body"):
        variable.trainable = False
    model.compile(optimizer(), "mse")
    assert model.store.trainable_variables("stack/body") == []
    assert [v.path for v in model.trainable_weights] == ["stack/scale", "stack/tower/fc/kernel", "stack/tower/fc/bias"]
    assert changed(model, fit) == [v.path for v in model.trainable_weights]


@pytest.mark.matrix("Training: an optimizer over one scope")
def test_an_optimizer_over_one_scope():
    """Two optimizers train a scope each, as adversarial training has it."""
    model = Stack()
    model.build((None, 3))
    for scope in ("stack/body", "stack/tower"):
        trained = model.store.trainable_variables(scope)
        one = optimizer()
        one.build(trained)

        def step(_, one=one, trained=trained):
            one.apply([keras.ops.ones(v.shape) for v in trained])

        assert changed(model, step) == [v.path for v in trained]


@pytest.mark.matrix("Training: sample weights")
def test_sample_weights():
    """Sample weights reach the loss as with the plain twin."""
    models = pair()
    for model in models:
        model.compile(optimizer(), "mse")
    same([fit(model, sample_weight=np.arange(8.0)) for model in models])


@pytest.mark.matrix("Training: a model of several inputs and outputs")
def test_several_inputs_and_outputs():
    """A scoped layer of two inputs and two outputs is trained inside a functional model."""

    class Both(kscope.ScopedLayer):
        def call(self, a, b):
            w = kscope.get_variable("w", [3], initializer="ones")
            return {"sum": (a + b) * w, "difference": (a - b) * w}

    inputs = [keras.Input((3,)), keras.Input((3,))]
    model = keras.Model(inputs, Both()(*inputs))
    model.compile(keras.optimizers.SGD(0.05), {"sum": "mse", "difference": "mse"})
    data = ([X, X[::-1].copy()], {"sum": X * 0, "difference": X * 0})
    losses = model.fit(*data, epochs=3, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


@pytest.mark.matrix("Training: callbacks that save and restore weights")
def test_callbacks(tmp_path):
    """`ModelCheckpoint` writes the best weights, `EarlyStopping` puts them back."""
    model = keras.Sequential([keras.Input((3,)), Tower()])
    path = tmp_path / "best.weights.h5"
    # A rate that is far too high, after one good epoch.
    rate = keras.callbacks.LearningRateScheduler(lambda epoch: 0.05 if epoch == 0 else 50.0)
    save = keras.callbacks.ModelCheckpoint(path, monitor="loss", save_best_only=True, save_weights_only=True)
    stop = keras.callbacks.EarlyStopping(monitor="loss", patience=2, restore_best_weights=True)
    model.compile(keras.optimizers.SGD(), "mse")
    losses = fit(model, epochs=8, callbacks=[rate, save, stop])
    assert len(losses) < 8
    restored = model.get_weights()
    model.load_weights(path)
    np.testing.assert_array_equal(model.get_weights()[0], restored[0])


@pytest.mark.matrix("Training: callbacks that save and restore the whole state")
def test_backup_and_restore(tmp_path):
    """`BackupAndRestore` goes on where training broke off, the optimizer's state included."""

    class Crash(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise OSError("the machine went down")

    models = [keras.Sequential([keras.Input((3,)), Tower()]) for _ in range(2)]
    models[1].set_weights(models[0].get_weights())
    for model in models:
        model.compile(optimizer(), "mse")
    straight = fit(models[0], epochs=4)
    backup = keras.callbacks.BackupAndRestore(tmp_path)
    with pytest.raises(OSError, match="the machine went down"):
        fit(models[1], epochs=4, callbacks=[backup, Crash()])
    again = keras.Sequential([keras.Input((3,)), Tower()])
    again.compile(optimizer(), "mse")
    resumed = fit(again, epochs=4, callbacks=[keras.callbacks.BackupAndRestore(tmp_path)])
    np.testing.assert_allclose(resumed, straight[2:], rtol=1e-5)
