"""Rematerialization: a function that runs again in the backward pass gets the same variables as before.

On TensorFlow and PyTorch, `keras.remat` runs a function again when the gradient is computed, after the call that it was
part of has ended. A `get_variable` in it would use the default store: other variables, and wrong gradients.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import keras

from kscope._scopes.thread import thread

__all__ = ["of_tensors", "resumable"]


def resumable(function: Callable[..., Any]) -> Callable[..., Any]:
    """Bind a function to the current state of the running call; outside of calls, return the function itself."""
    # `Any`, because the call can also be the frame, which the types do not show.
    call: Any = thread.call
    frame = thread.frame
    if call is None or frame is None:
        return function
    held_call, held_frame = call.copy(), frame.copy()

    @functools.wraps(function)
    def resumed(*args: Any, **kwargs: Any) -> Any:
        if thread.call is call:
            return function(*args, **kwargs)
        saved = thread.frame, thread.call
        again = thread.call = held_call.copy()
        thread.frame = again if frame is call else held_frame.copy()
        try:
            return function(*args, **kwargs)
        finally:
            thread.frame, thread.call = saved

    return resumed


def of_tensors(
    rematerialized: Callable[..., Callable[..., Any]],
    call: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Callable[..., Any]:
    """Return a rematerialized call that passes only tensors by keyword; other keyword arguments are bound before."""
    tensors = [key for key, value in kwargs.items() if _has_tensors(value)]
    others = {key: value for key, value in kwargs.items() if key not in tensors}
    again = rematerialized(functools.partial(call, **others), *args, **kwargs)
    return lambda *args, **kwargs: again(*args, **{key: kwargs[key] for key in tensors})


def _has_tensors(nested: Any) -> bool:
    return any(hasattr(leaf, "shape") for leaf in keras.tree.flatten(nested))
