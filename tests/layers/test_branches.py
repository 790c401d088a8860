"""Branches of a call that the first call does not take: `training`, and what `discover=` names."""

from __future__ import annotations

import numpy as np
import pytest
from samples import paths

import kscope
from kscope import errors

X = np.ones((2, 3), "float32")


def weight(name="w", shape=(), **kwargs):
    """A variable of the current scope."""
    return kscope.get_variable(name, shape, initializer="ones", **kwargs)


class Pair(kscope.ScopedLayer):
    """Takes two arguments, one of them nested."""

    def call(self, left, right=None):
        a, b = (right["a"], right["b"]) if right is not None else (left, left)
        return left * weight("left", [left.shape[-1]]) + (a + b) * weight("right", [a.shape[-1]])


class Training(kscope.ScopedLayer):
    """Has a variable for training only, and one for inference only."""

    def call(self, x, training=False):
        x = x * weight("always")
        return x * weight("train") if training else x * weight("infer")


@pytest.mark.parametrize("training", [None, False, True])
def test_training_is_discovered_both_ways(training):
    """Variables of either branch are there, in one order, whichever is called first."""
    layer = Training()
    layer(X) if training is None else layer(X, training=training)
    assert paths(layer) == ["training/always", "training/infer", "training/train"]
    layer(X, training=True), layer(X, training=False)


def test_training_comes_from_the_caller():
    """`training` is handed down by an outer layer, and discovery leaves it as it was."""
    seen = []

    class Inner(kscope.ScopedLayer):
        def call(self, x, training=None):
            seen.append(bool(training))
            return x * weight()

    class Outer(kscope.ScopedLayer):
        def __init__(self):
            super().__init__()
            self.a, self.b = Inner(), Inner()

        def call(self, x):
            return self.b(self.a(x))

    outer = Outer()
    for training in (True, False):
        outer(X, training=training)
        assert seen[-2:] == [training, training]


def test_a_training_branch_that_fails_is_left_alone():
    """A branch that nobody has asked for yet may fail: its error comes when it is called."""

    class Half(kscope.ScopedLayer):
        def call(self, x, training=False):
            x = x * weight("always")
            if training:
                weight("only")
                raise RuntimeError("not meant to be trained")
            return x

    layer = Half()
    layer(X)
    assert list(layer.store) == ["half/always"]
    with pytest.raises(errors.LateVariableError, match="RuntimeError: (.|\n)*not meant to be trained"):
        layer(X, training=True)
    with pytest.raises(RuntimeError, match="not meant to be trained"):
        Half()(X, training=True)


class Modes(kscope.ScopedLayer):
    """Takes branches by an argument of its own."""

    def call(self, x, mode="a"):
        return x * weight(mode)


def test_discover_names_other_branches():
    """`discover=` lists the arguments of further discovery passes."""
    layer = Modes(discover=[{"mode": "b"}, {"mode": "c"}])
    layer(X)
    assert paths(layer) == ["modes/a", "modes/b", "modes/c"]
    layer(X, mode="c")


def test_without_discover_the_branch_is_late():
    """A branch that was not discovered raises, with what to write."""
    layer = Modes()
    layer(X)
    with pytest.raises(errors.LateVariableError, match=r"modes/b does not exist(.|\n)*mode='?a?|used 1 variables"):
        layer(X, mode="b")


def test_discover_takes_tensors():
    """A tensor in `discover=` is traced as a symbol of its shape."""
    layer = Pair(discover=[{"right": {"a": X, "b": X}}])
    layer(X)
    assert paths(layer) == ["pair/left", "pair/right"]
