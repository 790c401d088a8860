"""`arg_scope`: defaults for arguments of functions, by scope."""

from __future__ import annotations

import abc
import copy
import functools
import inspect
import pickle
import threading
from typing import NamedTuple

import keras
import numpy as np
import pytest

import kscope
from kscope import add_arg_scope, arg_scope, arg_scoped_arguments, current_arg_scope, errors, has_arg_scope


@add_arg_scope
def dense(units, activation=None, name="fc"):
    """A dense layer."""
    return units, activation, name


@add_arg_scope
def conv(units, size=3, activation=None, **kwargs):
    """A convolution."""
    return units, size, activation, kwargs


@add_arg_scope
class Block:
    """A block."""

    def __init__(self, units=1, *, rate=0.0):
        self.units = units
        self.rate = rate

    @add_arg_scope
    def call(self, x, factor=1):
        return x * factor


class Wide(Block):
    """A block of another class."""


@keras.saving.register_keras_serializable("tests")
@add_arg_scope
class Scale(keras.layers.Layer):
    """A layer that leaves its config to Keras."""

    def __init__(self, factor=1.0, **kwargs):
        super(Scale, self).__init__(**kwargs)  # noqa: UP008 - as TF1's code has it
        self.factor = factor

    def call(self, x):
        return x * self.factor


@add_arg_scope
class Point(NamedTuple):
    """A class whose constructor is `__new__`."""

    x: int = 0
    y: int = 0


class Unhashable:
    """A callable that cannot be the key of anything."""

    __hash__ = None

    def __call__(self):
        """Do nothing."""


def plain(units, activation=None):
    return units, activation


PARTIAL = add_arg_scope(functools.partial(plain, 2))


def test_defaults_hold_inside_only():
    """Defaults are those of calls inside the block; what is left out there has the function's own."""
    with arg_scope([dense], activation="relu"):
        assert dense(2) == (2, "relu", "fc")
    assert dense(2) == (2, None, "fc")


def test_several_functions():
    """A tuple of functions gets the same defaults, each function its own copy."""
    with arg_scope((dense, conv), activation="relu") as outer, arg_scope([conv], size=5):
        assert (dense(2), conv(2)) == ((2, "relu", "fc"), (2, 5, "relu", {}))
        assert outer[dense.__wrapped__] == {"activation": "relu"}


def test_nested_scopes_add_and_override():
    """An inner scope overrides what it names, keeps the rest, and takes both back."""
    with arg_scope([dense], activation="relu", name="a"):
        with arg_scope([dense], name="b"):
            assert dense(2) == (2, "relu", "b")
        assert dense(2) == (2, "relu", "a")


@pytest.mark.parametrize("call", [lambda: dense(2, "tanh"), lambda: dense(2, activation="tanh")])
def test_a_call_wins(call):
    """What a call passes wins over the scope, by name and by position."""
    with arg_scope([dense], activation="relu"):
        assert call() == (2, "tanh", "fc")


def test_none_is_a_value():
    """`None` in a scope or a call is a value like any other."""
    with arg_scope([dense], activation="relu"):
        assert dense(2, activation=None) == (2, None, "fc")
        with arg_scope([dense], activation=None):
            assert dense(2) == (2, None, "fc")


def test_required_argument():
    """An argument without a default can be set, too."""
    with arg_scope([dense], units=7):
        assert dense() == (7, None, "fc")
        assert dense(2) == (2, None, "fc")


def test_any_name():
    """A function that takes any name gets any name, also those of `arg_scope` itself."""
    with arg_scope([conv], list_ops_or_scope=1, self=2):
        assert conv(2) == (2, 3, None, {"list_ops_or_scope": 1, "self": 2})


@pytest.mark.parametrize("capture", [lambda scope: scope, lambda scope: dict(scope), lambda scope: current_arg_scope()])
def test_captured_scope(capture):
    """A captured scope is entered again from anywhere, and replaces all that is set there."""
    with arg_scope([dense], activation="relu") as scope:
        captured = capture(scope)
    with arg_scope([dense, conv], activation="tanh"), arg_scope([dense], name="x"):
        with arg_scope(captured):
            assert dense(2) == (2, "relu", "fc")
            assert conv(2) == (2, 3, None, {})
            with arg_scope([dense], name="y"):
                assert dense(2) == (2, "relu", "y")
        assert dense(2) == (2, "tanh", "x")


def test_a_captured_scope_stays_as_it_is():
    """A scope is read-only, and later scopes do not change one that was captured."""
    defaults = {"activation": "relu"}
    with arg_scope([dense], **defaults) as scope, arg_scope([dense], activation="tanh"):
        assert scope[dense.__wrapped__] == defaults
    with pytest.raises(TypeError, match="does not support item assignment"):
        scope[dense.__wrapped__] = {}
    with pytest.raises(TypeError, match="does not support item assignment"):
        scope[dense.__wrapped__]["activation"] = "tanh"


def test_no_functions():
    """An empty list captures the scope as it is."""
    with arg_scope([dense], activation="relu"), arg_scope([]) as scope:
        assert scope == current_arg_scope() == {dense.__wrapped__: {"activation": "relu"}}


def test_empty_mapping():
    """An empty mapping takes all defaults back."""
    with arg_scope([dense], activation="relu"), arg_scope({}):
        assert dense(2) == (2, None, "fc")


def test_one_scope_entered_twice():
    """One object can be entered again, inside of itself as well, where the defaults of the place are added to."""
    scope = arg_scope([dense], activation="relu")
    with arg_scope([dense], name="a"), scope, scope:
        assert dense(2) == (2, "relu", "a")
    with scope:
        assert dense(2) == (2, "relu", "fc")


def test_as_a_decorator():
    """A scope decorates a function, which then runs inside of it."""

    @arg_scope([dense], activation="relu")
    def network():
        return dense(2)

    assert network() == (2, "relu", "fc")
    assert dense(2) == (2, None, "fc")


def test_an_error_takes_the_scope_back():
    """An error inside the block leaves no default behind."""
    with pytest.raises(KeyError, match="oops"), arg_scope([dense], activation="relu"):
        raise KeyError("oops")
    assert dict(current_arg_scope()) == {}


def test_left_out_of_order():
    """Scopes that are left in another order raise, and can still be left in the right one."""
    outer, inner = arg_scope([dense], name="a"), arg_scope([dense], name="b")
    with pytest.raises(errors.NestingError, match="Improper nesting of arg_scope."):
        outer.__exit__(None, None, None)
    with outer, inner:
        with pytest.raises(errors.NestingError, match="reverse order of entering"):
            outer.__exit__(None, None, None)
        assert dense(2) == (2, None, "b")
    assert dict(current_arg_scope()) == {}


def test_threads():
    """A thread starts without defaults, and sets its own without disturbing others."""
    seen = {}
    entered, done = threading.Event(), threading.Event()

    def work():
        seen["start"] = dense(2)
        with arg_scope([dense], activation="tanh"):
            entered.set()
            done.wait(10)
            seen["inside"] = dense(2)

    thread = threading.Thread(target=work)
    with arg_scope([dense], activation="relu"):
        thread.start()
        assert entered.wait(10)
        assert dense(2) == (2, "relu", "fc")
        done.set()
        thread.join()
    assert seen == {"start": (2, None, "fc"), "inside": (2, "tanh", "fc")}


def test_the_function_stays_what_it_is():
    """The decorated function has the name, the docstring and the signature of the original, which is unchanged."""
    wrapped = add_arg_scope(plain)
    assert (wrapped.__name__, wrapped.__wrapped__) == ("plain", plain)
    with arg_scope([wrapped], activation="relu"):
        assert (plain(2), wrapped(2)) == ((2, None), (2, "relu"))


def test_either_function_names_the_scope():
    """The original names the scope as well, once it was decorated; decorating twice is decorating once."""
    wrapped = add_arg_scope(plain)
    assert add_arg_scope(wrapped) is wrapped
    with arg_scope([plain], activation="relu"):
        assert wrapped(2) == (2, "relu")


def test_decorated_later():
    """A function may be decorated, and a scope opened, in any order as long as the scope comes second."""

    def later(rate=0):
        return rate

    with pytest.raises(errors.ArgScopeError, match="later is not decorated with @add_arg_scope"):
        arg_scope([later], rate=1)
    with arg_scope([add_arg_scope(later)], rate=1):
        assert (later(), add_arg_scope(later)()) == (0, 1)


def test_method():
    """A method is named by its class or by an object of it."""
    block = Block()
    for method in (Block.call, block.call):
        with arg_scope([method], factor=3):
            assert (block.call(2), block.call(2, 5), block.call(2, factor=7)) == (6, 10, 14)
    assert has_arg_scope(block.call)


def test_class():
    """A class stays a class: its constructor gets the defaults, that of another class derived from it does not."""
    with arg_scope([Block], units=4, rate=0.5):
        block, wide = Block(), Wide()
        assert Block(8).units == 8
    assert (block.units, block.rate, wide.units) == (4, 0.5, 1)
    assert isinstance(wide, Block)
    assert (Block.__name__, Block.__module__, Block.__doc__) == ("Block", __name__, "A block.")
    assert not has_arg_scope(Wide)


def test_class_with_new():
    """A class that is made by `__new__` takes its arguments from there."""
    with arg_scope([Point], y=2):
        assert Point(1) == (1, 2)
    assert arg_scoped_arguments(Point) == ("x", "y")


def test_class_is_the_same():
    """A class is what it was: of its type, with its signature, to be derived from, copied and pickled."""

    class Abstract(Block, abc.ABC):
        """A class with another metaclass."""

    assert type(Block) is type
    assert list(inspect.signature(Block).parameters) == ["units", "rate"]
    assert add_arg_scope(Block) is Block
    with arg_scope([Block], units=4):
        copies = [copy.deepcopy(Block()), copy.copy(Block(2)), Abstract()]
    assert [block.units for block in copies] == [4, 2, 1]
    assert pickle.loads(pickle.dumps(copies[0])).units == 4


@pytest.mark.parametrize("args", [(3.0,), ()])
def test_layer_keeps_the_defaults_in_its_config(args):
    """A layer that is made in a scope remembers all its arguments, so that it is loaded with them outside of it."""
    with arg_scope([Scale], factor=3.0, dtype="float16"):
        layer = Scale(*args, name="three")
    assert (layer.get_config()["factor"], layer.compute_dtype) == (3.0, "float16")
    loaded = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert (type(loaded), loaded.name, loaded.factor, loaded.compute_dtype) == (Scale, "three", 3.0, "float16")


def test_scoped_layer():
    """A scoped layer takes part like any class."""

    @add_arg_scope
    class Tower(kscope.ScopedLayer):
        def __init__(self, units, initializer="zeros", **kwargs):
            super().__init__(**kwargs)
            self.units, self.initializer = units, initializer

        def call(self, x):
            return x @ kscope.get_variable("kernel", [x.shape[-1], self.units], initializer=self.initializer)

    with arg_scope([Tower], initializer="ones", scope="tower"):
        tower = Tower(1)
    assert keras.ops.convert_to_numpy(tower(np.ones((1, 2), "float32"))).tolist() == [[2.0]]
    assert [v.path for v in tower.weights] == ["tower/kernel"]
    assert tower.get_config()["initializer"] == "ones"


def test_class_without_a_constructor():
    """A class that takes no arguments has nothing to set."""

    @add_arg_scope
    class Empty:
        """Nothing."""

    assert isinstance(Empty(), Empty)
    assert arg_scoped_arguments(Empty) == ()


def test_function_without_a_signature():
    """A function that does not tell its arguments is trusted to take them."""

    class Untold:
        __signature__ = "unknown"

        def __call__(self, **kwargs):
            return kwargs

    untold = add_arg_scope(Untold())
    with arg_scope([untold], rate=1):
        assert untold() == {"rate": 1}
    assert arg_scoped_arguments(untold) == ()


def test_arguments_that_can_be_set():
    """The arguments with a default are listed, and those that can only be given by name."""
    assert arg_scoped_arguments(dense) == ("activation", "name")
    assert arg_scoped_arguments(Block) == ("units", "rate")
    assert arg_scoped_arguments(Block.call) == ("factor",)


@pytest.mark.parametrize("thing", [plain.__call__, len, keras.ops.relu, [], Unhashable(), object(), "dense", None])
def test_not_decorated(thing):
    """Whatever was not decorated has no arg scope, and says how to get one."""
    assert not has_arg_scope(thing)
    with pytest.raises(errors.ArgScopeError, match="is not decorated with @add_arg_scope\n  Fix: decorate it at its"):
        arg_scope([dense, thing], activation="relu")
    with pytest.raises(errors.ArgScopeError, match="is not decorated"):
        arg_scoped_arguments(thing)


@pytest.mark.parametrize(
    ("scope", "kwargs", "message"),
    [
        ([dense], {"activatoin": 1}, "dense.. got an unexpected keyword argument 'activatoin'"),
        ([conv, dense], {"size": 1}, "it takes: activation, name, units"),
        ([dense], {"activatoin": 1}, "nearest names: activation"),
        ([Block], {"unit": 1}, "Block.. got an unexpected keyword argument 'unit'"),
        ([PARTIAL], {"unit": 1}, r"functools.partial\(.*\)\(\) got an unexpected keyword argument 'unit'"),
        ({dense: {"size": 1}}, {}, "dense.. got an unexpected keyword argument 'size'"),
        (dense, {"activation": 1}, "list_ops_or_scope must either be a list/tuple or reused scope"),
        (None, {}, "list_ops_or_scope must either be a list/tuple or reused scope"),
    ],
)
def test_arguments_of_arg_scope(scope, kwargs, message):
    """What no call could take is a TypeError when the scope is made, as it would be at the call."""
    with pytest.raises(errors.OptionTypeError, match=message):
        arg_scope(scope, **kwargs)


def test_captured_scope_with_arguments():
    """A captured scope takes no arguments."""
    with pytest.raises(errors.ArgScopeError, match="When attempting to re-use a scope by supplying a dictionary"):
        arg_scope(current_arg_scope(), activation="relu")


def test_decorating_what_cannot_be_called():
    """Only functions and classes can be decorated."""
    with pytest.raises(errors.OptionTypeError, match="needs a function or a class. Received: 3"):
        add_arg_scope(3)


@add_arg_scope
def fully_connected(x, units, initializer="zeros", scope=None):
    """A layer of TF1, as a function."""
    with kscope.variable_scope(scope, "fully_connected"):
        return x @ kscope.get_variable("weights", [x.shape[-1], units], initializer=initializer)


@kscope.scoped
def network(x):
    """Two layers in an arg scope."""
    with arg_scope([fully_connected], initializer="ones"):
        x = fully_connected(x, 3)
        return fully_connected(x, 1, scope="logits")


def test_inside_a_scoped_layer():
    """Defaults hold in the call of a scoped layer: while it is built, called, and compiled by `fit`."""
    x = np.ones((4, 2), "float32")
    layer = kscope.scoped(network.function, name="network")
    assert keras.ops.convert_to_numpy(layer(x)).tolist() == [[6.0]] * 4
    assert [v.path for v in layer.weights] == ["network/fully_connected/weights", "network/logits/weights"]
    model = keras.Sequential([layer])
    model.compile("sgd", "mse", jit_compile="auto")
    losses = model.fit(x, np.zeros((4, 1), "float32"), batch_size=4, epochs=1, verbose=0).history["loss"]
    assert losses == [36.0]
    assert dict(current_arg_scope()) == {}


@pytest.mark.torch
def test_torch_compile_has_no_graph_break():
    """`torch.compile` takes a function in an arg scope whole."""
    import torch

    @add_arg_scope
    def scaled(x, factor=1.0):
        return x * factor

    def function(x):
        with arg_scope([scaled], factor=3.0):
            return scaled(x) + scaled(x, 1.0)

    compiled = torch.compile(function, backend="eager", fullgraph=True)
    assert compiled(torch.ones(2)).tolist() == [4.0, 4.0]
