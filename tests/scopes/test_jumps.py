"""Captured scopes, context managers that are used again, name scopes, and absolute scopes (sections D and E)."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from samples import visit

import kscope
from kscope import VariableScope, errors, get_variable, get_variable_scope, variable_scope

# Section D: captured scopes, and using a context manager again.


def test_a_captured_scope_is_a_jump():
    """The current prefix is ignored, and comes back on leaving (row D1)."""
    with variable_scope("a"), variable_scope("b") as b:
        pass
    with variable_scope("c") as c:
        with variable_scope(b) as scope:
            v = get_variable("v", [1])
        assert get_variable_scope() is c
    assert (scope.name, v.path) == ("a/b", "a/b/v")


def test_a_jump_enters_a_copy():
    """Changes inside do not reach the captured object (row D2)."""
    a = visit("a", dtype="float16")
    with variable_scope(a) as copy:
        copy.set_dtype("float32")
        copy.reuse_variables()
    assert copy is not a
    assert (a.dtype, a.reuse) == ("float16", False)


def test_a_captured_scope_is_read_on_entry():
    """What changed between making the context manager and entering it counts (row D3)."""
    a = visit("a")
    manager = variable_scope(a)
    a.set_dtype("float16")
    a.reuse_variables()
    with manager as scope:
        assert (scope.dtype, scope.reuse) == ("float16", True)


def test_a_jump_brings_all_defaults():
    """Those of the place that one jumps from have no influence (row D4)."""
    zeros = keras.initializers.Zeros()
    a = visit("a", initializer=zeros)
    with variable_scope("z", initializer="ones", dtype="float16", regularizer="l2", reuse=True), variable_scope(a) as b:
        assert (b.initializer, b.dtype, b.regularizer, b.reuse) == (zeros, "float32", None, False)


def test_arguments_of_a_jump_override_the_captured_ones():
    """`None` keeps what was captured, anything else replaces it, and a getter is wrapped around it (row D5)."""
    calls = []

    def named(name):
        def getter(next_getter, *args, **kwargs):
            calls.append(name)
            return next_getter(*args, **kwargs)

        return getter

    a = visit("a", initializer="zeros", regularizer="l2", custom_getter=named("captured"))
    b = visit(a, initializer="ones", dtype="float16", custom_getter=named("argument"))
    assert (b.initializer, b.dtype, b.regularizer) == ("ones", "float16", "l2")
    with variable_scope(b):
        get_variable("v", [1])
    assert calls == ["argument", "captured"]


def test_a_jump_to_the_root_has_no_prefix():
    """The root can be captured and entered like any other scope (row D6)."""
    root = get_variable_scope()
    with variable_scope("a"), variable_scope(root) as scope:
        v = get_variable("v", [1])
    assert scope is not root
    assert (scope.name, scope.original_name_scope, v.path) == ("", "", "v")


def test_scopes_below_a_jump_extend_its_prefix():
    """They are joined to the captured name (row D7)."""
    with variable_scope("a"), variable_scope("b") as b:
        pass
    with variable_scope("c"), variable_scope(b), variable_scope("e") as e:
        assert e.name == "a/b/e"


def test_a_scope_may_be_made_by_hand():
    """A `VariableScope` that nobody opened can be entered, and keeps its own defaults (row D8)."""
    made = VariableScope(reuse=None, name="foo", dtype="float16")
    with variable_scope("elsewhere"), variable_scope(made) as scope:
        v = get_variable("v", [1])
    assert (scope.name, v.path, v.dtype) == ("foo", "foo/v", "float16")
    assert (scope.reuse, scope.original_name_scope) == (False, "")


def test_a_captured_scope_belongs_to_no_store():
    """It is a name and defaults; variables go to the store that is current where it is entered (row D9)."""
    with kscope.VariableStore().as_default() as store:
        a = visit("a", dtype="float16")
    with variable_scope(a):
        v = get_variable("v", [1])
    assert (v.path, v.dtype) == ("a/v", "float16")
    assert kscope.default_store()["a/v"] is v
    assert len(store) == 0


def test_a_context_manager_may_be_entered_again():
    """A name is joined anew to the scope that is then the current one (row D10)."""
    manager = variable_scope("a")
    with manager as first:
        pass
    with manager as second:
        pass
    with variable_scope("p"), manager as third:
        pass
    assert [s.name for s in (first, second, third)] == ["a", "a", "p/a"]
    assert first is not second


def test_a_context_manager_keeps_its_unique_name():
    """The name chosen at the first entry is the layer's for good (row D11)."""
    manager = variable_scope(None, "d")
    names = []
    for again in (manager, manager, variable_scope(None, "d"), manager):
        with again as scope:
            names.append(scope.name)
    assert names == ["d", "d", "d_1", "d"]


def test_each_entry_of_a_jump_is_fresh():
    """What the first visit changed is not found by the second one (row D12)."""
    a = visit("a")
    manager = variable_scope(a)
    with manager as first:
        first.reuse_variables()
        first.set_dtype("float16")
    with manager as second:
        assert second is not first
        assert (second.reuse, second.dtype) == (False, "float32")


def test_an_inherited_reuse_mode_does_not_stick():
    """A context manager that was entered in a reusing scope creates elsewhere (row D13)."""
    manager = variable_scope("a")
    with variable_scope("p", reuse=True), manager as inherited:
        pass
    with manager as scope:
        assert (inherited.reuse, scope.name, scope.reuse) == (True, "a", False)


def test_a_context_manager_may_be_entered_inside_itself():
    """Each entry has state of its own, so that it nests and all is put back (row D14)."""
    manager = variable_scope("a")
    with manager as outer:
        with manager as inner:
            assert (outer.name, inner.name) == ("a", "a/a")
        assert get_variable_scope() is outer
    assert get_variable_scope().name == ""


def test_scopes_are_left_in_the_reverse_order():
    """Any other order raises a RuntimeError and leaves everything as it was (row D15)."""
    outer, inner = variable_scope("aa"), variable_scope("bb")
    outer.__enter__()
    current = inner.__enter__()
    with pytest.raises(RuntimeError, match=r"^Improper nesting of variable_scope\.[\s\S]*'aa'[\s\S]*'aa/bb'"):
        outer.__exit__(None, None, None)
    assert get_variable_scope() is current
    inner.__exit__(None, None, None)
    assert get_variable_scope().name == "aa"
    outer.__exit__(None, None, None)
    assert get_variable_scope().name == ""


def test_a_scope_is_left_in_its_own_store():
    """Leaving it while another store is open is no proper nesting (row D15)."""
    manager = variable_scope("a")
    manager.__enter__()
    with kscope.VariableStore().as_default(), pytest.raises(errors.NestingError, match=r"^Improper nesting"):
        manager.__exit__(None, None, None)
    manager.__exit__(None, None, None)
    assert get_variable_scope().name == ""


@pytest.mark.parametrize("entered_before", [False, True])
def test_a_scope_that_is_not_open_cannot_be_left(entered_before):
    """Leaving too often is the same designed error, and not an AttributeError (row D16)."""
    manager = variable_scope("a")
    if entered_before:
        with manager:
            pass
    with pytest.raises(errors.NestingError, match=r"^Improper nesting of variable_scope\.[\s\S]*never entered"):
        manager.__exit__(None, None, None)


# Section E: the name scope that ported code asks for.


def test_original_name_scope_is_that_of_the_first_opening():
    """It is the name with a slash, kept when a captured scope is entered, and empty at the root (row E3)."""
    with variable_scope("a"):
        tower = visit("tower")
        default = visit(None, "d")
    with variable_scope("c"):
        again = visit(tower)
    assert tower.original_name_scope == again.original_name_scope == "a/tower/"
    assert (default.original_name_scope, get_variable_scope().original_name_scope) == ("a/d/", "")


def test_original_name_scope_of_a_name_that_is_opened_again():
    """It is the same, as in TF1's eager execution: no graph numbers it (row P10)."""
    assert visit("o").original_name_scope == visit("o").original_name_scope == "o/"


def test_without_an_auxiliary_name_scope_it_is_that_of_the_place():
    """Variable names are as ever, and the name scope is the outer one, for all three kinds of scopes (row E4)."""
    assert visit("inner", auxiliary_name_scope=False).original_name_scope == ""
    with variable_scope("outer"):
        with variable_scope("inner", auxiliary_name_scope=False) as named:
            v = get_variable("w", [])
        default = visit(None, "d", auxiliary_name_scope=False)
    captured = visit(named, auxiliary_name_scope=False)
    assert v.path == "outer/inner/w"
    assert [s.name for s in (named, default, captured)] == ["outer/inner", "outer/d", "outer/inner"]
    assert {s.original_name_scope for s in (named, default, captured)} == {"outer/"}


def test_an_auxiliary_name_scope_is_not_inherited():
    """A child opens its own again (row E5)."""
    with variable_scope("a", auxiliary_name_scope=False):
        assert visit("b").original_name_scope == "a/b/"


# Absolute scopes: an addition to TF1, for sharing on purpose.


def test_a_leading_slash_starts_at_the_root():
    """Prefix, defaults and reuse mode are the root's, not those of the place; what is given is added."""
    root = get_variable_scope()
    root.set_regularizer("l2")
    with variable_scope("a", dtype="float16", regularizer="l1", reuse=True):
        with variable_scope("/embeddings/x", initializer="ones") as scope:
            v = get_variable("v", [1])
        assert get_variable_scope().name == "a"
    assert (v.path, scope.name, scope.original_name_scope) == ("embeddings/x/v", "embeddings/x", "embeddings/x/")
    assert (scope.dtype, scope.regularizer, scope.initializer, scope.reuse) == ("float32", "l2", "ones", False)
    assert (root.initializer, root.reuse) == (None, False)


def test_an_absolute_scope_shares_on_purpose():
    """From wherever it is opened, it is one scope with the reuse mode that it is given."""

    def embedding():
        with variable_scope("/embeddings", reuse=kscope.AUTO_REUSE):
            return get_variable("table", [2, 2])

    with variable_scope("encoder"):
        table = embedding()
    with variable_scope("decoder", reuse=True), variable_scope("deeper"):
        assert embedding() is table
    assert list(kscope.default_store()) == ["embeddings/table"]


def test_an_absolute_scope_follows_the_reuse_mode_of_the_root():
    """A root that reuses makes it reuse."""
    get_variable_scope().reuse_variables()
    assert visit("/a").reuse is True


def test_an_absolute_scope_puts_the_counters_back():
    """It is a jump: default names inside it leave no trace, and its own opening is counted."""
    names = []
    for _ in range(2):
        with variable_scope("p"), variable_scope("/a"):
            names += [visit(None, "x").name, visit(None, "x").name]
    assert names == ["a/x", "a/x_1"] * 2
    assert visit(None, "a").name == "a_1"


@pytest.mark.parametrize("name", ["//a", "/_a", "/a/", "/a b"])
def test_an_absolute_name_is_as_strict_as_one_at_the_root(name):
    """Behind the slash stands the name of a scope at the root (rows A10, B7)."""
    with variable_scope("o"), pytest.raises(errors.ScopeNameError, match=r"is not a valid (root )?scope name"):
        visit(name)


def test_layers_of_one_store_share_an_absolute_scope():
    """Inside a call it starts at the root of the layer's store."""

    class Embedding(kscope.ScopedLayer):
        def call(self, x):
            with variable_scope("/embeddings", reuse=kscope.AUTO_REUSE):
                return x @ get_variable("table", [2, 2])

    with kscope.VariableStore().as_default():
        first, second = Embedding(name="first"), Embedding(name="second")
    for layer in (first, second):
        layer(np.ones((1, 2), "float32"))
    assert first.weights[0] is second.weights[0]
    assert first.weights[0].path == "embeddings/table"
