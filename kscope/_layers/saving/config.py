"""Write scope, store and reuse mode into a layer's config, and read them.

Layers whose configs name one store share one new store when they are rebuilt, never the original one. Rebuilding one
of them a second time starts another new store.
"""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING, Any

import keras

from kscope import errors
from kscope._scopes.reuse import AUTO_REUSE, checked
from kscope._scopes.scope import Defaults, VariableScope
from kscope._stores.store import VariableStore
from kscope.typing import Reuse

if TYPE_CHECKING:
    from kscope._layers.calls.layer_state import LayerState

__all__ = ["KEYS", "allows_late", "apply", "of", "plain"]

KEYS = frozenset({"scope", "store", "reuse", "discover", "late"})

_AUTO = "AUTO_REUSE"


class _Rebuilding(threading.local):
    """The new stores of this thread, by the token of the store that the configs name."""

    def __init__(self) -> None:
        self.stores: weakref.WeakValueDictionary[str, VariableStore] = weakref.WeakValueDictionary()


_rebuilding = _Rebuilding()


def of(state: LayerState) -> dict[str, Any]:
    """Return kscope's part of the layer's config.

    A layer that was bound inside another layer is bound there again when the other layer is rebuilt.
    """
    wanted = state.wanted
    own = state.bound and not state.nested
    store = wanted.store
    if own and store is None and wanted.home is not None and state.store is wanted.home[0]:
        store = state.store
    return {
        "scope": _scope_config(state.scope) if own else _wanted_scope(state),
        "store": None if store is None else _store_config(state, store),
        "reuse": _AUTO if wanted.reuse is AUTO_REUSE else wanted.reuse or None,
        "discover": [dict(arguments) for arguments in state.discover],
        "late": "raise" if state.late is None else "allow",
    }


def _wanted_scope(state: LayerState) -> Any:
    wanted = state.wanted
    if isinstance(wanted.scope, VariableScope):
        return _scope_config(wanted.scope)
    if wanted.scope is None and wanted.default_name is not None:
        return {"default_name": wanted.default_name}
    return wanted.scope


def _scope_config(scope: VariableScope) -> Any:
    """Return `"/name"`, or a dict if the scope has a reuse mode or defaults."""
    if scope.defaults == Defaults() and not scope.mode:
        return "/" + scope.name
    given = {key: value for key, value in scope.defaults._asdict().items() if value is not None}
    return {
        "name": scope.name,
        "reuse": _AUTO if scope.mode is AUTO_REUSE else scope.mode,
        "defaults": {key: keras.saving.serialize_keras_object(value) for key, value in given.items()},
    }


def _store_config(state: LayerState, store: VariableStore) -> dict[str, Any]:
    config = {"id": store.token, "member": _member(state, store)}
    # With the seed, a rebuilt layer draws the same initial values.
    return config if store.own_seed is None else {**config, "seed": store.own_seed}


def _member(state: LayerState, store: VariableStore) -> int:
    if state.wanted.member is None:
        state.wanted.member = store.enrol()
    return state.wanted.member


def apply(state: LayerState, config: dict[str, Any]) -> None:
    """Set the layer's wanted store, scope and reuse mode, from constructor arguments or from a config."""
    wanted = state.wanted
    if "reuse" in config:
        wanted.reuse = AUTO_REUSE if config["reuse"] == _AUTO else checked(config["reuse"])
    if "discover" in config:
        state.discover = [dict(arguments) for arguments in config["discover"] or ()]
    if "scope" in config:
        _apply_scope(state, config["scope"])
    if "store" in config:
        _apply_store(state, config["store"])


def plain(value: Any) -> Any:
    """Return a constructor argument if Keras can write it into a config by itself, else `None`."""
    return value if isinstance(value, str | int | float) else None


def allows_late(late: Any) -> bool:
    """Whether `late=` allows late variables."""
    if late not in ("raise", "allow"):
        raise errors.OptionError(f'The `late` of a layer must be "raise" or "allow". Received: late={late!r}')
    return bool(late == "allow")


def _apply_scope(state: LayerState, scope: Any) -> None:
    if isinstance(scope, dict) and "default_name" in scope:
        state.wanted.default_name, scope = scope["default_name"], None
        state.restored = True
    state.wanted.scope = _scope_from(scope)


def _apply_store(state: LayerState, store: Any) -> None:
    if isinstance(store, dict):
        state.wanted.member = store["member"]
        store = _store_from(store["id"], store["member"], store.get("seed"))
        state.restored = True
    elif not (store is None or isinstance(store, VariableStore)):
        raise errors.OptionTypeError(
            f"The `store` of a layer must be a kscope.VariableStore. Received: store={store!r} "
            f"(of type {type(store).__name__})"
        )
    state.wanted.store = store


def _scope_from(scope: Any) -> str | VariableScope | None:
    if scope is None or isinstance(scope, str | VariableScope):
        return scope
    if isinstance(scope, dict):
        reuse: Reuse = AUTO_REUSE if scope["reuse"] == _AUTO else checked(scope["reuse"])
        defaults = {key: keras.saving.deserialize_keras_object(value) for key, value in scope["defaults"].items()}
        return VariableScope.derived(scope["name"], reuse, Defaults(**defaults), scope["name"] + "/")
    raise errors.ScopeTypeError(
        errors.compose(
            "VariableScope: name_or_scope must be a string or VariableScope.",
            [("got", f"scope={scope!r} (of type {type(scope).__name__})")],
        )
    )


def _store_from(token: str, member: int, seed: int | None) -> VariableStore:
    store = _rebuilding.stores.get(token)
    if store is None or member in store.members:
        store = _rebuilding.stores[token] = VariableStore(seed=seed)
    store.members.add(member)
    return store
