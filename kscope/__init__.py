"""Named, scoped, safely shared variables for Keras 3, on TensorFlow, JAX and PyTorch.

Importing this imports nothing else: each name is loaded when it is first used, Keras and its backend with it.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kscope import compat, errors, getters, initializers, partitioners, regularizers, testing, typing
    from kscope._arg_scope import (
        add_arg_scope,
        arg_scope,
        arg_scoped_arguments,
        current_arg_scope,
        has_arg_scope,
    )
    from kscope._creators import variable_creator_scope
    from kscope._get import get_local_variable, get_variable
    from kscope._inline import get_or_create_layer, layer
    from kscope._keys import GraphKeys
    from kscope._layer import ScopedLayer, ScopedModel
    from kscope._listings import (
        add_to_collection,
        add_to_collections,
        get_collection,
        get_collection_ref,
        global_variables,
        local_variables,
        model_variables,
        moving_average_variables,
        trainable_variables,
    )
    from kscope._op_scope import variable_op_scope
    from kscope._options import no_regularizer
    from kscope._partition import PartitionedVariable
    from kscope._reuse import AUTO_REUSE
    from kscope._scope import VariableScope, get_variable_scope
    from kscope._seeds import set_seed
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
    "GraphKeys": "_keys",
    "PartitionInfo": "_slices",
    "PartitionedVariable": "_partition",
    "ScopedLayer": "_layer",
    "ScopedModel": "_layer",
    "ScopedVariable": "_variable",
    "Transformed": "_transform",
    "VariableScope": "_scope",
    "VariableStore": "_store",
    "add_arg_scope": "_arg_scope",
    "add_to_collection": "_listings",
    "add_to_collections": "_listings",
    "arg_scope": "_arg_scope",
    "arg_scoped_arguments": "_arg_scope",
    "compat": "",
    "current_arg_scope": "_arg_scope",
    "default_store": "_store",
    "errors": "",
    "get_collection": "_listings",
    "get_collection_ref": "_listings",
    "get_local_variable": "_get",
    "get_variable": "_get",
    "get_variable_scope": "_scope",
    "getters": "",
    "global_variables": "_listings",
    "get_or_create_layer": "_inline",
    "has_arg_scope": "_arg_scope",
    "initializers": "",
    "layer": "_inline",
    "local_variables": "_listings",
    "make_template": "_template",
    "model_variables": "_listings",
    "moving_average_variables": "_listings",
    "no_regularizer": "_options",
    "partitioners": "",
    "regularizers": "",
    "reset_default_store": "_store",
    "scoped": "_template",
    "set_seed": "_seeds",
    "testing": "",
    "trainable_variables": "_listings",
    "transform": "_transform",
    "typing": "",
    "variable_creator_scope": "_creators",
    "variable_op_scope": "_op_scope",
    "variable_scope": "_variable_scope",
}

__all__ = [
    "AUTO_REUSE",
    "EagerVariableStore",
    "GraphKeys",
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
    "add_to_collection",
    "add_to_collections",
    "arg_scope",
    "arg_scoped_arguments",
    "compat",
    "current_arg_scope",
    "default_store",
    "errors",
    "get_collection",
    "get_collection_ref",
    "get_local_variable",
    "get_or_create_layer",
    "get_variable",
    "get_variable_scope",
    "getters",
    "global_variables",
    "has_arg_scope",
    "initializers",
    "layer",
    "local_variables",
    "make_template",
    "model_variables",
    "moving_average_variables",
    "no_regularizer",
    "partitioners",
    "regularizers",
    "reset_default_store",
    "scoped",
    "set_seed",
    "testing",
    "trainable_variables",
    "transform",
    "typing",
    "variable_creator_scope",
    "variable_op_scope",
    "variable_scope",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'kscope' has no attribute {name!r}")
    value = import_module(f"kscope.{home or name}")
    if home:
        value = getattr(value, name)
    if "kscope._keras" in sys.modules:
        # With the first name that needs Keras come the changes to it.
        from kscope._hooks import install

        install()
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
