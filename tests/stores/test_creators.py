"""Creators: functions around the making of new variables (section L)."""

from __future__ import annotations

import threading

import keras
import numpy as np
import pytest
from gradients import array
from samples import Tower, paths

import kscope
from kscope import AUTO_REUSE, default_store, errors, get_variable, variable_creator_scope, variable_scope

KEYWORDS = [
    "aggregation",
    "collections",
    "constraint",
    "dtype",
    "initial_value",
    "name",
    "shape",
    "synchronization",
    "trainable",
]


class Recorder:
    """A creator that does nothing but write down what it is called with."""

    def __init__(self, word="creator", log=None):
        self.word = word
        self.log = [] if log is None else log
        self.kwargs = None

    def __call__(self, next_creator, **kwargs):
        self.log.append((self.word, kwargs["name"]))
        self.kwargs = kwargs
        return next_creator(**kwargs)

    @property
    def names(self):
        return [name for _, name in self.log]


def changing(**changes):
    """A creator that hands on nothing but changes."""
    return lambda next_creator, **kwargs: next_creator(**changes)


def test_the_last_one_entered_is_called_first():
    """Creators nest outwards from the one entered last, and get the full name (row L1)."""
    log = []
    with variable_creator_scope(Recorder("outer", log)), variable_creator_scope(Recorder("inner", log)):
        with variable_scope("s"):
            v = get_variable("v", [1])
    assert log == [("inner", "s/v"), ("outer", "s/v")]
    assert v.path == "s/v"
    get_variable("after", [1])
    assert len(log) == 2


def test_only_new_variables_are_created():
    """A creator runs inside the custom getter and only for what is made; the regularizer comes after it (row L2)."""
    log, creator = [], Recorder()

    def getter(next_getter, *args, **kwargs):
        log.append("in")
        found = next_getter(*args, **kwargs)
        log.append("out")
        return found

    def create(next_creator, **kwargs):
        made = creator(next_creator, **kwargs)
        log.append(("creator", made.regularizer))
        return made

    with variable_creator_scope(create):
        v = get_variable("v", [1], custom_getter=getter, regularizer="l2")
        with variable_scope("", reuse=True):
            assert get_variable("v", [1]) is v
        with variable_scope("", reuse=AUTO_REUSE):
            assert get_variable("v", [1]) is v
    assert log == ["in", ("creator", None), "out"]
    assert creator.names == ["v"]
    assert isinstance(v.regularizer, keras.regularizers.L2)


@pytest.mark.parametrize(
    ("options", "shape", "dtype"),
    [
        ({"shape": [2]}, (2,), "float32"),
        ({"initializer": [1, 2]}, (2,), "int32"),
        ({"initializer": lambda: [[1.0]]}, (1, 1), "float32"),
        ({"shape": [], "dtype": "half"}, (), "float16"),
    ],
    ids=["shape", "constant", "function", "dtype"],
)
def test_the_keywords(options, shape, dtype):
    """The keywords are those of a Keras variable and the collections, resolved, the same ones always (row L3)."""
    creator = Recorder()
    with variable_creator_scope(creator):
        v = get_variable("v", **options)
    assert sorted(creator.kwargs) == KEYWORDS
    assert (creator.kwargs["shape"], creator.kwargs["dtype"]) == (shape, dtype)
    assert creator.kwargs["trainable"] is (dtype != "int32")
    assert creator.kwargs["collections"] == ("variables",)
    assert tuple(v.shape) == shape


@pytest.mark.parametrize("dropped", KEYWORDS)
def test_what_is_not_handed_on_stays(dropped):
    """A keyword that a creator drops is as it was asked for (row L3)."""

    def creator(next_creator, **kwargs):
        del kwargs[dropped]
        return next_creator(**kwargs)

    plain = get_variable("plain", [2], "float32", "ones", None, False, ["c"], constraint="non_neg")
    with variable_creator_scope(creator):
        v = get_variable("v", [2], "float32", "ones", None, False, ["c"], constraint="non_neg")
    assert default_store().get_collection("c")[1] is v
    assert (v.path, tuple(v.shape), v.dtype, v.trainable) == ("v", (2,), "float32", False)
    assert type(v.constraint) is type(plain.constraint)
    np.testing.assert_array_equal(array(v), 1.0)


def test_a_creator_may_change_what_is_made():
    """Initial value, trainability, collections, constraint and modes are a creator's to change (row L3)."""
    changes = {"trainable": False, "collections": ["c"], "constraint": "non_neg", "synchronization": "on_read"}
    with variable_creator_scope(changing(initial_value=np.full(2, 3.0), **changes)):
        v = get_variable("v", [2])
    np.testing.assert_array_equal(array(v), 3.0)
    assert (v.trainable, v.synchronization) == (False, "on_read")
    assert isinstance(v.constraint, keras.constraints.NonNeg)
    assert default_store().get_collection("c")[0] is v
    assert default_store().get_collection("variables") == []


def test_an_unknown_keyword():
    """A creator that hands on what no variable has is a TypeError that names it (row L3)."""
    with variable_creator_scope(changing(expected_shape=[1])):
        with pytest.raises(TypeError, match="passed on unknown arguments: expected_shape"):
            get_variable("v", [1])


def test_a_creator_may_not_rename():
    """Key and path of a variable agree, so that a creator that renames is refused (row L4)."""
    with variable_creator_scope(changing(name="forced")):
        with pytest.raises(errors.CreatorError, match="A creator renamed variable orig to forced"):
            get_variable("orig", [1])
    assert len(default_store()) == 0


class Kept(kscope.ScopedVariable):
    """A variable of a user's own class."""


def test_a_creator_may_make_its_own():
    """What a creator returns is what the store keeps and shares (row L4)."""

    def creator(next_creator, **kwargs):
        return Kept(kwargs["name"], np.ones(kwargs["shape"]), dtype=kwargs["dtype"])

    with variable_creator_scope(creator), variable_scope("s", reuse=AUTO_REUSE):
        v = get_variable("v", [2], regularizer="l2")
        assert get_variable("v", [2]) is v
    assert type(v) is Kept
    assert isinstance(v.regularizer, keras.regularizers.L2)


def test_a_keras_variable_of_the_same_path():
    """A creator may return any Keras variable whose path is the name (row L4)."""

    def creator(next_creator, **kwargs):
        return keras.Variable([1.0], name=kwargs["name"])

    with variable_creator_scope(creator):
        assert not isinstance(get_variable("v", [1]), kscope.ScopedVariable)


def _own(value, dtype="float32", name="v"):
    return lambda next_creator, **kwargs: kscope.ScopedVariable(name, np.asarray(value), dtype=dtype)


@pytest.mark.parametrize(
    ("creator", "message"),
    [
        (lambda next_creator, **kwargs: 3, r"variable v returned 3 \(of type int\), no keras.Variable"),
        (_own([1.0]), r"variable v made it of shape \(1,\), not \(2,\)"),
        (_own([1.0, 2.0], "float16"), "variable v made it of dtype float16, not float32"),
        (_own([1.0, 2.0], name="w"), "A creator renamed variable v to w"),
        (changing(initial_value=1.0), r"variable v made it of shape \(\), not \(2,\)"),
    ],
    ids=["none", "shape", "dtype", "name", "value"],
)
def test_what_cannot_stand_for_the_variable(creator, message):
    """A creator that returns something else than was asked for is an error, and nothing is registered (row L4)."""
    with variable_creator_scope(creator), pytest.raises(errors.CreatorError, match=message):
        get_variable("v", [2])
    assert len(default_store()) == 0
    assert get_variable("v", [2]).path == "v"


def test_a_creator_that_raises():
    """What a creator raises is raised as it is, and leaves nothing behind (row L4)."""

    def creator(next_creator, **kwargs):
        next_creator(**kwargs)
        raise ZeroDivisionError("the creator's own")

    with variable_creator_scope(creator), pytest.raises(ZeroDivisionError, match="the creator's own"):
        get_variable("v", [1])
    assert len(default_store()) == 0


def test_a_thread_and_a_store_have_creators_of_their_own():
    """Neither another thread's variables nor those of a store opened inside go through a creator (row L5)."""
    creator, store = Recorder(), default_store()

    def elsewhere():
        with store.as_default():
            get_variable("t", [1])

    with variable_creator_scope(creator):
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        with kscope.VariableStore().as_default():
            get_variable("other", [1])
            with store.as_default():
                get_variable("again", [1])
        get_variable("m", [1])
    assert creator.names == ["again", "m"]
    assert sorted(store) == ["again", "m", "t"]


def test_a_store_has_its_creators_where_it_is_opened():
    """Creators of an opened store are its own, and come before none of the store around (row L5)."""
    log, outer, inner = [], Recorder("outer"), Recorder("inner")
    with variable_creator_scope(outer), kscope.VariableStore().as_default(), variable_creator_scope(inner):
        get_variable("v", [1])
    assert (outer.names, inner.names, log) == ([], ["v"], [])


def test_layers_are_made_by_the_creators_around_them():
    """A creator around the first call of layers makes their variables, nested ones too, whatever their store."""
    creator = Recorder()

    class Outer(kscope.ScopedLayer):
        def __init__(self):
            super().__init__()
            self.tower = Tower()

        def call(self, x):
            return self.tower(x) * get_variable("scale", [], initializer="ones")

    with variable_creator_scope(creator):
        model = keras.Sequential([keras.Input((3,)), Outer()])
    assert sorted(creator.names) == sorted(paths(model))
    assert creator.names == ["outer/tower/fc/kernel", "outer/tower/fc/bias", "outer/scale"]


def test_a_creator_in_a_call():
    """A creator that is entered inside `call()` holds for what the block makes, and makes it for good (row L1)."""
    creator = Recorder()

    def making(next_creator, **kwargs):
        creator(next_creator, **kwargs)
        return kscope.ScopedVariable(kwargs["name"], keras.ops.ones(kwargs["shape"]), dtype="float32")

    class Made(kscope.ScopedLayer):
        def call(self, x):
            with variable_creator_scope(making):
                x = x * get_variable("a", [])
            return x + get_variable("b", [], initializer="ones")

    layer = Made()
    np.testing.assert_allclose(array(layer(np.ones((2, 1), "float32"))), 2.0)
    assert creator.names == ["made/a"]
    assert paths(layer) == ["made/a", "made/b"]


def test_dtypes_are_compared_as_they_are_kept():
    """Under mixed precision a creator's variable is compared by the dtype that it is kept in (row L4)."""
    with variable_creator_scope(Recorder()):
        layer = Tower(dtype="mixed_float16")
        layer(np.ones((2, 3), "float32"))
    assert [v.dtype for v in layer.weights] == ["float32", "float32"]


def test_a_wrong_order_of_leaving():
    """Creator scopes are left in the reverse order of entering them (row L6)."""
    outer = variable_creator_scope(Recorder())
    outer.__enter__()
    with variable_creator_scope(Recorder()):
        with pytest.raises(RuntimeError, match="Exiting variable_creator_scope without proper nesting."):
            outer.__exit__(None, None, None)
    outer.__exit__(None, None, None)
    with pytest.raises(errors.NestingError, match="Exiting variable_creator_scope without proper nesting."):
        outer.__exit__(None, None, None)


def test_a_scope_may_be_entered_again():
    """One creator scope may be entered inside itself, and runs twice then (row L1)."""
    creator = Recorder()
    scope = variable_creator_scope(creator)
    with scope, scope:
        get_variable("v", [1])
    assert creator.names == ["v", "v"]


def test_a_creator_has_to_be_callable():
    """What is no callable is refused before anything is entered (row L1)."""
    with pytest.raises(errors.OptionTypeError, match="A variable creator must be a callable"):
        variable_creator_scope(3)
