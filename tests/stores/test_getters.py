"""Custom getters: how they are called, how they nest, and what they may do (section K)."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import kscope
from kscope import AUTO_REUSE, VariableStore, default_store, errors, get_variable, variable_scope

KEYWORDS = [
    "aggregation",
    "caching_device",
    "collections",
    "constraint",
    "dtype",
    "initializer",
    "name",
    "partitioner",
    "regularizer",
    "reuse",
    "shape",
    "synchronization",
    "trainable",
    "use_resource",
    "validate_shape",
]


class Recorder:
    """A getter that does nothing but write down what it is called with."""

    def __init__(self, name="getter", log=None):
        self.name = name
        self.log = [] if log is None else log
        self.args = None
        self.kwargs = None

    def __call__(self, getter, *args, **kwargs):
        self.log.append(self.name)
        self.args, self.kwargs = args, kwargs
        return getter(*args, **kwargs)


def test_a_getter_is_called_with_keywords():
    """A getter gets the next getter, and every argument by keyword, with the full name (row K1)."""
    getter = Recorder()
    with variable_scope("s", custom_getter=getter):
        get_variable("v", [1])
    assert getter.args == ()
    assert sorted(getter.kwargs) == KEYWORDS
    assert getter.kwargs["name"] == "s/v"


def test_a_getter_gets_resolved_values():
    """Scope defaults are filled in, shape and dtype are in one spelling, and modes are Keras' words (row K2)."""
    getter, given = Recorder(), {"initializer": keras.initializers.Ones(), "constraint": lambda value: value}
    with variable_scope("s", custom_getter=getter, regularizer="l2", use_resource=True, reuse=AUTO_REUSE, **given):
        get_variable("v", [1], dtype="half", collections=["c"])
    assert getter.kwargs == {
        "aggregation": "none",
        "caching_device": None,
        "collections": ["c"],
        "dtype": "float16",
        "name": "s/v",
        "partitioner": None,
        "regularizer": "l2",
        "reuse": AUTO_REUSE,
        "shape": (1,),
        "synchronization": "auto",
        "trainable": True,
        "use_resource": True,
        "validate_shape": True,
        **given,
    }


@pytest.mark.parametrize(
    ("options", "trainable", "dtype"),
    [
        ({"shape": [1]}, True, "float32"),
        ({"shape": [1], "trainable": False}, False, "float32"),
        ({"shape": [1], "dtype": "int32"}, False, "int32"),
        ({"shape": [1], "synchronization": "on_read"}, False, "float32"),
        ({"initializer": 1}, False, "float32"),
        ({"initializer": 1, "dtype": "float16"}, True, "float16"),
    ],
    ids=str,
)
def test_a_getter_sees_trainable_as_a_bool(options, trainable, dtype):
    """`trainable` is worked out before the getter runs; the dtype is the one written, else the scope's (row K2)."""
    getter = Recorder()
    get_variable("v", custom_getter=getter, **options)
    assert getter.kwargs["trainable"] is trainable
    assert getter.kwargs["dtype"] == dtype


REQUESTS = {
    "float": {"shape": [2]},
    "half": {"shape": [2], "dtype": "float16"},
    "int": {"shape": [2], "dtype": "int32"},
    "constant": {"initializer": 1},
    "constant of a dtype": {"initializer": 1, "dtype": "float16"},
    "array": {"initializer": np.ones(2, "int32")},
    "function of nothing": {"initializer": lambda: [2]},
    "class": {"shape": [2], "initializer": keras.initializers.Ones},
    "options": {"shape": [2], "regularizer": "l2", "constraint": "non_neg", "aggregation": "mean"},
    "not trained": {"shape": [2], "trainable": False},
    "on read": {"shape": [2], "synchronization": "on_read"},
}


def _facts(variable):
    regularizer, constraint = type(variable.regularizer), type(variable.constraint)
    modes = variable.trainable, variable.synchronization, variable.aggregation
    return tuple(variable.shape), variable.dtype, regularizer, constraint, modes


@pytest.mark.parametrize("options", REQUESTS.values(), ids=REQUESTS)
def test_a_getter_that_does_nothing_changes_nothing(options):
    """With an identity getter the same variable is made, and found again, as without (rows K2, K6)."""
    plain = get_variable("plain", **options)
    with variable_scope("", custom_getter=Recorder()):
        made = get_variable("made", **options)
        with variable_scope("", reuse=True):
            assert get_variable("made", **options) is made
            assert get_variable("made") is made
    assert _facts(made) == _facts(plain)


@pytest.mark.parametrize("nested", [False, True])
def test_the_first_parameter_may_have_any_name(nested):
    """The next getter comes positionally, nested or not; TF1 wanted it to be called `getter` (row K3)."""

    def custom(following, *args, **kwargs):
        return following(*args, **kwargs)

    with variable_scope("o", custom_getter=Recorder() if nested else None), variable_scope("i", custom_getter=custom):
        assert get_variable("v", [1]).path == "o/i/v"


def test_getters_nest():
    """The innermost scope's getter runs first, the outer ones follow, a scope without one adds nothing (row K4)."""
    log = []

    def appending(suffix):
        def custom(getter, name, *args, **kwargs):
            log.append((suffix, name))
            return getter(f"{name}/{suffix}", *args, **kwargs)

        return custom

    with (
        variable_scope("o", custom_getter=appending("O")),
        variable_scope("m"),
        variable_scope("i", custom_getter=appending("I")),
        variable_scope("j", custom_getter=appending("J")),
    ):
        v = get_variable("v", [1])
    assert log == [("J", "o/m/i/j/v"), ("I", "o/m/i/j/v/J"), ("O", "o/m/i/j/v/J/I")]
    assert v.name == "o/m/i/j/v/J/I/O:0"


def test_nested_getters_that_make_several_variables():
    """Each getter of a chain may call the next one several times (rows K4, K9)."""

    def summed(getter, name, *args, **kwargs):
        return sum(getter(f"{name}/sum_{i}", *args, **kwargs) for i in range(2))

    def multiplied(getter, name, *args, **kwargs):
        return getter(f"{name}/prod_0", *args, **kwargs) * getter(f"{name}/prod_1", *args, **kwargs)

    with variable_scope("s", custom_getter=multiplied), variable_scope("t", custom_getter=summed):
        total = get_variable("v", [], initializer="ones")
    assert list(default_store()) == [f"s/t/v/sum_{i}/prod_{j}" for i in range(2) for j in range(2)]
    assert keras.ops.convert_to_numpy(total) == 2.0


def test_the_argument_replaces_the_chain():
    """A getter given to `get_variable` runs in place of the scopes' getters, not around them (row K5)."""
    log = []
    with variable_scope("x", custom_getter=Recorder("scope", log)):
        get_variable("v", [1], custom_getter=Recorder("argument", log))
    assert log == ["argument"]


def test_a_jump_uses_the_captured_chain():
    """A captured scope brings its own getters, and a new one is wrapped around them (row K6)."""
    log = []
    with variable_scope("o", custom_getter=Recorder("O", log)) as captured:
        pass
    with variable_scope("x", custom_getter=Recorder("X", log)):
        with variable_scope(captured):
            get_variable("v", [1])
        with variable_scope(captured, custom_getter=Recorder("N", log)):
            get_variable("w", [1])
    assert log == ["O", "N", "O"]


def test_a_getter_runs_on_every_look_up_and_may_return_anything():
    """A getter runs whether a variable is made or shared, and what it returns is not looked at (row K7)."""

    def custom(getter, *args, **kwargs):
        return kwargs["reuse"], getter(*args, **kwargs)

    with variable_scope("s", custom_getter=custom) as scope:
        first = get_variable("v", [1])
    with variable_scope(scope, reuse=True):
        second = get_variable("v", [1])
    assert first[0] is False
    assert second[0] is True
    assert first[1] is second[1] is default_store()["s/v"]


def test_a_getter_may_return_a_tensor():
    """A getter may compute with the variable, for instance to normalise a kernel (row K7)."""
    with variable_scope("s", custom_getter=lambda getter, *args, **kwargs: getter(*args, **kwargs) * 2.0):
        doubled = get_variable("v", [2], initializer="ones")
    assert keras.ops.is_tensor(doubled)
    assert keras.ops.convert_to_numpy(doubled).tolist() == [2.0, 2.0]


def test_a_getter_that_renames_changes_the_key():
    """The variable is stored under the name that the true getter is given, and the plain name is unknown (row K8)."""
    with variable_scope("s", custom_getter=lambda getter, name, *args, **kwargs: getter(f"{name}_b", *args, **kwargs)):
        v = get_variable("v", [1])
    assert v.name == "s/v_b:0"
    with variable_scope("s", reuse=True):
        with pytest.raises(errors.VariableMissingError, match="Variable s/v does not exist"):
            get_variable("v", [1])
        assert get_variable("v_b", [1]) is v


@pytest.mark.parametrize("nested", [False, True])
def test_a_getter_that_drops_reuse_keeps_the_scopes_mode(nested):
    """A getter that does not hand `reuse` on gets the scope's mode; TF1 shared silently (row K9)."""

    def custom(getter, name, **kwargs):
        del kwargs["reuse"]
        return getter(name, **kwargs)

    with variable_scope("o", custom_getter=Recorder() if nested else None):
        with variable_scope("s", custom_getter=custom):
            v = get_variable("v", [1])
            with pytest.raises(errors.VariableExistsError, match="Variable o/s/v already exists"):
                get_variable("v", [1])
        with variable_scope("s", custom_getter=custom, reuse=True):
            assert get_variable("v", [1]) is v


def test_a_getter_may_change_what_is_asked():
    """A getter may hand on other arguments, the reuse mode included (row K9)."""

    def custom(getter, name, **kwargs):
        return getter(name, **{**kwargs, "shape": [3], "dtype": "float16", "reuse": AUTO_REUSE, "trainable": False})

    with variable_scope("s", custom_getter=custom):
        v = get_variable("v", [1], dtype="float32")
        assert get_variable("v", [1]) is v
    assert (tuple(v.shape), v.dtype, v.trainable) == ((3,), "float16", False)


def test_a_getter_may_change_the_dtype_to_one_without_gradients():
    """Whether a variable trains follows the dtype that the getter asks for, if nobody said so (rows K9, I3)."""

    def custom(getter, name, **kwargs):
        return getter(name, **{**kwargs, "dtype": "int32"})

    v = get_variable("v", [1], custom_getter=custom)
    assert (v.dtype, v.trainable) == ("int32", False)


def test_a_getter_that_hands_on_an_impossible_reuse_mode():
    """The reuse mode that a getter hands on is checked like any other (rows K9, A3)."""

    def custom(getter, name, **kwargs):
        return getter(name, **{**kwargs, "reuse": 1})

    with pytest.raises(errors.ReuseError, match="The reuse parameter must be True or False or None"):
        get_variable("v", [1], custom_getter=custom)


@pytest.mark.parametrize("scopes", [[3], [Recorder(), 3], [3, Recorder()], [Recorder(), 3, Recorder()]], ids=len)
def test_a_getter_that_cannot_be_called(scopes):
    """A getter that is no callable is a ValueError wherever it stands in the chain (row K11)."""
    outer, *inner = scopes
    with variable_scope("s", custom_getter=outer) as scope:
        for getter in inner:
            with variable_scope(scope, custom_getter=getter) as scope:
                pass
    with variable_scope(scope), pytest.raises(ValueError, match="Passed a custom_getter which is not callable: 3"):
        get_variable("v", [1])
    assert len(default_store()) == 0


def test_an_argument_that_cannot_be_called():
    """A getter argument that is no callable is a ValueError (row K11)."""
    with pytest.raises(errors.GetterError, match="Passed a custom_getter which is not callable: 0"):
        get_variable("v", [1], custom_getter=0)


def test_a_getter_without_the_keywords():
    """A getter whose signature lacks a keyword is a TypeError (row K12)."""
    with pytest.raises(TypeError, match="unexpected keyword argument 'shape'"):
        get_variable("v", [1], custom_getter=lambda getter, name: getter(name))


def test_a_getter_that_swallows_keywords():
    """What a getter does not hand on is lost (row K12)."""
    with pytest.raises(errors.InitializerError, match="Variable v did not get an initializer"):
        get_variable("v", [1], custom_getter=lambda getter, name, **kwargs: getter(name))


def test_a_getter_that_swallows_the_dtype():
    """A getter that does not hand the dtype on gets the default one, and not the scope's (row K12)."""

    def custom(getter, name, shape, **kwargs):
        return getter(name, shape, reuse=kwargs["reuse"])

    with variable_scope("s", dtype="float16", custom_getter=custom, reuse=AUTO_REUSE):
        v = get_variable("v", [1])
        assert get_variable("v", [1]) is v
    assert v.dtype == "float32"


def test_a_scope_opened_in_a_getter_does_not_change_the_name():
    """The name is complete when the getter gets it: scopes opened inside prefix neither key nor path (row K13)."""

    def custom(getter, name, *args, **kwargs):
        with variable_scope("inside"):
            return getter(name, *args, **kwargs)

    v = get_variable("v", [1], custom_getter=custom)
    assert default_store()["v"] is v
    assert v.path == "v"


def _recursive(getter, name, *args, **kwargs):
    return getter(name, *args, **kwargs) * get_variable("scale", [])


def test_get_variable_in_a_getter_of_the_scope_meets_the_getter_again():
    """`get_variable` inside a scope's getter re-enters it, and asks for the same name twice (row K13)."""
    already = pytest.raises(errors.VariableExistsError, match="Variable s/scale already exists")
    with variable_scope("s", custom_getter=_recursive), already:
        get_variable("v", [1])


def test_get_variable_in_a_getter_of_a_reusing_scope_never_ends():
    """Under AUTO_REUSE the getter calls itself without end, as in TF1, and nothing is left open (row K13)."""
    with variable_scope("t", custom_getter=_recursive, reuse=AUTO_REUSE) as scope:
        with pytest.raises(RecursionError, match="recursion"):
            get_variable("v", [1])
        assert kscope.get_variable_scope() is scope


def test_a_getter_may_take_the_partitioner_away():
    """A getter sees the partitioner, and a local variable's collections and `trainable` (row K14)."""
    log = []

    def custom(getter, name, *args, **kwargs):
        log.append((name, kwargs["partitioner"] is halves, kwargs["collections"], kwargs["trainable"]))
        return getter(name, *args, **{**kwargs, "partitioner": None})

    def halves(shape, dtype):
        return [2]

    with variable_scope("s", custom_getter=custom, partitioner=halves):
        kscope.get_local_variable("l", [])
        p = get_variable("p", [4])
    assert log == [("s/l", True, ["local_variables"], False), ("s/p", True, None, True)]
    assert tuple(p.shape) == (4,)


def test_nothing_is_left_out_of_the_call():
    """A getter with a strict signature gets every argument: none is left out to please old ones (row K10)."""

    def strict(getter, name, shape, dtype, initializer, regularizer, reuse, trainable, collections, caching_device,
               partitioner, validate_shape, use_resource, synchronization, aggregation):  # fmt: skip
        return getter(name, shape=shape, reuse=reuse)

    with pytest.raises(TypeError, match="unexpected keyword argument 'constraint'"):
        get_variable("v", [1], custom_getter=strict)


def test_routes_by_the_whole_full_name():
    """Of a mapping the getter runs whose pattern matches the whole of the scoped name; else none does."""
    log = []
    routes = {r"fc/.*kernel": Recorder("kernel", log), r"bias": Recorder("bias", log), r"fc/x": Recorder("x", log)}
    with variable_scope("fc", custom_getter=routes):
        kernel = get_variable("sub/kernel", [1])
        get_variable("bias", [1])
        get_variable("kernel_2", [1])
        with variable_scope("", reuse=True):
            assert get_variable("sub/kernel") is kernel
    assert log == ["kernel", "kernel"]
    assert routes[r"fc/.*kernel"].args == ()
    assert sorted(routes[r"fc/.*kernel"].kwargs) == KEYWORDS


def test_two_routes_are_an_error():
    """A name that two patterns match is an error that names both, and nothing is made."""
    with variable_scope("fc", custom_getter={r".*/kernel": Recorder(), r"fc/.*": Recorder(), "x": Recorder()}):
        with pytest.raises(errors.GetterError, match=r"Variable fc/kernel is matched by 2 patterns") as caught:
            get_variable("kernel", [1])
    assert r"'.*/kernel', 'fc/.*'" in str(caught.value)
    assert len(default_store()) == 0


def test_routes_nest_like_any_getter():
    """Mappings stand in chains: inside and outside of getters, and of each other (row K4)."""
    log = []
    first, second = {".*/v": Recorder("first", log)}, {"a/.*": Recorder("second", log)}
    with variable_scope("a", custom_getter=first), variable_scope("b", custom_getter=Recorder("between", log)):
        with variable_scope("c", custom_getter=second):
            get_variable("v", [1])
            get_variable("w", [1])
    assert log == ["second", "between", "first", "second", "between"]


def test_a_route_sees_the_name_that_it_is_given():
    """A getter inside that renames by position changes what the mapping around it routes by (row K8)."""
    log = []

    def renaming(getter, name, *args, **kwargs):
        return getter(f"{name}_b", kwargs.pop("shape"), *args, **kwargs)

    with variable_scope("s", custom_getter={"s/v_b": Recorder("b", log), "s/v": Recorder("plain", log)}):
        with variable_scope("", custom_getter=renaming):
            assert get_variable("v", [1]).path == "s/v_b"
    assert log == ["b"]


def test_a_mapping_in_all_places():
    """A mapping goes wherever a getter goes: the argument, a captured scope, a setter, a template (row K5)."""
    log = []
    routes = {"v.*": Recorder("routed", log)}
    get_variable("v1", [1], custom_getter=routes)
    with variable_scope(kscope.VariableScope(False, "", custom_getter=routes)):
        get_variable("v2", [1])
    with variable_scope("") as scope:
        scope.set_custom_getter(routes)
        get_variable("v3", [1])
        with variable_scope("", custom_getter=Recorder("inner", log)):
            get_variable("v4", [1])
    assert log == ["routed", "routed", "routed", "inner", "routed"]


@pytest.mark.parametrize(
    ("routes", "message"),
    [
        ({"v": 3}, "Passed a custom_getter which is not callable: 3"),
        ({"w": {"v": Recorder()}}, "Passed a custom_getter which is not callable: {'v'"),
        ({"(": Recorder()}, r"'\(' is not a regular expression: missing \), unterminated subpattern"),
        ({3: Recorder()}, "3 is not a regular expression: first argument must be string"),
    ],
    ids=["getter", "nested", "pattern", "number"],
)
def test_routes_that_cannot_work(routes, message):
    """What is no pattern, or no getter, is an error wherever the mapping stands (row K11)."""
    with variable_scope("", custom_getter=routes), pytest.raises(errors.GetterError, match=message):
        get_variable("v", [1])


def test_the_true_getter_takes_what_get_variable_takes():
    """The end of a chain takes its arguments by position and by name, and refuses others, in Python's words."""

    def by_position(getter, name, shape, **kwargs):
        return getter(name, shape, **kwargs)

    def twice(getter, name, **kwargs):
        return getter(name, **kwargs, name=name)

    def unknown(getter, name, **kwargs):
        return getter(name, **kwargs, colour="red")

    def nameless(getter, **kwargs):
        return getter(**{key: value for key, value in kwargs.items() if key != "name"})

    assert get_variable("v", [1], custom_getter=by_position).path == "v"
    for getter, message in (
        (twice, "name"),
        (unknown, "unexpected keyword argument 'colour'"),
        (nameless, "missing 1 required positional argument: 'name'"),
    ):
        with pytest.raises(TypeError, match=message):
            get_variable("w", [1], custom_getter=getter)


def test_arguments_by_position_in_a_scope_and_a_store():
    """The methods `get_variable` of scopes and stores take the arguments in the order of the function."""
    seen = []

    def getter(getter, name, **kwargs):
        seen.append((name, kwargs["trainable"], kwargs["use_resource"], kwargs["constraint"]))
        return getter(name, **kwargs)

    store = VariableStore()
    given = ([1], None, None, None, False, None, None, None, True, True, getter, "non_neg")
    store.get_variable("v", *given)
    with store.as_default(), variable_scope("s") as scope:
        scope.get_variable(store, "v", *given[:10], custom_getter=getter)
        with pytest.raises(TypeError, match="takes from 2 to 16 positional arguments but 17 were given"):
            scope.get_variable(store, "v", *given, None, None, None)
    assert seen == [("v", False, True, "non_neg"), ("s/v", False, True, None)]
