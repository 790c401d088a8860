"""Threads: each has its scope and counters, all share the stores, and races have one winner (section O)."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import threading
from functools import partial
from itertools import pairwise

import pytest

import kscope
from kscope import AUTO_REUSE, VariableStore, default_store, errors, get_variable, get_variable_scope, variable_scope
from kscope._scopes.thread import default

THREADS = 16
ROUNDS = 20
NAMES = ["a", "b", "c", "d"]


def _in_thread(function, *args):
    """What the function returns or raises in a thread of its own."""
    (outcome,) = _together([lambda: function(*args)])
    return outcome


def _together(bodies):
    """Run each body in a thread of its own, all at the same moment; what each returns or raises, in order."""
    barrier = threading.Barrier(len(bodies))
    outcomes = [None] * len(bodies)

    def run(i):
        barrier.wait()
        try:
            outcomes[i] = bodies[i]()
        except Exception as error:
            outcomes[i] = error

    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(bodies))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def _orders():
    """For each round, the order in which each thread asks for the names."""
    for seed in range(ROUNDS):
        shuffled = random.Random(seed)
        yield [shuffled.sample(NAMES, len(NAMES)) for _ in range(THREADS)]


@pytest.fixture
def rapid_switching():
    """Let Python switch between threads as often as it can, so that races show."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def test_a_thread_starts_at_the_root():
    """A new thread starts at an empty root scope, whatever is open in the one that started it (row O1)."""

    def root():
        scope = get_variable_scope()
        return scope.name, scope.reuse, scope.dtype

    with VariableStore().as_default(), variable_scope("open", reuse=True, dtype="float16"):
        assert _in_thread(root) == ("", False, "float32")
        assert _in_thread(default_store) is default_store()


def test_a_thread_of_asyncio_starts_at_the_root():
    """A thread that copies its parent's context starts at the root as well (row O1)."""

    async def main():
        return await asyncio.to_thread(lambda: get_variable_scope().name)

    with variable_scope("open"):
        assert asyncio.run(main()) == ""


def test_threads_number_default_names_for_themselves():
    """Another thread gets the bare default name again (row O2)."""

    def opened():
        with variable_scope(None, "d") as scope:
            return scope.name

    assert [opened(), opened(), _in_thread(opened), opened()] == ["d", "d_1", "d", "d_2"]


@pytest.mark.parametrize("open_store", [False, True])
def test_threads_share_the_variables(open_store):
    """Whichever thread made a variable, another one needs to reuse it (rows O3, O6)."""
    store = VariableStore() if open_store else default_store()

    def got(reuse):
        with store.as_default(), variable_scope("foo", reuse=reuse):
            return get_variable("v", [])

    v = _in_thread(got, None)
    assert v.name == "foo/v:0"
    assert isinstance(_in_thread(got, None), errors.VariableExistsError)
    assert _in_thread(got, True) is v
    assert got(True) is v


def test_the_default_store_is_the_same_in_every_thread():
    """A thread need not open anything to share with the others; in TF1 it got another graph (row O6)."""
    assert _in_thread(lambda: get_variable("v", [1])) is default_store()["v"]


def test_a_captured_scope_keeps_its_prefix_in_a_thread():
    """A scope handed to a thread and entered there gives its prefix; numbering starts anew (row O4)."""

    def names(captured):
        with variable_scope(captured):
            with variable_scope("foo"):
                first = get_variable("v", []).name
            with variable_scope(None, "d") as numbered:
                pass
        with variable_scope("bar"):
            return [first, numbered.name, get_variable("v", []).name]

    with variable_scope("main") as main:
        with variable_scope(None, "d"):
            pass
        assert _in_thread(names, main) == ["main/foo/v:0", "main/d", "bar/v:0"]


def test_a_scope_object_is_shared_by_threads():
    """A change that one thread makes to a scope object is seen by the others (row O5)."""
    with variable_scope("a") as scope:
        assert _in_thread(scope.reuse_variables) is None
        assert get_variable_scope().reuse is True


def test_auto_reuse_makes_each_variable_once(rapid_switching):
    """Threads that ask for the same names in any order all get the same variables, each made once (row O6)."""

    def body(store, order, initializer):
        with store.as_default(), variable_scope("scope", reuse=AUTO_REUSE):
            return {name: get_variable(name, [2], initializer=initializer) for name in order}

    for orders in _orders():
        store, made = VariableStore(), []

        def initializer(shape, dtype, made=made):
            made.append(shape)
            return [float(len(made))] * shape[0]

        outcomes = _together([partial(body, store, order, initializer) for order in orders])
        assert len(made) == len(store) == len(NAMES)
        assert all(got[name] is store[f"scope/{name}"] for got in outcomes for name in NAMES)
        # Whole values of distinct makings, listed in the order in which they were made.
        assert [v.numpy().tolist() for v in store.variables()] == [[n, n] for n in range(1, len(NAMES) + 1)]


def test_without_reuse_each_name_has_one_winner(rapid_switching):
    """Of the threads that make one name without reuse one succeeds, and the others are told (rows O3, O6)."""

    def body(store, order):
        got = {}
        with store.as_default(), variable_scope("scope"):
            for name in order:
                try:
                    got[name] = get_variable(name, [1], initializer="zeros")
                except errors.VariableExistsError as error:
                    got[name] = str(error)
        return got

    for orders in _orders():
        store = VariableStore()
        outcomes = _together([partial(body, store, order) for order in orders])
        assert sorted(store) == [f"scope/{name}" for name in NAMES]
        for name in NAMES:
            losers = [got[name] for got in outcomes if isinstance(got[name], str)]
            assert [got[name] is store[f"scope/{name}"] for got in outcomes].count(True) == 1
            assert len(losers) == THREADS - 1
            assert all(f"Variable scope/{name} already exists" in loser for loser in losers)
            assert all("Originally defined at" in loser for loser in losers)


def test_different_names_do_not_disturb_each_other(rapid_switching):
    """Threads that make names of their own in one store all succeed, each with its own numbering (rows O2, O6)."""

    def body(store, i):
        names = []
        with store.as_default(), variable_scope(f"thread_{i}"):
            for _ in range(2):
                with variable_scope(None, "d") as scope:
                    get_variable("v", initializer=[float(i)])
                names.append(scope.name)
        return names, get_variable_scope().name

    for _ in range(ROUNDS // 4):
        store = VariableStore()
        outcomes = _together([partial(body, store, i) for i in range(THREADS)])
        assert outcomes == [([f"thread_{i}/d", f"thread_{i}/d_1"], "") for i in range(THREADS)]
        assert sorted(store) == sorted(f"{name}/v" for names, _ in outcomes for name in names)
        assert all(store[f"thread_{i}/d/v"].numpy().tolist() == [i] for i in range(THREADS))


def test_an_initializer_that_fails_in_one_thread(rapid_switching):
    """If the making fails in one thread, the next thread makes the variable (rows G13, O6)."""
    store, failures = VariableStore(), []

    def initializer(shape, dtype):
        if not failures:
            failures.append(1)
            raise KeyError("first")
        return [1.0] * shape[0]

    def get():
        with store.as_default(), variable_scope("", reuse=AUTO_REUSE):
            return get_variable("v", [1], initializer=initializer)

    outcomes = _together([get] * THREADS)
    assert [type(outcome) for outcome in outcomes].count(KeyError) == 1
    assert [outcome is store["v"] for outcome in outcomes].count(True) == THREADS - 1


def test_listing_while_others_make(rapid_switching):
    """Listings taken while other threads make variables are whole: each extends the one before (row O6)."""
    store = VariableStore()
    listings = []

    def make():
        for i in range(40):
            store.get_variable(f"v{i}", initializer=0.0)

    def read():
        while len(store) < 40:
            listings.append([v.path for v in store.variables()])

    assert _together([make, read]) == [None, None]
    listings.append(list(store))
    assert all(later[: len(earlier)] == earlier for earlier, later in pairwise(listings))


def test_one_opener_in_two_threads():
    """What `as_default` returns may be shared by threads: each is left where it was, whoever goes first (row O7)."""
    outer, opener = VariableStore(), VariableStore().as_default()
    entered, left = threading.Barrier(2), threading.Event()

    def at_the_root():
        with opener:
            entered.wait()
            left.wait()
        return get_variable_scope().name

    def in_a_scope():
        with outer.as_default(), variable_scope("outer"):
            with opener:
                entered.wait()
            left.set()
            return get_variable_scope().name

    assert _together([at_the_root, in_a_scope]) == ["", "outer"]


def test_the_lock_is_reentrant():
    """An initializer may itself get a variable of the same store (row O6)."""

    def initializer(shape, dtype):
        return get_variable("other", shape, dtype, initializer="ones").value

    v = get_variable("v", [2], initializer=initializer)
    assert v.numpy().tolist() == [1.0, 1.0]
    assert list(kscope.default_store()) == ["other", "v"]


def test_without_the_file_of_stores():
    """A file that is imported past `kscope`, and needs the default store, says where names come from."""
    code = "from kscope._scopes.frame import get_variable_scope; get_variable_scope()"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "AttributeError: There is no default store yet" in run.stderr


def test_the_first_public_name_makes_the_default_store():
    """Each public name works when it is the first that is taken from `kscope`."""
    code = "import kscope; print(kscope.get_variable_scope().name == '', len(kscope.default_store()))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.stdout.split() == ["True", "0"]


def test_before_there_is_a_default_store():
    """What holds the default store says what is missing."""
    with pytest.raises(AttributeError, match="There is no default store yet: the file that makes it was not imported"):
        type(default)().store  # noqa: B018 - the look-up is the test


def test_what_holds_the_default_store_has_nothing_else():
    """Tools that look for attributes, as `inspect` does, are told that there are none."""
    with pytest.raises(AttributeError, match="'_Default' object has no attribute '__wrapped__'"):
        default.__wrapped__  # noqa: B018 - the look-up is the test
