"""`Pass`: one run of a scoped layer's `call()`, which decides which variables the call may get.

A layer's code runs at every call, so that getting a name again is normal in the next call and a mistake in the same
call. The pass distinguishes the two (decision 12, rows P4 and C3). Rows and decisions: `docs/rules`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, TypeAlias

import keras

from kscope._layers.calls import messages
from kscope._layers.calls.kinds import VARIABLES, Kind
from kscope._records.record import Kept, Record
from kscope._records.registry import Registry
from kscope._records.site import Site
from kscope._scopes.frame import Frame, frame_of
from kscope._scopes.scope import VariableScope
from kscope._scopes.thread import default, thread
from kscope._stores.lookup.messages import LookUp

if TYPE_CHECKING:
    from kscope._layers.calls.layer_state import LayerState, Made
    from kscope.typing import Reuse

__all__ = ["Pass", "Stray"]

Stray: TypeAlias = "tuple[keras.Variable, Site]"


class Pass(Frame):
    """The context manager around one `call()`: a frame in the layer's scope, with new counters (decision 13)."""

    __slots__ = ("_call", "_closed", "_frame", "_state", "_touched", "_training", "strays")

    _call: Pass | None
    _frame: Frame | None

    def __init__(self, state: LayerState, training: bool | None = None):
        scope = state.scope
        # A copy, so that a call that sets a default or the reuse mode does not change the next call.
        own = VariableScope.derived(scope.name, scope.mode, scope.defaults, scope.original_name_scope)
        super().__init__(state.store, own, state.root, state.dtype)
        if scope.name:
            self.node = self.counters.find(self.node, scope.name)
        self._state = state
        self._training = training
        self._touched: set[Record | Kept] = set()
        # The variables that were made without `get_variable`; `strays.check` checks them.
        self.strays: list[Stray] = []

    def __enter__(self) -> Self:
        frame = self._frame = thread.frame
        call = self._call = thread.call
        self._closed = self._state.closed or (call is not None and call.encloses(self.store, self._state))
        if frame is not None and frame.store is self.store:
            # The layer's scope counts as opened where it is called, as a captured scope's name does (row C12).
            frame.counters.open(frame.counters.find(frame.counters.root, self.scope.name))
        thread.frame = thread.call = self
        return self

    def __exit__(self, *exc_info: object) -> None:
        thread.frame = self._frame
        thread.call = self._call

    def training(self, inherited: bool | None) -> bool | None:
        """Return the `training` of this call; else the mode that Keras passes down; else that of the calls around.

        Keras passes nothing down from an outermost `stateless_call`, which is how `fit` calls a model on JAX.
        """
        if self._training is not None or inherited is not None:
            return inherited if self._training is None else self._training
        return None if self._call is None else self._call.training(None)

    def base(self) -> Frame:
        """Return the frame in which the outermost running call started."""
        return (self._frame or frame_of(default.store)).base()

    def copy(self) -> Self:
        """Return a copy of the pass in its current state, from which the call can be continued a second time."""
        twin = super().copy()
        twin._touched = set(self._touched)  # noqa: SLF001 - a pass, too
        return twin

    def admits(self, record: Record, reuse: Reuse) -> bool:
        """Note a variable that the layer knows, and return `True`; `False` if the call has got it, without reuse.

        The fast path.
        """
        if record in self._state.known and (reuse or record not in self._touched):
            self._touched.add(record)
            return True
        return False

    def claim(self, request: LookUp, found: Any, kind: Kind | None = None) -> Any:
        """Return the record or layer to share, or `None` to make one; raise if the look-up is not allowed."""
        if kind is None:
            # Not in the signature: `torch.compile` does not support such an object as a default value.
            kind = VARIABLES
        if found is None:
            found = self._rolled_back(request, kind)
            if found in kind.known(self._state):
                # What was put back is removed again if a discovery around this call fails.
                self.adopt(kind.made_with(request.store, found))
        if found is None:
            self._check_new(request, kind)
        else:
            self._check_shared(request, found, kind)
            self._know(request, found, kind)
        return found

    def _rolled_back(self, request: LookUp, kind: Kind) -> Any:
        """Put back what this layer made and what was removed because an outer layer's first call failed."""
        if request.store is self._state.store:
            for thing in kind.known(self._state):
                if thing.name == request.name:
                    with request.store.lock:
                        return kind.put_back(request.store, thing)
        return None

    def _check_new(self, request: LookUp, kind: Kind) -> None:
        state = self._state
        if not state.discovering:
            self._check_late(request, kind)
        missing = None if state.restored else kind.missing(request)
        if missing is not None:
            raise missing

    def _check_shared(self, request: LookUp, found: Any, kind: Kind) -> None:
        state = self._state
        if found in kind.known(state):
            if request.reuse is False and found in self._touched:
                raise kind.exists(request, found, twice=True)
        elif request.reuse is False and not state.restored:
            raise kind.exists(request, found)
        elif not state.discovering:
            self._check_late(request, kind)

    def _check_late(self, request: LookUp, kind: Kind) -> None:
        state = self._state
        what = f"{kind.noun} {request.name}"
        if state.late is None:
            raise messages.late(f"{what} {kind.absent}", request, state.wanted.name, state.note)
        if state.late.is_refused():
            raise messages.late_in_step(what, request, state.wanted.name)

    def made(self, request: LookUp, made: Any, kind: Kind | None = None) -> None:
        """Note a variable or a layer that was just made."""
        if self._state.discovering:
            self._state.made.append((request.store, made))
        self._know(request, made, VARIABLES if kind is None else kind)

    def _know(self, request: LookUp, found: Any, kind: Kind) -> None:
        state = self._state
        known = kind.known(state)
        is_late = not state.discovering and found not in known
        known[found] = request.store
        self._touched.add(found)
        if is_late and state.late is not None:
            kind.take_on(state.late, found, state)
            self.grow()

    def grow(self) -> None:
        """Note that this call, and so each call around it, got a late variable."""
        self._state.grown = True
        if self._call is not None:
            self._call.grow()

    def stray(self, variable: Any, site: Site) -> None:
        """Note a variable that was made without `get_variable`."""
        self.strays.append((variable, site))

    def leave_to_caller(self, strays: list[Stray]) -> bool:
        """Pass untracked variables to the call around this one, and return whether there is such a call."""
        if self._call is None:
            return False
        for variable, site in strays:
            self._call.stray(variable, site)
        return True

    def encloses(self, store: Registry, state: LayerState) -> bool:
        """Check the store of a layer that is called inside this call; return whether its calls are checked, too."""
        if self._closed and store is not self.store:
            raise messages.foreign(state.wanted.name)
        return self._closed

    def adopt(self, made: list[Made]) -> None:
        """Note variables and layers that were made in this call: they are removed if the discovery around it fails."""
        if self._state.discovering:
            self._state.made += made
        elif self._call is not None:
            self._call.adopt(made)
