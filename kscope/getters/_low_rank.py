"""`low_rank`: a frozen weight, plus the product of two thin matrices, which are trained."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from kscope import errors
from kscope.getters._base import SettingsGetter, arguments_of, further, registered

__all__ = ["low_rank"]


@registered
class low_rank(SettingsGetter):  # noqa: N801 - used like a function
    """Freeze a weight, and train a product of two thin matrices that is added to it: LoRA (arXiv:2106.09685).

    The value that is read is `W + alpha / rank * A @ B`. `A` is the variable `<name>_lora_a` of shape `(rows, rank)`,
    `B` is `<name>_lora_b` of shape `(rank, columns)`, which starts as zeros; columns are the last axis of `W`. Every
    variable that is got through the getter is made with `trainable=False`; those with less than two axes get no
    matrices.

    Args:
        rank: int above zero.
        alpha: float. The added product is scaled by `alpha / rank`. Defaults to `rank`.

    Example:
    >>> with kscope.variable_scope("fc", custom_getter=kscope.getters.low_rank(2)):
    ...     kernel = kscope.get_variable("kernel", [5, 4])
    >>> [(v.path, v.trainable) for v in kscope.default_store().variables()]
    [('fc/kernel', False), ('fc/kernel_lora_a', True), ('fc/kernel_lora_b', True)]
    """

    def __init__(self, rank: int, alpha: float | None = None):
        if not (isinstance(rank, int) and rank > 0):
            raise errors.OptionError(f"The rank must be an int above zero, while get {rank!r}")
        self.rank = rank
        self.alpha = alpha

    def __call__(self, getter: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Get the weight, frozen, plus the product."""
        arguments = arguments_of(args, kwargs)
        if arguments.get("synchronization") == "on_read":
            return getter(**arguments)
        return super().__call__(getter, **{**arguments, "trainable": False})

    def read(self, getter: Any, got: Any, arguments: dict[str, Any]) -> Any:
        """Return the weight plus the product."""
        if len(got.shape) < 2:
            return got
        columns = got.shape[-1]
        rows = 1
        for size in got.shape[:-1]:
            rows *= size
        trained = {**arguments, "trainable": True}
        a = further(getter, trained, "_lora_a", shape=(rows, self.rank), initializer=keras.initializers.HeUniform())
        b = further(getter, trained, "_lora_b", shape=(self.rank, columns), initializer=keras.initializers.Zeros())
        scale = (self.rank if self.alpha is None else self.alpha) / self.rank
        return ops.add(got, ops.reshape(ops.matmul(a, b) * scale, tuple(got.shape)))
