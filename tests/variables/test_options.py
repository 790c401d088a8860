"""The options of a new variable: training, modes, regularizers, constraints, what Keras cannot do (section I)."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import kscope
from kscope import default_store, errors, get_variable, variable_scope


class Mode:
    """What an enum of TensorFlow's looks like from outside."""

    def __init__(self, name):
        self.name = name


def _total(value):
    return keras.ops.sum(value)


def _losses(scope=None):
    return [float(keras.ops.convert_to_numpy(loss)) for loss in default_store().regularization_losses(scope)]


@pytest.mark.parametrize(
    ("options", "trainable"),
    [
        ({}, True),
        ({"trainable": None}, True),
        ({"trainable": True}, True),
        ({"trainable": False}, False),
        ({"synchronization": "on_read"}, False),
        ({"synchronization": "on_read", "trainable": True}, True),
        ({"synchronization": "on_write"}, True),
        ({"dtype": "float16"}, True),
        ({"dtype": "int32"}, False),
        ({"dtype": "uint8"}, False),
        ({"dtype": "bool"}, False),
        ({"dtype": "int32", "trainable": False}, False),
        ({"dtype": "complex64", "initializer": lambda shape, dtype: np.ones(shape, dtype)}, True),
    ],
    ids=str,
)
def test_trainable(options, trainable):
    """Variables train by default, except `on_read` ones and dtypes without gradients (rows I1, I2, I3)."""
    v = get_variable("v", [1], **options)
    assert v.trainable is trainable
    assert [w is v for w in default_store().get_collection("trainable_variables")] == [True] * trainable


@pytest.mark.tensorflow
def test_strings_do_not_train():
    """A string variable, which only TensorFlow holds, does not train (row I3)."""
    assert get_variable("v", [1], dtype="string").trainable is False


@pytest.mark.parametrize("dtype", ["int32", "bool", "uint8"])
def test_a_dtype_without_gradients_cannot_train(dtype):
    """`trainable=True` for a dtype without gradients is refused on every backend alike (row I3)."""
    with pytest.raises(errors.OptionError, match=f"Variable v of dtype {dtype} cannot be trainable"):
        get_variable("v", [1], dtype=dtype, trainable=True)


@pytest.mark.parametrize("given", ["yes", 1, 0, np.True_])
def test_trainable_of_another_type(given):
    """`trainable` is a bool or `None`, nothing that merely counts as one (row I1)."""
    with pytest.raises(errors.OptionTypeError, match=r"must be a bool or None\. Received: trainable=.* variable: v"):
        get_variable("v", [1], trainable=given)


@pytest.mark.parametrize("spelled", [str.lower, str.upper, Mode, lambda word: Mode(word.upper())])
@pytest.mark.parametrize(
    ("argument", "word"),
    [
        *(("synchronization", word) for word in ("auto", "none", "on_write", "on_read")),
        *(("aggregation", word) for word in ("none", "mean", "sum", "only_first_replica")),
    ],
)
def test_modes(argument, word, spelled):
    """A mode is Keras' word, in any case, or an enum member whose name it is (row I4)."""
    assert getattr(get_variable("v", [1], **{argument: spelled(word)}), argument) == word


def test_default_modes():
    """Without modes a variable has Keras' defaults (row I4)."""
    v = get_variable("v", [1])
    assert (v.synchronization, v.aggregation) == ("auto", "none")


@pytest.mark.tensorflow
def test_modes_of_tensorflow():
    """TensorFlow's enums are understood as they are (row I4)."""
    import tensorflow as tf

    synchronization, aggregation = tf.VariableSynchronization.ON_READ, tf.VariableAggregation.ONLY_FIRST_REPLICA
    v = get_variable("v", [1], synchronization=synchronization, aggregation=aggregation)
    assert (v.synchronization, v.aggregation, v.trainable) == ("on_read", "only_first_replica", False)


@pytest.mark.parametrize("reuse", [False, True])
@pytest.mark.parametrize("argument", ["synchronization", "aggregation"])
def test_unknown_modes(argument, reuse):
    """An unknown mode is refused with the variable's name, on look-up as well, and the choices (row I4)."""
    get_variable("w" if not reuse else "v", [1])
    message = f"Invalid variable {argument} mode: x for variable: v\n  Fix: use one of .*'none'"
    with variable_scope("", reuse=reuse), pytest.raises(errors.OptionError, match=message):
        get_variable("v", [1], **{argument: "x"})


@pytest.mark.parametrize("inherited", [False, True])
@pytest.mark.parametrize(
    ("regularizer", "loss"),
    [
        (_total, 2.0),
        ("l1", 0.02),
        (keras.regularizers.L2(0.5), 1.0),
        (keras.regularizers.L2, 0.02),
        (keras.regularizers.serialize(keras.regularizers.L1(0.5)), 1.0),
    ],
    ids=["function", "name", "object", "class", "config"],
)
def test_regularizers(regularizer, loss, inherited):
    """A regularizer may be a function, or an object, name, class or config of Keras' (rows I5, I12)."""
    with variable_scope("a", regularizer=regularizer if inherited else "l1"):
        get_variable("v", [2], initializer="ones", regularizer=None if inherited else regularizer)
    assert _losses() == pytest.approx([loss])


def test_a_regularizer_is_on_the_variable():
    """The regularizer ends up on the variable, so that Keras' layers add its loss (row I5)."""
    regularizer = keras.regularizers.L2(0.5)
    assert get_variable("v", [1], regularizer=regularizer).regularizer is regularizer


def test_regularization_losses_of_a_scope():
    """Losses are computed when asked for, in order of creation, and can be limited to a scope (rows I5, N10)."""
    with variable_scope("foo", regularizer=_total) as scope:
        v = get_variable("v", [1], initializer="ones")
        get_variable("w", [1], initializer="zeros")
    with variable_scope("foobar", regularizer=_total):
        get_variable("v", [3], initializer="ones")
    assert _losses() == [1.0, 0.0, 3.0]
    assert len(scope.get_collection("regularization_losses")) == 2
    v.assign([5.0])
    assert _losses("foo/") == [5.0, 0.0]
    assert _losses("foo") == [5.0, 0.0, 3.0]
    assert _losses("nope") == []


def test_calls_of_a_regularizer():
    """A regularizer is not called when its variable is made, and once for each time a loss is asked for (row I6)."""
    calls = []

    def regularizer(value):
        calls.append(1)
        return keras.ops.sum(value)

    get_variable("v", [1], regularizer=regularizer)
    assert calls == []
    default_store().regularization_losses()
    assert calls == [1]


def test_a_regularizer_that_returns_none():
    """A regularizer that returns `None` adds no loss, in the store's list and in a layer's (row I7)."""

    class Doubling(kscope.ScopedLayer):
        def call(self, x):
            return x * get_variable("v", [1], regularizer=lambda value: None)

    layer = Doubling(store=default_store())
    layer(np.ones((1, 1), "float32"))
    assert default_store().regularization_losses() == []
    assert float(sum(layer.losses)) == 0.0


def test_switching_a_regularizer_off():
    """`no_regularizer` switches off what is inherited, for a call or a scope; a deeper scope may set one (row I8)."""
    with variable_scope("a", regularizer=_total):
        x = get_variable("x", [1], regularizer=kscope.no_regularizer)
        with variable_scope("b", regularizer=kscope.no_regularizer):
            y = get_variable("y", [1])
            with variable_scope("c", regularizer=_total):
                get_variable("z", [1], initializer="ones")
    assert (x.regularizer, y.regularizer) == (None, None)
    assert _losses() == [1.0]


def test_no_regularizer_is_a_regularizer():
    """`no_regularizer` can be called, as in TF1, and returns `None` (rows I8, R2)."""
    assert kscope.no_regularizer(1.0) is None


def test_false_switches_a_regularizer_off():
    """`False` switches an inherited regularizer off as well (row I9)."""
    with variable_scope("a", regularizer=_total):
        assert get_variable("x", [1], regularizer=False).regularizer is None


def test_a_regularizer_that_comes_late():
    """A regularizer that only a sharing call gives is dropped (row I10)."""
    with variable_scope("a", reuse=kscope.AUTO_REUSE):
        get_variable("v", [1])
        assert get_variable("v", [1], regularizer=_total).regularizer is None


@pytest.mark.parametrize("options", [{"trainable": False}, {"dtype": "int32"}], ids=str)
def test_what_does_not_train_is_regularized(options):
    """The store's losses include those of variables that do not train (row I11)."""
    get_variable("v", [2], initializer="ones", regularizer=_total, **options)
    assert _losses() == [2.0]


def test_a_regularizer_of_another_variable():
    """A variable's regularizer can be handed on to another variable (row I7)."""
    v = get_variable("v", [1], regularizer=_total)
    assert get_variable("w", [1], regularizer=v.regularizer).regularizer is v.regularizer


@pytest.mark.parametrize("kind", ["regularizer", "constraint"])
@pytest.mark.parametrize("given", ["nope", {}, {"class_name": "Nope", "config": {}}], ids=str)
def test_unknown_identifiers(kind, given):
    """A name or config that Keras does not know is a ValueError, and nothing is made (rows I12, I13)."""
    with pytest.raises(errors.OptionError, match=f"Could not interpret {kind} identifier: (.|\n)*Keras says: "):
        get_variable("v", [1], **{kind: given})
    assert len(default_store()) == 0


@pytest.mark.parametrize(
    ("kind", "error"), [("regularizer", errors.OptionTypeError), ("constraint", errors.OptionError)]
)
def test_neither_callable_nor_identifier(kind, error):
    """What cannot be called is refused: a regularizer with TypeError, a constraint with ValueError (rows I12, I13)."""
    with pytest.raises(error, match=rf"The `{kind}` argument must be a callable\.\n  got: 3 \(of type int\)"):
        get_variable("v", [1], **{kind: 3})


@pytest.mark.parametrize(
    "constraint",
    [
        lambda value: keras.ops.maximum(value, 0),
        "non_neg",
        keras.constraints.NonNeg(),
        keras.constraints.NonNeg,
        keras.constraints.serialize(keras.constraints.NonNeg()),
    ],
    ids=["function", "name", "object", "class", "config"],
)
def test_constraints(constraint):
    """A constraint may be a function or anything of Keras'; optimizers apply it after an update (row I13)."""
    v = get_variable("v", [2], initializer="zeros", constraint=constraint)
    keras.optimizers.SGD(1.0).apply([keras.ops.convert_to_tensor([1.0, -1.0])], [v])
    assert v.numpy().tolist() == [0.0, 1.0]


def test_a_constraint_is_attached_as_it_is():
    """`v.constraint` is the object that was given (row I13)."""
    constraint = keras.constraints.NonNeg()
    assert get_variable("v", [1], constraint=constraint).constraint is constraint


@pytest.mark.parametrize("given", [True, False, None])
def test_use_resource_has_no_effect(given):
    """Every Keras variable is a resource, so that the argument is taken and ignored (row I14)."""
    assert get_variable("v", [1], use_resource=given).path == "v"


def test_use_resource_of_another_type():
    """`use_resource` is a bool or `None` (row I14)."""
    with pytest.raises(errors.OptionTypeError, match="The use_resource must be a bool or None, while get 'yes'"):
        get_variable("v", [1], use_resource="yes")


def test_what_keras_cannot_do():
    """A variable without a fixed shape is refused when it would be made, with a way out (row H19)."""
    message = (
        r"Variable s/v cannot be made with validate_shape=False(.|\n)*scope: 's'\n  Fix: Keras variables have a shape"
        ".* custom getter may also"
    )
    with variable_scope("s"), pytest.raises(errors.UnsupportedError, match=message):
        get_variable("v", [4], validate_shape=False)
    assert len(default_store()) == 0


def test_a_partitioner_that_wants_one_part():
    """A partitioner is asked with shape and dtype, not for scalars; one part is a slice, too (rows M3, M5, M10)."""
    asked = []

    def whole(shape, dtype):
        asked.append((tuple(shape), dtype))
        return [1] * len(shape)

    with variable_scope("a", partitioner=whole, dtype="float16"):
        assert get_variable("v", [4, 2]).shards[0].path == "a/v/part_0"
        get_variable("w", [])
    assert asked == [((4, 2), "float16")]


def test_a_partitioner_that_cannot_be_called():
    """A partitioner argument that is no callable is refused by name, as a scope's is (row M4)."""
    with pytest.raises(errors.OptionTypeError, match="The partitioner must be a callable, while get 3"):
        get_variable("v", [4], partitioner=3)
