"""`get_in_scope`: the defaults of a scope are filled in for what the user left out (sections H, I, J)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kscope import errors
from kscope._records.registry import Registry
from kscope._scopes import names as _names
from kscope._scopes.reuse import AUTO_REUSE
from kscope._scopes.scope import VariableScope
from kscope._stores.lookup import find_or_make as _lookup
from kscope._stores.lookup import getter_calls as _getters
from kscope._stores.lookup.request import Request
from kscope.typing import DtypeLike, Getter, Reuse, ShapeLike

__all__ = ["get_in_scope"]


def get_in_scope(
    scope: VariableScope,
    store: Registry,
    reuse: Reuse,
    name: Any,
    shape: ShapeLike = None,
    dtype: DtypeLike = None,
    initializer: Any = None,
    regularizer: Any = None,
    trainable: bool | None = None,
    collections: Iterable[str] | None = None,
    caching_device: Any = None,
    partitioner: Any = None,
    validate_shape: bool = True,
    use_resource: bool | None = None,
    custom_getter: Getter | None = None,
    constraint: Any = None,
    synchronization: Any = None,
    aggregation: Any = None,
) -> Any:
    """Fill in the defaults of a scope, then look up or make in a store, by way of the custom getters."""
    if not isinstance(name, str) or not name or name[0] == "/":
        _names.check_variable(name, at_root=False)
    defaults = scope.defaults
    full_name = scope.prefix + name
    if store.always_auto_reuse:
        reuse = AUTO_REUSE
    if initializer is None:
        initializer = defaults.initializer
    if regularizer is None:
        regularizer = defaults.regularizer
    if caching_device is None:
        caching_device = defaults.caching_device
    if partitioner is None:
        partitioner = defaults.partitioner
    if use_resource is None:
        use_resource = defaults.use_resource
    elif not isinstance(use_resource, bool):
        raise errors.OptionTypeError(f"The use_resource must be a bool or None, while get {use_resource!r}")
    if constraint is None:
        constraint = defaults.constraint
    request = Request(
        scope,
        store,
        reuse,
        full_name,
        shape,
        dtype,
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
    custom = defaults.custom_getter if custom_getter is None else custom_getter
    if custom is None:
        return _lookup.obtain(request)
    return _getters.call(custom, request, shape, initializer, use_resource)
