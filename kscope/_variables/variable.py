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
    """An initializer that returns a NumPy array which nobody else holds: a variable takes it without a copy."""

    __slots__ = ()

    @abstractmethod
    def __call__(self, shape: tuple[int, ...], dtype: str) -> Any:
        """The array."""


class ScopedVariable(keras.Variable):
    """A variable of the active backend that `get_variable` made.

    `.path` is the scoped name, the key in its store; `.name` is TF1's spelling of it, with `:0`. Everything else is
    `keras.Variable`'s: it works in `keras.ops`, optimizers, `fit` and saving. As in Keras, and unlike in TF1, `==`
    compares values; compare variables with `is` (row G18).

    Example:
    >>> with kscope.variable_scope("foo"):
    ...     v = kscope.get_variable("v", [1])
    >>> v.name, v.path
    ('foo/v:0', 'foo/v')
    """

    # Keras names a `tf.Variable` after `.name` while this is being constructed, where a ':' would be wrong.
    _scoped_name: str | None = None
    _scoped_path: str

    def __init__(self, path: str, initial: Any, **options: Any):
        # Keras asks for the path while it constructs the rest, and NNX takes no plain attribute before that.
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
        """The scoped name, whatever name scopes are open in Keras."""
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
        """In a block and in this thread, spell names otherwise: for code that takes no slash, or no colon."""
        before, _thread.spelling = _thread.spelling, spelling
        try:
            yield
        finally:
            _thread.spelling = before
