"""The options of a new variable: each argument is checked, and converted for Keras (rows I, N)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from kscope import errors
from kscope._registered import registered
from kscope._variables import dtypes

__all__ = [
    "AGGREGATION",
    "SYNCHRONIZATION",
    "NoneIsNoLoss",
    "constraint_of",
    "mode_of",
    "no_regularizer",
    "regularizer_of",
    "trainable_of",
]

SYNCHRONIZATION = ("auto", "none", "on_write", "on_read")
AGGREGATION = ("none", "mean", "sum", "only_first_replica")


@registered("kscope")
def no_regularizer(_: Any) -> None:
    """Switch off an inherited regularizer, when passed as `regularizer=` (row I8).

    Example:
    >>> with kscope.variable_scope("a", regularizer="l2"):
    ...     v = kscope.get_variable("v", [1], regularizer=kscope.no_regularizer)
    >>> v.regularizer is None
    True
    """


class NoneIsNoLoss:
    """A function as a regularizer. It may return `None` for no loss, which Keras would list as a loss (row I7)."""

    __slots__ = ("function",)

    def __init__(self, function: Callable[[Any], Any]):
        self.function = function

    def __call__(self, value: Any) -> Any:
        """Return the loss, or zero."""
        loss = self.function(value)
        return keras.ops.zeros(()) if loss is None else loss


def regularizer_of(given: Any) -> Any:
    """Return a Keras regularizer, a function wrapped as one, or `None` (rows I7-I9, I12)."""
    if given is None or given is False or given is no_regularizer:
        return None
    regularizer = _callable_of(given, keras.regularizers, "regularizer", errors.OptionTypeError)
    known = isinstance(regularizer, keras.regularizers.Regularizer | NoneIsNoLoss)
    return regularizer if known else NoneIsNoLoss(regularizer)


def constraint_of(given: Any) -> Any:
    """Return a callable constraint, or `None` (row I13)."""
    return None if given is None else _callable_of(given, keras.constraints, "constraint", errors.OptionError)


def _callable_of(given: Any, module: Any, kind: str, error: type[Exception]) -> Any:
    if isinstance(given, str | dict):
        try:
            return module.get(given)
        except (TypeError, ValueError) as reason:
            raise errors.OptionError(
                errors.compose(
                    f"Could not interpret {kind} identifier: {given!r}", [("Keras says", str(reason).splitlines()[0])]
                )
            ) from None
    if isinstance(given, type):
        given = given()
    if callable(given):
        return given
    raise error(
        errors.compose(
            f"The `{kind}` argument must be a callable.",
            [("got", f"{given!r} (of type {type(given).__name__})")],
            f"pass a function, or an object, name or config of `keras.{kind}s`.",
        )
    )


def mode_of(kind: str, choices: tuple[str, ...], given: Any, name: str) -> str:
    """Return Keras' name of a `VariableSynchronization` or `VariableAggregation`, given as such or by name (row I4)."""
    if given is None:
        return choices[0]
    word = str(getattr(given, "name", given)).lower()
    if word in choices:
        return word
    raise errors.OptionError(
        errors.compose(
            f"Invalid variable {kind} mode: {given} for variable: {name}",
            fix=f"use one of {', '.join(map(repr, choices))}.",
        )
    )


def trainable_of(given: Any, synchronization: str, dtype: str, name: str) -> bool:
    """Return `given`. `None` means True, except for `on_read` variables and dtypes without gradients (rows I1, I3)."""
    discrete = dtypes.is_discrete(dtype)
    if given is None:
        return not discrete and synchronization != "on_read"
    if not isinstance(given, bool):
        raise errors.OptionTypeError(
            f"The `trainable` argument must be a bool or None. Received: trainable={given!r} for variable: {name}"
        )
    if given and discrete:
        raise errors.OptionError(
            errors.compose(
                f"Variable {name} of dtype {dtype} cannot be trainable: only floats have gradients.",
                fix="leave `trainable` out, or pass trainable=False.",
            )
        )
    return given
