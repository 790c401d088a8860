"""Combinations of custom getters: one around the other, or chosen by a pattern for the variable's full name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from kscope import errors

__all__ = ["Chain", "Routes", "routed"]


class Chain:
    """Two getters one around the other: the inner scope's runs first, and its `getter` is the outer one (row K4)."""

    __slots__ = ("inner", "outer")

    def __init__(self, inner: Any, outer: Any):
        self.inner = inner
        self.outer = outer

    def __call__(self, getter: Any, *args: Any, **kwargs: Any) -> Any:
        def outer(*outer_args: Any, **outer_kwargs: Any) -> Any:
            return self.outer(getter, *outer_args, **outer_kwargs)

        return self.inner(outer, *args, **kwargs)

    def links(self) -> list[Any]:
        """Return all getters of the chain, innermost first."""
        return [
            link for part in (self.inner, self.outer) for link in (part.links() if isinstance(part, Chain) else [part])
        ]


class Routes:
    """A getter that calls, for each variable, the getter whose pattern matches the full name.

    If no pattern matches, the next getter is called.
    """

    __slots__ = ("_getters",)

    def __init__(self, getters: Mapping[str, Any]):
        self._getters = getters

    def getters(self) -> list[Any]:
        return list(self._getters.values())

    def __call__(self, getter: Any, /, name: str, *args: Any, **kwargs: Any) -> Any:
        matching = [pattern for pattern in self._getters if _matches(pattern, name)]
        if len(matching) > 1:
            raise errors.GetterError(
                errors.compose(
                    f"Variable {name} is matched by {len(matching)} patterns of custom getters.",
                    [("patterns", ", ".join(map(repr, matching)))],
                    "make the patterns exclude each other, or nest two scopes to have both getters, one around the "
                    "other.",
                )
            )
        if not matching:
            return getter(name, *args, **kwargs)
        custom = self._getters[matching[0]]
        # The name is passed by keyword, as in the outermost call, unless a getter passed it by position (row K1).
        return custom(getter, name, *args, **kwargs) if args else custom(getter, name=name, **kwargs)


def _matches(pattern: Any, name: str) -> bool:
    try:
        return re.fullmatch(pattern, name) is not None
    except (re.error, TypeError) as error:
        raise errors.GetterError(
            errors.compose(
                f"{pattern!r} is not a regular expression: {error}",
                fix="the keys of a mapping of custom getters are patterns for the full names of variables.",
            )
        ) from None


def routed(custom: Any) -> Any:
    """Return the getter with each mapping in its chain replaced by `Routes`."""
    if isinstance(custom, Chain):
        inner, outer = routed(custom.inner), routed(custom.outer)
        return custom if inner is custom.inner and outer is custom.outer else Chain(inner, outer)
    return Routes(custom) if isinstance(custom, Mapping) else custom
