"""Every touch point with Keras, or with a backend, that is not public API.

Each says why there is no public way; a test fails for each of them when Keras changes it. What is used everywhere is
here; `files`, `names` and `optimizers` stand by themselves.
"""

from __future__ import annotations

from kscope._keras.devices import Copy, devices
from kscope._keras.layers import (
    around_add_weight,
    around_models,
    around_remat,
    around_variables,
    default,
    get_keras_mask,
    global_random_state,
    only_shards,
    own_names,
    seed_generators,
    set_keras_mask,
    sublayers,
    track,
    unlocked,
    untracked,
)
from kscope._keras.traces import (
    BACKEND,
    deferring,
    eagerly,
    inherited_training,
    is_concrete,
    isolated_call,
    operations_at_root,
    outside_of_traces,
    symbolic,
    tracing,
)
from kscope._keras.values import (
    autocast,
    cast_value,
    frozen,
    has_stateless_value,
    numbers,
    set_numbers,
    stored_dtype,
    stored_value,
)

__all__ = [
    "BACKEND",
    "Copy",
    "around_add_weight",
    "around_models",
    "around_remat",
    "around_variables",
    "autocast",
    "cast_value",
    "default",
    "deferring",
    "devices",
    "eagerly",
    "frozen",
    "get_keras_mask",
    "global_random_state",
    "has_stateless_value",
    "inherited_training",
    "is_concrete",
    "isolated_call",
    "numbers",
    "only_shards",
    "operations_at_root",
    "outside_of_traces",
    "own_names",
    "seed_generators",
    "set_keras_mask",
    "set_numbers",
    "stored_dtype",
    "stored_value",
    "sublayers",
    "symbolic",
    "tracing",
    "track",
    "unlocked",
    "untracked",
]

if BACKEND == "jax":
    from kscope._keras.jax import keep_symbolic_dimension

    keep_symbolic_dimension()
elif BACKEND == "torch":
    from kscope._keras.torch import see_every_variable

    see_every_variable()
