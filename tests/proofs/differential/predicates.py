"""When a listed exception applies to a step, and how its difference is taken out of what was seen."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from differential.libraries import CONSTANTS, DTYPE_NAMES, TAKING_NOTHING
from differential.machine import Machine
from differential.observed import SeenCreator, SeenError, SeenGetter, SeenList, SeenScope, SeenVariable, Step, rebuilt
from differential.programs import (
    FAULTY_PARTITIONERS,
    PLAIN,
    Call,
    Captured,
    Change,
    Default,
    Enter,
    Get,
    Keep,
    Open,
    Program,
    Share,
    Statement,
    Template,
    walk,
)

PARTIAL = ("[None]", "[None, 3]", "unknown rank")
DISCRETE = ("int32", "string")

# Steering.


def empty_name_in_a_scope(statement: Statement, machine: Machine) -> bool:
    return isinstance(statement, Open | Enter) and _target(statement, machine) == "" and machine.current().name != ""


def _target(statement: Statement, machine: Machine) -> Any:
    if isinstance(statement, Enter):
        kept = machine.manager(statement.back)
        return kept and kept.statement.target
    return getattr(statement, "target", None)


def changed_jump_entered_again(statement: Statement, machine: Machine) -> bool:
    kept = machine.manager(statement.back) if isinstance(statement, Enter) else None
    if kept is None or not kept.reuses or not isinstance(kept.statement.target, Captured):
        return False
    return any(isinstance(other, Share | Change) for other in walk(machine.program))


def inherited_reuse_sticks(statement: Statement, machine: Machine) -> bool:
    kept = machine.manager(statement.back) if isinstance(statement, Enter) else None
    if kept is None or kept.statement.reuse or isinstance(kept.statement.target, Captured):
        return False
    stuck = next((reuse for reuse in kept.reuses if reuse), False)
    return bool(stuck) and stuck is not machine.current().reuse


def entered_inside_itself(statement: Statement, machine: Machine) -> bool:
    kept = machine.manager(statement.back) if isinstance(statement, Enter) else None
    return kept is not None and kept.is_open


def looked_up_without_its_dtype(statement: Statement, machine: Machine) -> bool:
    if not isinstance(statement, Get) or not (machine.current().reuse or machine.again):
        return False
    scope = machine.library.scope_dtype(machine.current())
    name = _full_name(statement, machine)
    found = machine.variable_dtypes()
    if not _has_getter(statement, machine):
        return statement.dtype is None and not {found.get(name, scope), found.get(f"{name}/part_0", scope)} <= {scope}
    # A getter may ask for more names, and without a dtype, which TF1 takes for float32.
    held = [dtype for key, dtype in found.items() if key.startswith(name)]
    # Two getters may ask for one name twice in one call, so that what the first one made counts as well.
    made = {**CONSTANTS, **TAKING_NOTHING}.get(_initializer(statement, machine) or "")
    held += [] if made is None else [made]
    return any({dtype, scope, "float32"} != {dtype} for dtype in held)


def _full_name(statement: Get, machine: Machine) -> str:
    prefix = machine.current().name
    return f"{prefix}/{statement.name}" if prefix else str(statement.name)


def _has_getter(statement: Get, machine: Machine) -> bool:
    return statement.getter is not None or machine.current().custom_getter is not None


def _initializer(statement: Get, machine: Machine) -> str | None:
    return statement.initializer or machine.scope_initializer()


def dtype_for_a_callable_of_nothing(statement: Statement, machine: Machine) -> bool:
    return (
        isinstance(statement, Get)
        and statement.dtype is not None
        and _initializer(statement, machine) in TAKING_NOTHING
    )


def dtype_for_a_python_number(statement: Statement, machine: Machine) -> bool:
    return (
        isinstance(statement, Get)
        and statement.dtype is not None
        and statement.initializer in ("one", "list", "integer")
        and CONSTANTS[statement.initializer] != DTYPE_NAMES[statement.dtype]
    )


def dtype_for_a_constant_of_the_scope(statement: Statement, machine: Machine) -> bool:
    return (
        isinstance(statement, Get)
        and statement.dtype is not None
        and statement.initializer is None
        and _initializer(statement, machine) in CONSTANTS
    )


def discrete_and_trainable(statement: Statement, machine: Machine) -> bool:
    if not isinstance(statement, Get) or statement.trainable is not True or statement.local:
        return False
    initializer = _initializer(statement, machine)
    dtypes = {**CONSTANTS, **TAKING_NOTHING}
    written = None if statement.dtype is None else DTYPE_NAMES[statement.dtype]
    scope = machine.library.scope_dtype(machine.current())
    return dtypes.get(initializer or "", written or scope) in DISCRETE or (written or scope) in DISCRETE


def fault_before_a_getter(statement: Statement, machine: Machine) -> bool:
    return isinstance(statement, Get) and _impossible(statement) > 0 and _has_getter(statement, machine)


def _impossible(get: Get) -> int:
    return (get.shape in ("[-1]", "[1.5]")) + (get.dtype == "unknown")


def impossible_among_faults(statement: Statement, machine: Machine) -> bool:
    if not isinstance(statement, Get):
        return False
    others = [
        _initializer(statement, machine) in CONSTANTS,
        _has_partitioner(statement, machine),
        _is_in_slices(statement, machine),
    ]
    return _impossible(statement) > 1 or (_impossible(statement) == 1 and any(others))


def bad_collections_and_no_full_shape(statement: Statement, machine: Machine) -> bool:
    if not isinstance(statement, Get) or statement.collections != "'mine'":
        return False
    return statement.shape in (None, *PARTIAL)


def name_that_nothing_checks(statement: Statement, machine: Machine) -> bool:
    kept = machine.manager(statement.back) if isinstance(statement, Enter) else None
    opened = kept.statement if kept else statement
    return isinstance(opened, Open | Keep) and opened.target == "a b" and not opened.options.auxiliary_name_scope


def uncallable_behind_one_that_calls_nothing(statement: Statement, machine: Machine) -> bool:
    if not isinstance(statement, Get) or statement.getter is not None or machine.current().custom_getter is None:
        return False
    return _mentions(machine.program, "absorb") and _mentions(machine.program, "not callable")


def _mentions(program: Program, getter: str) -> bool:
    return f"'{getter}'" in repr(program)


def partial_shape_for_a_callable_of_nothing(statement: Statement, machine: Machine) -> bool:
    return (
        isinstance(statement, Get) and statement.shape in PARTIAL and _initializer(statement, machine) in TAKING_NOTHING
    )


def local_collections_in_no_list(statement: Statement, machine: Machine) -> bool:
    return isinstance(statement, Get) and statement.local and (statement.collections or "[]")[0] != "["


def partitioned_dtype_of_another_kind(statement: Statement, machine: Machine) -> bool:
    if not isinstance(statement, Get) or not _has_partitioner(statement, machine):
        return False
    if statement.dtype is not None:
        return not statement.dtype.startswith("tf.")
    changes = [other for other in walk(machine.program) if isinstance(other, Change)]
    dtypes = {other.value for other in changes if other.default == "dtype"}
    dtypes |= {getattr(other, "options", PLAIN).dtype for other in walk(machine.program)}
    scope = machine.library.scope_dtype(machine.current())
    return any(DTYPE_NAMES.get(dtype) == scope and not dtype.startswith("tf.") for dtype in dtypes)


def _has_partitioner(statement: Get, machine: Machine) -> bool:
    return statement.partitioner is not None or machine.current().partitioner is not None


def partitioned_constant(statement: Statement, machine: Machine) -> bool:
    return (
        isinstance(statement, Get)
        and _has_partitioner(statement, machine)
        and _initializer(statement, machine) in {*CONSTANTS, *TAKING_NOTHING}
        and (statement.initializer, statement.shape) != ("array", "[1]")
    )


def faulty_partitioner_among_faults(statement: Statement, machine: Machine) -> bool:
    if not isinstance(statement, Get) or statement.partitioner not in FAULTY_PARTITIONERS:
        return False
    return _looked_up(statement, machine)


def scalar_of_a_partitioned_name(statement: Statement, machine: Machine) -> bool:
    if not isinstance(statement, Get) or statement.shape != "[]" or not _has_partitioner(statement, machine):
        return False
    return _is_in_slices(statement, machine)


def _is_in_slices(statement: Get, machine: Machine) -> bool:
    name = _full_name(statement, machine)
    return any(key.startswith(name) and "/part_" in key for key in machine.variable_dtypes())


def partitioned_without_a_shape(statement: Statement, machine: Machine) -> bool:
    return (
        isinstance(statement, Get)
        and _has_partitioner(statement, machine)
        and statement.shape in (None, *PARTIAL)
        and _looked_up(statement, machine)
    )


def _looked_up(statement: Get, machine: Machine) -> bool:
    name = _full_name(statement, machine)
    in_store = any(key.startswith(name) for key in machine.variable_dtypes())
    return in_store or machine.again or machine.current().reuse is True


def fault_before_a_creator(statement: Statement, machine: Machine) -> bool:
    if not isinstance(statement, Get) or not machine.creating:
        return False
    bad_name = statement.name in ("v:0", "v w") or (statement.name == "_v" and not machine.current().name)
    return bad_name or statement.collections == "'mine'"


def template_that_raised(statement: Statement, machine: Machine) -> bool:
    kept = machine.template(statement.back) if isinstance(statement, Call) else None
    return kept is not None and kept.raised


def template_inside_its_own_scope(statement: Statement, machine: Machine) -> bool:
    kept = machine.template(statement.back) if isinstance(statement, Call) else None
    if kept is None or not any(isinstance(getattr(other, "target", None), Default) for other in kept.statement.body):
        return False
    current = machine.current().name
    if kept.scope is None:
        return kept.statement.now and current != ""
    return f"{current}/".startswith(f"{kept.scope}/")


def default_name_below_a_template(statement: Statement, machine: Machine) -> bool:
    target = _target(statement, machine)
    if not isinstance(target, Default) or machine.calling:
        return False
    current = machine.current().name
    name = f"{current}/{target.name}" if current else target.name
    return any(name.startswith(f"{scope}/") for scope in machine.template_scopes())


def template_of_another_dtype(statement: Statement, machine: Machine) -> bool:
    return (
        isinstance(statement, Template)
        and statement.now
        and machine.library.scope_dtype(machine.current()) != "float32"
    )


# Levelling.


def mode_of_a_later_call(node: Any) -> Any:
    if isinstance(node, Step) and node.again:
        return replace(node, seen=rebuilt(_modeless, node.seen), log=rebuilt(_modeless, node.log))
    return node


def _modeless(node: Any) -> Any:
    return replace(node, reuse=None) if isinstance(node, SeenScope | SeenGetter) else node


def numbered_name_scope(node: Any) -> Any:
    if isinstance(node, SeenScope) and node.name_scope is not None:
        return replace(node, name_scope=re.sub(r"(_\d+)+(?=/)", "", node.name_scope))
    return node


def graph_name(node: Any) -> Any:
    if isinstance(node, SeenVariable) and re.fullmatch(re.escape(node.key) + r"(_\d+)?:0", node.name):
        return replace(node, name=node.key + ":0")
    return node


def rootless(node: Any) -> Any:
    if isinstance(node, SeenError) and node.sentence.endswith("is not a valid root scope name"):
        return replace(node, sentence=node.sentence.replace("root scope", "scope"))
    return node


def reference_dtype(node: Any) -> Any:
    if isinstance(node, SeenError) and node.sentence.startswith("Trying to share variable"):
        return replace(node, sentence=node.sentence.removesuffix("_ref"))
    return node


def unknown_size(node: Any) -> Any:
    if isinstance(node, SeenError) and "shape" in node.sentence.lower():
        return replace(node, sentence=node.sentence.replace("None", "?"))
    return node


def spelled_dtype(node: Any) -> Any:
    if isinstance(node, SeenError) and node.sentence.startswith("Initializer type"):
        found = re.sub(r"<dtype: '(\w+)'>", r"\1", node.sentence)
        return replace(node, sentence=found.partition(" and explicit dtype")[0])
    return node


def discrete_trains(node: Any) -> Any:
    if isinstance(node, SeenVariable) and node.dtype in DISCRETE:
        return replace(node, trainable=None)
    if isinstance(node, SeenCreator) and node.dtype in DISCRETE:
        return replace(node, trainable=None)
    if isinstance(node, SeenGetter) and (node.dtype in DISCRETE or node.initializer == "integer"):
        return replace(node, trainable=None)
    if isinstance(node, SeenList) and node.collection == "trainable_variables":
        return replace(node, variables=tuple(item for item in node.variables if item[1] not in DISCRETE))
    return node


def raw_call(node: Any) -> Any:
    if not isinstance(node, Step) or not isinstance(node.seen, SeenError):
        return node
    if node.seen.sentence in ("'int' object is not callable", "the first argument must be callable"):
        seen = SeenError("ValueError", "GetterError", "Passed a custom_getter which is not callable: 3")
        return replace(node, seen=seen, log=())
    return node
