"""Conversion of the `initializer` argument to an initial value for `keras.Variable` (rows H2-H18).

An initializer is a constant (number, list, array, tensor, variable), with its own shape and dtype, or a callable, which
is called with a shape and a dtype and whose result is checked. Rows and decisions: `docs/rules`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import keras
import numpy as np

from kscope import _keras, errors
from kscope._variables import dtypes

if TYPE_CHECKING:
    from kscope._variables.slices import PartitionInfo

__all__ = [
    "Constant",
    "computed",
    "constant",
    "default",
    "drawn",
    "draws",
    "fit",
    "fitting",
    "parameters",
    "resolve",
    "takes_nothing",
]

_PYTHON_SCALARS = (bool, int, float, complex)
# Keras' only initializer that may return another shape than the one it is called with: it can hold an array.
_OF_ANY_SHAPE = keras.initializers.Constant


class Constant(NamedTuple):
    """A constant; `adapts` if it was given as Python numbers, which convert to any dtype that can hold them."""

    value: Any
    dtype: str
    shape: tuple[int, ...]
    adapts: bool


def resolve(initializer: Any) -> Constant | Callable[..., Any] | None:
    """Return a constant, a callable or `None`. Names and configs are looked up, classes are called (rows H5, H15)."""
    if initializer is None:
        return None
    if isinstance(initializer, str) or (isinstance(initializer, dict) and initializer):
        initializer = _identified(initializer)
    if inspect.isclass(initializer):
        initializer = initializer()
    return initializer if draws(initializer) else constant(initializer)


def draws(initializer: Any) -> bool:
    """Whether `initializer` is called to get a value. With NNX, variables are callable too, but count as values."""
    return callable(initializer) and not isinstance(initializer, keras.Variable)


def _identified(identifier: Any) -> Any:
    try:
        return keras.initializers.get(identifier)
    except (TypeError, ValueError) as error:
        raise errors.InitializerError(
            errors.compose(
                f"Could not interpret initializer identifier: {identifier!r}",
                [("Keras says", str(error).splitlines()[0])],
                "a str is the name of a Keras initializer, such as 'zeros' or 'glorot_uniform' (in TF1 it was a "
                "string constant).",
            )
        ) from None


def constant(value: Any) -> Constant:
    """Return a constant with a copy of the value, so that no other object shares the memory of the variable.

    Raises:
        InitialValueError: if the value is traced and has no numbers yet, or the backend cannot hold its numbers.
        OptionTypeError: if it is not a number, an array or a tensor.
    """
    value = _value_of(value)
    if keras.ops.is_tensor(value):
        return _constant_tensor(value)
    adapts = _is_python(value)
    if not adapts and isinstance(value, list | tuple):
        value = keras.tree.map_structure(_plain, value)
    try:
        array = np.array(value)
    except ValueError as error:
        raise errors.InitialValueError(f"The initial value {value!r} is not a rectangular array: {error}") from None
    if array.dtype.kind in "OUSMmV" and not array.dtype.name.startswith(("bfloat", "float8")):
        raise errors.OptionTypeError(
            f"The initializer must be a callable or a constant, while get {value!r} (of type {type(value).__name__})"
        )
    dtype = dtypes.canonical(_python_dtype(array) if adapts else array.dtype.name)
    if dtypes.is_discrete(dtype) and not np.array_equal(array.astype(dtypes.as_numpy(dtype)), array):
        raise errors.InitialValueError(
            errors.compose(
                f"The initial value {value!r} does not fit {dtype}, the widest integer that the backend holds.",
                fix="give it a float dtype, or turn JAX' x64 mode on.",
            )
        )
    return Constant(array, dtype, array.shape, adapts)


def _constant_tensor(tensor: Any) -> Constant:
    _check_concrete(tensor)
    with _keras.eagerly():
        copy = keras.ops.copy(tensor)
    return Constant(copy, dtypes.standardize(tensor.dtype), tuple(int(size) for size in tensor.shape), False)


def _value_of(value: Any) -> Any:
    """Return a variable's own value, even if a trace has replaced it; return anything else unchanged."""
    if isinstance(value, keras.Variable):
        with _keras.eagerly():
            return value.value
    return value


def _is_python(value: Any) -> bool:
    """Whether a value is a Python number, or nested lists of Python numbers."""
    if type(value) is list or type(value) is tuple:
        return all(type(item) in _PYTHON_SCALARS or _is_python(item) for item in value)
    return type(value) in _PYTHON_SCALARS


def _plain(leaf: Any) -> Any:
    """Return an item of a list; a tensor or variable is converted to an array."""
    leaf = _value_of(leaf)
    if not keras.ops.is_tensor(leaf):
        return leaf
    _check_concrete(leaf)
    with _keras.eagerly():
        return keras.ops.convert_to_numpy(leaf)


def _python_dtype(array: Any) -> str:
    """Return the dtype that TF1 gives Python numbers: one of 32 bits if they fit (row H12)."""
    kind = array.dtype.kind
    if kind == "f":
        return dtypes.floatx()
    if kind in "iu" and np.array_equal(array.astype("int32"), array):
        return "int32"
    return str(array.dtype.name)


def computed(initializer: Callable[..., Any]) -> Constant:
    """Call a callable without arguments, and return its result as a constant (row H7)."""
    with _keras.eagerly():
        return constant(_called(initializer))


def fit(initial: Constant, dtype: str | None) -> Constant:
    """Check a constant against an explicit dtype; Python numbers adopt it (decision 3, rows H13, H14).

    Raises:
        ConstantDtypeError: if the dtypes differ.
    """
    if dtype is None or dtype == initial.dtype:
        return initial
    if initial.adapts and _adopts(initial.value, dtype):
        return initial._replace(dtype=dtype)
    raise errors.ConstantDtypeError(
        errors.compose(
            f"Initializer type '{initial.dtype}' and explicit dtype '{dtype}' don't match.",
            [("initializer", f"a constant of shape {initial.shape} and dtype {initial.dtype}")],
            "leave the dtype out, or convert the constant first.",
        )
    )


def _adopts(numbers: Any, dtype: str) -> bool:
    """Whether Python numbers keep their value in a dtype, except for the rounding of floats."""
    kind = numbers.dtype.kind
    if numbers.size == 0:
        return dtype != "string"
    if dtypes.is_floating(dtype):
        return bool(kind != "c")
    if dtype.startswith("complex"):
        return True
    return (
        dtype not in ("bool", "string")
        and kind in "biu"
        and bool(np.array_equal(numbers.astype(dtypes.as_numpy(dtype)), numbers))
    )


def default(name: str, dtype: str) -> Any:
    """Return Glorot uniform for floats, zeros for integers, bools and strings; raise for other dtypes (row H10)."""
    if dtypes.is_floating(dtype):
        return keras.initializers.GlorotUniform()
    if dtypes.is_discrete(dtype):
        return keras.initializers.Zeros()
    raise errors.InitializerError(f"An initializer for variable {name} of {dtype} is required")


def takes_nothing(initializer: Callable[..., Any]) -> bool:
    """Whether a callable needs no arguments, so that shape and dtype come from its result (row H7)."""
    known = parameters(initializer)
    return known is not None and all(
        p.default is not p.empty or p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in known.values()
    )


def drawn(name: str, initializer: Callable[..., Any], info: PartitionInfo | None = None) -> Callable[..., Any]:
    """Return the function that Keras calls for the values of one new variable, or of its slice at `info`."""
    if isinstance(initializer, keras.initializers.Initializer):
        initializer = _fresh(initializer)
        if type(initializer).__module__.startswith("keras.") and not isinstance(initializer, _OF_ANY_SHAPE):
            # Keras' own initializers return the right shape and dtype, and accept a sharding from Keras.
            return initializer
    return _Checked(name, initializer, info)


def _fresh(initializer: Any) -> Any:
    """Return a copy of an initializer without a seed, so that it draws new numbers.

    Keras picks the seed of such an initializer when the object is made. One object for several variables, such as a
    scope's default, would give all of them the same numbers.
    """
    if hasattr(initializer, "seed"):
        config = initializer.get_config()
        if config.get("seed", 0) is None:
            return type(initializer).from_config(config)
    return initializer


class _Checked:
    """A user's callable as an initializer: called once, with the arguments it takes, and checked (rows H4, H16)."""

    __slots__ = ("info", "initializer", "name")

    def __init__(self, name: str, initializer: Callable[..., Any], info: PartitionInfo | None):
        self.name = name
        self.initializer = initializer
        self.info = info

    def __call__(self, shape: tuple[int, ...], dtype: str) -> Any:
        value = fitting(
            self.name, self.initializer, _called(self.initializer, shape, **self._keywords(shape, dtype)), shape, dtype
        )
        # A copy, because the tensor may be the memory of another variable.
        return keras.ops.copy(keras.ops.convert_to_tensor(value, dtype))

    def _keywords(self, shape: tuple[int, ...], dtype: str) -> dict[str, Any]:
        known = parameters(self.initializer)
        keywords: dict[str, Any] = {"dtype": dtype}
        if known is None:
            return keywords
        if "partition_info" in known:
            keywords["partition_info"] = self.info
        try:
            inspect.signature(self.initializer).bind(shape, **keywords)
        except TypeError as error:
            raise errors.OptionTypeError(
                errors.compose(
                    f"The initializer of variable {self.name} cannot be called as initializer(shape, dtype=...): "
                    f"{error}",
                    [("initializer", self.initializer), ("shape", shape), ("dtype", dtype)],
                    "take `(shape, dtype=None)`; or take nothing, and leave `shape=` out.",
                )
            ) from None
        return keywords


def fitting(name: str, initializer: Any, value: Any, shape: tuple[int, ...], dtype: str) -> Any:
    """Check the value that a user's initializer returned; return it as a tensor or a NumPy array (rows H4, H16).

    Raises:
        InitialValueError: if it has another shape, or a dtype that does not fit.
    """
    value = _value_of(value)
    if keras.ops.is_tensor(value):
        _check_concrete(value)
        found = dtypes.standardize(value.dtype)
        fits = found == dtype
    else:
        value = np.asarray(value)
        found = value.dtype.name
        fits = np.can_cast(value.dtype, dtypes.as_numpy(dtype), "same_kind")
    for what, got, asked, right in (
        ("shape", tuple(value.shape), tuple(shape), tuple(value.shape) == tuple(shape)),
        ("dtype", found, dtype, fits),
    ):
        if not right:
            raise _misfit(name, initializer, what, got, asked)
    return value


def _misfit(name: str, initializer: Any, what: str, got: Any, asked: Any) -> errors.InitialValueError:
    return errors.InitialValueError(
        errors.compose(
            f"In this `tf.Variable` creation, the initial value's {what} ({got}) is not compatible with the explicitly "
            f"supplied `{what}` argument ({asked}).",
            [("variable", name), ("initializer", initializer)],
            "return an array of the shape and dtype that the initializer is called with.",
        )
    )


def parameters(function: Callable[..., Any]) -> Any:
    """Return the parameters of a callable, or `None` if it has no signature."""
    try:
        return inspect.signature(function).parameters
    except (TypeError, ValueError):
        return None


def _called(initializer: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call a user's initializer. It runs outside of traces, so a traced value in its computation is an error."""
    try:
        return initializer(*args, **kwargs)
    except TypeError as error:
        # Compared by name, to avoid an import of JAX.
        if type(error).__name__ != "UnexpectedTracerError":
            raise
        raise _depending("a value of the trace") from error


def _check_concrete(tensor: Any) -> None:
    if not _keras.is_concrete(tensor):
        raise _depending(f"a traced tensor of shape {tuple(tensor.shape)}")


def _depending(got: str) -> errors.InitialValueError:
    return errors.InitialValueError(
        errors.compose(
            "The initial value depends on the inputs of a program that is being traced, so it has no numbers yet.",
            [("got", got)],
            "make the variable from an initializer, and assign the computed value afterwards.",
        )
    )
