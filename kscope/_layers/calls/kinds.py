"""What differs between variables and layers when a running call looks one up by name.

Layers that `kscope.layer` keeps have a kind of their own, which stands beside them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from kscope._layers.calls.late import Late
from kscope._layers.calls.layer_state import LayerState, Made
from kscope._records.record import Record
from kscope._records.registry import Registry
from kscope._stores.lookup import messages
from kscope._stores.lookup.messages import LookUp

__all__ = ["VARIABLES", "Kind"]


class Kind(ABC):
    """One kind of thing that a call gets by name.

    Attributes:
        noun: what a message calls one of them.
        absent: what a message adds to the noun and the name of one that is not there.
    """

    noun: str
    absent: str

    @abstractmethod
    def known(self, state: LayerState) -> dict[Any, Registry]:
        """Those that a layer's calls get, with their stores."""

    @abstractmethod
    def exists(self, request: Any, found: Any, twice: bool = False) -> Exception:
        """The error of a name that is taken, in a scope that does not reuse."""

    @abstractmethod
    def missing(self, request: Any) -> Exception | None:
        """The error of a name that is not there, if the reuse mode says that it has to be."""

    @abstractmethod
    def put_back(self, store: Registry, found: Any) -> Any:
        """Put one into the store again that was rolled back with others, and return the one that is there now."""

    @abstractmethod
    def made_with(self, store: Registry, found: Any) -> list[Made]:
        """What is taken back when the making of this one is taken back."""

    @abstractmethod
    def take_on(self, late: Late, found: Any, state: LayerState) -> None:
        """Have a built layer track one that its discovery did not find."""


class _Variables(Kind):
    """Variables, which `get_variable` gets."""

    noun = "Variable"
    absent = "does not exist, or was not created with tf.get_variable()"

    def known(self, state: LayerState) -> dict[Record, Registry]:
        return state.known

    def exists(self, request: Any, found: Record, twice: bool = False) -> Exception:
        return messages.exists(request, found, twice)

    def missing(self, request: LookUp) -> Exception | None:
        # Row G2.
        return messages.missing(request) if request.reuse is True else None

    def put_back(self, store: Registry, found: Record) -> Record:
        return store.put_back(found)

    def made_with(self, store: Registry, found: Record) -> list[Made]:
        return [(store, found)]

    def take_on(self, late: Late, found: Record, state: LayerState) -> None:
        late.take_on(found.variable, [known.variable for known in state.known if known is not found])


VARIABLES = _Variables()
