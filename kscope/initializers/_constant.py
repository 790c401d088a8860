"""TF1's initializers without random numbers: zeros, ones, constants, the identity."""

# ruff: noqa: N801 - TF1's spelling

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np

from kscope import errors
from kscope._variables import dtypes
from kscope.initializers._base import Initializer, OfFloats, full, registered
from kscope.initializers._draws.distributions import Shape
from kscope.typing import DtypeLike, ShapeLike

__all__ = ["constant_initializer", "identity_initializer", "ones_initializer", "zeros_initializer"]


@registered
class zeros_initializer(Initializer):
    """Zeros.

    Args:
        dtype: dtype of the values, if the call gives none.

    Raises:
        DtypeError: if there is no such dtype.

    Example:
    >>> keras.ops.convert_to_numpy(kscope.initializers.zeros_initializer()([2])).tolist()
    [0.0, 0.0]
    """

    def _values(self, shape: Shape, dtype: str, _: Any) -> Any:
        return keras.ops.zeros(shape, dtype)


@registered
class ones_initializer(Initializer):
    """Ones.

    Args:
        dtype: dtype of the values, if the call gives none.

    Raises:
        DtypeError: if there is no such dtype.

    Example:
    >>> keras.ops.convert_to_numpy(kscope.initializers.ones_initializer("int32")([2])).tolist()
    [1, 1]
    """

    def _values(self, shape: Shape, dtype: str, _: Any) -> Any:
        return keras.ops.ones(shape, dtype)


@registered
class constant_initializer(Initializer):
    """Given numbers in their order, in any shape; the last number is repeated for the elements that are left.

    Args:
        value: a number, a list or tuple of numbers, or a NumPy array.
        dtype: dtype of the values, if the call gives none.
        verify_shape: bool. Whether to refuse every shape but that of `value`. The call accepts it as well.

    Raises:
        OptionTypeError: if `value` has another type, or does not fit the dtype.
        InitialValueError: if `value` is not rectangular, or has more elements than the shape.
        InitialShapeError: if `verify_shape` is true and the shapes differ.

    Example:
    >>> initializer = kscope.initializers.constant_initializer([1, 2, 3])
    >>> keras.ops.convert_to_numpy(initializer([2, 2])).tolist()
    [[1.0, 2.0], [3.0, 3.0]]
    """

    def __init__(self, value: Any = 0, dtype: DtypeLike = "float32", verify_shape: bool = False):
        super().__init__(dtype)
        if not (np.isscalar(value) or isinstance(value, list | tuple | np.ndarray)):
            raise errors.OptionTypeError(
                f"Invalid type for initial value={value!r} of type: {type(value).__name__}. Expected Python scalar, "
                "list or tuple of values, or numpy.ndarray."
            )
        try:
            np.asarray(value)
        except ValueError as error:
            raise errors.InitialValueError(f"The initial value {value!r} is not a rectangular array: {error}") from None
        self.value = value
        self.verify_shape = verify_shape

    def __call__(
        self,
        shape: ShapeLike,
        dtype: DtypeLike = None,
        partition_info: Any = None,
        verify_shape: bool | None = None,
    ) -> Any:
        """Return a tensor of that shape and dtype."""
        if verify_shape is None:
            verify_shape = self.verify_shape
        shape = full(shape)
        found = np.shape(self.value)
        if verify_shape and found != shape:
            raise errors.InitialShapeError(f"Expected Tensor's shape: {shape}, but got {found}.")
        return super().__call__(shape, dtype, partition_info)

    def _values(self, shape: Shape, dtype: str, _: Any) -> Any:
        numbers = self._numbers(dtype)
        if numbers.ndim == 0:
            return keras.ops.convert_to_tensor(np.full(shape, numbers), dtype)
        count = math.prod(shape)
        if numbers.size > count:
            raise errors.InitialValueError(
                f"Too many elements provided. Takes at most {count}, but got {numbers.size}."
            )
        flat = numbers.reshape(-1)
        if flat.size < count:
            # As in TF1, an empty value gives zeros.
            last = flat[-1] if flat.size else 0
            flat = np.concatenate([flat, np.full(count - flat.size, last, flat.dtype)])
        return keras.ops.convert_to_tensor(flat.reshape(shape), dtype)

    def _numbers(self, dtype: str) -> Any:
        """Return the value as an array; raise an error if the dtype would change its numbers, except by rounding."""
        numbers = np.asarray(self.value)
        kind = numbers.dtype.kind
        if kind in "biuf" and not dtypes.is_discrete(dtype):
            return numbers
        if kind == "c" and dtype.startswith("complex"):
            return numbers
        if kind in "biuf" and dtype != "string":
            with np.errstate(invalid="ignore"):
                cast = numbers.astype(dtype)
            if np.array_equal(cast, numbers):
                return cast
        raise errors.OptionTypeError(f"Expected {dtype}, but got {self.value!r} of type {type(self.value).__name__!r}.")

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments, for `from_config`."""
        value = keras.saving.serialize_keras_object(self.value)
        return {"value": value, "verify_shape": self.verify_shape, **super().get_config()}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Make an initializer from `get_config()`."""
        return cls(**{**config, "value": keras.saving.deserialize_keras_object(config["value"])})


@registered
class identity_initializer(OfFloats):
    """An identity matrix; for a slice, its part of the matrix (`tf.initializers.identity`).

    Args:
        gain: float. Factor of the matrix.
        dtype: float dtype of the values, if the call gives none.

    Raises:
        DtypeError: if a dtype is not a float.
        ShapeValueError: when it is called, if a shape does not have two dimensions.

    Example:
    >>> keras.ops.convert_to_numpy(kscope.initializers.identity_initializer(2.0)([2, 3])).tolist()
    [[2.0, 0.0, 0.0], [0.0, 2.0, 0.0]]
    """

    def __init__(self, gain: float = 1.0, dtype: DtypeLike = "float32"):
        super().__init__(dtype)
        self.gain = gain

    def _values(self, shape: Shape, dtype: str, partition_info: Any) -> Any:
        if len(shape) != 2:
            raise errors.ShapeValueError(
                "The tensor to initialize, specified by argument `shape` must be two-dimensional. "
                f"Received shape={shape}"
            )
        row, column = (0, 0) if partition_info is None else partition_info.var_offset
        return keras.ops.convert_to_tensor(self.gain * np.eye(*shape, k=row - column), dtype)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments, for `from_config`."""
        return {"gain": self.gain, **super().get_config()}
