"""Built-in custom getters: for `variable_scope(..., custom_getter=...)`, or `get_variable(..., custom_getter=...)`.

Each computes what is read from variables that it gets, every time it is read: in eager code, under `fit`, in compiled
steps. What it needs besides goes through the same `get_variable`, under a name made of the variable's own, so that the
reuse mode, layers, saving and loading treat it as any other variable.

They nest like all getters (row K4), in any order that makes sense, and may be given by pattern:
`custom_getter={".*/kernel": getters.weight_norm(), ".*/bias": getters.freeze}`. Variables that are not floats, and the
state that other getters keep (`synchronization="on_read"`), go through all of them as they are.
"""

from __future__ import annotations

from kscope.getters._arguments import cast, freeze, override, stop_gradient
from kscope.getters._average import ema
from kscope.getters._low_rank import low_rank
from kscope.getters._norms import spectral_norm, weight_norm

__all__ = ["cast", "ema", "freeze", "low_rank", "override", "spectral_norm", "stop_gradient", "weight_norm"]
