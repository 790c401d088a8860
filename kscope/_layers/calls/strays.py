"""Variables that `call()` makes without `get_variable`. A variable that no layer tracks would be lost: the call raises.

Without this check, such a variable is silently new at each call, or is never trained or saved.
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
    """Raise if a call made variables that neither the layer nor a layer around it tracks.

    Raises:
        UntrackedVariableError: it names the first such variable, and the line that made it.
    """
    tracked = {id(variable) for variable in (*layer.variables, *_keras.global_random_state())}
    for kept in state.layers:
        # A kept layer without its own `build` was built by its call.
        tracked.update(id(variable) for variable in kept.layer.variables)
        kept.settle([variable for variable, _ in current.strays])
    lost = [(variable, site) for variable, site in current.strays if id(variable) not in tracked]
    if lost and not current.leave_to_caller(lost):
        variable, site = lost[0]
        raise messages.untracked(site, state.wanted.name, f"{variable.path}, shape {tuple(variable.shape)}")
