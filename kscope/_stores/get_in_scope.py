"""`get_in_scope`: the defaults of a scope are filled in for what the user left out (sections H, I, J)."""

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
# Where a scope's default stands among the arguments, and where among the defaults.
_INHERITED = [
    (Arguments._fields.index(field), Defaults._fields.index(field))
    for field in ("initializer", "regularizer", "caching_device", "partitioner", "use_resource", "constraint")
]


def get_in_scope(
    scope: VariableScope, store: Registry, arguments: Arguments, custom_getter: Getter | None = None
) -> Any:
    """Fill in the defaults of a scope, then look up or make in a store, by way of the custom getters.

    Args:
        scope: the scope.
        store: the store.
        arguments: those of `get_variable`, with a name below the scope and the reuse mode that holds.
        custom_getter: a getter in place of the scope's.
    """
    name, use_resource, defaults = arguments.name, arguments.use_resource, scope.defaults
    if not isinstance(name, str) or not name or name[0] == "/":
        names.check_variable(name, at_root=False)
    if not (use_resource is None or isinstance(use_resource, bool)):
        raise errors.OptionTypeError(f"The use_resource must be a bool or None, while get {use_resource!r}")
    # `_replace` takes three times as long.
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
    """As `get_in_scope`, with arguments as `get_variable` takes them, by position or by name."""
    # `get_variable` takes no reuse mode, but a custom getter before the constraint.
    custom_getter = kwargs.pop("custom_getter", None)
    before, after = _REUSE - 1, _CONSTRAINT - 2
    if len(args) > after:
        custom_getter, args = args[after], args[:after] + args[after + 1 :]
    if len(args) > before:
        args = (*args[:before], reuse, *args[before:])
    else:
        kwargs["reuse"] = reuse
    return get_in_scope(scope, store, Arguments(name, *args, **kwargs), custom_getter)
