"""What a failed first call takes back, and what a later one leaves (row Q3)."""

from __future__ import annotations

import numpy as np
import pytest
from samples import Tower

import kscope

X = np.ones((2, 3), "float32")


def weight(name="w", shape=(), **kwargs):
    """A variable of the current scope."""
    return kscope.get_variable(name, shape, initializer="ones", **kwargs)


class Fails(kscope.ScopedLayer):
    """Makes a variable and a sublayer's, then raises as long as it is told to."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.inner = Tower()
        self.fail = True

    def call(self, x):
        x = self.inner(x) * weight()
        if self.fail:
            raise RuntimeError("halfway")
        return x


def test_a_first_call_that_raises_takes_everything_back():
    """Nothing of a failed first call stays in the store, not even what sublayers made; a retry works (row Q3)."""
    store = kscope.VariableStore()
    layer = Fails(store=store)
    with pytest.raises(RuntimeError, match="halfway"):
        layer(X)
    assert (len(store), layer.built, layer.weights) == (0, False, layer.inner.weights)
    layer.fail = False
    assert layer(X).shape == (2, 4)
    assert list(store) == ["fails/tower/fc/kernel", "fails/tower/fc/bias", "fails/w"]
    assert len(layer.weights) == 3


def test_a_new_layer_after_a_failure():
    """After a failed first call the names are free for another layer."""
    store = kscope.VariableStore()
    with pytest.raises(RuntimeError, match="halfway"):
        Fails(store=store, name="net")(X)
    second = Fails(store=store, name="net")
    second.fail = False
    second(X)
    assert len(store) == 3


def test_a_later_call_that_raises_takes_nothing_back():
    """A built layer keeps its variables, whatever a call raises."""
    layer = Fails()
    layer.fail = False
    layer(X)
    layer.fail = True
    with pytest.raises(RuntimeError, match="halfway"):
        layer(X)
    assert len(layer.store) == 3
