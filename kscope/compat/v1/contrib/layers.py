"""`tf.contrib.layers`: its regularizers and initializers."""

from __future__ import annotations

from kscope._lazy import lazily

HOMES = {
    "apply_regularization": "kscope.regularizers:apply_regularization",
    "l1_l2_regularizer": "kscope.regularizers:l1_l2_regularizer",
    "l1_regularizer": "kscope.regularizers:l1_regularizer",
    "l2_regularizer": "kscope.regularizers:l2_regularizer",
    "sum_regularizer": "kscope.regularizers:sum_regularizer",
    "variance_scaling_initializer": "kscope.initializers:contrib_variance_scaling_initializer",
    "xavier_initializer": "kscope.initializers:xavier_initializer",
    "xavier_initializer_conv2d": "kscope.initializers:xavier_initializer_conv2d",
}

__all__ = sorted(HOMES)


__getattr__, __dir__ = lazily(__name__, HOMES)
