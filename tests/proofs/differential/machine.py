"""The interpreter: runs a program by one library, and notes what can be seen after each step."""

from __future__ import annotations

import ast
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from differential import callbacks
from differential.libraries import Library
from differential.observed import SeenCreator, SeenError, SeenGetter, Steered, Step, seen_error, word_of
from differential.observer import LISTINGS, Observer
from differential.programs import (
    Add,
    Build,
    Call,
    Captured,
    Change,
    Create,
    Default,
    Elsewhere,
    Enter,
    Fail,
    Get,
    InThread,
    Keep,
    List,
    Look,
    Open,
    Options,
    Program,
    Share,
    Statement,
    Template,
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


@dataclass
class KeptTemplate:
    """A template that was kept, its scope, and whether something in its first call raised."""

    statement: Template
    template: Any = None
    scope: str | None = None
    calls: int = 0
    raised: bool = False
    # Whether the function has run in the call that goes on.
    ran: bool = False


class Machine:
    """One run of one program by one library.

    `steer` is asked before each step, and names the row because of which the step is left out.
    """

    def __init__(self, library: Library, program: Program, steer: Callable[[Statement, Machine], str | None]):
        self.library = library
        self.program = program
        self.steps: list[Step] = []
        self._steer = steer
        self._observer = Observer(library)
        self._log: list[SeenGetter | SeenCreator] = []
        self._scopes: list[Any] = []
        self._managers: list[Manager] = []
        self._templates: list[KeptTemplate] = []
        # What the exceptions may ask, too: whether a template is called, is so again, and how many creators are open.
        self.calling = False
        self.again = False
        self.creating = 0
        # Whether names and name scopes are nested alike, as they are where nothing is entered again.
        self._in_place = True
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

    def template(self, back: int) -> KeptTemplate | None:
        """The template that `Call` means."""
        return self._templates[-1 - back % len(self._templates)] if self._templates else None

    def template_scopes(self) -> list[str]:
        """The names of the scopes of templates that have been called."""
        return [kept.scope for kept in self._templates if kept.scope is not None]

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
        self.steps.append(Step(statement, seen, tuple(self._log), self.again))
        self._log.clear()

    def _do(self, statement: Statement) -> Any:
        match statement:
            case Get():
                return self._observer.result(self._get(statement), len(self.steps), self._store)
            case Open(target, body, reuse, options, op):
                with self._out_of_place(isinstance(target, Captured)):
                    manager = self._made(target, reuse, options, op)
                    return self._enter(statement, manager, body, options.auxiliary_name_scope)
            case Keep(target, reuse, options):
                self._managers.append(Manager(statement, self._made(target, reuse, options)))
            case Enter(back, body):
                return self._enter_kept(statement, self.manager(back), body)
            case Build(name, reuse, options):
                arguments = {key: value for key, value in self._arguments(options).items() if value is not None}
                del arguments["auxiliary_name_scope"]
                scope = self.library.api.VariableScope(self.library.reuse(reuse), name=name, **arguments)
                self._scopes.append(scope)
                return self._observer.scope(scope)
            case Share(captured):
                self.scope(captured).reuse_variables()
            case Change(captured, default, value):
                if default == "custom_getter":
                    value = self._getter(value)
                elif default != "use_resource" and value is not None:
                    value = getattr(self.library, default + "s")[value]
                getattr(self.scope(captured), f"set_{default}")(value)
            case Look(captured):
                return tuple(self._observer.looked(self.scope(captured), self._store))
            case Add(collection, text):
                added = self._observer.last(self._store) if text is None else text
                self.library.api.add_to_collection(collection, added)
            case List(collection, scope):
                return self._observer.listing(collection, self._listed(collection, scope), self._store)
            case Template():
                self._templates.append(self._template(statement))
            case Call(back):
                return self._call(statement, self.template(back))
            case Create(creator, body):
                self._create(creator, body)
            case Fail():
                raise Boom
            case InThread(body):
                self._in_thread(body)
            case Elsewhere(body):
                self._elsewhere(body)
        return None

    def _enter(self, statement: Statement, manager: Any, body: tuple[Statement, ...], named: bool = True) -> Any:
        before = self.current()
        with manager as scope:
            self._scopes.append(scope)
            seen = replace(self._observer.scope(scope), current=scope is self.current())
            if self._in_place:
                seen = replace(seen, name_scope=scope.original_name_scope)
            self._note(statement, seen)
            with self._out_of_place(not named):
                self._block(body)
        return "back" if self.current() is before else "astray"

    def _enter_kept(self, statement: Statement, kept: Manager | None, body: tuple[Statement, ...]) -> Any:
        if kept is None:
            return None
        kept.reuses.append(self.current().reuse)
        kept.is_open = True
        try:
            with self._out_of_place():
                return self._enter(statement, kept.manager, body)
        finally:
            kept.is_open = False

    @contextmanager
    def _out_of_place(self, really: bool = True) -> Iterator[None]:
        before, self._in_place = self._in_place, self._in_place and not really
        try:
            yield
        finally:
            self._in_place = before

    def _create(self, word: str, body: tuple[Statement, ...]) -> None:
        creator = callbacks.creator(word, self.library, self._noting(self._observer.creator))
        self.creating += 1
        try:
            with self.library.api.variable_creator_scope(creator):
                self._block(body)
        finally:
            self.creating -= 1

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
        kept = self._store, self._managers, self._templates
        self._store, self._managers, self._templates = self.library.new_store(), [], []
        try:
            with self._store.as_default():
                self._block(body)
        finally:
            self._store, self._managers, self._templates = kept

    def _template(self, statement: Template) -> KeptTemplate:
        kept = KeptTemplate(statement)

        def function(x: Any) -> Any:
            before = len(self.steps)
            self._block(statement.body)
            if kept.ran:
                # kscope looks what a function does before it calls it; what that made is there when it is called.
                del self.steps[before:]
            kept.ran = True
            return x

        getter = self._getter(statement.getter)
        make = self.library.api.make_template
        kept.template = make(statement.name, function, statement.now, statement.unique, getter)
        return kept

    def _call(self, statement: Call, kept: KeptTemplate | None) -> Any:
        if kept is None:
            return None
        before, captured = len(self.steps), len(self._scopes)
        kept.calls += 1
        kept.ran = False
        self.calling, self.again = True, kept.calls > 1
        try:
            with self._out_of_place():
                kept.template(1.0)
        finally:
            self.calling = self.again = False
            # In TF1 a later call's scopes have another mode (row T1).
            del self._scopes[captured:]
        if kept.calls == 1:
            kept.raised = any(isinstance(step.seen, SeenError) for step in self.steps[before:])
        kept.scope = self.library.opened(kept.template).name
        return kept.scope

    # From words to arguments.

    def _made(self, target: Any, reuse: Any, options: Options, op: bool = False) -> Any:
        arguments = {"reuse": self.library.reuse(reuse), **self._arguments(options)}
        make = self.library.api.variable_scope
        if op:
            make = self.library.op_scope
            del arguments["auxiliary_name_scope"]
        if isinstance(target, Default):
            return make(None, target.name, **arguments)
        if isinstance(target, Captured):
            target = self.scope(target)
        return make(target, **arguments)

    def _arguments(self, options: Options) -> dict[str, Any]:
        lookup = {None: None}
        return {
            "initializer": (self.library.initializers | lookup)[options.initializer],
            "regularizer": (self.library.regularizers | lookup)[options.regularizer],
            "dtype": (self.library.dtypes | lookup)[options.dtype],
            "custom_getter": self._getter(options.getter),
            "use_resource": options.use_resource,
            "auxiliary_name_scope": options.auxiliary_name_scope,
            "partitioner": (self.library.partitioners | lookup)[options.partitioner],
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
            partitioner=(library.partitioners | lookup)[get.partitioner],
            custom_getter=self._getter(get.getter),
        )

    def _getter(self, word: str | None) -> Any:
        return callbacks.getter(word, self._noting(self._observer.getter))

    def _noting(self, seen: Callable[..., SeenGetter | SeenCreator]) -> Callable[..., None]:
        return lambda *args: self._log.append(seen(*args))

    def _listed(self, collection: str, scope: str | None) -> list[Any]:
        api = self.library.api
        return getattr(api, collection)(scope) if collection in LISTINGS else api.get_collection(collection, scope)
