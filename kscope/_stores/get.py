"""`get_variable` and `get_local_variable`: the entry to the look-up (rows G, H, I, J)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kscope._records.collections import collections_of
from kscope._records.keys import GraphKeys
from kscope._scopes.frame import Frame, current_frame
from kscope._scopes.thread import default, thread

# That module makes the default store: `default.store` is set before `get_variable` can be called.
from kscope._stores import store  # noqa: F401
from kscope._stores.get_in_scope import get_in_scope
from kscope._stores.lookup.call import Call
from kscope._stores.lookup.request import Arguments
from kscope.initializers import _initial_value
from kscope.typing import DtypeLike, Getter, ShapeLike

__all__ = ["get_local_variable", "get_variable"]


def get_variable(
    name: str,
    shape: ShapeLike = None,
    dtype: DtypeLike = None,
    initializer: Any = None,
    regularizer: Any = None,
    trainable: bool | None = None,
    collections: Iterable[str] | None = None,
    caching_device: Any = None,
    partitioner: Any = None,
    validate_shape: bool = True,
    use_resource: bool | None = None,
    custom_getter: Getter | None = None,
    constraint: Any = None,
    synchronization: Any = None,
    aggregation: Any = None,
) -> Any:
    """Get the variable of that name in the current scope, or make it, depending on the scope's reuse mode.

    Args:
        name: str, joined to the current scope's name. May contain slashes.
        shape: int, list, tuple, array or `tf.TensorShape`. Must be left out if the initializer is a constant. May be
            partial or left out to get an existing variable.
        dtype: a name or a framework's dtype. Defaults to the scope's dtype, and for a constant to the constant's own.
        initializer: a Keras initializer, its name, config or class; a function of `(shape, dtype=None)`, of those
            and `partition_info`, or of nothing; or a constant: number, list, array, tensor, variable. Defaults to
            the scope's initializer, then to `glorot_uniform` for floats and zeros for other dtypes. An unseeded
            initializer that is used for several variables draws new numbers for each.
        regularizer: a Keras regularizer, its name, config or class, or a function. `no_regularizer` switches off the
            scope's regularizer. It is set on the variable, so that layers add its loss.
        trainable: bool. Defaults to `True`, except for integers, bools, and `on_read` variables.
        collections: list, tuple or set of names for `get_collection`, in place of `"variables"`.
        caching_device: a str such as `"/device:CPU:1"`, or a function that returns one. The variable is read from a
            copy on that device, which each assignment refreshes; not on PyTorch. `""` switches off the scope's device.
        partitioner: a callable `partitioner(shape=..., dtype=...)` that returns the number of slices along each axis,
            of which at most one is above 1; or `kscope.partitioners.sharded(axes)`. See `kscope.partitioners`.
        validate_shape: must be `True` for a new variable: Keras variables have a shape.
        use_resource: has no effect; every Keras variable is a resource.
        custom_getter: a callable `getter(next_getter, name, **kwargs)`, or a mapping from patterns to such callables,
            in place of the scope's getter (row K5).
        constraint: a callable on the value, or a Keras name or config. Optimizers apply it after each update.
        synchronization: `"auto"`, `"none"`, `"on_write"`, `"on_read"`, or TensorFlow's enum. `"on_read"` is for state,
            such as moving statistics: in mixed precision it is read in its own dtype.
        aggregation: `"none"`, `"mean"`, `"sum"`, `"only_first_replica"`, or TensorFlow's enum.

    Returns:
        The `ScopedVariable`: the same object at each look-up. With a partitioner, a `PartitionedVariable`; with a
        custom getter, the return value of the getter.

    Raises:
        VariableExistsError: the name is taken, and the scope does not reuse.
        VariableMissingError: the scope reuses, and there is no such variable.
        LateVariableError: a built layer asks for a name that its discovery did not make.
        ShapeMismatchError: the variable has another shape.
        DtypeMismatchError: the variable has another dtype than the argument `dtype`.
        InitializerError: a new variable has no full shape, or no initializer.
        ValueError: another argument has an invalid value.
        TypeError: an argument has a wrong type.

    Example:
    >>> with kscope.variable_scope("fc"):
    ...     kernel = kscope.get_variable("kernel", [3, 4], initializer="he_normal")
    ...     bias = kscope.get_variable("bias", initializer=[0.0] * 4)
    >>> with kscope.variable_scope("fc", reuse=True):
    ...     kscope.get_variable("kernel") is kernel
    True
    >>> bias.shape == (4,), bias.dtype
    (True, 'float32')
    """
    frame: Frame = thread.frame or default.store.frames.frame or current_frame()
    scope = frame.scope
    defaults = scope.defaults
    if (
        custom_getter is None
        and defaults.custom_getter is None
        and synchronization is None
        and aggregation is None
        and partitioner is None
        and defaults.partitioner is None
        and type(name) is str
    ):
        # The fast path: the variable exists, and no argument can raise an error.
        record = frame.store.records.get(scope.prefix + name)
        if (
            record is not None
            and (shape is None or ((type(shape) is list or type(shape) is tuple) and tuple(shape) == record.shape))
            and (dtype is None or dtype == record.dtype)
            and (initializer is None or type(initializer) is str or _initial_value.draws(initializer))
            and (initializer is not None or defaults.initializer is None or _initial_value.draws(defaults.initializer))
        ):
            call: Call | None = thread.call
            if scope.mode if call is None else call.admits(record, scope.mode):
                return record.variable
    arguments = Arguments(
        name,
        shape,
        dtype,
        initializer,
        regularizer,
        scope.mode,
        trainable,
        collections,
        caching_device,
        partitioner,
        validate_shape,
        use_resource,
        constraint,
        synchronization,
        aggregation,
    )
    return get_in_scope(scope, frame.store, arguments, custom_getter)


def get_local_variable(
    name: str,
    shape: ShapeLike = None,
    dtype: DtypeLike = None,
    initializer: Any = None,
    regularizer: Any = None,
    trainable: bool | None = False,
    collections: Iterable[str] | None = None,
    caching_device: Any = None,
    partitioner: Any = None,
    validate_shape: bool = True,
    use_resource: bool | None = None,
    custom_getter: Getter | None = None,
    constraint: Any = None,
    synchronization: Any = None,
    aggregation: Any = None,
) -> Any:
    """Get or make a variable that is not trainable and is listed as local (rows N11, N12).

    Arguments, result and errors are those of `get_variable`; `trainable` is always `False`, as in TF1.

    Example:
    >>> steps = kscope.get_local_variable("steps", [], dtype="int32")
    >>> steps.trainable, kscope.get_variable_scope().local_variables()[0] is steps
    (False, True)
    """
    del trainable
    known = () if collections is None else collections_of(collections)
    return get_variable(
        name,
        shape,
        dtype,
        initializer,
        regularizer,
        False,
        [*known, GraphKeys.LOCAL_VARIABLES],
        caching_device,
        partitioner,
        validate_shape,
        use_resource,
        custom_getter,
        constraint,
        synchronization,
        aggregation,
    )
