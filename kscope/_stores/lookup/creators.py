"""`variable_creator_scope`: functions that wrap the making of each new variable (rows L).

A getter wraps the look-up, and runs at each one; a creator wraps the making, and runs only if there is no variable to
share. The stack of creators belongs to a thread's frame in a store, as in TF1 to a thread in a graph (row L5).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import keras

from kscope import _keras, errors
from kscope._records.collections import collections_of
from kscope._scopes.frame import Frame, current_frame
from kscope._variables import options as _options, shapes
from kscope._variables.make import make as make_variable

__all__ = ["make", "variable_creator_scope"]


class variable_creator_scope:  # noqa: N801 - TF1's spelling
    """Wrap the making of new variables in a creator, in a block and in this thread.

    The creator that was entered last is called first, and its `next_creator` is the one around it. A creator runs for
    variables that are made, never for those that are shared; it runs inside the custom getters, and before the
    regularizer is attached (rows L1, L2). It applies to layers that are built in the block, but not to another store
    that is opened in the block with `as_default()` (row L5).

    Args:
        creator: a callable `creator(next_creator, **kwargs)` that returns a `keras.Variable`. The keywords are
            `name` (the full one), `initial_value` (a value, or a callable of shape and dtype), `shape`, `dtype`,
            `trainable`, `collections`, `constraint`, `synchronization` and `aggregation`. A keyword that it does not
            pass on keeps its value. The variable that it returns must have the name, shape and dtype that it was
            called with (rows L3, L4).

    Returns:
        A context manager.

    Raises:
        OptionTypeError: the creator is not callable.
        CreatorError: from `get_variable`, if a creator renames the variable, or returns one that does not fit.
        NestingError: on exit, if another creator scope was entered inside and not left yet (row L6).

    Example:
    >>> def frozen(next_creator, **kwargs):
    ...     return next_creator(**{**kwargs, "trainable": False})
    >>> with kscope.variable_creator_scope(frozen):
    ...     v = kscope.get_variable("v", [1])
    >>> v.trainable
    False
    """

    __slots__ = ("_creator",)

    def __init__(self, creator: Callable[..., Any]):
        if not callable(creator):
            raise errors.OptionTypeError(
                f"A variable creator must be a callable `creator(next_creator, **kwargs)`, while get {creator!r}"
            )
        self._creator = creator

    def __enter__(self) -> None:
        frame = _base()
        frame.creators = (*frame.creators, (self, self._creator))

    def __exit__(self, *exc_info: object) -> None:
        frame = _base()
        if not frame.creators or frame.creators[-1][0] is not self:
            raise errors.NestingError(
                errors.compose(
                    "Exiting variable_creator_scope without proper nesting.",
                    [("leaving", self._creator)],
                    "leave scopes in the reverse order of entering them; `with` does that by itself.",
                )
            )
        frame.creators = frame.creators[:-1]


def _base() -> Frame:
    """Return the frame in which the outermost running layer was called: layers have no creators of their own."""
    return current_frame().base()


def make(name: str, initial: Any, *, regularizer: Any, **asked: Any) -> tuple[Any, Any]:
    """Make a variable through the open creators.

    Returns:
        The variable, and its collections.
    """
    creators = _base().creators
    end = _End(name, initial, asked)
    if not creators:
        return end.make(regularizer=regularizer), end.collections
    step: Callable[..., Any] = end
    for _, creator in creators:
        step = functools.partial(creator, step)
    # A creator may make a variable itself, which Keras would defer in a trace.
    with _keras.eagerly(), _keras.operations_at_root():
        variable = step(**end.keywords())
    _check(variable, name, tuple(asked["shape"]), asked["dtype"], creators[-1][1])
    if regularizer is not None:
        variable.regularizer = regularizer
    return variable, end.collections


class _End:
    """The end of every chain, which makes the variable; creators pass it all keywords, or only the changed ones."""

    def __init__(self, name: str, initial: Any, asked: dict[str, Any]):
        self._asked = {"name": name, "initial_value": initial, **asked}
        self.collections = asked["collections"]

    def keywords(self) -> dict[str, Any]:
        return dict(self._asked)

    def __call__(self, **keywords: Any) -> Any:
        unknown = sorted(set(keywords) - set(self._asked))
        if unknown:
            raise errors.OptionTypeError(
                f"A creator passed on unknown arguments: {', '.join(unknown)}. Known are: {', '.join(self._asked)}"
            )
        _check_name(keywords.get("name", self._asked["name"]), self._asked["name"])
        self._asked.update(keywords)
        self.collections = collections_of(self._asked["collections"])
        return self.make(regularizer=None)

    def make(self, regularizer: Any) -> Any:
        options = self.keywords()
        name, initial = options.pop("name"), options.pop("initial_value")
        del options["collections"]
        mode = _options.mode_of("synchronization", _options.SYNCHRONIZATION, options["synchronization"], name)
        options["constraint"] = _options.constraint_of(options["constraint"])
        # No autocast for state, such as moving statistics: 16 bits lose small updates, and PyTorch loses all of them.
        return make_variable(name, initial, regularizer=regularizer, autocast=mode != "on_read", **options)


def _check_name(name: Any, asked: str) -> None:
    if name != asked:
        raise errors.CreatorError(
            errors.compose(
                f"A creator renamed variable {asked} to {name}; the name is its key in the store.",
                fix="rename in a custom getter, where the look-up follows (TF1 renamed the operation only, row L4).",
            )
        )


def _check(variable: Any, name: str, shape: tuple[int, ...], dtype: str, creator: Any) -> None:
    """Raise if a creator's variable, which the store keeps, does not have the requested name, shape and dtype."""
    if not isinstance(variable, keras.Variable):
        raise _misfit(name, f"returned {variable!r} (of type {type(variable).__name__}), no keras.Variable", creator)
    _check_name(variable.path, name)
    if tuple(variable.shape) != shape:
        found = shapes.spelled(tuple(variable.shape))
        raise _misfit(name, f"made it of shape {found}, not {shapes.spelled(shape)}", creator)
    if _keras.stored_dtype(variable) != dtype:
        raise _misfit(name, f"made it of dtype {_keras.stored_dtype(variable)}, not {dtype}", creator)


def _misfit(name: str, what: str, creator: Any) -> errors.CreatorError:
    return errors.CreatorError(
        errors.compose(
            f"The creator of variable {name} {what}.",
            [("creator", creator)],
            "return what `next_creator(**kwargs)` returns, or a kscope.ScopedVariable(kwargs['name'], value, ...).",
        )
    )
