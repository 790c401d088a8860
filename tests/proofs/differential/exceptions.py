"""Where kscope is meant to differ from TF1: the rows, why, and how the comparison gets around them.

A row is got around in one of three ways: `steer` leaves the step out of both runs, `level` takes the difference out
of what both runs have seen, and rows that have neither are of things that no random program does. The `witness` is a
program that shows the difference; a test runs each one, so that this list cannot rot.
"""

from __future__ import annotations

from collections.abc import Callable, Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any

from differential import predicates
from differential.machine import Machine
from differential.observed import Step, rebuilt
from differential.programs import (
    AUTO,
    Build,
    Call,
    Captured,
    Change,
    Create,
    Default,
    Enter,
    Fail,
    Get,
    Keep,
    List,
    Look,
    Open,
    Options,
    Program,
    Share,
    Statement,
    Template,
)

ROOT, CURRENT = Captured(root=True), Captured(current=True)


@dataclass(frozen=True)
class Listed:
    """One row, or one part of it."""

    row: str
    why: str
    witness: Program
    steer: Callable[[Any, Machine], bool] | None = None
    level: Callable[[Any], Any] | None = None


_V = Get("v", "[1]")
_CHAIN = (Open("b", (_V,), options=Options(getter="record")),)
_TWICE = (_V, _V)

LISTED = (
    # What a step is left out for.
    Listed(
        "B6",
        "`''` keeps the scope's name, where TF1 makes 'a/' of it",
        (Open("a", (Open(""),)),),
        steer=predicates.empty_name_in_a_scope,
    ),
    Listed(
        "D12",
        "each entry of a manager made from a scope has a scope of its own",
        (Open("a"), Keep(Captured()), Enter(0, (Share(CURRENT),)), Enter(0)),
        steer=predicates.changed_jump_entered_again,
    ),
    Listed(
        "D13",
        "reuse that was inherited at one entry of a manager has no effect on the next",
        (Keep("a"), Open("b", (Enter(0),), reuse=True), Enter(0)),
        steer=predicates.inherited_reuse_sticks,
    ),
    Listed(
        "D14",
        "a manager may be entered inside itself",
        (Keep("a"), Enter(0, (Enter(0),))),
        steer=predicates.entered_inside_itself,
    ),
    Listed(
        "G8",
        "a dtype that nobody wrote is not checked on look-up",
        (Open("a", (Get("v", "[1]", "int32"), Get("v")), reuse=AUTO),),
        steer=predicates.looked_up_without_its_dtype,
    ),
    Listed(
        "H8",
        "the dtype beside a callable of nothing counts",
        (Get("v", None, "float16", "nothing"),),
        steer=predicates.dtype_for_a_callable_of_nothing,
    ),
    Listed(
        "H13",
        "Python numbers take on the dtype that was written",
        (Get("v", None, "float32", "integer"),),
        steer=predicates.dtype_for_a_python_number,
    ),
    Listed(
        "H14",
        "the dtype beside a constant of the scope counts",
        (Open("a", (Get("v", None, "float16"),), options=Options(initializer="one")),),
        steer=predicates.dtype_for_a_constant_of_the_scope,
    ),
    Listed(
        "I3",
        "integers and strings cannot be trained: asking for it is refused",
        (Get("v", "[1]", "int32", trainable=True),),
        steer=predicates.discrete_and_trainable,
    ),
    Listed(
        "K2",
        "shape and dtype are read before a getter is called",
        (Get("v", "[-1]", getter="absorb"),),
        steer=predicates.fault_before_a_getter,
    ),
    Listed(
        "H1",
        "what is no shape, or no dtype (row H17), is refused before anything else is looked at",
        (Get("v", "[1.5]", initializer="one"),),
        steer=predicates.impossible_among_faults,
    ),
    Listed(
        "N3",
        "collections are checked before it is found that there is no full shape",
        (Get("v", "[None]", collections="'mine'"),),
        steer=predicates.bad_collections_and_no_full_shape,
    ),
    Listed(
        "A10",
        "names are checked, where TF1 leaves that to the name scope, which it may be told not to open",
        (Open("a b", options=Options(auxiliary_name_scope=False)),),
        steer=predicates.name_that_nothing_checks,
    ),
    Listed(
        "K11 (unused)",
        "a getter that cannot be called is an error, even behind one that calls nothing",
        (
            Open("a", options=Options(getter="not callable")),
            Open(Captured(), (Open("b", (_V,), options=Options(getter="absorb")),), options=Options(getter="record")),
        ),
        steer=predicates.uncallable_behind_one_that_calls_nothing,
    ),
    Listed(
        "H19",
        "every Keras variable has a full shape",
        (Get("v", "[None]", initializer="nothing"),),
        steer=predicates.partial_shape_for_a_callable_of_nothing,
    ),
    Listed(
        "N12",
        "the collections of a local variable may be in a tuple",
        (Get("v", "[1]", collections="('mine',)", local=True),),
        steer=predicates.local_collections_in_no_list,
    ),
    Listed(
        "H17",
        "dtypes are understood in any form, where TF1 takes no names and none of NumPy's beside a partitioner",
        (Get("v", "[4]", "float16", partitioner="fixed"),),
        steer=predicates.partitioned_dtype_of_another_kind,
    ),
    Listed(
        "M4",
        "a partitioner is asked when there is a variable to cut, or to compare with",
        (Open("a", (Get("v", "[4]", partitioner="no list"),), reuse=True),),
        steer=predicates.faulty_partitioner_among_faults,
    ),
    Listed(
        "M5",
        "a scalar is another shape than that of the partitioned variable, which is found beside any partitioner",
        (
            Get("v", "[4]", partitioner="fixed"),
            Open("", (Get("v", "[]", partitioner="fixed"),), reuse=True),
        ),
        steer=predicates.scalar_of_a_partitioned_name,
    ),
    Listed(
        "M6",
        "a constant gives a partitioned variable its shape",
        (Get("v", initializer="array", partitioner="fixed"),),
        steer=predicates.partitioned_constant,
    ),
    Listed(
        "M9",
        "whether a variable is there is looked at before the shape that a new one would be cut by",
        (Open("a", (Get("v", partitioner="fixed"),), reuse=True),),
        steer=predicates.partitioned_without_a_shape,
    ),
    Listed(
        "B12",
        "name and collections are checked before a creator is called",
        (Create("record", (Get("v w", "[1]"),)),),
        steer=predicates.fault_before_a_creator,
    ),
    Listed(
        "T1",
        "every call of a template is checked as the first one was, where TF1 lets the later ones share what they find",
        (Template("t", (_V, _V)), Call(), Call()),
        steer=predicates.template_that_raised,
    ),
    Listed(
        "S6",
        "default names are numbered from anew in each call of a template, also where its scope is open around the call",
        (Template("t", (Open(Default()),), unique="a"), Call(), Open("a", (Open("d", (Call(),)),))),
        steer=predicates.template_inside_its_own_scope,
    ),
    Listed(
        "C13",
        "a template numbers default names by itself: that it is left does not make those below its scope free again",
        (Open(Default("a/b")), Template("a", (_V,)), Call(), Open(Default("a/b"))),
        steer=predicates.default_name_below_a_template,
    ),
    Listed(
        "T2",
        "a template whose scope is chosen when it is made has the dtype of the scope around it, in TF1 float32",
        (Open("a", (Template("t", (_V,), now=True), Call()), options=Options(dtype="float16")),),
        steer=predicates.template_of_another_dtype,
    ),
    # What is taken out of both runs' observations.
    Listed(
        "T1 (mode)",
        "in a later call of a template the scopes and getters are told the mode of the first call",
        (Template("t", (Open("a", (_V,)),)), Call(), Call()),
        level=predicates.mode_of_a_later_call,
    ),
    Listed(
        "E3",
        "there is no graph that would number the name scopes",
        (Open("a"), Open("a")),
        level=predicates.numbered_name_scope,
    ),
    Listed(
        "B10",
        "the name is the key, where a graph's other operations may take the name of a TF1 variable",
        (Open("b"), Get("b", "[1]")),
        level=predicates.graph_name,
    ),
    Listed(
        "A10 (root)",
        "a name stands at the root if it does so in the variable's name, not in those of operations",
        (Open("a", (Open(ROOT, (Open("a b"),)),)),),
        level=predicates.rootless,
    ),
    Listed(
        "G6",
        "an unknown size is '?', as in TF1; TensorFlow writes None where its V2 shapes are on, and Keras needs those",
        (Open("a", (Get("v", "[1]"), Get("v", "[None, 3]")), reuse=AUTO),),
        level=predicates.unknown_size,
    ),
    Listed(
        "G7",
        "dtypes have no `_ref`",
        (Open("a", (Get("v", "[1]", use_resource=False), Get("v", "[1]", "int32")), reuse=AUTO),),
        level=predicates.reference_dtype,
    ),
    Listed(
        "H13 (wording)",
        "dtypes are written as their names",
        (Get("v", None, "int32", "array"),),
        level=predicates.spelled_dtype,
    ),
    Listed(
        "I3 (default)",
        "integers and strings are not trainable unless asked",
        (Get("v", "[1]", "int32"), Look(ROOT)),
        level=predicates.discrete_trains,
    ),
    Listed(
        "K11",
        "a getter that cannot be called is a ValueError in a chain, too",
        (Open("a", _CHAIN, options=Options(getter="not callable")),),
        level=predicates.raw_call,
    ),
    # What no random program does.
    Listed("A10 (slash)", "a leading slash starts at the root of the store", (Open("a", (Open("/b"),)),)),
    Listed("B7", "trailing slashes are refused", (Open("a/"),)),
    Listed("B13", "an empty variable name is refused", (Get("", "[1]"),)),
    Listed("C17", "an empty `default_name` is refused", (Open(Default("")),)),
    Listed(
        "G14",
        "a regularizer is not called when its variable is made",
        (Get("v", "[1]", regularizer="raises"),),
    ),
    Listed(
        "G15",
        "`None` is `False` in a scope built by hand",
        (Build("a", None), Open(Captured(), _TWICE)),
    ),
    Listed("H15", "a str names an initializer of Keras", (Get("v", "[1]", initializer="name"),)),
    Listed(
        "J1",
        "a dtype that was cleared is Keras' floatx",
        (Open("a", (Change(CURRENT, "dtype", None), Get("v", "[1]"))),),
    ),
    Listed("L4", "a creator cannot rename", (Create("rename", (_V,)),)),
    Listed("K3", "the first parameter of a getter may have any name", (Get("v", "[1]", getter="other parameter"),)),
    Listed(
        "K9",
        "a getter that drops `reuse` gets the scope's",
        (Open("a", _TWICE, options=Options(getter="drop reuse")),),
    ),
    Listed("N4", "a scope is the start of names, and no regular expression", (_V, List("global_variables", "u|v"))),
    Listed(
        "Q3",
        "what the first call of a template made is taken back if it raises",
        (Template("t", (_V, Fail())), Call(), Look(ROOT)),
    ),
    Listed(
        "N8",
        "a dot in a scope's name is a dot",
        (Open("a.b", (Get("v", "[1]"),)), Open("a_b", (Get("v", "[1]"),)), Look(Captured(1))),
    ),
)


_STEERED = tuple(one for one in LISTED if one.steer is not None)
_LEVELLED = tuple(one for one in LISTED if one.level is not None)


def steer(statement: Statement, machine: Machine, without: AbstractSet[str] = frozenset()) -> str | None:
    """The row because of which a step is left out."""
    for one in _STEERED:
        if one.row not in without and one.steer(statement, machine):
            return one.row
    return None


def level(step: Step, without: AbstractSet[str] = frozenset()) -> Step:
    """A step without the differences that are meant."""
    for one in _LEVELLED:
        if one.row not in without:
            step = one.level(replace(step, seen=rebuilt(one.level, step.seen), log=rebuilt(one.level, step.log)))
    return step
