"""Built-in custom getters: for `variable_scope(..., custom_getter=...)`, or `get_variable(..., custom_getter=...)`.

A getter computes the value that the caller of `get_variable` reads, at each call: in eager code, under `fit`, in
compiled steps. It gets its further variables by the same `get_variable`, under names derived from the variable's name,
so that the reuse mode, layers, saving and loading treat them as any other variable.

The getters nest like all getters (row K4), where an order that cannot work is an error, and can be chosen by pattern:
`custom_getter={".*/kernel": getters.weight_norm(), ".*/bias": getters.freeze}`. They return variables that are not
floats, and the state of other getters (`synchronization="on_read"`), unchanged.
"""

from __future__ import annotations

from kscope.getters._arguments import cast, freeze, override, stop_gradient
from kscope.getters._average import ema
from kscope.getters._low_rank import low_rank
from kscope.getters._norms import spectral_norm, weight_norm

__all__ = ["cast", "ema", "freeze", "low_rank", "override", "spectral_norm", "stop_gradient", "weight_norm"]
