"""`VariableStore`: the one place where scoped name -> variable lives; what a graph was in TF1 (section O)."""

from __future__ import annotations

import itertools
import threading
import uuid
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Self

from kscope import _seeds, errors
from kscope._collection_ref import CollectionRef
from kscope._collections import Collections, Filter, items
from kscope._context import Frame, default, thread
from kscope._keys import GraphKeys
from kscope._records import Record, Tree
from kscope._scope import Defaults, VariableScope
from kscope._sharding import Sharded

if TYPE_CHECKING:
    from kscope._kept import KeptLayer
    from kscope._overlay import Overlay
    from kscope._partitioned import PartitionedVariable
    from kscope._variable import ScopedVariable

__all__ = ["EagerVariableStore", "VariableStore", "default_store", "reset_default_store"]


Scope = str | VariableScope | None


class _Frames(threading.local):
    frame: Frame | None = None


class VariableStore:
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

    always_auto_reuse = False
    redraws = False

    def __init__(self, name: str | None = None, seed: int | None = None):
        self.name = name
        self.own_seed = _seeds.checked(seed)
        self.lock = threading.RLock()
        self.records: dict[str, Record] = {}
        self.partitioned: dict[str, PartitionedVariable] = {}
        self.layers: dict[str, KeptLayer] = {}
        self._tree = Tree()
        self.collections = Collections()
        self.numbers = itertools.count()
        self.members: set[int] = set()
        self._frames = _Frames()
        self._token: str | None = None

    @property
    def token(self) -> str:
        """What tells this store from every other one, in this process and in saved configs."""
        if self._token is None:
            self._token = uuid.uuid4().hex
        return self._token

    @property
    def seed(self) -> int | None:
        """The seed of the variables that are made: the store's own, or that of `kscope.set_seed`. May be set.

        Setting `None` takes the store's own away.
        """
        return _seeds.current() if self.own_seed is None else self.own_seed

    @seed.setter
    def seed(self, seed: int | None) -> None:
        self.own_seed = _seeds.checked(seed)

    def enrol(self) -> int:
        """A number for a layer that names this store in its config."""
        with self.lock:
            member = len(self.members)
            while member in self.members:
                member += 1
            self.members.add(member)
            return member

    def frame(self) -> Frame:
        """This thread's stand in the store: its own root scope and counters (rows J10, O1, O2)."""
        frame = self._frames.frame
        if frame is None:
            root = VariableScope.derived("", False, Defaults(), "")
            frame = self._frames.frame = Frame(self, root, root)
        return frame

    def as_default(self) -> _Opened:
        """Make this the store of `get_variable` in a block, in this thread.

        Returns:
            A context manager that gives the store.
        """
        return _Opened(self)

    def put_back(self, record: Record) -> Record:
        """Put a variable in again that was discarded, and give what stands under its name: another may be there now."""
        with self.lock:
            if record.name not in self.records:
                self.add(record)
            return self.records[record.name]

    def add(self, record: Record) -> None:
        """Put a variable of a new name in."""
        with self.lock:
            record.number = next(self.numbers)
            self.records[record.name] = record
            self._tree.add(record)

    def discard(self, made: Record | KeptLayer) -> None:
        """Take back a variable, or a layer, of a first call that failed (row Q3)."""
        with self.lock:
            if self.layers.get(made.name) is made:
                del self.layers[made.name]
            if self.records.get(made.name) is made:
                record = self.records.pop(made.name)
                self._tree.remove(record)
                self.collections.discard(record.variable)
                self.partitioned.pop(record.name.rpartition("/part_")[0], None)

    def clear(self) -> None:
        """Forget every variable, so that all names are free again, and every collection (row G16)."""
        with self.lock:
            self.records = {}
            self.partitioned = {}
            self.layers = {}
            self._tree = Tree()
            self.collections = Collections()

    def get_variable(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """`kscope.get_variable` at the root of this store; takes `reuse=` besides, `AUTO_REUSE` by default (G15)."""
        from kscope._get import get_in_scope
        from kscope._reuse import AUTO_REUSE, checked

        reuse = kwargs.pop("reuse", None)
        mode = AUTO_REUSE if reuse is None else checked(reuse)
        return get_in_scope(self.frame().root, self, mode, name, *args, **kwargs)

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

    def _made(self, names: Filter) -> list[Record]:
        """The variables of some names, in the order in which they were made."""
        with self.lock:
            return names.among(self._tree.starting_with(names.prefix) if names.prefix else list(self.records.values()))

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
        from kscope._overlay import Overlay

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

    def __getitem__(self, name: str) -> Any:
        record = self.records.get(name)
        if record is None and name in self.partitioned:
            return self.partitioned[name]
        if record is None:
            nearest = errors.nearest(name, list(self.records)) or "none"
            raise KeyError(f"No variable {name!r} in {self!r}. Nearest names: {nearest}")
        return record.variable

    def __contains__(self, name: object) -> bool:
        return name in self.records

    def __iter__(self) -> Iterator[str]:
        return iter(list(self.records))

    def keys(self) -> list[str]:
        """The names, so that a store can stand for a mapping."""
        return list(self.records)

    def __len__(self) -> int:
        return len(self.records)

    def __repr__(self) -> str:
        name = f"{self.name!r}, " if self.name else ""
        return f"{type(self).__name__}({name}{len(self.records)} variables)"


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
        # Inside a call of a layer of this store, the call's own stand in it goes on.
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
    return default.store


def reset_default_store() -> VariableStore:
    """Put a new, empty store in the default one's place, with root scopes as new (rows F8, G16).

    Variables of the old one live on where they are held, and are trained as before; only their names are free.

    Returns:
        The new store.
    """
    default.store = VariableStore("default")
    return default.store
