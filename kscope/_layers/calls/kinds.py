"""`Kind`: the differences between variables and layers when a running call looks one up by name.

The kind of kept layers is in the folder `kept`.
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
    """A kind of object that a call gets by name: variables, or layers.

    Attributes:
        noun: the word for such an object in a message.
        absent: the words that follow the noun and the name in a message about a missing object.
    """

    noun: str
    absent: str

    @abstractmethod
    def known(self, state: LayerState) -> dict[Any, Registry]:
        """Return the objects that a layer's calls get, with their stores."""

    @abstractmethod
    def exists(self, request: Any, found: Any, twice: bool = False) -> Exception:
        """Return the error of a name that is taken, in a scope that does not reuse."""

    @abstractmethod
    def missing(self, request: Any) -> Exception | None:
        """Return the error of a name that does not exist, if the reuse mode requires it to exist."""

    @abstractmethod
    def put_back(self, store: Registry, found: Any) -> Any:
        """Put an object that was removed into the store again, and return the one that the store has now."""

    @abstractmethod
    def made_with(self, store: Registry, found: Any) -> list[Made]:
        """Return the objects to remove together with this one if a discovery fails."""

    @abstractmethod
    def take_on(self, late: Late, found: Any, state: LayerState) -> None:
        """Make a built layer track an object that its discovery did not make."""


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
