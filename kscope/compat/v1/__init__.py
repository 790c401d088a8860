"""The names of TF1: with `import kscope.compat.v1 as tf`, code that makes variables runs with few changes.

Each name is an object of kscope under its name in TF1, and is loaded when it is first used. A name of TF1 that kscope
does not have raises an error that says what to use instead. To add a name, add a line to a table below, or to the
table of `initializers`, `contrib.layers` or `contrib.framework`.

Example:
>>> import kscope.compat.v1 as tf
>>> with tf.variable_scope("fc", reuse=tf.AUTO_REUSE, regularizer=tf.contrib.layers.l2_regularizer(0.5)):
...     v = tf.get_variable("v", [2], tf.float32, initializer=tf.ones_initializer())
>>> v.name, v.regularizer.scale
('fc/v:0', 0.5)
"""

from __future__ import annotations

from kscope._lazy import lazily

_HOMES = {
    "AUTO_REUSE": "kscope:AUTO_REUSE",
    "GraphKeys": "kscope:GraphKeys",
    "VariableScope": "kscope:VariableScope",
    "add_to_collection": "kscope:add_to_collection",
    "add_to_collections": "kscope:add_to_collections",
    "all_variables": "kscope:global_variables",
    "constant_initializer": "kscope.initializers:constant_initializer",
    "contrib": "kscope.compat.v1.contrib",
    "fixed_size_partitioner": "kscope.partitioners:fixed_size_partitioner",
    "get_collection": "kscope:get_collection",
    "get_collection_ref": "kscope:get_collection_ref",
    "get_local_variable": "kscope:get_local_variable",
    "get_variable": "kscope:get_variable",
    "get_variable_scope": "kscope:get_variable_scope",
    "global_variables": "kscope:global_variables",
    "glorot_normal_initializer": "kscope.initializers:glorot_normal_initializer",
    "glorot_uniform_initializer": "kscope.initializers:glorot_uniform_initializer",
    "initializers": "kscope.compat.v1.initializers",
    "local_variables": "kscope:local_variables",
    "losses": "kscope.compat.v1.losses",
    "make_template": "kscope:make_template",
    "min_max_variable_partitioner": "kscope.partitioners:min_max_variable_partitioner",
    "model_variables": "kscope:model_variables",
    "moving_average_variables": "kscope:moving_average_variables",
    "no_regularizer": "kscope:no_regularizer",
    "ones_initializer": "kscope.initializers:ones_initializer",
    "orthogonal_initializer": "kscope.initializers:orthogonal_initializer",
    "random_normal_initializer": "kscope.initializers:random_normal_initializer",
    "random_uniform_initializer": "kscope.initializers:random_uniform_initializer",
    "reset_default_graph": "kscope:reset_default_store",
    "trainable_variables": "kscope:trainable_variables",
    "truncated_normal_initializer": "kscope.initializers:truncated_normal_initializer",
    "uniform_unit_scaling_initializer": "kscope.initializers:uniform_unit_scaling_initializer",
    "variable_axis_size_partitioner": "kscope.partitioners:variable_axis_size_partitioner",
    "variable_creator_scope": "kscope:variable_creator_scope",
    "variable_op_scope": "kscope:variable_op_scope",
    "variable_scope": "kscope:variable_scope",
    "variance_scaling_initializer": "kscope.initializers:variance_scaling_initializer",
    "zeros_initializer": "kscope.initializers:zeros_initializer",
}

# A dtype is its name, a str, which every `dtype` argument of kscope takes.
_DTYPES = (
    "bfloat16",
    "bool",
    "complex128",
    "complex64",
    "float16",
    "float32",
    "float64",
    "half",
    "int16",
    "int32",
    "int64",
    "int8",
    "string",
    "uint16",
    "uint32",
    "uint64",
    "uint8",
)

_NOTHING_TO_DO = "variables are made with their values; leave it out."
_STORE = "kscope has stores instead of graphs; use `with kscope.VariableStore().as_default():`."
_WEIGHTS = "use the save_weights and load_weights of a Keras model, or its save."

_INSTEAD = {
    "Graph": _STORE,
    "Session": "kscope runs eagerly; call the function.",
    "Variable": "use kscope.get_variable, which has a name, or keras.Variable.",
    "VariableAggregation": "pass its name, such as 'mean'.",
    "VariableSynchronization": "pass its name, such as 'on_read'.",
    "assert_variables_initialized": _NOTHING_TO_DO,
    "control_dependencies": "operations run in the order in which they are written; leave it out.",
    "create_partitioned_variables": "use get_variable with a partitioner.",
    "disable_resource_variables": "every Keras variable is a resource; leave it out.",
    "enable_resource_variables": "every Keras variable is a resource; leave it out.",
    "get_default_graph": "use kscope.default_store().",
    "get_default_session": "kscope runs eagerly; there is no session.",
    "global_variables_initializer": _NOTHING_TO_DO,
    "initialize_all_tables": _NOTHING_TO_DO,
    "initialize_all_variables": _NOTHING_TO_DO,
    "initialize_local_variables": _NOTHING_TO_DO,
    "initialize_variables": _NOTHING_TO_DO,
    "is_variable_initialized": _NOTHING_TO_DO,
    "keras": "import keras. For keras.utils.get_or_create_layer use kscope.get_or_create_layer, and for "
    "keras.utils.track_tf1_style_variables kscope.ScopedLayer.",
    "layers": "use the layers of Keras, or write a function that calls get_variable.",
    "local_variables_initializer": _NOTHING_TO_DO,
    "name_scope": "use kscope.variable_scope, or keras.name_scope for operations.",
    "op_scope": "use kscope.variable_scope, or keras.name_scope for operations.",
    "placeholder": "pass the value as an argument of the function.",
    "report_uninitialized_variables": _NOTHING_TO_DO,
    "resource_variables_enabled": "every Keras variable is a resource.",
    "tables_initializer": _NOTHING_TO_DO,
    "train": "use keras.optimizers to train. To save, " + _WEIGHTS,
    "variables_initializer": _NOTHING_TO_DO,
}

__all__ = sorted([*_HOMES, *_DTYPES])


globals().update({name: name for name in _DTYPES})

__getattr__, __dir__ = lazily(__name__, _HOMES, _INSTEAD)
