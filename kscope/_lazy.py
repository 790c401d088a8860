"""Lazy loading of a module's names: each is imported from its place in a table when it is first used."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

__all__ = ["found", "lazily"]


def found(module: str, name: str, homes: Mapping[str, str], instead: Mapping[str, str] | None = None) -> Any:
    """Import an attribute of a module from its place in a table, and set it on the module.

    Args:
        module: the name of the module.
        name: the name of the attribute.
        homes: the place of each name: a module, or a module and a name in it, as in `"kscope:get_variable"`.
        instead: for each name that TF1 has and kscope does not, a sentence that says what to use instead.

    Raises:
        AttributeError: if there is no such name. Its message ends with the sentence of `instead`.
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
    """Return `__getattr__` and `__dir__` for a module whose names are loaded by `found`."""

    def getattr_(name: str) -> Any:
        return found(module, name, homes, instead)

    def dir_() -> list[str]:
        return sorted({*vars(sys.modules[module]), *homes})

    return getattr_, dir_
