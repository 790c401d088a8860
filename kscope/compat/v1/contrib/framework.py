"""`tf.contrib.framework`: its argument scopes."""

from __future__ import annotations

from typing import Any

from kscope._lazy import found

HOMES = {
    "add_arg_scope": "kscope:add_arg_scope",
    "arg_scope": "kscope:arg_scope",
    "arg_scoped_arguments": "kscope:arg_scoped_arguments",
    "current_arg_scope": "kscope:current_arg_scope",
    "has_arg_scope": "kscope:has_arg_scope",
}

__all__ = sorted(HOMES)


def __getattr__(name: str) -> Any:
    return found(__name__, name, HOMES)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
