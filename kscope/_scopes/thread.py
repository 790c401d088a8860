"""Where each thread is: in which store and scope, and inside which call of which layer (rows O1-O7).

Plain `threading.local`, not `contextvars`: a context is copied into threads and tasks, and a new thread has to start
at an empty root (row O1). This file imports nothing of kscope, so that every other file may ask it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["default", "outside_calls", "thread"]


class _Thread(threading.local):
    """The state of one thread. What it holds is typed where it is made, which is above this file.

    Attributes:
        frame: the `Frame` of the opened store; `None` in the default store.
        call: the innermost running call of a scoped layer, or `None`.
        kept: the layer of a scope that is being made or built, or `None`.
        opened: the frames to go back to when stores are left.
    """

    frame: Any = None
    call: Any = None
    kept: Any = None

    def __init__(self) -> None:
        self.opened: list[Any] = []


thread = _Thread()


@contextmanager
def outside_calls() -> Iterator[None]:
    """Run code that is not the running call's, and whose variables that call does not answer for."""
    call, thread.call = thread.call, None
    try:
        yield
    finally:
        thread.call = call


class _Default:
    """The store of code that opens none; the file of the stores sets it when it is imported."""

    __slots__ = ("store",)

    store: Any

    def __getattr__(self, name: str) -> Any:
        if name == "store":
            raise AttributeError(
                "There is no default store yet: the file that makes it was not imported. Take names from `kscope` "
                "itself, which imports it."
            )
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")


default = _Default()
