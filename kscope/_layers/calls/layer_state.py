"""`LayerState`: kscope's state of a scoped layer: its scope, store and variables."""

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
    """The store and scope that a layer's constructor or config asks for.

    Attributes:
        name: the layer's name.
        default_name: the scope's name of an unnamed layer, to be made unique; `None` if the layer has a name.
        home: the store and scope that were open when the layer was made, if any were.
        scope: a name relative to the scope under which the layer is bound, an absolute name ("/..."), or a captured
            scope.
        store: the store that was given.
        yields: whether `store` is ignored if the layer is first called inside another scoped layer's call.
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
    """The binding of a layer, the variables that its calls get, and the state of its building.

    Attributes:
        wanted: the store and scope that the constructor or a config asks for.
        store: the store that the layer is bound to.
        scope: the scope that the layer is bound to, in which every call starts.
        nested: whether the layer was bound inside another scoped layer's call.
        root: the root scope during the layer's calls, from which absolute scopes inherit.
        dtype: the layer's variable dtype, the default where no scope has a dtype.
        known: the records of the variables that its calls get, in order, with their stores.
        layers: the kept layers that its calls get, with their stores.
        made: the variables and layers that a running discovery made, with their stores.
        discovering: whether a call may get names that are not known.
        restored: whether the layer comes from a config: its sharing was checked when the original was built.
        building: the `Building` of the layer, while it is being built.
        built_with: the arguments that the layer was built with.
        discover: the arguments of further discoveries.
        late: takes on late variables; `None` if they are an error.
        grown: whether the running call got a late variable.
        branches: the arguments of calls that got late variables.
        closed: whether all layers in its calls must be bound to its store.
        theirs: names of kscope's constructor arguments that have another meaning in a subclass.
        note: the line about discovery in a message about a late variable.
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
        """Whether the layer has a store and a scope, which never change afterwards."""
        return hasattr(self, "store")

    def bind(self, store: VariableStore, scope: VariableScope, nested: bool) -> None:
        """Set the store and scope."""
        self.scope = scope
        self.nested = nested
        self.store = store

    def bind_to(self, store: VariableStore, scope: VariableScope) -> None:
        """Set the wanted store and scope, if the layer has none and is not bound yet."""
        if not self.bound and self.wanted.scope is None and self.wanted.store is None:
            self.wanted.store, self.wanted.scope = store, scope

    def variables(self) -> list[Any]:
        """List the variables that the layer's calls get, each once."""
        return [record.variable for record in self.known]

    @contextmanager
    def discovery(self) -> Iterator[None]:
        """Let calls make variables in a block; if the block raises, all that it made is removed (row Q3).

        Otherwise, all that it made is passed to the discovery around this one, which may still fail.
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
        """Return the records of the layer, and those of scoped layers in its kept layers, with their stores."""
        held = dict(self.known)
        for kept in self.layers:
            for part in _keras.sublayers(kept.layer):
                inner = of(part)
                if inner is not None:
                    held.update(inner.held())
        return held


def of(layer: Any) -> LayerState | None:
    """Return the state of a scoped layer, or `None` for any other layer."""
    state: LayerState | None = getattr(layer, "_kscope", None)
    return state
