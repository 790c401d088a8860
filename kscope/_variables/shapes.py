"""Shapes in TF1's forms: ints, lists, arrays, `TensorShape`; partial shapes only for look-ups (rows H1, G6)."""

from __future__ import annotations

import operator
import sys
from typing import Any

from kscope import errors

__all__ = ["UNKNOWN_RANK", "Shape", "compatible", "is_full", "spelled", "standardize"]

Shape = tuple[Any, ...]
"""Ints, and `None` for unknown dimensions; `UNKNOWN_RANK` if even the number of dimensions is unknown."""

UNKNOWN_RANK: Shape = (...,)


def standardize(shape: Any) -> Shape | None:
    """Return a tuple of ints, with `None` for unknown dimensions; `None` for no shape.

    Raises:
        ShapeTypeError: if it is not a shape.
        ShapeValueError: if a dimension is negative.
    """
    if shape is None or shape is UNKNOWN_RANK:
        return None if shape is None else UNKNOWN_RANK
    if (type(shape) is tuple or type(shape) is list) and _is_plain(shape):
        return tuple(shape)
    if hasattr(shape, "as_list"):
        if getattr(shape, "rank", 0) is None:
            return UNKNOWN_RANK
        shape = shape.as_list()
    if isinstance(shape, str | bytes | dict):
        raise _not_a_shape(shape)
    if not hasattr(shape, "__iter__"):
        return (_dimension(shape, shape),)
    if getattr(shape, "ndim", 1) == 0:
        return (_dimension(shape, shape),)
    return tuple(_dimension(size, shape) for size in shape)


def _is_plain(shape: Any) -> bool:
    """Whether a shape contains only sizes, as nearly all shapes do."""
    for size in shape:  # noqa: SIM110 - a generator costs more than the rest
        if type(size) is not int or size < 0:
            return False
    return True


def _dimension(size: Any, shape: Any) -> int | None:
    if type(size).__name__ == "Dimension":
        size = size.value
    if size is None or _is_symbolic(size):
        return None
    try:
        number = operator.index(size)
    except TypeError:
        raise _not_a_shape(shape) from None
    if number < 0:
        raise errors.ShapeValueError(f"Dimension {number} must be >= 0. Received: shape={shape}")
    return number


def _is_symbolic(size: Any) -> bool:
    """Whether a dimension is a symbol of JAX, for an unknown size in a trace."""
    jax = sys.modules.get("jax")
    return jax is not None and type(size).__module__.startswith("jax") and jax.export.is_symbolic_dim(size)


def _not_a_shape(shape: Any) -> errors.ShapeTypeError:
    return errors.ShapeTypeError(
        f"Cannot convert {shape!r} (of type {type(shape).__name__}) to a shape: a list or tuple of ints is needed."
    )


def compatible(asked: Shape | None, found: Shape) -> bool:
    """Whether a variable of shape `found` may be shared for `asked`: unknown dimensions match any size (row G6)."""
    if asked is None or asked is UNKNOWN_RANK:
        return True
    return len(asked) == len(found) and all(a is None or a == f for a, f in zip(asked, found, strict=True))


def is_full(shape: Shape | None) -> bool:
    """Whether a shape is fully known, so that a variable of it can be made."""
    return shape is not None and None not in shape and shape is not UNKNOWN_RANK


def spelled(shape: Shape | None) -> str:
    """Return TF1's spelling of a shape, with `?` for unknown dimensions."""
    if shape is None or shape is UNKNOWN_RANK:
        return "<unknown>"
    inside = ", ".join("?" if size is None else str(size) for size in shape)
    return f"({inside},)" if len(shape) == 1 else f"({inside})"
