"""`LAYERS`: how a running call looks up a kept layer, where it differs from a variable."""

from __future__ import annotations

from typing import Any

from kscope._layers.calls.kinds import Kind
from kscope._layers.calls.late import Late
from kscope._layers.calls.layer_state import LayerState, Made
from kscope._layers.kept import messages
from kscope._layers.kept.layer_request import LayerRequest
from kscope._records.record import Kept
from kscope._records.registry import Registry

__all__ = ["LAYERS"]


class _Layers(Kind):
    """Kept layers, which `kscope.layer` gets."""

    noun = "Layer"
    absent = "does not exist"

    def known(self, state: LayerState) -> dict[Kept, Registry]:
        return state.layers

    def exists(self, request: LayerRequest, found: Kept, twice: bool = False) -> Exception:
        return messages.exists(request, found, twice)

    def missing(self, request: Any) -> None:
        # Under `reuse=True` only the weights have to exist: the layer is only the code that uses them (row T5).
        del request

    def put_back(self, store: Registry, found: Kept) -> Kept:
        # A layer that is built does not ask for its weights again.
        for record in found.records:
            store.put_back(record)
        return store.layers.setdefault(found.name, found)

    def made_with(self, store: Registry, found: Kept) -> list[Made]:
        weights: list[Made] = [(store, record) for record in found.records]
        return [(store, found), *weights]

    def take_on(self, late: Late, found: Kept, state: LayerState) -> None:
        del state
        late.take_on_layer(found.layer)


LAYERS = _Layers()
