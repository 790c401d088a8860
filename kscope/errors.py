"""One class for each kind of error.

The first line of each message is TensorFlow 1's, because people search for it. The lines below it give the facts: the
request and its scope, the variable that was found and the line that made it, and how to fix the error.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import TYPE_CHECKING

__all__ = [
    "ArgScopeError",
    "CollectionsError",
    "ConstantDtypeError",
    "ConstantShapeError",
    "CreatorError",
    "DtypeError",
    "DtypeMismatchError",
    "GetterError",
    "InitialShapeError",
    "InitialValueError",
    "InitializerError",
    "KscopeError",
    "LateVariableError",
    "LayerError",
    "LayerExistsError",
    "LayerMismatchError",
    "NameTypeError",
    "NestingError",
    "OptionError",
    "OptionTypeError",
    "PartitionerError",
    "ReuseError",
    "ScopeNameError",
    "ScopeTypeError",
    "ShapeMismatchError",
    "ShapeTypeError",
    "ShapeValueError",
    "UnsupportedError",
    "UntrackedVariableError",
    "ValuesError",
    "VariableExistsError",
    "VariableMissingError",
    "VariableNameError",
    "WeightsFileError",
    "WeightsMismatchError",
]


class KscopeError(Exception):
    """The base class of all errors of kscope."""

    # AutoGraph raises an error of a `tf.function` again, in the same class only if its constructor takes one message.
    if not TYPE_CHECKING:
        __init__ = Exception.__init__


class VariableExistsError(KscopeError, ValueError):
    """Raised when `get_variable` creates a variable whose name is taken, in a scope without reuse (row G1)."""


class VariableMissingError(KscopeError, ValueError):
    """Raised when `get_variable` shares a variable that does not exist, in a scope with reuse (row G2)."""


class LateVariableError(VariableMissingError):
    """Raised when a built layer asks for a late variable: one that its discovery did not make."""


class ShapeMismatchError(KscopeError, ValueError):
    """Raised when a look-up gives another shape than that of the existing variable (row G5)."""


class DtypeMismatchError(KscopeError, ValueError):
    """Raised when a look-up gives another dtype than that of the existing variable (row G7)."""


class ConstantShapeError(KscopeError, ValueError):
    """Raised when a shape is given together with a constant initial value (row H11)."""


class ConstantDtypeError(KscopeError, ValueError):
    """Raised when a constant initial value has another dtype than the explicit one (row H13)."""


class InitializerError(KscopeError, ValueError):
    """Raised when a new variable has no usable initializer or no full shape (rows H2, H3, H10)."""


class InitialValueError(KscopeError, ValueError):
    """Raised when an initial value has a wrong shape or dtype, or no numbers yet (row H16)."""


class InitialShapeError(InitialValueError, TypeError):
    """Raised when `verify_shape` is true and a constant has another shape; a TypeError, as in TF1."""


class ShapeTypeError(KscopeError, TypeError):
    """Raised when a shape has a type that cannot be a shape (row H1)."""


class ShapeValueError(KscopeError, ValueError):
    """Raised when a shape has a negative dimension (row H1)."""


class DtypeError(KscopeError, TypeError, ValueError):
    """Raised when a dtype is unknown: a TypeError in TF1, a ValueError in Keras (row H17)."""


class VariableNameError(KscopeError, ValueError):
    """Raised when a variable name is empty or not valid (rows B12, B13)."""


class ScopeNameError(KscopeError, ValueError):
    """Raised when a scope name is not valid (rows A10, B7)."""


class NameTypeError(KscopeError, TypeError):
    """Raised when a name is not a str (rows A1, B13, C17)."""


class ScopeTypeError(KscopeError, TypeError):
    """Raised when neither a str nor a `VariableScope` is entered (row A2)."""


class ReuseError(KscopeError, ValueError):
    """Raised when a reuse mode is not one of TF1's, or is given without a name (rows A3, A5)."""


class NestingError(KscopeError, RuntimeError):
    """Raised when scopes are not left in the reverse order of entering them (rows D15, D16)."""


class GetterError(KscopeError, ValueError):
    """Raised when a custom getter cannot be called (row K11), or conflicts with other getters."""


class CreatorError(KscopeError, ValueError):
    """Raised when a variable creator renames a variable, or returns something that cannot replace it (row L4)."""


class OptionError(KscopeError, ValueError):
    """Raised when an argument has an invalid value (row I4)."""


class OptionTypeError(KscopeError, TypeError):
    """Raised when an argument has a wrong type (rows A6, A7)."""


class ArgScopeError(KscopeError, ValueError):
    """Raised when `arg_scope` gets a function that was not decorated, or defaults with a captured scope."""


class CollectionsError(KscopeError, ValueError):
    """Raised when collections are not given as a list, tuple or set (row N3)."""


class PartitionerError(KscopeError, ValueError):
    """Raised when a partitioner returns an invalid partitioning (row M4)."""


class UnsupportedError(KscopeError, NotImplementedError):
    """Raised when an argument asks for something that Keras does not support."""


class LayerError(KscopeError, ValueError):
    """Raised when a scoped layer cannot be bound to a scope, shared or rebuilt as requested."""


class LayerExistsError(KscopeError, ValueError):
    """Raised when a kept layer is created under a name that is taken, in a scope without reuse."""


class LayerMismatchError(KscopeError, ValueError):
    """Raised when a kept layer is shared with other arguments than those that it was made with."""


class UntrackedVariableError(KscopeError, ValueError):
    """Raised when the call of a scoped layer makes a variable that no layer tracks, which would be lost."""


class ValuesError(KscopeError, ValueError):
    """Raised when a transformed function is applied to values that do not match its variables."""


class WeightsFileError(KscopeError, OSError, ValueError):
    """Raised when a weights file cannot be read, because it is truncated or damaged."""


class WeightsMismatchError(KscopeError, ValueError):
    """Raised when a weights file and a layer differ in names or shapes; it lists all differences, and loads nothing."""


def compose(first: str, facts: Iterable[tuple[str, object]] = (), fix: str | None = None) -> str:
    """Return a message: TF1's line, a table of facts, and the fix."""
    lines = [first]
    shown = [(label, value) for label, value in facts if value is not None and str(value)]
    width = max((len(label) for label, _ in shown), default=0) + 1
    lines += [f"  {label + ':':<{width}} {value}" for label, value in shown]
    if fix:
        lines.append(f"  Fix: {fix}")
    return "\n".join(lines)


def nearest(name: str, known: Iterable[str]) -> str:
    """Return up to three known names that are similar to `name`, as a hint."""
    names = list(known)
    leaf = name.rpartition("/")[2]
    close = get_close_matches(name, names, n=3, cutoff=0.6)
    same_leaf = [other for other in names if other.rpartition("/")[2] == leaf and other not in close]
    return ", ".join((close + same_leaf)[:3])
