"""`tf.contrib.framework`: its argument scopes."""

from __future__ import annotations

from kscope._lazy import lazily

HOMES = {
    "add_arg_scope": "kscope:add_arg_scope",
    "arg_scope": "kscope:arg_scope",
    "arg_scoped_arguments": "kscope:arg_scoped_arguments",
    "current_arg_scope": "kscope:current_arg_scope",
    "has_arg_scope": "kscope:has_arg_scope",
}

__all__ = sorted(HOMES)


__getattr__, __dir__ = lazily(__name__, HOMES)
