"""Which seed a variable is drawn by, and the key that follows from it and from the variable's name.

A key is all that a draw depends on: no order, no thread, no backend, no other variable has a part in it.
"""

from __future__ import annotations

import operator
from hashlib import blake2b
from typing import Any

from kscope import errors

__all__ = ["checked", "current", "key_of_name", "key_of_seed", "set_seed"]

# Part of every key: a change of the draws that is meant to be one gets another.
_VERSION = b"kscope draws, version 1"


class _Process:
    """The seed of all stores that have none of their own."""

    seed: int | None = None


def set_seed(seed: int | None) -> None:
    """Draw the same initial values in every run, on every backend, in all stores that have no seed of their own.

    Each variable's values follow from the seed and from its scoped name. They do not depend on what was made before,
    on the thread, or on the backend. Stores that exist, and those that layers make for themselves, are included;
    variables that exist stay as they are.

    Covered are all random initializers of Keras and of `kscope.initializers`, functions under
    `kscope.initializers.seeded`, and the random state of layers that `kscope.layer` makes. A subclass of an
    initializer draws as it did before, as does one whose seed is a `keras.random.SeedGenerator`. One with an int as
    its seed draws the same numbers for every name.

    Args:
        seed: int of any size; `None` leaves all draws to Keras again.

    Raises:
        OptionTypeError: if it is neither.

    Example:
    >>> kscope.set_seed(42)
    >>> v = kscope.get_variable("encoder/kernel", [2, 2])
    >>> print(keras.ops.convert_to_numpy(v))
    [[-0.405599   -1.0950727 ]
     [ 0.05011058 -0.17850125]]
    >>> again = kscope.VariableStore().get_variable("encoder/kernel", [2, 2])
    >>> bool(keras.ops.all(v == again))
    True
    >>> kscope.set_seed(None)
    """
    _Process.seed = checked(seed)


def current() -> int | None:
    """The seed that `set_seed` set."""
    return _Process.seed


def checked(seed: Any) -> int | None:
    """A seed, or `None` for none.

    Raises:
        OptionTypeError: if it is neither.
    """
    if seed is None:
        return None
    try:
        return operator.index(seed)
    except TypeError:
        raise errors.OptionTypeError(
            f"The seed must be an int or None. Received: seed={seed!r} (of type {type(seed).__name__})"
        ) from None


def key_of_name(seed: int, name: str) -> int:
    """128 bits for the variable of that scoped name in a store of that seed."""
    return _key(b"name", seed, name)


def key_of_seed(seed: int) -> int:
    """128 bits for an initializer that was given a seed, whatever it initializes."""
    return _key(b"seed", seed, "")


def _key(kind: bytes, seed: int, name: str) -> int:
    # The name comes last, and no other part holds a zero byte, so that no two questions spell the same.
    parts = (_VERSION, kind, str(seed).encode("ascii"), name.encode("utf-8", "surrogatepass"))
    return int.from_bytes(blake2b(b"\0".join(parts), digest_size=16).digest(), "little")
