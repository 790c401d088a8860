"""`VariableStore`: the mapping from scoped names to variables, in the role of TF1's graph (rows O)."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, cast

from kscope._records.collections import Filter, items
from kscope._records.keys import GraphKeys
from kscope._records.record import Record
from kscope._records.registry import Registry
from kscope._scopes.frame import Frame, frame_of
from kscope._scopes.reuse import AUTO_REUSE, checked
from kscope._scopes.scope import VariableScope
from kscope._scopes.thread import default, thread
from kscope._stores.collection_ref import CollectionRef
from kscope._stores.get_in_scope import get_as_called
from kscope._stores.overlay import Overlay
from kscope._variables.sharded import Sharded
from kscope.typing import Reuse

if TYPE_CHECKING:
    from kscope._variables.variable import ScopedVariable

__all__ = [
    "EagerVariableStore",
    "Scope",
    "VariableStore",
    "current_store",
    "default_store",
    "reset_default_store",
]

Scope = str | VariableScope | None


class VariableStore(Registry):
    """A set of variables with unique names, shared by all threads.

    Code that opens no store uses the default store. `with store.as_default():` switches to the variables and to the
    scopes of another store, as `with graph.as_default():` did (row O7). Variables live as long as their store.

    Args:
        name: shown in messages.
        seed: int. The initial values follow from it and from the variables' names. If `None`, the seed of
            `kscope.set_seed` is used.

    Raises:
        OptionTypeError: if `seed` is neither an int nor `None`.

    Example:
    >>> store = kscope.VariableStore()
    >>> with store.as_default():
    ...     v = kscope.get_variable("v", [1])
    >>> store["v"] is v, len(store), "w" in store
    (True, 1, False)
    """

    def frame(self) -> Frame:
        """Return this thread's frame in the store: its own root scope and counters (rows J10, O1, O2)."""
        return frame_of(self)

    def as_default(self) -> _Opened:
        """Make this the store of `get_variable` in a block, in this thread.

        Returns:
            A context manager whose `as` value is the store.
        """
        return _Opened(self)

    def get_variable(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """Call `kscope.get_variable` at this store's root, with a `reuse=` that defaults to `AUTO_REUSE` (row G15)."""
        reuse = kwargs.pop("reuse", None)
        mode = AUTO_REUSE if reuse is None else checked(reuse)
        return self.get_in(self.frame().root, mode, name, *args, **kwargs)

    def get_in(self, scope: VariableScope, reuse: Reuse, name: str, *args: Any, **kwargs: Any) -> Any:
        """Call `kscope.get_variable` in this store, with a scope and a reuse mode."""
        return get_as_called(scope, self, reuse, name, *args, **kwargs)

    def variables(self, scope: Scope = None, regex: str | None = None) -> list[ScopedVariable]:
        """List the variables, in the order in which they were made.

        Args:
            scope: list only variables whose name starts with it, literally and not as a regular expression (row N8):
                `"foo"` lists `foobar/v` and `foo/v`; `"foo/"` and a `VariableScope` list `foo/v`.
            regex: a regular expression that has to match at the start of a name such as `foo/v:0` (row N4).

        Example:
        >>> store = kscope.VariableStore()
        >>> for name in ("fc/kernel", "fc/bias", "fc_1/kernel"):
        ...     v = store.get_variable(name, [1])
        >>> [v.path for v in store.variables("fc/")], [v.path for v in store.variables(regex=".*/kernel")]
        (['fc/kernel', 'fc/bias'], ['fc/kernel', 'fc_1/kernel'])
        """
        return [record.variable for record in self._matching(Filter(_prefix(scope), regex))]

    def trainable_variables(self, scope: Scope = None, regex: str | None = None) -> list[ScopedVariable]:
        """List the variables that are trainable now; the arguments are those of `variables`."""
        return [variable for variable in self.variables(scope, regex) if variable.trainable]

    def non_trainable_variables(self, scope: Scope = None, regex: str | None = None) -> list[ScopedVariable]:
        """List the variables that are not trainable now; the arguments are those of `variables`."""
        return [variable for variable in self.variables(scope, regex) if not variable.trainable]

    def regularization_losses(self, scope: Scope = None, regex: str | None = None) -> list[Any]:
        """Return the regularizers' current values, without those that return `None` (rows I5-I11, N10)."""
        return self.get_collection(GraphKeys.REGULARIZATION_LOSSES, scope, regex)

    def get_collection(self, key: str, scope: Scope = None, regex: str | None = None) -> list[Any]:
        """Return a new list of the items of a collection (rows N1-N10).

        Args:
            key: one of `GraphKeys`, or a name that was given in `collections=` or to `add_to_collection`.
            scope: list only items that have a name which starts with this, as in `variables`.
            regex: list only items that have a name which matches this, as in `variables`.
        """
        names = Filter(_prefix(scope), regex)
        with self.lock:
            listed = self.collections.listed(key, self._made(names), names)
        return items(key, listed)

    def add_to_collection(self, key: str, value: Any) -> None:
        """Append any object to a collection.

        Raises:
            UnsupportedError: for a tensor that belongs to one call of a layer, or to a program that is being traced.
        """
        with self.lock:
            self.collections.add(key, next(self.numbers), value, once=thread.call is not None)

    def replace_collection(self, key: str, values: list[Any]) -> None:
        """Replace all items of a collection."""
        with self.lock:
            for record in self.records.values():
                record.collections = tuple(other for other in record.collections if other != key)
            self.collections.replace(key, [(next(self.numbers), value) for value in values])

    def get_collection_ref(self, key: str) -> CollectionRef:
        """Return a live view of a collection: a change of it changes the collection (row N6).

        Raises, on a change:
            UnsupportedError: for trainable variables and regularization losses, which are computed from the variables;
                items can only be added to them.
        """
        return CollectionRef(self, key)

    def _matching(self, names: Filter) -> list[Record]:
        """Return the records whose names match, in the order in which listings show them."""
        return self._made(names)

    def overlay(self, values: Mapping[str, Any]) -> Overlay:
        """Make variables read as other values in a block: fast weights, averages for evaluation, a target network.

        Gradients reach the tensors in `values`. Assignments to other variables inside the block are kept. On
        TensorFlow and JAX, the values are in the variables' memory during the block, so that other threads see them.

        Args:
            values: a mapping from scoped names to tensors, arrays or variables, for example another store.

        Raises:
            VariableMissingError: a name is not in the store.
            ShapeMismatchError: a value has another shape than the variable.

        Example:
        >>> store = kscope.VariableStore()
        >>> v = store.get_variable("v", initializer=[1.0, 2.0])
        >>> with store.overlay({"v": [3.0, 4.0]}):
        ...     print(keras.ops.convert_to_numpy(v))
        [3. 4.]
        >>> print(keras.ops.convert_to_numpy(v))
        [1. 2.]
        """
        return Overlay(self, values)

    def clone(self, prefix: str = "", name: str | None = None) -> Self:
        """Return a store with new variables of the same values, dtypes, collections, regularizers and constraints.

        It has the same seed, so that variables made later get the same initial values as in this store.

        Args:
            prefix: a scope's name that is put before all names.
            name: the new store's name.

        Example:
        >>> store = kscope.VariableStore()
        >>> v = store.get_variable("v", initializer=[1.0, 2.0])
        >>> store.clone(prefix="target")["target/v"] is v
        False
        """
        return self._copied(prefix and f"{prefix}/", name or self.name, functions=True)

    def _copied(self, prefix: str, name: str | None, functions: bool) -> Self:
        copied, twins = type(self)(name), {}
        copied.own_seed = self.own_seed
        for record in list(self.records.values()):
            variable: Any = record.variable
            twins[id(variable)] = copied.get_variable(
                prefix + record.name,
                dtype=record.dtype,
                initializer=variable,
                regularizer=variable.regularizer if functions else None,
                trainable=variable.trainable,
                collections=record.collections,
                constraint=variable.constraint if functions else None,
                synchronization=variable.synchronization,
                aggregation=variable.aggregation,
                partitioner=Sharded.like(variable),
                caching_device=getattr(variable, "caching_device", None),
            )
            copied.records[prefix + record.name].number = record.number
        for whole in self.partitioned.values():
            shards = [copied[prefix + shard.path] for shard in whole]
            copied.partitioned[prefix + whole.path] = type(whole)(prefix + whole.path, shards, whole.partitions)
        copied.collections = self.collections.copied(twins)
        copied.numbers = itertools.count(next(self.numbers))
        return copied

    def __deepcopy__(self, memo: dict[int, Any]) -> VariableStore:
        return self.clone()


class EagerVariableStore(VariableStore):
    """A store in which every scope has the reuse mode `AUTO_REUSE`, as TF1's `EagerVariableStore` (rows P3-P5).

    Shapes and dtypes are still checked, but nothing guards against sharing by accident.

    Example:
    >>> store = kscope.EagerVariableStore()
    >>> with store.as_default():
    ...     kscope.get_variable("v", [1]) is kscope.get_variable("v", [1])
    True
    """

    always_auto_reuse = True

    def _matching(self, names: Filter) -> list[Record]:
        return sorted(super()._matching(names), key=lambda record: record.name)

    def copy(self) -> EagerVariableStore:
        """Return a store with new variables of the same names and values, without regularizers (row P5)."""
        return self._copied("", self.name, functions=False)


class _Opened:
    """The context manager of `as_default()`, which can be entered repeatedly, nested, and by several threads."""

    __slots__ = ("_store",)

    def __init__(self, store: VariableStore):
        self._store = store

    def __enter__(self) -> VariableStore:
        thread.opened.append(thread.frame)
        # Inside a call of a layer of this store, the call's own frame stays in use.
        if thread.frame is None or thread.frame.store is not self._store:
            thread.frame = self._store.frame()
        return self._store

    def __exit__(self, *exc_info: object) -> None:
        thread.frame = thread.opened.pop()


def _prefix(scope: Scope) -> str | None:
    """Return the prefix that names below a scope start with; for a `VariableScope` it ends with a slash."""
    return scope.prefix if isinstance(scope, VariableScope) else scope


default.store = VariableStore("default")


def default_store() -> VariableStore:
    """Return the store that is used by code that opens no store."""
    store: VariableStore = default.store
    return store


def current_store() -> VariableStore:
    """Return the store that `get_variable` uses: the one that is open in this thread, else the default store."""
    # Frames type their store as a `Registry`; every store that can be opened is a `VariableStore`.
    return default_store() if thread.frame is None else cast(VariableStore, thread.frame.store)


def reset_default_store() -> VariableStore:
    """Replace the default store with a new, empty one, with new root scopes (rows F8, G16).

    Variables of the old store that are referenced elsewhere still exist and train as before; only their names are free.

    Returns:
        The new store.
    """
    default.store = VariableStore("default")
    return default_store()
