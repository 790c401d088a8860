"""Stores: what is in them, opening one, the default one, and `EagerVariableStore` (sections G, O, P)."""

from __future__ import annotations

import gc
import re

import keras
import numpy as np
import pytest

import kscope
from kscope import (
    AUTO_REUSE,
    EagerVariableStore,
    VariableStore,
    default_store,
    errors,
    get_variable,
    get_variable_scope,
    reset_default_store,
    variable_scope,
)


def test_a_store_is_a_mapping_of_names():
    """A store gives variables by name, in the order in which they were made."""
    store = VariableStore()
    made = {name: store.get_variable(name, [1]) for name in ("b", "c/d", "a")}
    assert list(store) == list(made)
    assert len(store) == 3
    assert all(store[name] is variable for name, variable in made.items())
    assert ("b" in store, "d" in store, None in store) == (True, False, False)


def test_a_store_may_change_while_its_names_are_listed():
    """Names are listed as they were when the listing began."""
    store = VariableStore()
    for name in "ab":
        store.get_variable(name, [1])
    for name in store:
        store.get_variable(name + name, [1])
    assert list(store) == ["a", "b", "aa", "bb"]


@pytest.mark.parametrize(
    ("made", "text"),
    [
        ([], "No variable 'fc/kernl' in VariableStore('here', 0 variables). Nearest names: none"),
        (
            ["fc/kernel", "bias"],
            "No variable 'fc/kernl' in VariableStore('here', 2 variables). Nearest names: fc/kernel",
        ),
    ],
)
def test_an_unknown_name(made, text):
    """An unknown name is a KeyError that tells the nearest ones, in one line: Python prints a KeyError's as it is."""
    store = VariableStore("here")
    for name in made:
        store.get_variable(name, [1])
    with pytest.raises(KeyError, match="No variable") as raised:
        store["fc/kernl"]
    assert raised.value.args == (text,)


@pytest.mark.parametrize(
    ("store", "text"),
    [
        (VariableStore(), "VariableStore(0 variables)"),
        (VariableStore("mine"), "VariableStore('mine', 0 variables)"),
        (EagerVariableStore("mine"), "EagerVariableStore('mine', 0 variables)"),
    ],
    ids=repr,
)
def test_repr(store, text):
    """A store shows its class, its name and how much is in it."""
    assert repr(store) == text


def test_tokens_and_members():
    """Each store has a token of its own, and numbers the layers that name it without giving one out twice."""
    store, other = VariableStore(), VariableStore()
    assert store.token == store.token != other.token
    store.members.add(1)
    assert len({1, *(store.enrol() for _ in range(3))}) == len(store.members) == 4


def test_a_variable_is_taken_back_only_once():
    """What a failed call made is taken back, and not what took its name since (row Q3)."""
    store = VariableStore()
    store.get_variable("v", [1])
    record = store.records["v"]
    store.discard(record)
    v = store.get_variable("v", [1])
    store.discard(record)
    assert store["v"] is v


def test_a_variable_is_put_back_where_nothing_is():
    """What was taken back can be put back; if its name is taken by then, what has it stays."""
    store = VariableStore()
    first = store.get_variable("v", [1])
    record = store.records["v"]
    store.discard(record)
    assert store.put_back(record).variable is store["v"] is first
    store.discard(record)
    second = store.get_variable("v", [1])
    assert store.put_back(record).variable is store["v"] is second


def test_get_variable_of_a_store():
    """A store's own `get_variable` creates or shares unless told otherwise, as in TF1 (row G15)."""
    store = VariableStore()
    v = store.get_variable("v", [1])
    assert store.get_variable("v", [1]) is v
    assert store.get_variable("v", [1], reuse=True) is v
    with pytest.raises(errors.VariableExistsError, match="Variable v already exists"):
        store.get_variable("v", [1], reuse=False)
    with pytest.raises(errors.VariableMissingError, match="Variable w does not exist"):
        store.get_variable("w", [1], reuse=True)
    with pytest.raises(errors.ReuseError, match="The reuse parameter must be True or False or None"):
        store.get_variable("w", [1], reuse=1)


def test_get_variable_of_a_store_starts_at_its_root():
    """A store's own `get_variable` takes nothing from the scope that is open (row G15)."""
    store = VariableStore()
    with variable_scope("a", dtype="float16", initializer="ones"):
        v = store.get_variable("v", [1], initializer="zeros")
    assert (v.path, v.dtype, v.numpy().tolist()) == ("v", "float32", [0.0])
    assert len(default_store()) == 0


def test_a_scope_made_by_hand_creates():
    """A `VariableScope` made with `reuse=None` does not share by accident, as TF1's did (row G15)."""
    scope = kscope.VariableScope(None, "h")
    assert scope.reuse is False
    with variable_scope(scope):
        get_variable("c", [1])
        with pytest.raises(errors.VariableExistsError, match="Variable h/c already exists"):
            get_variable("c", [1])


def test_names_stay_taken():
    """A store holds its variables, whether or not anybody else does (row G16)."""
    get_variable("v", [1])
    gc.collect()
    with pytest.raises(errors.VariableExistsError, match="Variable v already exists"):
        get_variable("v", [1])


def test_clear():
    """`clear` frees all names of a store, and the variables live on where they are held (row G16)."""
    store = VariableStore()
    with store.as_default(), variable_scope("a"):
        before = get_variable("v", [1], initializer="ones")
        store.clear()
        assert len(store) == 0
        after = get_variable("v", [1], initializer="zeros")
    assert before is not after
    assert before.numpy().tolist() == [1.0]
    assert store["a/v"] is after


def test_reset_default_store():
    """A reset puts an empty store in the default one's place, with a root scope as new (rows F8, G16)."""
    old = default_store()
    v = get_variable("v", [1], initializer="ones")
    get_variable_scope().reuse_variables()
    get_variable_scope().set_dtype("float16")
    with variable_scope(None, "d"):
        pass
    new = reset_default_store()
    assert default_store() is new is not old
    assert (get_variable_scope().reuse, get_variable_scope().dtype) == (False, "float32")
    with variable_scope(None, "d") as scope:
        assert scope.name == "d"
    assert get_variable("v", [1]) is not v
    assert old["v"] is v
    assert v.numpy().tolist() == [1.0]


def test_get_variable_takes_no_reuse():
    """The reuse mode belongs to scopes: `get_variable` has no such argument (row F11)."""
    with pytest.raises(TypeError, match="unexpected keyword argument 'reuse'"):
        get_variable("v", [1], reuse=True)


def test_get_variable_of_a_scope():
    """A scope's own method takes a store, and a reuse mode in place of the scope's (row F11)."""
    store = VariableStore()
    with variable_scope("a", dtype="float16") as scope:
        pass
    v = scope.get_variable(store, "v", [1])
    assert (v.path, v.dtype) == ("a/v", "float16")
    assert scope.get_variable(store, "v", [1], reuse=True) is v
    assert scope.get_variable(store, "v", [1], reuse=AUTO_REUSE) is v
    with pytest.raises(errors.VariableExistsError, match="Variable a/v already exists"):
        scope.get_variable(store, "v", [1])
    with pytest.raises(errors.VariableMissingError, match="Variable a/w does not exist"):
        scope.get_variable(store, "w", [1], reuse=True)
    scope.reuse_variables()
    assert scope.get_variable(store, "v", [1], reuse=None) is v
    assert (list(store), len(default_store())) == (["a/v"], 0)


def test_the_public_names_of_a_scope():
    """A scope has TF1's methods and attributes, and the listings are methods (row J11)."""
    methods = {"get_collection", "get_variable", "global_variables", "local_variables", "reuse_variables"}
    methods |= {"trainable_variables"}
    attributes = {"caching_device", "constraint", "custom_getter", "dtype", "initializer", "name", "partitioner"}
    attributes |= {"original_name_scope", "regularizer", "reuse", "use_resource"}
    defaults = ("caching_device", "custom_getter", "dtype", "initializer", "partitioner", "regularizer", "use_resource")
    scope = get_variable_scope()
    assert all(callable(getattr(scope, name)) for name in methods | {f"set_{name}" for name in defaults})
    assert all(isinstance(getattr(type(scope), name), property) for name in attributes)


def test_opening_a_store_switches_variables_and_scope():
    """A store opened inside a scope starts at its own root; on leaving, the scope is current again (rows O7, O8)."""
    store = VariableStore()
    with variable_scope("a", reuse=AUTO_REUSE, dtype="float16") as scope:
        x = get_variable("v", [1])
        with store.as_default() as opened:
            root = get_variable_scope()
            y = get_variable("v", [1])
        assert get_variable_scope() is scope
        assert get_variable("v", [1]) is x
    assert opened is store
    assert (root.name, root.reuse, root.dtype) == ("", False, "float32")
    assert (x.name, y.name, store["v"]) == ("a/v:0", "v:0", y)
    assert list(default_store()) == ["a/v"]


def test_default_names_are_numbered_per_store():
    """Counters belong to the store, and go on when it is opened again (row O7)."""

    def opened():
        with variable_scope(None, "d") as scope:
            return scope.name

    store = VariableStore()
    assert [opened(), opened()] == ["d", "d_1"]
    with store.as_default():
        assert opened() == "d"
    assert opened() == "d_2"
    with store.as_default():
        assert opened() == "d_1"


def test_stores_nest():
    """Stores may be opened inside each other and themselves; each keeps the scope it stands in (row O7)."""
    a, b = VariableStore("a"), VariableStore("b")
    with a.as_default(), variable_scope("in_a"):
        with b.as_default(), variable_scope("in_b"):
            with a.as_default():
                assert get_variable_scope().name == "in_a"
                get_variable("v", [1])
            assert get_variable_scope().name == "in_b"
            get_variable("v", [1])
        with a.as_default(), variable_scope("deeper"):
            get_variable("v", [1])
        assert get_variable_scope().name == "in_a"
    assert (list(a), list(b)) == (["in_a/v", "in_a/deeper/v"], ["in_b/v"])


def test_an_opener_may_be_entered_again():
    """What `as_default` returns can be entered several times, also inside itself (row O7)."""
    store = VariableStore()
    opener = store.as_default()
    for name in "vw":
        with opener, opener:
            get_variable(name, [1])
        assert get_variable_scope().name == ""
    get_variable("v", [1])
    assert (list(store), list(default_store())) == (["v", "w"], ["v"])


def test_a_store_is_left_on_an_error():
    """The store that was current before is current again after an error (row O8)."""
    store = VariableStore()
    with pytest.raises(KeyError, match="out"), store.as_default(), variable_scope("a"):
        raise KeyError("out")
    get_variable("v", [1])
    assert list(default_store()) == ["v"]
    with store.as_default():
        assert get_variable_scope().name == ""


def test_the_same_store_opened_inside_a_layer():
    """A layer's store opened inside its call goes on where the call stands (row O7)."""

    class Inside(kscope.ScopedLayer):
        def call(self, x):
            with self.store.as_default():
                return x * get_variable("v", [1])

    layer = Inside(name="inside")
    layer(np.ones((1, 1), "float32"))
    assert [v.path for v in layer.weights] == ["inside/v"]


def test_a_getter_sees_the_true_mode():
    """A custom getter sees the scope's own mode, and AUTO_REUSE in an `EagerVariableStore` (row P3)."""
    seen = []

    def custom(getter, *args, **kwargs):
        seen.append(kwargs["reuse"])
        return getter(*args, **kwargs)

    for reuse in (None, AUTO_REUSE, True):
        with variable_scope("a", custom_getter=custom, reuse=reuse):
            get_variable("v" if reuse else "u", [1])
    with EagerVariableStore().as_default(), variable_scope("a", custom_getter=custom):
        get_variable("v", [1])
    assert seen == [False, AUTO_REUSE, True, AUTO_REUSE]


def test_an_eager_store_always_reuses():
    """In an `EagerVariableStore` no reuse mode raises, and names are shared from one opening to the next (row P4)."""
    store = EagerVariableStore()
    with store.as_default():
        with variable_scope("a"):
            v = get_variable("v", [1])
            assert get_variable("v", [1]) is v
        with variable_scope("a", reuse=True):
            new = get_variable("new", [1])
    with store.as_default(), variable_scope("a"):
        assert get_variable("v", [1]) is v
    assert store.get_variable("a/new", [1], reuse=False) is new
    with default_store().as_default(), variable_scope("a"):
        get_variable("v", [1])
        with pytest.raises(errors.VariableExistsError, match="Variable a/v already exists"):
            get_variable("v", [1])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shape": [2]}, "Trying to share variable v, but specified shape (2,) and found shape (1,)."),
        ({"dtype": "int32"}, "Trying to share variable v, but specified dtype int32 and found dtype float32."),
    ],
)
def test_an_eager_store_checks_shape_and_dtype(options, message):
    """An `EagerVariableStore` still refuses another shape or dtype (row P4)."""
    with EagerVariableStore().as_default():
        get_variable("v", [1])
        with pytest.raises(ValueError, match=re.escape(message)):
            get_variable("v", **options)


def _names(variables):
    return [variable.path for variable in variables]


def test_an_eager_store_lists_by_name():
    """An `EagerVariableStore` lists variables by name; other stores by creation (row P5)."""
    for store, listed in ((EagerVariableStore(), ["a", "b", "c"]), (VariableStore(), ["b", "c", "a"])):
        for name in "bca":
            store.get_variable(name, [], trainable=name == "b")
        assert _names(store.variables()) == listed
        assert _names(store.get_collection("variables")) == ["b", "c", "a"]
        assert _names(store.trainable_variables()) == ["b"]
        assert _names(store.non_trainable_variables()) == [name for name in listed if name != "b"]


def test_a_copy_of_an_eager_store():
    """A copy has new variables of the same names, values and kinds, without regularizers (row P5)."""
    store = EagerVariableStore("original")
    store.get_variable("s/b", [2], regularizer="l2")
    store.get_variable("a", dtype="float16", initializer=2, trainable=False, collections=["c"])
    store.get_variable("i", initializer=[1, 2])
    copy = store.copy()
    assert type(copy) is EagerVariableStore
    assert list(copy) == list(store)
    for name in store:
        v, w = store[name], copy[name]
        assert w is not v
        assert (w.path, w.dtype, w.trainable) == (v.path, v.dtype, v.trainable)
        assert np.array_equal(*(keras.ops.convert_to_numpy(x.value) for x in (v, w)))
    assert _names(copy.get_collection("c")) == ["a"]
    assert copy.regularization_losses() == []
    store["s/b"].assign([7.0, 7.0])
    assert copy["s/b"].numpy().tolist() != [7.0, 7.0]
