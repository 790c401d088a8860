"""Whether a program is being traced, and naming its operations after the scopes they run in.

In eager execution there is nothing to name, and a Keras name scope costs more than all the rest of entering a
variable scope: it is opened only while a backend or Keras traces (design, section Speed).
"""

from __future__ import annotations

import re
from contextlib import ExitStack

import keras

from kscope._keras import tracing

__all__ = ["OpScope", "tracing"]

# TensorFlow takes these nowhere, or not as the first character at the root of its name scopes, where a scope that was
# opened eagerly leaves off.
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
        """Leave them, in the reverse order."""
        self._stack.close()
