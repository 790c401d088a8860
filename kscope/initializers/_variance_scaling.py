"""TF1's initializers whose variance depends on the shape."""

# ruff: noqa: N801 - TF1's spelling

from __future__ import annotations

import math
from typing import Any

from kscope import errors
from kscope.initializers._base import RandomFloats, registered
from kscope.initializers._draws.distributions import Law, Normal, Shape, Truncated, Uniform
from kscope.typing import DtypeLike

__all__ = [
    "TRUNCATED",
    "contrib_variance_scaling_initializer",
    "fans",
    "glorot_normal_initializer",
    "glorot_uniform_initializer",
    "he_normal",
    "he_uniform",
    "lecun_normal",
    "lecun_uniform",
    "uniform_unit_scaling_initializer",
    "units",
    "variance_scaling_initializer",
    "xavier_initializer",
    "xavier_initializer_conv2d",
]

# The standard deviation of a standard normal distribution that is cut off at -2 and 2.
TRUNCATED = 0.87962566103423978


@registered
class variance_scaling_initializer(RandomFloats):
    """Numbers whose variance is `scale / n`, where `n` is counted in the shape.

    `n` is the number of inputs (`"fan_in"`), of outputs (`"fan_out"`) or their mean (`"fan_avg"`), at least 1; for a
    slice, that of the whole variable. Inputs and outputs are the last two dimensions, times all before them.

    Args:
        scale: float, positive.
        mode: `"fan_in"`, `"fan_out"` or `"fan_avg"`.
        distribution: `"truncated_normal"` or `"normal"`: a normal one cut off at twice
            `sqrt(scale / n) / .87962566103423978`; `"untruncated_normal"`: with `sqrt(scale / n)`; `"uniform"`: within
            `sqrt(3 * scale / n)`.
        seed: int. Decides on the numbers.
        dtype: a float; what it answers in if it is asked for no dtype.

    Raises:
        OptionError: if `scale`, `mode` or `distribution` is none of these.
        DtypeError: if a dtype is no float.

    Example:
    >>> initializer = kscope.initializers.variance_scaling_initializer(distribution="uniform")
    >>> values = initializer([12, 5])
    >>> bool(keras.ops.max(keras.ops.abs(values)) <= (3 / 12) ** 0.5)
    True
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: int | None = None,
        dtype: DtypeLike = "float32",
    ):
        super().__init__(seed, dtype)
        distribution = distribution.lower()
        if scale <= 0.0:
            raise errors.OptionError(f"Argument `scale` must be a positive float. Received: {scale}")
        _one_of("mode", mode, ("fan_in", "fan_out", "fan_avg"))
        _one_of("distribution", distribution, ("normal", "uniform", "truncated_normal", "untruncated_normal"))
        self.scale = scale
        self.mode = mode
        self.distribution = distribution

    def _law(self, shape: Shape, _: str) -> Law:
        fan_in, fan_out = fans(shape)
        variance = self.scale / max(1.0, units(self.mode, fan_in, fan_out))
        if self.distribution == "uniform":
            return _within(math.sqrt(3.0 * variance))
        if self.distribution == "untruncated_normal":
            return Normal(0.0, math.sqrt(variance))
        return Truncated(0.0, math.sqrt(variance) / TRUNCATED)

    def get_config(self) -> dict[str, Any]:
        """What to make an equal one of."""
        return {"scale": self.scale, "mode": self.mode, "distribution": self.distribution, **super().get_config()}


class _Glorot(variance_scaling_initializer):
    """A variance scaling that has nothing left to choose but the seed."""

    _distribution: str

    def __init__(self, seed: int | None = None, dtype: DtypeLike = "float32"):
        super().__init__(1.0, "fan_avg", self._distribution, seed, dtype)

    def get_config(self) -> dict[str, Any]:
        """What to make an equal one of."""
        return {"seed": self.seed, "dtype": self.dtype}


@registered
class glorot_uniform_initializer(_Glorot):
    """Numbers of a uniform distribution within `sqrt(6 / (fan_in + fan_out))` (Glorot and Bengio, 2010).

    Args:
        seed: int. Decides on the numbers.
        dtype: a float; what it answers in if it is asked for no dtype.

    Raises:
        DtypeError: if a dtype is no float.

    Example:
    >>> values = kscope.initializers.glorot_uniform_initializer()([3, 3])
    >>> bool(keras.ops.max(keras.ops.abs(values)) <= 1.0)
    True
    """

    _distribution = "uniform"


@registered
class glorot_normal_initializer(_Glorot):
    """Numbers of a truncated normal distribution with variance `2 / (fan_in + fan_out)` (Glorot and Bengio, 2010).

    Args:
        seed: int. Decides on the numbers.
        dtype: a float; what it answers in if it is asked for no dtype.

    Raises:
        DtypeError: if a dtype is no float.

    Example:
    >>> kscope.initializers.glorot_normal_initializer(seed=1)([3, 3]).shape == (3, 3)
    True
    """

    _distribution = "truncated_normal"


def lecun_normal(seed: int | None = None) -> variance_scaling_initializer:
    """Numbers of a truncated normal distribution with variance `1 / fan_in` (LeCun et al., 1998).

    Example:
    >>> kscope.initializers.lecun_normal().scale
    1.0
    """
    return variance_scaling_initializer(1.0, "fan_in", "truncated_normal", seed)


def lecun_uniform(seed: int | None = None) -> variance_scaling_initializer:
    """Numbers of a uniform distribution within `sqrt(3 / fan_in)` (LeCun et al., 1998).

    Example:
    >>> kscope.initializers.lecun_uniform().distribution
    'uniform'
    """
    return variance_scaling_initializer(1.0, "fan_in", "uniform", seed)


def he_normal(seed: int | None = None) -> variance_scaling_initializer:
    """Numbers of a truncated normal distribution with variance `2 / fan_in` (He et al., 2015).

    Example:
    >>> kscope.initializers.he_normal().scale
    2.0
    """
    return variance_scaling_initializer(2.0, "fan_in", "truncated_normal", seed)


def he_uniform(seed: int | None = None) -> variance_scaling_initializer:
    """Numbers of a uniform distribution within `sqrt(6 / fan_in)` (He et al., 2015).

    Example:
    >>> kscope.initializers.he_uniform().distribution
    'uniform'
    """
    return variance_scaling_initializer(2.0, "fan_in", "uniform", seed)


@registered
class uniform_unit_scaling_initializer(RandomFloats):
    """Numbers of a uniform distribution within `factor * sqrt(3 / n)`.

    `n` is the product of all dimensions but the last, at least 1; for a slice, of those of the whole variable
    (Sussillo and Abbott, 2014).

    Args:
        factor: float. 1.0 for a linear layer, about 1.43 before a relu, 1.15 before a tanh.
        seed: int. Decides on the numbers.
        dtype: a float; what it answers in if it is asked for no dtype.

    Raises:
        DtypeError: if a dtype is no float.

    Example:
    >>> values = kscope.initializers.uniform_unit_scaling_initializer()([3, 3])
    >>> bool(keras.ops.max(keras.ops.abs(values)) <= 1.0)
    True
    """

    def __init__(self, factor: float = 1.0, seed: int | None = None, dtype: DtypeLike = "float32"):
        super().__init__(seed, dtype)
        self.factor = factor

    def _law(self, shape: Shape, _: str) -> Law:
        return _within(math.sqrt(3 / max(1, math.prod(shape[:-1]))) * self.factor)

    def get_config(self) -> dict[str, Any]:
        """What to make an equal one of."""
        return {"factor": self.factor, **super().get_config()}


@registered
class contrib_variance_scaling_initializer(RandomFloats):
    """`tf.contrib.layers.variance_scaling_initializer`: numbers whose variance is about `factor / n`.

    Unlike `variance_scaling_initializer`, it cuts a normal distribution of variance `1.3 * factor / n` off (which
    leaves 1.006 times the variance), counts a vector as one output for each input, and a slice for itself.

    Args:
        factor: float.
        mode: `"FAN_IN"`, `"FAN_OUT"` or `"FAN_AVG"`, whichever `n` is to be.
        uniform: bool. Whether to draw from a uniform distribution within `sqrt(3 * factor / n)` instead.
        seed: int. Decides on the numbers.
        dtype: a float; what it answers in if it is asked for no dtype.

    Raises:
        OptionTypeError: if there is no such mode: a TypeError in TF1.
        DtypeError: if a dtype is no float.

    Example:
    >>> initializer = kscope.initializers.contrib_variance_scaling_initializer(1.0, "FAN_IN", uniform=True)
    >>> values = initializer([12, 5])
    >>> bool(keras.ops.max(keras.ops.abs(values)) <= (3 / 12) ** 0.5)
    True
    """

    def __init__(
        self,
        factor: float = 2.0,
        mode: str = "FAN_IN",
        uniform: bool = False,
        seed: int | None = None,
        dtype: DtypeLike = "float32",
    ):
        super().__init__(seed, dtype)
        if mode not in ("FAN_IN", "FAN_OUT", "FAN_AVG"):
            raise errors.OptionTypeError(f"Unknown mode {mode} [FAN_IN, FAN_OUT, FAN_AVG]")
        self.factor = factor
        self.mode = mode
        self.uniform = uniform

    def _values(self, shape: Shape, dtype: str, _: Any) -> Any:
        return self._draw(self._law(shape, dtype), shape, dtype)

    def _law(self, shape: Shape, _: str) -> Law:
        fan_in, fan_out = fans(shape)
        variance = self.factor / max(1.0, units(self.mode.lower(), fan_in, fan_out))
        if self.uniform:
            return _within(math.sqrt(3.0 * variance))
        return Truncated(0.0, math.sqrt(1.3 * variance))

    def get_config(self) -> dict[str, Any]:
        """What to make an equal one of."""
        return {"factor": self.factor, "mode": self.mode, "uniform": self.uniform, **super().get_config()}


def xavier_initializer(
    uniform: bool = True, seed: int | None = None, dtype: DtypeLike = "float32"
) -> contrib_variance_scaling_initializer:
    """`tf.contrib.layers.xavier_initializer`: numbers of variance `2 / (fan_in + fan_out)` (Glorot and Bengio, 2010).

    Args:
        uniform: bool. Whether to draw from a uniform distribution, or else from a truncated normal one.
        seed: int. Decides on the numbers.
        dtype: a float; what it answers in if it is asked for no dtype.

    Raises:
        DtypeError: if a dtype is no float.

    Example:
    >>> initializer = kscope.initializers.xavier_initializer()
    >>> initializer.factor, initializer.mode, initializer.uniform
    (1.0, 'FAN_AVG', True)
    """
    return contrib_variance_scaling_initializer(1.0, "FAN_AVG", uniform, seed, dtype)


xavier_initializer_conv2d = xavier_initializer


def _within(limit: float) -> Law:
    return Uniform(-limit, limit)


def fans(shape: Shape) -> tuple[int, int]:
    """How many inputs and outputs each unit of a kernel has, as far as a shape tells."""
    if len(shape) < 2:
        return (shape[0], shape[0]) if shape else (1, 1)
    receptive_field = math.prod(shape[:-2])
    return receptive_field * shape[-2], receptive_field * shape[-1]


def units(mode: str, fan_in: int, fan_out: int) -> float:
    """Which of them count: `"fan_in"`, `"fan_out"`, or for `"fan_avg"` their mean."""
    return {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2.0}[mode]


def _one_of(name: str, given: str, choices: tuple[str, ...]) -> None:
    if given not in choices:
        raise errors.OptionError(f"Argument `{name}` should be one of {choices}. Received: {given}")
