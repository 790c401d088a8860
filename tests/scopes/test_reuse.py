"""Reuse modes and how scopes inherit them (rows A3, A4, and section F)."""

from __future__ import annotations

import copy
import enum
import pickle

import numpy as np
import pytest

import kscope
from kscope import AUTO_REUSE, VariableScope, errors, get_variable, get_variable_scope, variable_scope
from kscope._scopes.reuse import checked

MODES = (None, False, True, AUTO_REUSE)

# By the mode of the parent: the child's, for each argument in `MODES`.
CHILDREN = {
    None: (False, False, True, AUTO_REUSE),
    True: (True, True, True, AUTO_REUSE),
    AUTO_REUSE: (AUTO_REUSE, AUTO_REUSE, True, AUTO_REUSE),
}
MATRIX = [(outer, given, mode) for outer, row in CHILDREN.items() for given, mode in zip(MODES, row, strict=True)]


@pytest.mark.parametrize(("given", "mode"), [(g, m) for o, g, m in MATRIX if o is None])
def test_four_values_are_modes(given, mode):
    """`None` counts as `False`, the rest as they are (rows A3, A4)."""
    assert checked(given) is mode


@pytest.mark.parametrize("given", [0, 1, "AUTO_REUSE", np.True_, np.False_, []])
def test_nothing_else_is_a_mode(given):
    """Modes are told by identity, and the message names all of them (row A3)."""
    with pytest.raises(errors.ReuseError, match=r"^The reuse parameter must be True or False or None\.") as caught:
        checked(given)
    assert repr(given) in str(caught.value)
    assert "kscope.AUTO_REUSE" in str(caught.value)


def test_auto_reuse_is_a_truthy_singleton():
    """It is an enum's only member, compared by `is`, also after copying and pickling (row F9)."""
    assert isinstance(AUTO_REUSE, enum.Enum)
    assert bool(AUTO_REUSE) is True
    assert str(AUTO_REUSE) == "ReuseMode.AUTO_REUSE"
    assert copy.deepcopy(AUTO_REUSE) is AUTO_REUSE
    assert pickle.loads(pickle.dumps(AUTO_REUSE)) is AUTO_REUSE


@pytest.mark.parametrize("child", ["c", ""])
@pytest.mark.parametrize(("outer", "given", "mode"), MATRIX)
def test_a_child_is_its_argument_or_its_parent(outer, given, mode, child):
    """`child.reuse = argument or parent.reuse`, and the parent stays as it is (rows A4, F1, P2)."""
    with variable_scope("p", reuse=outer) as parent:
        with variable_scope(child, reuse=given) as scope:
            assert scope.reuse is mode
        assert parent.reuse is CHILDREN[None][MODES.index(outer)]


@pytest.mark.parametrize(("outer", "given", "mode"), [row for row in MATRIX if not row[1]])
def test_a_child_with_a_default_name_inherits(outer, given, mode):
    """It cannot be given a truthy mode, and takes its parent's (rows A5, F1)."""
    with variable_scope("p", reuse=outer), variable_scope(None, "c", reuse=given) as scope:
        assert scope.reuse is mode


@pytest.mark.parametrize("place", MODES)
@pytest.mark.parametrize(("captured", "given", "mode"), MATRIX)
def test_a_jump_is_its_argument_or_the_captured_mode(captured, given, mode, place):
    """`new.reuse = argument or captured.reuse`; the place that one jumps from is ignored (row F4)."""
    with variable_scope("cap", reuse=captured) as cap:
        pass
    with variable_scope("p", reuse=place), variable_scope(cap, reuse=given) as scope:
        assert scope.reuse is mode


def test_the_root_creates():
    """Its mode is `False`, to begin with, in eager execution too (rows F1, P2)."""
    assert get_variable_scope().reuse is False


def test_reuse_cannot_be_switched_off_below():
    """`False` inherits, so that a reusing scope stays strict (row F2)."""
    with variable_scope("foo", reuse=True), variable_scope("bar", reuse=False) as scope:
        assert scope.reuse is True
        with pytest.raises(errors.VariableMissingError, match=r"^Variable foo/bar/v does not exist"):
            get_variable("v", [1])


def test_reuse_can_be_loosened_below():
    """`AUTO_REUSE` below `True` creates again (row F3)."""
    with variable_scope("foo", reuse=True), variable_scope("bar", reuse=AUTO_REUSE):
        v = get_variable("v", [1])
        assert get_variable("v", [1]) is v
    assert v.path == "foo/bar/v"


def test_a_jump_escapes_a_reusing_parent():
    """A captured scope that creates does so inside one that reuses (row F4)."""
    with variable_scope("cap") as cap:
        pass
    with variable_scope("p", reuse=True), variable_scope(cap):
        assert get_variable("v", [1]).path == "cap/v"


def test_reuse_variables_changes_one_object():
    """It works at once for look-ups and later children, not for open ones, nor for the same name later (row F5)."""
    with variable_scope("foo") as scope:
        v = get_variable("v", [1])
        with variable_scope("open") as already_open:
            scope.reuse_variables()
        with variable_scope("new") as later:
            pass
        assert get_variable("v", [1]) is v
    with variable_scope("foo") as again:
        pass
    assert [s.reuse for s in (already_open, later, again, get_variable_scope())] == [False, True, False, False]


def test_a_captured_scope_keeps_reuse_variables():
    """Entering the object again reuses (row F6)."""
    with variable_scope("foo") as scope:
        v = get_variable("v", [1])
        scope.reuse_variables()
    with variable_scope(scope) as again:
        assert again.reuse is True
        assert get_variable("v", [1]) is v
        with pytest.raises(errors.VariableMissingError, match=r"^Variable foo/w does not exist"):
            get_variable("w", [1])


def test_reuse_variables_tightens_auto_reuse():
    """`AUTO_REUSE` becomes `True` (row F7)."""
    with variable_scope("au", reuse=AUTO_REUSE) as scope:
        scope.reuse_variables()
        assert scope.reuse is True
        with pytest.raises(errors.VariableMissingError, match=r"^Variable au/w does not exist"):
            get_variable("w", [1])


def test_a_reusing_root_makes_everything_reuse_until_the_store_is_reset():
    """The rest of the program reuses; a fresh store is the way out (row F8)."""
    get_variable_scope().reuse_variables()
    with pytest.raises(errors.VariableMissingError, match=r"^Variable nope does not exist"):
        get_variable("nope", [1])
    with variable_scope("a") as scope:
        assert scope.reuse is True
    kscope.reset_default_store()
    assert get_variable_scope().reuse is False
    assert get_variable("nope", [1]).path == "nope"


def test_reuse_is_read_only():
    """A scope's mode is changed by `reuse_variables()` alone (rows F9, J9)."""
    with pytest.raises(AttributeError, match="reuse"):
        get_variable_scope().reuse = True
    assert get_variable_scope().reuse is False


def test_the_current_scope_can_be_opened_with_another_mode():
    """The loop over towers: made once, shared by the rest, and the root is as it was (row F10)."""
    towers = []
    for i in range(3):
        with variable_scope(get_variable_scope(), reuse=i > 0) as scope:
            towers.append(get_variable("w", [1]))
            assert scope.name == ""
    assert towers[0] is towers[1] is towers[2]
    assert get_variable_scope().reuse is False


def test_get_variable_takes_no_reuse_mode():
    """The mode is the scope's (row F11)."""
    with pytest.raises(TypeError, match="unexpected keyword argument 'reuse'"):
        get_variable("v", [1], reuse=True)


def test_the_method_of_a_scope_takes_a_store_and_a_mode():
    """Without a mode it is the scope's own, and `False` is a mode here (row F11)."""
    store, scope = kscope.VariableStore(), VariableScope(True, "s", dtype="float16")
    with pytest.raises(errors.VariableMissingError, match=r"^Variable s/v does not exist"):
        scope.get_variable(store, "v", [1])
    v = scope.get_variable(store, "v", [1], reuse=False)
    assert scope.get_variable(store, "v", [1]) is v
    with pytest.raises(errors.VariableExistsError, match=r"^Variable s/v already exists"):
        scope.get_variable(store, "v", [1], reuse=False)
    with pytest.raises(errors.ReuseError, match=r"^The reuse parameter must be"):
        scope.get_variable(store, "v", [1], reuse=1)
    assert (v.path, v.dtype, list(store)) == ("s/v", "float16", ["s/v"])
    assert len(kscope.default_store()) == 0


def test_a_mode_of_none_creates():
    """A scope made by hand with `reuse=None` does not share in silence, as TF1's does (row G15)."""
    with variable_scope(VariableScope(None, "h")):
        get_variable("v", [1])
        with pytest.raises(errors.VariableExistsError, match=r"^Variable h/v already exists"):
            get_variable("v", [1])
