"""Programs as data: what a statement is, and how Hypothesis draws a tree of them. Knows of no library.

Values that a library has its own objects for (initializers, dtypes, getters, ...) are words here, which `vocabulary`
turns into objects.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, TypeAlias

from hypothesis import strategies as st

AUTO = "AUTO_REUSE"


class Shown:
    """A short repr: what Hypothesis prints of a failing program should be read, and pasted into a test."""

    def __repr__(self) -> str:
        shown = [f"{f.name}={getattr(self, f.name)!r}" for f in fields(self) if getattr(self, f.name) != f.default]
        return f"{type(self).__name__}({', '.join(shown)})"


@dataclass(frozen=True, repr=False)
class Captured(Shown):
    """A `VariableScope` of this program: the `back`th last that was entered or built, its first one, or the current."""

    back: int = 0
    root: bool = False
    current: bool = False


@dataclass(frozen=True, repr=False)
class Default(Shown):
    """No name, but a `default_name`."""

    name: Any = "d"


@dataclass(frozen=True, repr=False)
class Options(Shown):
    """The defaults that a scope sets."""

    initializer: str | None = None
    regularizer: str | None = None
    dtype: str | None = None
    getter: str | None = None
    use_resource: bool | None = None
    auxiliary_name_scope: bool = True


PLAIN = Options()

# A name, or something of a wrong type.
Target: TypeAlias = "Captured | Default | str | int | None"


@dataclass(frozen=True, repr=False)
class Get(Shown):
    """`get_variable`, or with `local` `get_local_variable`."""

    name: Any = "v"
    shape: str | None = None
    dtype: str | None = None
    initializer: str | None = None
    regularizer: str | None = None
    trainable: bool | None = None
    collections: str | None = None
    getter: str | None = None
    use_resource: bool | None = None
    local: bool = False


@dataclass(frozen=True, repr=False)
class Open(Shown):
    """`with variable_scope(...) as scope:`, and `scope` is captured."""

    target: Target
    body: tuple[Statement, ...] = ()
    reuse: Any = None
    options: Options = PLAIN


@dataclass(frozen=True, repr=False)
class Keep(Shown):
    """`manager = variable_scope(...)`, to be entered later and more than once."""

    target: Target
    reuse: Any = None
    options: Options = PLAIN


@dataclass(frozen=True, repr=False)
class Enter(Shown):
    """`with manager as scope:`, the `back`th last that was kept."""

    back: int
    body: tuple[Statement, ...] = ()


@dataclass(frozen=True, repr=False)
class Build(Shown):
    """`VariableScope(reuse, name=..., ...)` by hand; it is captured."""

    name: str
    reuse: Any = False
    options: Options = PLAIN


@dataclass(frozen=True, repr=False)
class Share(Shown):
    """`scope.reuse_variables()`."""

    scope: Captured


@dataclass(frozen=True, repr=False)
class Change(Shown):
    """`scope.set_<default>(value)`."""

    scope: Captured
    default: str
    value: Any = None


@dataclass(frozen=True, repr=False)
class Look(Shown):
    """Read a scope's attributes and all that it lists."""

    scope: Captured


@dataclass(frozen=True, repr=False)
class Fail(Shown):
    """Raise through every open block, up to the outermost statement."""


@dataclass(frozen=True, repr=False)
class InThread(Shown):
    """Run the body in a thread of its own, and wait for it."""

    body: tuple[Statement, ...]


@dataclass(frozen=True, repr=False)
class Elsewhere(Shown):
    """Run the body in a new graph, or store."""

    body: tuple[Statement, ...]


Statement: TypeAlias = Get | Open | Keep | Enter | Build | Share | Change | Look | Fail | InThread | Elsewhere
Program: TypeAlias = tuple[Statement, ...]


def walk(program: Program) -> Iterator[Statement]:
    """Every statement of a program, at any depth."""
    for statement in program:
        yield statement
        yield from walk(getattr(statement, "body", ()))


def _often(common: Any, *rare: Any, weight: int = 3) -> st.SearchStrategy[Any]:
    """`common` more often than all the rest together, and what a failing program shrinks to."""
    return st.sampled_from([common] * weight * len(rare) + list(rare))


def _chosen(*strategies: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """One of the strategies; `one_of` would weigh a strategy by how many alternatives it is made of."""
    return st.sampled_from(strategies).flatmap(lambda strategy: strategy)


# Few names, so that they meet again: a prefix of another one, one with a slash, one that a default name may take.
SCOPE_NAMES = st.sampled_from(["a", "a", "b", "a/b", "ab", "d_1", ""])
DEFAULT_NAMES = st.sampled_from(["d", "d", "a", "d_1", "a/b"])
VARIABLE_NAMES = st.sampled_from(["v"] * 30 + ["w"] * 9 + ["b", "b/v", "a", "v_more", "_v", "v:0", "v w"])
SCOPES = st.sampled_from(
    [Captured(), Captured(1), Captured(2), Captured(5), Captured(current=True), Captured(root=True)]
)
REUSES = st.sampled_from([None] * 8 + [AUTO] * 12 + [True] * 2 + [False, 1])
# What is opened, and how: a default name with a reuse mode is an error, and the block is skipped.
OPENINGS = _chosen(
    *[st.tuples(SCOPE_NAMES, REUSES)] * 3,
    *[st.tuples(SCOPES, REUSES)] * 2,
    st.tuples(DEFAULT_NAMES.map(Default), _often(None, AUTO, True, weight=4)),
    st.tuples(_often("a", "a b", 3, None, weight=6), REUSES),
)

INITIALIZERS = ("zeros", "class", "function", "partition_info", "nothing", "optional", "one", "array", "list")
FAULTY = ("integer", "integers", "shape only", "raises", "misfit")
SHAPES = ("[]", "3", "(2, 3)", "array", "TensorShape", "[None]", "[None, 3]", "unknown rank", "[-1]", "[1.5]")
DTYPES = ("float16", "half", "int32", "tf.float16", "tf.float32", "np.int32", "float32")
GETTERS = ("record", "rename", "double", "swallow", "absorb")

OPTIONS = st.one_of(
    st.just(PLAIN),
    st.just(PLAIN),
    st.builds(
        Options,
        # Constants make every look-up with a shape an error; they are not to be most of the programs.
        initializer=_often(None, "zeros", "class", "function", "partition_info", "zeros", "class", "nothing", "one"),
        regularizer=_often(None, "loss", "no loss", "no_regularizer"),
        dtype=_often(None, *DTYPES, "string", weight=1),
        getter=_often(None, *GETTERS, *GETTERS, "not callable", weight=2),
        use_resource=_often(None, True, False),
        auxiliary_name_scope=_often(True, False),
    ),
)
PLAIN_GETS = st.builds(Get, VARIABLE_NAMES, st.just("[1]"))
GETS = _chosen(
    *[PLAIN_GETS] * 7,
    st.builds(Get, shape=st.sampled_from([None, *SHAPES])),
    # Without a shape, so that a constant has a chance.
    st.builds(Get, VARIABLE_NAMES, initializer=st.sampled_from(INITIALIZERS), local=_often(False, True)),
    st.builds(
        Get,
        name=VARIABLE_NAMES,
        shape=_often("[1]", None, *SHAPES, weight=1),
        dtype=_often(None, *DTYPES, "string", "unknown", weight=1),
        initializer=_often(None, *INITIALIZERS, *FAULTY, weight=1),
        regularizer=_often(None, "loss", "no loss", "no_regularizer"),
        trainable=_often(None, True, False, weight=1),
        collections=_often(None, "['mine']", "[]", "('mine',)", "['local_variables']", "'mine'"),
        getter=_often(None, *GETTERS, "not callable", weight=2),
        use_resource=_often(None, True, False),
        local=_often(False, True),
    ),
)
CHANGES = st.builds(
    lambda scope, change: Change(scope, *change),
    SCOPES,
    # Clearing is what no argument can do, so it comes more often.
    st.sampled_from(
        [("initializer", word) for word in (*[None] * 5, *INITIALIZERS)]
        + [("regularizer", word) for word in (None, None, "loss", "no_regularizer")]
        + [("dtype", word) for word in DTYPES]
        + [("custom_getter", word) for word in (*[None] * 5, *GETTERS)]
        + [("use_resource", word) for word in (None, True, False)]
    ),
)
SIMPLE = _chosen(
    *[GETS] * 10,
    *[CHANGES] * 2,
    st.builds(Look, SCOPES),
    st.builds(Share, SCOPES),
    st.builds(lambda opening, options: Keep(*opening, options), OPENINGS, OPTIONS),
    st.builds(Build, SCOPE_NAMES, st.sampled_from([False, True, AUTO]), OPTIONS),
    st.sampled_from([Get("v", "[1]"), Fail()]),
).map(lambda statement: (statement,))


def _opened(opening: tuple[Target, Any], body: Program, options: Options) -> Program:
    target, reuse = opening
    return (Open(target, body, reuse, options),)


def _twice(opened: Program, reuse: Any, again: Captured | None) -> Program:
    """A scope, and the same block once more: by name, or by jumping into what was captured last."""
    (first,) = opened
    assert isinstance(first, Open)
    return first, Open(first.target if again is None else again, first.body, reuse)


def _kept(opening: tuple[Target, Any], options: Options, body: Program, inside: bool) -> Program:
    """A manager that is entered at once, and again: at the same place, or in another scope."""
    again: Statement = Enter(0, body)
    return Keep(*opening, options), Enter(0, body), Open("b", (again,)) if inside else again


def _flat(parts: list[Program]) -> Program:
    return tuple(statement for part in parts for statement in part)


def _blocks(part: st.SearchStrategy[Program]) -> tuple[st.SearchStrategy[Program], ...]:
    """Blocks made of such parts: a scope, the same scope twice, and the rarer ones."""
    body = st.lists(part, min_size=1, max_size=3).map(_flat)
    opened = st.builds(_opened, OPENINGS, body, OPTIONS)
    again = st.sampled_from([None, None, Captured(), Captured(1)])
    twice = st.builds(_twice, opened, st.sampled_from([AUTO, True, AUTO, AUTO, None]), again)
    entered = st.builds(lambda back, body: (Enter(back, body),), st.sampled_from([0, 0, 1, 2]), body)
    kept = st.builds(_kept, OPENINGS, OPTIONS, body, st.booleans())
    elsewhere = st.builds(lambda kind, body: (kind(body),), st.sampled_from([InThread, InThread, Elsewhere]), body)
    return opened, twice, _chosen(entered, kept, elsewhere)


# To shrink to; so that a program may get shorter than its lists' minimal size.
NOTHING = st.just(())
LEAF = _chosen(NOTHING, *[SIMPLE] * 30)
OPENED, TWICE, OTHER = _blocks(LEAF)
INNER = _chosen(NOTHING, *[SIMPLE] * 8, *[OPENED] * 3, *[TWICE] * 2, OTHER)
OPENED_2, _, OTHER_2 = _blocks(INNER)
MIDDLE = _chosen(NOTHING, *[SIMPLE] * 8, *[OPENED_2] * 3, OTHER_2)
OPENED_3, _, OTHER_3 = _blocks(MIDDLE)
OUTER = _chosen(NOTHING, *[SIMPLE] * 2, *[TWICE] * 6, *[OPENED_2] * 2, *[OPENED_3] * 2, OTHER_3)

# Every program ends by listing all that it made.
PROGRAMS = st.lists(OUTER, min_size=4, max_size=6).map(lambda parts: (*_flat(parts), Look(Captured(root=True))))
