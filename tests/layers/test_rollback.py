"""What a failed first call takes back, and what a later one leaves (row Q3)."""

from __future__ import annotations

import contextlib

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


def test_a_call_that_raises_leaves_its_scope_and_store():
    """Scope and store are those of the caller again, after a first call and after a later one (row S18)."""
    layer = Fails(store=kscope.VariableStore())
    with kscope.variable_scope("mine") as scope:
        for number, fail in enumerate((True, False, True)):
            layer.fail = fail
            with pytest.raises(RuntimeError, match="halfway") if fail else contextlib.nullcontext():
                layer(X)
            assert kscope.get_variable_scope() is scope
            weight(f"w{number}")
    assert list(kscope.default_store()) == ["mine/w0", "mine/w1", "mine/w2"]


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


def test_a_first_call_that_raises_twice():
    """What a built sublayer brings back at the second try goes again when that fails, too (row Q3)."""
    store = kscope.VariableStore()
    layer = Fails(store=store)
    for _ in range(3):
        with pytest.raises(RuntimeError, match="halfway"):
            layer(X)
        assert (len(store), layer.inner.built) == (0, True)
    layer.fail = False
    layer(X)
    assert {v.path for v in layer.weights} == set(store) == {"fails/tower/fc/kernel", "fails/tower/fc/bias", "fails/w"}
    assert all(store[v.path] is v for v in layer.weights)


class Between(kscope.ScopedLayer):
    """Calls a sublayer only if it is told to."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.inner = Tower()
        self.deep = False

    def call(self, x):
        return self.inner(x) if self.deep else x


def test_a_layer_that_is_first_built_two_calls_below_the_one_that_raises():
    """What is made inside a built layer's call goes, too, when the call around that one is a first one and fails."""
    store = kscope.VariableStore()
    layer = Fails(store=store)
    layer.inner = Between()
    for layer.inner.deep in (False, True):
        with pytest.raises(RuntimeError, match="halfway"):
            layer(X)
        assert (len(store), layer.inner.built, layer.inner.inner.built) == (0, True, layer.inner.deep)
