"""TF1's initializers whose variance depends on the shape."""

# ruff: noqa: N801 - TF1's spelling

from __future__ import annotations

import math
from typing import Any

from kscope import errors
from kscope.initializers._base import RandomFloats, registered
from kscope.initializers._draws.distributions import Distribution, Normal, Shape, Truncated, Uniform
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

# The standard deviation of a standard normal distribution that is truncated at -2 and 2.
TRUNCATED = 0.87962566103423978


@registered
class variance_scaling_initializer(RandomFloats):
    """Random numbers with variance `scale / n`, where `n` follows from the shape.

    `n` is the number of inputs (`"fan_in"`), of outputs (`"fan_out"`) or their mean (`"fan_avg"`), at least 1; for a
    slice, that of the whole variable. The numbers of inputs and outputs are the last two dimensions, each multiplied by
    all dimensions before them.

    Args:
        scale: float, positive.
        mode: `"fan_in"`, `"fan_out"` or `"fan_avg"`.
        distribution: `"truncated_normal"` or `"normal"`: normal with standard deviation
            `sqrt(scale / n) / .87962566103423978`, truncated at twice that; `"untruncated_normal"`: normal with
            standard deviation `sqrt(scale / n)`; `"uniform"`: uniform, below `sqrt(3 * scale / n)` in size.
        seed: int. Seed of the numbers.
        dtype: float dtype of the values, if the call gives none.

    Raises:
        OptionError: if `scale`, `mode` or `distribution` has another value.
        DtypeError: if a dtype is not a float.

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

    def _distribution_for(self, shape: Shape, _: str) -> Distribution:
        fan_in, fan_out = fans(shape)
        variance = self.scale / max(1.0, units(self.mode, fan_in, fan_out))
        if self.distribution == "uniform":
            return _within(math.sqrt(3.0 * variance))
        if self.distribution == "untruncated_normal":
            return Normal(0.0, math.sqrt(variance))
        return Truncated(0.0, math.sqrt(variance) / TRUNCATED)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments, for `from_config`."""
        return {"scale": self.scale, "mode": self.mode, "distribution": self.distribution, **super().get_config()}


class _Glorot(variance_scaling_initializer):
    """Variance scaling with a fixed scale, mode and distribution."""

    _distribution: str

    def __init__(self, seed: int | None = None, dtype: DtypeLike = "float32"):
        super().__init__(1.0, "fan_avg", self._distribution, seed, dtype)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments, for `from_config`."""
        return {"seed": self.seed, "dtype": self.dtype}


@registered
class glorot_uniform_initializer(_Glorot):
    """Uniform random numbers below `sqrt(6 / (fan_in + fan_out))` in size (Glorot and Bengio, 2010).

    Args:
        seed: int. Seed of the numbers.
        dtype: float dtype of the values, if the call gives none.

    Raises:
        DtypeError: if a dtype is not a float.

    Example:
    >>> values = kscope.initializers.glorot_uniform_initializer()([3, 3])
    >>> bool(keras.ops.max(keras.ops.abs(values)) <= 1.0)
    True
    """

    _distribution = "uniform"


@registered
class glorot_normal_initializer(_Glorot):
    """Truncated normal random numbers with variance `2 / (fan_in + fan_out)` (Glorot and Bengio, 2010).

    Args:
        seed: int. Seed of the numbers.
        dtype: float dtype of the values, if the call gives none.

    Raises:
        DtypeError: if a dtype is not a float.

    Example:
    >>> kscope.initializers.glorot_normal_initializer(seed=1)([3, 3]).shape == (3, 3)
    True
    """

    _distribution = "truncated_normal"


def lecun_normal(seed: int | None = None) -> variance_scaling_initializer:
    """Return an initializer of truncated normal numbers with variance `1 / fan_in` (LeCun et al., 1998).

    Example:
    >>> kscope.initializers.lecun_normal().scale
    1.0
    """
    return variance_scaling_initializer(1.0, "fan_in", "truncated_normal", seed)


def lecun_uniform(seed: int | None = None) -> variance_scaling_initializer:
    """Return an initializer of uniform numbers below `sqrt(3 / fan_in)` in size (LeCun et al., 1998).

    Example:
    >>> kscope.initializers.lecun_uniform().distribution
    'uniform'
    """
    return variance_scaling_initializer(1.0, "fan_in", "uniform", seed)


def he_normal(seed: int | None = None) -> variance_scaling_initializer:
    """Return an initializer of truncated normal numbers with variance `2 / fan_in` (He et al., 2015).

    Example:
    >>> kscope.initializers.he_normal().scale
    2.0
    """
    return variance_scaling_initializer(2.0, "fan_in", "truncated_normal", seed)


def he_uniform(seed: int | None = None) -> variance_scaling_initializer:
    """Return an initializer of uniform numbers below `sqrt(6 / fan_in)` in size (He et al., 2015).

    Example:
    >>> kscope.initializers.he_uniform().distribution
    'uniform'
    """
    return variance_scaling_initializer(2.0, "fan_in", "uniform", seed)


@registered
class uniform_unit_scaling_initializer(RandomFloats):
    """Uniform random numbers below `factor * sqrt(3 / n)` in size (Sussillo and Abbott, 2014).

    `n` is the product of all dimensions but the last, at least 1; for a slice, those of the whole variable.

    Args:
        factor: float. 1.0 for a linear layer, about 1.43 before a relu, about 1.15 before a tanh.
        seed: int. Seed of the numbers.
        dtype: float dtype of the values, if the call gives none.

    Raises:
        DtypeError: if a dtype is not a float.

    Example:
    >>> values = kscope.initializers.uniform_unit_scaling_initializer()([3, 3])
    >>> bool(keras.ops.max(keras.ops.abs(values)) <= 1.0)
    True
    """

    def __init__(self, factor: float = 1.0, seed: int | None = None, dtype: DtypeLike = "float32"):
        super().__init__(seed, dtype)
        self.factor = factor

    def _distribution_for(self, shape: Shape, _: str) -> Distribution:
        return _within(math.sqrt(3 / max(1, math.prod(shape[:-1]))) * self.factor)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments, for `from_config`."""
        return {"factor": self.factor, **super().get_config()}


@registered
class contrib_variance_scaling_initializer(RandomFloats):
    """`tf.contrib.layers.variance_scaling_initializer`: random numbers with variance of about `factor / n`.

    Unlike `variance_scaling_initializer`, it truncates a normal distribution of variance `1.3 * factor / n` (which
    gives 1.006 times the wanted variance), and computes `n` of a slice from the shape of the slice (with
    `kscope.set_seed`, from that of the whole variable).

    Args:
        factor: float.
        mode: `"FAN_IN"`, `"FAN_OUT"` or `"FAN_AVG"`: the meaning of `n`.
        uniform: bool. Whether to draw uniform numbers below `sqrt(3 * factor / n)` in size instead.
        seed: int. Seed of the numbers.
        dtype: float dtype of the values, if the call gives none.

    Raises:
        OptionTypeError: if there is no such mode; it is a TypeError, as in TF1.
        DtypeError: if a dtype is not a float.

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
        return self._draw(self._distribution_for(shape, dtype), shape, dtype)

    def _distribution_for(self, shape: Shape, _: str) -> Distribution:
        fan_in, fan_out = fans(shape)
        variance = self.factor / max(1.0, units(self.mode.lower(), fan_in, fan_out))
        if self.uniform:
            return _within(math.sqrt(3.0 * variance))
        return Truncated(0.0, math.sqrt(1.3 * variance))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments, for `from_config`."""
        return {"factor": self.factor, "mode": self.mode, "uniform": self.uniform, **super().get_config()}


def xavier_initializer(
    uniform: bool = True, seed: int | None = None, dtype: DtypeLike = "float32"
) -> contrib_variance_scaling_initializer:
    """Return TF1's `tf.contrib.layers.xavier_initializer`, with variance `2 / (fan_in + fan_out)`.

    The formula is that of Glorot and Bengio (2010).

    Args:
        uniform: bool. Whether to draw from a uniform or from a truncated normal distribution.
        seed: int. Seed of the numbers.
        dtype: float dtype of the values, if the call gives none.

    Raises:
        DtypeError: if a dtype is not a float.

    Example:
    >>> initializer = kscope.initializers.xavier_initializer()
    >>> initializer.factor, initializer.mode, initializer.uniform
    (1.0, 'FAN_AVG', True)
    """
    return contrib_variance_scaling_initializer(1.0, "FAN_AVG", uniform, seed, dtype)


xavier_initializer_conv2d = xavier_initializer


def _within(limit: float) -> Distribution:
    return Uniform(-limit, limit)


def fans(shape: Shape) -> tuple[int, int]:
    """Return the numbers of inputs and outputs (fan-in and fan-out) of a kernel of that shape."""
    if len(shape) < 2:
        return (shape[0], shape[0]) if shape else (1, 1)
    receptive_field = math.prod(shape[:-2])
    return receptive_field * shape[-2], receptive_field * shape[-1]


def units(mode: str, fan_in: int, fan_out: int) -> float:
    """Return `fan_in`, `fan_out` or their mean, by the mode: `"fan_in"`, `"fan_out"` or `"fan_avg"`."""
    return {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2.0}[mode]


def _one_of(name: str, given: str, choices: tuple[str, ...]) -> None:
    if given not in choices:
        raise errors.OptionError(f"Argument `{name}` should be one of {choices}. Received: {given}")
