"""Making a variable, outside of any trace."""

from __future__ import annotations

from typing import Any

from kscope import _keras
from kscope._variables.cached import CachedVariable
from kscope._variables.variable import ScopedVariable

__all__ = ["make"]


def make(name: str, initial: Any, *, regularizer: Any, constraint: Any, **options: Any) -> ScopedVariable:
    """Make a variable from a value, or from a callable that Keras calls with shape and dtype.

    The variable is made at once, even while Keras or the backend traces a program, and before any store holds it, so
    an error leaves no store changed. `options` are those of `keras.Variable`.
    """
    kind = CachedVariable if "caching_device" in options else ScopedVariable
    with _keras.eagerly(), _keras.operations_at_root():
        variable = kind(name, initial, **options)
    if regularizer is not None:
        variable.regularizer = regularizer
    if constraint is not None:
        variable.constraint = constraint
    return variable
