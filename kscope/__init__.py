"""Named, scoped, safely shared variables for Keras 3, on TensorFlow, JAX and PyTorch.

Importing this imports nothing else: each name is loaded when it is first used, Keras and its backend with it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kscope import compat, errors, getters, initializers, partitioners, regularizers, testing, typing
    from kscope._layers.kept.get_layer import get_or_create_layer, layer
    from kscope._layers.layer import ScopedLayer, ScopedModel
    from kscope._layers.template import make_template, scoped
    from kscope._layers.transform import Transformed, transform
    from kscope._records.keys import GraphKeys
    from kscope._scopes.arg_scope import (
        add_arg_scope,
        arg_scope,
        arg_scoped_arguments,
        current_arg_scope,
        has_arg_scope,
    )
    from kscope._scopes.frame import get_variable_scope
    from kscope._scopes.reuse import AUTO_REUSE
    from kscope._scopes.scope import VariableScope
    from kscope._scopes.variable_scope import variable_op_scope, variable_scope
    from kscope._stores.get import get_local_variable, get_variable
    from kscope._stores.listings import (
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
    from kscope._stores.lookup.creators import variable_creator_scope
    from kscope._stores.store import EagerVariableStore, VariableStore, default_store, reset_default_store
    from kscope._variables.options import no_regularizer
    from kscope._variables.partitioned import PartitionedVariable
    from kscope._variables.slices import PartitionInfo
    from kscope._variables.variable import ScopedVariable
    from kscope.initializers._draws.seeds import set_seed

__version__ = "0.1.0"

_HOMES = {
    "AUTO_REUSE": "_scopes.reuse",
    "EagerVariableStore": "_stores.store",
    "GraphKeys": "_records.keys",
    "PartitionInfo": "_variables.slices",
    "PartitionedVariable": "_variables.partitioned",
    "ScopedLayer": "_layers.layer",
    "ScopedModel": "_layers.layer",
    "ScopedVariable": "_variables.variable",
    "Transformed": "_layers.transform",
    "VariableScope": "_scopes.scope",
    "VariableStore": "_stores.store",
    "add_arg_scope": "_scopes.arg_scope",
    "add_to_collection": "_stores.listings",
    "add_to_collections": "_stores.listings",
    "arg_scope": "_scopes.arg_scope",
    "arg_scoped_arguments": "_scopes.arg_scope",
    "compat": "",
    "current_arg_scope": "_scopes.arg_scope",
    "default_store": "_stores.store",
    "errors": "",
    "get_collection": "_stores.listings",
    "get_collection_ref": "_stores.listings",
    "get_local_variable": "_stores.get",
    "get_variable": "_stores.get",
    "get_variable_scope": "_scopes.frame",
    "getters": "",
    "global_variables": "_stores.listings",
    "get_or_create_layer": "_layers.kept.get_layer",
    "has_arg_scope": "_scopes.arg_scope",
    "initializers": "",
    "layer": "_layers.kept.get_layer",
    "local_variables": "_stores.listings",
    "make_template": "_layers.template",
    "model_variables": "_stores.listings",
    "moving_average_variables": "_stores.listings",
    "no_regularizer": "_variables.options",
    "partitioners": "",
    "regularizers": "",
    "reset_default_store": "_stores.store",
    "scoped": "_layers.template",
    "set_seed": "initializers._draws.seeds",
    "testing": "",
    "trainable_variables": "_stores.listings",
    "transform": "_layers.transform",
    "typing": "",
    "variable_creator_scope": "_stores.lookup.creators",
    "variable_op_scope": "_scopes.variable_scope",
    "variable_scope": "_scopes.variable_scope",
}

# What asks for the default store, and cannot import the file that makes it: it stands above.
_NEED_THE_DEFAULT_STORE = ("_scopes.frame", "_scopes.scope", "_scopes.variable_scope", "_stores.lookup.creators")

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
    if home in _NEED_THE_DEFAULT_STORE:
        import_module("kscope._stores.store")
    value = import_module(f"kscope.{home or name}")
    if home:
        value = getattr(value, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
