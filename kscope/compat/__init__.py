"""The names of other libraries for kscope's objects, for ported code: `kscope.compat.v1` has the names of TF1.

Start with `v1/__init__.py`: tables map the names to kscope's objects, which are loaded when they are first used. Only
`v1/losses.py` has functions of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kscope._lazy import lazily

if TYPE_CHECKING:
    from kscope.compat import v1

__all__ = ["v1"]

_HOMES = {"v1": "kscope.compat.v1"}


__getattr__, __dir__ = lazily(__name__, _HOMES)
