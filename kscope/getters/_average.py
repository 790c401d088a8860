"""`ema`: an exponential moving average beside each trainable variable."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from keras import ops

from kscope import _keras, errors
from kscope._stores.overlay import Overlay
from kscope.getters._base import SettingsGetter, registered, state, training_now, variable_of

__all__ = ["ema"]


@registered
class ema(SettingsGetter):  # noqa: N801 - used like a function
    """Keep an exponential moving average beside each trainable variable, to be read in evaluation.

    The average of `fc/kernel` is the variable `fc/kernel/ema`. It is not trainable, is saved and loaded like any
    other, and starts from the variable's initial value. In training, each read of the variable updates it:
    `average = decay * average + (1 - decay) * variable`. It follows the values that training calls see, one step behind
    the optimizer. Two reads in one call update it twice. `update()` updates it by hand instead.

    Args:
        decay: float from 0 to 1.
        suffix: the name of the average, below the variable's name; in TF1's checkpoints it is
            `"ExponentialMovingAverage"`.
        training: whether reads update the average. Defaults to Keras' training mode of the running call. A model
            passes the mode on to a layer if the `call` of this or of an outer layer has an argument `training`.

    Example:
    >>> averages = kscope.getters.ema(decay=0.5, training=False)
    >>> with kscope.variable_scope("fc", custom_getter=averages):
    ...     scale = kscope.get_variable("scale", initializer=0.0)
    >>> _ = scale.assign(1.0)
    >>> averages.update()
    >>> with averages.evaluation():
    ...     print(keras.ops.convert_to_numpy(scale))
    0.5
    >>> print(keras.ops.convert_to_numpy(scale))
    1.0
    """

    def __init__(self, decay: float, suffix: str = "ema", training: bool | None = None):
        if not 0.0 <= decay <= 1.0:
            raise errors.OptionError(f"The decay must be a float from 0 to 1, while get {decay!r}")
        self.decay = decay
        self.suffix = suffix
        self.training = training
        self._pairs: dict[int, _Pair] = {}

    def read(self, getter: Any, got: Any, arguments: dict[str, Any]) -> Any:
        """Return the variable; in training, update its average."""
        if not arguments.get("trainable", True):
            return got
        variable = variable_of(got, arguments["name"])

        def initial(shape: Any, dtype: Any) -> Any:
            del shape
            return ops.cast(_keras.stored_value(variable), dtype)

        average = state(
            getter, variable, arguments, "/" + self.suffix, shape=tuple(variable.shape), initializer=initial
        )
        if id(average) not in self._pairs:
            self._pairs[id(average)] = _Pair(variable, average)
        if training_now(self.training):
            self._move(variable, average)
        return variable

    def _move(self, variable: Any, average: Any) -> None:
        before, now = _keras.stored_value(average), ops.stop_gradient(_keras.stored_value(variable))
        average.assign(before + (now - before) * (1.0 - self.decay))

    def update(self) -> None:
        """Update all averages with the variables' current values, for training loops that do so by hand."""
        for variable, average in self._alive():
            self._move(variable, average)

    def evaluation(self) -> Overlay:
        """Make the variables that were got through this getter read as their averages in a block.

        This works like `VariableStore.overlay`, also in compiled programs: `with averages.evaluation():
        model.evaluate(...)`. After the block, the variables have their own values again.

        Returns:
            A context manager.
        """
        pairs = {str(number): pair for number, pair in enumerate(self._alive())}
        variables = {key: variable for key, (variable, _) in pairs.items()}
        return Overlay(variables, {key: average for key, (_, average) in pairs.items()})

    def _alive(self) -> list[tuple[Any, Any]]:
        """List the variables that still exist, with their averages."""
        found = [(pair.variable(), pair.average()) for pair in self._pairs.values()]
        return [(variable, average) for variable, average in found if variable is not None and average is not None]


class _Pair:
    """Weak references to a variable and to its average."""

    __slots__ = ("average", "variable")

    variable: Callable[[], Any]
    average: Callable[[], Any]

    def __init__(self, variable: Any, average: Any):
        self.variable = weakref.ref(variable)
        self.average = weakref.ref(average)
