"""Custom getters: functions around the look-up, each called with the next one (section K)."""

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
    """Call a getter, or a chain of them, with the true one and what is asked for.

    All values are resolved: what the scope gives is filled in, and shape, dtype and modes are in one spelling
    (row K2). The getter is called positionally, so that its first parameter may have any name (row K3).
    """
    getter = getter_chain.routed(custom)
    _check_callable(getter, request)
    initial = request.initial
    trains = request.trains(initial.dtype if isinstance(initial, _initial_value.Constant) else request.fallback)
    keywords: dict[str, Any] = dict(zip(Arguments._fields, arguments, strict=True))
    # A shape of unknown rank has no other spelling than the user's.
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
    """The end of every chain: looks up or makes, under the name it is given (row K8)."""

    __slots__ = ("_asked", "_trains")

    def __init__(self, asked: Request, trains: bool):
        self._asked = asked
        self._trains = trains

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if len(args) == 1 and "name" not in kwargs:
            # As a getter mostly does it.
            kwargs["name"] = args[0]
        elif args:
            kwargs = Arguments(*args, **kwargs)._asdict()
        asked, reuse = self._asked, kwargs.get("reuse")
        # A getter that drops `reuse` gets the scope's, not TF1's silent AUTO_REUSE (deviation 9, row K9).
        kwargs["reuse"] = asked.reuse if reuse is None else checked(reuse)
        if kwargs.get("dtype") is None:
            # One that drops the dtype gets the default, and not the scope's (row K12).
            kwargs["dtype"] = Implied(dtypes.floatx())
        if asked.trainable is None and kwargs.get("trainable") is self._trains:
            # Nobody said so: it follows the dtype, which a getter or the initial value may change.
            kwargs["trainable"] = None
        return find_or_make.obtain(Request(asked.scope, asked.store, Arguments(**kwargs)))
