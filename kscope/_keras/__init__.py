"""Every touch point with Keras, or with a backend, that is not public API.

Each docstring says why there is no public way. `patches` holds every change that kscope makes to Keras; `private` looks
up private names. The functions that all of kscope uses are exported here; `files`, `optimizers` and `patches` are
imported as modules.
"""

from __future__ import annotations

from kscope._keras.devices import Copy, devices
from kscope._keras.layers import (
    default,
    get_keras_mask,
    global_random_state,
    only_shards,
    open_layers,
    own_names,
    seed_generators,
    set_keras_mask,
    sublayers,
    track,
    unlocked,
    untracked,
)
from kscope._keras.state import symbolic
from kscope._keras.traces import (
    BACKEND,
    deferring,
    eagerly,
    inherited_training,
    is_concrete,
    isolated_call,
    operations_at_root,
    outside_of_traces,
    tracing,
)
from kscope._keras.values import (
    autocast,
    cast_value,
    frozen,
    has_stateless_value,
    initialize,
    numbers,
    set_numbers,
    stored_dtype,
    stored_value,
)

__all__ = [
    "BACKEND",
    "Copy",
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
    "initialize",
    "is_concrete",
    "isolated_call",
    "numbers",
    "only_shards",
    "open_layers",
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
