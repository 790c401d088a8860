"""The seed of random programs: the same at each run, unless `KSCOPE_SEED` has another number, or `random`."""

from __future__ import annotations

import os
import secrets


def seed(default: int) -> int:
    """The seed of this run."""
    given = os.environ.get("KSCOPE_SEED", str(default))
    return secrets.randbelow(2**32) if given == "random" else int(given)
