"""The accident check, on every call: a name comes once in a call, and again in the next."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import kscope
from kscope import errors

X = np.ones((2, 3), "float32")


class Switch(kscope.ScopedLayer):
    """Does what a list of functions says."""

    def __init__(self, *steps, **kwargs):
        super().__init__(**kwargs)
        self.steps = steps

    def call(self, x):
        self.got = [step() for step in self.steps]
        return x


def get(name="v", **kwargs):
    """A step that gets a variable."""
    return lambda: kscope.get_variable(name, [1], **kwargs)


def again(name="v", reuse=True):
    """A step that gets a variable in a scope with another reuse mode."""

    def step():
        with kscope.variable_scope("", reuse=reuse):
            return kscope.get_variable(name, [1])

    return step


def test_twice_in_one_call_is_an_accident():
    """Getting a name twice in a call raises at the first call, and nothing is left behind (row S2)."""
    store = kscope.VariableStore()
    with pytest.raises(errors.VariableExistsError, match="switch/v already exists(.|\n)*this call got it before"):
        Switch(get(), get(), store=store)(X)
    assert len(store) == 0


def test_the_next_call_is_normal():
    """Getting the name again in the next call finds the same variable (rows S1, S2)."""
    layer = Switch(get())
    layer(X)
    (v,) = layer.got
    layer(X)
    assert layer.got[0] is v


def test_an_integer_in_the_next_call():
    """The next call finds a variable of another dtype than the scope's, as its initial value gave it (row S9)."""
    layer = Switch(lambda: kscope.get_variable("step", initializer=3, trainable=False))
    for _ in range(3):
        layer(X)
    assert [v.dtype for v in layer.weights] == ["int32"]


def test_every_call_is_checked():
    """The accident raises at a later call, too, when only that one takes the branch."""
    layer = Switch(get())
    layer(X)
    layer.steps = (get(), get())
    with pytest.raises(errors.VariableExistsError, match="this call got it before"):
        layer(X)
    layer.steps = (get(),)
    layer(X)


@pytest.mark.parametrize("reuse", [True, kscope.AUTO_REUSE])
def test_twice_on_purpose(reuse):
    """With a reuse mode a call may get a name as often as it likes."""
    layer = Switch(get(), again(reuse=reuse), again(reuse=reuse))
    for _ in range(2):
        layer(X)
        assert layer.got[0] is layer.got[1] is layer.got[2]


def test_reused_first_then_taken():
    """A name that a call got by reuse cannot be created by the same call (row G1)."""
    store = kscope.VariableStore()
    Switch(get(), store=store, scope="s")(X)
    with pytest.raises(errors.VariableExistsError, match="s/v already exists"):
        Switch(again(), get(), store=store, scope="s")(X)


def test_another_layers_variable_is_no_accident_only_with_reuse():
    """A name that another layer of the store made is an accident, at once, unless the scope reuses."""
    store = kscope.VariableStore()
    first = Switch(get(), store=store, scope="s")
    first(X)
    with pytest.raises(errors.VariableExistsError, match="s/v already exists"):
        Switch(get(), store=store, scope="s")(X)
    second = Switch(get(), store=store, scope="s", reuse=kscope.AUTO_REUSE)
    second(X)
    assert second.got[0] is first.got[0]


def test_a_late_name_raises():
    """A built layer that asks for a new name says so, with what would discover it (row T3)."""
    layer = Switch(get())
    layer(X)
    layer.steps = (get("new"),)
    with pytest.raises(errors.LateVariableError, match="switch/new does not exist(.|\n)*discover="):
        layer(X)


def test_a_late_name_that_another_layer_made():
    """A late name is late also if another layer made it: this layer would not train it."""
    store = kscope.VariableStore()
    layer = Switch(get(), store=store, scope="s")
    layer(X)
    Switch(get("other"), store=store, scope="s")(X)
    layer.steps = (again("other"),)
    with pytest.raises(errors.LateVariableError, match="s/other does not exist"):
        layer(X)


def test_counters_start_anew_at_each_call():
    """Default names are numbered from anew at each call, so that the same code gets the same names (rows C3, S6)."""

    def block():
        with kscope.variable_scope(None, "block"):
            return kscope.get_variable("v", [1])

    layer = Switch(block, block)
    for _ in range(3):
        layer(X)
    assert [v.path for v in layer.weights] == ["switch/block/v", "switch/block_1/v"]


def test_setters_end_with_the_call():
    """A call that sets a default of its scope, or its reuse mode, leaves the next call as it was (row D2)."""

    def set_all():
        kscope.get_variable_scope().reuse_variables()
        kscope.get_variable_scope().set_dtype("float16")

    layer = Switch(get(), set_all)
    layer(X), layer(X)
    assert (layer.scope.reuse, layer.scope.dtype) == (False, "float32")


def test_what_a_call_leaves_open_stays_inside():
    """A scope that a call forgets to leave does not reach its caller."""
    layer = Switch(lambda: kscope.variable_scope("forgotten").__enter__())
    layer(X)
    assert kscope.get_variable_scope().name == ""


def test_an_absolute_scope_starts_at_the_root_of_the_layers_store():
    """A leading slash leaves the layer's own scope, and its reuse mode and defaults."""

    def shared():
        with kscope.variable_scope("/shared"):
            return kscope.get_variable("v", [1])

    store = kscope.VariableStore()
    with store.as_default(), kscope.variable_scope("outer", dtype="float16"):
        layer = Switch(get(), shared, name="s")
        layer(X)
    assert [(v.path, v.dtype) for v in layer.weights] == [("outer/s/v", "float16"), ("shared/v", "float32")]


def test_another_store_inside_a_call():
    """A variable of another store that a call opens is tracked by the layer that got it."""
    other = kscope.VariableStore()

    def elsewhere():
        with other.as_default():
            return kscope.get_variable("v", [1])

    layer = Switch(get(), elsewhere)
    layer(X), layer(X)
    assert [v.path for v in layer.weights] == ["switch/v", "v"]
    assert layer.weights[1] is other["v"]


def test_the_layers_store_inside_its_call():
    """Opening the store that a call stands in anyway goes on where it stands."""
    layer = Switch(get())
    layer(X)
    store = layer.store

    def same_store():
        with store.as_default():
            return kscope.get_variable("v", [1])

    layer.steps = (same_store,)
    layer(X)
    assert layer.got[0] is store["switch/v"]


def test_super_call_is_part_of_the_same_call():
    """A subclass that calls `super().call()` is in one call: a name is still an accident the second time (row S12)."""

    class Base(kscope.ScopedLayer):
        def call(self, x):
            return x * kscope.get_variable("v", [])

    class Derived(Base):
        def call(self, x):
            return super().call(x) + kscope.get_variable("w", [])

    class Clash(Base):
        def call(self, x):
            return super().call(x) + kscope.get_variable("v", [])

    layer = Derived()
    layer(X)
    assert [v.path for v in layer.weights] == ["derived/v", "derived/w"]
    with pytest.raises(errors.VariableExistsError, match="clash/v already exists"):
        Clash()(X)


def test_methods_of_a_layer():
    """Methods that a call uses are part of it; from outside, the layer's store and scope lead there (row S12)."""

    class Parts(kscope.ScopedLayer):
        def v(self):
            return kscope.get_variable("v", [])

        def call(self, x):
            return x * self.v()

    layer = Parts()
    layer(X)
    with layer.store.as_default(), kscope.variable_scope(layer.scope, reuse=True):
        assert layer.v() is layer.weights[0]
    assert [v.path for v in layer.variables] == ["parts/v"]


def test_recursion_is_a_call_of_its_own():
    """A layer that calls itself gets its variables again in the inner call."""

    class Recursive(kscope.ScopedLayer):
        def call(self, x, depth=2):
            x = x * kscope.get_variable("v", [], initializer="ones")
            return self(x, depth=depth - 1) if depth else x

    layer = Recursive()
    assert layer(X).shape == (2, 3)
    assert len(layer.weights) == 1


def test_a_call_may_assign():
    """What a call assigns to a variable is kept, in eager execution and compiled."""

    class Counter(kscope.ScopedLayer):
        def call(self, x):
            steps = kscope.get_variable("steps", [], initializer="zeros", trainable=False)
            steps.assign(steps + 1.0)
            return x * kscope.get_variable("v", [])

    layer = Counter()
    layer(X), layer(X)
    assert float(keras.ops.convert_to_numpy(layer.weights[-1])) == 2.0
    model = keras.Sequential([keras.Input((3,)), layer])
    model.compile("sgd", "mse", jit_compile=keras.backend.backend() != "torch")
    model.fit(np.ones((8, 3)), np.ones((8, 3)), batch_size=2, verbose=0)
    assert float(keras.ops.convert_to_numpy(layer.weights[-1])) == 6.0
