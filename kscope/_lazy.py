"""Names that are loaded when they are first used: a module finds them by a table."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

__all__ = ["found", "lazily"]


def found(module: str, name: str, homes: Mapping[str, str], instead: Mapping[str, str] | None = None) -> Any:
    """What a module has under a name.

    Args:
        module: the name of the module that is asked.
        name: what it is asked for.
        homes: where each name is at home: a module, or a module and the name there, as in `"kscope:get_variable"`.
        instead: a sentence for each name that the other library has and kscope does not.

    Raises:
        AttributeError: if it has no such name; the sentence says what to use instead.
    """
    home = homes.get(name)
    if home is None:
        reason = (instead or {}).get(name)
        raise AttributeError(f"module {module!r} has no attribute {name!r}" + (f": {reason}" if reason else ""))
    place, _, attribute = home.partition(":")
    value: Any = import_module(place)
    if attribute:
        value = getattr(value, attribute)
    setattr(sys.modules[module], name, value)
    return value


def lazily(
    module: str, homes: Mapping[str, str], instead: Mapping[str, str] | None = None
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The `__getattr__` and the `__dir__` of a module whose names are found by a table, as `found` finds them."""

    def getattr_(name: str) -> Any:
        return found(module, name, homes, instead)

    def dir_() -> list[str]:
        return sorted({*vars(sys.modules[module]), *homes})

    return getattr_, dir_
