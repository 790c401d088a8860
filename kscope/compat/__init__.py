"""Other libraries' spelling of kscope, for code that is ported: `kscope.compat.v1` is TF1's.

Start with `v1/__init__.py`: names are found by tables, and are loaded when they are first used. Nothing is computed
here, but for the sums in `v1/losses.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kscope._lazy import lazily

if TYPE_CHECKING:
    from kscope.compat import v1

__all__ = ["v1"]

_HOMES = {"v1": "kscope.compat.v1"}


__getattr__, __dir__ = lazily(__name__, _HOMES)
