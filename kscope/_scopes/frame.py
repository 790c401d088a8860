"""`Frame`: where a thread is in one store, its current scope and counters; and the current frame (rows O1-O7)."""

from __future__ import annotations

import copy
from typing import Any, Self

from kscope._records.registry import Registry
from kscope._scopes.counters import Counters, Node
from kscope._scopes.scope import Defaults, VariableScope
from kscope._scopes.thread import default, thread

__all__ = ["Frame", "current_frame", "frame_of", "get_variable_scope"]


class Frame:
    """Where a thread is in one store: the current scope, and the counters that number default names.

    A thread has one frame for each store (in TF1, scope stack and counters belong to the graph, row O7). Every call of
    a scoped layer has its own frame, so that calls and their surroundings do not affect each other.
    """

    __slots__ = ("counters", "creators", "dtype", "entries", "node", "root", "scope", "store")

    def __init__(self, store: Registry, scope: VariableScope, root: VariableScope, dtype: str | None = None):
        self.store = store
        self.scope = scope
        self.root = root
        self.dtype = dtype
        # The state to restore when scopes are left, innermost last, by `variable_scope`.
        self.entries: list[Any] = []
        # Variable creators, innermost last, each with the `variable_creator_scope` that added it.
        self.creators: tuple[tuple[object, Any], ...] = ()
        counters = self.counters = Counters()
        self.node: Node = counters.root

    def base(self) -> Frame:
        """Return the frame in which a layer was called; any other frame returns itself."""
        return self

    def copy(self) -> Self:
        """Return an independent copy of the frame."""
        twin = copy.copy(self)
        twin.entries = []
        twin.counters, twin.node = copy.deepcopy((self.counters, self.node))
        return twin


def frame_of(store: Registry) -> Frame:
    """Return this thread's frame in a store, with its own root scope and counters (rows J10, O1, O2)."""
    frame: Frame | None = store.frames.frame
    if frame is None:
        root = VariableScope.derived("", False, Defaults(), "")
        frame = store.frames.frame = Frame(store, root, root)
    return frame


def current_frame() -> Frame:
    """Return the current frame of this thread: in the store that is open, otherwise in the default store."""
    frame: Frame | None = thread.frame
    return frame_of(default.store) if frame is None else frame


def get_variable_scope() -> VariableScope:
    """Return the current scope of this thread: the same object as in `with variable_scope(...) as scope` (row A12).

    Example:
    >>> with kscope.variable_scope("fc") as scope:
    ...     kscope.get_variable_scope() is scope
    True
    """
    return current_frame().scope
