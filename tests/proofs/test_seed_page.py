"""The code of the page that started the project, with `kscope` in place of `tf`.

The page compares variables with `==`, which was identity in TF1 and compares values in Keras (row G18): the tests
compare with `is` first, and then show that the page's own assertion holds as well.
"""

from __future__ import annotations

import threading

import pytest

import kscope


def test_create():
    """Simple example of how to create a new variable (row B1)."""
    with kscope.variable_scope("foo"), kscope.variable_scope("bar"):
        v = kscope.get_variable("v", [1])
        assert v.name == "foo/bar/v:0"


def test_share_with_auto_reuse():
    """Basic example of sharing a variable AUTO_REUSE (row G3)."""

    def foo():
        with kscope.variable_scope("foo", reuse=kscope.AUTO_REUSE):
            v = kscope.get_variable("v", [1])
        return v

    v1 = foo()  # Creates v.
    v2 = foo()  # Gets the same, existing v.
    assert v1 is v2
    assert v1 == v2


def test_share_with_reuse():
    """Basic example of sharing a variable with reuse=True (row G4)."""
    with kscope.variable_scope("foo"):
        v = kscope.get_variable("v", [1])
    with kscope.variable_scope("foo", reuse=True):
        v1 = kscope.get_variable("v", [1])
    assert v1 is v
    assert v1 == v


def test_share_by_capturing_a_scope():
    """Sharing a variable by capturing a scope and setting reuse (row F5)."""
    with kscope.variable_scope("foo") as scope:
        v = kscope.get_variable("v", [1])
        scope.reuse_variables()
        v1 = kscope.get_variable("v", [1])
    assert v1 is v
    assert v1 == v


def test_no_sharing_by_accident():
    """To prevent accidental sharing, getting an existing variable in a non-reusing scope raises (row G1)."""
    with kscope.variable_scope("foo"):
        kscope.get_variable("v", [1])
        with pytest.raises(ValueError, match="v already exists"):
            kscope.get_variable("v", [1])


def test_no_creation_in_reuse_mode():
    """Trying to get a variable that does not exist in reuse mode raises (row G2)."""
    with kscope.variable_scope("foo", reuse=True), pytest.raises(ValueError, match="v does not exist"):
        kscope.get_variable("v", [1])


def test_reuse_is_inherited():
    """If we open a reusing scope, then all its sub-scopes become reusing as well (row F2)."""
    with kscope.variable_scope("foo", reuse=True), kscope.variable_scope("bar", reuse=False) as scope:
        assert scope.reuse is True


def test_none_and_false_are_the_same():
    """Passing None and False as reuse has exactly the same effect (row A4)."""
    for reuse in (None, False):
        with kscope.variable_scope("foo", reuse=reuse) as scope:
            assert scope.reuse is False


def test_threads_start_at_the_root_and_share_the_store():
    """Another thread sees no scope of this one, and fails to create a variable that exists (rows O1, O3)."""
    seen = []

    def thread_target_fn():
        seen.append(kscope.get_variable_scope().name)
        with kscope.variable_scope("foo"), pytest.raises(ValueError, match="v already exists"):
            kscope.get_variable("v", [1])
        seen.append("done")

    with kscope.variable_scope("foo"):
        kscope.get_variable("v", [1])
        thread = threading.Thread(target=thread_target_fn)
        thread.start()
        thread.join()
    assert seen == ["", "done"]


def test_threads_enter_a_captured_scope():
    """To preserve name prefixes, capture the main thread's scope and re-enter it in each thread (row O4)."""
    names = []

    def thread_target_fn(captured_scope):
        with kscope.variable_scope(captured_scope):
            names.append(kscope.get_variable("v", [1]).name)

    with kscope.variable_scope("main"):
        main_thread_scope = kscope.get_variable_scope()
        thread = threading.Thread(target=thread_target_fn, args=(main_thread_scope,))
        thread.start()
        thread.join()
    assert names == ["main/v:0"]


def test_signature_of_the_page():
    """`variable_scope` takes the page's thirteen arguments in the page's order (row A8)."""
    import inspect

    assert list(inspect.signature(kscope.variable_scope).parameters) == [
        "name_or_scope",
        "default_name",
        "values",
        "initializer",
        "regularizer",
        "caching_device",
        "partitioner",
        "custom_getter",
        "reuse",
        "dtype",
        "use_resource",
        "constraint",
        "auxiliary_name_scope",
    ]
