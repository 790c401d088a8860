"""The interpreter: runs a program by one library, and notes what can be seen after each step."""

from __future__ import annotations

import ast
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from differential.libraries import Library
from differential.observed import (
    SeenGetter,
    SeenList,
    SeenScope,
    SeenVariable,
    Steered,
    Step,
    plain_shape,
    seen_error,
    word_of,
)
from differential.programs import (
    Build,
    Captured,
    Change,
    Default,
    Elsewhere,
    Enter,
    Fail,
    Get,
    InThread,
    Keep,
    Look,
    Open,
    Options,
    Program,
    Share,
    Statement,
)


class Boom(Exception):
    """What `Fail` raises."""


@dataclass
class Manager:
    """A context manager that was kept, and its history."""

    statement: Keep
    manager: Any
    is_open: bool = False
    reuses: list[Any] = field(default_factory=list)


class Machine:
    """One run of one program by one library.

    `steer` is asked before each step, and names the row because of which the step is left out.
    """

    def __init__(self, library: Library, program: Program, steer: Callable[[Statement, Machine], str | None]):
        self.library = library
        self.program = program
        self.steps: list[Step] = []
        self._steer = steer
        self._log: list[SeenGetter] = []
        self._known: list[tuple[Any, int]] = []
        self._scopes: list[Any] = []
        self._managers: list[Manager] = []
        self._store: Any = None

    def run(self) -> list[Step]:
        """All steps, in the order in which they ended."""
        self._store = self.library.new_store()
        with self._store.as_default():
            self._scopes.append(self.current())
            for statement in self.program:
                try:
                    self._step(statement)
                except Boom:
                    self._note(statement, "raised")
        return self.steps

    # What the exceptions may ask.

    def current(self) -> Any:
        """The current scope."""
        return self.library.api.get_variable_scope()

    def scope_initializer(self) -> str | None:
        """The word of the current scope's initializer."""
        return word_of(self.library.initializers, self.current().initializer)

    def variable_dtypes(self) -> dict[str, str]:
        """Key -> dtype, of the current store."""
        variables = self.library.variables(self._store)
        return {key: self.library.dtype(variable) for key, variable in variables.items()}

    def manager(self, back: int) -> Manager | None:
        """The manager that `Enter` means."""
        return self._managers[-1 - back % len(self._managers)] if self._managers else None

    def scope(self, captured: Captured) -> Any:
        """The scope that is meant."""
        if captured.current:
            return self.current()
        return self._scopes[0] if captured.root else self._scopes[-1 - captured.back % len(self._scopes)]

    # Steps.

    def _block(self, body: tuple[Statement, ...]) -> None:
        for statement in body:
            self._step(statement)

    def _step(self, statement: Statement) -> None:
        row = self._steer(statement, self)
        if row is not None:
            self._note(statement, Steered(row))
            return
        try:
            seen = self._do(statement)
        except Boom:
            raise
        except Exception as error:
            seen = seen_error(error)
        self._note(statement, seen)

    def _note(self, statement: Statement, seen: Any) -> None:
        self.steps.append(Step(statement, seen, tuple(self._log)))
        self._log.clear()

    def _do(self, statement: Statement) -> Any:
        match statement:
            case Get():
                return self._seen(self._get(statement))
            case Open(target, body, reuse, options):
                return self._enter(statement, self._made(target, reuse, options), body)
            case Keep(target, reuse, options):
                self._managers.append(Manager(statement, self._made(target, reuse, options)))
            case Enter(back, body):
                return self._enter_kept(statement, self.manager(back), body)
            case Build(name, reuse, options):
                arguments = {key: value for key, value in self._arguments(options).items() if value is not None}
                del arguments["auxiliary_name_scope"]
                scope = self.library.api.VariableScope(self.library.reuse(reuse), name=name, **arguments)
                self._scopes.append(scope)
                return self._seen_scope(scope)
            case Share(captured):
                self.scope(captured).reuse_variables()
            case Change(captured, default, value):
                words = {"initializer": "initializers", "regularizer": "regularizers", "dtype": "dtypes"}
                if default == "custom_getter":
                    value = self._getter(value)
                elif default in words and value is not None:
                    value = getattr(self.library, words[default])[value]
                getattr(self.scope(captured), f"set_{default}")(value)
            case Look(captured):
                return tuple(self._looked(self.scope(captured)))
            case Fail():
                raise Boom
            case InThread(body):
                self._in_thread(body)
            case Elsewhere(body):
                self._elsewhere(body)
        return None

    def _enter(self, statement: Statement, manager: Any, body: tuple[Statement, ...]) -> Any:
        before = self.current()
        with manager as scope:
            self._scopes.append(scope)
            self._note(statement, replace(self._seen_scope(scope), current=scope is self.current()))
            self._block(body)
        return "back" if self.current() is before else "astray"

    def _enter_kept(self, statement: Statement, kept: Manager | None, body: tuple[Statement, ...]) -> Any:
        if kept is None:
            return None
        kept.reuses.append(self.current().reuse)
        kept.is_open = True
        try:
            return self._enter(statement, kept.manager, body)
        finally:
            kept.is_open = False

    def _in_thread(self, body: tuple[Statement, ...]) -> None:
        raised: list[Exception] = []

        def target() -> None:
            try:
                with self._store.as_default():
                    self._block(body)
            except Exception as error:
                raised.append(error)

        thread = threading.Thread(target=target)
        thread.start()
        thread.join()
        if raised:
            raise raised[0]

    def _elsewhere(self, body: tuple[Statement, ...]) -> None:
        # Managers stay in the graph in which they were made (row A9), which has no meaning in Keras.
        kept = self._store, self._managers
        self._store, self._managers = self.library.new_store(), []
        try:
            with self._store.as_default():
                self._block(body)
        finally:
            self._store, self._managers = kept

    # From words to arguments.

    def _made(self, target: Any, reuse: Any, options: Options) -> Any:
        arguments = {"reuse": self.library.reuse(reuse), **self._arguments(options)}
        if isinstance(target, Default):
            return self.library.api.variable_scope(None, target.name, **arguments)
        if isinstance(target, Captured):
            target = self.scope(target)
        return self.library.api.variable_scope(target, **arguments)

    def _arguments(self, options: Options) -> dict[str, Any]:
        lookup = {None: None}
        return {
            "initializer": (self.library.initializers | lookup)[options.initializer],
            "regularizer": (self.library.regularizers | lookup)[options.regularizer],
            "dtype": (self.library.dtypes | lookup)[options.dtype],
            "custom_getter": self._getter(options.getter),
            "use_resource": options.use_resource,
            "auxiliary_name_scope": options.auxiliary_name_scope,
        }

    def _get(self, get: Get) -> Any:
        library, lookup = self.library, {None: None}
        function = library.api.get_local_variable if get.local else library.api.get_variable
        return function(
            get.name,
            library.shape(get.shape),
            (library.dtypes | lookup)[get.dtype],
            (library.initializers | lookup)[get.initializer],
            (library.regularizers | lookup)[get.regularizer],
            get.trainable,
            # Read anew for each call: TF1 changes the list (row N12).
            None if get.collections is None else ast.literal_eval(get.collections),
            use_resource=get.use_resource,
            custom_getter=self._getter(get.getter),
        )

    def _getter(self, word: str | None) -> Any:
        if word is None or word == "not callable":
            return word and 3

        def getter(getter: Any, name: str, **kwargs: Any) -> Any:
            if word == "absorb":
                return None
            self._log.append(self._seen_getter(name, kwargs))
            match word:
                case "rename":
                    return getter(name + "_more", **kwargs)
                case "double":
                    return getter(name, **kwargs), getter(name + "_more", **kwargs)
                case "swallow":
                    return getter(name, shape=kwargs["shape"], reuse=kwargs["reuse"])
                case "drop reuse":
                    del kwargs["reuse"]
            return getter(name, **kwargs)

        if word == "other parameter":
            return lambda following, *args, **kwargs: following(*args, **kwargs)
        return getter

    # From objects to observations.

    def _seen(self, value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(self._seen(item) for item in value)
        return None if value is None else self._seen_variable(value)

    def _seen_variable(self, variable: Any) -> SeenVariable:
        first = next((step for known, step in self._known if known is variable), None)
        if first is None:
            first = len(self.steps)
            self._known.append((variable, first))
        keys = [key for key, kept in self.library.variables(self._store).items() if kept is variable]
        return SeenVariable(
            variable.name,
            *keys,
            first,
            plain_shape(variable.shape),
            self.library.dtype(variable),
            variable.trainable,
        )

    def _seen_scope(self, scope: Any) -> SeenScope:
        return SeenScope(
            scope.name,
            self.library.reuse_word(scope),
            self.library.scope_dtype(scope),
            word_of(self.library.initializers, scope.initializer),
            word_of(self.library.regularizers, scope.regularizer),
            scope.custom_getter is not None,
            scope.use_resource,
        )

    def _looked(self, scope: Any) -> Iterator[Any]:
        yield self._seen_scope(scope)
        keys = {id(variable): key for key, variable in self.library.variables(self._store).items()}
        listings = {
            "variables": scope.global_variables(),
            "trainable_variables": scope.trainable_variables(),
            "local_variables": scope.local_variables(),
            "mine": scope.get_collection("mine"),
        }
        for collection, found in listings.items():
            yield SeenList(collection, tuple((keys[id(v)], self.library.dtype(v)) for v in found))
        if not scope.name:
            yield len(scope.get_collection("regularization_losses"))

    def _seen_getter(self, name: str, kwargs: dict[str, Any]) -> SeenGetter:
        import tensorflow as tf

        return SeenGetter(
            name,
            tuple(sorted(kwargs)),
            plain_shape(kwargs["shape"]),
            tf.as_dtype(str(kwargs["dtype"]) if isinstance(kwargs["dtype"], str) else kwargs["dtype"]).name,
            word_of(self.library.initializers, kwargs["initializer"]),
            self.library.reuse_word(_Reusing(kwargs["reuse"])),
            kwargs["trainable"],
            None if kwargs["collections"] is None else tuple(kwargs["collections"]),
        )


@dataclass
class _Reusing:
    reuse: Any
