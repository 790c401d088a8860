"""TF1's regularizers: their formulas, by hand and beside TensorFlow's l2 loss."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest

import kscope
from kscope import errors, get_variable, no_regularizer, variable_scope
from kscope.regularizers import (
    apply_regularization,
    l1_l2_regularizer,
    l1_regularizer,
    l2_regularizer,
    sum_regularizer,
)

X = np.array([[1.0, -2.0], [3.0, -4.0]], "float32")


def _number(loss):
    return float(keras.ops.convert_to_numpy(loss))


@keras.saving.register_keras_serializable("tests")
def none(_):
    """A regularizer without a loss."""


@keras.saving.register_keras_serializable("tests")
def largest(x):
    """A regularizer of the user's."""
    return keras.ops.max(x)


# The values are worked out by hand: sum |x| = 10, sum x^2 = 30.
CASES = {
    "l1": (lambda: l1_regularizer(0.5), 5.0),
    "l2": (lambda: l2_regularizer(0.5), 7.5),
    "l1 of a NumPy scale": (lambda: l1_regularizer(np.float32(0.5), "scope"), 5.0),
    "l2 of a tensor": (lambda: l2_regularizer(keras.ops.convert_to_tensor(0.5), scope="scope"), 7.5),
    "l1_l2": (lambda: l1_l2_regularizer(), 25.0),
    "l1_l2 scaled": (lambda: l1_l2_regularizer(0.5, 0.1, "scope"), 6.5),
    "l1 only": (lambda: l1_l2_regularizer(0.5, 0.0), 5.0),
    "l2 only": (lambda: l1_l2_regularizer(0.0, 0.5), 7.5),
    "sum": (lambda: sum_regularizer([l1_regularizer(0.5), None, l2_regularizer(0.5)], scope="scope"), 12.5),
    "sum of other regularizers": (lambda: sum_regularizer([largest, none, "l2", keras.regularizers.L1]), 3.4),
    "sum of nothing": (lambda: sum_regularizer([none, l1_regularizer(0.0), False]), 0.0),
    "sum of sums": (lambda: sum_regularizer([sum_regularizer([largest]), l1_l2_regularizer()]), 28.0),
}
OFF = {
    "l1": lambda: l1_regularizer(0.0),
    "l2": lambda: l2_regularizer(0.0, "scope"),
    "l1_l2": lambda: l1_l2_regularizer(0.0, 0.0),
}


@pytest.mark.parametrize(("make", "expected"), CASES.values(), ids=CASES)
def test_formulas(make, expected):
    """The losses are those of TF1's formulas, a scalar each."""
    loss = make()(X)
    assert (tuple(loss.shape), _number(loss)) == ((), pytest.approx(expected))


@pytest.mark.parametrize(("make", "expected"), CASES.values(), ids=CASES)
def test_in_get_variable(make, expected):
    """Given or inherited, they give the variable's loss, which layers add."""
    regularizer = make()

    class Layer(kscope.ScopedLayer):
        def call(self, x):
            with variable_scope("inherited", regularizer=regularizer):
                return x @ get_variable("v", [2, 2], initializer=kscope.initializers.constant_initializer(X))

    layer = Layer()
    layer(X)
    v = get_variable("v", initializer=X, regularizer=regularizer)
    assert [_number(loss) for loss in [*layer.losses, v.regularizer(v)]] == pytest.approx([expected] * 2)


@pytest.mark.parametrize("make", OFF.values(), ids=OFF)
def test_a_scale_of_zero(make):
    """A scale of 0 switches an inherited regularizer off, and has no loss."""
    assert make() is no_regularizer
    with variable_scope("a", regularizer=l1_regularizer(1.0)):
        assert get_variable("v", [1], regularizer=make()).regularizer is None


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
@pytest.mark.parametrize("make", [l1_regularizer, l2_regularizer])
def test_dtype(make, dtype):
    """The loss has the dtype of the weights, whatever that of the scale is."""
    for scale in (0.5, keras.ops.convert_to_tensor(0.5)):
        loss = make(scale)(keras.ops.cast(X, dtype))
        assert keras.backend.standardize_dtype(loss.dtype) == dtype


@pytest.mark.parametrize("make", [l1_regularizer, l2_regularizer])
def test_a_scale_that_changes(make):
    """A variable as a scale is read at each call; a config has its value."""
    scale = keras.Variable(1.0)
    regularizer = make(scale)
    before = _number(regularizer(X))
    scale.assign(0.5)
    assert _number(regularizer(X)) == before / 2
    assert regularizer.get_config() == {"scale": 0.5}


@pytest.mark.parametrize(("make", "expected"), CASES.values(), ids=CASES)
def test_serialisation(make, expected):
    """A regularizer is the same after a round trip through its config."""
    config = json.loads(json.dumps(keras.regularizers.serialize(make())))
    assert _number(keras.regularizers.get(config)(X)) == pytest.approx(expected)


@pytest.mark.parametrize("regularizer", [no_regularizer, largest])
def test_serialisation_of_functions(regularizer):
    """Functions in a sum are written by their registered names."""
    total = sum_regularizer([regularizer, l1_regularizer(0.5)])
    config = keras.regularizers.serialize(total)
    loaded = keras.regularizers.deserialize(config)
    assert loaded.regularizer_list[0] is regularizer
    assert _number(loaded(X)) == _number(total(X))


def test_saved_in_a_layer():
    """A layer of Keras that has one is saved and loaded with it."""
    layer = keras.layers.Dense(2, kernel_regularizer=l1_l2_regularizer(0.5, 0.25), bias_regularizer=l1_regularizer(0.0))
    loaded = keras.layers.Dense.from_config(layer.get_config())
    assert _number(loaded.kernel_regularizer(X)) == pytest.approx(8.75)
    assert loaded.bias_regularizer is no_regularizer


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: l1_regularizer(1), "scale cannot be an integer: 1"),
        (lambda: l2_regularizer(True), "scale cannot be an integer: True"),
        (lambda: l1_regularizer(-0.5), "Setting a scale less than 0 on a regularizer: -0.5"),
        (lambda: l2_regularizer(-0.5), "Setting a scale less than 0 on a regularizer: -0.5"),
        (lambda: l1_l2_regularizer(0, 0.5), "scale_l1 cannot be an integer: 0"),
        (lambda: l1_l2_regularizer(0.5, 0), "scale_l2 cannot be an integer: 0"),
        (lambda: l1_l2_regularizer(0.0, 1), "scale_l2 cannot be an integer: 1"),
        (lambda: l1_l2_regularizer(-1.0), "Setting a scale less than 0"),
        (lambda: sum_regularizer(["l3"]), "Could not interpret regularizer identifier: 'l3'"),
        (lambda: apply_regularization(largest), "No weights to regularize."),
        (lambda: apply_regularization(largest, []), "No weights to regularize."),
        (lambda: apply_regularization(lambda x: x, [X]), "must return a scalar Tensor instead of a Tensor with rank 2"),
    ],
)
def test_errors(make, message):
    """Impossible arguments are refused with TF1's messages."""
    with pytest.raises(errors.OptionError, match=message):
        make()


def test_sum_of_no_regularizers():
    """A sum of `None` alone is `None`, as in TF1, and inherits."""
    assert sum_regularizer([]) is sum_regularizer([None]) is None


def test_sum_of_what_is_none():
    """What cannot be a regularizer is refused when the sum is made."""
    with pytest.raises(errors.OptionTypeError, match="The `regularizer` argument must be a callable."):
        sum_regularizer([3])


@pytest.mark.parametrize(
    ("regularizer", "expected"),
    [(l1_regularizer(0.5), 6.0), (none, 0.0), (l2_regularizer(0.0), 0.0), ("l1", 0.12)],
    ids=str,
)
def test_apply_regularization(regularizer, expected):
    """The losses of all weights are summed; `None` counts as 0."""
    v = get_variable("v", initializer=[[2.0]])
    assert _number(apply_regularization(regularizer, [X, v])) == pytest.approx(expected)


def test_apply_regularization_to_the_collection():
    """Without a list, the weights are those of the collection of that name, in the current store."""
    get_variable("other", initializer=[5.0])
    get_variable("v", initializer=[2.0], collections=["variables", "weights"])
    assert _number(apply_regularization(l1_regularizer(0.5))) == 1.0


@pytest.mark.tensorflow
def test_beside_tensorflow():
    """The l2 loss is TensorFlow's."""
    import tensorflow as tf

    x = np.random.default_rng(0).normal(size=(30, 20)).astype("float32")
    assert _number(l2_regularizer(0.3)(x)) == pytest.approx(0.3 * float(tf.nn.l2_loss(x)), rel=1e-6)
