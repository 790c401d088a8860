"""`Frame`: a place in one store, with the current scope; and which frame a thread is in (rows O1-O7)."""

from __future__ import annotations

import copy
from typing import Any, Self

from kscope._records.registry import Registry
from kscope._scopes.counters import Counters, Node
from kscope._scopes.scope import Defaults, VariableScope
from kscope._scopes.thread import default, thread

__all__ = ["Frame", "current_frame", "frame_of", "get_variable_scope"]


class Frame:
    """A place in one store: the current scope and the counters that number default names below it.

    A thread has one frame for each store (TF1: scope stack and counters belong to the graph, row O7), and every
    call of a scoped layer has one of its own, so that nothing leaks in or out.
    """

    __slots__ = ("counters", "creators", "dtype", "entries", "node", "root", "scope", "store")

    def __init__(self, store: Registry, scope: VariableScope, root: VariableScope, dtype: str | None = None):
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
        """The frame from which the call of a layer started; any other frame returns itself."""
        return self

    def copy(self) -> Self:
        """A copy of the frame, which changes apart from this one."""
        twin = copy.copy(self)
        twin.entries = []
        twin.counters, twin.node = copy.deepcopy((self.counters, self.node))
        return twin


def frame_of(store: Registry) -> Frame:
    """This thread's frame in a store: its own root scope and counters (rows J10, O1, O2)."""
    frame: Frame | None = store.frames.frame
    if frame is None:
        root = VariableScope.derived("", False, Defaults(), "")
        frame = store.frames.frame = Frame(store, root, root)
    return frame


def current_frame() -> Frame:
    """The frame of this thread: the opened store's, else the default store's."""
    frame: Frame | None = thread.frame
    return frame_of(default.store) if frame is None else frame


def get_variable_scope() -> VariableScope:
    """The scope that this thread is in: the very object that `with variable_scope(...) as scope` gave (row A12).

    Example:
    >>> with kscope.variable_scope("fc") as scope:
    ...     kscope.get_variable_scope() is scope
    True
    """
    return current_frame().scope
