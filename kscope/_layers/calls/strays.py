"""Variables that a scoped layer's call makes past `get_variable`: whoever tracks none of them loses them.

Keras makes such a layer or variable anew at each call, or hands on one that is never trained or saved, in silence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras

from kscope import _keras
from kscope._layers.calls import messages

if TYPE_CHECKING:
    from kscope._layers.calls.call_pass import Pass
    from kscope._layers.calls.layer_state import LayerState

__all__ = ["check"]


def check(layer: keras.layers.Layer, state: LayerState, current: Pass) -> None:
    """Refuse a call that made variables which neither the layer nor one around it tracks.

    Raises:
        UntrackedVariableError: naming the first of them, and the line that made it.
    """
    tracked = {id(variable) for variable in (*layer.variables, *_keras.global_random_state())}
    for kept in state.layers:
        # One that has no `build` of its own was built by its call.
        tracked.update(id(variable) for variable in kept.layer.variables)
        kept.settle([variable for variable, _ in current.strays])
    lost = [(variable, site) for variable, site in current.strays if id(variable) not in tracked]
    if lost and not current.leave_to_caller(lost):
        variable, site = lost[0]
        raise messages.untracked(site, state.wanted.name, f"{variable.path}, shape {tuple(variable.shape)}")
