"""Default names and the counters behind them (section C), and that neither closing nor jumping walks what is known."""

from __future__ import annotations

import random
from collections import Counter

import keras
import numpy as np
import pytest

import kscope
from kscope import errors, get_variable, get_variable_scope, variable_scope
from kscope._scopes.counters import Counters


def visit(name=None, default_name=None) -> str:
    """Open a scope, leave it, and return its name."""
    with variable_scope(name, default_name) as scope:
        return scope.name


def default(*names: str) -> list[str]:
    """The scopes that default names get, one after the other."""
    return [visit(None, name) for name in names]


# Section C.


def test_the_first_default_name_is_bare():
    """Suffixes start with `_1` at the second one (row C1)."""
    assert default("x", "x", "x") == ["x", "x_1", "x_2"]


def test_closing_a_scope_forgets_what_is_below():
    """Numbers start again in the next opening of the same scope (row C2)."""
    for _ in range(2):
        with variable_scope("p"):
            assert default("x", "x") == ["p/x", "p/x_1"]


def test_counts_are_kept_by_full_name():
    """The same default name is counted apart in each scope (row C2)."""
    with variable_scope("p"):
        assert default("x") == ["p/x"]
        with variable_scope("q"):
            assert default("x") == ["p/q/x"]
        assert default("x") == ["p/x_1"]
    assert default("x") == ["x"]


def test_closing_a_default_scope_forgets_what_is_below():
    """A scope with a default name is closed like a named one (row C2)."""
    with variable_scope("p"):
        for expected in ("p/a", "p/a_1"):
            with variable_scope(None, "a"):
                assert default("x", "x") == [f"{expected}/x", f"{expected}/x_1"]


def test_the_root_never_forgets():
    """At the root default names count up for the life of store and thread (rows C3, P11)."""
    assert [default("conv", "conv") for _ in range(2)] == [["conv", "conv_1"], ["conv_2", "conv_3"]]
    kscope.reset_default_store()
    assert default("conv") == ["conv"]


def test_each_call_of_a_layer_starts_anew():
    """Code that runs again gets the same names, and so the same variables (rows C3, P11)."""
    names = []

    class Stack(kscope.ScopedLayer):
        def call(self, x):
            for _ in range(2):
                with variable_scope(None, "conv") as scope:
                    names.append(scope.name)
                    x = x * get_variable("w", [])
            return x

    layer = Stack(name="net")
    for _ in range(3):
        names.clear()
        layer(np.ones((1, 1), "float32"))
        assert names[-2:] == ["net/conv", "net/conv_1"]
    assert [v.path for v in layer.weights] == ["net/conv/w", "net/conv_1/w"]


def test_an_explicit_name_is_taken():
    """However often it was opened, the next default gets the first free suffix (row C4)."""
    assert [visit("z"), visit("z"), *default("z")] == ["z", "z", "z_1"]


def test_taken_suffixes_are_skipped():
    """An explicit `y_1` is passed over (row C5)."""
    visit("y_1")
    assert default("y", "y", "y") == ["y", "y_2", "y_3"]


def test_a_suffix_that_is_taken_later_is_skipped_too():
    """The search goes on behind the last number, past names that were opened since (row C5)."""
    assert default("y", "y") == ["y", "y_1"]
    for name in ("y_2", "y_3"):
        visit(name)
    assert default("y", "y") == ["y_4", "y_5"]


def test_explicit_names_stay_as_they_are():
    """They are never made unique, not even against default ones (row C6)."""
    assert [*default("w"), visit("w")] == ["w", "w"]


def test_a_suffix_in_a_default_name_means_nothing():
    """`x_1` is a name like any other (row C7)."""
    assert default("x_1", "x", "x", "x_1") == ["x_1", "x", "x_2", "x_1_1"]


def test_variables_are_not_counted():
    """A default name may meet a variable that is there, which is then an accident (row C8)."""
    get_variable("y/w", [1])
    with variable_scope(None, "y") as scope:
        assert scope.name == "y"
        with pytest.raises(errors.VariableExistsError, match=r"^Variable y/w already exists"):
            get_variable("w", [1])


def test_entering_a_captured_scope_numbers_from_the_start():
    """Its default-named children collide with those of the first time, or are shared (row C9)."""
    with variable_scope("m") as m, variable_scope(None, "l"):
        w = get_variable("w", [1])
    with variable_scope(m), variable_scope(None, "l") as again:
        assert again.name == "m/l"
        with pytest.raises(errors.VariableExistsError, match=r"^Variable m/l/w already exists"):
            get_variable("w", [1])
    with variable_scope(m, reuse=True), variable_scope(None, "l"):
        assert get_variable("w", [1]) is w


def test_a_jump_into_an_open_scope_continues_and_rolls_back():
    """Numbers go on inside, and those used there are handed out again after it (row C10)."""
    with variable_scope("d") as scope:
        names = default("layer", "layer")
        with variable_scope(scope):
            names += default("layer")
        names += default("layer")
    assert names == ["d/layer", "d/layer_1", "d/layer_2", "d/layer_2"]


def test_a_jump_leaves_no_trace_of_default_names():
    """The root's names can be handed out again by jumping to it (row C11)."""
    root = get_variable_scope()
    for _ in range(2):
        with variable_scope(root):
            assert default("x", "x") == ["x", "x_1"]
    assert default("x", "x", "x") == ["x", "x_1", "x_2"]


def test_a_jump_rolls_back_wherever_it_reaches():
    """What is opened and closed inside is undone, below other scopes and in jumps too (rows C10, C11)."""
    root = get_variable_scope()
    with variable_scope("a") as a:
        assert default("x") == ["a/x"]
        with variable_scope(root):
            # Closing `a` here forgets its children, and the jump brings them back.
            visit("a")
            with variable_scope(a):
                assert default("x", "x") == ["a/x", "a/x_1"]
            with variable_scope("a"):
                assert default("x") == ["a/x"]
        assert default("x") == ["a/x_1"]


def test_a_jump_that_fails_rolls_back():
    """An exception inside makes no difference (rows C11, Q2)."""
    with pytest.raises(KeyError, match="k"), variable_scope(get_variable_scope()), variable_scope(None, "x"):
        raise KeyError("k")
    assert default("x") == ["x"]


def test_entering_a_captured_scope_counts_as_opening_it():
    """The count survives the exit, until the parent is closed (row C12)."""
    with variable_scope("a"), variable_scope("b") as b:
        pass
    visit(b)
    for expected in ("a/b_1", "a/b"):
        with variable_scope("a"):
            assert default("b") == [expected]


def test_only_names_behind_the_slash_are_forgotten():
    """Closing `foo` forgets nothing of `foobar` and `foo_1` (row C13)."""
    with variable_scope("p"):
        for name in ("foobar", "foo_1"):
            with variable_scope("p/" + name):
                pass
        visit("foo")
        assert default("p/foobar", "p/foo_1") == ["p/p/foobar_1", "p/p/foo_1_1"]


def test_a_default_name_with_a_slash_is_a_child_of_its_first_part():
    """Closing that one forgets it (row C13)."""
    names = default("a/b", "a/b")
    for _ in range(2):
        with variable_scope("a"):
            names += default("b")
    assert names == ["a/b", "a/b_1", "a/b_2", "a/b"]


def test_name_scopes_are_not_counted():
    """Only variable scopes take a name (row C14)."""
    with keras.name_scope("k"):
        pass
    with variable_scope("outer") as outer:
        pass
    assert default("k") == ["k"]
    with variable_scope(outer):
        assert default("k") == ["outer/k"]


def test_a_reusing_parent_gives_the_same_numbers():
    """The second pass finds the variables of the first, and one scope too many fails (row C15)."""
    with variable_scope("o"), variable_scope(None, "d"):
        v = get_variable("w", [])
    with variable_scope("o", reuse=True):
        with variable_scope(None, "d"):
            assert get_variable("w", []) is v
        with variable_scope(None, "d"), pytest.raises(errors.VariableMissingError, match=r"^Variable o/d_1/w does not"):
            get_variable("w", [])


def test_auto_reuse_does_not_merge_siblings():
    """Two default scopes of one opening are two; they are shared by the next opening (row C16)."""

    def tower():
        with variable_scope("s", reuse=kscope.AUTO_REUSE):
            with variable_scope(None, "d"):
                first = get_variable("w", [])
            with variable_scope(None, "d"):
                return first, get_variable("w", [])

    (a, b), (c, d) = tower(), tower()
    assert a is not b
    assert (c is a, d is b) == (True, True)


def test_an_empty_default_name_is_refused():
    """It names nothing (row C17)."""
    with pytest.raises(errors.ScopeNameError, match=r"^VariableScope: default_name must not be empty"):
        variable_scope(None, "")


def test_counters_belong_to_a_store():
    """Another store numbers from the start, and the first goes on where it was (rows C3, O7)."""
    assert default("x") == ["x"]
    with kscope.VariableStore().as_default():
        assert default("x", "x") == ["x", "x_1"]
    assert default("x") == ["x_1"]


# Against TF1's bookkeeping, as its rows describe it: one flat dictionary of full names, walked and copied.


class Flat:
    """The model that the tree of counters is compared with."""

    def __init__(self):
        self.counts = Counter()

    def unique(self, prefix: str, name: str) -> str:
        full, suffix = prefix + name, 0
        while self.counts[full]:
            suffix += 1
            full = f"{prefix}{name}_{suffix}"
        return full

    def close(self, scope: str) -> None:
        for name in self.counts:
            if name.startswith(scope + "/"):
                self.counts[name] = 0


def wander(rng: random.Random, model: Flat, captured: list, depth: int) -> None:
    """Open scopes of all kinds at random, and compare each name with the model's."""
    for _ in range(rng.randint(1, 4)):
        prefix = get_variable_scope().prefix
        name = rng.choice(["a", "b", "a_1", "a/b", "b_2"])
        kind = rng.choice(["named", "default", "default", "jump"])
        target = rng.choice(captured) if kind == "jump" else name if kind == "named" else None
        expected = model.unique(prefix, name) if kind == "default" else target.name if kind == "jump" else prefix + name
        with variable_scope(target, None if target else name) as scope:
            assert scope.name == expected
            model.counts[expected] += 1
            saved = Counter(model.counts)
            captured.append(scope)
            if depth:
                wander(rng, model, captured, depth - 1)
        if kind == "jump":
            model.counts = saved
        else:
            model.close(expected)


@pytest.mark.parametrize("seed", range(30))
def test_names_are_those_of_a_flat_dictionary(seed):
    """Any mixture of named, default and captured scopes is numbered as TF1 numbers it (rows C1-C13)."""
    wander(random.Random(seed), Flat(), [get_variable_scope()], depth=4)


# The tree itself.


class Unwalkable(dict):
    """Children that may be looked up one at a time."""

    lookups = 0

    def get(self, key, default=None):
        self.lookups += 1
        return super().get(key, default)

    def _refuse(self, *args):
        raise AssertionError("the counters walked over all that they know")

    __iter__ = keys = values = items = copy = __copy__ = __deepcopy__ = __or__ = __ror__ = _refuse


@pytest.fixture
def counters():
    """Counters that know a thousand scopes, at the root and below `a`, and do not let them be walked over."""
    counters = Counters()
    for node in (counters.root, counters.find(counters.root, "a")):
        for i in range(1000):
            counters.open(counters.find(node, f"x{i}"))
        node.children = Unwalkable(node.children)
    return counters


def test_closing_does_not_walk(counters):
    """All children go at once (row C2)."""
    a = counters.find(counters.root, "a")
    counters.close(a)
    assert counters.find(a, "x0").count == 0
    assert counters.find(counters.root, "x0").count == 1


def test_jumping_does_not_walk_or_copy(counters):
    """Going there and back costs what is opened in between (rows C10, C11)."""
    root, a = counters.root.children, counters.find(counters.root, "a")
    below = a.children
    mark = counters.jump()
    counters.open(counters.find(a, "x0"))
    assert counters.unique(a, "x0") == "x0_1"
    counters.close(a)
    counters.back(mark)
    assert counters.root.children is root
    assert a.children is below
    assert counters.find(a, "x0").count == 1


def test_numbering_does_not_start_over(counters):
    """The last suffix is remembered, so that the next is found at once (row C5)."""
    for _ in range(100):
        counters.open(counters.find(counters.root, counters.unique(counters.root, "y")))
    before = counters.root.children.lookups
    assert counters.unique(counters.root, "y") == "y_100"
    assert counters.root.children.lookups - before <= 3


def test_asking_for_a_unique_name_does_not_take_it():
    """Only opening counts (row C1)."""
    counters = Counters()
    assert [counters.unique(counters.root, "x") for _ in range(2)] == ["x", "x"]
    counters.open(counters.find(counters.root, "x"))
    assert [counters.unique(counters.root, "x") for _ in range(2)] == ["x_1", "x_1"]


def test_a_path_is_found_part_by_part():
    """`a/b` below a node is `b` below its `a`, and the same node each time (row C13)."""
    counters = Counters()
    node = counters.find(counters.root, "a/b")
    assert counters.find(counters.find(counters.root, "a"), "b") is node
    assert (node.count, node.children) == (0, {})


def test_jumps_inside_jumps_go_back_to_their_own_marks():
    """The inner one undoes its part, the outer one the rest (row C10)."""
    counters = Counters()
    x = counters.find(counters.root, "x")
    counters.open(x)
    outer = counters.jump()
    counters.open(x)
    inner = counters.jump()
    counters.open(x)
    counters.close(counters.root)
    assert counters.find(counters.root, "x").count == 0
    counters.back(inner)
    assert counters.find(counters.root, "x") is x
    assert x.count == 2
    counters.back(outer)
    assert x.count == 1


def test_nothing_is_noted_outside_of_jumps():
    """A process that opens scopes for ever does not grow (row C10)."""
    counters = Counters()
    counters.back(counters.jump())
    for _ in range(3):
        counters.open(counters.find(counters.root, counters.unique(counters.root, "x")))
        counters.close(counters.root)
    assert counters._journal == []
