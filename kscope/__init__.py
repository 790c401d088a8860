"""Named, scoped, safely shared variables for Keras 3, on TensorFlow, JAX and PyTorch.

`import kscope` does not import Keras or a backend: each name is loaded when it is first used.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from kscope._lazy import found

if TYPE_CHECKING:
    from kscope import (
        compat as compat,
        errors as errors,
        getters as getters,
        initializers as initializers,
        partitioners as partitioners,
        regularizers as regularizers,
        testing as testing,
        typing as typing,
    )
    from kscope._layers.kept.get_layer import (
        get_or_create_layer as get_or_create_layer,
        layer as layer,
    )
    from kscope._layers.layer import (
        ScopedLayer as ScopedLayer,
        ScopedModel as ScopedModel,
    )
    from kscope._layers.template import (
        make_template as make_template,
        scoped as scoped,
    )
    from kscope._layers.transform import (
        Transformed as Transformed,
        transform as transform,
    )
    from kscope._records.keys import GraphKeys as GraphKeys
    from kscope._scopes.arg_scope import (
        add_arg_scope as add_arg_scope,
        arg_scope as arg_scope,
        arg_scoped_arguments as arg_scoped_arguments,
        current_arg_scope as current_arg_scope,
        has_arg_scope as has_arg_scope,
    )
    from kscope._scopes.frame import get_variable_scope as get_variable_scope
    from kscope._scopes.reuse import AUTO_REUSE as AUTO_REUSE
    from kscope._scopes.scope import VariableScope as VariableScope
    from kscope._scopes.variable_scope import (
        variable_op_scope as variable_op_scope,
        variable_scope as variable_scope,
    )
    from kscope._stores.get import (
        get_local_variable as get_local_variable,
        get_variable as get_variable,
    )
    from kscope._stores.listings import (
        add_to_collection as add_to_collection,
        add_to_collections as add_to_collections,
        get_collection as get_collection,
        get_collection_ref as get_collection_ref,
        global_variables as global_variables,
        local_variables as local_variables,
        model_variables as model_variables,
        moving_average_variables as moving_average_variables,
        trainable_variables as trainable_variables,
    )
    from kscope._stores.lookup.creators import variable_creator_scope as variable_creator_scope
    from kscope._stores.store import (
        EagerVariableStore as EagerVariableStore,
        VariableStore as VariableStore,
        default_store as default_store,
        reset_default_store as reset_default_store,
    )
    from kscope._variables.options import no_regularizer as no_regularizer
    from kscope._variables.partitioned import PartitionedVariable as PartitionedVariable
    from kscope._variables.slices import PartitionInfo as PartitionInfo
    from kscope._variables.variable import ScopedVariable as ScopedVariable
    from kscope.initializers._draws.seeds import set_seed as set_seed

__version__ = "0.1.0"

# The file from which each public name is loaded when it is first used. The imports above say the same to type checkers;
# a test compares the two.
_MODULES = {
    "_layers.kept.get_layer": ["get_or_create_layer", "layer"],
    "_layers.layer": ["ScopedLayer", "ScopedModel"],
    "_layers.template": ["make_template", "scoped"],
    "_layers.transform": ["Transformed", "transform"],
    "_records.keys": ["GraphKeys"],
    "_scopes.arg_scope": ["add_arg_scope", "arg_scope", "arg_scoped_arguments", "current_arg_scope", "has_arg_scope"],
    "_scopes.frame": ["get_variable_scope"],
    "_scopes.reuse": ["AUTO_REUSE"],
    "_scopes.scope": ["VariableScope"],
    "_scopes.variable_scope": ["variable_op_scope", "variable_scope"],
    "_stores.get": ["get_local_variable", "get_variable"],
    "_stores.listings": [
        "add_to_collection",
        "add_to_collections",
        "get_collection",
        "get_collection_ref",
        "global_variables",
        "local_variables",
        "model_variables",
        "moving_average_variables",
        "trainable_variables",
    ],
    "_stores.lookup.creators": ["variable_creator_scope"],
    "_stores.store": ["EagerVariableStore", "VariableStore", "default_store", "reset_default_store"],
    "_variables.options": ["no_regularizer"],
    "_variables.partitioned": ["PartitionedVariable"],
    "_variables.slices": ["PartitionInfo"],
    "_variables.variable": ["ScopedVariable"],
    "initializers._draws.seeds": ["set_seed"],
}
_PUBLIC_MODULES = ["compat", "errors", "getters", "initializers", "partitioners", "regularizers", "testing", "typing"]

# This name is not public, but saved models and pickles contain it.
_NAMED_BY_FILES = {"ScopedFunction": "kscope._layers.template:ScopedFunction"}

_HOMES = {
    **{name: f"kscope.{module}:{name}" for module, names in _MODULES.items() for name in names},
    **{name: f"kscope.{name}" for name in _PUBLIC_MODULES},
}

# These files use the default store, but are below the file that makes it.
_NEED_THE_DEFAULT_STORE = ("_scopes.frame", "_scopes.scope", "_scopes.variable_scope", "_stores.lookup.creators")

__all__ = sorted(["__version__", *_HOMES])


def __getattr__(name: str) -> Any:
    if any(name in _MODULES[module] for module in _NEED_THE_DEFAULT_STORE):
        import_module("kscope._stores.store")
    value = found(__name__, name, {**_HOMES, **_NAMED_BY_FILES})
    if name not in _PUBLIC_MODULES and "kscope._keras" in sys.modules:
        # The first name that needs Keras installs kscope's changes to Keras. kscope's own files do not come this way:
        # they import the modules.
        from kscope._layers.hooks import install

        install()
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
