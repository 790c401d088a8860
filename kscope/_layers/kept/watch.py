"""Watch the variables that Keras makes: the weights of kept layers, and variables inside scoped layers' calls."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from kscope import _keras
from kscope._layers.calls import messages as _call_messages
from kscope._records.site import call_site
from kscope._scopes.thread import thread
from kscope._variables.variable import ScopedVariable

__all__ = ["note", "refusal", "weight_maker"]


def weight_maker(owner: Any) -> Callable[[dict[str, Any]], Any] | None:
    """Return the function that makes the weights of a kept layer or of a layer in it; `None` for other layers."""
    kept, layers = _answering(), _keras.open_layers(owner)
    if kept is None:
        # A layer without its own `build` builds the layers inside it when it is called.
        for place in reversed(range(len(layers))):
            marks = getattr(layers[place], "__dict__", {})
            if "_kscope" in marks:
                # A scoped layer checks the variables of its own call.
                return None
            if "_kscope_kept" in marks:
                kept, layers = marks["_kscope_kept"], layers[place:]
                break
        else:
            return None
    return functools.partial(kept.weight, owner, [layer.name for layer in layers])


def _answering() -> Any:
    return thread.kept if thread.kept is not None and thread.kept.answers() else None


def note(variable: Any) -> None:
    """Report a variable that was made without `get_variable` to the kept layer or the call that is running."""
    if isinstance(variable, ScopedVariable):
        return
    if (kept := _answering()) is not None:
        kept.take(variable)
    elif thread.call is not None:
        thread.call.stray(variable, call_site())


def refusal() -> Exception | None:
    """Return the error of a variable that Keras cannot make because a scoped layer's call runs on symbols, if any."""
    if thread.call is None or _answering() is not None or not _keras.deferring():
        return None
    return _call_messages.untracked(call_site())
