"""`VariableScope`: a name prefix, a reuse mode, and defaults for the variables below it (rows J)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from kscope._scopes.getter_chain import Chain
from kscope._scopes.reuse import checked
from kscope._scopes.thread import default, thread
from kscope._variables import dtypes
from kscope.typing import Reuse

if TYPE_CHECKING:
    from kscope._variables.variable import ScopedVariable
    from kscope.typing import Getter

__all__ = ["Defaults", "VariableScope"]


class Defaults(NamedTuple):
    """The defaults of a scope. They are immutable, and scopes that change nothing share their parent's."""

    initializer: Any = None
    regularizer: Any = None
    caching_device: Any = None
    partitioner: Any = None
    custom_getter: Getter | None = None
    dtype: str | None = None
    use_resource: bool | None = None
    constraint: Any = None

    def overridden(self, given: dict[str, Any]) -> Defaults:
        """Return the defaults of a child: `given` overrides them, and a given getter wraps theirs (rows J4, K4)."""
        getter = given.get("custom_getter")
        if getter is not None and self.custom_getter is not None:
            given = {**given, "custom_getter": Chain(getter, self.custom_getter)}
        return self._replace(**given)


class _Store(Protocol):
    """A store, from which a scope gets variables."""

    def get_in(self, scope: VariableScope, reuse: Reuse, name: str, *args: Any, **kwargs: Any) -> Any: ...


class VariableScope:
    """A scope that can be captured with `as` and entered again, from anywhere (rows D).

    Args:
        reuse: `None` or `False` to create, `True` to share, `AUTO_REUSE` for either. `None` means `False` (row G15).
        name: the full name, without a trailing slash; `""` is the root.
        initializer: default initializer of the variables below.
        regularizer: default regularizer.
        caching_device: default caching device.
        partitioner: default partitioner.
        custom_getter: default getter.
        name_scope: the value of `original_name_scope`.
        dtype: default dtype, as a str or a framework's dtype.
        use_resource: for ported code, without effect: every Keras variable is a resource.
        constraint: default constraint; inherited like all other defaults, unlike in TF1 (row J3).

    Example:
    >>> with kscope.variable_scope("encoder") as scope:
    ...     with kscope.variable_scope("fc", dtype="float16") as inner:
    ...         pass
    >>> inner.name, inner.dtype, scope.reuse
    ('encoder/fc', 'float16', False)
    """

    # The look-up reads `mode`, `defaults` and `prefix`; `reuse` and the other properties are public views of them.
    __slots__ = ("__weakref__", "_name", "_original_name_scope", "defaults", "mode", "prefix")

    def __init__(
        self,
        reuse: Reuse | None,
        name: str = "",
        initializer: Any = None,
        regularizer: Any = None,
        caching_device: Any = None,
        partitioner: Any = None,
        custom_getter: Getter | None = None,
        name_scope: str = "",
        dtype: Any = None,
        use_resource: bool | None = None,
        constraint: Any = None,
    ):
        dtype = None if dtype is None else dtypes.standardize(dtype)
        self._name = name
        self.mode = checked(reuse)
        self.defaults = Defaults(
            initializer, regularizer, caching_device, partitioner, custom_getter, dtype, use_resource, constraint
        )
        self._original_name_scope = name_scope
        self.prefix = name + "/" if name else ""

    @classmethod
    def derived(cls, name: str, reuse: Reuse, defaults: Defaults, name_scope: str) -> VariableScope:
        """Make a scope from checked values: the fast path of entering a scope."""
        scope = cls.__new__(cls)
        scope._name = name  # noqa: SLF001 - its own
        scope.mode = reuse
        scope.defaults = defaults
        scope._original_name_scope = name_scope  # noqa: SLF001
        # Joined here once, so that a look-up needs only one concatenation.
        scope.prefix = name + "/" if name else ""
        return scope

    @property
    def name(self) -> str:
        """The full name, `""` for the root."""
        return self._name

    @property
    def original_name_scope(self) -> str:
        """The name with a trailing slash, `""` for the root (row E3)."""
        return self._original_name_scope

    @property
    def reuse(self) -> Reuse:
        """`False`, `True` or `AUTO_REUSE`."""
        return self.mode

    @property
    def initializer(self) -> Any:
        """The default initializer."""
        return self.defaults.initializer

    @property
    def regularizer(self) -> Any:
        """The default regularizer."""
        return self.defaults.regularizer

    @property
    def dtype(self) -> str:
        """The default dtype; if none was set, the layer's variable dtype or Keras' `floatx` (row J1)."""
        frame = thread.frame
        # `thread.frame` is `None` in the default store, whose frame has no dtype.
        return self.defaults.dtype or (frame and frame.dtype) or dtypes.floatx()

    @property
    def use_resource(self) -> bool | None:
        """The value that was passed; it has no effect (row I14)."""
        return self.defaults.use_resource

    @property
    def caching_device(self) -> Any:
        """The default caching device."""
        return self.defaults.caching_device

    @property
    def partitioner(self) -> Any:
        """The default partitioner."""
        return self.defaults.partitioner

    @property
    def custom_getter(self) -> Getter | None:
        """The getter, or the chain of getters."""
        return self.defaults.custom_getter

    @property
    def constraint(self) -> Any:
        """The default constraint."""
        return self.defaults.constraint

    def reuse_variables(self) -> None:
        """Share from now on, in this scope and in children that are opened later, but in no open child (rows F5-F8)."""
        self.mode = True

    def set_initializer(self, initializer: Any) -> None:
        """Set the default initializer; `None` clears it, as in all setters (rows J6, J7)."""
        self.defaults = self.defaults._replace(initializer=initializer)

    def set_regularizer(self, regularizer: Any) -> None:
        """Set the default regularizer."""
        self.defaults = self.defaults._replace(regularizer=regularizer)

    def set_dtype(self, dtype: Any) -> None:
        """Set the default dtype."""
        dtype = None if dtype is None else dtypes.standardize(dtype)
        self.defaults = self.defaults._replace(dtype=dtype)

    def set_use_resource(self, use_resource: bool | None) -> None:
        """Set `use_resource`."""
        self.defaults = self.defaults._replace(use_resource=use_resource)

    def set_caching_device(self, caching_device: Any) -> None:
        """Set the default caching device."""
        self.defaults = self.defaults._replace(caching_device=caching_device)

    def set_partitioner(self, partitioner: Any) -> None:
        """Set the default partitioner."""
        self.defaults = self.defaults._replace(partitioner=partitioner)

    def set_custom_getter(self, custom_getter: Getter | None) -> None:
        """Replace the whole chain of getters; `variable_scope(custom_getter=...)` adds to it instead (row J8)."""
        self.defaults = self.defaults._replace(custom_getter=custom_getter)

    def set_constraint(self, constraint: Any) -> None:
        """Set the default constraint; TF1 has no such setter (row J9)."""
        self.defaults = self.defaults._replace(constraint=constraint)

    def get_variable(self, var_store: _Store, name: str, *args: Any, reuse: Any = None, **kwargs: Any) -> Any:
        """Call `kscope.get_variable` in this scope and a given store; `reuse` replaces the scope's mode (row F11)."""
        mode = self.mode if reuse is None else checked(reuse)
        return var_store.get_in(self, mode, name, *args, **kwargs)

    def get_collection(self, name: str) -> list[Any]:
        """Return the items of a collection below this scope, in the current store (rows N7, N8)."""
        store = default.store if thread.frame is None else thread.frame.store
        items: list[Any] = store.get_collection(name, self)
        return items

    def global_variables(self) -> list[ScopedVariable]:
        """Return the global variables below this scope, in the current store."""
        return self.get_collection("variables")

    def trainable_variables(self) -> list[ScopedVariable]:
        """Return the trainable variables below this scope, in the current store."""
        return self.get_collection("trainable_variables")

    def local_variables(self) -> list[ScopedVariable]:
        """Return the local variables below this scope, in the current store."""
        return self.get_collection("local_variables")

    def __repr__(self) -> str:
        return f"VariableScope(name={self._name!r}, reuse={self.mode}, dtype={self.defaults.dtype!r})"
