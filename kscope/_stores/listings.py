"""The collections of the current store, under the names that TF1 had at its top level (rows N, R)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from kscope._records.keys import GraphKeys
from kscope._stores.store import Scope, current_store

if TYPE_CHECKING:
    from kscope._stores.collection_ref import CollectionRef
    from kscope._variables.variable import ScopedVariable

__all__ = [
    "add_to_collection",
    "add_to_collections",
    "get_collection",
    "get_collection_ref",
    "global_variables",
    "local_variables",
    "model_variables",
    "moving_average_variables",
    "trainable_variables",
]


def get_collection(key: str, scope: Scope = None, regex: str | None = None) -> list[Any]:
    """List the items of a collection of the current store (rows N1-N10).

    Args:
        key: one of `GraphKeys`, or a name that was given in `collections=` or to `add_to_collection`.
        scope: str or `VariableScope`. List only items whose name starts with it, literally and not as a regular
            expression (row N8): `"foo"` lists `foobar/v` and `foo/v`; `"foo/"` and a `VariableScope` list `foo/v`.
        regex: str. A regular expression that has to match at the start of a name such as `foo/v:0`, as TF1's `scope`
            did (row N4).

    Returns:
        A new list, in the order in which the items were added. Regularization losses are their current values.

    Example:
    >>> for name in ("enc/kernel", "enc_2/kernel", "dec/kernel"):
    ...     v = kscope.get_variable(name, [2], collections=["weights"])
    >>> [v.path for v in kscope.get_collection("weights", "enc/")]
    ['enc/kernel']
    >>> [v.path for v in kscope.get_collection("weights", regex="enc|dec")]
    ['enc/kernel', 'enc_2/kernel', 'dec/kernel']
    """
    return current_store().get_collection(key, scope, regex)


def get_collection_ref(key: str) -> CollectionRef:
    """Return a live view of a collection of the current store: a change of it changes the collection (row N6).

    Raises, on a change:
        UnsupportedError: for trainable variables and regularization losses, which are computed from the variables;
            items can only be added to them.

    Example:
    >>> kscope.add_to_collection("steps", "first")
    >>> del kscope.get_collection_ref("steps")[:]
    >>> kscope.get_collection("steps")
    []
    """
    return current_store().get_collection_ref(key)


def add_to_collection(name: str, value: Any) -> None:
    """Append any object to a collection of the current store.

    Inside a layer's call, which runs many times, an object is appended only once.

    Raises:
        UnsupportedError: for a tensor that belongs to one call of a layer, or to a program that is being traced.

    Example:
    >>> kscope.add_to_collection("endpoints", "logits")
    >>> kscope.get_collection("endpoints")
    ['logits']
    """
    current_store().add_to_collection(name, value)


def add_to_collections(names: str | Iterable[str], value: Any) -> None:
    """Append any object to several collections of the current store.

    Example:
    >>> kscope.add_to_collections(["a", "b"], 1)
    >>> kscope.get_collection("a"), kscope.get_collection("b")
    ([1], [1])
    """
    for name in [names] if isinstance(names, str) else dict.fromkeys(names):
        add_to_collection(name, value)


def global_variables(scope: Scope = None, regex: str | None = None) -> list[ScopedVariable]:
    """List the global variables of the current store: those that were made without other collections.

    The arguments are those of `get_collection`.

    Example:
    >>> v = kscope.get_variable("v", [])
    >>> [w.name for w in kscope.global_variables()]
    ['v:0']
    """
    return get_collection(GraphKeys.GLOBAL_VARIABLES, scope, regex)


def local_variables(scope: Scope = None, regex: str | None = None) -> list[ScopedVariable]:
    """List the variables of the current store that `get_local_variable` made.

    The arguments are those of `get_collection`.

    Example:
    >>> v = kscope.get_local_variable("v", [])
    >>> [w.name for w in kscope.local_variables()]
    ['v:0']
    """
    return get_collection(GraphKeys.LOCAL_VARIABLES, scope, regex)


def trainable_variables(scope: Scope = None, regex: str | None = None) -> list[ScopedVariable]:
    """List the variables of the current store that are trainable now.

    The variables of a layer with its own store are not among them; they are in `layer.trainable_variables`. The
    arguments are those of `get_collection`.

    Example:
    >>> for name in ("generator/v", "critic/v"):
    ...     v = kscope.get_variable(name, [])
    >>> [w.name for w in kscope.trainable_variables("generator")]
    ['generator/v:0']
    """
    return get_collection(GraphKeys.TRAINABLE_VARIABLES, scope, regex)


def model_variables(scope: Scope = None, regex: str | None = None) -> list[ScopedVariable]:
    """List the variables of the current store in `GraphKeys.MODEL_VARIABLES` (row R4).

    The arguments are those of `get_collection`.

    Example:
    >>> v = kscope.get_variable("v", [], collections=["variables", "model_variables"])
    >>> [w.name for w in kscope.model_variables()]
    ['v:0']
    """
    return get_collection(GraphKeys.MODEL_VARIABLES, scope, regex)


def moving_average_variables(scope: Scope = None, regex: str | None = None) -> list[ScopedVariable]:
    """List the variables of the current store in `GraphKeys.MOVING_AVERAGE_VARIABLES` (row R4).

    The arguments are those of `get_collection`.

    Example:
    >>> v = kscope.get_variable("v", [])
    >>> kscope.add_to_collection(kscope.GraphKeys.MOVING_AVERAGE_VARIABLES, v)
    >>> [w.name for w in kscope.moving_average_variables()]
    ['v:0']
    """
    return get_collection(GraphKeys.MOVING_AVERAGE_VARIABLES, scope, regex)
