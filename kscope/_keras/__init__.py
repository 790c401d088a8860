"""Every touch point with Keras, or with a backend, that is not public API.

Each says why there is no public way; a test fails for each of them when Keras changes it. What is used everywhere is
here; `files`, `names` and `optimizers` stand by themselves.
"""

from __future__ import annotations

from kscope._keras.layers import (
    around_models,
    around_remat,
    default,
    get_keras_mask,
    set_keras_mask,
    sublayers,
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
    "around_models",
    "around_remat",
    "autocast",
    "cast_value",
    "default",
    "deferring",
    "eagerly",
    "frozen",
    "get_keras_mask",
    "has_stateless_value",
    "inherited_training",
    "is_concrete",
    "isolated_call",
    "numbers",
    "operations_at_root",
    "outside_of_traces",
    "set_keras_mask",
    "set_numbers",
    "stored_dtype",
    "stored_value",
    "sublayers",
    "symbolic",
    "tracing",
    "unlocked",
    "untracked",
]

if BACKEND == "jax":
    from kscope._keras.jax import keep_symbolic_dimension

    keep_symbolic_dimension()
elif BACKEND == "torch":
    from kscope._keras.torch import see_every_variable

    see_every_variable()
