"""Constants as initial values: numbers, lists, arrays, tensors, variables (rows H11-H14, H18)."""

from __future__ import annotations

import keras
import ml_dtypes
import numpy as np
import pytest

from kscope import AUTO_REUSE, errors, get_variable, variable_scope


def _value(variable):
    return keras.ops.convert_to_numpy(variable.value).tolist()


TOO_WIDE = {"int64": "int32", "float64": "float32", "complex128": "complex64"}


@pytest.mark.parametrize(
    ("value", "shape", "dtype"),
    [
        (1, (), "int32"),
        (1.0, (), "float32"),
        (True, (), "bool"),
        (1j, (), "complex128"),
        ([1.0, 2.0], (2,), "float32"),
        ((1, 2.5), (2,), "float32"),
        ([[1], [2]], (2, 1), "int32"),
        ([], (0,), "float32"),
        (np.ones((2, 2)), (2, 2), "float64"),
        (np.float64(1.0), (), "float64"),
        (np.int8(1), (), "int8"),
        (np.ones(2, "float16"), (2,), "float16"),
        (np.ones(2, ml_dtypes.bfloat16), (2,), "bfloat16"),
    ],
    ids=repr,
)
def test_constants(value, shape, dtype, backend):
    """A constant brings its own shape and dtype, whatever the scope's dtype (rows H11, H12)."""
    with variable_scope("a", dtype="float16"):
        v = get_variable("v", initializer=value)
    held = TOO_WIDE.get(dtype, dtype) if backend == "jax" else dtype
    assert (tuple(v.shape), v.dtype) == (shape, held)
    assert keras.backend.standardize_dtype(v.value.dtype) == held
    assert _value(v) == np.array(value).tolist()


@pytest.mark.parametrize("make", [keras.ops.convert_to_tensor, keras.Variable], ids=["tensor", "variable"])
def test_tensors_and_variables(make):
    """A tensor or variable is a constant; its value is copied, and neither follows the other (row H11)."""
    source = make(np.array([1, 2], "float16"))
    v = get_variable("v", initializer=source)
    v.assign([3, 4])
    assert (_value(v), v.dtype) == ([3.0, 4.0], "float16")
    assert keras.ops.convert_to_numpy(source).tolist() == [1.0, 2.0]


def test_tensors_and_variables_in_a_list():
    """A list of tensors, variables and numbers is a constant (row H11)."""
    v = get_variable("v", initializer=[keras.ops.convert_to_tensor(1.0), keras.Variable(2.0), 3.0])
    assert _value(v) == [1.0, 2.0, 3.0]


def test_an_array_is_copied():
    """Changing an array afterwards does not change the variable made from it (row H11)."""
    source = np.array([1.0, 2.0], "float32")
    v = get_variable("v", initializer=source)
    source[:] = 7
    assert _value(v) == [1.0, 2.0]


@pytest.mark.tensorflow
def test_a_tensorflow_variable():
    """A `tf.Variable` is a constant (row H11)."""
    import tensorflow as tf

    assert _value(get_variable("v", initializer=tf.Variable([1.0, 2.0]))) == [1.0, 2.0]


@pytest.mark.torch
def test_a_torch_parameter():
    """A PyTorch parameter is a constant, and so is what was computed from one (row H11)."""
    import torch

    parameter = torch.nn.Parameter(torch.ones(2))
    for name, initializer in (("v", parameter), ("w", parameter * 2)):
        value = get_variable(name, initializer=initializer).value
        assert value is not parameter
        assert value.is_leaf


@pytest.mark.parametrize("shape", [[], [2], [None], [1, 2]])
def test_a_constant_with_a_shape(shape):
    """A shape beside a constant is refused, even if it is the constant's (row H11)."""
    with pytest.raises(errors.ConstantShapeError, match="If initializer is a constant, do not specify shape") as raised:
        get_variable("c", shape, initializer=[1.0, 2.0])
    assert "constant:  of shape (2,)" in str(raised.value)


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (0, "float32"),
        (0, "bfloat16"),
        (True, "float32"),
        (1.5, "float16"),
        (1.5, "bfloat16"),
        ([1, 2], "float16"),
        (1, "int8"),
        (1, "uint8"),
        ([0, 255], "uint8"),
        (1, "complex64"),
        (1.5, "complex64"),
        ([], "int32"),
    ],
    ids=str,
)
def test_python_numbers_adopt_the_dtype(value, dtype):
    """Python numbers, given or inherited, take on any dtype that holds them; in TF1 they did not (rows H13, H14)."""
    given = get_variable("v", dtype=dtype, initializer=value)
    with variable_scope("a", initializer=value):
        inherited = get_variable("v", dtype=dtype)
    for v in (given, inherited):
        assert v.dtype == keras.backend.standardize_dtype(v.value.dtype) == dtype
        assert _value(v) == value


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (1.5, "int32"),
        (1j, "float32"),
        (1, "bool"),
        (1, "string"),
        (-1, "uint8"),
        (300, "uint8"),
        (300, "int8"),
        (np.ones(2, "int32"), "float32"),
        (np.ones(2, "float32"), "float16"),
        (np.float16(1.0), "float32"),
    ],
    ids=str,
)
def test_constants_of_another_dtype(value, dtype):
    """Arrays, given or inherited, must be of the dtype that is written, Python numbers must fit it (rows H13, H14)."""
    message = f"and explicit dtype '{dtype}' don't match"
    with pytest.raises(errors.ConstantDtypeError, match=message):
        get_variable("v", dtype=dtype, initializer=value)
    with variable_scope("a", initializer=value), pytest.raises(errors.ConstantDtypeError, match=message):
        get_variable("v", dtype=dtype)


@pytest.mark.parametrize("make", [keras.ops.convert_to_tensor, keras.Variable], ids=["tensor", "variable"])
def test_tensors_of_another_dtype(make):
    """Tensors and variables must be of the dtype that is written (row H13)."""
    with pytest.raises(
        errors.ConstantDtypeError, match="Initializer type 'float16' and explicit dtype 'float32' don't"
    ):
        get_variable("v", dtype="float32", initializer=make(np.ones(2, "float16")))


@pytest.mark.parametrize("value", [2**40, np.array([2**40], "int64")], ids=str)
def test_wide_integers(value, backend):
    """An integer that the backend cannot hold is refused, and never becomes another number in silence (row H12)."""
    if backend == "jax":
        with pytest.raises(ValueError, match="int32"):
            get_variable("v", initializer=value)
    else:
        assert np.ravel(_value(get_variable("v", initializer=value))) == 2**40
    with pytest.raises(ValueError, match="int32"):
        get_variable("w", initializer=value, dtype="int32")


def test_an_inherited_constant_with_a_shape():
    """A constant of the scope meets the same checks as one that is written (row H14)."""
    with variable_scope("t", initializer=0.5):
        assert get_variable("x").dtype == "float32"
        assert get_variable("z", dtype="float16").dtype == "float16"
        with pytest.raises(errors.ConstantShapeError, match="If initializer is a constant, do not specify shape"):
            get_variable("y", [1])


@pytest.mark.parametrize("value", [{}, {1}, object(), b"x", [1, "a"], [None], np.array(["a"])], ids=repr)
def test_what_is_no_constant(value):
    """What is neither callable nor made of numbers is a TypeError (row H18)."""
    with pytest.raises(errors.OptionTypeError, match="The initializer must be a callable or a constant, while get"):
        get_variable("v", initializer=value)


def test_ragged_lists():
    """A list that is no rectangle is a ValueError (row H18)."""
    with pytest.raises(errors.InitialValueError, match=r"The initial value \[\[1, 2\], \[3\]\] is not a rectangular"):
        get_variable("v", initializer=[[1, 2], [3]])


class Callable(keras.Variable):
    """A variable that can be called, as all can be under KERAS_NNX_ENABLED."""

    def __call__(self, *args, **kwargs):
        raise AssertionError("the variable was called")


def test_a_variable_that_can_be_called():
    """A variable is a value, also if it can be called, and is checked as one when it is found again (row H12)."""
    value = Callable([1.0, 2.0])
    with variable_scope("", reuse=AUTO_REUSE):
        v = get_variable("v", initializer=value)
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(v), [1.0, 2.0])
        assert get_variable("v", initializer=value) is v
        with pytest.raises(errors.ConstantShapeError, match="If initializer is a constant, do not specify shape"):
            get_variable("v", [2], initializer=value)
