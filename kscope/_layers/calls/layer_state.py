"""What a scoped layer knows of its scope, store and variables, apart from Keras' own state of the layer."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

from kscope import _keras
from kscope._records.record import Kept, Record
from kscope._records.registry import Registry
from kscope._scopes.scope import Defaults, VariableScope
from kscope._scopes.thread import thread
from kscope._stores.store import VariableStore
from kscope.typing import Reuse

if TYPE_CHECKING:
    from kscope._layers.calls.call_spec import CallSpec
    from kscope._layers.calls.late import Late

__all__ = ["LayerState", "Made", "Place", "Wanted", "of"]


Place = tuple[VariableStore, VariableScope]
Made: TypeAlias = tuple[Registry, Record | Kept]


@dataclasses.dataclass(slots=True)
class Wanted:
    """What is asked of the binding.

    Attributes:
        name: the layer's name.
        default_name: the scope of an unnamed layer, to be made unique; `None` if it has a name.
        home: where a store or scope was open when the layer was made.
        scope: relative to where the layer binds, absolute ("/..."), or captured.
        store: the store given.
        yields: whether that store gives way to the one of a layer whose call the first call is in.
        reuse: the reuse mode of the layer's scope.
        member: the layer's number among those whose configs name one store.
    """

    name: str
    default_name: str | None
    home: Place | None
    scope: str | VariableScope | None = None
    store: VariableStore | None = None
    yields: bool = False
    reuse: Reuse = False
    member: int | None = None


class LayerState:
    """The binding of a layer, the variables that its calls get, and how far its building is.

    Attributes:
        wanted: what the constructor or a config says about store and scope.
        store: the store that the layer is bound to.
        scope: the scope that it is bound to, where every call starts.
        nested: whether it was bound inside another scoped layer's call.
        root: where an absolute scope starts during its calls.
        dtype: the layer's variable dtype, where no scope says otherwise.
        known: the variables that its calls get, in order, with their stores.
        layers: the layers that its calls get from `kscope.layer`, with their stores.
        made: the variables and layers that a running discovery made, with their stores.
        discovering: whether a call may get names that are not known.
        restored: whether the layer comes from a config: its sharing was checked when it was first built.
        building: the `Building` of the layer, while it is built.
        built_with: the arguments that it was built with.
        discover: arguments of further discovery passes.
        late: what becomes of variables that no discovery met; `None` if they are an error.
        grown: whether the call that runs got such a variable.
        branches: the arguments of calls that got some.
        closed: whether every layer that its calls call has to be bound to its store.
        theirs: names of our constructor arguments to which a subclass gives another meaning.
        note: what a message about a late variable says of discovery.
    """

    __slots__ = (
        "branches",
        "building",
        "built_with",
        "closed",
        "discover",
        "discovering",
        "dtype",
        "grown",
        "known",
        "late",
        "layers",
        "made",
        "nested",
        "note",
        "restored",
        "root",
        "scope",
        "store",
        "theirs",
        "wanted",
    )

    scope: VariableScope
    store: VariableStore

    def __init__(self, wanted: Wanted):
        self.wanted = wanted
        self.nested = False
        self.root = VariableScope.derived("", False, Defaults(), "")
        self.dtype: str | None = None
        self.known: dict[Record, Registry] = {}
        self.layers: dict[Kept, Registry] = {}
        self.made: list[Made] = []
        self.discovering = False
        self.restored = False
        self.building: Any = None
        self.closed = False
        self.theirs: frozenset[str] = frozenset()
        self.late: Late | None = None
        self.grown = False
        self.branches: list[CallSpec] = []
        self.built_with: CallSpec | None = None
        self.discover: Sequence[Mapping[str, Any]] = ()
        self.note = ""

    @property
    def bound(self) -> bool:
        """Whether the layer has its store and scope, which it keeps for good."""
        return hasattr(self, "store")

    def bind(self, store: VariableStore, scope: VariableScope, nested: bool) -> None:
        """Set the binding."""
        self.scope = scope
        self.nested = nested
        self.store = store

    def bind_to(self, store: VariableStore, scope: VariableScope) -> None:
        """Have the layer bind to a scope, if nobody said to which, and it is not bound yet."""
        if not self.bound and self.wanted.scope is None and self.wanted.store is None:
            self.wanted.store, self.wanted.scope = store, scope

    def variables(self) -> list[Any]:
        """The variables that the layer's calls get, each once."""
        return [record.variable for record in self.known]

    @contextmanager
    def discovery(self) -> Iterator[None]:
        """Let calls make variables; if the block raises, everything that it made is taken back (row Q3).

        What succeeds is handed to the discovery around this one, which may still fail.
        """
        known, layers, made = dict(self.known), dict(self.layers), self.made
        self.made = []
        outer, self.discovering = self.discovering, True
        try:
            yield
        except BaseException:
            for store, thing in self.made:
                store.discard(thing)
            self.known, self.layers, self.made = known, layers, made
            raise
        finally:
            self.discovering = outer
        self._hand_over(made)

    def _hand_over(self, earlier: list[Made]) -> None:
        if self.discovering:
            self.made = earlier + self.made
            return
        if thread.call is not None:
            thread.call.adopt(self.made)
        self.made = []

    def held(self) -> dict[Record, Registry]:
        """The variables of the layer, and of scoped layers that its calls made and keep."""
        held = dict(self.known)
        for kept in self.layers:
            for part in _keras.sublayers(kept.layer):
                inner = of(part)
                if inner is not None:
                    held.update(inner.held())
        return held


def of(layer: Any) -> LayerState | None:
    """The state of a scoped layer, `None` for any other layer."""
    state: LayerState | None = getattr(layer, "_kscope", None)
    return state
