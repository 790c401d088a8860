"""`variable_op_scope`: TF1's deprecated name of `variable_scope` (row R1)."""

from __future__ import annotations

import inspect

import pytest

import kscope
from kscope import variable_op_scope, variable_scope


def test_values_come_first():
    """It is `variable_scope` with `values` first, and says that it is deprecated (row R1)."""
    names = []
    for arguments in (([], "a", "dflt"), ([], None, "dflt"), ([], None, "dflt")):
        with pytest.warns(DeprecationWarning, match="use variable_scope"):
            opened = variable_op_scope(*arguments)
        with opened as scope:
            names.append(scope.name)
    assert names == ["a", "dflt", "dflt_1"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_arguments_are_handed_on():
    """All the arguments arrive, under their names or by position (row R1)."""

    def getter(getter, *args, **kwargs):
        return getter(*args, **kwargs)

    given = ["zeros", "l2", "cpu:0", len, getter, True, "float64", True, "non_neg"]
    names = list(inspect.signature(variable_op_scope).parameters)[3:]
    assert [*names, "auxiliary_name_scope"] == list(inspect.signature(variable_scope).parameters)[3:]
    for opened in (
        variable_op_scope([], "a", None, *given),
        variable_op_scope([], "a", **dict(zip(names, given, strict=True))),
    ):
        with opened as scope:
            assert [getattr(scope, name) for name in names] == given
    with pytest.raises(kscope.errors.ScopeTypeError, match="If default_name is None then name_or_scope is required"):
        variable_op_scope([], None)
