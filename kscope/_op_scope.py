"""`variable_op_scope`: what `variable_scope` was called before, with its arguments in another order (row R1)."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

from kscope._reuse import Reuse
from kscope._scope import VariableScope
from kscope._variable_scope import variable_scope
from kscope.typing import Getter

__all__ = ["variable_op_scope"]


def variable_op_scope(
    values: Iterable[Any] | None,
    name_or_scope: str | VariableScope | None,
    default_name: str | None = None,
    initializer: Any = None,
    regularizer: Any = None,
    caching_device: Any = None,
    partitioner: Any = None,
    custom_getter: Getter | None = None,
    reuse: Reuse | None = None,
    dtype: Any = None,
    use_resource: bool | None = None,
    constraint: Any = None,
) -> variable_scope:
    """Open a `variable_scope`, with `values` first: TF1's deprecated name of it.

    Args:
        values: iterable. Had a meaning for graphs only; it has no effect.
        name_or_scope: this and the rest are as in `variable_scope`, which takes `values` third.
        default_name: see there.
        initializer: see there.
        regularizer: see there.
        caching_device: see there.
        partitioner: see there.
        custom_getter: see there.
        reuse: see there.
        dtype: see there.
        use_resource: see there.
        constraint: see there.

    Returns:
        A context manager that gives the `VariableScope`.

    Raises:
        TypeError: if an argument is of a wrong type.
        ValueError: if a name or a reuse mode is impossible.

    Example:
    >>> import warnings
    >>> with warnings.catch_warnings(action="ignore"), kscope.variable_op_scope([], None, "fc") as scope:
    ...     scope.name
    'fc'
    """
    warnings.warn(
        "variable_op_scope(values, name, default_name) is deprecated, use variable_scope(name, default_name, values)",
        DeprecationWarning,
        stacklevel=2,
    )
    return variable_scope(
        name_or_scope,
        default_name,
        values,
        initializer,
        regularizer,
        caching_device,
        partitioner,
        custom_getter,
        reuse,
        dtype,
        use_resource,
        constraint,
    )
