"""`Call`: the protocol through which a look-up asks the running call of a scoped layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from kscope._records.record import Record
    from kscope._stores.lookup.request import Request
    from kscope.typing import Reuse

__all__ = ["Call"]


class Call(Protocol):
    """One run of a scoped layer's `call()`, as a look-up sees it in `thread.call`."""

    def admits(self, record: Record, reuse: Reuse) -> bool:
        """Whether this call may get the variable at once, which is then noted; if not, `claim` decides."""

    def claim(self, request: Request, found: Record | None) -> Record | None:
        """Return the record to share, or `None` to make a variable; raise if the look-up is not allowed."""

    def made(self, request: Request, record: Record) -> None:
        """Note a variable that was just made in this call."""

    def training(self, inherited: bool | None) -> bool | None:
        """Return the training mode of this call; `inherited` is the mode that Keras passes down."""
