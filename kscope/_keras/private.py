"""Private names of Keras and of the backends, which a new release may move or remove.

Every private name that kscope needs is looked up here. If one is missing, one feature is off with one warning, and
everything else works. `tests/keras/test_touch_points.py` removes each name, one at a time.
"""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import Any

import keras

__all__ = ["MISSING", "attribute", "find", "private", "switch_off"]

MISSING: Any = object()
"""The value of a private name that does not exist."""

_switched_off: set[str] = set()


def find(place: str) -> Any:
    """Return the object at `"module:name.name"`; `MISSING` if there is none."""
    module, _, path = place.partition(":")
    try:
        found = import_module(module)
    except ImportError:
        return MISSING
    for name in path.split("."):
        found = getattr(found, name, MISSING)
    return found


def private(*places: str, off: str | None, otherwise: Any = MISSING) -> Any:
    """Return the first private object that exists.

    Args:
        *places: where it may be, in the form of `find`, the place in the newest Keras first.
        off: text of the warning: the feature that is off without the object; `None`, without a warning, if only time
            is lost.
        otherwise: returned if none exists.
    """
    for place in places:
        found = find(place)
        if found is not MISSING:
            return found
    if off is not None:
        switch_off(places[0].replace(":", "."), off)
    return otherwise


def attribute(owner: Any, name: str, off: str, otherwise: Any = None) -> Any:
    """Return a private attribute of an object; if it has none, warn, and return `otherwise`."""
    found = getattr(owner, name, MISSING)
    if found is MISSING:
        switch_off(f"{type(owner).__name__}.{name}", off)
        return otherwise
    return found


def switch_off(name: str, off: str) -> None:
    """Warn, once for each feature, that it is off because a private name is missing."""
    if off not in _switched_off:
        _switched_off.add(off)
        warnings.warn(
            f"kscope finds no `{name}` in Keras {keras.__version__}: {off}. Everything else works. "
            "Look for a newer kscope, or install an older Keras.",
            stacklevel=3,
        )
