"""`ScopedVariable`: a `keras.Variable` whose path is its scoped name, and how one is made."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras

from kscope import _keras

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

    @property
    def name(self) -> str:
        """The scoped name as TF1 spells it: `encoder/fc/kernel:0`."""
        if _thread.spelling is not None:
            return _thread.spelling(str(self.path))
        return self._scoped_name or str(self.path)

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
    knows of the variable. `options` are those of `keras.Variable`, whose `name` may hold no slash, and which takes
    the rest of the path from the open name scopes.
    """
    with _keras.eagerly():
        variable = _construct(name, initial, options)
    variable._scoped_name = name + ":0"  # noqa: SLF001 - a variable of this module
    if regularizer is not None:
        variable.regularizer = regularizer
    if constraint is not None:
        variable.constraint = constraint
    return variable


def _construct(name: str, initial: Any, options: dict[str, Any]) -> ScopedVariable:
    parent, _, leaf = name.rpartition("/")
    outer, _, inner = parent.rpartition("/")
    with _keras.variable_path(outer, inner), _keras.operations_at_root():
        return ScopedVariable(initial, name=leaf, **options)
