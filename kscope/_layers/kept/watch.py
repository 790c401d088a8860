"""What Keras makes while kscope has a say in it: weights of kept layers, and variables inside scoped calls."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from kscope import _keras
from kscope._layers.calls import messages as _call_messages
from kscope._records.site import call_site
from kscope._scopes.thread import thread
from kscope._variables.variable import ScopedVariable

if TYPE_CHECKING:
    from kscope._layers.kept.kept_layer import KeptLayer

__all__ = ["install"]


def _weight(owner: Any, options: dict[str, Any], path: list[tuple[str, Any]]) -> Any:
    """What `add_weight` of a kept layer, and of all inside of it, returns: a variable of the store."""
    kept = _answering()
    if kept is not None:
        return kept.weight(owner, [name for name, _ in path], options)
    # A layer without a `build` of its own builds what is inside of it when it is called.
    for place, (_, layer) in reversed(list(enumerate(path))):
        if hasattr(layer, "_kscope"):
            # A scoped layer answers for its own call.
            return None
        if hasattr(layer, "_kscope_kept"):
            return layer._kscope_kept.weight(owner, [name for name, _ in path[place:]], options)  # noqa: SLF001 - ours
    return None


def _answering() -> KeptLayer | None:
    return thread.kept if thread.kept is not None and thread.kept.answers() else None


def _note(variable: Any) -> None:
    """Tell who has to answer for a variable that was made past `get_variable`."""
    if isinstance(variable, ScopedVariable):
        return
    if (kept := _answering()) is not None:
        kept.take(variable)
    elif thread.call is not None:
        thread.call.stray(variable, call_site())


def _refusal() -> Exception | None:
    """The error of a variable that Keras does not make inside a scoped layer's call, because it runs on symbols."""
    if thread.call is None or _answering() is not None or not _keras.deferring():
        return None
    return _call_messages.untracked(call_site())


@functools.cache
def install() -> None:
    """Have Keras ask and tell; once in a process."""
    _keras.around_add_weight(_weight)
    _keras.around_variables(_note, _refusal)
