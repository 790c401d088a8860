"""Keras' thread-local state, which has no public reader or writer: open scopes, the running call, name counters."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import keras

from kscope._keras.private import MISSING, find, private, switch_off

__all__ = [
    "CALL_CONTEXT",
    "NAME_SCOPES",
    "NAME_UIDS",
    "STATELESS",
    "SYMBOLIC",
    "TORCH_DEVICE",
    "get",
    "put",
    "symbolic",
]

STATELESS = "stateless_scope"
SYMBOLIC = "symbolic_scope"
TORCH_DEVICE = "torch_device"
CALL_CONTEXT = "current_call_ctx"
NAME_SCOPES = "name_scope_stack"
NAME_UIDS = "object_name_uids"

_MODULE = "keras.src.backend.common.global_state"
_TRACES = "variables that are made while Keras traces are left to Keras, which makes them later"

unknown: set[str] = set()
"""Attributes that Keras calls otherwise."""

get: Callable[[str], Any] = private(f"{_MODULE}:get_global_attribute", off=_TRACES, otherwise=lambda _: None)
"""Return an attribute of the state; `None` if there is none."""

put: Callable[[str, Any], None] = private(f"{_MODULE}:set_global_attribute", off=_TRACES, otherwise=lambda *_: None)
"""Set an attribute of the state."""


def _check_names() -> None:
    """Warn if Keras has renamed one of the attributes."""
    scopes: list[tuple[str, Any, str]] = [
        (STATELESS, keras.StatelessScope(), _TRACES),
        (SYMBOLIC, keras.SymbolicScope(), _TRACES),
        (NAME_SCOPES, keras.name_scope("kscope"), "layers inside a kept layer may make weights of their own"),
    ]
    if keras.backend.backend() == "torch":
        scopes.append((TORCH_DEVICE, keras.device("cpu"), _TRACES))
    for name, scope, off in scopes:
        with scope:
            if not get(name):
                unknown.add(name)
                switch_off(f"global_state.{name}", off)
    before = get(NAME_UIDS)
    put(NAME_UIDS, defaultdict(int))
    keras.backend.get_uid("kscope")
    if not get(NAME_UIDS):
        switch_off(f"global_state.{NAME_UIDS}", "names of layers that a kept layer makes depend on how many there are")
    put(NAME_UIDS, before)
    layer = keras.layers.Layer(name="kscope")
    before = get(CALL_CONTEXT)
    put(CALL_CONTEXT, None)
    # A Keras without this method tells nothing.
    getattr(layer, "_get_call_context", lambda: put(CALL_CONTEXT, layer))()
    if get(CALL_CONTEXT) is None:
        getattr(layer, "_maybe_reset_call_context", lambda: None)()
        switch_off(
            f"global_state.{CALL_CONTEXT}", "`training` of an outer call does not reach the discovery of a layer"
        )
    put(CALL_CONTEXT, before)


def _symbolic() -> Callable[[], bool]:
    """Return the fastest function for `symbolic`, because on PyTorch every scope calls it."""
    if find(f"{_MODULE}:GLOBAL_STATE_TRACKER.__dict__") is MISSING:
        return lambda: get(SYMBOLIC) is not None
    from keras.src.backend.common import global_state

    # `clear_session` replaces the tracker, so it is looked up each time.
    return lambda: global_state.GLOBAL_STATE_TRACKER.__dict__.get(SYMBOLIC) is not None


symbolic: Callable[[], bool] = _symbolic()
"""Whether Keras is running a symbolic call, to infer shapes."""

_check_names()
