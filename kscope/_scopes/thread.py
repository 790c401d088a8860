"""The state of each thread: its current store and scope, and the layer's call that it runs (rows O1-O7).

This is a `threading.local` and not a `contextvars` context, which is copied into threads and tasks: a new thread has to
start at an empty root (row O1). This file imports nothing of kscope, so that every other file can import it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["default", "outside_calls", "thread"]


class _Thread(threading.local):
    """The state of one thread. The types of its values are in files that import this one.

    Attributes:
        frame: the `Frame` of the store that is open, or the call pass that runs; `None` in the default store.
        call: the call pass of the innermost scoped layer that is being called, or `None`.
        kept: the kept layer that is being made or built, or `None`.
        opened: the frames to restore when stores are left.
    """

    frame: Any = None
    call: Any = None
    kept: Any = None

    def __init__(self) -> None:
        self.opened: list[Any] = []


thread = _Thread()


@contextmanager
def outside_calls() -> Iterator[None]:
    """Open a block that does not belong to the running call of a layer, which ignores the variables made in it."""
    call, thread.call = thread.call, None
    try:
        yield
    finally:
        thread.call = call


class _Default:
    """The default store, for code that opens no store; `kscope._stores.store` sets it when it is imported."""

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
