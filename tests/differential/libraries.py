"""The two libraries behind one face, and what the words of a program stand for in each."""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable
from typing import Any

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
            "partition_info": lambda shape, dtype=None, partition_info=None: _filled(shape, dtype),
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

    def reuse_word(self, scope: Any) -> Any:
        """The opposite of `reuse`."""
        return AUTO if scope.reuse is self.api.AUTO_REUSE else scope.reuse


class Kscope(Library):
    """kscope, in eager execution."""

    def __init__(self) -> None:
        import keras

        import kscope

        self.api = kscope
        self.new_store = kscope.VariableStore
        self.zeros = keras.initializers.Zeros
        self.loss = 1.0

    def scope_dtype(self, scope: Any) -> str:
        return str(scope.dtype)

    def variables(self, store: Any) -> dict[str, Any]:
        return {name: store[name] for name in store}

    def dtype(self, variable: Any) -> str:
        return str(variable.dtype)


class TF1(Library):
    """`tf.compat.v1`, in graph mode."""

    def __init__(self) -> None:
        import tensorflow.compat.v1 as tf

        self.api = tf
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


def _filled(shape: Any, dtype: Any) -> Any:
    name = _name(dtype)
    return np.full(shape, "", object) if name == "string" else np.zeros(shape, name)


def _name(dtype: Any) -> str:
    return str(getattr(dtype, "name", dtype))


def _raise() -> Any:
    raise KeyError("raised on purpose")
