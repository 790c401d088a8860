"""Initial values: everything that may stand for one, and what has to fit (section H)."""

from __future__ import annotations

import functools

import keras
import numpy as np
import pytest

import kscope
from kscope import default_store, errors, get_variable, variable_scope


def _value(variable):
    return keras.ops.convert_to_numpy(variable.value).tolist()


class Counting:
    """A callable that counts its calls."""

    def __init__(self):
        self.calls = []

    def __call__(self, shape, dtype=None):
        self.calls.append((shape, dtype))
        return np.full(shape, 3, dtype)


class Threes(keras.initializers.Initializer):
    """An initializer that someone else wrote."""

    def __call__(self, shape, dtype=None):
        return keras.ops.full(shape, 3, dtype)


class NoSignature:
    """A callable that does not tell what it takes, as some that are written in C."""

    __signature__ = "unknown"

    def __call__(self, shape, dtype):
        return np.full(shape, 3, dtype)


def _threes(shape, dtype=None):
    return keras.ops.full(shape, 3, dtype)


def _scaled(scale, shape, dtype=None):
    return keras.ops.full(shape, scale, dtype)


def _with_partition_info(shape, dtype=None, partition_info=None):
    assert partition_info is None
    return keras.ops.full(shape, 3, dtype)


CALLABLES = {
    "object": keras.initializers.Constant(3.0),
    "class": Threes,
    "object of a user's class": Threes(),
    "config": keras.initializers.serialize(keras.initializers.Constant(3.0)),
    "function": _threes,
    "function of three": _with_partition_info,
    "function of keywords": lambda shape, **kwargs: keras.ops.full(shape, 3, kwargs["dtype"]),
    "partial": functools.partial(_scaled, 3),
    "partial of an object": functools.partial(Counting()),
    "object with __call__": Counting(),
    "no signature": NoSignature(),
    "function that returns a list": lambda shape, dtype: [3, 3],
    "function that returns a variable": lambda shape, dtype: keras.Variable([3, 3], dtype=dtype),
    "function that returns float64": lambda shape, dtype: np.full(shape, 3.0),
}


@pytest.mark.parametrize(("dtype", "inherited"), [("float32", False), ("bfloat16", True)])
@pytest.mark.parametrize("initializer", CALLABLES.values(), ids=CALLABLES)
def test_callables(initializer, dtype, inherited):
    """Anything that can be called with shape and dtype makes a value, given or inherited (rows H4, H5, H6)."""
    with variable_scope("a", initializer=initializer if inherited else "zeros"):
        v = get_variable("v", [2], dtype=dtype, initializer=None if inherited else initializer)
    assert (_value(v), v.dtype) == ([3.0, 3.0], dtype)


@pytest.mark.parametrize(
    "identifier",
    ["ones", "Ones", {"class_name": "Ones", "config": {}}, keras.initializers.Ones, keras.initializers.Ones()],
    ids=repr,
)
def test_identifiers(identifier):
    """A str is the name of a Keras initializer, where TF1 saw a constant; so are configs and classes (row H15)."""
    assert _value(get_variable("v", [2], initializer=identifier)) == [1.0, 1.0]


@pytest.mark.parametrize("identifier", ["nope", "", {"class_name": "Nope", "config": {}}], ids=repr)
def test_unknown_identifiers(identifier):
    """A name or config that Keras does not know is refused, with what Keras says (row H15)."""
    with pytest.raises(errors.InitializerError, match="Could not interpret initializer identifier: .*\n +Keras says: "):
        get_variable("v", [2], initializer=identifier)


def test_the_calling_convention():
    """An initializer is called once, with the shape as a tuple and the dtype's name as a keyword (rows H4, H6)."""
    initializer = Counting()
    get_variable("v", [2, 3], dtype=np.float16, initializer=initializer)
    assert initializer.calls == [((2, 3), "float16")]


def test_an_initializer_is_not_called_on_sharing():
    """An initializer is not called for a variable that is there (row H6)."""
    initializer = Counting()
    with variable_scope("a", reuse=kscope.AUTO_REUSE, initializer=initializer):
        for _ in range(3):
            get_variable("v", [2])
            get_variable("v", [2], custom_getter=lambda getter, *args, **kwargs: getter(*args, **kwargs))
    assert len(initializer.calls) == 1


@pytest.mark.parametrize(
    ("initializer", "shape", "dtype"),
    [
        (lambda: [2.0], (1,), "float32"),
        (lambda x=True: [[2]], (1, 1), "int32"),
        (lambda *args, **kwargs: np.zeros(3, "float16"), (3,), "float16"),
        (functools.partial(np.full, (2, 1), 1, "int8"), (2, 1), "int8"),
        (lambda: keras.ops.ones((2,), "float16"), (2,), "float16"),
        (lambda: 1.5, (), "float32"),
    ],
    ids=["function", "optional", "any", "partial", "tensor", "number"],
)
def test_functions_of_nothing(initializer, shape, dtype):
    """Without a shape, a callable that needs no arguments brings shape and dtype (row H7)."""
    v = get_variable("v", initializer=initializer)
    assert (tuple(v.shape), v.dtype) == (shape, dtype)


def test_a_function_of_nothing_honours_the_dtype():
    """A dtype that is written is adopted by Python numbers and checked against arrays; TF1 ignored it (row H8)."""
    assert get_variable("v", dtype="float16", initializer=lambda: [2]).dtype == "float16"
    with pytest.raises(errors.ConstantDtypeError, match="Initializer type 'int32' and explicit dtype 'float16' don't"):
        get_variable("w", dtype="float16", initializer=lambda: np.ones(1, "int32"))


@pytest.mark.parametrize(
    "initializer", [lambda: [2.0], lambda shape: [2.0], lambda shape, other, dtype: [2.0]], ids=["0", "1", "3"]
)
def test_callables_that_do_not_take_shape_and_dtype(initializer):
    """With a shape, a callable that does not take shape and dtype is a TypeError with a hint (rows H4, H9)."""
    message = (
        r"variable v cannot be called as initializer\(shape, dtype=\.\.\.\): .*\n(.|\n)*Fix: take `\(shape, dtype=None"
    )
    with pytest.raises(errors.OptionTypeError, match=message):
        get_variable("v", [1], initializer=initializer)


def test_no_shape_and_no_initializer():
    """Without shape and initializer there is nothing to make a variable of (row H2)."""
    with variable_scope("s"):
        with pytest.raises(
            errors.InitializerError,
            match=r"Variable s/v did not get an initializer, so its `shape` argument must be specified\.\n  scope: 's'",
        ):
            get_variable("v")


@pytest.mark.parametrize(
    ("options", "spelled"),
    [
        ({"shape": [None, 2]}, r"\(\?, 2\)"),
        ({"shape": [None], "initializer": "zeros"}, r"\(\?,\)"),
        ({"shape": [None], "initializer": lambda: [2.0]}, r"\(\?,\)"),
        ({"initializer": keras.initializers.Zeros()}, "<unknown>"),
        ({"initializer": lambda shape: [2]}, "<unknown>"),
        ({"initializer": NoSignature()}, "<unknown>"),
    ],
)
def test_no_full_shape(options, spelled):
    """A new variable needs a full shape, or an initializer that brings one (row H3)."""
    message = rf"`shape` should be fully defined\.\n  variable: +v\n  shape: +{spelled}"
    with pytest.raises(errors.InitializerError, match=message):
        get_variable("v", **options)


@pytest.mark.parametrize(
    ("dtype", "varied"),
    [("float32", True), ("float16", True), ("bfloat16", True), ("float64", True), ("int8", False), ("bool", False)],
)
def test_the_default_initializer(dtype, varied):
    """Without an initializer floats are glorot-uniform within their bounds, the rest is zero (row H10)."""
    values = np.array(_value(get_variable("v", [4, 2], dtype=dtype)), "float64")
    assert (len(np.unique(values)) > 1) == varied
    assert np.abs(values).max() <= (1.0 if varied else 0.0)


@pytest.mark.tensorflow
def test_the_default_initializer_of_strings():
    """A string variable starts as empty strings (row H10)."""
    assert _value(get_variable("v", [2], dtype="string")) == [b"", b""]


@pytest.mark.tensorflow
def test_strings_from_a_function():
    """A function may return strings for a string variable (rows H10, H16)."""
    v = get_variable("v", [2], dtype="string", initializer=lambda shape, dtype: np.array(["a", "b"]))
    assert _value(v) == [b"a", b"b"]


def test_no_default_initializer():
    """There is no default for complex numbers (row H10)."""
    with pytest.raises(errors.InitializerError, match="An initializer for variable c of complex64 is required"):
        get_variable("c", [2], dtype="complex64")


def test_the_initializer_of_the_scope():
    """An argument comes before the scope's initializer, and that before the default (row H10)."""
    with variable_scope("a", initializer="ones"), variable_scope("b"):
        assert _value(get_variable("v", [1])) == [1.0]
        assert _value(get_variable("w", [1], initializer="zeros")) == [0.0]


MISFITS = {
    "shape": (lambda shape, dtype: keras.ops.zeros((7,), dtype), r"shape \(\(7,\)\)"),
    "shape of an array": (lambda shape, dtype: np.zeros((1, 2), dtype), r"shape \(\(1, 2\)\)"),
    "nothing": (lambda shape, dtype: None, r"shape \(\(\)\)"),
    "shape of a Keras constant": (keras.initializers.Constant(np.ones(3)), r"shape \(\(3,\)\)"),
    "dtype": (lambda shape, dtype: keras.ops.zeros(shape, "int32"), r"dtype \(int32\)"),
    "wider dtype": (lambda shape, dtype: keras.ops.zeros(shape, "float16"), r"dtype \(float16\)"),
    "dtype of an array": (lambda shape, dtype: np.zeros(shape, "complex64"), r"dtype \(complex64\)"),
}


@pytest.mark.parametrize(("initializer", "found"), MISFITS.values(), ids=MISFITS)
def test_values_that_do_not_fit(initializer, found):
    """What an initializer returns must have the shape and dtype that was asked for; Keras does not check (row H16)."""
    with pytest.raises(errors.InitialValueError, match=f"initial value's {found} is not compatible .*\n  variable: +v"):
        get_variable("v", [1], initializer=initializer)
    assert len(default_store()) == 0


@pytest.mark.parametrize("inherited", [False, True])
@pytest.mark.parametrize("initializer", ["glorot_uniform", keras.initializers.RandomNormal, None], ids=str)
def test_names_and_classes_draw_anew(initializer, inherited):
    """A name, a class, or the default draws new numbers for each variable (row H21)."""
    a, b = _two(initializer, inherited)
    assert a != b


@pytest.mark.parametrize("inherited", [False, True])
@pytest.mark.parametrize("kind", [keras.initializers.GlorotUniform, keras.initializers.RandomNormal])
def test_an_unseeded_object_draws_anew(kind, inherited):
    """One unseeded object draws new numbers for each variable, where Keras would repeat them (row H21)."""
    a, b = _two(kind(), inherited)
    assert a != b


@pytest.mark.parametrize("inherited", [False, True])
def test_a_seeded_object_repeats_itself(inherited):
    """One seeded object gives the same numbers to each variable, as in Keras (row H21)."""
    a, b = _two(keras.initializers.RandomNormal(seed=1), inherited)
    assert a == b


def test_a_seed_generator_goes_on():
    """An object with a seed generator draws from it, one variable after the other (row H21)."""
    a, b = _two(keras.initializers.RandomNormal(seed=keras.random.SeedGenerator(1)), False)
    assert a != b


def test_an_object_with_a_seed_of_its_own_is_used_as_it_is():
    """An initializer whose config says nothing of its seed is not rebuilt (row H21)."""

    class Seeded(Threes):
        seed = None

    assert _two(Seeded(), False) == [[3.0] * 4] * 2


def _two(initializer, inherited):
    with variable_scope("a", initializer=initializer if inherited else None):
        return [_value(get_variable(name, [4], initializer=None if inherited else initializer)) for name in "vw"]


def test_values_depend_on_the_order_of_creation():
    """Under a global seed the values repeat, and follow the order of creation, not the names (row H21)."""

    def values(names):
        kscope.reset_default_store()
        keras.utils.set_random_seed(1)
        return {name: _value(get_variable(name, [2])) for name in names}

    first = values("pq")
    assert values("pq") == first
    assert values("qp")["q"] == first["p"] != first["q"]


@pytest.mark.parametrize("answer", [lambda v: v, lambda v: v.value], ids=["variable", "tensor"])
def test_the_answer_is_copied(answer):
    """A callable that answers with another variable's value leaves each variable its own memory (row H16)."""
    first = get_variable("first", [2], initializer="ones")
    second = get_variable("second", [2], initializer=lambda shape, dtype: answer(first))
    second.assign([5.0, 5.0])
    first.assign(first + 1.0)
    assert (_value(first), _value(second)) == ([2.0, 2.0], [5.0, 5.0])
