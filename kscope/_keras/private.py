"""Private names of Keras and of the backends, each of which may move or vanish with their next release.

Every private name that kscope needs is looked up here. One that is gone costs one feature and one warning; everything
else works. `tests/keras/test_touch_points.py` takes each name away, one at a time.
"""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import Any

import keras

__all__ = ["MISSING", "attribute", "find", "private", "switch_off"]

MISSING: Any = object()
"""Stands for a private name that does not exist."""

_switched_off: set[str] = set()


def find(place: str) -> Any:
    """Return what is at `"module:name.name"`; `MISSING` if there is no such thing."""
    module, _, path = place.partition(":")
    try:
        found = import_module(module)
    except ImportError:
        return MISSING
    for name in path.split("."):
        found = getattr(found, name, MISSING)
    return found


def private(*places: str, off: str | None, otherwise: Any = MISSING) -> Any:
    """Return the first private thing that exists.

    Args:
        *places: where it may be, as `find` takes them, the place in the newest Keras first.
        off: the feature that is off without it, for the warning; `None` for what only costs time.
        otherwise: what to use in its place.
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
    """Warn, once for each feature, that it is off because a private name is gone."""
    if off not in _switched_off:
        _switched_off.add(off)
        warnings.warn(
            f"kscope finds no `{name}` in Keras {keras.__version__}: {off}. Everything else works. "
            "Look for a newer kscope, or install an older Keras.",
            stacklevel=3,
        )
