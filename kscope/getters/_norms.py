"""Getters that read a weight divided by a norm: `weight_norm` and `spectral_norm`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from kscope import _keras, errors
from kscope.getters._base import SettingsGetter, dtype_of, further, registered, state, training_now, unit, wide

__all__ = ["spectral_norm", "weight_norm"]


@registered
class weight_norm(SettingsGetter):  # noqa: N801 - used like a function
    """Read `g * v / ||v||`: train the direction of a weight and its length separately (arXiv:1602.07868).

    `v` is the variable itself; `g` is the variable `<name>_g`. Initially, `g` is the norm of `v`, so that the weight
    starts as it would without the getter. Variables with less than two axes are read unchanged.

    Args:
        axis: int or tuple of ints; each index along these axes has its own length: `-1` is the units of a kernel.
            `None` means one length for the whole weight.

    Example:
    >>> with kscope.variable_scope("fc", custom_getter=kscope.getters.weight_norm()):
    ...     kernel = kscope.get_variable("kernel", [3, 4])
    >>> [(v.path, tuple(v.shape)) for v in kscope.default_store().variables()]
    [('fc/kernel', (3, 4)), ('fc/kernel_g', (4,))]
    """

    def __init__(self, axis: int | Sequence[int] | None = -1):
        self.axis = axis if axis is None or isinstance(axis, int) else tuple(axis)

    def read(self, getter: Any, got: Any, arguments: dict[str, Any]) -> Any:
        """Return the direction times the length."""
        rank = len(got.shape)
        if rank < 2:
            return got
        kept = self._kept(rank, arguments["name"])
        others = tuple(axis for axis in range(rank) if axis not in kept)
        shape = tuple(got.shape[axis] for axis in kept)

        def lengths(of: Any) -> Any:
            return ops.sqrt(ops.sum(ops.square(wide(of)), axis=others, keepdims=True))

        def initial(shape: Any, dtype: Any) -> Any:
            # Get the variable again: in a trace, the value that the next getter returned before has no numbers.
            return ops.cast(ops.reshape(lengths(getter(**{**arguments, "reuse": True})), shape), dtype)

        g = further(getter, arguments, "_g", shape=shape, initializer=initial)
        along = [size if axis in kept else 1 for axis, size in enumerate(got.shape)]
        weight = wide(got) * (ops.reshape(wide(g), along) / ops.maximum(lengths(got), 1e-12))
        return ops.cast(weight, dtype_of(got))

    def _kept(self, rank: int, name: str) -> tuple[int, ...]:
        axes = () if self.axis is None else (self.axis,) if isinstance(self.axis, int) else self.axis
        for axis in axes:
            if not -rank <= axis < rank:
                raise errors.OptionError(f"weight_norm cannot keep axis {axis} of variable {name} of {rank} axes.")
        return tuple(sorted({axis % rank for axis in axes}))


@registered
class spectral_norm(SettingsGetter):  # noqa: N801 - used like a function
    """Read a weight divided by its largest singular value (arXiv:1802.05957).

    The weight is read as a matrix whose columns are its last axis. A power iteration estimates the singular value, as
    in `keras.layers.SpectralNormalization`. Its vector is the variable `<name>_u` of shape `(1, columns)`, which is not
    trainable, and which only calls in training update. Keras writes the quotient into the kernel after each step; here
    the variable keeps its trained value, and reading it returns the quotient, with its gradient. Variables with less
    than two axes are read unchanged.

    Args:
        power_iterations: the number of iterations at each read.
        training: whether reads update the vector. Defaults to Keras' training mode of the running call. A model passes
            the mode on to a layer if the `call` of this or of an outer layer has an argument `training`.

    Example:
    >>> with kscope.variable_scope("fc", custom_getter=kscope.getters.spectral_norm(power_iterations=30)):
    ...     kernel = kscope.get_variable("kernel", initializer=np.diag([3.0, 2.0, 1.0]))
    >>> round(float(np.linalg.norm(keras.ops.convert_to_numpy(kernel), 2)), 3)
    1.0
    """

    def __init__(self, power_iterations: int = 1, training: bool | None = None):
        if not (isinstance(power_iterations, int) and power_iterations > 0):
            raise errors.OptionError(f"power_iterations must be an int above zero, while get {power_iterations!r}")
        self.power_iterations = power_iterations
        self.training = training

    def read(self, getter: Any, got: Any, arguments: dict[str, Any]) -> Any:
        """Return the weight divided by its largest singular value."""
        if len(got.shape) < 2:
            return got
        columns = got.shape[-1]
        initial = keras.initializers.TruncatedNormal(stddev=0.02)
        vector = state(getter, got, arguments, "_u", shape=(1, columns), initializer=initial)
        weight = wide(got)
        matrix = ops.reshape(weight, (-1, columns))
        fixed = ops.stop_gradient(matrix)
        u = ops.cast(_keras.stored_value(vector), dtype_of(matrix))
        for _ in range(self.power_iterations):
            v = unit(ops.matmul(u, ops.transpose(fixed)))
            u = unit(ops.matmul(v, fixed))
        if training_now(self.training):
            vector.assign(ops.cast(u, dtype_of(_keras.stored_value(vector))))
        sigma = ops.sum(ops.matmul(ops.matmul(v, matrix), ops.transpose(u)))
        # If all weights are zero, sigma is zero.
        return ops.cast(weight / ops.where(ops.equal(sigma, 0.0), ops.ones_like(sigma), sigma), dtype_of(got))
