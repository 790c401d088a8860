"""What the messages say: TF1's line, the facts, the way out (rows G1, G2, G5, G7)."""

from __future__ import annotations

import re
import sys
from functools import partial

import keras
import numpy as np
import pytest

import kscope
from kscope import errors, get_variable, variable_scope

ONES = np.ones((1, 1), "float32")


def _made_here(name):
    """Make a variable, and tell the place of its making as a message shows it."""
    _, line = get_variable(name, [2, 3]), sys._getframe().f_lineno
    return f"{__file__}:{line} in _made_here"


def test_message_of_a_taken_name():
    """The message gives scope, reuse mode, what is asked and found, the first making, and the way out (row G1)."""
    with variable_scope("fc"):
        site = _made_here("kernel")
        with pytest.raises(errors.VariableExistsError, match="already exists") as raised:
            get_variable("kernel", [3], dtype="float16")
    assert str(raised.value).splitlines() == [
        (
            "Variable fc/kernel already exists, disallowed. Did you mean to set reuse=True or reuse=tf.AUTO_REUSE in "
            "VarScope?"
        ),
        "  asked for:             fc/kernel, shape (3,), dtype float16",
        "  scope:                 'fc', reuse=False",
        "  found:                 fc/kernel, shape (2, 3), dtype float32",
        f"  Originally defined at: {site}",
        (
            "  Fix: open the scope with reuse=True or reuse=kscope.AUTO_REUSE to share it, or give the variable "
            "another name."
        ),
    ]


@pytest.mark.parametrize(
    ("made", "nearest"),
    [
        ((), "none, the store is empty"),
        (("fc/kernel", "other/scale"), "fc/kernel"),
        (("deep/below/kernl", "fd/kernl"), "fd/kernl, deep/below/kernl"),
        (("quite/unlike",), None),
    ],
)
def test_message_of_a_missing_name(made, nearest):
    """The message names the store and the names nearest to the one asked for, by spelling or last part (row G2)."""
    for name in made:
        get_variable(name, [1])
    with (
        variable_scope("fc", reuse=True),
        pytest.raises(errors.VariableMissingError, match="does not exist") as raised,
    ):
        get_variable("kernl")
    facts = [
        ("asked for", "fc/kernl"),
        ("scope", "'fc', reuse=True"),
        ("store", f"VariableStore('default', {len(made)} variables)"),
        ("nearest names", nearest),
    ]
    width = 14 if nearest else 10
    assert str(raised.value).splitlines() == [
        (
            "Variable fc/kernl does not exist, or was not created with tf.get_variable(). Did you mean to set "
            "reuse=tf.AUTO_REUSE in VarScope?"
        ),
        *(f"  {label + ':':<{width}} {value}" for label, value in facts if value),
        "  Fix: create it first, or open the scope with reuse=kscope.AUTO_REUSE to create or share.",
    ]


@pytest.mark.parametrize(
    ("options", "asked", "first", "fix"),
    [
        (
            {"shape": [None, 2]},
            "kernel, shape (?, 2)",
            "shape (?, 2) and found shape (2, 3).",
            "ask for the shape it has, or leave the shape out; give a variable of another shape another name.",
        ),
        (
            {"dtype": "int32"},
            "kernel, dtype int32",
            "dtype int32 and found dtype float32.",
            "ask for the dtype it has, or leave the dtype out.",
        ),
    ],
)
def test_message_of_a_mismatch(options, asked, first, fix):
    """The message of a variable that does not fit says what was asked, what is there and since when (rows G5, G7)."""
    site = _made_here("kernel")
    with variable_scope("", reuse=True), pytest.raises(ValueError, match="Trying to share variable") as raised:
        get_variable("kernel", **options)
    assert str(raised.value).splitlines() == [
        f"Trying to share variable kernel, but specified {first}",
        f"  asked for:             {asked}",
        "  scope:                 '', reuse=True",
        "  found:                 kernel, shape (2, 3), dtype float32",
        f"  Originally defined at: {site}",
        f"  Fix: {fix}",
    ]


class _Line(kscope.ScopedLayer):
    """A layer that asks for the names it is told to."""

    def __init__(self, names, **kwargs):
        super().__init__(**kwargs)
        self.names = names

    def call(self, x):
        for name in self.names:
            self.line = sys._getframe().f_lineno + 1
            get_variable(name, [1])
        return x


def test_the_first_making_in_a_layer_is_the_line_of_its_call():
    """Keras' and kscope's own frames are left out of "Originally defined at" (row G1)."""
    store = kscope.VariableStore()
    layer = _Line(["v"], scope="line", store=store)
    layer(ONES)
    with (
        store.as_default(),
        variable_scope("line"),
        pytest.raises(errors.VariableExistsError, match="Originally defined at") as raised,
    ):
        get_variable("v")
    assert f"Originally defined at: {__file__}:{layer.line} in call" in str(raised.value)


def test_message_of_a_name_got_twice_in_a_call():
    """A layer that gets a name twice in one call without reuse is told so (row G1)."""
    with pytest.raises(errors.VariableExistsError, match="Fix: this call got it before; open the scope with"):
        _Line(["v", "v"])(ONES)


def test_message_of_a_late_name():
    """A built layer that asks for an undiscovered name is told what its discovery met (row G2)."""
    layer = _Line(["v"], name="line")
    layer(ONES)
    layer.names = ["v", "w"]
    with pytest.raises(errors.LateVariableError, match="Variable line/w does not exist") as raised:
        layer(ONES)
    message = str(raised.value)
    assert "layer 'line' is built, and its discovery did not use this name." in message
    assert re.search(r"discovery: +used 1 variables, with the arguments", message)
    assert 'discover=[{"training": True}]' in message


@pytest.mark.parametrize(
    ("reuse", "name", "shown"), [(False, "v", "False"), (True, "w", "True"), (kscope.AUTO_REUSE, "v", "AUTO_REUSE")]
)
def test_the_reuse_mode_is_shown(reuse, name, shown):
    """Every message of a look-up shows the scope's reuse mode (rows G1, G2, G5)."""
    get_variable("v", [1])
    with (
        variable_scope("", reuse=reuse),
        pytest.raises(ValueError, match=rf"scope: +'', reuse=(ReuseMode\.)?{shown}\n"),
    ):
        get_variable(name, [2])


def test_the_first_making_by_way_of_keras():
    """Where Keras itself calls `get_variable`, the line that made Keras do so is shown (row G1)."""
    _, line = keras.Variable(partial(get_variable, "v"), shape=(1,)), sys._getframe().f_lineno
    with pytest.raises(
        errors.VariableExistsError, match=re.escape(f"Originally defined at: {__file__}:{line} in test")
    ):
        get_variable("v", [1])


def test_the_first_making_at_module_level():
    """A line outside of any function is shown as one (row G1)."""
    program = compile("import kscope\nkscope.get_variable('v', [1])", "program.py", "exec")
    exec(program, {"__name__": "__main__"})
    with pytest.raises(errors.VariableExistsError, match=r"Originally defined at: program\.py:2 in <module>"):
        get_variable("v", [1])


@pytest.mark.tensorflow
def test_errors_keep_their_class_in_a_tf_function():
    """AutoGraph rewrites user code, and an error that comes through it is still what it was (row P12)."""
    import tensorflow as tf

    @tf.function
    def make():
        get_variable("v", [2])
        return tf.constant(1.0)

    get_variable("v", [1])
    with pytest.raises(errors.VariableExistsError, match="Variable v already exists"):
        make()


@pytest.mark.tensorflow
def test_the_first_making_in_a_tf_function():
    """AutoGraph's own frames and files are left out of "Originally defined at" (row G1)."""
    import tensorflow as tf

    @tf.function
    def make():
        with variable_scope("", reuse=kscope.AUTO_REUSE):
            get_variable("v", [1])
        return tf.constant(1.0)

    make()
    with pytest.raises(errors.VariableExistsError, match=re.escape(f"Originally defined at: {__file__}:")):
        get_variable("v", [1])


@pytest.mark.parametrize("name", sorted({*errors.__all__} - {"KscopeError"}))
def test_every_error_is_of_a_builtin_kind(name):
    """Each mistake has its class, documented, which code can catch by a builtin one, or by `KscopeError`."""
    error = getattr(errors, name)
    assert issubclass(error, errors.KscopeError)
    assert issubclass(error, (ValueError, TypeError, RuntimeError))
    assert error.__doc__.startswith("Raised when ")


def test_every_error_class_is_listed():
    """`errors.__all__` names every class of the module."""
    classes = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)}
    assert classes == set(errors.__all__)


@pytest.mark.parametrize(
    ("facts", "fix", "lines"),
    [
        ([], None, ["First."]),
        ([], "do it.", ["First.", "  Fix: do it."]),
        ([("a", 1), ("long", 2)], None, ["First.", "  a:    1", "  long: 2"]),
        ([("a", None), ("b", ""), ("c", 0)], None, ["First.", "  c: 0"]),
    ],
)
def test_compose(facts, fix, lines):
    """A message is its first line, the facts that are known in a column, and the fix if there is one."""
    assert errors.compose("First.", facts, fix).splitlines() == lines


@pytest.mark.parametrize(
    ("name", "known", "expected"),
    [
        ("fc/kernel", [], ""),
        ("fc/kernel", ["fc/kernels", "bias"], "fc/kernels"),
        ("fc/kernel", ["some/quite/other/place/kernel"], "some/quite/other/place/kernel"),
        ("v", ["a/v", "b/v", "c/v", "d/v"], "a/v, b/v, c/v"),
    ],
)
def test_nearest(name, known, expected):
    """At most three names are suggested: those spelled alike, then those with the same last part."""
    assert errors.nearest(name, known) == expected
