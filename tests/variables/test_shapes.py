"""Shapes in all the forms that TF1 took (rows H1, G6)."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from kscope import errors, get_variable, variable_scope
from kscope._variables import shapes as _shapes


class Dimension:
    """A size in a box, as TF1's and other libraries' are."""

    def __init__(self, value):
        self.value = value


class Listed:
    """A shape that can tell itself as a list, as `tf.TensorShape` does."""

    def __init__(self, sizes):
        self.sizes = sizes
        self.rank = None if sizes is None else len(sizes)

    def as_list(self):
        return list(self.sizes)


FORMS = [
    (None, None),
    ((), ()),
    ([], ()),
    (3, (3,)),
    (0, (0,)),
    ((2, 3), (2, 3)),
    ([2, 3], (2, 3)),
    ((0,), (0,)),
    ([None, 3], (None, 3)),
    ((None,), (None,)),
    (range(1, 3), (1, 2)),
    (np.int64(3), (3,)),
    ((np.int32(2), 3), (2, 3)),
    (np.array(3), (3,)),
    (np.array([2, 3]), (2, 3)),
    (np.array([], int), ()),
    (Dimension(3), (3,)),
    ([Dimension(2), Dimension(None)], (2, None)),
    (Listed([2, None]), (2, None)),
    (Listed([]), ()),
    (Listed(None), _shapes.UNKNOWN_RANK),
    (_shapes.UNKNOWN_RANK, _shapes.UNKNOWN_RANK),
]


@pytest.mark.parametrize(("given", "shape"), FORMS, ids=lambda value: repr(value)[:40])
def test_forms(given, shape):
    """A shape in any form becomes a tuple of ints, with `None` for what is unknown (row H1)."""
    standard = _shapes.standardize(given)
    assert standard == shape
    assert standard is None or {type(size) for size in standard} <= {int, type(None), type(...)}


@pytest.mark.parametrize("given", [3, [2, 3]], ids=str)
def test_tensors_of_the_backend(given):
    """A concrete tensor of integers is a shape (row H1)."""
    tensor = keras.ops.convert_to_tensor(given, "int32")
    assert _shapes.standardize(tensor) == tuple(np.atleast_1d(given))


@pytest.mark.tensorflow
def test_tensorflow_shapes():
    """`tf.TensorShape` and TF1's `Dimension` are understood, the unknown ones as well (rows H1, G6)."""
    import tensorflow as tf

    dimension = tf.compat.v1.Dimension
    assert _shapes.standardize(tf.TensorShape([2, None])) == (2, None)
    assert _shapes.standardize(tf.TensorShape(None)) is _shapes.UNKNOWN_RANK
    assert _shapes.standardize(dimension(3)) == (3,)
    assert _shapes.standardize([dimension(None), dimension(3)]) == (None, 3)


@pytest.mark.torch
def test_torch_shapes():
    """`torch.Size` is a shape (row H1)."""
    import torch

    assert _shapes.standardize(torch.zeros(2, 3).shape) == (2, 3)


@pytest.mark.jax
def test_symbolic_dimensions():
    """JAX' symbols for the sizes of a shape-polymorphic trace count as unknown (row G6)."""
    from jax import export

    (batch,) = export.symbolic_shape("batch")
    assert _shapes.standardize([batch, 3]) == (None, 3)


@pytest.mark.parametrize(
    "given", ["3", b"3", {}, 2.0, (2.0,), [2, "3"], np.ones((2, 2), int), np.ones(2), object()], ids=repr
)
def test_what_is_no_shape(given):
    """Floats, strings and nested lists are no shapes: a TypeError (row H1)."""
    with pytest.raises(errors.ShapeTypeError, match=r"Cannot convert (.|\n)* \(of type \w+\) to a shape"):
        get_variable("v", given)


@pytest.mark.parametrize("given", [-1, (-1,), [2, -3], np.array([-1])], ids=repr)
def test_negative_sizes(given):
    """A negative size is a ValueError (row H1)."""
    with pytest.raises(errors.ShapeValueError, match=r"Dimension -\d must be >= 0"):
        get_variable("v", given)


@pytest.mark.parametrize(
    ("asked", "found", "fits"),
    [
        (None, (4, 3), True),
        (_shapes.UNKNOWN_RANK, (4, 3), True),
        (_shapes.UNKNOWN_RANK, (4,), True),
        ((4, 3), (4, 3), True),
        ((None, 3), (4, 3), True),
        ((None, None), (4, 3), True),
        ((None, 2), (4, 3), False),
        ((4,), (4, 3), False),
        ((None, 3, 1), (4, 3), False),
        ((), (), True),
        ((), (1,), False),
    ],
)
def test_compatible(asked, found, fits):
    """Unknown sizes and an unknown rank fit anything, another rank nothing (row G6)."""
    assert _shapes.compatible(asked, found) is fits


@pytest.mark.parametrize(
    ("shape", "full", "spelled"),
    [
        (None, False, "<unknown>"),
        (_shapes.UNKNOWN_RANK, False, "<unknown>"),
        ((), True, "()"),
        ((3,), True, "(3,)"),
        ((None,), False, "(?,)"),
        ((None, 3, 1), False, "(?, 3, 1)"),
        ((2, 3), True, "(2, 3)"),
    ],
)
def test_full_and_spelled(shape, full, spelled):
    """Only a shape without unknown sizes makes a variable; messages spell shapes as TF1 did (rows H3, G6)."""
    assert _shapes.is_full(shape) is full
    assert _shapes.spelled(shape) == spelled


def test_an_unknown_rank():
    """A shape of unknown rank finds a variable, makes none, and is a shape beside a constant (rows G6, H3, H11)."""
    v = get_variable("v", [2, 3])
    with variable_scope("", reuse=True):
        assert get_variable("v", Listed(None)) is v
    with pytest.raises(errors.InitializerError, match="`shape` should be fully defined"):
        get_variable("w", Listed(None))
    with pytest.raises(errors.ConstantShapeError, match="If initializer is a constant, do not specify shape"):
        get_variable("w", Listed(None), initializer=1.0)


@pytest.mark.parametrize("given", [(), [], 3, (2, 3), np.array([2, 3]), (0,)], ids=repr)
def test_variables_of_every_form(given):
    """A variable is made of a shape in any form (row H1)."""
    assert tuple(get_variable("v", given).shape) == _shapes.standardize(given)
