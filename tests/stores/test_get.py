"""`get_variable`: look-up, and what is checked on sharing (section G)."""

from __future__ import annotations

import inspect
import re

import keras
import numpy as np
import pytest

import kscope
from kscope import default_store, errors, get_variable, variable_scope

EXISTS = "already exists, disallowed. Did you mean to set reuse=True or reuse=tf.AUTO_REUSE in VarScope?"
MISSING = (
    "does not exist, or was not created with tf.get_variable(). Did you mean to set reuse=tf.AUTO_REUSE in VarScope?"
)
AUTO = kscope.AUTO_REUSE


def _never(*args, **kwargs):
    raise AssertionError("this must not be called")


def test_a_taken_name_is_refused():
    """A scope that does not reuse refuses a name that is taken, and the first variable stays (rows G1, P1)."""
    with variable_scope("foo"):
        v = get_variable("v", [1])
        with pytest.raises(errors.VariableExistsError, match=re.escape(f"Variable foo/v {EXISTS}")):
            get_variable("v", [1])
    assert default_store()["foo/v"] is v


@pytest.mark.parametrize("options", [{}, {"shape": [1]}, {"shape": [1], "initializer": "zeros"}, {"initializer": 1.0}])
def test_a_missing_name_is_refused(options):
    """A reusing scope refuses a name that nobody made, whatever else is given, and makes nothing (rows G2, P1)."""
    with (
        variable_scope("foo", reuse=True),
        pytest.raises(errors.VariableMissingError, match=re.escape(f"Variable foo/v {MISSING}")),
    ):
        get_variable("v", **options)
    assert len(default_store()) == 0


@pytest.mark.parametrize("error", [errors.VariableExistsError, errors.VariableMissingError, errors.ShapeMismatchError])
def test_the_errors_are_value_errors(error):
    """Code written for TF1 catches `ValueError` (rows G1, G2, G5)."""
    assert issubclass(error, ValueError)


def test_auto_reuse_creates_then_shares():
    """`AUTO_REUSE` creates a variable if it is absent, and returns the identical object afterwards (row G3)."""

    def foo():
        with variable_scope("foo", reuse=AUTO):
            return get_variable("v", [1])

    assert foo() is foo()


def test_reuse_shares_the_identical_object():
    """`reuse=True` returns the identical object (row G4)."""
    with variable_scope("foo"):
        a = get_variable("v", [1])
    with variable_scope("foo", reuse=True):
        assert get_variable("v", [1]) is a


@pytest.mark.parametrize(
    ("asked", "spelled"), [([2], "(2,)"), ([], "()"), ([1, 1], "(1, 1)"), ([None, 3, 1], "(?, 3, 1)"), (7, "(7,)")]
)
def test_another_shape_is_refused(asked, spelled):
    """Sharing under another shape raises and names both shapes (rows G5, G6)."""
    with variable_scope("a", reuse=AUTO):
        get_variable("v", [1])
        message = f"Trying to share variable a/v, but specified shape {spelled} and found shape (1,)."
        with pytest.raises(errors.ShapeMismatchError, match=re.escape(message)):
            get_variable("v", asked)


@pytest.mark.parametrize(
    "shape",
    [
        None,
        (4, 3),
        [4, 3],
        [None, 3],
        (None, None),
        (np.int64(4), 3),
        np.array([4, 3]),
        keras.ops.convert_to_tensor([4, 3], "int32"),
    ],
    ids=repr,
)
def test_shapes_that_share(shape):
    """The shape may be left out, be partial, or come in any form on look-up (rows G6, H1)."""
    with variable_scope("a", reuse=AUTO):
        v = get_variable("v", [4, 3])
        assert get_variable("v", shape) is v


@pytest.mark.parametrize("shape", [np.array([3, 4]), np.array([4])], ids=repr)
def test_another_shape_as_an_array_is_refused(shape):
    """A shape that is given as an array is checked like any other (rows G5, H1)."""
    with variable_scope("a", reuse=AUTO):
        get_variable("v", [4, 3])
        with pytest.raises(errors.ShapeMismatchError, match=r"and found shape \(4, 3\)"):
            get_variable("v", shape)


@pytest.mark.parametrize("asked", ["int32", "float16", np.int32, "bool"])
def test_another_dtype_is_refused(asked):
    """A dtype that is written must be the variable's own: nothing is cast (row G7)."""
    with variable_scope("a", reuse=AUTO):
        get_variable("v", [1])
        with pytest.raises(
            errors.DtypeMismatchError,
            match=r"Trying to share variable a/v, but specified dtype (int32|float16|bool) and found dtype float32\.",
        ):
            get_variable("v", [1], dtype=asked)


def test_the_stored_dtype_is_what_counts():
    """Under autocasting the dtype is compared with the stored one, not with the compute dtype (row G7)."""
    got = []

    class Reader(keras.layers.Layer):
        def call(self, x):
            with variable_scope("a", reuse=True):
                got.append(get_variable("v", [1], dtype="float32"))
            return x * got[0]

    with variable_scope("a"):
        v = get_variable("v", [1])
    outputs = Reader(dtype="mixed_float16")(np.ones((1, 1), "float32"))
    assert keras.backend.standardize_dtype(outputs.dtype) == "float16"
    assert all(variable is v for variable in got)


@pytest.mark.parametrize("again", [{}, {"initializer": 1}, {"dtype": "int32"}, {"shape": []}, {"dtype": np.int32}])
def test_a_variable_of_any_dtype_is_found_without_naming_it(again):
    """A look-up without a dtype finds an integer variable; TF1 compared it with the scope's dtype (row G8)."""
    with variable_scope("a", reuse=AUTO, dtype="float16"):
        step = get_variable("step", initializer=1)
        assert step.dtype == "int32"
        assert get_variable("step", **again) is step


def _getter(getter, name, **kwargs):
    raise LookupError("the getter ran")


# Each asks for something that is wrong in two ways; the step that comes first in TF1 is the one that answers.
ORDER = {
    "1 before 2": (False, "w", {"initializer": 1.5, "dtype": "int32", "synchronization": "x"}, "Initializer type"),
    "2 before 3": (False, "w", {"synchronization": "x", "custom_getter": _getter}, "Invalid variable synchronization"),
    "3 before 6": (False, "v", {"custom_getter": _getter}, "the getter ran"),
    "5 before 9": (True, "w", {"initializer": 3.0}, "If initializer is a constant, do not specify shape"),
    "5 before 6": (False, "v", {"initializer": 3.0}, "If initializer is a constant, do not specify shape"),
    "9 before 10": (True, "w", {"shape": None}, "does not exist"),
    "7 before 8": (True, "v", {"shape": [2], "dtype": "int32"}, "specified shape"),
    "6 before 7": (False, "v", {"shape": [2], "dtype": "int32"}, "already exists"),
    "6 before 10": (False, "v", {"shape": None}, "already exists"),
    "10": (False, "w", {"shape": None}, "did not get an initializer"),
}


@pytest.mark.parametrize(("reuse", "name", "options", "message"), ORDER.values(), ids=ORDER)
def test_the_order_of_the_checks(reuse, name, options, message):
    """Of two mistakes the one that TF1 reports is reported (row G9)."""
    with variable_scope("a"):
        get_variable("v", [1])
    with variable_scope("a", reuse=reuse), pytest.raises((ValueError, LookupError), match=message):
        get_variable(name, **{"shape": [1], **options})


def test_the_other_arguments_are_ignored_on_sharing():
    """Once a variable is there, only its shape and dtype are checked, and nothing is called (row G10)."""
    with variable_scope("a"):
        v = get_variable("v", [1])
    with variable_scope("a", reuse=True):
        w = get_variable(
            "v",
            [1],
            initializer=_never,
            regularizer=_never,
            trainable=False,
            collections=["zzz"],
            caching_device="/cpu:0",
            validate_shape=False,
            use_resource=True,
            constraint=_never,
            synchronization="on_read",
        )
    assert w is v
    assert (v.trainable, v.regularizer, v.constraint) == (True, None, None)
    assert default_store().get_collection("zzz") == []


def test_a_constant_is_not_compared_on_sharing():
    """A constant's value and shape are not compared with the variable's (row G11)."""
    with variable_scope("a", reuse=AUTO):
        v = get_variable("v", [1])
        assert get_variable("v", initializer=np.zeros((7, 7), "float32")) is v


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shape": [1], "initializer": 5.0}, "If initializer is a constant, do not specify shape"),
        ({"initializer": np.ones(1, "float32"), "dtype": "int32"}, "and explicit dtype 'int32' don't match"),
    ],
)
def test_a_constant_is_checked_on_sharing(options, message):
    """A constant beside a shape, or beside another dtype, is refused on look-up as well (rows G11, H11)."""
    with variable_scope("a", reuse=AUTO):
        get_variable("v", [1])
        with pytest.raises(ValueError, match=message):
            get_variable("v", **options)


def test_a_constant_of_the_scope_is_checked_on_sharing():
    """A constant that the scope gives is treated like one that is written (rows G11, H14)."""
    with variable_scope("a", initializer=0.5, reuse=AUTO):
        x = get_variable("x")
        assert get_variable("x") is x
        with pytest.raises(errors.ConstantShapeError, match="If initializer is a constant"):
            get_variable("x", [])


def _raises(*args, **kwargs):
    raise KeyError("bad")


MISTAKES = {
    "initializer": ({"initializer": _raises}, "bad"),
    "regularizer": ({"regularizer": 3}, "The `regularizer` argument must be a callable"),
    "constraint": ({"constraint": 3}, "The `constraint` argument must be a callable"),
    "collections": ({"collections": "abc"}, "must be a list, tuple, or set"),
    "trainable": ({"trainable": "yes"}, "must be a bool or None"),
    "dtype": ({"dtype": "nope"}, "to a dtype"),
    "initial value": ({"initializer": lambda shape, dtype: np.ones(7, dtype)}, "initial value's shape"),
}


@pytest.mark.parametrize(("options", "message"), MISTAKES.values(), ids=MISTAKES)
def test_a_failure_leaves_nothing(options, message):
    """Whatever raises, nothing is registered, and the name and path are free (rows G13, G14)."""
    with pytest.raises((KeyError, ValueError, TypeError), match=message):
        get_variable("v", [1], **options)
    assert list(default_store()) == []
    assert get_variable("v", [1]).path == "v"


def test_a_regularizer_is_not_called_at_creation():
    """A regularizer that would raise does no harm until a loss is asked for (rows G14, I6)."""
    v = get_variable("v", [1], regularizer=_raises)
    assert default_store()["v"] is v
    with pytest.raises(KeyError, match="bad"):
        default_store().regularization_losses()


def test_local_and_global_variables_share_one_store():
    """A local variable and a global one of the same name are the same (row G17)."""
    with variable_scope("a", reuse=AUTO):
        local = kscope.get_local_variable("v", [1])
        assert get_variable("v", [1]) is local
    assert local.trainable is False


def test_variables_are_compared_with_is():
    """`is` tells variables apart; `==` compares values, and there is no hash, as in Keras (row G18)."""
    with variable_scope("a"):
        a, b = (get_variable(name, [3], initializer="zeros") for name in "vw")
    assert a is not b
    assert keras.ops.convert_to_numpy(a == b).tolist() == [True] * 3
    with pytest.raises(TypeError, match="unhashable"):
        hash(a)


def test_a_str_subclass_is_a_name():
    """A name may be of a class of str (row B13)."""

    class Name(str):
        __slots__ = ()

    v = get_variable(Name("v"), [1])
    with variable_scope("", reuse=True):
        assert get_variable(Name("v")) is v


def test_signatures():
    """`get_variable` and `get_local_variable` take TF1's arguments in TF1's order (row H22)."""
    names = list(inspect.signature(get_variable).parameters)
    assert " ".join(names) == (
        "name shape dtype initializer regularizer trainable collections caching_device partitioner validate_shape "
        "use_resource custom_getter constraint synchronization aggregation"
    )
    assert list(inspect.signature(kscope.get_local_variable).parameters) == names
