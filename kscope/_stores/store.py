"""`VariableStore`: the one place where scoped name -> variable lives; what a graph was in TF1 (section O)."""

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

    The default store serves code that opens none. `with store.as_default():` switches both the variables and the
    scope to another one, as `with graph.as_default():` did (row O7). Variables live as long as their store.

    Args:
        name: shown in messages.
        seed: int. The initial values follow from it and from the variables' names; see `kscope.set_seed`, whose seed
            is used where this is `None`.

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
        """This thread's frame in the store: its own root scope and counters (rows J10, O1, O2)."""
        return frame_of(self)

    def as_default(self) -> _Opened:
        """Make this the store of `get_variable` in a block, in this thread.

        Returns:
            A context manager that gives the store.
        """
        return _Opened(self)

    def get_variable(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """`kscope.get_variable` at the root of this store; takes `reuse=` besides, `AUTO_REUSE` by default (G15)."""
        reuse = kwargs.pop("reuse", None)
        mode = AUTO_REUSE if reuse is None else checked(reuse)
        return self.get_in(self.frame().root, mode, name, *args, **kwargs)

    def get_in(self, scope: VariableScope, reuse: Reuse, name: str, *args: Any, **kwargs: Any) -> Any:
        """`kscope.get_variable` in a scope and a reuse mode, and in this store."""
        return get_as_called(scope, self, reuse, name, *args, **kwargs)

    def variables(self, scope: Scope = None, regex: str | None = None) -> list[ScopedVariable]:
        """All variables, in the order in which they were made.

        Args:
            scope: list those whose names start with it: `"foo"` takes `foobar/v` with `foo/v`, `"foo/"` does not, nor
                does the `VariableScope` itself. Taken as it is (a fix of row N8).
            regex: a regular expression that names, such as `foo/v:0`, have to match from their start (row N4).

        Example:
        >>> store = kscope.VariableStore()
        >>> for name in ("fc/kernel", "fc/bias", "fc_1/kernel"):
        ...     v = store.get_variable(name, [1])
        >>> [v.path for v in store.variables("fc/")], [v.path for v in store.variables(regex=".*/kernel")]
        (['fc/kernel', 'fc/bias'], ['fc/kernel', 'fc_1/kernel'])
        """
        return [record.variable for record in self._matching(Filter(_prefix(scope), regex))]

    def trainable_variables(self, scope: Scope = None, regex: str | None = None) -> list[ScopedVariable]:
        """The variables that are trainable now; the arguments are those of `variables`."""
        return [variable for variable in self.variables(scope, regex) if variable.trainable]

    def non_trainable_variables(self, scope: Scope = None, regex: str | None = None) -> list[ScopedVariable]:
        """The variables that are not trainable now; the arguments are those of `variables`."""
        return [variable for variable in self.variables(scope, regex) if not variable.trainable]

    def regularization_losses(self, scope: Scope = None, regex: str | None = None) -> list[Any]:
        """The regularizers' values as they are now, without those that return `None` (rows I5-I11, N10)."""
        return self.get_collection(GraphKeys.REGULARIZATION_LOSSES, scope, regex)

    def get_collection(self, key: str, scope: Scope = None, regex: str | None = None) -> list[Any]:
        """A fresh list of what is in a collection (rows N1-N10).

        Args:
            key: one of `GraphKeys`, or a name that was given in `collections=` or to `add_to_collection`.
            scope: list what has a name, and one that starts with this, as in `variables`.
            regex: list what has a name, and one that matches this, as in `variables`.
        """
        names = Filter(_prefix(scope), regex)
        with self.lock:
            listed = self.collections.listed(key, self._made(names), names)
        return items(key, listed)

    def add_to_collection(self, key: str, value: Any) -> None:
        """Put anything at the end of a collection.

        Raises:
            UnsupportedError: for a tensor of one call of a layer, or of a program that is being traced.
        """
        with self.lock:
            self.collections.add(key, next(self.numbers), value, once=thread.call is not None)

    def replace_collection(self, key: str, values: list[Any]) -> None:
        """Let a collection hold these values."""
        with self.lock:
            for record in self.records.values():
                record.collections = tuple(other for other in record.collections if other != key)
            self.collections.replace(key, [(next(self.numbers), value) for value in values])

    def get_collection_ref(self, key: str) -> CollectionRef:
        """A collection as it stands: changing what this returns changes the collection (row N6).

        Raises, on a change:
            UnsupportedError: for what follows from the variables, the trainable ones and regularization losses, unless
                something is added.
        """
        return CollectionRef(self, key)

    def _matching(self, names: Filter) -> list[Record]:
        """The variables of some names, in the order of listings."""
        return self._made(names)

    def overlay(self, values: Mapping[str, Any]) -> Overlay:
        """Let variables read as other values in a block: fast weights, averages for evaluation, a target network's.

        Gradients reach the tensors that are given. What is assigned inside the block to other variables stays. On
        TensorFlow and JAX the values stand in the variables' memory meanwhile, where other threads see them.

        Args:
            values: a mapping from scoped names to tensors, arrays or variables; another store is one.

        Raises:
            VariableMissingError: a name is not in the store.
            ShapeMismatchError: a value is of another shape than the variable.

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
        """A store with new variables of the same values, dtypes, collections, regularizers and constraints.

        It has the same seed, so that variables that are made later have the values that they would have here.

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
    """A store in which every scope reuses automatically: what the page calls "forced to AUTO_REUSE" (rows P3-P5).

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
        """A store with new variables of the same names and values; regularizers are not copied (row P5)."""
        return self._copied("", self.name, functions=False)


class _Opened:
    """`with store.as_default():`; may be entered several times, also inside itself and by several threads."""

    __slots__ = ("_store",)

    def __init__(self, store: VariableStore):
        self._store = store

    def __enter__(self) -> VariableStore:
        thread.opened.append(thread.frame)
        # Inside a call of a layer of this store, the call's own frame stays.
        if thread.frame is None or thread.frame.store is not self._store:
            thread.frame = self._store.frame()
        return self._store

    def __exit__(self, *exc_info: object) -> None:
        thread.frame = thread.opened.pop()


def _prefix(scope: Scope) -> str | None:
    """The start of the names below a scope; a `VariableScope` ends where its name ends."""
    return scope.prefix if isinstance(scope, VariableScope) else scope


default.store = VariableStore("default")


def default_store() -> VariableStore:
    """The store of code that opens none."""
    store: VariableStore = default.store
    return store


def current_store() -> VariableStore:
    """The store that `get_variable` uses here: the one that is open in this thread, else the default store."""
    # Frames know their store as a `Registry`; every one that is opened is a `VariableStore`.
    return default_store() if thread.frame is None else cast(VariableStore, thread.frame.store)


def reset_default_store() -> VariableStore:
    """Put a new, empty store in the default one's place, with root scopes as new (rows F8, G16).

    Variables of the old one live on where they are held, and are trained as before; only their names are free.

    Returns:
        The new store.
    """
    default.store = VariableStore("default")
    return default_store()
