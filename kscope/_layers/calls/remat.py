"""Rematerialized parts of a call: what runs again in the backward pass gets the variables that it got before.

On TensorFlow and PyTorch `keras.remat` runs a function again when the gradient is computed, and the call that it was a
part of is long over. A `get_variable` in it would go to the default store: other variables, and wrong gradients.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import keras

from kscope._scopes.thread import thread

__all__ = ["of_tensors", "resumable"]


def resumable(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, bound to where the running call stands; outside of calls, the function itself."""
    # A call may be the frame, too, which their types do not say.
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
    """A rematerialized call whose keyword arguments are tensors alone; the others are none of it."""
    tensors = [key for key, value in kwargs.items() if _has_tensors(value)]
    others = {key: value for key, value in kwargs.items() if key not in tensors}
    again = rematerialized(functools.partial(call, **others), *args, **kwargs)
    return lambda *args, **kwargs: again(*args, **{key: kwargs[key] for key in tensors})


def _has_tensors(nested: Any) -> bool:
    return any(hasattr(leaf, "shape") for leaf in keras.tree.flatten(nested))
