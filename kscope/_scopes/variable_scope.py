"""`variable_scope`: opening a scope by name, by default name, or by a jump into a captured scope (rows A-F).

`variable_op_scope` is TF1's deprecated name of it, with the arguments in another order (row R1).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from types import TracebackType
from typing import Any, TypeAlias

from kscope import errors
from kscope._scopes import names, operation_names
from kscope._scopes.counters import Node
from kscope._scopes.frame import Frame, current_frame
from kscope._scopes.reuse import checked
from kscope._scopes.scope import VariableScope
from kscope._scopes.thread import thread
from kscope._variables import dtypes
from kscope.typing import Getter, Reuse

__all__ = ["variable_op_scope", "variable_scope"]


# The state to restore when a scope is left, on the stack of the frame: the context manager, the entered scope, the
# scope and node before, the counters' mark of a jump, the name scopes. A plain tuple, because every entry makes one.
_Entry: TypeAlias = (
    "tuple[variable_scope, VariableScope, VariableScope, Node, int | None, operation_names.OpScope | None]"
)


class variable_scope:  # noqa: N801 - TF1's spelling
    """Open a scope in which `get_variable` creates and shares variables by name.

    A str is joined to the name of the current scope. A str with a leading slash starts at the store's root, and `""`
    keeps the name and sets new defaults. A captured `VariableScope` is a jump: name, defaults and reuse mode come from
    it, and not from the current scope. `None` uses `default_name`, made unique among its siblings by `_1`, `_2`, ...

    Args:
        name_or_scope: str, `VariableScope`, or `None` if `default_name` is given.
        default_name: str. Used, and made unique, only if `name_or_scope` is `None`.
        values: iterable. It has no effect; in TF1 it selected a graph.
        initializer: default initializer of variables in this scope and below.
        regularizer: default regularizer.
        caching_device: default caching device, a str or a function.
        partitioner: default partitioner, a callable.
        custom_getter: a callable `getter(next_getter, name, **kwargs)`, called for every `get_variable` below; it is
            wrapped around the getters of the outer scopes. Or a mapping from regular expressions to such callables, of
            which the one whose pattern matches the full name is used; two matches are a `GetterError`.
        reuse: `True` to share existing variables, `AUTO_REUSE` to create or share, `None` or `False` to inherit.
            Unlike in TF1, it works the same way in eager execution (rows P1-P4).
        dtype: default dtype.
        use_resource: bool. It has no effect: every Keras variable is a resource.
        constraint: default constraint; inherited like all other defaults, unlike in TF1 (row J3).
        auxiliary_name_scope: bool. Whether the names of operations in traced programs contain the scope's name.

    Returns:
        A context manager. Entering it returns the `VariableScope`.

    Raises:
        TypeError: if an argument has a wrong type (`ScopeTypeError`, `NameTypeError`, `OptionTypeError`).
        ValueError: if a name or a reuse mode is invalid (`ScopeNameError`, `ReuseError`).

    Example:
    >>> def tower():
    ...     with kscope.variable_scope("tower", reuse=kscope.AUTO_REUSE):
    ...         return kscope.get_variable("v", [1])
    >>> tower() is tower()
    True
    """

    __slots__ = ("_auxiliary", "_default_name", "_given", "_name_or_scope", "_reuse", "_unique")

    def __init__(
        self,
        name_or_scope: str | VariableScope | None,
        default_name: str | None = None,
        values: Iterable[Any] | None = None,
        initializer: Any = None,
        regularizer: Any = None,
        caching_device: Any = None,
        partitioner: Any = None,
        custom_getter: Getter | None = None,
        reuse: Reuse | None = None,
        dtype: Any = None,
        use_resource: bool | None = None,
        constraint: Any = None,
        auxiliary_name_scope: bool = True,
    ):
        if default_name is not None:
            names.check_default_name(default_name)
        elif name_or_scope is None:
            raise errors.ScopeTypeError("If default_name is None then name_or_scope is required")
        if values is not None:
            iter(values)
        self._name_or_scope = name_or_scope
        self._default_name = default_name
        self._reuse = checked(reuse) if reuse is not None else False
        if auxiliary_name_scope is not True and auxiliary_name_scope is not False:
            raise errors.OptionTypeError(
                f"The auxiliary_name_scope must be `True` or `False`, while get {auxiliary_name_scope!r}"
            )
        self._auxiliary = auxiliary_name_scope
        # Most scopes set no defaults, and share those of their parent.
        self._given: dict[str, Any] | None = None
        if not (
            initializer is None
            and regularizer is None
            and caching_device is None
            and partitioner is None
            and custom_getter is None
            and dtype is None
            and use_resource is None
            and constraint is None
        ):
            self._given = _checked_defaults(
                initializer=initializer,
                regularizer=regularizer,
                caching_device=caching_device,
                partitioner=partitioner,
                custom_getter=custom_getter,
                dtype=dtype,
                use_resource=use_resource,
                constraint=constraint,
            )
        self._unique: str | None = None

    def __enter__(self) -> VariableScope:
        frame = thread.frame or current_frame()
        target = self._name_or_scope
        if isinstance(target, str) and target and target[0] != "/":
            return self._enter_child(frame, target)
        if isinstance(target, VariableScope):
            return self._enter_jump(frame, target, target.name.rpartition("/")[2])
        if target is None:
            return self._enter_child(frame, self._choose(frame))
        if target == "":
            return self._enter_same(frame)
        if isinstance(target, str):
            return self._enter_absolute(frame, target[1:])
        raise errors.ScopeTypeError(
            errors.compose(
                "VariableScope: name_or_scope must be a string or VariableScope.",
                [("got", f"{target!r} (of type {type(target).__name__})")],
            )
        )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        frame = thread.frame or current_frame()
        entry: _Entry | None = frame.entries[-1] if frame.entries else None
        if entry is None or entry[0] is not self or entry[1] is not frame.scope:
            raise self._misnested()
        _, _, old_scope, old_node, mark, operations = frame.entries.pop()
        if mark is not None:
            frame.counters.back(mark)
        elif frame.node is not old_node:
            frame.counters.close(frame.node)
        frame.scope = old_scope
        frame.node = old_node
        if operations is not None:
            operations.close()

    def _enter_child(self, frame: Frame, name: str) -> VariableScope:
        parent = frame.scope
        names.check_scope(name, not parent.prefix)
        node = frame.counters.find(frame.node, name)
        frame.counters.open(node)
        return self._enter(frame, parent.prefix + name, name, parent, node, None)

    def _enter_same(self, frame: Frame) -> VariableScope:
        """Enter the same name with other defaults, at the root and below (row B6)."""
        return self._enter(frame, frame.scope.name, "", frame.scope, frame.node, None)

    def _enter_absolute(self, frame: Frame, name: str) -> VariableScope:
        names.check_scope(name, at_root=True)
        root = frame.root
        return self._enter_jump(frame, VariableScope.derived(name, root.mode, root.defaults, name + "/"), name)

    def _enter_jump(self, frame: Frame, captured: VariableScope, label: str) -> VariableScope:
        """Enter a captured scope; leaving it restores the counters (rows D1-D7, C10-C12)."""
        counters = frame.counters
        node = counters.root
        if captured.name:
            # The name of a `VariableScope` that a user made has not been checked.
            names.check_scope(captured.name, at_root=True)
            node = counters.find(node, captured.name)
        counters.open(node)
        return self._enter(frame, captured.name, label, captured, node, counters.jump())

    def _enter(
        self, frame: Frame, name: str, label: str, source: VariableScope, node: Node, mark: int | None
    ) -> VariableScope:
        operations = operation_names.OpScope(label) if self._auxiliary and label and operation_names.tracing() else None
        defaults = source.defaults
        if self._given is not None:
            defaults = defaults.overridden(self._given)
        # A jump keeps the name scope of the first opening; without an auxiliary one, it is the parent's (rows E3, E4).
        name_scope = name + "/" if mark is None and self._auxiliary and name else source.original_name_scope
        entered = VariableScope.derived(name, self._reuse or source.mode, defaults, name_scope)
        frame.entries.append((self, entered, frame.scope, frame.node, mark, operations))
        frame.scope = entered
        frame.node = node
        return entered

    def _misnested(self) -> errors.NestingError:
        leaving = repr(self._name_or_scope or self._default_name)
        if all(entry[0] is not self for entry in current_frame().entries):
            leaving += ", which was never entered here, or is left already"
        return errors.NestingError(
            errors.compose(
                "Improper nesting of variable_scope.",
                [("leaving", leaving), ("current", current_frame().scope)],
                "leave scopes in the reverse order of entering them; `with` does that by itself.",
            )
        )

    def _choose(self, frame: Frame) -> str:
        """Return the unique default name, which is chosen at the first entry and used again later (row D11)."""
        if self._reuse:
            raise errors.ReuseError(
                errors.compose(
                    "reuse=True cannot be used without a name_or_scope",
                    [("default_name", repr(self._default_name)), ("reuse", self._reuse)],
                    "a default name is made unique, so there is nothing to share; give the scope a name.",
                )
            )
        if self._unique is None:
            assert self._default_name is not None  # the constructor checks it
            names.check_scope(self._default_name, not frame.scope.prefix)
            self._unique = frame.counters.unique(frame.node, self._default_name)
        return self._unique


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
    """Open a `variable_scope`, with `values` as the first argument: TF1's deprecated function.

    Args:
        values: iterable. It has no effect; in TF1 it selected a graph.
        name_or_scope: see `variable_scope`, as for all arguments below.
        default_name: see `variable_scope`.
        initializer: see `variable_scope`.
        regularizer: see `variable_scope`.
        caching_device: see `variable_scope`.
        partitioner: see `variable_scope`.
        custom_getter: see `variable_scope`.
        reuse: see `variable_scope`.
        dtype: see `variable_scope`.
        use_resource: see `variable_scope`.
        constraint: see `variable_scope`.

    Returns:
        A context manager. Entering it returns the `VariableScope`.

    Raises:
        TypeError: if an argument has a wrong type.
        ValueError: if a name or a reuse mode is invalid.

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


def _checked_defaults(**given: Any) -> dict[str, Any]:
    """Check the defaults of a scope before it is opened, and drop those that are `None` (rows A11, P9)."""
    given = {name: value for name, value in given.items() if value is not None}
    if "dtype" in given:
        given["dtype"] = dtypes.standardize(given["dtype"])
    for name, allowed in (("regularizer", (str, dict)), ("constraint", (str, dict)), ("caching_device", (str,))):
        value = given.get(name)
        if value is not None and value is not False and not (callable(value) or isinstance(value, allowed)):
            raise errors.OptionTypeError(
                f"The {name} must be a callable or the name of one, while get {value!r} "
                f"(of type {type(value).__name__})"
            )
    if "partitioner" in given and not callable(given["partitioner"]):
        raise errors.OptionTypeError(f"The partitioner must be a callable, while get {given['partitioner']!r}")
    if not isinstance(given.get("use_resource", True), bool):
        raise errors.OptionTypeError(f"The use_resource must be a bool or None, while get {given['use_resource']!r}")
    return given
