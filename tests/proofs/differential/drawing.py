"""How Hypothesis draws a program, a tree of statements."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from differential.programs import (
    AUTO,
    FAULTY_PARTITIONERS,
    PLAIN,
    Add,
    Build,
    Call,
    Captured,
    Change,
    Create,
    Default,
    Elsewhere,
    Enter,
    Fail,
    Get,
    InThread,
    Keep,
    List,
    Look,
    Open,
    Options,
    Program,
    Share,
    Statement,
    Target,
    Template,
)


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
GETTERS = ("record", "rename", "double", "swallow", "absorb", "whole", "frozen")
PARTITIONERS = ("fixed", "fixed 3", "axis size", "min max")
PARTITIONS = _often(None, *PARTITIONERS, weight=8)
CREATORS = st.sampled_from(["record", "record", "frozen", "fives", "fives", "raises"])
COLLECTIONS = st.sampled_from(["mine", "mine", "global_variables", "trainable_variables", "local_variables"])

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
        partitioner=PARTITIONS,
    ),
)
PLAIN_GETS = st.builds(Get, VARIABLE_NAMES, st.just("[1]"))
PARTITIONED_GETS = st.builds(
    Get,
    VARIABLE_NAMES,
    shape=st.sampled_from(["4", *["[4]", "[5, 2]", "[4, 4]"] * 3, None, "[]"]),
    initializer=_often(None, *["zeros", "function", "partition_info"] * 3, "array", "one", weight=1),
    regularizer=_often(None, "loss"),
    collections=_often(None, "['mine']"),
    getter=_often(None, *GETTERS),
    local=_often(False, True, weight=8),
    partitioner=st.sampled_from([None, *["fixed", *PARTITIONERS] * 3, *FAULTY_PARTITIONERS]),
)
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
        partitioner=PARTITIONS,
    ),
    *[PARTITIONED_GETS] * 2,
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
        + [("partitioner", word) for word in (None, None, "fixed", "axis size")]
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
    st.builds(Add, st.just("mine"), st.sampled_from([None, None, "a/text"])),
    st.builds(List, COLLECTIONS, st.sampled_from([None, "", "a", "a/", "ab", "d"])),
    st.builds(Call, st.sampled_from([0, 0, 1])),
).map(lambda statement: (statement,))


def _opened(opening: tuple[Target, Any], body: Program, options: Options, op: bool = False) -> Program:
    target, reuse = opening
    return (Open(target, body, reuse, options, op),)


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
    opened = st.builds(_opened, OPENINGS, body, OPTIONS, _often(False, True, weight=8))
    again = st.sampled_from([None, None, Captured(), Captured(1)])
    twice = st.builds(_twice, opened, st.sampled_from([AUTO, True, AUTO, AUTO, None]), again)
    entered = st.builds(lambda back, body: (Enter(back, body),), st.sampled_from([0, 0, 1, 2]), body)
    kept = st.builds(_kept, OPENINGS, OPTIONS, body, st.booleans())
    elsewhere = st.builds(lambda kind, body: (kind(body),), st.sampled_from([InThread, InThread, Elsewhere]), body)
    return opened, twice, _chosen(entered, kept, elsewhere, _created(body))


def _created(body: st.SearchStrategy[Program]) -> st.SearchStrategy[Program]:
    """A block in which variables are made by a creator."""
    return st.builds(lambda creator, body: (Create(creator, body),), CREATORS, body)


# What the function of a template does: nothing that goes on outside of it, or comes from there.
CALLED = _chosen(*[PLAIN_GETS] * 3, GETS)
CALLED_OPENINGS = st.one_of(SCOPE_NAMES.filter(bool), DEFAULT_NAMES.map(Default))
CALLED_BODIES = st.lists(
    st.one_of(CALLED, st.builds(Open, CALLED_OPENINGS, st.lists(CALLED, min_size=1, max_size=2).map(tuple))),
    min_size=1,
    max_size=3,
).map(tuple)
TEMPLATES = st.builds(
    lambda template, more: (template, Call(), *more),
    st.builds(
        Template,
        st.sampled_from(["t", "t", "a", "d"]),
        CALLED_BODIES,
        st.booleans(),
        _often(None, "u", "a"),
        _often(None, "record", "rename", "double", "frozen"),
    ),
    st.sampled_from([(), (Call(),), (Call(), Call(1)), (Open("b", (Call(),)),), (InThread((Call(),)),)]),
)

# To shrink to; so that a program may get shorter than its lists' minimal size.
NOTHING = st.just(())
LEAF = _chosen(NOTHING, *[SIMPLE] * 30)
OPENED, TWICE, OTHER = _blocks(LEAF)
INNER = _chosen(NOTHING, *[SIMPLE] * 8, *[OPENED] * 3, *[TWICE] * 2, OTHER)
OPENED_2, _, OTHER_2 = _blocks(INNER)
MIDDLE = _chosen(NOTHING, *[SIMPLE] * 8, *[OPENED_2] * 3, OTHER_2, TEMPLATES)
OPENED_3, _, OTHER_3 = _blocks(MIDDLE)
CREATED = _created(OPENED_2)
OUTER = _chosen(NOTHING, *[SIMPLE] * 2, TEMPLATES, CREATED, *[TWICE] * 6, *[OPENED_2] * 2, *[OPENED_3] * 2, OTHER_3)

# Every program ends by listing all that it made.
PROGRAMS = st.lists(OUTER, min_size=4, max_size=6).map(lambda parts: (*_flat(parts), Look(Captured(root=True))))
