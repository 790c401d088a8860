"""Reuse modes: create, share, or either (rows A3, F1-F4, F9)."""

from __future__ import annotations

from typing import Literal

from kscope import errors
from kscope.typing import Reuse, ReuseMode

__all__ = ["AUTO_REUSE", "checked"]


AUTO_REUSE: Literal[ReuseMode.AUTO_REUSE] = ReuseMode.AUTO_REUSE
"""Create the variable if it does not exist, return it otherwise."""


def checked(reuse: object) -> Reuse:
    """Return the mode, `False` for `None`; refuse all but TF1's four values, including `1` and `np.True_`."""
    if reuse is None or reuse is False:
        return False
    if reuse is True:
        return True
    if reuse is AUTO_REUSE:
        return AUTO_REUSE
    raise errors.ReuseError(
        errors.compose(
            "The reuse parameter must be True or False or None.",
            [("got", f"{reuse!r} (of type {type(reuse).__name__})")],
            "pass True to share, kscope.AUTO_REUSE to create or share, None to inherit.",
        )
    )
