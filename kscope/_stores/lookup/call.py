"""`Call`: what code below layers asks of the running call of a scoped layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from kscope._records.record import Record
    from kscope._stores.lookup.request import Request
    from kscope.typing import Reuse

__all__ = ["Call"]


class Call(Protocol):
    """One execution of a scoped layer's `call()`, as a look-up sees it in `thread.call`."""

    def admits(self, record: Record, reuse: Reuse) -> bool:
        """Whether this call may have the variable, which is then noted; `False` is judged again by `claim`."""

    def claim(self, request: Request, found: Record | None) -> Record | None:
        """Judge a look-up: the variable to share, `None` to make one, or an error."""

    def made(self, request: Request, record: Record) -> None:
        """Note a variable that was just made in this call."""

    def training(self, inherited: bool | None) -> bool | None:
        """Whether this is a call in training, where Keras hands down `inherited`."""
