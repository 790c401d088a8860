"""Operations carry the scopes they run in while a program is traced, and nothing is opened otherwise."""

from __future__ import annotations

import re

import keras
import numpy as np
import pytest

import kscope
from kscope import VariableScope, get_variable, get_variable_scope, variable_scope
from kscope._scopes.operation_names import OpScope, tracing

ONES = np.ones((1, 2), "float32")


def place() -> str:
    """Where Keras would put a variable that is made here, which is what its open name scopes say."""
    return keras.Variable(0.0, name="probe").path.rpartition("/")[0]


def jax_names(function) -> set[str]:
    """The scopes of a function's operations in the program that JAX lowers."""
    import jax

    text = jax.jit(function).lower(ONES).as_text(debug_info=True)
    return {name.rpartition("/")[0] for name in re.findall(r'"(?:jit\([^)]*\)/)+([^"]*)"', text)}


def tensorflow_names(function) -> set[str]:
    """The scopes of a function's operations in the graph that TensorFlow traces."""
    import tensorflow as tf

    graph = tf.function(function).get_concrete_function(tf.TensorSpec([1, 2])).graph
    return {op.name.rpartition("/")[0] for op in graph.get_operations() if op.type == "Mul"}


@pytest.fixture
def names(backend):
    """A function that traces a function and returns the scopes of its multiplications."""
    return {"jax": jax_names, "tensorflow": tensorflow_names}[backend]


def scoped(*args, **kwargs):
    """A function that multiplies in one scope."""

    def function(x):
        with variable_scope(*args, **kwargs):
            return x * 2.0

    return function


traced_backends = [pytest.mark.jax, pytest.mark.tensorflow]


def for_each_traced_backend(test):
    """Run a test where traced operations have names; PyTorch's have none."""
    for mark in traced_backends:
        test = mark(test)
    return test


# In eager execution.


@pytest.mark.parametrize("target", ["a/b", "/a/b", "", VariableScope(None, "a/b")])
def test_nothing_is_opened_in_eager_execution(target):
    """Keras' name scopes are as they were, so that entering a scope costs next to nothing."""
    assert not tracing()
    assert place() == ""
    with variable_scope(target):
        assert place() == ""
    with keras.name_scope("ns"), variable_scope(target):
        assert place() == "ns"


# While a program is traced.


@for_each_traced_backend
@pytest.mark.parametrize(
    ("args", "kwargs", "name"),
    [
        (("a",), {}, "a"),
        (("a/b",), {}, "a/b"),
        (("/a/b",), {}, "a/b"),
        ((None, "d"), {}, "d"),
        ((VariableScope(None, "o/i"),), {}, "i"),
        (("",), {}, ""),
        ((VariableScope(None),), {}, ""),
    ],
)
def test_operations_carry_their_scope(names, args, kwargs, name):
    """A name is carried in full, and of a captured scope the last part (rows E1, E2)."""
    assert names(scoped(*args, **kwargs)) == {name}


@for_each_traced_backend
@pytest.mark.parametrize(
    "args", [("a",), ("/a",), (None, "d"), ("",), (VariableScope(None, "o/i"),)], ids=lambda args: str(args[0])
)
def test_without_an_auxiliary_name_scope_operations_carry_nothing(names, args):
    """They stand where they would without the scope (rows E4, E5)."""
    assert names(scoped(*args, auxiliary_name_scope=False)) == {""}


@for_each_traced_backend
def test_nested_scopes_are_carried_and_left(names):
    """Each operation has the scopes that are open, and no other (rows E1, E4, E5)."""

    def function(x):
        with variable_scope("a"):
            with variable_scope("hidden", auxiliary_name_scope=False), variable_scope("b"):
                x = x * 2.0
            with variable_scope("", dtype="float16"):
                x = x * 3.0
        return x * 4.0

    assert names(function) == {"a/b", "a", ""}


@for_each_traced_backend
def test_scopes_are_left_when_the_body_raises(names):
    """What comes after the exception does not carry the scope (row Q1)."""

    def function(x):
        with pytest.raises(KeyError, match="k"), variable_scope("a"), variable_scope("b"):
            raise KeyError("k")
        return x * 2.0

    assert names(function) == {""}


@for_each_traced_backend
def test_a_scope_that_was_opened_eagerly_names_no_operation(names):
    """It was nothing to the program that is traced inside it; the variables' names are as ever."""
    with variable_scope("outer"):
        assert names(scoped("a")) == {"a"}


@for_each_traced_backend
@pytest.mark.parametrize(
    ("name", "carried"), [("_a", "a"), ("-a", "a"), (">a", "a"), ("\\a", "a"), ("a/_b", "a/b"), ("a/>", "a/scope")]
)
def test_every_legal_scope_name_can_be_traced(names, name, carried):
    """First characters that TensorFlow takes in no name scope at its root are left out (rows A10, P9)."""
    with variable_scope("o"):
        assert names(scoped(name)) == {carried}
    assert place() == ""


@for_each_traced_backend
def test_variable_names_do_not_depend_on_tracing(names):
    """A variable that is made in a trace has the path that it would have outside (rows B8, E4)."""

    def function(x):
        with variable_scope("a"), variable_scope("b", reuse=kscope.AUTO_REUSE):
            return x * get_variable("v", [2])

    names(function)
    assert [v.path for v in kscope.default_store().variables()] == ["a/b/v"]


@for_each_traced_backend
def test_the_operations_of_a_layer_carry_its_scopes(names):
    """Those inside the call of a scoped layer stand below the layer's own name, which TensorFlow may number."""

    class Tower(kscope.ScopedLayer):
        def call(self, x):
            with variable_scope("fc"):
                return x * get_variable("scale", [2])

    tower = Tower(name="tower")
    tower(ONES)
    assert {re.sub(r"_\d+", "", name) for name in names(lambda x: tower(x))} == {"tower/fc"}


# While Keras traces, on every backend.


@pytest.mark.parametrize("symbolic", [False, True])
def test_layers_inside_a_layer_are_named_alike_on_every_backend(symbolic):
    """Keras' own layers that are built in a symbolic call have the scopes in their paths, PyTorch's too."""

    class Tower(kscope.ScopedLayer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.dense = keras.layers.Dense(2, name="dense")

        def call(self, x):
            with variable_scope("block"):
                return self.dense(x)

    tower = Tower(name="tower")
    tower(keras.Input((2,)) if symbolic else ONES)
    assert [v.path for v in tower.weights] == ["tower/block/dense/kernel", "tower/block/dense/bias"]


def test_name_scopes_are_closed_in_the_reverse_order():
    """One for each part, all of them left at once; a part that is all underscores gets a name."""
    before = place()
    operations = OpScope("a/_/_b")
    assert place() == "a/scope/b"
    operations.close()
    assert place() == before == ""


@pytest.mark.torch
def test_scopes_do_no_harm_to_compiled_programs():
    """`torch.compile` traces through a scope without a graph break, and the result is as without it."""
    import torch

    compiled = torch.compile(scoped("a/b"), backend="eager", fullgraph=True)
    x = torch.ones(1, 2)
    assert torch.equal(compiled(x), x * 2.0)
    assert get_variable_scope().name == ""
    assert place() == ""


@pytest.mark.torch
def test_a_symbolic_call_is_a_trace_on_torch():
    """PyTorch itself has no names for operations, so that only Keras' traces count."""
    seen = []

    class Plain(keras.layers.Layer):
        def call(self, x):
            seen.append(tracing())
            return x

    Plain()(keras.Input((2,)))
    assert set(seen) == {True}
    Plain()(ONES)
    assert seen[-1] is False
