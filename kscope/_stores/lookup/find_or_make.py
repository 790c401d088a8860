"""Look a variable up in its store, and make it if it is missing: one atomic step (rows G, H, O).

Rows and decisions: `docs/rules`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from kscope import errors
from kscope._records.collections import collections_of
from kscope._records.record import Record
from kscope._records.site import call_site
from kscope._scopes import names
from kscope._scopes.thread import thread
from kscope._stores.lookup import creators, messages, partition
from kscope._stores.lookup.request import Request
from kscope._variables import cached, options, shapes
from kscope._variables.sharded import Sharded
from kscope.initializers import _initial_value as _initial, _seeded
from kscope.initializers._initial_value import Constant

__all__ = ["obtain"]


def obtain(request: Request) -> Any:
    """Find the variable, or make it.

    It raises the errors of `get_variable`. A request that raises leaves nothing behind.
    """
    if request.partitioner is not None and not (_is_scalar(request) or isinstance(request.partitioner, Sharded)):
        return partition.obtain(request, obtain)
    if request.store.partitioned and (whole := partition.without_partitioner(request, obtain)) is not None:
        return whole
    if isinstance(request.initial, Constant) and request.shape is not None:
        raise _constant_with_shape(request)
    record = _find(request)
    if record is None:
        with request.store.lock:
            # Another thread may have made it meanwhile (decision 11, row O6).
            record = _find(request) or _make(request)
    return record.variable


def _is_scalar(request: Request) -> bool:
    """Whether the variable is a scalar, which a partitioner cannot slice (row M5)."""
    shape = request.initial.shape if isinstance(request.initial, Constant) else request.shape
    return shape == ()


def _find(request: Request) -> Record | None:
    """Return the record to share, or `None` to make one; check first the reuse, then shape, then dtype (row G9)."""
    record = request.store.records.get(request.name)
    call = thread.call
    if call is not None:
        record = call.claim(request, record)
    elif record is None and request.reuse is True:
        raise messages.missing(request)
    elif record is not None and request.reuse is False:
        raise messages.exists(request, record)
    if record is not None:
        _check_shared(request, record)
    return record


def _check_shared(request: Request, record: Record) -> None:
    """Check shape and dtype; as in TF1, all other arguments are ignored when a variable is shared (row G10)."""
    if not shapes.compatible(request.shape, record.shape):
        raise messages.shape_mismatch(request, record)
    if request.dtype is not None and request.dtype != record.dtype:
        raise messages.dtype_mismatch(request, record)


def _make(request: Request) -> Record:
    names.check_variable(request.name, at_root=True)
    collections = collections_of(request.collections)
    initial, dtype = _initial_value(request)
    _refuse_unsupported(request)
    shape = np.shape(initial) if request.shape is None else request.shape
    variable, collections = creators.make(
        request.name,
        initial,
        shape=shape,
        dtype=dtype,
        trainable=request.trains(dtype),
        collections=collections,
        synchronization=request.synchronization,
        aggregation=request.aggregation,
        regularizer=options.regularizer_of(request.regularizer),
        constraint=options.constraint_of(request.constraint),
        **_placement(request, shape),
    )
    record = Record(request.name, variable, dtype, collections, call_site(), _draw(request, variable, dtype))
    request.store.add(record)
    if thread.call is not None:
        thread.call.made(request, record)
    return record


def _draw(request: Request, variable: Any, dtype: str) -> Callable[[], Any] | None:
    """Return a function that draws a new initial value, for stores that redraw; it keeps the initializer alive."""
    initial = request.initial
    if not request.store.redraws or isinstance(initial, Constant):
        return None
    if initial is not None and request.shape is None:
        return lambda: _initial.computed(initial).value
    shape = tuple(variable.shape)
    return lambda: _drawn(request, shape, dtype)(shape, dtype)


def _initial_value(request: Request) -> tuple[Any, str]:
    """Return the initial value, or the function that draws it, and the dtype (rows H2, H3, H7, H12)."""
    initial = request.initial
    if initial is not None and not isinstance(initial, Constant) and request.shape is None:
        if not _initial.takes_nothing(initial):
            raise _no_full_shape(request)
        initial = _initial.fit(_initial.computed(initial), request.dtype)
    if isinstance(initial, Constant):
        return initial.value, initial.dtype
    if request.shape is None:
        raise errors.InitializerError(
            errors.compose(
                f"Variable {request.name} did not get an initializer, so its `shape` argument must be specified.",
                [("scope", repr(request.scope.name))],
                "pass shape=..., or a constant as the initializer.",
            )
        )
    if not shapes.is_full(request.shape):
        raise _no_full_shape(request)
    dtype = request.dtype or request.fallback
    return _drawn(request, request.shape, dtype), dtype


def _drawn(request: Request, shape: Any, dtype: str) -> Callable[..., Any]:
    """Return the function that Keras calls for the values: a seeded one if there is a seed, else the initializer."""
    initial: Any = _initial.default(request.name, dtype) if request.initial is None else request.initial
    name, info = request.whole or (request.name, None)
    seed = request.store.seed
    drawing = None if seed is None else _seeded.drawing(name, initial, seed, shape, dtype, info)
    if drawing is not None:
        return drawing
    # The default initializer was made for this variable only, so it need not be copied to draw new numbers.
    return initial if request.initial is None else _initial.drawn(request.name, initial, info)


def _placement(request: Request, shape: tuple[int, ...]) -> dict[str, Any]:
    """Return the keywords that place the variable on devices: its layout, and the device that it is read from."""
    placement: dict[str, Any] = {}
    if isinstance(request.partitioner, Sharded):
        placement["layout"] = request.partitioner.layout(shape, request.name)
    if request.caching_device:
        device = cached.device_of(request.caching_device, request.name)
        if device is not None:
            placement["caching_device"] = device
    return placement


def _refuse_unsupported(request: Request) -> None:
    """Refuse an argument that getters accept, but that a new variable cannot have."""
    if request.validate_shape is not True:
        raise errors.UnsupportedError(
            errors.compose(
                f"Variable {request.name} cannot be made with validate_shape={request.validate_shape!r}.",
                [("scope", repr(request.scope.name))],
                "Keras variables have a shape that never changes; pass True. A custom getter may also drop it.",
            )
        )


def _constant_with_shape(request: Request) -> errors.ConstantShapeError:
    assert isinstance(request.initial, Constant)
    return errors.ConstantShapeError(
        errors.compose(
            "If initializer is a constant, do not specify shape.",
            [("asked for", request.spelled()), ("constant", f"of shape {request.initial.shape}")],
            "leave the shape out, or use keras.initializers.Constant(value).",
        )
    )


def _no_full_shape(request: Request) -> errors.InitializerError:
    return errors.InitializerError(
        errors.compose(
            "The initializer passed is not valid. It should be a callable with no arguments and the shape should not "
            "be provided or an instance of `tf.keras.initializers.*' and `shape` should be fully defined.",
            [("variable", request.name), ("shape", shapes.spelled(request.shape)), ("initializer", request.initial)],
            "give a shape without None; a batch size is not known while a layer is built.",
        )
    )
