"""The seed of a process, and the keys that follow from a seed and a variable's name.

A draw depends only on its key: not on an order, a thread, the backend or other variables.
"""

from __future__ import annotations

import operator
from hashlib import blake2b
from typing import Any

from kscope import errors

__all__ = ["checked", "current", "key_of_name", "key_of_seed", "set_seed"]

# Part of every key. An intended change of the numbers needs a new version.
_VERSION = b"kscope draws, version 1"


class _Process:
    """The seed of all stores without a seed of their own."""

    seed: int | None = None


def set_seed(seed: int | None) -> None:
    """Draw the same initial values in every run, on every backend, in all stores that have no seed of their own.

    Each variable's values follow from the seed and its scoped name. They do not depend on other variables, on the
    thread or on the backend. The seed applies to existing stores and to the stores that layers make, but existing
    variables do not change.

    It applies to all random initializers of Keras and of `kscope.initializers`, to functions under
    `kscope.initializers.seeded`, and to the random state of layers that `kscope.layer` makes. It does not apply to
    subclasses of initializers, or to initializers whose seed is a `keras.random.SeedGenerator`. An initializer with an
    int as its seed draws the same numbers for every name.

    Args:
        seed: int of any size; `None` to use Keras' random numbers again.

    Raises:
        OptionTypeError: if `seed` is neither an int nor `None`.

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
    """Return the seed that `set_seed` set."""
    return _Process.seed


def checked(seed: Any) -> int | None:
    """Return a seed as an int, or `None`.

    Raises:
        OptionTypeError: if it is neither an int nor `None`.
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
    """Return 128 bits for the variable of that scoped name, in a store with that seed."""
    return _key(b"name", seed, name)


def key_of_seed(seed: int) -> int:
    """Return 128 bits for an initializer with its own seed, the same for every variable."""
    return _key(b"seed", seed, "")


def _key(kind: bytes, seed: int, name: str) -> int:
    # The name comes last and no other part contains a zero byte, so different arguments give different bytes.
    parts = (_VERSION, kind, str(seed).encode("ascii"), name.encode("utf-8", "surrogatepass"))
    return int.from_bytes(blake2b(b"\0".join(parts), digest_size=16).digest(), "little")
