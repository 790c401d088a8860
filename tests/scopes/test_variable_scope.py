"""Opening scopes: arguments, names, and errors in and around them (sections A, B, Q).

Sections D and E are in `test_jumps.py`, section F is in `test_reuse.py`; what operations are called is in
`test_tracing.py`.
"""

from __future__ import annotations

import inspect
import threading

import keras
import numpy as np
import pytest
from samples import visit

import kscope
from kscope import VariableScope, errors, get_variable, get_variable_scope, variable_scope

ORDER = [
    "name_or_scope",
    "default_name",
    "values",
    "initializer",
    "regularizer",
    "caching_device",
    "partitioner",
    "custom_getter",
    "reuse",
    "dtype",
    "use_resource",
    "constraint",
    "auxiliary_name_scope",
]


class Text(str):
    """A str of another class."""

    __slots__ = ()


# Section A: the arguments.


@pytest.mark.parametrize("args", [(None,), (None, None)])
def test_a_scope_needs_a_name_or_a_default_name(args):
    """Neither a name nor a default name is refused by the constructor (row A1)."""
    with pytest.raises(errors.ScopeTypeError, match=r"^If default_name is None then name_or_scope is required"):
        variable_scope(*args)


@pytest.mark.parametrize("given", [3, b"a", ["a"], True, 1.5])
def test_only_a_str_or_a_scope_is_entered(given):
    """Entering anything else raises a TypeError, and nothing is opened or counted (row A2)."""
    with pytest.raises(TypeError, match=r"^VariableScope: name_or_scope must be a string or VariableScope\.\n  got:"):
        visit(given)
    assert get_variable_scope().name == ""
    assert visit(None, "a").name == "a"


def test_a_subclass_of_str_is_a_name():
    """A str of another class is joined like any other (row A2)."""
    with variable_scope(Text("a")), variable_scope(Text("b")) as scope:
        assert scope.name == "a/b"


@pytest.mark.parametrize("reuse", [1, 0, "yes", np.True_, np.False_, "AUTO_REUSE"])
def test_reuse_is_checked_by_identity(reuse):
    """The constructor refuses what only looks like a reuse mode (row A3)."""
    with pytest.raises(ValueError, match=r"^The reuse parameter must be True or False or None\.[\s\S]*AUTO_REUSE"):
        variable_scope("a", reuse=reuse)


@pytest.mark.parametrize("parent", [None, True])
@pytest.mark.parametrize("reuse", [True, kscope.AUTO_REUSE])
def test_a_default_name_cannot_be_reused(reuse, parent):
    """A reuse mode without a name is refused on entry, also below a scope that reuses (row A5)."""
    manager = variable_scope(None, "d", reuse=reuse)
    with (
        variable_scope("p", reuse=parent),
        pytest.raises(errors.ReuseError, match=r"^reuse=True cannot be used without a name_or_scope"),
    ):
        manager.__enter__()


@pytest.mark.parametrize("reuse", [None, False])
def test_a_default_name_may_inherit(reuse):
    """`None` and `False` inherit, and go with a default name (row A5)."""
    with variable_scope("p", reuse=True):
        assert visit(None, "d", reuse=reuse).reuse is True


@pytest.mark.parametrize("given", [0, 1, None, np.True_])
def test_auxiliary_name_scope_is_a_bool(given):
    """The constructor refuses anything but `True` and `False` (row A6)."""
    with pytest.raises(TypeError, match=r"^The auxiliary_name_scope must be `True` or `False`, while get "):
        variable_scope("a", auxiliary_name_scope=given)


@pytest.mark.parametrize("given", [True, False, kscope.AUTO_REUSE, 3, b"d"])
@pytest.mark.parametrize("name", ["a", None])
def test_a_default_name_is_a_str(name, given):
    """`variable_scope("a", True)` does not turn reuse on, so that it is refused (rows A7, C17)."""
    with pytest.raises(errors.NameTypeError, match=r"default_name must be a string\.[\s\S]*write `reuse="):
        variable_scope(name, given)


def test_a_default_name_beside_a_name_has_no_effect():
    """The name wins (row A7)."""
    assert visit("tower", "default", []).name == "tower"


def test_arguments_are_in_tf1_order():
    """Ported code may pass all thirteen by position (row A8)."""
    parameters = inspect.signature(variable_scope).parameters.values()
    assert [p.name for p in parameters] == ORDER
    assert [p.name for p in parameters if p.default is p.empty] == ORDER[:1]


def test_values_have_no_effect():
    """Any iterable is accepted, a generator too, and changes nothing (row A9)."""
    assert visit("s", None, values=(x for x in (keras.ops.ones(1), 3))).name == "s"
    with pytest.raises(TypeError, match="not iterable"):
        variable_scope("s", values=3)


@pytest.mark.parametrize("name", ["a b", "a:0", "é", "a\n", "a\tb", "a?"])
def test_illegal_characters_are_refused_everywhere(name):
    """No checkpoint could hold them, whether a graph is being made or not (rows A10, P10)."""
    with pytest.raises(errors.ScopeNameError, match=r"is not a valid root scope name. A root scope name has to match"):
        visit(name)
    with (
        variable_scope("o"),
        pytest.raises(errors.ScopeNameError, match=r"is not a valid scope name. A scope name has"),
    ):
        visit(name)
    with pytest.raises(errors.ScopeNameError, match="is not a valid root scope name"):
        visit(None, name)


@pytest.mark.parametrize("name", ["_x", "-x", ">x", "\\x"])
def test_some_first_characters_are_legal_below_the_root_only(name):
    """A name starts with a letter, a digit or a dot at the root, as in TF1 (row A10)."""
    with pytest.raises(errors.ScopeNameError, match="is not a valid root scope name"):
        visit(name)
    with variable_scope(""), pytest.raises(errors.ScopeNameError, match="is not a valid root scope name"):
        visit(name)
    with variable_scope("o"):
        assert visit(name).name == "o/" + name


@pytest.mark.parametrize("name", ["a b", "_a", "/a", "a//b", "a/"])
def test_the_name_of_a_scope_made_by_hand_is_checked_on_entry(name):
    """A scope that no one opened by name has not been checked before (rows A10, B7, D8)."""
    with pytest.raises(errors.ScopeNameError, match="is not a valid"):
        visit(VariableScope(None, name))


@pytest.mark.parametrize(
    ("argument", "value", "error", "match"),
    [
        ("dtype", "nope", errors.DtypeError, "^Cannot convert the argument `type_value`: 'nope' to a dtype"),
        ("regularizer", 4, errors.OptionTypeError, "^The regularizer must be a callable or the name of one"),
        ("constraint", 4, errors.OptionTypeError, "^The constraint must be a callable or the name of one"),
        ("caching_device", 4, errors.OptionTypeError, "^The caching_device must be a callable or the name of one"),
        ("partitioner", 4, errors.OptionTypeError, "^The partitioner must be a callable, while get 4"),
        ("use_resource", 4, errors.OptionTypeError, "^The use_resource must be a bool or None, while get 4"),
    ],
)
def test_impossible_defaults_are_refused_when_the_scope_is_made(argument, value, error, match):
    """Nonsense surfaces where it was written, and not at the first variable (rows A11, P9)."""
    with pytest.raises(error, match=match):
        variable_scope("a", **{argument: value})


def test_a_getter_that_cannot_be_called_is_noticed_by_get_variable():
    """It is a ValueError at the first look-up, as in TF1 (row A11)."""
    message = "^Passed a custom_getter which is not callable: 3"
    with variable_scope("a", custom_getter=3), pytest.raises(errors.GetterError, match=message) as caught:
        get_variable("v", [1])
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("argument", ["regularizer", "constraint", "initializer"])
def test_a_name_that_keras_does_not_know_is_noticed_by_get_variable(argument):
    """Identifiers are looked up where they are used: a custom object may be registered later (row A11)."""
    message = f"^Could not interpret {argument} identifier: 'nope'"
    with variable_scope("a", **{argument: "nope"}), pytest.raises(ValueError, match=message):
        get_variable("v", [1])


def test_the_block_gets_the_current_scope():
    """`as` gives the very object that `get_variable_scope()` returns inside (rows A12, R3)."""
    with variable_scope("a") as scope:
        assert get_variable_scope() is scope
        with variable_scope("b") as inner:
            assert get_variable_scope() is inner
        assert get_variable_scope() is scope


def test_a_scope_is_no_decorator():
    """`variable_scope` is a class of context managers, which cannot be called (row A13)."""
    assert inspect.isclass(variable_scope)
    assert not callable(variable_scope("a"))


# Section B: names.


def test_names_are_joined_with_slashes():
    """Scopes and the variable make one path, and TF1's name of it (row B1)."""
    with variable_scope("foo"), variable_scope("bar"):
        v = get_variable("v", [1])
    assert (v.path, v.name) == ("foo/bar/v", "foo/bar/v:0")


def test_a_slash_is_part_of_the_full_name():
    """However the parts are spread over scopes and the variable's name, it is one variable (row B2)."""
    with variable_scope("a/b"):
        v = get_variable("c/v", [1])
    with variable_scope("a", reuse=True):
        with variable_scope("b"):
            assert get_variable("c/v", [1]) is v
        assert get_variable("b/c/v", [1]) is v
    assert kscope.default_store()["a/b/c/v"] is v


def test_a_name_may_be_opened_again():
    """It is the same name and another scope, and that it was open before is no error (row R5)."""
    with variable_scope("foo") as first:
        a = get_variable("a", [1])
    with variable_scope("foo") as second:
        b = get_variable("b", [1])
    assert (a.path, b.path) == ("foo/a", "foo/b")
    assert first is not second


def test_variables_and_scopes_have_separate_names():
    """A variable may be called as a scope is (row B3)."""
    v = get_variable("x", [1])
    with variable_scope("x"):
        w = get_variable("y", [1])
    assert (v.path, w.path) == ("x", "x/y")


def test_there_is_no_prefix_at_the_root():
    """The root's name is empty, and no open Keras name scope leaks in (row B4)."""
    with keras.name_scope("ns"):
        v = get_variable("v", [1])
    assert get_variable_scope().name == ""
    assert (v.path, v.name) == ("v", "v:0")


def test_an_empty_name_at_the_root_sets_defaults():
    """`variable_scope("")` changes reuse and defaults, and no name (row B5)."""
    with variable_scope("", reuse=kscope.AUTO_REUSE, dtype="float16") as scope:
        v = get_variable("v", [1])
        assert get_variable("v", [1]) is v
    assert (scope.name, scope.original_name_scope) == ("", "")
    assert (v.path, v.dtype) == ("v", "float16")


def test_an_empty_name_below_the_root_sets_defaults():
    """`variable_scope("")` keeps the name there too, where TF1 doubles the slash (row B6)."""
    with variable_scope("o") as outer:
        with variable_scope("", dtype="float16") as scope:
            v = get_variable("v", [1])
        assert get_variable_scope() is outer
    assert (scope.name, scope.original_name_scope) == ("o", "o/")
    assert (v.path, v.dtype, outer.dtype) == ("o/v", "float16", "float32")


@pytest.mark.parametrize("args", [("a/",), ("a//b",), ("a//",), (None, "a/"), (None, "a//b"), (None, "/a")])
@pytest.mark.parametrize("outer", ["", "o"])
def test_trailing_and_double_slashes_are_refused(outer, args):
    """TF1 lets them through, to paths that no Keras variable can have (rows B7, C17)."""
    with (
        variable_scope(outer),
        pytest.raises(errors.ScopeNameError, match=r"is not a valid scope name.*\n  Fix: leave"),
    ):
        visit(*args)


def test_name_scopes_and_layers_do_not_change_variable_names():
    """Neither an open `keras.name_scope` nor the layer that runs is seen in a path (row B8)."""
    made = []

    class Plain(keras.layers.Layer):
        def call(self, x):
            with variable_scope("a", reuse=kscope.AUTO_REUSE):
                made.append(get_variable("v", [1]))
            return x

    with keras.name_scope("ns"), variable_scope("a"):
        v = get_variable("v", [1])
    Plain(name="layer")(np.ones((1, 1), "float32"))
    assert v.path == "a/v"
    assert made
    assert all(variable is v for variable in made)


def test_variables_of_keras_take_no_part_in_sharing():
    """A `keras.Variable` and a layer's weights are in no store (row B9)."""
    layer = keras.layers.Dense(1, name="a")
    layer.build((1, 1))
    with variable_scope("a"):
        keras.Variable([0.0], name="v")
    assert len(kscope.default_store()) == 0
    with variable_scope("a", reuse=True):
        for name in ("v", "kernel"):
            with pytest.raises(errors.VariableMissingError, match=f"^Variable a/{name} does not exist"):
                get_variable(name, [1])


def test_the_key_and_the_path_agree():
    """No operation and no other variable can take a scoped name away (row B10)."""
    keras.Variable([0.0], name="v")
    v = get_variable("v", [1])
    assert v.path == "v"
    assert kscope.default_store()["v"] is v


def test_names_are_case_sensitive():
    """Variables and scopes that differ in case are different (row B11)."""
    assert get_variable("v", [1]) is not get_variable("V", [1])
    assert (visit(None, "Foo").name, visit(None, "foo").name) == ("Foo", "foo")
    assert sorted(kscope.default_store()) == ["V", "v"]


@pytest.mark.parametrize("name", ["v:0", "a b", "_v", "é", "v\n"])
def test_illegal_variable_names_are_refused(name):
    """The name of a new variable is as strict as that of a scope (row B12)."""
    with pytest.raises(errors.VariableNameError, match="is not a valid root scope name"):
        get_variable(name, [1])
    assert len(kscope.default_store()) == 0


def test_a_leading_underscore_is_legal_in_a_scope():
    """Below the root a name may start with it (row B12)."""
    with variable_scope("s"):
        assert get_variable("_v", [1]).path == "s/_v"


@pytest.mark.parametrize("scope", ["", "s"])
@pytest.mark.parametrize(
    ("name", "error", "match"),
    [
        ("", errors.VariableNameError, "^The name of a variable must not be empty"),
        ("v/", errors.VariableNameError, "^'.*v/' is not a valid variable name.*\n  Fix: leave out"),
        ("/v", errors.VariableNameError, "^'/v' is not a valid variable name.*\n  Fix: leave out"),
        ("a//v", errors.VariableNameError, "is not a valid variable name"),
        (None, errors.NameTypeError, "^The name of a variable must be a str. Received: name=None"),
        (3, errors.NameTypeError, "^The name of a variable must be a str. Received: name=3"),
    ],
)
def test_degenerate_variable_names_are_refused(scope, name, error, match):
    """A name is a str, not empty, without leading, trailing and double slashes (rows B12, B13)."""
    with variable_scope(scope), pytest.raises(error, match=match):
        get_variable(name, [1])


# Section Q: exceptions inside and around scopes.


@pytest.mark.parametrize("captured", [False, True])
def test_an_exception_passes_and_the_scope_is_restored(captured):
    """What is raised in a block comes out as it was, and all scopes are left (row Q1)."""
    root, target = get_variable_scope(), visit("b") if captured else "b"
    error = KeyError("k")
    with pytest.raises(KeyError, match="k") as caught, variable_scope("a", dtype="float16"), variable_scope(target):
        raise error
    assert caught.value is error
    assert get_variable_scope() is root
    assert (root.name, root.dtype) == ("", "float32")


def test_an_exception_leaves_the_counters_as_a_normal_exit_does():
    """The children are forgotten, and the scope itself is counted (row Q2)."""
    with pytest.raises(KeyError, match="k"), variable_scope("p"), variable_scope(None, "x"):
        raise KeyError("k")
    with variable_scope("p"):
        assert visit(None, "x").name == "p/x"
    assert visit(None, "p").name == "p_1"


def test_an_exception_in_a_function_keeps_its_variables():
    """What plain code made before it failed stays made, as in TF1 (row Q3)."""

    def model(*, bad):
        with variable_scope("m"):
            get_variable("a", [1])
            if bad:
                raise KeyError("k")

    with pytest.raises(KeyError, match="k"):
        model(bad=True)
    assert list(kscope.default_store()) == ["m/a"]
    with pytest.raises(errors.VariableExistsError, match=r"^Variable m/a already exists"):
        model(bad=False)


def test_an_exception_in_the_first_call_of_a_layer_takes_its_variables_back():
    """A first call that fails leaves nothing behind, so that it can be tried again (row Q3)."""

    class Model(kscope.ScopedLayer):
        bad = True

        def call(self, x):
            a = get_variable("a", [1])
            if self.bad:
                raise KeyError("k")
            return x * a

    store = kscope.VariableStore()
    model = Model(name="m", store=store)
    with pytest.raises(KeyError, match="k"):
        model(np.ones((1, 1), "float32"))
    assert len(store) == 0
    model.bad = False
    model(np.ones((1, 1), "float32"))
    assert list(store) == ["m/a"]


@pytest.mark.parametrize(
    ("args", "reuse", "match"),
    [
        (("a b",), None, "is not a valid scope name"),
        (("/a b",), None, "is not a valid root scope name"),
        ((None, "a b"), None, "is not a valid scope name"),
        ((None, "d"), True, "reuse=True cannot be used without a name_or_scope"),
        ((3,), None, "must be a string or VariableScope"),
    ],
)
def test_a_failing_entry_changes_nothing(args, reuse, match):
    """Scope and counters are as they were, and the context manager is not half open (rows Q4, P9)."""
    manager = variable_scope(*args, reuse=reuse)
    with variable_scope("p") as current:
        with pytest.raises((ValueError, TypeError), match=match):
            manager.__enter__()
        assert get_variable_scope() is current
        assert visit(None, "d").name == "p/d"
    with pytest.raises(errors.NestingError, match="never entered"):
        manager.__exit__(None, None, None)


def test_threads_do_not_see_each_others_scopes():
    """A thread starts at an empty root, also while another one stands in a scope (row J10)."""
    seen = []
    with variable_scope("a"):
        thread = threading.Thread(target=lambda: seen.append((get_variable_scope().name, visit("b").name)))
        thread.start()
        thread.join()
        assert get_variable_scope().name == "a"
    assert seen == [("", "b")]
