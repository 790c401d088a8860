"""The two libraries behind one face, and what the words of a program stand for in each."""

from __future__ import annotations

import ast
import functools
import warnings
from collections.abc import Callable
from typing import Any
from unittest.mock import ANY

import numpy as np

from differential.programs import AUTO

DTYPE_NAMES = {
    "float16": "float16",
    "half": "float16",
    "tf.float16": "float16",
    "float32": "float32",
    "tf.float32": "float32",
    "int32": "int32",
    "np.int32": "int32",
    "string": "string",
    "unknown": "unknown",
}
CONSTANTS = {"one": "float32", "list": "float32", "integer": "int32", "array": "float32"}
TAKING_NOTHING = {"nothing": "float32", "optional": "int32"}


class Library:
    """What the interpreter needs of a library; `api` is its module."""

    api: Any
    api_of_partitioners: Any
    new_store: Callable[[], Any]
    zeros: type
    loss: Any

    def scope_dtype(self, scope: Any) -> str:
        """The name of a scope's dtype."""
        raise NotImplementedError

    def variables(self, store: Any) -> dict[str, Any]:
        """Key -> variable."""
        raise NotImplementedError

    def dtype(self, variable: Any) -> str:
        """The name of a variable's base dtype."""
        raise NotImplementedError

    def value(self, variable: Any) -> Any:
        """A variable's initial value, nested in lists."""
        raise NotImplementedError

    def fives(self, kwargs: dict[str, Any]) -> Any:
        """An initial value of nothing but fives, as a variable creator would write it."""
        raise NotImplementedError

    def created_dtype(self, kwargs: dict[str, Any]) -> Any:
        """The dtype of the variable that a creator is asked for."""
        raise NotImplementedError

    def slices(self, variable: Any) -> list[Any] | None:
        """The slices of a partitioned variable, and `None` for any other one."""
        raise NotImplementedError

    def opened(self, template: Any) -> Any:
        """The scope that a template has opened."""
        raise NotImplementedError

    def plain_dtype(self, dtype: Any) -> str:
        """The name of a dtype, in whatever form."""
        import tensorflow as tf

        return str(tf.as_dtype(str(dtype) if isinstance(dtype, str) else dtype).name)

    @functools.cached_property
    def dtypes(self) -> dict[str, Any]:
        """Words for dtypes: names, and objects that both libraries take."""
        import tensorflow as tf

        words = {word: word for word in DTYPE_NAMES}
        return {**words, "tf.float16": tf.float16, "tf.float32": tf.float32, "np.int32": np.int32}

    def shape(self, word: str | None) -> Any:
        """A shape: the literal that the word is, or an object that both libraries take."""
        import tensorflow as tf

        match word:
            case None:
                return None
            case "array":
                return np.array([1])
            case "TensorShape":
                return tf.TensorShape([1])
            case "unknown rank":
                return tf.TensorShape(None)
        return ast.literal_eval(word)

    @functools.cached_property
    def initializers(self) -> dict[str, Any]:
        """Words for initializers; each its own object, so that an object tells its word."""
        return {
            "zeros": self.zeros(),
            "class": self.zeros,
            "function": lambda shape, dtype=None: _filled(shape, dtype),
            "partition_info": _offset,
            "integers": lambda shape, dtype=None: _filled(shape, "string" if _name(dtype) == "string" else "int32"),
            "misfit": lambda shape, dtype=None: _filled([7], dtype),
            "shape only": lambda shape: np.zeros(shape, "float32"),
            "raises": lambda shape, dtype=None: _raise(),
            "nothing": lambda: [2.0],
            "optional": lambda x=True: [[2]],
            "one": 1.0,
            "integer": 3,
            "list": [1.0, 2.0],
            "array": np.ones(1, "float32"),
            "name": "zeros",
        }

    @functools.cached_property
    def regularizers(self) -> dict[str, Any]:
        """Words for regularizers."""
        return {
            "loss": lambda v: self.loss,
            "no loss": lambda v: None,
            "no_regularizer": self.api.no_regularizer,
            "raises": lambda v: _raise(),
        }

    def reuse(self, word: Any) -> Any:
        """`AUTO` as this library's object, anything else as it is."""
        return self.api.AUTO_REUSE if word == AUTO else word

    def op_scope(self, *args: Any, **kwargs: Any) -> Any:
        """`variable_op_scope`, which warns that it is out of date."""
        with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
            return self.api.variable_op_scope([], *args, **kwargs)

    def reuse_word(self, reuse: Any) -> Any:
        """The opposite of `reuse`."""
        return AUTO if reuse is self.api.AUTO_REUSE else reuse

    @functools.cached_property
    def partitioners(self) -> dict[str, Any]:
        """Words for partitioners."""
        make = self.api_of_partitioners
        return {
            "fixed": make.fixed_size_partitioner(2),
            "fixed 3": make.fixed_size_partitioner(3),
            "axis size": make.variable_axis_size_partitioner(8),
            "min max": make.min_max_variable_partitioner(3, min_slice_size=4),
            "no list": lambda shape, dtype: 2,
            "two axes": lambda shape, dtype: [2] * len(shape),
            "too short": lambda shape, dtype: [],
            "nothing": lambda shape, dtype: [0] * len(shape),
        }


class Kscope(Library):
    """kscope, in eager execution."""

    def __init__(self) -> None:
        import keras

        import kscope

        self.api = kscope
        self.api_of_partitioners = kscope.partitioners
        self.new_store = kscope.VariableStore
        self.zeros = keras.initializers.Zeros
        self.loss = 1.0

    def scope_dtype(self, scope: Any) -> str:
        return str(scope.dtype)

    def variables(self, store: Any) -> dict[str, Any]:
        return {name: store[name] for name in store}

    def dtype(self, variable: Any) -> str:
        return str(variable.dtype)

    def value(self, variable: Any) -> Any:
        import tensorflow as tf

        # The function of a template is traced.
        with tf.init_scope():
            return np.asarray(variable.value).tolist()

    def fives(self, kwargs: dict[str, Any]) -> Any:
        return _fives(kwargs["shape"], kwargs["dtype"])

    def created_dtype(self, kwargs: dict[str, Any]) -> Any:
        return kwargs["dtype"]

    def slices(self, variable: Any) -> list[Any] | None:
        return variable.shards if isinstance(variable, self.api.PartitionedVariable) else None

    def opened(self, template: Any) -> Any:
        return template.scope


class TF1(Library):
    """`tf.compat.v1`, in graph mode."""

    def __init__(self) -> None:
        import tensorflow.compat.v1 as tf

        self.api = self.api_of_partitioners = tf
        self.new_store = tf.Graph
        self.zeros = tf.zeros_initializer

    @property
    def loss(self) -> Any:
        return self.api.constant(1.0)

    def scope_dtype(self, scope: Any) -> str:
        return str(self.api.as_dtype(scope.dtype).name)

    def variables(self, store: Any) -> dict[str, Any]:
        # Where TensorFlow itself keeps a graph's variables; there is no public way to see the keys.
        return {name: v for kept in store.get_collection(("__variable_store",)) for name, v in kept._vars.items()}

    def dtype(self, variable: Any) -> str:
        return str(variable.dtype.base_dtype.name)

    def value(self, variable: Any) -> Any:
        # What a graph draws it has not drawn yet, and a variable of a graph has no other number to compare.
        value = self.api.get_static_value(variable.initial_value)
        return ANY if value is None else value.tolist()

    def fives(self, kwargs: dict[str, Any]) -> Any:
        asked = self._initial(kwargs)
        return _fives(asked.shape, asked.dtype)

    def created_dtype(self, kwargs: dict[str, Any]) -> Any:
        return self._initial(kwargs).dtype

    def _initial(self, kwargs: dict[str, Any]) -> Any:
        initial, shape = kwargs["initial_value"], kwargs["shape"]
        if shape is not None:
            return self.api.TensorSpec(shape, kwargs["dtype"])
        # A constant, or a callable of nothing, tells its own shape and dtype.
        return self.api.convert_to_tensor(initial() if callable(initial) else initial)

    def slices(self, variable: Any) -> list[Any] | None:
        from tensorflow.python.ops.variables import PartitionedVariable

        return list(variable) if isinstance(variable, PartitionedVariable) else None

    def opened(self, template: Any) -> Any:
        return template.variable_scope


def _fives(shape: Any, dtype: Any) -> Any:
    name = _name(dtype)
    return np.full(shape, "5", object) if name == "string" else np.full(shape, 5, name)


def _filled(shape: Any, dtype: Any) -> Any:
    name = _name(dtype)
    return np.full(shape, "", object) if name == "string" else np.zeros(shape, name)


def _offset(shape: Any, dtype: Any = None, partition_info: Any = None) -> Any:
    filled = _filled(shape, dtype)
    return filled if partition_info is None or _name(dtype) == "string" else filled + sum(partition_info.var_offset)


def _name(dtype: Any) -> str:
    return str(getattr(dtype, "name", dtype))


def _raise() -> Any:
    raise KeyError("raised on purpose")
