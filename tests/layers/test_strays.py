"""Layers and variables that a scoped call makes past `get_variable`, which Keras loses in silence (row S11)."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

import kscope
from kscope import errors

X = np.ones((2, 3), "float32")


def _random(x):
    return x + keras.random.normal((3,), seed=keras.random.SeedGenerator(1))


STRAYS = {
    "a layer": lambda x: layers.Dense(4)(x),
    "a layer's random state": lambda x: layers.Dropout(0.5)(x),
    "a variable": lambda x: x * keras.Variable([1.0, 2.0, 3.0]),
    "a seed generator": _random,
}


@pytest.mark.parametrize("make", STRAYS.values(), ids=STRAYS)
@pytest.mark.matrix("Layers: untracked layers and variables in call() are errors")
def test_what_nobody_tracks(make):
    """A layer or variable of a call that nobody tracks raises, with its line, and leaves nothing behind (row S11)."""

    class Layer(kscope.ScopedLayer):
        def call(self, x):
            kscope.get_variable("v", [3])
            return make(x)

    store = kscope.VariableStore()
    message = r"made a variable that no layer tracks(.*\n)+.*test_strays.py:\d+ in .*(.*\n)+.*kscope.layer\(keras"
    for _ in range(2):
        with pytest.raises(errors.UntrackedVariableError, match=message):
            Layer(store=store, name="layer")(X)
    assert list(store) == []


@pytest.mark.parametrize("make", STRAYS.values(), ids=STRAYS)
def test_in_a_later_call(make):
    """So it is in a branch that is taken later."""

    class Layer(kscope.ScopedLayer):
        late = False

        def call(self, x):
            return make(x) if self.late else x

    layer = Layer()
    layer(X)
    layer.late = True
    with pytest.raises(errors.UntrackedVariableError, match="that no layer tracks"):
        layer(X)


def test_what_is_tracked():
    """Attributes are Keras' business: layers, variables and seeds, here or in a layer around (row S11)."""

    class Inner(kscope.ScopedLayer):
        def __init__(self, outer):
            super().__init__()
            self.lend = lambda: outer.lent

        def call(self, x):
            return self.lend()(x)

    class Outer(kscope.ScopedLayer):
        def __init__(self):
            super().__init__()
            self.fc, self.lent, self.drop = layers.Dense(3), layers.Dense(3), layers.Dropout(0.5)
            self.v = keras.Variable([1.0, 2.0, 3.0])
            self.inner = Inner(self)

        def call(self, x):
            return self.drop(self.fc(self.inner(x))) * self.v

    outer = Outer()
    outer(X)
    assert len(outer.weights) == 5


def test_what_the_outermost_does_not_track():
    """Where layers are nested, the outermost call has the last word."""
    lost = layers.Dense(3)

    class Inner(kscope.ScopedLayer):
        def call(self, x):
            return lost(x)

    class Outer(kscope.ScopedLayer):
        def __init__(self):
            super().__init__()
            self.inner = Inner()

        def call(self, x):
            return self.inner(x)

    with pytest.raises(errors.UntrackedVariableError, match=r"layer: +outer"):
        Outer()(X)


def test_inside_of_a_layer_that_is_made_inline():
    """A scoped layer answers for its own call, also where it is made inline, or inside of a model that is."""

    @kscope.scoped
    def lossy(x):
        return layers.Dense(3)(x)

    def model():
        inputs = keras.Input((3,))
        return keras.Model(inputs, kscope.scoped(lambda x: layers.Dense(3)(x))(inputs))

    for create in (lambda: lossy, model):

        @kscope.scoped
        def net(x, create=create):
            return kscope.get_or_create_layer("inner", create)(x)

        with pytest.raises(errors.UntrackedVariableError, match="that no layer tracks"):
            net(X)


def test_random_operations_without_a_seed(backend):
    """Keras' own seed generator, which it makes when it is first needed, is not the call's."""

    @kscope.scoped
    def noise(x):
        return x + keras.random.normal((3,))

    if backend == "jax":
        with pytest.raises(ValueError, match="seeded random ops"):
            noise(X)
    else:
        noise(X)
        assert noise.variables == []


def test_errors_of_keras_outside_of_calls():
    """What Keras says of a variable that cannot be made is left as it is elsewhere."""
    with pytest.raises(ValueError, match="stateless scope"), keras.StatelessScope():
        keras.Variable([1.0])
