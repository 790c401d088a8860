"""The errors of look-ups that fail: TF1's line, the facts, the fix (rows G1, G2, G5, G7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from kscope import errors
from kscope._variables import shapes

if TYPE_CHECKING:
    from kscope._records.record import Record
    from kscope._records.registry import Registry
    from kscope._scopes.scope import VariableScope
    from kscope._stores.lookup.request import Request
    from kscope.typing import Reuse

__all__ = ["LookUp", "asked", "dtype_mismatch", "exists", "missing", "shape_mismatch"]


class LookUp(Protocol):
    """A look-up of something by name in a store."""

    @property
    def name(self) -> str:
        """The full name."""

    @property
    def scope(self) -> VariableScope:
        """The scope whose defaults fill in the arguments that were left out."""

    @property
    def store(self) -> Registry:
        """The store."""

    @property
    def reuse(self) -> Reuse:
        """The reuse mode."""

    def spelled(self) -> str:
        """Return the request as a line of a message shows it."""


def exists(request: LookUp, record: Record, twice: bool = False) -> errors.VariableExistsError:
    """Return the error of a name that is taken, in a scope that does not reuse."""
    fix = "open the scope with reuse=True or reuse=kscope.AUTO_REUSE to share it, or give the variable another name."
    if twice:
        fix = f"this call got it before; {fix}"
    return errors.VariableExistsError(
        errors.compose(
            f"Variable {request.name} already exists, disallowed. Did you mean to set reuse=True or "
            "reuse=tf.AUTO_REUSE in VarScope?",
            [*asked(request), *_found(record)],
            fix,
        )
    )


def missing(request: LookUp) -> errors.VariableMissingError:
    """Return the error of a name that does not exist, in a scope that reuses."""
    names = list(request.store.records)
    return errors.VariableMissingError(
        errors.compose(
            f"Variable {request.name} does not exist, or was not created with tf.get_variable(). Did you mean to set "
            "reuse=tf.AUTO_REUSE in VarScope?",
            [
                *asked(request),
                ("store", f"{request.store!r}"),
                ("nearest names", errors.nearest(request.name, names) if names else "none, the store is empty"),
            ],
            "create it first, or open the scope with reuse=kscope.AUTO_REUSE to create or share.",
        )
    )


def shape_mismatch(request: Request, record: Record) -> errors.ShapeMismatchError:
    """Return the error of a variable that has another shape."""
    return errors.ShapeMismatchError(
        errors.compose(
            f"Trying to share variable {request.name}, but specified shape {shapes.spelled(request.shape)} and found "
            f"shape {shapes.spelled(record.shape)}.",
            [*asked(request), *_found(record)],
            "ask for the shape it has, or leave the shape out; give a variable of another shape another name.",
        )
    )


def dtype_mismatch(request: Request, record: Record) -> errors.DtypeMismatchError:
    """Return the error of a variable that has another dtype."""
    return errors.DtypeMismatchError(
        errors.compose(
            f"Trying to share variable {request.name}, but specified dtype {request.dtype} and found dtype "
            f"{record.dtype}.",
            [*asked(request), *_found(record)],
            "ask for the dtype it has, or leave the dtype out.",
        )
    )


def asked(request: LookUp) -> list[tuple[str, object]]:
    """Return the lines of a message with the request and its scope."""
    reuse = getattr(request.reuse, "name", request.reuse)
    return [("asked for", request.spelled()), ("scope", f"{request.scope.name!r}, reuse={reuse}")]


def _found(record: Record) -> list[tuple[str, object]]:
    return [
        ("found", f"{record.name}, shape {shapes.spelled(record.shape)}, dtype {record.dtype}"),
        ("Originally defined at", record.site),
    ]
