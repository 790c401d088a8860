"""Custom getters: functions around the look-up, each called with the next one (section K)."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any

from kscope import errors
from kscope._scopes import getter_chain as _getter_chain
from kscope._scopes.getter_chain import Chain
from kscope._scopes.reuse import checked
from kscope._stores.lookup import find_or_make as _lookup
from kscope._stores.lookup.request import Implied, Request
from kscope._variables import dtypes as _dtypes
from kscope._variables import shapes as _shapes
from kscope.initializers import _initial_value as _initial
from kscope.typing import DtypeLike, Getter, Reuse, ShapeLike

__all__ = ["ARGUMENTS", "call"]


def call(custom: Getter, request: Request, shape: Any, initializer: Any, use_resource: bool | None) -> Any:
    """Call a getter, or a chain of them, with the true one and what is asked for.

    All values are resolved: what the scope gives is filled in, and shape, dtype and modes are in one spelling
    (row K2). The getter is called positionally, so that its first parameter may have any name (row K3).
    """
    getter = _getter_chain.routed(custom)
    _check_callable(getter, request)
    initial = request.initial
    trains = request.trains(initial.dtype if isinstance(initial, _initial.Constant) else request.fallback)
    return getter(
        _TrueGetter(request, trains),
        name=request.name,
        # A shape of unknown rank has no other spelling than the user's.
        shape=shape if request.shape is _shapes.UNKNOWN_RANK else request.shape,
        dtype=request.dtype or Implied(request.fallback),
        initializer=initializer,
        regularizer=request.regularizer,
        reuse=request.reuse,
        trainable=trains,
        collections=request.collections,
        caching_device=request.caching_device,
        partitioner=request.partitioner,
        validate_shape=request.validate_shape,
        use_resource=use_resource,
        constraint=request.constraint,
        synchronization=request.synchronization,
        aggregation=request.aggregation,
    )


def _check_callable(custom: Any, request: Request) -> None:
    links = custom.links() if isinstance(custom, Chain) else [custom]
    for link in links:
        if isinstance(link, _getter_chain.Routes):
            links += link.getters()
        elif not callable(link):
            raise errors.GetterError(
                errors.compose(
                    f"Passed a custom_getter which is not callable: {link}",
                    [("scope", repr(request.scope.name))],
                    "a custom getter is a function `getter(next_getter, name, **kwargs)`, or a mapping from patterns "
                    "to such functions.",
                )
            )


class _TrueGetter:
    """The end of every chain: looks up or makes, under the name it is given (row K8)."""

    __slots__ = ("_asked", "_trains")

    def __init__(self, asked: Request, trains: bool):
        self._asked = asked
        self._trains = trains

    def __call__(
        self,
        name: str,
        shape: ShapeLike = None,
        dtype: DtypeLike = None,
        initializer: Any = None,
        regularizer: Any = None,
        reuse: Reuse | None = None,
        trainable: bool | None = None,
        collections: Iterable[str] | None = None,
        caching_device: Any = None,
        partitioner: Any = None,
        validate_shape: bool = True,
        use_resource: bool | None = None,
        constraint: Any = None,
        synchronization: Any = None,
        aggregation: Any = None,
    ) -> Any:
        del use_resource
        asked = self._asked
        if asked.trainable is None and trainable is self._trains:
            # Nobody said so: it follows the dtype, which a getter or the initial value may change.
            trainable = None
        return _lookup.obtain(
            Request(
                asked.scope,
                asked.store,
                # A getter that drops `reuse` gets the scope's, not TF1's silent AUTO_REUSE (deviation 9, row K9).
                asked.reuse if reuse is None else checked(reuse),
                name,
                shape,
                # One that drops the dtype gets the default, and not the scope's (row K12).
                Implied(_dtypes.floatx()) if dtype is None else dtype,
                initializer,
                regularizer,
                trainable,
                collections,
                caching_device,
                partitioner,
                validate_shape,
                constraint,
                synchronization,
                aggregation,
            )
        )


ARGUMENTS = tuple(inspect.signature(_TrueGetter.__call__).parameters)[1:]
"""What a getter is called with, in the order in which the true one takes it by position."""
