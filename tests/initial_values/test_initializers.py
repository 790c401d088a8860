"""TF1's initializers: their formulas, their seeds, their configs, and TensorFlow's own beside them."""

from __future__ import annotations

import json
import math
from types import SimpleNamespace

import keras
import numpy as np
import pytest

import kscope
from kscope import errors, get_variable, initializers as init, variable_scope

DTYPES = ["float16", "bfloat16", "float32"]

OF_TF1 = [name for name in init.__all__ if name != "seeded"]

# 100,000 numbers: a standard deviation is known to 0.3 %, a mean to 0.4 % of it. Held against 2 %.
BIG = (200, 500)
CONV = (3, 3, 40, 300)
TOLERANCE = 0.02

TRUNCATED = 0.87962566103423978

# An initializer, its arguments, a shape; the mean, standard deviation and bounds by the formula, with fans of 200 and
# 500 for BIG, of 360 and 2700 for CONV.
DRAWN = [
    ("random_uniform_initializer", {}, BIG, 0.5, 12**-0.5, (0, 1)),
    ("random_uniform_initializer", {"minval": -3, "maxval": 1}, BIG, -1, 4 * 12**-0.5, (-3, 1)),
    ("random_normal_initializer", {}, BIG, 0, 1, None),
    ("random_normal_initializer", {"mean": 3.0, "stddev": 0.5}, BIG, 3, 0.5, None),
    ("truncated_normal_initializer", {}, BIG, 0, TRUNCATED, (-2, 2)),
    ("truncated_normal_initializer", {"mean": 3.0, "stddev": 0.5}, BIG, 3, 0.5 * TRUNCATED, (2, 4)),
    ("variance_scaling_initializer", {}, BIG, 0, 200**-0.5, 2 / TRUNCATED * 200**-0.5),
    ("variance_scaling_initializer", {"distribution": "NORMAL"}, BIG, 0, 200**-0.5, 2 / TRUNCATED * 200**-0.5),
    ("variance_scaling_initializer", {"scale": 3.0, "mode": "fan_out"}, CONV, 0, (3 / 2700) ** 0.5, None),
    ("variance_scaling_initializer", {"distribution": "untruncated_normal"}, BIG, 0, 200**-0.5, None),
    ("variance_scaling_initializer", {"distribution": "uniform"}, CONV, 0, 360**-0.5, (3 / 360) ** 0.5),
    ("variance_scaling_initializer", {"mode": "fan_avg"}, (100_000,), 0, 100_000**-0.5, None),
    ("uniform_unit_scaling_initializer", {}, BIG, 0, 200**-0.5, (3 / 200) ** 0.5),
    ("uniform_unit_scaling_initializer", {"factor": 1.43}, CONV, 0, 1.43 * 360**-0.5, 1.43 * (3 / 360) ** 0.5),
    ("glorot_uniform_initializer", {}, BIG, 0, (2 / 700) ** 0.5, (6 / 700) ** 0.5),
    ("glorot_uniform_initializer", {}, CONV, 0, (2 / 3060) ** 0.5, (6 / 3060) ** 0.5),
    ("glorot_normal_initializer", {}, BIG, 0, (2 / 700) ** 0.5, 2 / TRUNCATED * (2 / 700) ** 0.5),
    ("lecun_normal", {}, BIG, 0, 200**-0.5, 2 / TRUNCATED * 200**-0.5),
    ("lecun_uniform", {}, BIG, 0, 200**-0.5, (3 / 200) ** 0.5),
    ("he_normal", {}, BIG, 0, 0.1, 0.2 / TRUNCATED),
    ("he_uniform", {}, CONV, 0, (2 / 360) ** 0.5, (6 / 360) ** 0.5),
    ("orthogonal_initializer", {"gain": 2.0}, BIG, 0, 2 * 500**-0.5, None),
]

# These were in tf.contrib, which went away: 1.3 is contrib's own correction of the cut.
CUT = 1.3**0.5 * TRUNCATED
CONTRIB = [
    ("xavier_initializer", {}, BIG, 0, (2 / 700) ** 0.5, (6 / 700) ** 0.5),
    ("xavier_initializer", {"uniform": False}, BIG, 0, CUT * (2 / 700) ** 0.5, (4 * 1.3 * 2 / 700) ** 0.5),
    ("xavier_initializer_conv2d", {}, CONV, 0, (2 / 3060) ** 0.5, (6 / 3060) ** 0.5),
    ("contrib_variance_scaling_initializer", {}, BIG, 0, CUT * 0.1, 2 * 1.3**0.5 * 0.1),
    ("contrib_variance_scaling_initializer", {"factor": 1.0, "mode": "FAN_OUT"}, BIG, 0, CUT * 500**-0.5, None),
    ("contrib_variance_scaling_initializer", {"uniform": True}, (100_000,), 0, (2e-5) ** 0.5, (6e-5) ** 0.5),
]

SIMPLE = {
    "zeros": (lambda: init.zeros_initializer(), (2, 2), [[0, 0], [0, 0]]),
    "ones": (lambda: init.ones_initializer(), (2,), [1, 1]),
    "constant": (lambda: init.constant_initializer(), (2,), [0, 0]),
    "number": (lambda: init.constant_initializer(2.5), (2, 1), [[2.5], [2.5]]),
    "number without dimensions": (lambda: init.constant_initializer(2.5), (), 2.5),
    "number without elements": (lambda: init.constant_initializer(2.5), (0, 2), np.zeros((0, 2)).tolist()),
    "list": (lambda: init.constant_initializer([1, 2, 3, 4]), (2, 2), [[1, 2], [3, 4]]),
    "array": (lambda: init.constant_initializer(np.array([[1, 2], [3, 4]])), (4,), [1, 2, 3, 4]),
    "tuple that is filled up": (lambda: init.constant_initializer((1, 2)), (2, 2), [[1, 2], [2, 2]]),
    "array that is filled up": (lambda: init.constant_initializer(np.array([[1], [2]])), (3,), [1, 2, 2]),
    "empty list": (lambda: init.constant_initializer([]), (2,), [0, 0]),
    "verified": (lambda: init.constant_initializer([[1, 2]], verify_shape=True), (1, 2), [[1, 2]]),
    "bool": (lambda: init.constant_initializer(True), (1,), [1]),
    "identity": (lambda: init.identity_initializer(), (2, 3), [[1, 0, 0], [0, 1, 0]]),
    "identity with gain": (lambda: init.identity_initializer(gain=3.0), (2, 2), [[3, 0], [0, 3]]),
}

# One of each, for what holds for all.
EACH = [*DRAWN, *CONTRIB]
MADE = {
    **{f"{name} {list(kwargs)}": (name, kwargs) for name, kwargs, *_ in EACH},
    "zeros": ("zeros_initializer", {}),
    "ones": ("ones_initializer", {}),
    "constant": ("constant_initializer", {"value": 3}),
    "constant list": ("constant_initializer", {"value": [1, 2.5, 3], "dtype": "float16"}),
    "constant array": ("constant_initializer", {"value": np.arange(6.0), "verify_shape": False}),
    "identity": ("identity_initializer", {"gain": 2.0}),
    "random_uniform": ("random_uniform_initializer", {"minval": np.float32(2), "maxval": np.array(3.0)}),
    "random_uniform ints": ("random_uniform_initializer", {"minval": 1, "maxval": 5, "dtype": "int32"}),
}


def _numbers(tensor):
    return keras.ops.convert_to_numpy(keras.ops.cast(tensor, "float32"))


def _check(values, mean, stddev, bounds):
    """Compare a large sample with what the formula says."""
    assert values.mean() == pytest.approx(mean, abs=TOLERANCE * stddev)
    assert values.std() == pytest.approx(stddev, rel=TOLERANCE)
    if bounds is not None:
        low, high = bounds if isinstance(bounds, tuple) else (-bounds, bounds)
        assert low - 1e-6 <= values.min() <= low + 0.05 * (high - low)
        assert high - 0.05 * (high - low) <= values.max() <= high + 1e-6


@pytest.mark.parametrize(("name", "kwargs", "shape", "mean", "stddev", "bounds"), EACH)
def test_formulas(name, kwargs, shape, mean, stddev, bounds):
    """Mean, standard deviation and bounds of a large sample are those of the formula, to 2 %."""
    _check(_numbers(getattr(init, name)(seed=1, **kwargs)(shape)), mean, stddev, bounds)


@pytest.mark.tensorflow
@pytest.mark.parametrize(("name", "kwargs", "shape", "mean", "stddev", "bounds"), DRAWN)
def test_formulas_are_those_of_tensorflow(name, kwargs, shape, mean, stddev, bounds):
    """TensorFlow's sample fits the same formula, to 2 %."""
    from tensorflow.compat import v1

    initializer = getattr(v1, name, None) or getattr(v1.initializers, name)
    _check(initializer(seed=1, **kwargs)(list(shape)).numpy(), mean, stddev, bounds)


@pytest.mark.parametrize(("make", "shape", "expected"), SIMPLE.values(), ids=SIMPLE)
def test_values(make, shape, expected):
    """What draws nothing has the values that TF1 gives it."""
    assert _numbers(make()(shape)).tolist() == expected


@pytest.mark.tensorflow
@pytest.mark.parametrize(("make", "shape", "expected"), SIMPLE.values(), ids=SIMPLE)
def test_values_are_those_of_tensorflow(make, shape, expected):
    """TensorFlow's values are the same."""
    import tensorflow as tf

    ours = make()
    name = type(ours).__name__.removesuffix("_initializer")
    config = {key: value for key, value in vars(ours).items() if key in ("value", "gain", "verify_shape")}
    if tf.size(tf.zeros(shape)) == 0:
        config["value"] = []  # TensorFlow takes a number for one element too many, where there is room for none
    with tf.Graph().as_default():
        theirs = getattr(tf.compat.v1.initializers, name)(**config)(list(shape))
        with tf.compat.v1.Session() as session:
            assert session.run(theirs).tolist() == expected


@pytest.mark.parametrize(("rows", "columns"), [(5, 3), (3, 5), (4, 4)])
@pytest.mark.parametrize("dtype", [*DTYPES, "float64"])
def test_orthogonal(rows, columns, dtype):
    """The shorter side of the matrix is orthonormal, times the gain."""
    q = _numbers(init.orthogonal_initializer(gain=2.0, seed=3, dtype=dtype)([rows, columns]))
    product = q.T @ q if rows > columns else q @ q.T
    assert np.allclose(product, 4 * np.eye(min(rows, columns)), atol=1e-5 if dtype == "float32" else 0.1)


def test_orthogonal_of_more_dimensions():
    """All dimensions but the last are rows; no rows at all are fine."""
    q = _numbers(init.orthogonal_initializer(seed=3)([2, 3, 4])).reshape(6, 4)
    assert np.allclose(q.T @ q, np.eye(4), atol=1e-5)
    assert tuple(init.orthogonal_initializer()([0, 4]).shape) == (0, 4)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "int64"])
def test_uniform_integers(dtype):
    """Integers are drawn from the lower bound, included, to the upper one, excluded, all alike."""
    values = init.random_uniform_initializer(-1.0 if dtype[0] == "i" else 0, 4, seed=1, dtype=dtype)([10_000])
    assert kscope._variables.dtypes.standardize(values.dtype) == kscope._variables.dtypes.canonical(dtype)
    found, counts = np.unique(keras.ops.convert_to_numpy(values), return_counts=True)
    assert found.tolist() == list(range(-1 if dtype[0] == "i" else 0, 4))
    assert counts.min() > 0.9 * 10_000 / len(found)


@pytest.mark.parametrize("name", sorted({name for name, *_ in EACH}))
def test_seeds(name):
    """A seed decides on the numbers; without one, each object has numbers of its own, but for the process's seed."""
    make, shape = getattr(init, name), [3, 3]
    drawn = [_numbers(make(seed=seed)(shape)) for seed in (1, 1, 2, None, None)]
    assert (drawn[0] == drawn[1]).all()
    assert all((drawn[i] != drawn[j]).any() for i, j in [(0, 2), (0, 3), (3, 4)])
    keras.utils.set_random_seed(5)
    first = _numbers(make()(shape))
    keras.utils.set_random_seed(5)
    assert (_numbers(make()(shape)) == first).all()


@pytest.mark.parametrize("seed", [-1, 2**40, np.int64(7)])
def test_any_integer_is_a_seed(seed):
    """Seeds may be negative, large, or NumPy's."""
    initializer = init.random_normal_initializer(seed=seed)
    assert np.isfinite(_numbers(initializer([3]))).all()
    assert json.dumps(initializer.get_config())


@pytest.mark.parametrize(("name", "kwargs"), MADE.values(), ids=MADE)
def test_serialisation(name, kwargs):
    """An initializer is the same after a round trip through its config, in which an absent seed stays absent."""
    made = getattr(init, name)
    unseeded = made(**kwargs)
    assert unseeded.get_config().get("seed") is None
    initializer = made(seed=3, **kwargs) if hasattr(unseeded, "seed") else unseeded
    loaded = keras.initializers.get(json.loads(json.dumps(keras.initializers.serialize(initializer))))
    assert type(loaded) is type(initializer)
    assert (_numbers(loaded([3, 4])) == _numbers(initializer([3, 4]))).all()
    assert loaded([3, 4]).dtype == initializer([3, 4]).dtype
    assert keras.initializers.serialize(loaded) == keras.initializers.serialize(initializer)


@pytest.mark.parametrize(("name", "kwargs"), MADE.values(), ids=MADE)
def test_dtypes(name, kwargs):
    """Asked for a dtype they answer in it, else in their own."""
    kwargs = {key: value for key, value in kwargs.items() if key != "dtype"}
    for dtype in DTYPES:
        values = [getattr(init, name)(**kwargs)([3, 4], dtype=dtype)]
        if not name.startswith(("he_", "lecun_")):
            values.append(getattr(init, name)(dtype=dtype, **kwargs)([3, 4]))
        assert {keras.backend.standardize_dtype(value.dtype) for value in values} == {dtype}


@pytest.mark.parametrize(("name", "kwargs"), MADE.values(), ids=MADE)
@pytest.mark.parametrize("inherited", [False, True])
def test_in_get_variable(name, kwargs, inherited):
    """Given or inherited, they make variables; one object that has no seed draws new numbers for each."""
    initializer = getattr(init, name)(**kwargs)
    given = {} if inherited else {"initializer": initializer}
    with variable_scope("a", initializer=initializer):
        a, b = (get_variable(name, [3, 4], dtype="float32", **given) for name in "ab")
    random = isinstance(initializer, kscope.initializers._base.Random)
    assert (_numbers(a) == _numbers(b)).all() != random
    assert np.isfinite(_numbers(a)).all()


def test_in_a_layer_of_keras():
    """A layer of Keras takes them, is saved with them, and draws within the formula."""
    layer = keras.layers.Dense(500, kernel_initializer=init.he_uniform(seed=1), bias_initializer=init.ones_initializer)
    layer.build((None, 200))
    _check(_numbers(layer.kernel), 0, 0.1, 0.03**0.5)
    assert _numbers(layer.bias).tolist() == [1.0] * 500
    assert keras.layers.Dense.from_config(layer.get_config()).kernel_initializer.get_config()["scale"] == 2.0


@pytest.mark.parametrize("name", OF_TF1)
def test_in_a_scoped_layer_that_is_built_in_a_trace(name):
    """The variables of a layer that Keras builds on symbols have values, as those that are made eagerly."""

    @kscope.scoped
    def layer(x):
        with variable_scope("a", initializer=getattr(init, name)()):
            return x @ get_variable("kernel", [4, 3])

    model = keras.Sequential([keras.Input((4,)), layer])
    assert np.isfinite(_numbers(model.weights[0])).all()
    assert model.weights[0].path == "layer/a/kernel"


@pytest.mark.parametrize("shape", [[], [0, 4], [4, 0], (7,), 3])
@pytest.mark.parametrize("name", [name for name in OF_TF1 if name[:5] not in ("ident", "ortho")])
def test_odd_shapes(name, shape):
    """Scalars, vectors and empty shapes have values, too."""
    values = _numbers(getattr(init, name)()(shape))
    assert values.shape == tuple([shape] if isinstance(shape, int) else shape)
    assert np.isfinite(values).all()


def _slice(full_shape, var_offset=(0, 0)):
    """What tells an initializer of which variable it makes a part."""
    return SimpleNamespace(full_shape=list(full_shape), var_offset=list(var_offset))


@pytest.mark.parametrize(("name", "kwargs"), MADE.values(), ids=MADE)
def test_partition_info_is_taken(name, kwargs):
    """All take `partition_info`, by name or by position."""
    initializer = getattr(init, name)(**kwargs)
    for values in (initializer([2, 4], partition_info=_slice([6, 4])), initializer([2, 4], None, _slice([6, 4]))):
        assert tuple(values.shape) == (2, 4)


@pytest.mark.parametrize(
    ("name", "kwargs", "whole"),
    [
        ("variance_scaling_initializer", {"distribution": "uniform"}, (3 / 800) ** 0.5),
        ("glorot_uniform_initializer", {}, (6 / 1300) ** 0.5),
        ("uniform_unit_scaling_initializer", {"factor": 2.0}, 2 * (3 / 800) ** 0.5),
        # Contrib's did not look at it.
        ("xavier_initializer", {}, (6 / 700) ** 0.5),
    ],
)
def test_a_slice_is_scaled_as_the_whole(name, kwargs, whole):
    """The fans of a slice are those of the whole variable."""
    values = _numbers(getattr(init, name)(seed=1, **kwargs)(BIG, partition_info=_slice([800, 500])))
    assert np.abs(values).max() == pytest.approx(whole, rel=TOLERANCE)


def test_the_slices_of_an_identity():
    """The slices of an identity matrix make up one, by rows or by columns."""
    identity, whole = init.identity_initializer(), np.eye(4, 6)
    rows = [identity([2, 6], partition_info=_slice([4, 6], [at, 0])) for at in (0, 2)]
    columns = [identity([4, 2], partition_info=_slice([4, 6], [0, at])) for at in (0, 2, 4)]
    assert np.array_equal(np.concatenate([_numbers(part) for part in rows], 0), whole)
    assert np.array_equal(np.concatenate([_numbers(part) for part in columns], 1), whole)


@pytest.mark.parametrize(
    ("value", "dtype"),
    [(2, "int8"), ([1.0, 2.0], "int32"), (True, "bool"), ([True, False], "int32"), (1, "complex64"), (2j, "complex64")],
)
def test_constants_keep_their_value(value, dtype):
    """A constant takes on any dtype that holds it."""
    values = init.constant_initializer(value, dtype=dtype)([2])
    assert keras.backend.standardize_dtype(values.dtype) == dtype
    assert keras.ops.convert_to_numpy(values).tolist() == np.broadcast_to(value, 2).tolist()


@pytest.mark.parametrize(
    ("value", "dtype"),
    [(1.5, "int32"), ("a", "float32"), (2j, "float32"), (300, "int8"), (math.nan, "int32"), (2, "bool")],
)
def test_constants_of_another_dtype(value, dtype):
    """A constant that would lose its value is refused, as a TypeError."""
    with pytest.raises(errors.OptionTypeError, match=f"Expected {dtype}, but got"):
        init.constant_initializer(value)([2], dtype=dtype)


INT = "Argument `dtype` is expected to be floating point. Received: int32."


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: init.constant_initializer({}), TypeError, "Invalid type for initial value={} of type: dict"),
        (lambda: init.constant_initializer([1, 2, 3])([2]), ValueError, "Too many elements provided. Takes at most 2"),
        (lambda: init.constant_initializer([1, 2], verify_shape=True)([2, 2]), TypeError, "Expected Tensor's shape"),
        (lambda: init.constant_initializer([1, 2])([2, 2], verify_shape=True), TypeError, r"\(2, 2\), but got \(2,\)"),
        (lambda: init.constant_initializer([[1], [2, 3]]), ValueError, "is not a rectangular array"),
        (lambda: init.zeros_initializer("flaot"), TypeError, "Cannot convert the argument `type_value`"),
        (lambda: init.random_normal_initializer(dtype="int32"), ValueError, INT),
        (lambda: init.he_normal()([2], dtype="int32"), TypeError, INT),
        (lambda: init.identity_initializer(dtype="int32"), ValueError, INT),
        (lambda: init.xavier_initializer(dtype="int32"), TypeError, INT),
        (lambda: init.random_uniform_initializer(dtype="bool"), ValueError, "Argument `dtype` got invalid value bool"),
        (lambda: init.random_uniform_initializer(dtype="int32")([2]), ValueError, "Must specify maxval for integer"),
        (lambda: init.random_uniform_initializer(0, 1.5, dtype="int32")([2]), TypeError, "Expected int32, but got 1.5"),
        (lambda: init.random_normal_initializer(seed="a"), TypeError, "The seed must be an int or None, while get 'a'"),
        (lambda: init.variance_scaling_initializer(scale=0), ValueError, "Argument `scale` must be a positive float."),
        (lambda: init.variance_scaling_initializer(mode="FAN_IN"), ValueError, "Argument `mode` should be one of"),
        (lambda: init.variance_scaling_initializer(distribution="a"), ValueError, "Argument `distribution` should be"),
        (lambda: init.contrib_variance_scaling_initializer(mode="fan_in"), TypeError, "Unknown mode fan_in .FAN_IN,"),
        (lambda: init.orthogonal_initializer()([2]), ValueError, "must be at least two-dimensional"),
        (lambda: init.identity_initializer()([2, 2, 2]), ValueError, "must be two-dimensional"),
        (lambda: init.zeros_initializer()([2, None]), ValueError, r"must be fully defined, but instead was \(2, \?\)."),
        (lambda: init.zeros_initializer()(None), ValueError, "must be fully defined, but instead was <unknown>."),
    ],
)
def test_errors(make, error, message):
    """Impossible arguments are refused with TF1's messages and kinds of errors."""
    with pytest.raises(error, match=message) as caught:
        make()
    assert isinstance(caught.value, errors.KscopeError)


def test_too_many_elements_make_no_variable():
    """An initializer that raises leaves no variable behind."""
    with pytest.raises(errors.InitialValueError, match="Too many elements"):
        get_variable("v", [2], initializer=init.constant_initializer([1, 2, 3]))
    assert kscope.default_store().get_collection("variables") == []


@pytest.mark.parametrize("module", [init, kscope.regularizers])
def test_each_name_is_documented(module):
    """The names are in order, and each shows its use."""
    assert module.__all__ == sorted(module.__all__)
    assert [name for name in module.__all__ if ">>>" not in getattr(module, name).__doc__] == []


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", [name for name in OF_TF1 if not name.startswith(("xavier", "contrib"))])
def test_signatures_are_those_of_tensorflow(name):
    """Arguments have TensorFlow's names, order and defaults."""
    import inspect

    from tensorflow.compat import v1

    theirs = getattr(v1, name, None) or getattr(v1.initializers, name.removesuffix("_initializer"))

    def arguments(made):
        return [(p.name, getattr(p.default, "name", p.default)) for p in inspect.signature(made).parameters.values()]

    assert arguments(getattr(init, name)) == arguments(theirs)
