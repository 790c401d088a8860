"""The line of the user's code that made a variable or a layer, for messages."""

from __future__ import annotations

import sys
from types import CodeType, FrameType

__all__ = ["Site", "call_site"]


class Site:
    """A line of the user's code. Its text is made only when a message needs it."""

    __slots__ = ("_code", "_line")

    def __init__(self, code: CodeType, line: int):
        self._code = code
        self._line = line

    def __str__(self) -> str:
        return f"{self._code.co_filename}:{self._line} in {self._code.co_name}"


def call_site() -> Site:
    """Return the running line of the user's code: the innermost Python frame outside kscope, Keras and the backend."""
    frame = sys._getframe(1)  # noqa: SLF001 - Python's own, and many times faster than `inspect`
    while frame.f_back is not None and _is_inside(frame):
        frame = frame.f_back
    return Site(frame.f_code, frame.f_lineno)


def _is_inside(frame: FrameType) -> bool:
    if frame.f_globals.get("__name__", "").startswith(("kscope.", "keras.", "tensorflow.", "flax.")):
        return True
    # AutoGraph runs a `tf.function` from a generated file.
    return "__autograph_generated_file" in frame.f_code.co_filename
