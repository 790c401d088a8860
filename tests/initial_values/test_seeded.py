"""Initializers under a seed: formulas, the seeds they are given, functions that opt in, and who is left alone."""

from __future__ import annotations

import math

import keras
import numpy as np
import pytest
from draws import digest, drawn, numbers

from kscope import VariableStore, errors, initializers

SHAPE = (300, 200)
KERAS = keras.initializers
# The distribution, its bound or standard deviation, for a kernel of 300 inputs and 200 outputs.
FORMULAS = [
    (None, "uniform", math.sqrt(6 / 500)),
    (KERAS.GlorotUniform(), "uniform", math.sqrt(6 / 500)),
    (KERAS.GlorotNormal(), "truncated", math.sqrt(2 / 500)),
    (KERAS.HeUniform(), "uniform", math.sqrt(6 / 300)),
    (KERAS.HeNormal(), "truncated", math.sqrt(2 / 300)),
    (KERAS.LecunUniform(), "uniform", math.sqrt(3 / 300)),
    (KERAS.LecunNormal(), "truncated", math.sqrt(1 / 300)),
    (KERAS.VarianceScaling(3.0, "fan_out", "untruncated_normal"), "normal", math.sqrt(3 / 200)),
    (KERAS.VarianceScaling(2.0, "fan_in", "uniform", input_axes=[1], output_axes=[0]), "uniform", math.sqrt(6 / 200)),
    (KERAS.RandomUniform(-2.0, 2.0), "uniform", 2.0),
    (KERAS.RandomNormal(0.0, 3.0), "normal", 3.0),
    (KERAS.TruncatedNormal(0.0, 3.0), "truncated", 3.0 * 0.87962566103423978),
    (initializers.random_uniform_initializer(-2.0, 2.0), "uniform", 2.0),
    (initializers.random_normal_initializer(), "normal", 1.0),
    (initializers.truncated_normal_initializer(), "truncated", 0.87962566103423978),
    (initializers.glorot_uniform_initializer(), "uniform", math.sqrt(6 / 500)),
    (initializers.glorot_normal_initializer(), "truncated", math.sqrt(2 / 500)),
    (initializers.variance_scaling_initializer(distribution="untruncated_normal"), "normal", math.sqrt(1 / 300)),
    (initializers.uniform_unit_scaling_initializer(), "uniform", math.sqrt(3 / 300)),
    (initializers.xavier_initializer(), "uniform", math.sqrt(6 / 500)),
    (initializers.xavier_initializer(uniform=False), "truncated", math.sqrt(2.6 / 500) * 0.87962566103423978),
]
# What 15 numbers of a few initializers are, on every backend.
GOLDEN = {
    "default": {"float32": "269f2043", "float16": "8af7b14e", "bfloat16": "72bc23a1"},
    "normal": {"float32": "2e3e6ab2", "float16": "cd99e5f4", "bfloat16": "a08fded5"},
    "truncated": {"float32": "b90439af", "float16": "93f070fa", "bfloat16": "c5f964a7"},
    "orthogonal": {"float32": "b99dbfa7", "float16": "4dd444b2", "bfloat16": "d878163d"},
    "ours": {"float32": "6e06df3f", "float16": "591efce1", "bfloat16": "e2373f36"},
    "function": {"float32": "797515d2", "float16": "4528e13b", "bfloat16": "970053c6"},
}


@pytest.mark.parametrize(("initializer", "kind", "size"), FORMULAS)
def test_formulas(initializer, kind, size):
    """Bounds and standard deviation are those of Keras' formula, or TF1's."""
    values = drawn(initializer, SHAPE).astype("float64").ravel()
    deviation = size / math.sqrt(3) if kind == "uniform" else size
    bound = {"uniform": size, "truncated": 2 * size / 0.87962566103423978, "normal": 7 * size}[kind]
    assert abs(values.mean()) < 4 * deviation / math.sqrt(values.size)
    assert abs(values.std() / deviation - 1) < 0.01
    assert 0.55 * bound < np.abs(values).max() <= bound * (1 + 1e-6)


def test_means():
    """A mean moves all numbers."""
    for initializer in (KERAS.RandomNormal(5.0, 0.1), KERAS.TruncatedNormal(5.0, 0.1), KERAS.RandomUniform(4.0, 6.0)):
        assert abs(drawn(initializer, SHAPE).mean() - 5.0) < 0.02


@pytest.mark.parametrize("initializer", [KERAS.Orthogonal(2.0), initializers.orthogonal_initializer(2.0)])
def test_orthogonal(initializer):
    """An orthogonal matrix is one, of any dtype's precision."""
    for dtype, tolerance in (("float32", 1e-5), ("float16", 2e-2)):
        matrix = drawn(initializer, (2, 3, 4), dtype).astype("float64").reshape(6, 4)
        np.testing.assert_allclose(matrix.T @ matrix, 4.0 * np.eye(4), atol=tolerance)


@pytest.mark.matrix("Initial values: the same bits on every backend")
@pytest.mark.parametrize("name", GOLDEN)
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_golden_values(name, dtype):
    """A variable of seed 42 has these bits on TensorFlow, JAX and PyTorch."""
    initializer = {
        "default": None,
        "normal": KERAS.RandomNormal(1.0, 2.0),
        "truncated": KERAS.HeNormal(),
        "orthogonal": KERAS.Orthogonal(),
        "ours": initializers.variance_scaling_initializer(),
        "function": signs,
    }[name]
    assert digest(drawn(initializer, dtype=dtype).astype("float32")) == GOLDEN[name][dtype]


@pytest.mark.tensorflow
@pytest.mark.torch
def test_golden_values_of_float64():
    """The same in 64 bits, which JAX does not have unless it is told to."""
    assert digest(drawn(dtype="float64")) == "ff8d4690"
    np.testing.assert_allclose(drawn(dtype="float64"), drawn(), rtol=0, atol=1e-6)


def test_ints():
    """TF1's uniform initializer draws ints as well, the same ones for every dtype that holds them."""
    uniform = initializers.random_uniform_initializer(-3, 4)
    values = drawn(uniform, (50,), "int32")
    assert values.tolist() == drawn(uniform, (50,), "int8").tolist()
    assert set(values.tolist()) == set(range(-3, 4))
    with pytest.raises(errors.OptionError, match="Need minval < maxval, got 4 >= 4"):
        drawn(initializers.random_uniform_initializer(4, 4), (50,), "int32")


def test_scalars_and_empty_shapes():
    """A variable without dimensions, and one without numbers, have the shapes that they are asked for."""
    for shape in ((), (0,), (3, 0)):
        assert drawn("random_normal", shape).shape == shape


@pytest.mark.parametrize("kind", [KERAS.HeNormal, KERAS.Orthogonal, initializers.random_normal_initializer])
def test_an_explicit_seed(kind):
    """An initializer that was given a seed draws the same for every name and store, and else for another seed."""
    first = drawn(kind(seed=3))
    np.testing.assert_array_equal(first, drawn(kind(seed=3), name="b/w", seed=7))
    assert (first != drawn(kind(seed=4))).any()
    assert (first != drawn(kind())).any()
    again = kind.from_config(kind(seed=3).get_config())
    np.testing.assert_array_equal(first, drawn(again))


def test_a_generator_as_a_seed_is_left_to_keras():
    """A seed generator has a state, which goes on with each draw."""
    values = [drawn(KERAS.RandomNormal(seed=keras.random.SeedGenerator(3))) for _ in range(2)]
    generator = keras.random.SeedGenerator(3)
    np.testing.assert_array_equal(values[0], numbers(KERAS.RandomNormal(seed=generator)((3, 5))))
    np.testing.assert_array_equal(values[0], values[1])


class Ones(KERAS.RandomNormal):
    """A random initializer in name only."""

    def __call__(self, shape, dtype=None):
        return keras.ops.ones(shape, dtype)


class Twos(initializers.random_normal_initializer):
    """The same of one of ours."""

    def __call__(self, shape, dtype=None, partition_info=None):
        return 2 * keras.ops.ones(shape, dtype)


@pytest.mark.parametrize(
    ("initializer", "number"),
    [
        (Ones(), 1),
        (Twos(), 2),
        ("ones", 1),
        (lambda shape, dtype: np.full(shape, 3.0), 3),
        (lambda: np.full((3, 5), 4.0), 4),
    ],
)
def test_who_is_left_alone(initializer, number):
    """Subclasses, functions and initializers that draw nothing are called as without a seed."""
    shape = None if number == 4 else (3, 5)
    assert set(drawn(initializer, shape).ravel().tolist()) == {number}


def _refusal(initializer, shape, dtype, seed):
    """The class and the words of the error."""
    try:
        return drawn(initializer, shape, dtype, seed=seed)
    except Exception as error:
        return type(error), str(error)


@pytest.mark.parametrize(
    ("initializer", "shape", "dtype"),
    [(KERAS.RandomNormal(), (3, 5), "int32"), (KERAS.Orthogonal(), (3,), "float32")],
)
def test_what_keras_refuses(initializer, shape, dtype):
    """What Keras does not draw, it refuses in its own words."""
    kind, words = _refusal(initializer, shape, dtype, 42)
    assert issubclass(kind, Exception)
    assert (kind, words) == _refusal(initializer, shape, dtype, None)


@initializers.seeded
@keras.saving.register_keras_serializable("test_seeded")
def signs(rng, shape, dtype):
    """Signs, drawn by a function."""
    return rng.choice([-1.0, 1.0], shape) * rng.random(shape)


def test_a_function_with_a_seed():
    """A function gets the generator of its variable's name."""
    np.testing.assert_array_equal(drawn(signs), drawn(signs))
    assert (drawn(signs) != drawn(signs, name="b/v")).all()
    assert drawn(initializers.seeded(lambda rng, shape, dtype: np.full(shape, len(dtype)))).max() == len("float32")


def test_a_function_without_a_seed():
    """Without a seed each variable has a new generator, and `keras.utils.set_random_seed` decides on it."""

    def values():
        keras.utils.set_random_seed(3)
        return [drawn(signs, seed=None).tolist() for _ in range(2)]

    assert values() == values()
    assert values()[0] != values()[1]
    assert signs((2, 2)).shape == (2, 2)


def test_a_function_is_checked():
    """What a function returns has to fit, in shape and in kind of dtype (row H4)."""
    with pytest.raises(errors.InitialValueError, match=r"the initial value's shape \(\(2,\)\) is not compatible"):
        drawn(initializers.seeded(lambda rng, shape, dtype: rng.random(2)))
    with pytest.raises(errors.InitialValueError, match=r"the initial value's dtype \(complex128\) is not compatible"):
        drawn(initializers.seeded(lambda rng, shape, dtype: rng.random(shape) * 1j))
    with pytest.raises(errors.OptionTypeError, match=r"The seeded function must be a callable `function\(rng, shape"):
        initializers.seeded(3)


def test_a_function_may_keep_its_array():
    """A variable does not live in the memory of an array that the function still holds."""
    kept = np.zeros((3, 5), "float32")
    v = VariableStore(seed=1).get_variable("v", (3, 5), initializer=initializers.seeded(lambda rng, shape, dtype: kept))
    v.assign(keras.ops.ones((3, 5)))
    kept += 7
    assert numbers(v).max() == 1


def test_a_function_may_return_a_tensor():
    """Keras' operations will do for the answer."""
    assert drawn(initializers.seeded(lambda rng, shape, dtype: keras.ops.ones(shape, dtype))).min() == 1


def test_a_function_in_a_config():
    """A registered function is saved with its initializer."""
    config = keras.saving.serialize_keras_object(signs)
    again = keras.saving.deserialize_keras_object(config)
    np.testing.assert_array_equal(drawn(again), drawn(signs))
