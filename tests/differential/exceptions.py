"""Where kscope is meant to differ from TF1: the rows, why, and how the comparison gets around them.

A row is got around in one of three ways: `steer` leaves the step out of both runs, `level` takes the difference out
of what both runs have seen, and rows that have neither are of things that no random program does. The `witness` is a
program that shows the difference; a test runs each one, so that this list cannot rot.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any

from differential.libraries import CONSTANTS, DTYPE_NAMES, TAKING_NOTHING
from differential.machine import Machine, SeenError, SeenGetter, SeenList, SeenVariable, Step, rebuilt
from differential.programs import (
    AUTO,
    Build,
    Captured,
    Change,
    Default,
    Enter,
    Get,
    Keep,
    Look,
    Open,
    Options,
    Program,
    Share,
    Statement,
    walk,
)

PARTIAL = ("[None]", "[None, 3]", "unknown rank")
DISCRETE = ("int32", "string")
ROOT, CURRENT = Captured(root=True), Captured(current=True)


@dataclass(frozen=True)
class Listed:
    """One row, or one part of it."""

    row: str
    why: str
    witness: Program
    steer: Callable[[Any, Machine], bool] | None = None
    level: Callable[[Any], Any] | None = None


# Steering.


def _empty_name_in_a_scope(statement: Statement, machine: Machine) -> bool:
    return isinstance(statement, Open | Enter) and _target(statement, machine) == "" and machine.current().name != ""


def _target(statement: Statement, machine: Machine) -> Any:
    if isinstance(statement, Enter):
        kept = machine.manager(statement.back)
        return kept and kept.statement.target
    return getattr(statement, "target", None)


def _changed_jump_entered_again(statement: Statement, machine: Machine) -> bool:
    kept = machine.manager(statement.back) if isinstance(statement, Enter) else None
    if kept is None or not kept.reuses or not isinstance(kept.statement.target, Captured):
        return False
    return any(isinstance(other, Share | Change) for other in walk(machine.program))


def _inherited_reuse_sticks(statement: Statement, machine: Machine) -> bool:
    kept = machine.manager(statement.back) if isinstance(statement, Enter) else None
    if kept is None or kept.statement.reuse or isinstance(kept.statement.target, Captured):
        return False
    stuck = next((reuse for reuse in kept.reuses if reuse), False)
    return bool(stuck) and stuck is not machine.current().reuse


def _entered_inside_itself(statement: Statement, machine: Machine) -> bool:
    kept = machine.manager(statement.back) if isinstance(statement, Enter) else None
    return kept is not None and kept.is_open


def _looked_up_without_its_dtype(statement: Statement, machine: Machine) -> bool:
    if not isinstance(statement, Get) or not machine.current().reuse:
        return False
    scope = machine.library.scope_dtype(machine.current())
    name = _full_name(statement, machine)
    found = machine.variable_dtypes()
    if not _has_getter(statement, machine):
        return statement.dtype is None and found.get(name, scope) != scope
    # A getter may ask for more names, and without a dtype, which TF1 takes for float32.
    return any(key.startswith(name) and {dtype, scope, "float32"} != {dtype} for key, dtype in found.items())


def _full_name(statement: Get, machine: Machine) -> str:
    prefix = machine.current().name
    return f"{prefix}/{statement.name}" if prefix else str(statement.name)


def _has_getter(statement: Get, machine: Machine) -> bool:
    return statement.getter is not None or machine.current().custom_getter is not None


def _initializer(statement: Get, machine: Machine) -> str | None:
    return statement.initializer or machine.scope_initializer()


def _dtype_for_a_callable_of_nothing(statement: Statement, machine: Machine) -> bool:
    return (
        isinstance(statement, Get)
        and statement.dtype is not None
        and _initializer(statement, machine) in TAKING_NOTHING
    )


def _dtype_for_a_python_number(statement: Statement, machine: Machine) -> bool:
    return (
        isinstance(statement, Get)
        and statement.dtype is not None
        and statement.initializer in ("one", "list", "integer")
        and CONSTANTS[statement.initializer] != DTYPE_NAMES[statement.dtype]
    )


def _dtype_for_a_constant_of_the_scope(statement: Statement, machine: Machine) -> bool:
    return (
        isinstance(statement, Get)
        and statement.dtype is not None
        and statement.initializer is None
        and _initializer(statement, machine) in CONSTANTS
    )


def _discrete_and_trainable(statement: Statement, machine: Machine) -> bool:
    if not isinstance(statement, Get) or statement.trainable is not True or statement.local:
        return False
    initializer = _initializer(statement, machine)
    dtypes = {**CONSTANTS, **TAKING_NOTHING}
    written = None if statement.dtype is None else DTYPE_NAMES[statement.dtype]
    scope = machine.library.scope_dtype(machine.current())
    return dtypes.get(initializer or "", written or scope) in DISCRETE or (written or scope) in DISCRETE


def _fault_before_a_getter(statement: Statement, machine: Machine) -> bool:
    return isinstance(statement, Get) and _impossible(statement) > 0 and _has_getter(statement, machine)


def _impossible(get: Get) -> int:
    return (get.shape in ("[-1]", "[1.5]")) + (get.dtype == "unknown")


def _impossible_among_faults(statement: Statement, machine: Machine) -> bool:
    if not isinstance(statement, Get):
        return False
    return _impossible(statement) > 1 or (_impossible(statement) == 1 and _initializer(statement, machine) in CONSTANTS)


def _bad_collections_and_no_full_shape(statement: Statement, machine: Machine) -> bool:
    if not isinstance(statement, Get) or statement.collections != "'mine'":
        return False
    return statement.shape in (None, *PARTIAL)


def _name_that_nothing_checks(statement: Statement, machine: Machine) -> bool:
    kept = machine.manager(statement.back) if isinstance(statement, Enter) else None
    opened = kept.statement if kept else statement
    return isinstance(opened, Open | Keep) and opened.target == "a b" and not opened.options.auxiliary_name_scope


def _uncallable_behind_one_that_calls_nothing(statement: Statement, machine: Machine) -> bool:
    if not isinstance(statement, Get) or statement.getter is not None or machine.current().custom_getter is None:
        return False
    return _mentions(machine.program, "absorb") and _mentions(machine.program, "not callable")


def _mentions(program: Program, getter: str) -> bool:
    return f"'{getter}'" in repr(program)


def _partial_shape_for_a_callable_of_nothing(statement: Statement, machine: Machine) -> bool:
    return (
        isinstance(statement, Get) and statement.shape in PARTIAL and _initializer(statement, machine) in TAKING_NOTHING
    )


def _local_collections_in_no_list(statement: Statement, machine: Machine) -> bool:
    return isinstance(statement, Get) and statement.local and (statement.collections or "[]")[0] != "["


# Levelling.


def _graph_name(node: Any) -> Any:
    if isinstance(node, SeenVariable) and re.fullmatch(re.escape(node.key) + r"(_\d+)?:0", node.name):
        return replace(node, name=node.key + ":0")
    return node


def _rootless(node: Any) -> Any:
    if isinstance(node, SeenError) and node.sentence.endswith("is not a valid root scope name"):
        return replace(node, sentence=node.sentence.replace("root scope", "scope"))
    return node


def _reference_dtype(node: Any) -> Any:
    if isinstance(node, SeenError) and node.sentence.startswith("Trying to share variable"):
        return replace(node, sentence=node.sentence.removesuffix("_ref"))
    return node


def _unknown_size(node: Any) -> Any:
    if isinstance(node, SeenError) and "specified shape" in node.sentence:
        return replace(node, sentence=node.sentence.replace("None", "?"))
    return node


def _spelled_dtype(node: Any) -> Any:
    if isinstance(node, SeenError) and node.sentence.startswith("Initializer type"):
        found = re.sub(r"<dtype: '(\w+)'>", r"\1", node.sentence)
        return replace(node, sentence=found.partition(" and explicit dtype")[0])
    return node


def _discrete_trains(node: Any) -> Any:
    if isinstance(node, SeenVariable) and node.dtype in DISCRETE:
        return replace(node, trainable=None)
    if isinstance(node, SeenGetter) and (node.dtype in DISCRETE or node.initializer == "integer"):
        return replace(node, trainable=None)
    if isinstance(node, SeenList) and node.collection == "trainable_variables":
        return replace(node, variables=tuple(item for item in node.variables if item[1] not in DISCRETE))
    return node


def _raw_call(node: Any) -> Any:
    if not isinstance(node, Step) or not isinstance(node.seen, SeenError):
        return node
    if node.seen.sentence in ("'int' object is not callable", "the first argument must be callable"):
        seen = SeenError("ValueError", "GetterError", "Passed a custom_getter which is not callable: 3")
        return replace(node, seen=seen, log=())
    return node


_V = Get("v", "[1]")
_CHAIN = (Open("b", (_V,), options=Options(getter="record")),)
_TWICE = (_V, _V)

LISTED = (
    # What a step is left out for.
    Listed(
        "B6",
        "`''` keeps the scope's name, where TF1 makes 'a/' of it",
        (Open("a", (Open(""),)),),
        steer=_empty_name_in_a_scope,
    ),
    Listed(
        "D12",
        "each entry of a manager made from a scope has a scope of its own",
        (Open("a"), Keep(Captured()), Enter(0, (Share(CURRENT),)), Enter(0)),
        steer=_changed_jump_entered_again,
    ),
    Listed(
        "D13",
        "reuse that was inherited at one entry of a manager has no effect on the next",
        (Keep("a"), Open("b", (Enter(0),), reuse=True), Enter(0)),
        steer=_inherited_reuse_sticks,
    ),
    Listed(
        "D14",
        "a manager may be entered inside itself",
        (Keep("a"), Enter(0, (Enter(0),))),
        steer=_entered_inside_itself,
    ),
    Listed(
        "G8",
        "a dtype that nobody wrote is not checked on look-up",
        (Open("a", (Get("v", "[1]", "int32"), Get("v")), reuse=AUTO),),
        steer=_looked_up_without_its_dtype,
    ),
    Listed(
        "H8",
        "the dtype beside a callable of nothing counts",
        (Get("v", None, "float16", "nothing"),),
        steer=_dtype_for_a_callable_of_nothing,
    ),
    Listed(
        "H13",
        "Python numbers take on the dtype that was written",
        (Get("v", None, "float32", "integer"),),
        steer=_dtype_for_a_python_number,
    ),
    Listed(
        "H14",
        "the dtype beside a constant of the scope counts",
        (Open("a", (Get("v", None, "float16"),), options=Options(initializer="one")),),
        steer=_dtype_for_a_constant_of_the_scope,
    ),
    Listed(
        "I3",
        "integers and strings cannot be trained: asking for it is refused",
        (Get("v", "[1]", "int32", trainable=True),),
        steer=_discrete_and_trainable,
    ),
    Listed(
        "K2",
        "shape and dtype are read before a getter is called",
        (Get("v", "[-1]", getter="absorb"),),
        steer=_fault_before_a_getter,
    ),
    Listed(
        "H1",
        "what is no shape, or no dtype (row H17), is refused before anything else is looked at",
        (Get("v", "[1.5]", initializer="one"),),
        steer=_impossible_among_faults,
    ),
    Listed(
        "N3",
        "collections are checked before it is found that there is no full shape",
        (Get("v", "[None]", collections="'mine'"),),
        steer=_bad_collections_and_no_full_shape,
    ),
    Listed(
        "A10",
        "names are checked, where TF1 leaves that to the name scope, which it may be told not to open",
        (Open("a b", options=Options(auxiliary_name_scope=False)),),
        steer=_name_that_nothing_checks,
    ),
    Listed(
        "K11 (unused)",
        "a getter that cannot be called is an error, even behind one that calls nothing",
        (
            Open("a", options=Options(getter="not callable")),
            Open(Captured(), (Open("b", (_V,), options=Options(getter="absorb")),), options=Options(getter="record")),
        ),
        steer=_uncallable_behind_one_that_calls_nothing,
    ),
    Listed(
        "H19",
        "every Keras variable has a full shape",
        (Get("v", "[None]", initializer="nothing"),),
        steer=_partial_shape_for_a_callable_of_nothing,
    ),
    Listed(
        "N12",
        "the collections of a local variable may be in a tuple",
        (Get("v", "[1]", collections="('mine',)", local=True),),
        steer=_local_collections_in_no_list,
    ),
    # What is taken out of both runs' observations.
    Listed(
        "B10",
        "the name is the key, where a graph's other operations may take the name of a TF1 variable",
        (Open("b"), Get("b", "[1]")),
        level=_graph_name,
    ),
    Listed(
        "A10 (root)",
        "a name stands at the root if it does so in the variable's name, not in those of operations",
        (Open("a", (Open(ROOT, (Open("a b"),)),)),),
        level=_rootless,
    ),
    Listed(
        "G6",
        "an unknown size is '?', as in TF1; TensorFlow writes None where its V2 shapes are on, and Keras needs those",
        (Open("a", (Get("v", "[1]"), Get("v", "[None, 3]")), reuse=AUTO),),
        level=_unknown_size,
    ),
    Listed(
        "G7",
        "dtypes have no `_ref`",
        (Open("a", (Get("v", "[1]", use_resource=False), Get("v", "[1]", "int32")), reuse=AUTO),),
        level=_reference_dtype,
    ),
    Listed(
        "H13 (wording)",
        "dtypes are written as their names",
        (Get("v", None, "int32", "array"),),
        level=_spelled_dtype,
    ),
    Listed(
        "I3 (default)",
        "integers and strings are not trainable unless asked",
        (Get("v", "[1]", "int32"), Look(ROOT)),
        level=_discrete_trains,
    ),
    Listed(
        "K11",
        "a getter that cannot be called is a ValueError in a chain, too",
        (Open("a", _CHAIN, options=Options(getter="not callable")),),
        level=_raw_call,
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
    Listed("K3", "the first parameter of a getter may have any name", (Get("v", "[1]", getter="other parameter"),)),
    Listed(
        "K9",
        "a getter that drops `reuse` gets the scope's",
        (Open("a", _TWICE, options=Options(getter="drop reuse")),),
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
