"""Split nested lists, tuples and dicts of arrays into a list of leaves and a structure that JSON can hold.

This file knows NumPy only: the process of one backend could not read the tensors of another.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kscope.testing._errors import CaseError

__all__ = ["flatten", "unflatten"]

Leaves = list[np.ndarray[Any, Any]]


def flatten(nested: Any, what: str) -> tuple[Leaves, Any]:
    """Return the arrays of `nested`, and its structure with an index in place of each array.

    Args:
        nested: an array, or lists, tuples and dicts of arrays.
        what: the name of `nested` in error messages.

    Raises:
        CaseError: if a leaf is not a NumPy array, or contains Python objects.

    Example:
    >>> flatten({"a": np.ones(2), "b": [np.zeros(3)]}, "inputs")[1]
    {'dict': {'a': 0, 'b': {'list': [1]}}}
    """
    leaves: Leaves = []
    return leaves, _encoded(nested, what, leaves)


def _encoded(nested: Any, what: str, leaves: Leaves) -> Any:
    if isinstance(nested, dict):
        return {"dict": {str(key): _encoded(nested[key], f"{what}[{key!r}]", leaves) for key in nested}}
    if isinstance(nested, list | tuple):
        kind = "tuple" if isinstance(nested, tuple) else "list"
        return {kind: [_encoded(item, f"{what}[{i}]", leaves) for i, item in enumerate(nested)]}
    if not isinstance(nested, np.ndarray | np.generic):
        raise CaseError(
            f"{what} must be a NumPy array, or lists, tuples and dicts of them; np.asarray() makes one of numbers. "
            f"Received: {what}={nested!r} of {type(nested)}"
        )
    if nested.dtype.hasobject:
        raise CaseError(f"{what} has Python objects in it, which only pickle could send. Received: {nested!r}")
    leaves.append(np.asarray(nested))
    return len(leaves) - 1


def unflatten(leaves: list[Any], structure: Any) -> Any:
    """Rebuild the nested value that `flatten` split, with these leaves."""
    if not isinstance(structure, dict):
        return leaves[structure]
    if "dict" in structure:
        return {key: unflatten(leaves, item) for key, item in structure["dict"].items()}
    if "tuple" in structure:
        return tuple(unflatten(leaves, item) for item in structure["tuple"])
    return [unflatten(leaves, item) for item in structure["list"]]
