"""What can be seen of a step, in words and numbers that do not depend on the library."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

from differential.programs import Statement


@dataclass(frozen=True)
class SeenVariable:
    """A variable; `first` is the step that saw this very object first."""

    name: str
    key: str
    first: int
    shape: tuple[int | None, ...] | None
    dtype: str
    trainable: bool | None
    value: Any


@dataclass(frozen=True)
class SeenWhole:
    """A partitioned variable."""

    name: str
    first: int
    shape: tuple[int | None, ...] | None
    dtype: str
    slices: tuple[SeenVariable, ...]


@dataclass(frozen=True)
class SeenScope:
    """A scope; and, when it was just entered, its name scope, and whether it is the current one (row A12)."""

    name: str
    reuse: Any
    dtype: str
    initializer: str | None
    regularizer: str | None
    has_getter: bool
    use_resource: bool | None
    partitioner: str | None
    name_scope: str | None = None
    current: bool | None = None


@dataclass(frozen=True)
class SeenList:
    """A listing: keys and dtypes of variables, and texts."""

    collection: str
    variables: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class SeenGetter:
    """What a custom getter was called with."""

    name: str
    keys: tuple[str, ...]
    shape: tuple[int | None, ...] | None
    dtype: str
    initializer: str | None
    reuse: Any
    trainable: bool | None
    collections: tuple[str, ...] | None
    partitioner: str | None


@dataclass(frozen=True)
class SeenCreator:
    """What a variable creator was called with."""

    name: str
    dtype: str
    trainable: bool | None
    collections: tuple[str, ...]


@dataclass(frozen=True)
class SeenError:
    """An error: the built-in class it is, its own class, and the first sentence."""

    family: str
    kind: str
    sentence: str


@dataclass(frozen=True)
class Steered:
    """A step that was left out, because a row says that the libraries differ there."""

    row: str


@dataclass(frozen=True)
class Step:
    """A statement, what came of it, and what getters and creators noted meanwhile.

    `again` is of a template that is not called for the first time.
    """

    statement: Statement
    seen: Any
    log: tuple[SeenGetter | SeenCreator, ...] = ()
    again: bool = False


def rebuilt(change: Callable[[Any], Any], node: Any) -> Any:
    """A tree of observations with `change` applied to each of them, from the leaves up."""
    if isinstance(node, tuple):
        return tuple(rebuilt(change, child) for child in node)
    if is_dataclass(node) and not isinstance(node, Step):
        node = replace(node, **{f.name: rebuilt(change, getattr(node, f.name)) for f in fields(node)})
    return change(node)


def word_of(words: dict[str, Any], value: Any) -> str | None:
    """The word of an object."""
    return next((word for word, known in words.items() if known is value), None)


def plain_shape(shape: Any) -> tuple[int | None, ...] | None:
    import tensorflow as tf

    as_shape = tf.TensorShape(shape)
    return None if as_shape.rank is None else tuple(as_shape.as_list())


def seen_error(error: Exception) -> SeenError:
    family = next(kind.__name__ for kind in type(error).__mro__ if vars(builtins).get(kind.__name__) is kind)
    sentence = (str(error).splitlines() or [""])[0].partition(". ")[0].removesuffix(".")
    return SeenError(family, type(error).__name__, sentence)
