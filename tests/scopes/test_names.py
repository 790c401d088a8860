"""The grammar of names, the scope of an unnamed layer, and the memory of names that passed."""

from __future__ import annotations

import keras
import pytest

from kscope import errors
from kscope._scopes import names as _names

LEGAL = ["a", "A9", "0", ".", "a.b", "a_b", "a-b", "a>b", "a\\b", "a/b", "a/_b", "..", "a" * 300]
ILLEGAL = ["", " ", "a b", "a:0", "a\n", "a\x00", "é", "a\u00a0", "a?", "#a"]
NESTED_ONLY = ["_a", "-a", ">a", "\\a"]
SLASHES = ["a/", "/", "/a", "a//b", "//", "a/b/"]


@pytest.mark.parametrize("name", LEGAL)
@pytest.mark.parametrize("at_root", [False, True])
def test_legal_names_pass(name, at_root):
    r"""Letters, digits and `_ . \ / > -` make scope and variable names (row A10)."""
    _names.check_scope(name, at_root)
    _names.check_variable(name, at_root)


@pytest.mark.parametrize("name", NESTED_ONLY)
@pytest.mark.parametrize(
    ("check", "error"),
    [(_names.check_scope, errors.ScopeNameError), (_names.check_variable, errors.VariableNameError)],
)
def test_some_first_characters_pass_below_the_root(check, error, name):
    """What no graph could start with is legal behind a slash (rows A10, B12)."""
    check(name, at_root=False)
    with pytest.raises(error, match=r"is not a valid root scope name\..*\^\[A-Za-z0-9\.\]\[A-Za-z0-9_\.\\\\/>-\]\*"):
        check(name, at_root=True)


@pytest.mark.parametrize("name", ILLEGAL[1:])
@pytest.mark.parametrize("at_root", [False, True])
@pytest.mark.parametrize(
    ("check", "error", "kind"),
    [
        (_names.check_scope, errors.ScopeNameError, "scope"),
        (_names.check_variable, errors.VariableNameError, "variable"),
    ],
)
def test_illegal_names_are_refused(check, error, kind, at_root, name):
    """The message shows the name, TF1's pattern, and what it is the name of (rows A10, B12)."""
    with pytest.raises(error, match=r"is not a valid (root )?scope name\. A (root )?scope name has to match") as caught:
        check(name, at_root)
    assert f"'{name}' is not" in str(caught.value)
    assert ("valid root scope name" in str(caught.value)) is at_root
    assert f"kind: {kind} name" in str(caught.value)


def test_a_colon_has_a_hint():
    """Who pastes `Variable.name` is told which part of it to leave out (row B12)."""
    with pytest.raises(errors.VariableNameError, match="Fix: leave out the ':0'"):
        _names.check_variable("v:0", at_root=True)
    with pytest.raises(errors.VariableNameError, match="valid root scope name") as caught:
        _names.check_variable("a b", at_root=True)
    assert "Fix" not in str(caught.value)


@pytest.mark.parametrize("name", SLASHES)
@pytest.mark.parametrize("at_root", [False, True])
def test_leading_trailing_and_double_slashes_are_refused(at_root, name):
    """No Keras path could have them (rows B6, B7, B13)."""
    with pytest.raises(errors.ScopeNameError, match=f"^'{name}' is not a valid scope name"):
        _names.check_scope(name, at_root)
    with pytest.raises(errors.VariableNameError, match=f"^'{name}' is not a valid variable name"):
        _names.check_variable(name, at_root)


def test_an_empty_scope_name_at_the_root_is_refused():
    """The root itself is entered by `variable_scope("")`, which asks for no name."""
    with pytest.raises(errors.ScopeNameError, match=r"^'' is not a valid root scope name"):
        _names.check_scope("", at_root=True)


@pytest.mark.parametrize("name", [None, 3, b"v", ["v"], True])
def test_names_are_strs(name):
    """Anything else is a TypeError that shows what came (rows A7, B13, C17)."""
    with pytest.raises(errors.NameTypeError, match=r"must be a str\. Received: name=.* \(of type \w+\)"):
        _names.check_variable(name, at_root=True)
    with pytest.raises(errors.NameTypeError, match=r"^VariableScope: default_name must be a string\.\n  got: "):
        _names.check_default_name(name)


def test_names_are_not_empty():
    """An empty name is refused as a value (rows B13, C17)."""
    with pytest.raises(errors.VariableNameError, match=r"^The name of a variable must not be empty"):
        _names.check_variable("", at_root=False)
    with pytest.raises(errors.ScopeNameError, match=r"^VariableScope: default_name must not be empty"):
        _names.check_default_name("")


def test_a_default_name_comes_back():
    """The check returns what it lets through."""
    assert _names.check_default_name("layer") == "layer"


@pytest.mark.parametrize(
    ("name", "scope"),
    [
        ("Tower", "tower"),
        ("MultiHeadTower", "multi_head_tower"),
        ("HTTPServer", "http_server"),
        ("Conv2D", "conv2d"),
        ("Conv2DTower", "conv2d_tower"),
        ("ResNet50V2", "res_net50v2"),
        ("my_layer", "my_layer"),
        ("A", "a"),
    ],
)
def test_class_names_are_spelled_as_keras_does(name, scope):
    """An unnamed layer's scope is what Keras would call the first layer of its class."""
    keras.utils.clear_session()
    assert type(name, (keras.layers.Layer,), {})().name == scope
    assert _names.snake_case(name) == scope


@pytest.mark.parametrize(
    ("name", "scope"), [("_Private", "private"), ("__", "scope"), ("", "scope"), ("<lambda>", "lambda")]
)
def test_every_class_or_function_name_gives_a_scope(name, scope):
    """A scope at the root starts with no underscore, and has a name."""
    assert _names.snake_case(name) == scope
    _names.check_scope(scope, at_root=True)


def test_the_memory_of_names_is_bounded():
    """A process that opens ever new scopes does not grow, and goes on to judge right."""
    for i in range(_names._REMEMBERED + 10):
        _names.check_scope(f"n{i}", at_root=True)
        assert len(_names._passed[True]) <= _names._REMEMBERED
    _names.check_scope("n0", at_root=True)
    with pytest.raises(errors.ScopeNameError, match="is not a valid root scope name"):
        _names.check_scope("n 0", at_root=True)


def test_what_is_remembered_for_below_is_not_for_the_root():
    """A name that passed in one place is judged anew in the other; a refused one is never remembered (row A10)."""
    _names.check_scope("_once", at_root=False)
    for _ in range(2):
        with pytest.raises(errors.ScopeNameError, match="is not a valid root scope name"):
            _names.check_scope("_once", at_root=True)
    _names.check_scope("_once", at_root=False)
