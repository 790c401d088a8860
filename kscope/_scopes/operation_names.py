"""Name scopes of Keras, for the names of operations in traced programs.

Eager operations have no names, and entering a Keras name scope takes longer than all other steps of entering a variable
scope. So name scopes are opened only while a backend or Keras traces.
"""

from __future__ import annotations

import re
from contextlib import ExitStack

import keras

from kscope._keras import tracing

__all__ = ["OpScope", "tracing"]

# Characters that TensorFlow does not allow at the start of a root name scope. A scope may be the root there, because
# outer scopes that were opened eagerly have no name scopes.
_UNFIT = re.compile(r"^[^A-Za-z0-9.]+")


class OpScope:
    """Keras name scopes that stay open until `close`, one for each part of the name."""

    __slots__ = ("_stack",)

    def __init__(self, label: str):
        with ExitStack() as stack:
            for part in label.split("/"):
                stack.enter_context(keras.name_scope(_UNFIT.sub("", part) or "scope"))
            self._stack = stack.pop_all()

    def close(self) -> None:
        """Leave the name scopes, in reverse order."""
        self._stack.close()
