"""Where each thread stands: which store, which scope, and inside which call of which layer (rows O1-O7).

Plain `threading.local`, not `contextvars`: a context is copied into threads and tasks, and a new thread has to start
at an empty root (row O1).
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, Self

from kscope._counters import Counters, Node

if TYPE_CHECKING:
    from kscope._inline import LayerRequest
    from kscope._kept import KeptLayer
    from kscope._records import Record
    from kscope._request import Request
    from kscope._scope import VariableScope
    from kscope._site import Site
    from kscope._state import LayerState, Made
    from kscope._store import VariableStore
    from kscope.typing import Reuse

__all__ = ["CallPass", "Frame", "current_frame", "default", "outside_calls", "thread"]


class CallPass(Protocol):
    """One execution of a scoped layer's `call()`, as the look-up sees it."""

    def copy(self) -> Self:
        """The call as it stands, to go on from here a second time."""

    def training(self, inherited: bool | None) -> bool | None:
        """Whether this is a call in training, where Keras hands down `inherited`."""

    def admits(self, record: Record, reuse: Reuse) -> bool:
        """Whether this call may have the variable, which is then noted; `False` is judged again by `claim`."""

    def claim(self, request: Request | LayerRequest, found: Any) -> Any:
        """Judge a look-up of a variable or a layer: what to share, `None` to make one, or an error."""

    def made(self, request: Request | LayerRequest, made: Any) -> None:
        """Take note of a variable or a layer that was just made in this call."""

    def grow(self) -> None:
        """Take note that this call, and those around it, led to a late variable."""

    def stray(self, variable: Any, site: Site) -> None:
        """Take note of a variable that was made in this call past `get_variable`."""

    def encloses(self, store: VariableStore, state: LayerState) -> bool:
        """Judge a layer that is called inside this call; whether all that it calls has to be of its store, too."""

    def adopt(self, made: list[Made]) -> None:
        """Take note of what a layer made that was built inside this call."""


class Frame:
    """A stand in one store: the current scope and the counters that number default names below it.

    A thread has one frame for each store (TF1: scope stack and counters belong to the graph, row O7), and every
    call of a scoped layer has one of its own, so that nothing leaks in or out.
    """

    __slots__ = ("counters", "creators", "dtype", "entries", "node", "root", "scope", "store")

    def __init__(self, store: VariableStore, scope: VariableScope, root: VariableScope, dtype: str | None = None):
        self.store = store
        self.scope = scope
        self.root = root
        self.dtype = dtype
        # What is put back when scopes are left, innermost last; `variable_scope` keeps it.
        self.entries: list[Any] = []
        # Those of `variable_creator_scope`, innermost last, each with who entered it.
        self.creators: tuple[tuple[object, Any], ...] = ()
        counters = self.counters = Counters()
        self.node: Node = counters.root

    def base(self) -> Frame:
        """The stand from which the call of a layer started, and every other stand itself."""
        return self

    def copy(self) -> Self:
        """The same stand, from which to go on apart from this one."""
        twin = copy.copy(self)
        twin.entries = []
        twin.counters, twin.node = copy.deepcopy((self.counters, self.node))
        return twin


class _Thread(threading.local):
    """`frame` is None in the default store; `call` is the innermost running call of a scoped layer.

    `kept` is the layer of a scope that is being made or built; `opened` has the frames to go back to when stores are
    left.
    """

    frame: Frame | None = None
    call: CallPass | None = None
    kept: KeptLayer | None = None

    def __init__(self) -> None:
        self.opened: list[Frame | None] = []


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
    """The store of code that opens none, which `_store` sets when it is imported."""

    __slots__ = ("store",)

    store: VariableStore

    def __getattr__(self, name: str) -> VariableStore:
        import kscope._store  # noqa: F401 - sets `store`, so that this is called once

        return self.store


default = _Default()


def current_frame() -> Frame:
    """The frame of this thread: the opened store's, else the default store's."""
    frame = thread.frame
    return default.store.frame() if frame is None else frame
