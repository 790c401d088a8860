"""TF1's initializers, with its names, arguments, defaults and formulas, as Keras initializers.

Pass them to `get_variable`, to a scope, or to any layer of Keras. TF1 documents them in
`tensorflow/python/ops/init_ops.py`; `xavier_initializer` and contrib's variance scaling in
`tensorflow/contrib/layers/python/layers/initializers.py`.

All are called as `initializer(shape, dtype=None, partition_info=None)`. `shape` is a full shape; `dtype` defaults to
the initializer's own. For a slice, `partition_info` gives the shape of the whole variable (`full_shape`) and the start
of the slice (`var_offset`). As with Keras' initializers, one object draws the same numbers at each call;
`get_variable` draws new numbers for each variable, unless there is a seed. The numbers come from Keras' generators, or
from kscope's after `kscope.set_seed`; they differ from TF1's numbers for the same seed. `seeded`, which TF1 does not
have, makes an initializer from a function.
"""

from __future__ import annotations

from kscope.initializers._constant import (
    constant_initializer,
    identity_initializer,
    ones_initializer,
    zeros_initializer,
)
from kscope.initializers._function import (
    Seeded as Seeded,  # the class of what `seeded` returns, for saved models and pickles
    seeded,
)
from kscope.initializers._random import (
    orthogonal_initializer,
    random_normal_initializer,
    random_uniform_initializer,
    truncated_normal_initializer,
)
from kscope.initializers._variance_scaling import (
    contrib_variance_scaling_initializer,
    glorot_normal_initializer,
    glorot_uniform_initializer,
    he_normal,
    he_uniform,
    lecun_normal,
    lecun_uniform,
    uniform_unit_scaling_initializer,
    variance_scaling_initializer,
    xavier_initializer,
    xavier_initializer_conv2d,
)

__all__ = [
    "constant_initializer",
    "contrib_variance_scaling_initializer",
    "glorot_normal_initializer",
    "glorot_uniform_initializer",
    "he_normal",
    "he_uniform",
    "identity_initializer",
    "lecun_normal",
    "lecun_uniform",
    "ones_initializer",
    "orthogonal_initializer",
    "random_normal_initializer",
    "random_uniform_initializer",
    "seeded",
    "truncated_normal_initializer",
    "uniform_unit_scaling_initializer",
    "variance_scaling_initializer",
    "xavier_initializer",
    "xavier_initializer_conv2d",
    "zeros_initializer",
]
