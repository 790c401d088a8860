"""What can go wrong, one class per mistake.

The first line of each message is TensorFlow 1's, because people search for it. Below it stand the facts: what was
asked for, in which scope, what was found, where that was made, and how to mend it.
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
    """The base of all these, to catch whatever kscope raises."""

    # AutoGraph makes errors of a `tf.function` anew, of their own class only if they are known to take one message.
    if not TYPE_CHECKING:
        __init__ = Exception.__init__


class VariableExistsError(KscopeError, ValueError):
    """Raised when a scope that does not reuse asks for a name that is taken (row G1)."""


class VariableMissingError(KscopeError, ValueError):
    """Raised when a reusing scope asks for a name that nobody made (row G2)."""


class LateVariableError(VariableMissingError):
    """Raised when a built layer asks for a name that its discovery did not meet."""


class ShapeMismatchError(KscopeError, ValueError):
    """Raised when a variable is shared under a shape it does not have (row G5)."""


class DtypeMismatchError(KscopeError, ValueError):
    """Raised when a variable is shared under a dtype it does not have (row G7)."""


class ConstantShapeError(KscopeError, ValueError):
    """Raised when a shape is given beside a constant initial value (row H11)."""


class ConstantDtypeError(KscopeError, ValueError):
    """Raised when a constant initial value and the explicit dtype disagree (row H13)."""


class InitializerError(KscopeError, ValueError):
    """Raised when a new variable has no usable initializer or no full shape (rows H2, H3, H10)."""


class InitialValueError(KscopeError, ValueError):
    """Raised when an initializer returns what was not asked for (row H16)."""


class InitialShapeError(InitialValueError, TypeError):
    """Raised when a constant has another shape than `verify_shape` demands: a TypeError in TF1."""


class ShapeTypeError(KscopeError, TypeError):
    """Raised when a shape is of a type that is none (row H1)."""


class ShapeValueError(KscopeError, ValueError):
    """Raised when a shape has an impossible dimension (row H1)."""


class DtypeError(KscopeError, TypeError, ValueError):
    """Raised when a dtype is unknown: a TypeError in TF1, a ValueError in Keras (row H17)."""


class VariableNameError(KscopeError, ValueError):
    """Raised when a variable name has characters that no checkpoint could hold (rows B12, B13)."""


class ScopeNameError(KscopeError, ValueError):
    """Raised when a scope name has characters that no checkpoint could hold (rows A10, B7)."""


class NameTypeError(KscopeError, TypeError):
    """Raised when a name is not a str (rows A1, B13, C17)."""


class ScopeTypeError(KscopeError, TypeError):
    """Raised when neither a str nor a `VariableScope` is entered (row A2)."""


class ReuseError(KscopeError, ValueError):
    """Raised when a reuse mode is none of TF1's, or is given without a name (rows A3, A5)."""


class NestingError(KscopeError, RuntimeError):
    """Raised when scopes are not left in the order in which they were entered (rows D15, D16)."""


class GetterError(KscopeError, ValueError):
    """Raised when a custom getter cannot be called (row K11), or does not fit those around it."""


class CreatorError(KscopeError, ValueError):
    """Raised when a variable creator renames a variable, or returns what cannot stand for it (row L4)."""


class OptionError(KscopeError, ValueError):
    """Raised when an argument has a value that its list of choices does not hold (row I4)."""


class OptionTypeError(KscopeError, TypeError):
    """Raised when an argument is of a type it cannot have (rows A6, A7)."""


class ArgScopeError(KscopeError, ValueError):
    """Raised when `arg_scope` gets a function that was not decorated, or defaults beside a captured scope."""


class CollectionsError(KscopeError, ValueError):
    """Raised when collections are not given as a list, tuple or set (row N3)."""


class PartitionerError(KscopeError, ValueError):
    """Raised when a partitioner answers what is no partitioning (row M4)."""


class UnsupportedError(KscopeError, NotImplementedError):
    """Raised when Keras has no way to do what an argument asks for."""


class LayerError(KscopeError, ValueError):
    """Raised when a scoped layer is bound, shared or rebuilt in a way that cannot work."""


class LayerExistsError(KscopeError, ValueError):
    """Raised when a scope that does not reuse asks for a layer of a name that is taken."""


class LayerMismatchError(KscopeError, ValueError):
    """Raised when a layer of a scope is shared under arguments that it was not made of."""


class UntrackedVariableError(KscopeError, ValueError):
    """Raised when the call of a scoped layer makes a variable that no layer tracks, so that it would be lost."""


class ValuesError(KscopeError, ValueError):
    """Raised when the values that a transformed function is applied to are not those of its variables."""


class WeightsFileError(KscopeError, OSError, ValueError):
    """Raised when a weights file cannot be read: cut off, or not what it claims to be."""


class WeightsMismatchError(KscopeError, ValueError):
    """Raised when a weights file and a layer differ in names or shapes; all of them are listed, none is loaded."""


def compose(first: str, facts: Iterable[tuple[str, object]] = (), fix: str | None = None) -> str:
    """Put a message together: TF1's line, a table of facts, the way out."""
    lines = [first]
    shown = [(label, value) for label, value in facts if value is not None and str(value)]
    width = max((len(label) for label, _ in shown), default=0) + 1
    lines += [f"  {label + ':':<{width}} {value}" for label, value in shown]
    if fix:
        lines.append(f"  Fix: {fix}")
    return "\n".join(lines)


def nearest(name: str, known: Iterable[str]) -> str:
    """The known names most like `name`, for a "did you mean"."""
    names = list(known)
    leaf = name.rpartition("/")[2]
    close = get_close_matches(name, names, n=3, cutoff=0.6)
    same_leaf = [other for other in names if other.rpartition("/")[2] == leaf and other not in close]
    return ", ".join((close + same_leaf)[:3])
