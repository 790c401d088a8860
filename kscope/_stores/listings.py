"""The collections of the current store, under the names that TF1 had at its top level (sections N, R)."""

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
    """List what is in a collection of the current store (rows N1-N10).

    Args:
        key: one of `GraphKeys`, or a name that was given in `collections=` or to `add_to_collection`.
        scope: str or `VariableScope`. List what has a name that starts with it: `"foo"` takes `foobar/v` with `foo/v`,
            `"foo/"` does not, nor does the scope itself. Taken as it is (a fix of row N8).
        regex: str. A regular expression that names, such as `foo/v:0`, have to match from their start: what TF1's
            `scope` was (row N4).

    Returns:
        A list of one's own, in the order in which the items came. Regularization losses are values, as they are now.

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
    """A collection of the current store as it stands: changing what this returns changes the collection (row N6).

    Raises, on a change:
        UnsupportedError: for what follows from the variables, the trainable ones and regularization losses, unless
            something is added.

    Example:
    >>> kscope.add_to_collection("steps", "first")
    >>> del kscope.get_collection_ref("steps")[:]
    >>> kscope.get_collection("steps")
    []
    """
    return current_store().get_collection_ref(key)


def add_to_collection(name: str, value: Any) -> None:
    """Put anything at the end of a collection of the current store.

    Inside the call of a layer, which runs again and again, a thing is put there once.

    Raises:
        UnsupportedError: for a tensor of one call of a layer, or of a program that is being traced.

    Example:
    >>> kscope.add_to_collection("endpoints", "logits")
    >>> kscope.get_collection("endpoints")
    ['logits']
    """
    current_store().add_to_collection(name, value)


def add_to_collections(names: str | Iterable[str], value: Any) -> None:
    """Put anything at the end of each of some collections of the current store.

    Example:
    >>> kscope.add_to_collections(["a", "b"], 1)
    >>> kscope.get_collection("a"), kscope.get_collection("b")
    ([1], [1])
    """
    for name in [names] if isinstance(names, str) else dict.fromkeys(names):
        add_to_collection(name, value)


def global_variables(scope: Scope = None, regex: str | None = None) -> list[ScopedVariable]:
    """The global variables of the current store: all that were made with no other collections.

    The arguments are those of `get_collection`.

    Example:
    >>> v = kscope.get_variable("v", [])
    >>> [w.name for w in kscope.global_variables()]
    ['v:0']
    """
    return get_collection(GraphKeys.GLOBAL_VARIABLES, scope, regex)


def local_variables(scope: Scope = None, regex: str | None = None) -> list[ScopedVariable]:
    """The variables of the current store that `get_local_variable` made.

    The arguments are those of `get_collection`.

    Example:
    >>> v = kscope.get_local_variable("v", [])
    >>> [w.name for w in kscope.local_variables()]
    ['v:0']
    """
    return get_collection(GraphKeys.LOCAL_VARIABLES, scope, regex)


def trainable_variables(scope: Scope = None, regex: str | None = None) -> list[ScopedVariable]:
    """The variables of the current store that are trainable now.

    A layer that has a store of its own lists its variables itself, as `layer.trainable_variables`. The arguments are
    those of `get_collection`.

    Example:
    >>> for name in ("generator/v", "critic/v"):
    ...     v = kscope.get_variable(name, [])
    >>> [w.name for w in kscope.trainable_variables("generator")]
    ['generator/v:0']
    """
    return get_collection(GraphKeys.TRAINABLE_VARIABLES, scope, regex)


def model_variables(scope: Scope = None, regex: str | None = None) -> list[ScopedVariable]:
    """The variables of the current store that were put into `GraphKeys.MODEL_VARIABLES` (row R4).

    The arguments are those of `get_collection`.

    Example:
    >>> v = kscope.get_variable("v", [], collections=["variables", "model_variables"])
    >>> [w.name for w in kscope.model_variables()]
    ['v:0']
    """
    return get_collection(GraphKeys.MODEL_VARIABLES, scope, regex)


def moving_average_variables(scope: Scope = None, regex: str | None = None) -> list[ScopedVariable]:
    """The variables of the current store that were put into `GraphKeys.MOVING_AVERAGE_VARIABLES` (row R4).

    The arguments are those of `get_collection`.

    Example:
    >>> v = kscope.get_variable("v", [])
    >>> kscope.add_to_collection(kscope.GraphKeys.MOVING_AVERAGE_VARIABLES, v)
    >>> [w.name for w in kscope.moving_average_variables()]
    ['v:0']
    """
    return get_collection(GraphKeys.MOVING_AVERAGE_VARIABLES, scope, regex)
