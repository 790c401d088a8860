"""The syntax of scope and variable names (rows A10, B1-B13): TF1's, so that checkpoints stay portable."""

from __future__ import annotations

import re

from kscope import errors

__all__ = ["check_default_name", "check_scope", "check_variable", "snake_case"]

_CHARACTERS = r"[A-Za-z0-9_.\\/>-]*"
_ROOT = re.compile(rf"^[A-Za-z0-9.]{_CHARACTERS}$")
_NESTED = re.compile(rf"^{_CHARACTERS}$")
_REMEMBERED = 10_000

# Names that were found valid, below the root and at it: matching takes longer than the rest of entering a scope.
_passed: tuple[set[str], set[str]] = (set(), set())


def check_scope(name: str, at_root: bool) -> None:
    """Refuse a scope name that TF1 refuses, and names with empty parts, which TF1 accepts (rows B6, B7)."""
    passed = _passed[at_root]
    if name in passed:
        return
    _check(name, at_root, "scope", errors.ScopeNameError)
    if len(passed) >= _REMEMBERED:
        passed.clear()
    passed.add(name)


def check_variable(name: object, at_root: bool) -> None:
    """Refuse a variable name that is not a str, that is empty, or that TF1 refuses (rows B12, B13)."""
    if not isinstance(name, str):
        raise errors.NameTypeError(
            f"The name of a variable must be a str. Received: name={name!r} (of type {type(name).__name__})"
        )
    if not name:
        raise errors.VariableNameError("The name of a variable must not be empty. Received: name=''")
    _check(name, at_root, "variable", errors.VariableNameError)


def check_default_name(name: object) -> str:
    """Return a `default_name`; refuse one that is not a str, or is empty (rows A7, C17)."""
    if not isinstance(name, str):
        raise errors.NameTypeError(
            errors.compose(
                "VariableScope: default_name must be a string.",
                [("got", f"{name!r} (of type {type(name).__name__})")],
                "the second positional argument is `default_name`; write `reuse=...` to set the reuse mode.",
            )
        )
    if not name:
        raise errors.ScopeNameError("VariableScope: default_name must not be empty.")
    return name


def snake_case(name: str) -> str:
    """Convert `MultiHeadTower` to `multi_head_tower`, as Keras spells layer names."""
    spaced = re.sub(r"\W+", "", name)
    spaced = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", spaced)
    return re.sub("([a-z])([A-Z])", r"\1_\2", spaced).lower().lstrip("_") or "scope"


def _check(name: str, at_root: bool, kind: str, error: type[ValueError]) -> None:
    if name.startswith("/") or name.endswith("/") or "//" in name:
        raise error(
            errors.compose(
                f"'{name}' is not a valid {kind} name.",
                fix="leave out the leading, trailing and doubled slashes: a path has one '/' between two parts.",
            )
        )
    pattern = _ROOT if at_root else _NESTED
    if not pattern.fullmatch(name):
        root = "root " if at_root else ""
        hint = "leave out the ':0', it belongs to `Variable.name`." if ":" in name else None
        raise error(
            errors.compose(
                f"'{name}' is not a valid {root}scope name. A {root}scope name has to match the following pattern: "
                f"{pattern.pattern}",
                [("kind", f"{kind} name")],
                hint,
            )
        )
