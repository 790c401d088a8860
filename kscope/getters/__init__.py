"""Ready custom getters: for `variable_scope(..., custom_getter=...)`, or `get_variable(..., custom_getter=...)`.

Each computes what is read from variables that it gets, every time it is read: in eager code, under `fit`, in compiled
steps. What it needs besides goes through the same `get_variable`, under a name made of the variable's own, so that the
reuse mode, layers, saving and loading treat it as any other variable.

They nest like all getters (row K4), in any order that makes sense, and may be given by pattern:
`custom_getter={".*/kernel": getters.weight_norm(), ".*/bias": getters.freeze}`. Variables that are not floats, and the
state that other getters keep (`synchronization="on_read"`), go through all of them as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from kscope import _keras, errors
from kscope._stores.lookup.getter_calls import ARGUMENTS
from kscope._stores.overlay import Overlay
from kscope._variables import dtypes as _dtypes
from kscope.getters._base import (
    Pair,
    SettingsGetter,
    arguments_of,
    dtype_of,
    further,
    is_state,
    registered,
    state,
    training_now,
    unit,
    variable_of,
    wide,
)

__all__ = ["cast", "ema", "freeze", "low_rank", "override", "spectral_norm", "stop_gradient", "weight_norm"]


@registered
def stop_gradient(getter: Any, /, *args: Any, **kwargs: Any) -> Any:
    """Read a variable as a constant: what is computed from it here trains everything but it.

    Where the same variable is got without this getter, it is trained as ever, which is the difference to `freeze`.
    The variable stays among the trainable ones; if nothing else reads it, its gradient is none or zero.

    Example:
    >>> class Tied(kscope.ScopedLayer):
    ...     def call(self, x):
    ...         with kscope.variable_scope("fc", reuse=kscope.AUTO_REUSE):
    ...             trained = kscope.get_variable("kernel", [x.shape[-1], x.shape[-1]])
    ...             constant = kscope.get_variable("kernel", custom_getter=kscope.getters.stop_gradient)
    ...         return (x @ trained) @ ops.transpose(constant)
    >>> len(Tied()(np.ones((2, 3), "float32"))), Tied().trainable
    (2, True)
    """
    got = getter(*args, **kwargs)
    return got if is_state(got, arguments_of(args, kwargs)) else ops.stop_gradient(got)


@registered
def freeze(getter: Any, /, *args: Any, **kwargs: Any) -> Any:
    """Make the variable with `trainable=False`: no optimizer sees it, wherever it is read.

    Like all arguments it says how a variable is made; one that exists is shared as it is (row G10). To train a
    variable in one place and not in another, use `stop_gradient`.

    Example:
    >>> with kscope.variable_scope("fc", custom_getter={".*/bias": kscope.getters.freeze}):
    ...     kernel, bias = kscope.get_variable("kernel", [3, 4]), kscope.get_variable("bias", [4])
    >>> kernel.trainable, bias.trainable
    (True, False)
    """
    return getter(**{**arguments_of(args, kwargs), "trainable": False})


@registered
class weight_norm(SettingsGetter):  # noqa: N801 - used like a function
    """Read `g * v / ||v||`: the direction of a weight and its length are trained apart (arXiv:1602.07868).

    The variable keeps its name and is `v`; `g` is `<name>_g`. At first `g` is the norm of `v`, so that the weight
    starts as it would without the getter. Variables of less than two axes are read as they are.

    Args:
        axis: int or tuple of ints; each index along it has a length of its own: `-1` is the units of a kernel. `None`
            is one length for the whole weight.

    Example:
    >>> with kscope.variable_scope("fc", custom_getter=kscope.getters.weight_norm()):
    ...     kernel = kscope.get_variable("kernel", [3, 4])
    >>> [(v.path, tuple(v.shape)) for v in kscope.default_store().variables()]
    [('fc/kernel', (3, 4)), ('fc/kernel_g', (4,))]
    """

    def __init__(self, axis: int | Sequence[int] | None = -1):
        self.axis = axis if axis is None or isinstance(axis, int) else tuple(axis)

    def read(self, getter: Any, got: Any, arguments: dict[str, Any]) -> Any:
        """The direction, times the length."""
        rank = len(got.shape)
        if rank < 2:
            return got
        kept = self._kept(rank, arguments["name"])
        others = tuple(axis for axis in range(rank) if axis not in kept)
        shape = tuple(got.shape[axis] for axis in kept)

        def lengths(of: Any) -> Any:
            return ops.sqrt(ops.sum(ops.square(wide(of)), axis=others, keepdims=True))

        def initial(shape: Any, dtype: Any) -> Any:
            # Got once more, since what a getter around this one returned in a trace has no numbers.
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

    The weight is taken as a matrix with its last axis as columns. The value comes from a power iteration, as in
    `keras.layers.SpectralNormalization`, whose vector is the variable `<name>_u` of shape `(1, columns)`: not
    trainable, and moved on by calls in training only. Keras writes the quotient into the kernel after each step; here
    the variable stays as it is trained, and the quotient, with its gradient, is what is read. Variables of less than
    two axes are read as they are.

    Args:
        power_iterations: how many rounds each read takes.
        training: whether the vector moves on. Defaults to Keras' mode of the running call; a layer is told the mode
            by a model if its `call` has an argument `training`, or an outer layer's has.

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
        """The quotient."""
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
        # All weights may be zero.
        return ops.cast(weight / ops.where(ops.equal(sigma, 0.0), ops.ones_like(sigma), sigma), dtype_of(got))


@registered
class ema(SettingsGetter):  # noqa: N801 - used like a function
    """Keep an exponential moving average beside each trainable variable, to be read in evaluation.

    The average of `fc/kernel` is `fc/kernel/ema`: not trainable, saved and loaded like any other, and at first the
    variable's initial value. A call in training moves it on, when the variable is read:
    `average = decay * average + (1 - decay) * variable`, so that it follows the values that training calls see, one
    step behind the optimizer. Twice in one call is twice. With `update()` it may be moved on by hand instead.

    Args:
        decay: float from 0 to 1.
        suffix: what the average is called, below the variable's name; TF1's checkpoints have
            `"ExponentialMovingAverage"`.
        training: whether reads move the average on. Defaults to Keras' mode of the running call; a layer is told the
            mode by a model if its `call` has an argument `training`, or an outer layer's has.

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
        self._pairs: dict[int, Pair] = {}

    def read(self, getter: Any, got: Any, arguments: dict[str, Any]) -> Any:
        """The variable; its average is at most moved on."""
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
            self._pairs[id(average)] = Pair(variable, average)
        if training_now(self.training):
            self._move(variable, average)
        return variable

    def _move(self, variable: Any, average: Any) -> None:
        before, now = _keras.stored_value(average), ops.stop_gradient(_keras.stored_value(variable))
        average.assign(before + (now - before) * (1.0 - self.decay))

    def update(self) -> None:
        """Move all averages on, by the values that the variables have now: for a loop that does so itself."""
        for variable, average in self._alive():
            self._move(variable, average)

    def evaluation(self) -> Overlay:
        """A block in which the variables that came through this getter read as their averages.

        It works as `VariableStore.overlay` does, compiled programs included: `with averages.evaluation():
        model.evaluate(...)`. After it, the variables are as they were.

        Returns:
            A context manager.
        """
        pairs = {str(number): pair for number, pair in enumerate(self._alive())}
        variables = {key: variable for key, (variable, _) in pairs.items()}
        return Overlay(variables, {key: average for key, (_, average) in pairs.items()})

    def _alive(self) -> list[tuple[Any, Any]]:
        """The variables that are still there, with their averages."""
        found = [(pair.variable(), pair.average()) for pair in self._pairs.values()]
        return [(variable, average) for variable, average in found if variable is not None and average is not None]


@registered
class cast(SettingsGetter):  # noqa: N801 - used like a function
    """Read variables in another dtype than they are kept in; their gradients come back in their own.

    Args:
        dtype: a float dtype, as a name or a framework's.

    Example:
    >>> with kscope.variable_scope("fc", custom_getter=kscope.getters.cast("bfloat16")):
    ...     kernel = kscope.get_variable("kernel", [3, 4])
    >>> keras.backend.standardize_dtype(kernel.dtype), kscope.default_store()["fc/kernel"].dtype
    ('bfloat16', 'float32')
    """

    def __init__(self, dtype: Any):
        self.dtype = _dtypes.standardize(dtype)
        if not _dtypes.is_floating(self.dtype):
            raise errors.OptionError(f"Variables can be read in a float dtype, while get {self.dtype}")

    def read(self, getter: Any, got: Any, arguments: dict[str, Any]) -> Any:
        """The value in the other dtype."""
        del getter, arguments
        return ops.cast(_keras.stored_value(got), self.dtype)


@registered
class override:  # noqa: N801 - used like a function
    """Ask for variables with other arguments, whatever the code inside the scope says.

    Args:
        **arguments: arguments of `get_variable`, but for `name` and `custom_getter`.

    Example:
    >>> plain = kscope.getters.override(initializer="zeros", regularizer=None)
    >>> with kscope.variable_scope("fc", custom_getter=plain):
    ...     kernel = kscope.get_variable("kernel", [2], initializer="ones", regularizer="l2")
    >>> keras.ops.convert_to_numpy(kernel).tolist(), kernel.regularizer
    ([0.0, 0.0], None)
    """

    def __init__(self, **arguments: Any):
        unknown = sorted(set(arguments) - set(ARGUMENTS[1:]) | {"reuse"}.intersection(arguments))
        if unknown:
            raise errors.OptionTypeError(f"get_variable has no argument to override that is called {unknown[0]!r}.")
        self.arguments = arguments

    def __call__(self, getter: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Get the variable with the arguments that were given here."""
        return getter(**{**arguments_of(args, kwargs), **self.arguments})

    def get_config(self) -> dict[str, Any]:
        """The arguments, as Keras saves them."""
        return {key: keras.saving.serialize_keras_object(value) for key, value in self.arguments.items()}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A getter with these arguments."""
        return cls(**{key: keras.saving.deserialize_keras_object(value) for key, value in config.items()})

    def __repr__(self) -> str:
        return f"kscope.getters.override({', '.join(f'{key}={value!r}' for key, value in self.arguments.items())})"


@registered
class low_rank(SettingsGetter):  # noqa: N801 - used like a function
    """Freeze a weight, and train a product of two thin matrices that is added to it: LoRA (arXiv:2106.09685).

    What is read is `W + alpha / rank * A @ B`, with `A` of shape `(rows, rank)` as `<name>_lora_a` and `B` of shape
    `(rank, columns)`, zeros at first, as `<name>_lora_b`; columns are the last axis of `W`. Every variable that comes
    through the getter is made with `trainable=False`; those of less than two axes get no matrices.

    Args:
        rank: int above zero.
        alpha: the scale of what is added, over `rank`. Defaults to `rank`.

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
        """Get the weight, frozen, and what is added."""
        arguments = arguments_of(args, kwargs)
        if arguments.get("synchronization") == "on_read":
            return getter(**arguments)
        return super().__call__(getter, **{**arguments, "trainable": False})

    def read(self, getter: Any, got: Any, arguments: dict[str, Any]) -> Any:
        """The weight, and what is added."""
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
