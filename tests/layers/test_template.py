"""`scoped` and `make_template`: functions as scoped layers (section T)."""

from __future__ import annotations

import contextlib

import keras
import numpy as np
import pytest

import kscope
from kscope import errors

X = np.ones((2, 3), "float32")


def scale(x, factor=1.0):
    """Multiplies by a variable."""
    return x * kscope.get_variable("y", [], initializer="ones") * factor


def number(tensor):
    """A scalar tensor's number."""
    return float(keras.ops.convert_to_numpy(tensor))


@keras.saving.register_keras_serializable(package="test_template")
def registered(x):
    """A function that a file can name."""
    return x @ kscope.get_variable("kernel", [x.shape[-1], 2])


def test_scoped_function_is_a_layer():
    """`scoped(fn)` is a layer in the scope of the function's name, with a store of its own."""
    layer = kscope.scoped(scale)
    assert isinstance(layer, kscope.ScopedLayer)
    layer(X), layer(X)
    assert [v.path for v in layer.weights] == ["scale/y"]
    assert layer.store is not kscope.default_store()


def test_scoped_as_a_decorator():
    """`@scoped(...)` takes the arguments of a layer."""
    store = kscope.VariableStore()

    @kscope.scoped(store=store, name="net")
    def tower(x):
        return scale(x)

    tower(X)
    assert list(store) == ["net/y"]


def test_positional_arguments_that_are_no_tensors():
    """A function may be called with numbers by position, which a Keras layer refuses."""
    layer = kscope.scoped(scale)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(layer(X, 3.0)), 3 * X)
    assert number(layer(2.0)) == 2.0


def test_training_and_mask_reach_a_function():
    """`training` is handed to a function that takes it."""

    @kscope.scoped
    def branches(x, training=False):
        return x * kscope.get_variable("train" if training else "infer", [])

    branches(X, training=True)
    assert [v.path for v in branches.weights] == ["branches/infer", "branches/train"]


def test_a_callable_object():
    """A callable object takes its class name as its scope."""

    class Line:
        def __call__(self, x):
            return scale(x)

    layer = kscope.scoped(Line())
    layer(X)
    assert layer.scope.name == "line"


def test_not_a_function():
    """What cannot be called makes no layer: a TypeError that names `scoped`, at once (row S13)."""
    with pytest.raises(errors.OptionTypeError, match="scoped\\(\\) needs a function. Received: 3"):
        kscope.scoped(3)


def test_scoped_function_in_a_file(tmp_path):
    """A scoped function that is registered with Keras is saved and loaded with its model."""
    inputs = keras.Input((3,))
    model = keras.Model(inputs, kscope.scoped(registered)(inputs))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert [v.path for v in loaded.weights] == ["registered/kernel"]
    np.testing.assert_allclose(keras.ops.convert_to_numpy(loaded(X)), keras.ops.convert_to_numpy(model(X)), rtol=1e-6)


def test_template_shares_between_calls():
    """The first call makes the variables in a default-named scope, later ones get the same, wherever (row T1)."""
    template = kscope.make_template("s", scale)
    template(1.0), template(2.0)
    with kscope.variable_scope("elsewhere"):
        template(3.0)
    other = kscope.make_template("s", scale)
    other(1.0)
    assert list(kscope.default_store()) == ["s/y", "s_1/y"]


def test_template_scope_is_chosen_at_the_first_call_or_now():
    """The scope is that of the first call, or of the construction with `create_scope_now_` (row T2)."""
    with kscope.variable_scope("p"):
        now = kscope.make_template("s", scale, create_scope_now_=True)
        later = kscope.make_template("s", scale)
    now(1.0), later(1.0)
    assert now.scope.name == "p/s"
    assert list(kscope.default_store()) == ["p/s/y", "s/y"]


@pytest.mark.parametrize("now", [False, True])
def test_template_with_a_unique_name(now):
    """`unique_name_` is used as it is, so that the second template collides (row T2)."""
    first, second = (kscope.make_template("s", scale, unique_name_="u", create_scope_now_=now) for _ in range(2))
    first(1.0)
    assert first.scope.name == "u"
    with pytest.raises(errors.VariableExistsError, match="u/y already exists"):
        second(1.0)


def test_template_without_a_name():
    """A template needs a name (row T2)."""
    with pytest.raises(ValueError, match="name cannot be None."):
        kscope.make_template(None, scale)


def test_template_failing_at_first():
    """An error in the first call leaves nothing behind, and the template can be called again (row T2)."""
    fail = [True]

    def broken(x):
        y = scale(x)
        if fail:
            raise RuntimeError("not yet")
        return y

    template = kscope.make_template("t", broken)
    with pytest.raises(RuntimeError, match="not yet"):
        template(1.0)
    assert len(kscope.default_store()) == 0
    fail.clear()
    template(1.0)
    assert list(kscope.default_store()) == ["t/y"]


def test_template_refuses_new_variables_later():
    """After the first call a new name does not exist (row T3)."""
    template = kscope.make_template("q", lambda x, name: x * kscope.get_variable(name, []))
    template(1.0, name="a")
    with pytest.raises(errors.LateVariableError, match="Variable q/b does not exist"):
        template(1.0, name="b")


def test_template_binds_arguments_and_getter():
    """Further arguments are bound to the function, and `custom_getter_` is around its variables."""
    seen = []

    def getter(getter, name, **kwargs):
        seen.append(name)
        return getter(name, **kwargs)

    template = kscope.make_template("s", scale, custom_getter_=getter, factor=4.0)
    assert number(template(1.0)) == 4.0
    assert set(seen) == {"s/y"}


class Net(kscope.ScopedLayer):
    """Makes a template for itself."""

    def __init__(self, **options):
        super().__init__()
        self.template = kscope.make_template("t", scale, **options)

    def call(self, x):
        with kscope.variable_scope("foo"):
            return self.template(x)


@pytest.mark.parametrize("opened", [False, True])
def test_template_in_a_layer(opened):
    """Its variables are made in the layer's discovery, below the scope of its call, and found later (row S17)."""
    for _ in range(2):
        with kscope.VariableStore().as_default() if opened else contextlib.nullcontext():
            net, inputs = Net(), keras.Input((3,))
        model = keras.Model(inputs, net(inputs))
        for _ in range(2):
            np.testing.assert_allclose(model.predict(X, verbose=0), X)
        assert [v.path for v in model.weights] == ["net/foo/t/y"]
        assert list(net.store) == ["net/foo/t/y"]
    assert len(kscope.default_store()) == 0


def test_template_in_a_layer_that_is_read_from_a_file(tmp_path):
    """Names in files do not depend on how many layers of the kind were made before."""
    first, second = Net(), Net()
    second(X), first(X)
    first.template.weights[0].assign(3.0)
    saved = keras.Sequential([keras.Input((3,)), first])
    saved.save_weights(tmp_path / "net.weights.h5")
    loaded = keras.Sequential([keras.Input((3,)), Net()])
    loaded.load_weights(tmp_path / "net.weights.h5")
    np.testing.assert_allclose(keras.ops.convert_to_numpy(loaded(X)), 3 * X)


def test_template_with_a_scope_of_its_own_in_a_layer():
    """With `create_scope_now_` scope and store are those of where the template is made (row T2)."""
    net = Net(create_scope_now_=True)
    net(X)
    assert list(kscope.default_store()) == ["t/y"]
    assert net.template.scope.name == "t"


def test_default_names_below_an_explicit_scope():
    """Auto-named blocks of a function find their variables again under an explicit reusing scope (rows T4, T5)."""

    def net():
        made = []
        for _ in range(2):
            with kscope.variable_scope(None, "conv"):
                made.append(kscope.get_variable("w", [1]))
        return made

    with kscope.variable_scope("tower"):
        first = net()
    with kscope.variable_scope("tower", reuse=True):
        second = net()
    assert [v.path for v in first] == ["tower/conv/w", "tower/conv_1/w"]
    assert all(v is w for v, w in zip(first, second, strict=True))


def test_build_for():
    """A function is built for a call without one; to build it again changes nothing."""
    line = kscope.scoped(lambda x: x * kscope.get_variable("slope", [x.shape[-1]]), name="line")
    line.build_for(np.ones((2, 3), "float32"))
    line.build_for(np.ones((2, 4), "float32"))
    assert [(v.path, tuple(v.shape)) for v in line.weights] == [("line/slope", (3,))]
