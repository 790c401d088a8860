"""`arg_scope`: defaults for the keyword arguments of functions, by scope, as in tf-slim.

The defaults of a thread are one read-only mapping, `{function: {argument: value}}`. Entering a scope replaces it, and
leaving the scope restores it. It has nothing to do with variables or with the defaults of `variable_scope`.
"""

from __future__ import annotations

import functools
import inspect
import threading
import weakref
from collections.abc import Callable, Iterable, Mapping
from contextlib import ContextDecorator
from types import MappingProxyType, TracebackType
from typing import Any, TypeVar, cast

from kscope import errors

__all__ = ["add_arg_scope", "arg_scope", "arg_scoped_arguments", "current_arg_scope", "has_arg_scope"]

_Function = TypeVar("_Function", bound=Callable[..., Any])
_Defaults = Mapping[Any, Mapping[str, Any]]

# The attribute of a decorated function that holds the original function.
_MARK = "_arg_scope_key"


class _Thread(threading.local):
    """The defaults of a thread, at first none; `entered` has those to restore, innermost last."""

    def __init__(self) -> None:
        self.defaults: _Defaults = MappingProxyType({})
        self.entered: list[tuple[arg_scope, _Defaults]] = []


_thread = _Thread()


class _Arguments:
    """The parameters of a function: the positional ones, those that can be passed by name, those with a default."""

    __slots__ = ("any_name", "named", "optional", "positional")

    def __init__(self, function: Callable[..., Any]):
        parameters = _parameters(function)
        by_name = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
        self.any_name = any(p.kind is p.VAR_KEYWORD for p in parameters)
        self.named = {p.name for p in by_name}
        self.optional = tuple(p.name for p in by_name if p.default is not p.empty or p.kind is p.KEYWORD_ONLY)
        self.positional = tuple(p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD))


def _parameters(function: Any) -> list[inspect.Parameter]:
    try:
        if isinstance(function, type) and function.__init__ is not object.__init__:  # type: ignore[misc]
            # The signature of a class may be that of `__new__`, which in Keras accepts anything.
            return list(inspect.signature(function.__init__).parameters.values())[1:]  # type: ignore[misc]
        return list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        # Some functions in C have no signature, so any name is accepted.
        return [inspect.Parameter("arguments", inspect.Parameter.VAR_KEYWORD)]


# The parameters of each decorated function.
_decorated: weakref.WeakKeyDictionary[Any, _Arguments] = weakref.WeakKeyDictionary()


class arg_scope(ContextDecorator):  # noqa: N801 - slim's spelling
    """Set defaults for keyword arguments of functions, for the calls inside a `with` block.

    Scopes nest: an inner scope adds to the defaults of the outer scope, and overrides them. Arguments that a call
    passes, by name or by position (slim refused the latter), override every scope. A captured scope replaces all
    defaults of the scopes around it. Each thread has its own scopes. The rules are those of tf-slim's `arg_scope`.

    Args:
        list_ops_or_scope: a list or tuple of functions, methods or classes that `add_arg_scope` decorated; or a
            scope that was captured with `as` or by `current_arg_scope`.
        **kwargs: the defaults. Each function has to accept all of them. Not allowed with a captured scope.

    Returns:
        A context manager, which can be entered more than once and can decorate functions. Entering it returns the
        scope: a read-only mapping from functions to their defaults.

    Raises:
        ArgScopeError: if a function was not decorated, or there are defaults with a captured scope.
        OptionTypeError: if a function does not accept one of the arguments, or the functions are not in a list.
        NestingError: if scopes are not left in the reverse order of entering them.

    Example:
    >>> @kscope.add_arg_scope
    ... def dense(units, activation=None, name="fc"):
    ...     return units, activation, name
    >>> with kscope.arg_scope([dense], activation="relu") as scope:
    ...     dense(2), dense(2, activation="tanh")
    ((2, 'relu', 'fc'), (2, 'tanh', 'fc'))
    >>> with kscope.arg_scope(scope):
    ...     dense(3)
    (3, 'relu', 'fc')
    """

    def __init__(self, list_ops_or_scope: Iterable[Any] | _Defaults, /, **kwargs: Any):
        self._captured: _Defaults | None = None
        self._keys: list[Any] = []
        self._given = kwargs
        if isinstance(list_ops_or_scope, Mapping):
            if kwargs:
                raise errors.ArgScopeError(
                    errors.compose(
                        "When attempting to re-use a scope by supplying a dictionary, kwargs must be empty.",
                        [("got", ", ".join(kwargs))],
                        "enter the captured scope, and open another one inside of it for what it lacks.",
                    )
                )
            captured = {_key(function): _checked(function, given) for function, given in list_ops_or_scope.items()}
            self._captured = MappingProxyType(captured)
        elif isinstance(list_ops_or_scope, list | tuple):
            for function in list_ops_or_scope:
                _checked(function, kwargs)
                self._keys.append(_key(function))
        else:
            raise errors.OptionTypeError(
                errors.compose(
                    "list_ops_or_scope must either be a list/tuple or reused scope (i.e. dict)",
                    [("got", f"{list_ops_or_scope!r} (of type {type(list_ops_or_scope).__name__})")],
                    "put the function into a list: arg_scope([function], ...).",
                )
            )

    def __enter__(self) -> _Defaults:
        before = _thread.defaults
        scope = self._captured
        if scope is None:
            changed = {key: MappingProxyType({**before.get(key, {}), **self._given}) for key in self._keys}
            scope = MappingProxyType({**before, **changed})
        _thread.entered.append((self, before))
        _thread.defaults = scope
        return scope

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not _thread.entered or _thread.entered[-1][0] is not self:
            raise errors.NestingError(
                errors.compose(
                    "Improper nesting of arg_scope.",
                    fix="leave scopes in the reverse order of entering them; `with` does that by itself.",
                )
            )
        _, _thread.defaults = _thread.entered.pop()


def add_arg_scope(func: _Function) -> _Function:
    """Decorate a function or class, so that `arg_scope` can set defaults for its arguments.

    Args:
        func: the function, method or class. A function is wrapped, and not changed. A class is changed, and returned:
            its constructor gets the defaults, but the constructors of its subclasses do not.

    Returns:
        The decorated function or class; `func` itself if it is decorated already.

    Raises:
        OptionTypeError: if `func` is not callable.

    Example:
    >>> @kscope.add_arg_scope
    ... class Dense(keras.layers.Dense):
    ...     pass
    >>> with kscope.arg_scope([Dense], activation="relu"):
    ...     layer = Dense(3)
    >>> layer.get_config()["activation"]
    'relu'
    """
    if not callable(func):
        raise errors.OptionTypeError(f"add_arg_scope() needs a function or a class. Received: {func!r}")
    if _MARK in _own(func):
        return func
    arguments = _decorated[func] = _Arguments(func)
    if isinstance(func, type):
        _fill_constructor(func, arguments)
        setattr(func, _MARK, func)
        return cast("_Function", func)

    @functools.wraps(func)
    def with_defaults(*args: Any, **kwargs: Any) -> Any:
        return func(*args, **_filled(func, arguments, args, kwargs))

    setattr(with_defaults, _MARK, func)
    return cast("_Function", with_defaults)


def has_arg_scope(func: Any) -> bool:
    """Whether `arg_scope` can set defaults for a function, because `add_arg_scope` decorated it.

    Args:
        func: any object.

    Example:
    >>> kscope.has_arg_scope(keras.ops.relu)
    False
    """
    try:
        return _key(func) in _decorated
    except TypeError:
        # An object without a hash or without weak references cannot be decorated.
        return False


def current_arg_scope() -> _Defaults:
    """Return the current defaults, a read-only `{function: {argument: value}}`, which `arg_scope` can enter again.

    Example:
    >>> dict(kscope.current_arg_scope())
    {}
    """
    return _thread.defaults


def arg_scoped_arguments(func: Any) -> tuple[str, ...]:
    """Return the arguments of a decorated function that have a default, or can only be passed by name.

    `arg_scope` can also set the other arguments, if the function accepts them by name.

    Raises:
        ArgScopeError: if the function was not decorated.

    Example:
    >>> @kscope.add_arg_scope
    ... def dense(units, activation=None, *, name):
    ...     return units, activation, name
    >>> kscope.arg_scoped_arguments(dense)
    ('activation', 'name')
    """
    return _arguments_of(func).optional


def _own(function: Any) -> Mapping[str, Any]:
    """Return the own attributes of a function or class, because subclasses of a decorated class are not decorated."""
    return getattr(function, "__dict__", {})


def _key(function: Any) -> Any:
    """Return the original function, for a decorated function, a bound method or the function itself."""
    function = getattr(function, "__func__", function)
    return _own(function).get(_MARK, function)


def _spelled(function: Any) -> str:
    return str(getattr(function, "__qualname__", repr(function)))


def _arguments_of(function: Any) -> _Arguments:
    if not has_arg_scope(function):
        raise errors.ArgScopeError(
            errors.compose(
                f"{_spelled(function)} is not decorated with @add_arg_scope",
                fix="decorate it at its definition, or call the result of kscope.add_arg_scope(function) instead.",
            )
        )
    return _decorated[_key(function)]


def _checked(function: Any, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return `given`; raise an error if the function does not accept one of these arguments."""
    arguments = _arguments_of(function)
    if not arguments.any_name:
        for name in given:
            if name not in arguments.named:
                raise errors.OptionTypeError(
                    errors.compose(
                        f"{_spelled(_key(function))}() got an unexpected keyword argument {name!r}",
                        [
                            ("it takes", ", ".join(sorted(arguments.named)) or "none"),
                            ("nearest names", errors.nearest(name, sorted(arguments.named))),
                        ],
                        "each function of an arg_scope must accept all of its arguments; open another for the rest.",
                    )
                )
    return MappingProxyType(dict(given))


def _filled(key: Any, arguments: _Arguments, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return the keyword arguments of a call, with defaults for the arguments that the call does not pass."""
    defaults = _thread.defaults.get(key)
    if not defaults:
        return kwargs
    passed = arguments.positional[: len(args)]
    return {**{name: value for name, value in defaults.items() if name not in passed}, **kwargs}


def _fill_constructor(cls: Any, arguments: _Arguments) -> None:
    """Make the constructor of a class get the defaults, but not the constructors of its subclasses.

    The class is changed, because `super(Name, self)` in its methods would not work in a class derived from it.
    `__new__` gets the defaults, too, because Keras records the arguments of a layer there.
    """
    for name in ("__new__", "__init__"):
        method = getattr(cls, name)
        if method is not getattr(object, name):
            filling = _filling(cls, arguments, method)
            setattr(cls, name, staticmethod(filling) if name == "__new__" else filling)


def _filling(cls: Any, arguments: _Arguments, method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def with_defaults(made: Any, /, *args: Any, **kwargs: Any) -> Any:
        if made is cls or type(made) is cls:
            kwargs = _filled(cls, arguments, args, kwargs)
        return method(made, *args, **kwargs)

    # Keras reads the names of arguments in a way that does not see through a wrapper.
    with_defaults.__signature__ = inspect.signature(method)  # type: ignore[attr-defined]
    return with_defaults
