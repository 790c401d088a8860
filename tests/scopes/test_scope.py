"""`VariableScope`: attributes, inheritance of defaults, setters, listings, and chains of getters (section J)."""

from __future__ import annotations

import inspect
import threading

import keras
import numpy as np
import pytest

import kscope
from kscope import VariableScope, errors, get_local_variable, get_variable, get_variable_scope, variable_scope
from kscope._scopes.getter_chain import Chain
from kscope._scopes.scope import Defaults

DEFAULTS = [
    "initializer",
    "regularizer",
    "caching_device",
    "partitioner",
    "custom_getter",
    "dtype",
    "use_resource",
    "constraint",
]


def unchanged(getter, *args, **kwargs):
    """A getter that hands everything on."""
    return getter(*args, **kwargs)


def logging(log, name):
    """A getter that leaves its name in a log."""

    def getter(next_getter, *args, **kwargs):
        log.append(name)
        return next_getter(*args, **kwargs)

    return getter


@pytest.fixture
def given():
    """A value for each default, of which `visit("a", **given)` makes a scope."""
    return {
        "initializer": keras.initializers.Zeros(),
        "regularizer": keras.regularizers.L2(0.5),
        "caching_device": "/cpu:0",
        "partitioner": lambda shape, dtype: [1] * len(shape),
        "custom_getter": unchanged,
        "dtype": "float16",
        "use_resource": True,
        "constraint": keras.constraints.NonNeg(),
    }


def visit(*args, **kwargs) -> VariableScope:
    """Open a scope and leave it."""
    with variable_scope(*args, **kwargs) as scope:
        return scope


# Attributes.


def test_the_root_has_no_defaults():
    """Its name is empty, it creates, its dtype is Keras' `floatx`, and the rest is `None` (row J1)."""
    root = get_variable_scope()
    assert (root.name, root.reuse, root.dtype, root.original_name_scope) == ("", False, "float32", "")
    assert {name: getattr(root, name) for name in DEFAULTS if name != "dtype"} == dict.fromkeys(
        [name for name in DEFAULTS if name != "dtype"]
    )


def test_the_dtype_follows_floatx():
    """A scope without a dtype has the one that Keras makes variables of now (row J1)."""
    scope = visit("a")
    keras.config.set_floatx("float16")
    try:
        assert (get_variable_scope().dtype, scope.dtype) == ("float16", "float16")
        assert get_variable("v", [1]).dtype == "float16"
    finally:
        keras.config.set_floatx("float32")
    assert scope.dtype == "float32"


@pytest.mark.parametrize(("policy", "dtype"), [("float16", "float16"), ("mixed_bfloat16", "float32")])
def test_the_dtype_in_a_layer_is_that_of_its_variables(policy, dtype):
    """Inside a scoped layer's call it is the layer's `variable_dtype`, unless a scope has one (row J1)."""
    seen = []

    class Layer(kscope.ScopedLayer):
        def call(self, x):
            seen.append(get_variable_scope().dtype)
            with variable_scope("a", dtype="float64") as scope:
                seen.append(scope.dtype)
            return x * get_variable("v", [1])

    layer = Layer(dtype=policy)
    layer(np.ones((1, 1), "float32"))
    assert set(seen) == {dtype, "float64"}
    assert layer.weights[0].dtype == dtype


def test_the_constructor_has_tf1s_order():
    """`reuse` comes first and is required; positions are those of ported code (rows D8, J1)."""
    order = ["reuse", "name", *DEFAULTS[:5], "name_scope", *DEFAULTS[5:]]
    assert list(inspect.signature(VariableScope).parameters) == order
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'reuse'"):
        VariableScope()


def test_a_scope_made_by_hand_has_what_it_was_given(given):
    """Every argument is an attribute (rows D8, J1)."""
    scope = VariableScope(kscope.AUTO_REUSE, "a/b", name_scope="x/", **given)
    assert (scope.name, scope.reuse, scope.original_name_scope) == ("a/b", kscope.AUTO_REUSE, "x/")
    assert all(getattr(scope, name) is value for name, value in given.items())


@pytest.mark.parametrize("given", [1, "yes", np.True_])
def test_a_scope_made_by_hand_has_a_checked_mode(given):
    """A reuse mode that is none is refused there too (row A3)."""
    with pytest.raises(errors.ReuseError, match=r"^The reuse parameter must be True or False or None"):
        VariableScope(given)


@pytest.mark.parametrize("name", ["name", "reuse", "original_name_scope", *DEFAULTS])
def test_attributes_are_read_only(name):
    """They are changed by setters alone (row J9)."""
    scope = visit("a")
    with pytest.raises(AttributeError, match=name):
        setattr(scope, name, None)


def test_a_misspelled_attribute_is_refused():
    """A scope takes no new attributes, so that `scope.initialiser = ...` is not lost in silence (row J9)."""
    with pytest.raises(AttributeError, match="initialiser"):
        visit("a").initialiser = "zeros"


def test_scopes_are_compared_by_identity():
    """Two scopes of one name are different, and can be keys (row J12)."""
    a = visit("a")
    b = visit(a)
    assert a != b
    assert {a: 1, b: 2}[a] == 1


@pytest.mark.parametrize(
    ("scope", "shown"),
    [
        (VariableScope(None), "VariableScope(name='', reuse=False, dtype=None)"),
        (VariableScope(True, "a/b", dtype=np.float16), "VariableScope(name='a/b', reuse=True, dtype='float16')"),
        (VariableScope(kscope.AUTO_REUSE), "VariableScope(name='', reuse=ReuseMode.AUTO_REUSE, dtype=None)"),
    ],
)
def test_a_scope_shows_what_it_is(scope, shown):
    """Name, reuse mode and dtype are seen in its repr (row J12)."""
    assert repr(scope) == shown


# Inheritance.


@pytest.mark.parametrize("child", [("b",), (None, "b"), ("",)])
def test_every_default_is_inherited(child, given):
    """Children have the very objects of their parent, the constraint included (rows J2, J3)."""
    with variable_scope("a", reuse=kscope.AUTO_REUSE, **given), variable_scope(*child) as scope:
        assert {name: getattr(scope, name) for name in DEFAULTS} == given
        assert scope.reuse is kscope.AUTO_REUSE


def test_every_default_is_captured(given):
    """Entering the captured scope again brings all of them back, the constraint included (rows D4, J3)."""
    scope = visit(visit("a", **given))
    assert {name: getattr(scope, name) for name in DEFAULTS} == given


def test_variables_get_an_inherited_constraint():
    """It reaches variables in child scopes and in captured ones, unlike in TF1 (row J3)."""
    constraint = keras.constraints.NonNeg()
    with variable_scope("a", constraint=constraint) as a:
        v = get_variable("v", [1])
        with variable_scope("b"):
            w = get_variable("w", [1])
    with variable_scope(a):
        x = get_variable("x", [1])
    assert all(variable.constraint is constraint for variable in (v, w, x))


def test_none_inherits_and_anything_else_overrides():
    """Falsy values override too; an argument cannot unset a default (row J4)."""
    with variable_scope("a", initializer="ones", use_resource=True, caching_device="/cpu:0", regularizer="l2"):
        scope = visit("b", initializer=None, use_resource=False, caching_device="", regularizer=False)
    assert (scope.initializer, scope.use_resource) == ("ones", False)
    assert (scope.caching_device, scope.regularizer) == ("", False)


def test_a_child_shares_the_record_of_defaults():
    """A scope that sets none makes none, so that entering it is cheap."""
    with variable_scope("a", dtype="float16") as a, variable_scope("b") as b, variable_scope("c", dtype="float32") as c:
        assert b.defaults is a.defaults
        assert c.defaults is not a.defaults


@pytest.mark.parametrize(
    "spell", [str, lambda _: "half", np.dtype, lambda _: np.float16, lambda name: keras.ops.ones(1, name).dtype]
)
def test_dtypes_are_spelled_in_one_way(spell):
    """A scope's dtype is a str, whether it was written as a name or as a framework's dtype (row J5)."""
    dtype = spell("float16")
    assert visit("a", dtype=dtype).dtype == "float16"
    assert VariableScope(None, dtype=dtype).dtype == "float16"
    scope = visit("b")
    scope.set_dtype(dtype)
    assert scope.dtype == "float16"


def test_the_argument_of_get_variable_comes_before_the_scopes_dtype():
    """A variable has the dtype that is written, else the scope's (row J5)."""
    with variable_scope("a", dtype="float16"):
        v, w = get_variable("v", [1]), get_variable("w", [1], dtype="bfloat16")
    assert (v.dtype, w.dtype) == ("float16", "bfloat16")


# Setters.


def test_setters_change_one_object():
    """Later variables and children see it; open children, the parent and later openings do not (row J6)."""
    with variable_scope("a") as a:
        with variable_scope("b"):
            a.set_dtype("float16")
            x = get_variable("x", [1])
        with variable_scope("d"):
            y = get_variable("y", [1])
        z = get_variable("z", [1])
    assert [v.dtype for v in (x, y, z)] == ["float32", "float16", "float16"]
    assert (get_variable_scope().dtype, visit("a").dtype) == ("float32", "float32")


@pytest.mark.parametrize("name", DEFAULTS)
def test_setters_set_and_clear(name, given):
    """Each default has a setter, a constraint's too, which clears it with `None` (rows J6, J7, J9)."""
    with variable_scope("a", **given) as outer, variable_scope("b") as scope:
        setter = getattr(scope, f"set_{name}")
        setter(None)
        assert getattr(scope.defaults, name) is None
        assert {other: getattr(scope, other) for other in DEFAULTS if other != name} == {
            other: value for other, value in given.items() if other != name
        }
        setter(given[name])
        assert getattr(scope, name) is given[name]
        assert outer.defaults == Defaults(**given)


def test_a_cleared_default_is_not_used():
    """`None` in a setter is the only way to switch an inherited default off (row J7)."""
    with variable_scope("a", initializer="ones", regularizer="l2"), variable_scope("b") as b:
        b.set_initializer(None)
        b.set_regularizer(None)
        v = get_variable("v", [2, 2])
        assert v.regularizer is None
        assert not np.array_equal(keras.ops.convert_to_numpy(v), np.ones((2, 2)))


def test_an_unknown_dtype_is_refused():
    """The setter and the constructor are as strict as `variable_scope` (rows A11, J5)."""
    for use in (visit("a").set_dtype, lambda dtype: VariableScope(None, dtype=dtype)):
        with pytest.raises(errors.DtypeError, match=r"^Cannot convert the argument `type_value`: 'nope' to a dtype"):
            use("nope")


def test_setting_a_getter_replaces_the_chain():
    """The argument wraps what is inherited, the setter takes its place (row J8)."""
    log = []
    outer, inner = logging(log, "outer"), logging(log, "inner")
    with variable_scope("a", custom_getter=outer), variable_scope("b", custom_getter=inner) as b:
        get_variable("v", [1])
        b.set_custom_getter(logging(log, "set"))
        get_variable("w", [1])
    assert log == ["inner", "outer", "set"]


def test_setters_on_the_root_stay_in_force_in_their_store_and_thread():
    """Another thread and another store have a root of their own (row J10)."""
    get_variable_scope().set_dtype("float16")
    assert get_variable("v", [1]).dtype == "float16"
    assert visit("x").dtype == "float16"
    seen = []
    thread = threading.Thread(target=lambda: seen.append(get_variable_scope().dtype))
    thread.start()
    thread.join()
    with kscope.VariableStore().as_default():
        seen.append(get_variable_scope().dtype)
    kscope.reset_default_store()
    assert [*seen, get_variable_scope().dtype] == ["float32"] * 3


# Methods.


def test_tf1s_public_names_are_there():
    """All 24 of them, the listings as methods, and one setter more (rows J9, J11)."""
    methods = ["get_variable", "get_collection", "global_variables", "trainable_variables", "local_variables"]
    setters = [f"set_{name}" for name in DEFAULTS]
    assert {*methods, *setters, "reuse_variables", "name", "reuse", "original_name_scope", *DEFAULTS} <= {
        name for name in dir(VariableScope) if not name.startswith("_")
    }
    assert all(inspect.isfunction(getattr(VariableScope, name)) for name in (*methods, *setters, "reuse_variables"))


def test_listings_are_methods_and_hold_what_is_below():
    """Only names behind the scope's slash are listed, in the order in which they were made (row J11)."""
    with variable_scope("foobar"):
        other = get_variable("v", [1])
    with variable_scope("foo") as foo:
        w = get_variable("w", [1])
        v = get_variable("b/v", [1], trainable=False)
        local = get_local_variable("n", [], dtype="int32")
        named = get_variable("c", [1], collections=["mine"])

    def same(listed, expected):
        return [id(variable) for variable in listed] == [id(variable) for variable in expected]

    assert same(foo.global_variables(), [w, v])
    assert same(foo.trainable_variables(), [w, named])
    assert same(foo.local_variables(), [local])
    assert same(foo.get_collection("mine"), [named])
    assert foo.get_collection("nobody's") == []
    assert same(get_variable_scope().global_variables(), [other, w, v])


def test_listings_are_of_the_current_store():
    """A scope belongs to no store; another one that is open is listed instead (rows D9, J11)."""
    with variable_scope("foo") as foo:
        v = get_variable("v", [1])
    with kscope.VariableStore().as_default():
        assert foo.global_variables() == []
    assert foo.global_variables()[0] is v


# Chains of getters.


def test_a_chain_runs_from_the_inside_out():
    """The inner getter is called first, and its `getter` is the outer one (rows D5, K4)."""
    log = []
    chain = Chain(logging(log, "a"), Chain(logging(log, "b"), logging(log, "c")))
    result = chain(lambda *args, **kwargs: (args, kwargs), "x", shape=[1])
    assert result == (("x",), {"shape": [1]})
    assert log == ["a", "b", "c"]


def test_the_links_of_a_chain_are_in_the_order_of_calls():
    """However it was put together, every getter is listed, innermost first (row K4)."""
    a, b, c, d = (logging([], name) for name in "abcd")
    assert Chain(a, Chain(b, c)).links() == [a, b, c]
    assert Chain(Chain(a, b), Chain(c, d)).links() == [a, b, c, d]


def test_scopes_put_chains_together():
    """Each scope with a getter adds a link, and a scope without one none (rows J2, J8)."""
    outer, inner = logging([], "outer"), logging([], "inner")
    with variable_scope("a", custom_getter=outer) as a, variable_scope("b"):
        c = visit("c", custom_getter=inner)
    assert a.custom_getter is outer
    assert isinstance(c.custom_getter, Chain)
    assert c.custom_getter.links() == [inner, outer]
