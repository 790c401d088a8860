"""Functions by name: `target_of` names a function in one process, and `Target.load` finds it in another.

A target has the file of the module, too: scripts and the test modules of pytest cannot always be imported by name.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from kscope.testing._errors import TargetError

__all__ = ["Target", "target_of"]

_SENT = "The layer is made in other processes, one for each backend, which find the function by its name."


@dataclass(frozen=True)
class Target:
    """The name of a function, by which another process can find it.

    Attributes:
        module: the name of its module.
        file: the file of the module, if it has one.
        qualname: the name of the function in its module, such as `"Class.method"`.
    """

    module: str
    file: str | None
    qualname: str

    def __str__(self) -> str:
        return f"{self.module}:{self.qualname}"

    def load(self) -> Any:
        """Import the module, and return the function.

        Raises:
            TargetError: if the module has no such name.
        """
        module = _module(self.module, self.file)
        try:
            return _attribute(module, self.qualname)
        except AttributeError as error:
            raise TargetError(f"Module {self.module!r} has no {self.qualname!r}: {error}.") from None


def target_of(make_layer: Callable[[], Any] | str) -> Target:
    """Return the target of a function.

    Args:
        make_layer: a function or class at the top level of a module, or its name as `"package.module:make_layer"`.

    Raises:
        TargetError: if the function has no name by which another process could find it.

    Example:
    >>> print(target_of("package.module:make_layer"))
    package.module:make_layer
    """
    if isinstance(make_layer, str):
        module, colon, qualname = make_layer.partition(":")
        if not (module and colon and qualname):
            raise TargetError(f"A function is named as 'package.module:make_layer'. Received: {make_layer!r}")
        return Target(module, None, qualname)
    return _described(make_layer)


def _described(make_layer: Callable[[], Any]) -> Target:
    name = getattr(make_layer, "__module__", None)
    qualname = getattr(make_layer, "__qualname__", None)
    if name is None or qualname is None or name not in sys.modules:
        raise TargetError(f"{make_layer!r} has no name. {_SENT} Use a function at the top level of a module.")
    if "<" in qualname:
        kind = "a lambda" if qualname.endswith("<lambda>") else "a local function"
        raise TargetError(f"{qualname} is {kind}. {_SENT} Define it with `def` at the top level of a module.")
    module = sys.modules[name]
    target = Target(*_found_again(module), qualname)
    found: object
    try:
        found = _attribute(module, qualname)
    except AttributeError:
        found = None
    # Not `is`: each look-up of a class method makes a new, equal object.
    if found != make_layer:
        raise TargetError(f"{target} is {found!r}, and not {make_layer!r}. {_SENT} Give it a name of its own.")
    return target


def _found_again(module: ModuleType) -> tuple[str, str | None]:
    """Return the name and the file by which another process finds a module."""
    file = getattr(module, "__file__", None)
    spec = getattr(module, "__spec__", None)
    if module.__name__ != "__main__":
        return module.__name__, _absolute(file)
    if spec is not None:
        # The program was started with `python -m package.module`: its spec has the name of the module.
        return spec.name, _absolute(file)
    if file is None:
        raise TargetError(f"The program that runs is in no file. {_SENT} Put the function into a module.")
    return "__main__", _absolute(file)


def _attribute(module: ModuleType, qualname: str) -> Any:
    found: Any = module
    for name in qualname.split("."):
        found = getattr(found, name)
    return found


def _absolute(file: str | None) -> str | None:
    return str(Path(file).resolve()) if file and Path(file).exists() else None


def _module(name: str, file: str | None) -> ModuleType:
    """Return the module: imported by its name if that leads to its file, else loaded from the file."""
    if file is None or _origin(name) == file:
        return import_module(name)
    # Under another name than __main__, so that a script does not run its block `if __name__ == "__main__"`.
    name = name if name != "__main__" else "__kscope_main__"
    spec = spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise TargetError(f"Module {name!r} cannot be loaded: {file} is no Python file.")
    module = sys.modules[name] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _origin(name: str) -> str | None:
    """Return the file that an import of the name would load."""
    try:
        spec = find_spec(name)
    except (ImportError, ValueError):
        return None
    return _absolute(spec.origin) if spec is not None else None
