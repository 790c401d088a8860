"""One execution of a scoped layer's `call()`: which variables it may get, and which it has got already.

A layer's code runs again at every call, so that getting an existing name is normal across calls and an accident
within one. The pass tells the two apart (deviation 12, rows P4 and C3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, TypeAlias

import keras

from kscope import _call_messages
from kscope._frame import Frame, frame_of
from kscope._records import Record
from kscope._registry import Registry
from kscope._scope import VariableScope
from kscope._site import Site
from kscope._thread import default, thread

if TYPE_CHECKING:
    from kscope._inline import LayerRequest
    from kscope._kept import KeptLayer
    from kscope._request import Request
    from kscope._state import LayerState, Made
    from kscope.typing import Reuse

__all__ = ["Pass", "Stray"]

Stray: TypeAlias = "tuple[keras.Variable, Site]"


class Pass(Frame):
    """The context manager around one `call()`: a stand in the layer's scope, with fresh counters (deviation 13)."""

    __slots__ = ("_call", "_closed", "_frame", "_state", "_touched", "_training", "strays")

    _call: Pass | None
    _frame: Frame | None

    def __init__(self, state: LayerState, training: bool | None = None):
        scope = state.scope
        # A copy, so that a call that sets a default or the reuse mode leaves the next call as it was.
        own = VariableScope.derived(scope.name, scope.mode, scope.defaults, scope.original_name_scope)
        super().__init__(state.store, own, state.root, state.dtype)
        if scope.name:
            self.node = self.counters.find(self.node, scope.name)
        self._state = state
        self._training = training
        self._touched: set[Record | KeptLayer] = set()
        # What was made past `get_variable`, for which `_strays` looks.
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
        """The mode that this call was told; else the one that Keras hands down; else that of the calls around.

        Keras hands nothing down from an outermost `stateless_call`, which is how `fit` calls a model on JAX.
        """
        if self._training is not None or inherited is not None:
            return inherited if self._training is None else self._training
        return None if self._call is None else self._call.training(None)

    def base(self) -> Frame:
        """The stand from which the outermost of the running calls started."""
        return (self._frame or frame_of(default.store)).base()

    def copy(self) -> Self:
        """The call as it stands, to go on from here a second time."""
        twin = super().copy()
        twin._touched = set(self._touched)  # noqa: SLF001 - a pass, too
        return twin

    def admits(self, record: Record, reuse: Reuse) -> bool:
        """The hot path: a variable of this layer, for the first time in this call or on purpose."""
        if record in self._state.known and (reuse or record not in self._touched):
            self._touched.add(record)
            return True
        return False

    def claim(self, request: Request | LayerRequest, record: Any) -> Any:
        """Judge a look-up: the record or layer to share, `None` to make one, or an error."""
        if record is None:
            record = self._state.rolled_back(request)
            if record in request.known_of(self._state):
                # It goes again when a discovery around this call fails.
                self.adopt(request.made_with(record))
        if record is None:
            self._check_new(request)
        else:
            self._check_shared(request, record)
            self._know(request, record)
        return record

    def _check_new(self, request: Request | LayerRequest) -> None:
        state = self._state
        if not state.discovering:
            self._check_late(request)
        if request.must_exist and not state.restored:
            raise request.words.missing(request)

    def _check_shared(self, request: Request | LayerRequest, record: Any) -> None:
        state = self._state
        if record in request.known_of(state):
            if request.reuse is False and record in self._touched:
                raise request.words.exists(request, record, twice=True)
        elif request.reuse is False and not state.restored:
            raise request.words.exists(request, record)
        elif not state.discovering:
            self._check_late(request)

    def _check_late(self, request: Request | LayerRequest) -> None:
        state = self._state
        if state.late is None:
            raise request.words.late(request, state.wanted.name, state.note)
        state.late.check(request, state)

    def made(self, request: Request | LayerRequest, record: Any) -> None:
        """Take note of a variable that was just made."""
        if self._state.discovering:
            self._state.made.append((request.store, record))
        self._know(request, record)

    def _know(self, request: Request | LayerRequest, record: Any) -> None:
        state = self._state
        known = request.known_of(state)
        is_late = not state.discovering and record not in known
        known[record] = request.store
        self._touched.add(record)
        if is_late and state.late is not None:
            request.take_on(state.late, record, state)
            self.grow()

    def grow(self) -> None:
        """Take note that this call, and those around it, led to a late variable."""
        self._state.grown = True
        if self._call is not None:
            self._call.grow()

    def stray(self, variable: Any, site: Site) -> None:
        """Take note of a variable that was made past `get_variable`."""
        self.strays.append((variable, site))

    def leave_to_caller(self, strays: list[Stray]) -> bool:
        """Let the call around this one, if there is one, look for who tracks some variables."""
        if self._call is None:
            return False
        for variable, site in strays:
            self._call.stray(variable, site)
        return True

    def encloses(self, store: Registry, state: LayerState) -> bool:
        """Judge a layer that is called inside this call; whether all that it calls has to be of its store, too."""
        if self._closed and store is not self.store:
            raise _call_messages.foreign(state.wanted.name)
        return self._closed

    def adopt(self, made: list[Made]) -> None:
        """Take note of what came inside this call: it goes when the discovery that this call is part of fails."""
        if self._state.discovering:
            self._state.made += made
        elif self._call is not None:
            self._call.adopt(made)
