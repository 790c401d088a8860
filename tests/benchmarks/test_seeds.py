"""Building with a seed, where values are drawn by NumPy, beside Keras' own initializers, which run on the backend."""

from __future__ import annotations

from itertools import count

import keras
import numpy as np

import kscope

SHAPES = 100
# JAX compiles a program for each shape that it draws.
TARGETS = {"tensorflow": {}, "jax": {"at_least": 20}, "torch": {}}
X = np.zeros((1, 1), "float32")

# No shape is drawn twice in a process, on either side.
sizes = count(8)


class Scoped(kscope.ScopedLayer):
    """A layer of variables of many shapes."""

    def __init__(self, shapes, initializer, **kwargs):
        super().__init__(**kwargs)
        self.shapes = shapes
        self.initializer = initializer

    def call(self, x):
        for i, shape in enumerate(self.shapes):
            kscope.get_variable(f"v{i}", shape, initializer=self.initializer)
        return x


class Plain(keras.layers.Layer):
    """The same with `build` and `add_weight`."""

    def __init__(self, shapes, initializer):
        super().__init__()
        self.shapes = shapes
        self.initializer = initializer

    def build(self, _):
        for i, shape in enumerate(self.shapes):
            self.add_weight(shape=shape, initializer=self.initializer, name=f"v{i}")

    def call(self, x):
        return x


def shapes():
    return [(next(sizes), 16) for _ in range(SHAPES)]


def test_build_beside_keras(compare, backend):
    """A layer of many shapes is built from a seed without a program for each of them."""
    what = f"build with a seed, {SHAPES} shapes"

    def ours():
        Scoped(shapes(), "glorot_uniform", store=kscope.VariableStore(seed=1)).build(X.shape)

    def other():
        Plain(shapes(), "glorot_uniform").build(X.shape)

    compare(what, "plain layer", ours, other, count=1, rounds=3, warmup=0, **TARGETS[backend])
