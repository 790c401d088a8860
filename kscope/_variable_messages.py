"""Both kinds of messages of a look-up of a variable; it goes with `Request.words`."""

from __future__ import annotations

from kscope._call_messages import late, late_in_step
from kscope._messages import exists, missing

__all__ = ["exists", "late", "late_in_step", "missing"]
