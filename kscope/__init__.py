"""Named, scoped, safely shared variables for Keras 3, on TensorFlow, JAX and PyTorch.

Importing this imports nothing else: each name is loaded when it is first used, Keras and its backend with it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kscope import compat, errors, getters, initializers, partitioners, regularizers, typing
    from kscope._arg_scope import (
        add_arg_scope,
        arg_scope,
        arg_scoped_arguments,
        current_arg_scope,
        has_arg_scope,
    )
    from kscope._creators import variable_creator_scope
    from kscope._get import get_local_variable, get_variable
    from kscope._layer import ScopedLayer, ScopedModel
    from kscope._options import no_regularizer
    from kscope._partition import PartitionedVariable
    from kscope._reuse import AUTO_REUSE
    from kscope._scope import VariableScope, get_variable_scope
    from kscope._slices import PartitionInfo
    from kscope._store import EagerVariableStore, VariableStore, default_store, reset_default_store
    from kscope._template import make_template, scoped
    from kscope._transform import Transformed, transform
    from kscope._variable import ScopedVariable
    from kscope._variable_scope import variable_scope

__version__ = "0.1.0"

_HOMES = {
    "AUTO_REUSE": "_reuse",
    "EagerVariableStore": "_store",
    "PartitionInfo": "_slices",
    "PartitionedVariable": "_partition",
    "ScopedLayer": "_layer",
    "ScopedModel": "_layer",
    "ScopedVariable": "_variable",
    "Transformed": "_transform",
    "VariableScope": "_scope",
    "VariableStore": "_store",
    "add_arg_scope": "_arg_scope",
    "arg_scope": "_arg_scope",
    "arg_scoped_arguments": "_arg_scope",
    "compat": "",
    "current_arg_scope": "_arg_scope",
    "default_store": "_store",
    "errors": "",
    "get_local_variable": "_get",
    "get_variable": "_get",
    "get_variable_scope": "_scope",
    "getters": "",
    "has_arg_scope": "_arg_scope",
    "initializers": "",
    "make_template": "_template",
    "no_regularizer": "_options",
    "partitioners": "",
    "regularizers": "",
    "reset_default_store": "_store",
    "scoped": "_template",
    "transform": "_transform",
    "typing": "",
    "variable_creator_scope": "_creators",
    "variable_scope": "_variable_scope",
}

__all__ = [
    "AUTO_REUSE",
    "EagerVariableStore",
    "PartitionInfo",
    "PartitionedVariable",
    "ScopedLayer",
    "ScopedModel",
    "ScopedVariable",
    "Transformed",
    "VariableScope",
    "VariableStore",
    "__version__",
    "add_arg_scope",
    "arg_scope",
    "arg_scoped_arguments",
    "compat",
    "current_arg_scope",
    "default_store",
    "errors",
    "get_local_variable",
    "get_variable",
    "get_variable_scope",
    "getters",
    "has_arg_scope",
    "initializers",
    "make_template",
    "no_regularizer",
    "partitioners",
    "regularizers",
    "reset_default_store",
    "scoped",
    "transform",
    "typing",
    "variable_creator_scope",
    "variable_scope",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'kscope' has no attribute {name!r}")
    value = import_module(f"kscope.{home or name}")
    if home:
        value = getattr(value, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
