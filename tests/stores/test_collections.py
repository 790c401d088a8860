"""Collections and listings of variables, and local variables (section N)."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import kscope
from kscope import default_store, errors, get_local_variable, get_variable, variable_scope


def _names(variables):
    return [variable.name for variable in variables]


def _number(scalar):
    return float(keras.ops.convert_to_numpy(scalar))


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
    assert _names(default_store().variables("foo/")) == _names(default_store().variables(scope))


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


def test_scopes_are_prefixes_of_names():
    """A str is the start of a name, taken as it is; a regular expression, as in TF1, is `regex=` (rows N4, N8)."""
    for scope in ("foo", "foobar", "x/foo", "a.b", "a_b"):
        with variable_scope(scope):
            get_variable("a", [])
    assert _names(kscope.global_variables("foo")) == ["foo/a:0", "foobar/a:0"]
    assert _names(kscope.global_variables("foo/")) == ["foo/a:0"]
    assert _names(kscope.global_variables("x/f")) == ["x/foo/a:0"]
    assert _names(kscope.global_variables("foo/a:0")) == []
    assert _names(kscope.global_variables(regex=".*foo/")) == ["foo/a:0", "x/foo/a:0"]
    assert _names(kscope.global_variables("x", regex=".*/a:0$")) == ["x/foo/a:0"]
    assert _names(kscope.global_variables("a.b")) == ["a.b/a:0"]
    assert _names(kscope.global_variables(regex="a.b")) == ["a.b/a:0", "a_b/a:0"]
    assert kscope.global_variables("nothing") == kscope.global_variables("nothing/at/all") == []


def test_listings_of_the_package():
    """Each kind of variable has a listing of the current store, which takes a scope (rows N1, R4)."""
    get_variable("a/m", [], collections=[kscope.GraphKeys.GLOBAL_VARIABLES, kscope.GraphKeys.MODEL_VARIABLES])
    get_variable("a/f", [], trainable=False)
    get_local_variable("b/l", [])
    kscope.add_to_collection(kscope.GraphKeys.MOVING_AVERAGE_VARIABLES, get_variable("b/e", []))
    listed = {
        kscope.global_variables: ["a/m:0", "a/f:0", "b/e:0"],
        kscope.trainable_variables: ["a/m:0", "b/e:0"],
        kscope.local_variables: ["b/l:0"],
        kscope.model_variables: ["a/m:0"],
        kscope.moving_average_variables: ["b/e:0"],
    }
    for function, names in listed.items():
        assert _names(function()) == _names(function("")) == _names(function(regex="")) == names
        assert _names(function("b/")) == [name for name in names if name.startswith("b/")]
        assert _names(function(regex=".*/m")) == [name for name in names if name.endswith("/m:0")]
        with kscope.VariableStore().as_default():
            assert function() == []


def test_anything_in_a_collection():
    """A collection holds anything, in the order in which it came; what has no name is in no scope (row N5)."""
    plain = keras.Variable([1.0], name="plain")
    kscope.add_to_collection("c", 3)
    v = get_variable("v", [], collections=["c"])
    kscope.add_to_collections(["c", "d", "c"], plain)
    kscope.add_to_collection("c", v)
    kscope.add_to_collections("c", None)
    found = kscope.get_collection("c")
    assert [item if item is v else str(item) for item in found if item is not plain] == ["3", v, v, "None"]
    assert found[2] is kscope.get_collection("d")[0] is plain
    assert len(kscope.get_collection("c", "")) == len(kscope.get_collection("c", regex="")) == 3
    assert len(kscope.get_variable_scope().get_collection("c")) == 3
    assert kscope.get_collection("c", "pl")[0] is plain


def test_a_ref_is_the_collection():
    """What `get_collection_ref` returns is live: it shows, and makes, changes (row N6)."""
    ref = kscope.get_collection_ref("c")
    v, w = (get_variable(name, [2], collections=["c", "d"]) for name in "vw")
    assert len(ref) == 2
    assert ref[1] is w
    assert v in ref
    assert 3 not in ref
    ref.append(3)
    ref.extend([4, 5])
    assert kscope.get_collection("c")[2:] == ref[2:] == [3, 4, 5]
    ref.remove(v)
    ref.insert(0, 2)
    assert [item if isinstance(item, int) else item.name for item in kscope.get_collection("c")] == [2, "w:0", 3, 4, 5]
    ref[0] = 1
    assert (ref.index(1), ref.index(5), kscope.get_collection("c", "w")) == (0, 4, [w])
    with pytest.raises(ValueError, match="The collection 'c' does not hold 2"):
        ref.remove(2)
    assert repr(ref).startswith("[1, <")
    del ref[:]
    assert kscope.get_collection("c") == []
    assert _names(kscope.get_collection("d")) == ["v:0", "w:0"]
    assert len(default_store()) == 2


@pytest.mark.parametrize("key", [kscope.GraphKeys.TRAINABLE_VARIABLES, kscope.GraphKeys.REGULARIZATION_LOSSES])
def test_what_follows_from_variables_is_not_taken_out(key):
    """A variable leaves the trainable ones by `trainable`, and its loss by its regularizer; more can be added."""
    v = get_variable("v", [2], regularizer="l2")
    ref = kscope.get_collection_ref(key)
    with pytest.raises(errors.UnsupportedError, match=f"'{key}' follows from the variables"):
        ref.clear()
    assert len(ref) == 1
    ref.append(7.0)
    assert kscope.get_collection(key)[1:] == [7.0]
    v.trainable, v.regularizer = False, None
    assert kscope.get_collection(key) == [7.0]


def test_regularization_losses_are_live():
    """A loss is the regularizer's value as the variable is now; a scope has its own (rows N10, I5)."""
    for scope in ("a", "b"):
        with variable_scope(scope, regularizer=lambda v: keras.ops.sum(v)):
            get_variable("v", [2], initializer="ones")
    with variable_scope("c", regularizer=lambda _: None):
        get_variable("v", [2])
    a, b = kscope.get_collection("regularization_losses")
    assert (_number(a), _number(b)) == (2.0, 2.0)
    default_store()["a/v"].assign([1.0, 4.0])
    assert [_number(loss) for loss in kscope.get_collection("regularization_losses", "a/")] == [5.0]
    assert _number(kscope.compat.v1.losses.get_regularization_loss()) == 7.0
    assert _number(kscope.compat.v1.losses.get_regularization_loss("nope")) == 0.0


def test_collections_inside_calls():
    """A call of a layer puts a variable into a collection once, however often it runs; a tensor is refused."""

    class Layer(kscope.ScopedLayer):
        def call(self, x):
            v = get_variable("v", [3])
            kscope.add_to_collection("kernels", v)
            y = x * v
            if self.name == "bad":
                kscope.add_to_collection("outputs", y)
            return y

    with kscope.VariableStore().as_default() as store:
        layer, bad = Layer(name="good"), Layer(name="bad")
    for _ in range(2):
        layer(np.ones((2, 3)))
    keras.Sequential([layer]).predict(np.ones((4, 3)), verbose=0)
    assert store.get_collection("kernels") == layer.weights
    with pytest.raises(errors.UnsupportedError, match=r"cannot be kept in the collection 'outputs'.*\n.*\n.*add_loss"):
        bad(np.ones((2, 3)))
    # What the failed call made is taken back, from the collections, too.
    assert store.get_collection("kernels") == layer.weights
    assert list(store) == ["good/v"]
    kscope.add_to_collection("tensors", keras.ops.ones((2,)))
    assert len(kscope.get_collection("tensors")) == 1


def test_collections_of_stores():
    """Clearing a store empties its collections; a clone has the same ones, of its own variables."""
    store = kscope.VariableStore()
    other = get_variable("other", [])
    v, w = store.get_variable("v", []), store.get_variable("w", [], collections=["c"])
    for item in (v, 3, other):
        store.add_to_collection("c", item)
    clone = store.clone()
    clone.add_to_collection("c", 4)
    clone.get_variable("x", [], collections=["c"])
    found = clone.get_collection("c")
    assert [item is twin for item, twin in zip(found, (clone["w"], clone["v"], 3, other, 4, clone["x"]), strict=True)]
    assert [getattr(item, "path", item) for item in found] == ["w", "v", 3, "other", 4, "x"]
    assert store.get_collection("c")[:2] == [w, v]
    store.clear()
    assert store.get_collection("c") == []


def test_names_of_collections():
    """Any str is a key; `GraphKeys` has TF1's."""
    assert kscope.GraphKeys.GLOBAL_VARIABLES == "variables"
    get_variable("v", [], collections=[kscope.GraphKeys.WEIGHTS])
    assert len(kscope.get_collection("weights")) == 1


@pytest.mark.tensorflow
def test_names_of_collections_are_those_of_tensorflow():
    """`GraphKeys` is TF1's."""
    from tensorflow.compat import v1

    ours, theirs = (
        {key: value for key in dir(keys) if key.isupper() and key[0] != "_" for value in [getattr(keys, key)]}
        for keys in (kscope.GraphKeys, v1.GraphKeys)
    )
    assert ours == theirs
