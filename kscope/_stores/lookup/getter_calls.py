"""Custom getters: functions that wrap the look-up, each called with the next one (rows K).

Rows and decisions: `docs/rules`.
"""

from __future__ import annotations

from typing import Any

from kscope import errors
from kscope._scopes import getter_chain
from kscope._scopes.getter_chain import Chain
from kscope._scopes.reuse import checked
from kscope._stores.lookup import find_or_make
from kscope._stores.lookup.request import Arguments, Implied, Request
from kscope._variables import dtypes, shapes
from kscope.initializers import _initial_value
from kscope.typing import Getter

__all__ = ["call"]


def call(custom: Getter, request: Request, arguments: Arguments) -> Any:
    """Call a getter, or a chain of them, with the true getter and the request.

    All values are resolved: the scope's defaults are filled in, and shape, dtype and modes are in one spelling
    (row K2). The next getter is passed by position, so that the getter's first parameter may have any name (row K3).
    """
    getter = getter_chain.routed(custom)
    _check_callable(getter, request)
    initial = request.initial
    trains = request.trains(initial.dtype if isinstance(initial, _initial_value.Constant) else request.fallback)
    keywords: dict[str, Any] = dict(zip(Arguments._fields, arguments, strict=True))
    # A shape of unknown rank is passed on as the user spelled it.
    keywords["shape"] = arguments.shape if request.shape is shapes.UNKNOWN_RANK else request.shape
    keywords["dtype"] = request.dtype or Implied(request.fallback)
    keywords["trainable"] = trains
    keywords["synchronization"] = request.synchronization
    keywords["aggregation"] = request.aggregation
    return getter(_TrueGetter(request, trains), **keywords)


def _check_callable(custom: Any, request: Request) -> None:
    links = custom.links() if isinstance(custom, Chain) else [custom]
    for link in links:
        if isinstance(link, getter_chain.Routes):
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
    """The last getter of every chain: it finds or makes the variable of the name that it is given (row K8)."""

    __slots__ = ("_asked", "_trains")

    def __init__(self, asked: Request, trains: bool):
        self._asked = asked
        self._trains = trains

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if len(args) == 1 and "name" not in kwargs:
            # The usual call of a getter: `getter(name, **kwargs)`.
            kwargs["name"] = args[0]
        elif args:
            kwargs = Arguments(*args, **kwargs)._asdict()
        asked, reuse = self._asked, kwargs.get("reuse")
        # If a getter drops `reuse`, the scope's mode holds, not TF1's silent AUTO_REUSE (decision 9, row K9).
        kwargs["reuse"] = asked.reuse if reuse is None else checked(reuse)
        if kwargs.get("dtype") is None:
            # If a getter drops the dtype, Keras' default dtype holds, and not the scope's (row K12).
            kwargs["dtype"] = Implied(dtypes.floatx())
        if asked.trainable is None and kwargs.get("trainable") is self._trains:
            # Not set by the user: it depends on the dtype, which a getter or the initial value may change.
            kwargs["trainable"] = None
        return find_or_make.obtain(Request(asked.scope, asked.store, Arguments(**kwargs)))
