"""Dtypes by name: TF1's aliases, every framework's dtype objects, and the dtypes of the backend (rows H17, J5)."""

from __future__ import annotations

import re
import sys
from typing import Any

from kscope import errors

__all__ = ["as_numpy", "canonical", "floatx", "is_discrete", "is_floating", "item_size", "standardize"]

_ALIASES = {"float": "float32", "half": "float16", "double": "float64", "bool_": "bool"}
_NAME = re.compile(r"^(bool|string|bfloat16|u?int(4|8|16|32|64)|float(16|32|64|8_e4m3fn|8_e5m2)|complex(64|128))$")
_PYTHON = {bool: "bool", float: "float32", complex: "complex64", int: "int32", str: "string"}
# JAX' dtypes for those of 64 bits, unless its x64 mode is on.
_NARROW = {"float64": "float32", "int64": "int32", "uint64": "uint32", "complex128": "complex64"}

_cache: dict[Any, str] = {}


def standardize(dtype: Any) -> str:
    """Return the name of a dtype: a str, an alias, a Python type, or a NumPy, TensorFlow, JAX or PyTorch dtype.

    Raises:
        DtypeError: if there is no such dtype.
    """
    known = _cache.get(dtype) if isinstance(dtype, str) else None
    if known is not None:
        return known
    name = _name_of(dtype)
    name = _ALIASES.get(name, name)
    if not _NAME.match(name):
        raise errors.DtypeError(
            errors.compose(
                f"Cannot convert the argument `type_value`: {dtype!r} to a dtype.",
                fix="use a name such as 'float32', 'int32', 'bool' or 'bfloat16', or a framework's dtype.",
            )
        )
    if isinstance(dtype, str):
        _cache[dtype] = name
    return name


def _name_of(dtype: Any) -> str:
    if isinstance(dtype, type) and dtype in _PYTHON:
        return _PYTHON[dtype]
    if isinstance(dtype, str):
        return dtype.removesuffix("_ref")
    name = getattr(dtype, "name", None) or getattr(dtype, "__name__", None)
    # PyTorch's dtypes have no name attribute; they print as `torch.float32`.
    return str(name or dtype).removesuffix("_ref").rpartition(".")[2]


def item_size(dtype: str) -> int:
    """Return the number of bytes of one element; 1 for a bool."""
    bits = re.search(r"\d+", dtype)
    return max(1, int(bits[0]) // 8) if bits else 1


def canonical(dtype: str) -> str:
    """Return the dtype that the backend uses for a dtype: on JAX without x64 mode, 32 bits in place of 64."""
    if dtype in _NARROW:
        import keras

        if keras.backend.backend() == "jax" and not sys.modules["jax"].config.jax_enable_x64:
            return _NARROW[dtype]
    return dtype


def as_numpy(dtype: str) -> Any:
    """Return the NumPy dtype of that name; `object` for strings."""
    import ml_dtypes
    import numpy as np

    return np.dtype("O" if dtype == "string" else getattr(ml_dtypes, dtype, None) or dtype)


def floatx() -> str:
    """Return Keras' default float dtype."""
    import keras

    return str(keras.config.floatx())


def is_floating(dtype: str) -> bool:
    """Whether a dtype is a float; `bfloat16` and the 8-bit floats are."""
    return "float" in dtype


def is_discrete(dtype: str) -> bool:
    """Whether a dtype has no gradients: integers, bools and strings (row I3)."""
    return not (is_floating(dtype) or dtype.startswith("complex"))
