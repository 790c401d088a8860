"""`get_in_scope`: fill in a scope's defaults for the arguments that the user left out (rows H, I, J)."""

from __future__ import annotations

from typing import Any

from kscope import errors
from kscope._records.registry import Registry
from kscope._scopes import names
from kscope._scopes.reuse import AUTO_REUSE
from kscope._scopes.scope import Defaults, VariableScope
from kscope._stores.lookup import find_or_make, getter_calls
from kscope._stores.lookup.request import Arguments, Request
from kscope.typing import Getter, Reuse

__all__ = ["get_as_called", "get_in_scope"]

_NAME = Arguments._fields.index("name")
_REUSE = Arguments._fields.index("reuse")
_CONSTRAINT = Arguments._fields.index("constraint")
# Per inherited field: its index in `Arguments`, and its index in `Defaults`.
_INHERITED = [
    (Arguments._fields.index(field), Defaults._fields.index(field))
    for field in ("initializer", "regularizer", "caching_device", "partitioner", "use_resource", "constraint")
]


def get_in_scope(
    scope: VariableScope, store: Registry, arguments: Arguments, custom_getter: Getter | None = None
) -> Any:
    """Fill in the defaults of a scope, then find or make the variable, through the custom getters if there are any.

    Args:
        scope: the scope.
        store: the store.
        arguments: the arguments of `get_variable`, with the name relative to the scope, and with the reuse mode.
        custom_getter: a getter in place of the scope's.
    """
    name, use_resource, defaults = arguments.name, arguments.use_resource, scope.defaults
    if not isinstance(name, str) or not name or name[0] == "/":
        names.check_variable(name, at_root=False)
    if not (use_resource is None or isinstance(use_resource, bool)):
        raise errors.OptionTypeError(f"The use_resource must be a bool or None, while get {use_resource!r}")
    # A list, because `_replace` takes three times as long.
    filled = list(arguments)
    filled[_NAME] = scope.prefix + name
    if store.always_auto_reuse:
        filled[_REUSE] = AUTO_REUSE
    for here, there in _INHERITED:
        if filled[here] is None:
            filled[here] = defaults[there]
    arguments = Arguments._make(filled)
    request = Request(scope, store, arguments)
    custom = defaults.custom_getter if custom_getter is None else custom_getter
    if custom is None:
        return find_or_make.obtain(request)
    return getter_calls.call(custom, request, arguments)


def get_as_called(scope: VariableScope, store: Registry, reuse: Reuse, name: str, *args: Any, **kwargs: Any) -> Any:
    """Call `get_in_scope` with arguments as `get_variable` takes them, by position or by name."""
    # Unlike `Arguments`, `get_variable` takes no reuse mode, and a custom getter before the constraint.
    custom_getter = kwargs.pop("custom_getter", None)
    before, after = _REUSE - 1, _CONSTRAINT - 2
    if len(args) > after:
        custom_getter, args = args[after], args[:after] + args[after + 1 :]
    if len(args) > before:
        args = (*args[:before], reuse, *args[before:])
    else:
        kwargs["reuse"] = reuse
    return get_in_scope(scope, store, Arguments(name, *args, **kwargs), custom_getter)
