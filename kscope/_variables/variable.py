"""`ScopedVariable`: a `keras.Variable` whose path is its scoped name."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras

from kscope import _keras

__all__ = ["NumpyInitializer", "ScopedVariable"]


class _Thread(threading.local):
    spelling: Callable[[str], str] | None = None


_thread = _Thread()


class NumpyInitializer(ABC):
    """An initializer that returns a new NumPy array, which a variable can use without a copy."""

    __slots__ = ()

    @abstractmethod
    def __call__(self, shape: tuple[int, ...], dtype: str) -> Any:
        """Return the array."""


class ScopedVariable(keras.Variable):
    """A variable of the active backend that `get_variable` made.

    `.path` is the scoped name, the key in the store; `.name` is TF1's spelling of it, with `:0`. Otherwise it is a
    `keras.Variable`, for `keras.ops`, optimizers, `fit` and saving. As in Keras, and unlike in TF1, `==` compares
    values; compare variables with `is` (row G18).

    Example:
    >>> with kscope.variable_scope("foo"):
    ...     v = kscope.get_variable("v", [1])
    >>> v.name, v.path
    ('foo/v:0', 'foo/v')
    """

    # Keras' constructor names a `tf.Variable` after `.name`, which must not contain ':' there.
    _scoped_name: str | None = None
    _scoped_path: str

    def __init__(self, path: str, initial: Any, **options: Any):
        # Keras' constructor reads the path, and NNX refuses a plain attribute before that constructor has run.
        object.__setattr__(self, "_scoped_path", path)
        super().__init__(initial, name=path.rpartition("/")[2], **options)
        self._scoped_name = path + ":0"

    def _initialize_with_initializer(self, initializer: Any) -> None:
        if _keras.initialize is not None and isinstance(initializer, NumpyInitializer):
            _keras.initialize(self, initializer(self.shape, _keras.stored_dtype(self)))
        else:
            super()._initialize_with_initializer(initializer)

    @property
    def path(self) -> str:
        """The scoped name; Keras' name scopes have no effect on it."""
        return self._scoped_path

    @property
    def name(self) -> str:
        """The scoped name as TF1 spells it: `encoder/fc/kernel:0`."""
        if _thread.spelling is not None:
            return _thread.spelling(self._scoped_path)
        return self._scoped_name or self._scoped_path

    @staticmethod
    @contextmanager
    def names_spelled(spelling: Callable[[str], str]) -> Iterator[None]:
        """Open a block in which this thread's `.name` is a function of the path, for code that refuses '/' or ':'."""
        before, _thread.spelling = _thread.spelling, spelling
        try:
            yield
        finally:
            _thread.spelling = before
