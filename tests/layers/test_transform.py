"""`transform`: pure functions over mappings of arrays, as each backend's transformations want them."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from samples import Stack, Tower

import kscope

X = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")


def numbers(tensor):
    """A tensor's values, as NumPy has them."""
    return keras.ops.convert_to_numpy(tensor)


def net(x, units=2):
    """Two scopes, one of them shared."""
    with kscope.variable_scope("fc"):
        kernel = kscope.get_variable("kernel", [x.shape[-1], units])
    with kscope.variable_scope("fc", reuse=True):
        kernel = kernel + kscope.get_variable("kernel")
    return keras.ops.matmul(x, kernel) + kscope.get_variable("bias", [units], initializer="zeros")


@pytest.mark.matrix("Functional form: transform")
def test_init_and_apply():
    """`init` gives values by scoped name, `apply` uses them, and no variable changes."""
    f = kscope.transform(net)
    values = f.init(X)
    assert sorted(values) == ["bias", "fc/kernel"]
    np.testing.assert_allclose(numbers(f.apply(values, X)), 2 * X @ numbers(values["fc/kernel"]), rtol=1e-5)
    ones = {name: keras.ops.ones_like(value) for name, value in values.items()}
    np.testing.assert_allclose(numbers(f.apply(ones, X)), 2 * X @ np.ones((3, 2)) + 1, rtol=1e-5)
    np.testing.assert_array_equal(numbers(f.store["fc/kernel"]), numbers(values["fc/kernel"]))


def test_apply_without_init():
    """Values from elsewhere will do; NumPy arrays, too."""
    f = kscope.transform(net)
    outputs = f.apply({"fc/kernel": np.ones((3, 2), "float32"), "bias": np.ones(2, "float32")}, X)
    np.testing.assert_allclose(numbers(outputs), 2 * X @ np.ones((3, 2)) + 1, rtol=1e-5)


def test_plain_numbers_as_values():
    """Numbers and lists will do for values, as they do for tensors elsewhere."""
    f = kscope.transform(lambda x: x * kscope.get_variable("a", []) + kscope.get_variable("b", [3]))
    np.testing.assert_allclose(numbers(f.apply({"a": 2.0, "b": [1.0, 2.0, 3.0]}, X)), 2 * X + [1, 2, 3], rtol=1e-6)
    with pytest.raises(kscope.errors.ValuesError, match=r"mis-shaped: b: \(3,\) asked for, \(\) given"):
        f.apply({"a": 2.0, "b": 1.0}, X)


def test_init_again():
    """Each `init` draws anew, but for constants; a seed gives the same numbers again."""

    def f(x):
        known = kscope.get_variable("known", initializer=[1.0, 2.0, 3.0])
        listed = kscope.get_variable("listed", initializer=lambda: np.ones(3, "float32"))
        return x * kscope.get_variable("drawn", [3], initializer="random_normal") + known + listed

    drawn = []
    for _ in range(2):
        keras.utils.set_random_seed(3)
        f_ = kscope.transform(f)
        drawn += [{name: numbers(value) for name, value in f_.init(X).items()} for _ in range(2)]
    assert not np.allclose(drawn[0]["drawn"], drawn[1]["drawn"])
    for name in ("known", "listed"):
        np.testing.assert_array_equal(drawn[0][name], drawn[1][name])
    for one, other in ((0, 2), (1, 3)):
        np.testing.assert_array_equal(drawn[one]["drawn"], drawn[other]["drawn"])


def test_init_gives_copies():
    """What is done to the values that `init` gave does not change what `apply` and the next `init` do."""
    f = kscope.transform(lambda x: x + kscope.get_variable("v", initializer=[1.0, 1.0, 1.0]))
    values = f.init(X)
    if keras.backend.backend() == "torch":
        values["v"].mul_(7.0)
    np.testing.assert_array_equal(numbers(f.init(X)["v"]), [1.0, 1.0, 1.0])


def test_layers_inside():
    """Scoped layers that the function calls are bound by it, under the scope that they are called in."""
    first, second = Tower(3), Tower(2)

    def f(x):
        with kscope.variable_scope("body"):
            return second(first(x))

    f = kscope.transform(f)
    values = f.init(X)
    assert sorted(values) == [f"body/tower{i}/fc/{v}" for i in ("", "_1") for v in ("bias", "kernel")]
    zeros = {name: keras.ops.zeros_like(value) for name, value in values.items()}
    np.testing.assert_array_equal(numbers(f.apply(zeros, X)), np.zeros((4, 2)))


@pytest.mark.parametrize("layer", [Tower, Stack])
def test_a_layer(layer):
    """A scoped layer or model that was not called yet is transformed as a function."""
    f = kscope.transform(layer(2, name="net"))
    values = f.init(X)
    assert all(name.startswith("net/") for name in values)
    assert numbers(f.apply(values, X)).shape == (4, 2)


def test_a_layer_of_another_store():
    """A layer that is bound elsewhere would be a constant in silence, so that it is refused."""
    layer = Tower(2, name="bound")
    layer(X)
    with pytest.raises(kscope.errors.LayerError, match="'bound' is bound to another store"):
        kscope.transform(lambda x: layer(x)).init(X)


def test_variables_of_keras_making():
    """A scoped layer with stock layers inside has variables without a place among the values: refused."""

    class Mixed(kscope.ScopedLayer):
        def __init__(self):
            super().__init__(name="mixed")
            self.dense = keras.layers.Dense(3)

        def call(self, x):
            return self.dense(x) * kscope.get_variable("scale", [])

    with pytest.raises(kscope.errors.LayerError, match=r"'mixed' has variables that no `get_variable` made"):
        kscope.transform(Mixed()).init(X)


def counting(x):
    """A function that keeps a count."""
    count = kscope.get_variable("count", [], initializer="zeros", trainable=False)
    count.assign(count + 1.0)
    return x + count


@pytest.mark.matrix("Functional form: updates of state")
def test_updates():
    """What the function assigns comes back from `apply_and_update`; `apply` refuses to lose it."""
    f = kscope.transform(counting)
    values = f.init(X)
    outputs, updated = f.apply_and_update(values, X)
    np.testing.assert_allclose(numbers(outputs), X + 1, rtol=1e-6)
    assert (numbers(updated["count"]), numbers(values["count"])) == (1.0, 0.0)
    _, updated = f.apply_and_update(updated, X)
    assert numbers(updated["count"]) == 2.0
    with pytest.raises(kscope.errors.ValuesError, match=r"assigns to variables(.*\n)*.*assigned: +count"):
        f.apply(values, X)


def test_values_that_do_not_fit():
    """Missing, unknown and mis-shaped values are all named."""
    f = kscope.transform(net)
    values = f.init(X)
    wrong = {"fc/kernel": np.zeros((5, 5)), "other": values["bias"]}
    with pytest.raises(kscope.errors.ValuesError, match="do not fit") as caught:
        f.apply(wrong, X)
    for line in ("missing:    bias", "unknown:    other", "mis-shaped: fc/kernel: (3, 2) asked for, (5, 5) given"):
        assert line in str(caught.value)


def test_no_function():
    """What cannot be called cannot be transformed."""
    with pytest.raises(TypeError, match="needs a function"):
        kscope.transform(5)


@pytest.mark.jax
@pytest.mark.matrix("Functional form: the backend's own transformations")
def test_jax_transformations():
    """`jax.grad`, `vmap`, `jit` and `value_and_grad` take it as they find it; gradients come back by name."""
    import jax

    f = kscope.transform(net)
    values = jax.jit(f.init)(X)
    loss = jax.jit(lambda values, x: keras.ops.sum(f.apply(values, x)))
    gradients = jax.grad(loss)(values, X)
    np.testing.assert_allclose(gradients["fc/kernel"], np.repeat(2 * X.sum(0)[:, None], 2, 1), rtol=1e-5)
    np.testing.assert_allclose(gradients["bias"], [4.0, 4.0])
    each = jax.vmap(jax.grad(loss), in_axes=(None, 0))(values, X)
    np.testing.assert_allclose(each["fc/kernel"].sum(0), gradients["fc/kernel"], rtol=1e-5)
    ensemble = jax.tree.map(lambda v: np.stack([v, v]), values)
    assert jax.vmap(f.apply, in_axes=(0, None))(ensemble, X).shape == (2, 4, 2)


@pytest.mark.torch
@pytest.mark.matrix("Functional form: the backend's own transformations")
def test_torch_transformations():
    """`torch.func` takes it as it finds it; gradients come back by name."""
    import torch

    f = kscope.transform(net)
    values = f.init(X)
    x = torch.tensor(X)
    gradients = torch.func.grad(lambda values, x: f.apply(values, x).sum())(values, x)
    np.testing.assert_allclose(gradients["fc/kernel"], np.repeat(2 * X.sum(0)[:, None], 2, 1), rtol=1e-5)
    each = torch.func.vmap(torch.func.grad(lambda v, x: f.apply(v, x).sum()), in_dims=(None, 0))(values, x)
    np.testing.assert_allclose(each["fc/kernel"].sum(0), gradients["fc/kernel"], rtol=1e-5)
    leaves = {name: value.requires_grad_() for name, value in values.items()}
    f.apply(leaves, x).sum().backward()
    np.testing.assert_allclose(leaves["bias"].grad, [4.0, 4.0])


@pytest.mark.tensorflow
@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.matrix("Functional form: the backend's own transformations")
def test_tensorflow_transformations(jit):
    """`tf.function` and `GradientTape` take it as they find it; gradients come back by name."""
    import tensorflow as tf

    f = kscope.transform(net)

    @tf.function(jit_compile=jit)
    def gradients_of(values, x):
        with tf.GradientTape() as tape:
            tape.watch(values)
            loss = tf.reduce_sum(f.apply(values, x))
        return tape.gradient(loss, values)

    values = f.init(X)
    gradients = gradients_of(values, tf.constant(X))
    np.testing.assert_allclose(gradients["fc/kernel"], np.repeat(2 * X.sum(0)[:, None], 2, 1), rtol=1e-5)
    np.testing.assert_allclose(gradients["bias"], [4.0, 4.0])
