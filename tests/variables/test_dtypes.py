"""Dtypes by name, in every framework's spelling, and what the backend holds for them (rows H17, J5)."""

from __future__ import annotations

import keras
import ml_dtypes
import numpy as np
import pytest

import kscope
from kscope import errors, get_variable, variable_scope
from kscope._variables import dtypes as _dtypes

WIDE = {"float64": "float32", "int64": "int32", "uint64": "uint32", "complex128": "complex64"}


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("float32", "float32"),
        ("float", "float32"),
        ("half", "float16"),
        ("double", "float64"),
        ("bfloat16", "bfloat16"),
        ("bool", "bool"),
        ("uint4", "uint4"),
        ("string", "string"),
        ("complex64", "complex64"),
        ("float8_e5m2", "float8_e5m2"),
        ("float32_ref", "float32"),
        (float, "float32"),
        (int, "int32"),
        (bool, "bool"),
        (complex, "complex64"),
        (str, "string"),
        (np.float16, "float16"),
        (np.bool_, "bool"),
        # What `np.bool_` is called in NumPy 1.
        (type("bool_", (), {}), "bool"),
        (np.dtype("int8"), "int8"),
        (np.dtype("float64"), "float64"),
        (ml_dtypes.bfloat16, "bfloat16"),
        (np.dtype(ml_dtypes.float8_e4m3fn), "float8_e4m3fn"),
    ],
    ids=repr,
)
def test_spellings(given, name):
    """Names, TF1's aliases, Python types and NumPy's dtypes are understood, each time they come (row H17)."""
    assert _dtypes.standardize(given) == name
    assert _dtypes.standardize(given) == name


@pytest.mark.parametrize("name", ["float32", "float16", "bfloat16", "int32", "uint8", "bool", "complex64"])
def test_spellings_of_the_backend(name):
    """The dtype of a tensor of the backend is understood (row H17)."""
    assert _dtypes.standardize(keras.ops.zeros((1,), name).dtype) == name


@pytest.mark.tensorflow
def test_spellings_of_tensorflow():
    """TensorFlow's dtypes are understood, with `_ref` taken off (row H17)."""
    import tensorflow as tf

    assert _dtypes.standardize(tf.half) == "float16"
    assert _dtypes.standardize(tf.string) == "string"
    assert _dtypes.standardize(tf.float32._as_ref) == "float32"


@pytest.mark.jax
def test_spellings_of_jax():
    """JAX' scalar types are understood (row H17)."""
    import jax.numpy as jnp

    assert [_dtypes.standardize(dtype) for dtype in (jnp.float32, jnp.bfloat16, jnp.bool_)] == [
        "float32",
        "bfloat16",
        "bool",
    ]


@pytest.mark.torch
def test_spellings_of_torch():
    """PyTorch's dtypes and their aliases are understood (row H17)."""
    import torch

    assert [_dtypes.standardize(dtype) for dtype in (torch.half, torch.double, torch.long, torch.bool)] == [
        "float16",
        "float64",
        "int64",
        "bool",
    ]


@pytest.mark.parametrize("given", ["nope", "", "float3", "int", object(), 1, list, np.dtype("U3")], ids=repr)
@pytest.mark.parametrize("kind", [TypeError, ValueError])
def test_what_is_no_dtype(given, kind):
    """An unknown dtype is a TypeError as in TF1, and a ValueError as in Keras (row H17)."""
    with pytest.raises(kind, match=r"Cannot convert the argument `type_value`: .* to a dtype") as raised:
        get_variable("v", [1], dtype=given)
    assert type(raised.value) is errors.DtypeError


@pytest.mark.parametrize("given", ["half", np.float16, np.dtype("float16")], ids=repr)
def test_dtypes_of_scopes_and_variables(given):
    """Scopes and variables take a dtype in any spelling (rows H17, J5)."""
    with variable_scope("a", dtype=given) as scope:
        assert scope.dtype == "float16"
        assert get_variable("v", [1]).dtype == get_variable("w", [1], dtype=given).dtype == "float16"
    with variable_scope("a", reuse=True):
        assert get_variable("v", dtype=given).dtype == "float16"


def test_the_dtype_of_another_variable():
    """A variable's dtype is a dtype (row H17)."""
    v = get_variable("v", [1], dtype="float16")
    assert get_variable("w", [1], dtype=v.dtype).dtype == get_variable("x", [1], dtype=v.value.dtype).dtype == "float16"


@pytest.mark.parametrize("wide", WIDE)
def test_canonical(wide, backend):
    """On JAX without x64, 64 bits are held and called 32; elsewhere a dtype is what it is called (row H12)."""
    assert _dtypes.canonical(wide) == (WIDE[wide] if backend == "jax" else wide)
    assert _dtypes.canonical(WIDE[wide]) == WIDE[wide]


@pytest.mark.parametrize("wide", ["float64", "int64"])
def test_variables_of_64_bits(wide, backend):
    """A 64-bit variable is found again under the name it was asked for, and named after what it holds (row H17)."""
    held = WIDE[wide] if backend == "jax" else wide
    with variable_scope("", reuse=kscope.AUTO_REUSE):
        v = get_variable("v", [1], dtype=wide)
        assert get_variable("v", [1], dtype=wide) is v
        assert get_variable("v", [1], dtype=held) is v
    assert v.dtype == keras.backend.standardize_dtype(v.value.dtype) == held


@pytest.mark.jax
def test_jax_in_x64_mode():
    """With x64 on, JAX holds 64 bits (row H17)."""
    import jax
    from jax import experimental

    # JAX 0.6 has it under `experimental` only.
    enable_x64 = jax.enable_x64 if hasattr(jax, "enable_x64") else experimental.enable_x64

    with enable_x64(True):
        assert _dtypes.canonical("float64") == "float64"
        assert get_variable("v", [1], dtype="float64").value.dtype == "float64"


@pytest.mark.parametrize(
    ("dtype", "floating", "discrete"),
    [
        ("float32", True, False),
        ("bfloat16", True, False),
        ("float8_e5m2", True, False),
        ("complex64", False, False),
        ("int32", False, True),
        ("uint8", False, True),
        ("bool", False, True),
        ("string", False, True),
    ],
)
def test_kinds(dtype, floating, discrete):
    """Floats and complex numbers have gradients, the rest does not (rows H10, I3)."""
    assert _dtypes.is_floating(dtype) is floating
    assert _dtypes.is_discrete(dtype) is discrete


def test_floatx():
    """Where nobody names a dtype, it is Keras' default one (rows J1, J5)."""
    before = keras.config.floatx()
    keras.config.set_floatx("float16")
    try:
        assert _dtypes.floatx() == "float16"
        assert get_variable("v", [1]).dtype == "float16"
    finally:
        keras.config.set_floatx(before)
