"""Where a layer's variables go: store and scope, chosen when it is first built."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from samples import Stack, Tower, paths

import kscope
from kscope import errors

X = np.ones((2, 3), "float32")


def test_a_layer_alone_has_a_store_of_its_own():
    """Two instances of one class never share by accident: each has a store, and in it the same names (row S1)."""
    a, b = Tower(), Tower()
    a(X), b(X)
    assert a.store is not b.store
    assert paths(a) == paths(b) == ["tower/fc/kernel", "tower/fc/bias"]
    assert all(v is not w for v in a.weights for w in b.weights)
    assert len(kscope.default_store()) == 0


def test_the_name_is_the_scope():
    """A named layer's scope is its name."""
    layer = Tower(name="left")
    layer(X)
    assert (layer.scope.name, paths(layer)) == ("left", ["left/fc/kernel", "left/fc/bias"])


def test_names_do_not_depend_on_earlier_layers():
    """The hundredth layer of a process has the names of the first, though Keras counts its names on."""
    for _ in range(3):
        layer = Tower()
        layer(X)
    assert layer.name == "tower_2"
    assert paths(layer) == ["tower/fc/kernel", "tower/fc/bias"]


def test_unnamed_layers_of_one_store_are_numbered_there():
    """Unnamed layers in one store are made unique as default names are (row C1)."""
    store = kscope.VariableStore()
    layers = [Tower(store=store) for _ in range(3)]
    for layer in layers:
        layer(X)
    assert [layer.scope.name for layer in layers] == ["tower", "tower_1", "tower_2"]


def test_store_argument_wins():
    """The store that was given is used, also inside another one that is open."""
    store = kscope.VariableStore()
    with kscope.VariableStore().as_default():
        layer = Tower(store=store)
        layer(X)
    assert layer.store is store
    assert list(store) == ["tower/fc/kernel", "tower/fc/bias"]


def test_store_open_at_construction():
    """A layer belongs to the store that was open where it was made, wherever it is called."""
    store = kscope.VariableStore()
    with store.as_default(), kscope.variable_scope("generator"):
        layer = Tower()
    layer(X)
    assert layer.store is store
    assert paths(layer) == ["generator/tower/fc/kernel", "generator/tower/fc/bias"]


def test_scope_open_in_the_default_store():
    """A scope that is open in the default store counts: ported code finds its names there, as in TF1 (row T6)."""
    with kscope.variable_scope("generator"):
        layer = Tower(name="net")
        layer(X)
    assert layer.store is kscope.default_store()
    assert paths(layer) == ["generator/net/fc/kernel", "generator/net/fc/bias"]


def test_scope_open_at_the_first_call():
    """A layer that was made outside of any scope takes the one that is open at its first call (row T6)."""
    layer = Tower(name="net")
    with kscope.variable_scope("here"):
        layer(X)
    with kscope.variable_scope("elsewhere"):
        layer(X)
    assert layer.scope.name == "here/net"


def test_reuse_of_an_open_scope():
    """Two layers of one name under one scope share as in TF1: an accident without reuse, a purpose with it."""
    with kscope.variable_scope("d"):
        first = Tower(name="net")
        first(X)
    with kscope.variable_scope("d"), pytest.raises(errors.VariableExistsError, match="d/net/fc/kernel already exists"):
        Tower(name="net")(X)
    with kscope.variable_scope("d", reuse=True):
        second = Tower(name="net")
        second(X)
    assert all(v is w for v, w in zip(first.weights, second.weights, strict=True))


def test_nested_layers_are_below_their_caller():
    """A layer called inside another one binds to that one's store, under the scope the call stands in."""
    model = Stack()
    model(X)
    assert sorted(paths(model)) == [
        "stack/body/tower/fc/bias",
        "stack/body/tower/fc/kernel",
        "stack/scale",
        "stack/tower/fc/bias",
        "stack/tower/fc/kernel",
    ]
    assert model.first.store is model.second.store is model.store


def test_nested_layers_stay_below_their_caller_when_a_store_was_open():
    """What is called inside another layer goes there, even if another store was open where it was made."""
    with kscope.VariableStore().as_default():
        model = Stack(store=kscope.VariableStore())
        model(X)
    assert model.first.store is model.store


def test_relative_absolute_and_captured_scope():
    """`scope=` is relative to where the layer binds, absolute with a leading slash, or a captured scope."""
    store = kscope.VariableStore()
    with store.as_default(), kscope.variable_scope("outer"):
        with kscope.variable_scope("captured", regularizer="l2") as captured:
            pass
        layers = [Tower(scope=scope, name="net") for scope in ("a/b", "/root/c", captured)]
        for layer in layers:
            layer(X)
    assert [layer.scope.name for layer in layers] == ["outer/a/b", "root/c", "outer/captured"]
    assert [layer.weights[0].regularizer is None for layer in layers] == [True, True, False]


@pytest.mark.parametrize(("scope", "expected"), [("", "outer"), ("/", "")])
def test_empty_scope(scope, expected):
    """An empty scope adds no part to the names: where the layer binds, or at the store's root."""
    with kscope.variable_scope("outer"):
        layer = Tower(scope=scope)
        layer(X)
    assert layer.scope.name == expected


def test_binding_is_for_good():
    """A layer stays where it was first built, whatever scopes it is called in later (row S8)."""
    layer = Tower(name="net")
    layer(X)
    store = layer.store
    with kscope.VariableStore().as_default(), kscope.variable_scope("elsewhere"):
        layer(X)
    with kscope.variable_scope("elsewhere"):
        layer(X)
    assert (layer.store, layer.scope.name) == (store, "net")
    assert paths(layer) == list(store) == ["net/fc/kernel", "net/fc/bias"]


def test_reuse_argument():
    """One store and one `scope=` for two layers with a reuse mode share."""
    store = kscope.VariableStore()
    a = Tower(store=store, scope="t")
    b = Tower(store=store, scope="t", reuse=True)
    a(X), b(X)
    assert all(v is w for v, w in zip(a.weights, b.weights, strict=True))


@pytest.mark.parametrize(
    "call",
    [
        lambda layer: layer(X),
        lambda layer: layer(keras.Input((3,))),
        lambda layer: keras.Sequential([layer]).predict(X, verbose=0),
    ],
    ids=["eager", "symbolic", "compiled"],
)
def test_reuse_argument_of_what_is_missing(call):
    """A layer that only reuses cannot be the first, however it is called (row S3)."""
    layer = Tower(store=kscope.VariableStore(), scope="t", reuse=True)
    with pytest.raises(errors.VariableMissingError, match="Variable t/fc/kernel does not exist"):
        call(layer)


def test_scope_defaults_reach_the_layer():
    """Defaults of the scope that a layer binds under are the layer's."""
    with kscope.variable_scope("outer", regularizer="l2"):
        layer = Tower()
        layer(X)
    assert all(isinstance(v.regularizer, keras.regularizers.L2) for v in layer.weights)


def test_default_name_in_the_same_call_comes_after_the_layer():
    """A layer that is called counts as a scope that is open there, at each call (row C12)."""

    class Outer(kscope.ScopedLayer):
        def __init__(self):
            super().__init__()
            self.inner = Tower()

        def call(self, x):
            x = self.inner(x)
            with kscope.variable_scope(None, "tower") as scope:
                self.seen = scope.name
                return x * kscope.get_variable("scale", [])

    outer = Outer()
    outer(X), outer(X)
    assert sorted(paths(outer)) == ["outer/tower/fc/bias", "outer/tower/fc/kernel", "outer/tower_1/scale"]


def test_before_it_is_built():
    """A layer has no store and no scope before it was built, and says when it will."""
    layer = Tower(name="net")
    for attribute in ("store", "scope"):
        with pytest.raises(errors.LayerError, match="'net' is bound to a store and a scope when it is first built"):
            getattr(layer, attribute)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"store": "s"}, "must be a kscope.VariableStore"),
        ({"scope": 3}, "name_or_scope must be a string or VariableScope"),
    ],
)
def test_wrong_types(arguments, message):
    """A store or a scope of a wrong type is refused when the layer is made."""
    with pytest.raises(TypeError, match=message):
        Tower(**arguments)


def test_wrong_reuse():
    """A reuse mode that is none is refused when the layer is made (row A3)."""
    with pytest.raises(errors.ReuseError, match="True or False or None"):
        Tower(reuse=1)


def test_a_name_that_is_no_scope():
    """A Keras name that cannot be a scope is refused with the way out."""
    with pytest.raises(errors.ScopeNameError, match="'my layer' is not a valid root scope name(.|\n)*scope="):
        Tower(name="my layer")(X)


def test_unknown_argument():
    """What neither kscope nor Keras knows is refused."""
    with pytest.raises(ValueError, match="Unrecognized keyword arguments"):
        Tower(scoop="a")
