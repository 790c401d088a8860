"""Bind a scoped layer to a store and an absolute scope when it is first built: its variables go there.

The first of these that applies: the store that the layer was given; inside another scoped layer's call, that layer's
store, under the current scope; the store or scope that was open where the layer was made, or where it is first called;
a new store. The scope of an unnamed layer is its class name, made unique as a default name is.
"""

from __future__ import annotations

from kscope import errors
from kscope._layers.calls.layer_state import LayerState, Place, Wanted
from kscope._scopes import names
from kscope._scopes.frame import current_frame
from kscope._scopes.scope import VariableScope
from kscope._scopes.thread import thread
from kscope._stores.store import VariableStore, current_store

__all__ = ["bind", "opened"]


def opened() -> Place | None:
    """Return the store and scope that the user opened, by `as_default()` or in the default store; `None` if none."""
    frame = current_frame()
    if thread.call is not None or (thread.frame is None and frame.scope is frame.root):
        return None
    return current_store(), frame.scope


def bind(state: LayerState) -> None:
    """Choose the layer's store and scope, which never change afterwards."""
    wanted = state.wanted
    nested = thread.call is not None
    if nested and wanted.yields:
        wanted.store = None
    place = (current_store(), current_frame().scope) if nested else wanted.home or opened()
    store = wanted.store
    if store is None:
        store = place[0] if place else VariableStore()
    parent = place[1] if place and place[0] is store else store.frame().root
    state.bind(store, _scope(wanted, store, parent), nested and wanted.store is None)


def _scope(wanted: Wanted, store: VariableStore, parent: VariableScope) -> VariableScope:
    target = wanted.scope
    if isinstance(target, VariableScope):
        return _derived(wanted, target, target.name)
    if target is None:
        if wanted.default_name is not None:
            return _derived(wanted, parent, parent.prefix + _unique(wanted.default_name, store, parent))
        target = wanted.name
    if target.startswith("/"):
        parent, target = store.frame().root, target[1:]
    if not target:
        return _derived(wanted, parent, parent.name)
    try:
        names.check_scope(target, not parent.prefix)
    except errors.ScopeNameError as error:
        raise errors.ScopeNameError(
            f"{error}\n  layer: {wanted.name!r}, whose name is its scope unless it is given `scope=`."
        ) from None
    return _derived(wanted, parent, parent.prefix + target)


def _unique(default_name: str, store: VariableStore, parent: VariableScope) -> str:
    frame = current_frame()
    counters = (frame if frame.store is store else store.frame()).counters
    node = counters.find(counters.root, parent.name) if parent.name else counters.root
    name = counters.unique(node, default_name)
    counters.open(counters.find(node, name))
    return name


def _derived(wanted: Wanted, source: VariableScope, name: str) -> VariableScope:
    return VariableScope.derived(name, wanted.reuse or source.mode, source.defaults, name + "/" if name else "")
