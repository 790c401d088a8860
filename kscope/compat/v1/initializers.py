"""`tf.initializers`: TF1's initializers under their short names."""

from __future__ import annotations

from kscope._lazy import lazily

_HOMES = {
    "constant": "kscope.initializers:constant_initializer",
    "glorot_normal": "kscope.initializers:glorot_normal_initializer",
    "glorot_uniform": "kscope.initializers:glorot_uniform_initializer",
    "he_normal": "kscope.initializers:he_normal",
    "he_uniform": "kscope.initializers:he_uniform",
    "identity": "kscope.initializers:identity_initializer",
    "lecun_normal": "kscope.initializers:lecun_normal",
    "lecun_uniform": "kscope.initializers:lecun_uniform",
    "ones": "kscope.initializers:ones_initializer",
    "orthogonal": "kscope.initializers:orthogonal_initializer",
    "random_normal": "kscope.initializers:random_normal_initializer",
    "random_uniform": "kscope.initializers:random_uniform_initializer",
    "truncated_normal": "kscope.initializers:truncated_normal_initializer",
    "uniform_unit_scaling": "kscope.initializers:uniform_unit_scaling_initializer",
    "variance_scaling": "kscope.initializers:variance_scaling_initializer",
    "zeros": "kscope.initializers:zeros_initializer",
}

_INSTEAD = {
    "global_variables": "variables are made with their values; leave it out.",
    "local_variables": "variables are made with their values; leave it out.",
    "tables_initializer": "variables are made with their values; leave it out.",
    "variables": "variables are made with their values; leave it out.",
}

__all__ = sorted(_HOMES)


__getattr__, __dir__ = lazily(__name__, _HOMES, _INSTEAD)
