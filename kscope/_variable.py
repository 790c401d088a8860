"""`ScopedVariable`: a `keras.Variable` whose path is its scoped name, and how one is made."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras

from kscope import _keras
from kscope._seeded import Drawing

__all__ = ["ScopedVariable", "make"]


class _Thread(threading.local):
    spelling: Callable[[str], str] | None = None


_thread = _Thread()


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
        if _keras.initialize is not None and isinstance(initializer, Drawing):
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


def make(name: str, initial: Any, *, regularizer: Any, constraint: Any, **options: Any) -> ScopedVariable:
    """Make a variable of that path from a value, or from a callable that Keras calls with shape and dtype.

    It is made at once, also while Keras or the backend traces a program. What raises here raises before any store
    knows of the variable. `options` are those of `keras.Variable`.
    """
    with _keras.eagerly(), _keras.operations_at_root():
        variable = _class(options)(name, initial, **options)
    if regularizer is not None:
        variable.regularizer = regularizer
    if constraint is not None:
        variable.constraint = constraint
    return variable


def _class(options: dict[str, Any]) -> type[ScopedVariable]:
    if "caching_device" not in options:
        return ScopedVariable
    # Seldom wanted, and made of the class above.
    from kscope._caching import CachedVariable

    return CachedVariable
