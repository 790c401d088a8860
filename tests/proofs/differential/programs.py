"""Programs as data: what a statement is. Knows of no library.

Values that a library has its own objects for (initializers, dtypes, getters, ...) are words here, which `libraries`
turns into objects.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, TypeAlias

AUTO = "AUTO_REUSE"
FAULTY_PARTITIONERS = ("no list", "two axes", "too short", "nothing")


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
    partitioner: str | None = None


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
    partitioner: str | None = None


@dataclass(frozen=True, repr=False)
class Open(Shown):
    """`with variable_scope(...) as scope:`, or with `op` `variable_op_scope`, and `scope` is captured."""

    target: Target
    body: tuple[Statement, ...] = ()
    reuse: Any = None
    options: Options = PLAIN
    op: bool = False


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
class Add(Shown):
    """`add_to_collection(collection, ...)`: the variable that was seen last, or with `text` that."""

    collection: str
    text: str | None = None


@dataclass(frozen=True, repr=False)
class List(Shown):
    """`get_collection(collection, scope)`; or the function for it, such as `global_variables(scope)`."""

    collection: str
    scope: str | None = None


@dataclass(frozen=True, repr=False)
class Create(Shown):
    """`with variable_creator_scope(creator):`."""

    creator: str
    body: tuple[Statement, ...] = ()


@dataclass(frozen=True, repr=False)
class Template(Shown):
    """`template = make_template(name, ...)`, to be called; the body is that of its function."""

    name: str
    body: tuple[Statement, ...] = ()
    now: bool = False
    unique: str | None = None
    getter: str | None = None


@dataclass(frozen=True, repr=False)
class Call(Shown):
    """`template(...)`, the `back`th last that was made."""

    back: int = 0


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


Block: TypeAlias = Open | Enter | Create | InThread | Elsewhere
Statement: TypeAlias = Get | Block | Keep | Build | Share | Change | Look | Add | List | Template | Call | Fail
Program: TypeAlias = tuple[Statement, ...]


def walk(program: Program) -> Iterator[Statement]:
    """Every statement of a program, at any depth."""
    for statement in program:
        yield statement
        yield from walk(getattr(statement, "body", ()))
