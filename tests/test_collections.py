"""Collections and listings of variables, and local variables (section N)."""

from __future__ import annotations

import pytest

import kscope
from kscope import default_store, errors, get_local_variable, get_variable, variable_scope


def _names(variables):
    return [variable.name for variable in variables]


def test_collections_in_order_of_creation():
    """New variables are global, and trainable if they train; sharing adds nothing (row N1)."""
    with variable_scope("b"):
        get_variable("v", [])
    with variable_scope("a"):
        get_variable("v", [], trainable=False)
    with variable_scope("b", reuse=kscope.AUTO_REUSE):
        get_variable("v", [])
        get_variable("w", [])
    store = default_store()
    assert _names(store.get_collection("variables")) == _names(store.variables()) == ["b/v:0", "a/v:0", "b/w:0"]
    assert _names(store.get_collection("trainable_variables")) == _names(store.trainable_variables())
    assert _names(store.trainable_variables()) == ["b/v:0", "b/w:0"]
    assert _names(store.non_trainable_variables()) == ["a/v:0"]


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"collections": ["c"]}, ["trainable_variables", "c"]),
        ({"collections": ("c", "variables")}, ["variables", "trainable_variables", "c"]),
        ({"collections": {"c"}, "trainable": False}, ["c"]),
        ({"collections": []}, ["trainable_variables"]),
        ({"collections": [], "trainable": False}, []),
        ({"collections": None}, ["variables", "trainable_variables"]),
    ],
    ids=str,
)
def test_collections_replace_the_global_one(options, found):
    """`collections=` replaces the global one; what trains is in the trainable one besides (row N2)."""
    get_variable("v", [1], **options)
    keys = ["variables", "trainable_variables", "c", "local_variables"]
    assert [key for key in keys if default_store().get_collection(key)] == found


@pytest.mark.parametrize("make", [get_variable, get_local_variable])
@pytest.mark.parametrize("given", ["abc", 3])
def test_collections_of_another_type(make, given):
    """Collections are a list, tuple or set; a str is not taken apart (row N3)."""
    with pytest.raises(errors.CollectionsError, match=f"must be a list, tuple, or set. Got {given} of type <class"):
        make("v", [1], collections=given)


def test_collections_are_copies():
    """What `get_collection` returns is a fresh list; an unknown key gives an empty one (row N6)."""
    get_variable("v", [])
    default_store().get_collection("variables").append(1)
    default_store().variables().append(1)
    assert len(default_store().get_collection("variables")) == len(default_store().variables()) == 1
    assert default_store().get_collection("nope") == []


def test_listings_of_a_scope():
    """A scope lists what is below it, nested scopes included, and not what merely starts alike (row N7)."""
    with variable_scope("foo") as scope:
        get_variable("a", [])
        with variable_scope("in"):
            get_variable("b", [], trainable=False)
        get_local_variable("c", [])
    with variable_scope("foobar"):
        get_variable("a", [])
    assert _names(scope.global_variables()) == ["foo/a:0", "foo/in/b:0"]
    assert _names(scope.trainable_variables()) == ["foo/a:0"]
    assert _names(scope.local_variables()) == ["foo/c:0"]
    assert len(kscope.get_variable_scope().global_variables()) == 3
    assert _names(default_store().variables("foo/")) == _names(default_store().variables("foo"))


def test_listings_take_names_as_they_are():
    """A dot in a scope's name stands for itself; TF1 took it for a regular expression (row N8)."""
    with variable_scope("a.b") as scope:
        get_variable("v", [])
    with variable_scope("a_b"):
        get_variable("v", [])
    assert _names(scope.global_variables()) == ["a.b/v:0"]


def test_local_variables():
    """A local variable does not train, whatever is asked, and is listed as local in place of global (row N11)."""
    with variable_scope("outer") as outer:
        local = get_local_variable("w", [], trainable=True, collections=["foo"])
        with pytest.raises(errors.VariableExistsError, match="Variable outer/w already exists"):
            get_local_variable("w", [])
    assert (local.name, local.trainable) == ("outer/w:0", False)
    for listed in (outer.local_variables(), *map(default_store().get_collection, ("foo", "local_variables"))):
        assert _names(listed) == ["outer/w:0"]
        assert listed[0] is local
    assert outer.global_variables() == []


@pytest.mark.parametrize("collections", [["foo"], ("foo",), {"foo"}], ids=str)
def test_collections_of_local_variables_are_left_alone(collections):
    """The caller's collections are not changed, and may be a tuple or a set (row N12)."""
    before = type(collections)(collections)
    get_local_variable("g", [1], collections=collections)
    assert collections == before
    assert len(default_store().get_collection("foo")) == 1


def test_collections_are_remembered_as_they_were():
    """Changing a list that was given as collections does not move the variable (row N12)."""
    collections = ["foo"]
    get_variable("v", [1], collections=collections)
    collections[:] = ["bar"]
    assert len(default_store().get_collection("foo")) == 1
    assert default_store().get_collection("bar") == []
