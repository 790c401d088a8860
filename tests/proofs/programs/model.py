"""What a program should do, told without kscope: flat dictionaries, no Keras, nothing that traces.

A variable is a `Token`. The rules are those of the design and of the rows about names, sharing and failures; where
kscope has a tree of counters, a journal or a fast path, this has a dictionary that is copied.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from programs import grammar as g


class Failed(Exception):
    """The program should raise an error of a class of that name."""


class Token:
    """A variable."""

    def __init__(self, name: str):
        self.name = name


class Scope(NamedTuple):
    """A scope; `getters` counts the getters, each of which adds `_g` to the name."""

    name: str = ""
    mode: object = False
    getters: int = 0

    def below(self, name: str) -> str:
        """The full name."""
        return f"{self.name}/{name}" if self.name else name


class Frame:
    """A stand in one store, with TF1's counts of opened names."""

    def __init__(self, store: Store, scope: Scope):
        self.store = store
        self.scope = self.root = scope
        self.counts: dict[str, int] = {}

    def count(self, name: str) -> None:
        """Note that a scope was opened."""
        self.counts[name] = self.counts.get(name, 0) + 1

    def unique(self, parent: Scope, base: str) -> str:
        """The first of `base`, `base_1`, ... that was not opened."""
        names = (base if number == 0 else f"{base}_{number}" for number in range(1000))
        return next(name for name in names if not self.counts.get(parent.below(name)))

    @contextmanager
    def opened(self, scope: Scope, jump: bool) -> Iterator[None]:
        """Stand in a scope; a jump leaves the counts as they were, any other closing forgets those below."""
        before, counts = self.scope, dict(self.counts)
        if scope.name != before.name:
            self.count(scope.name)
        self.scope = scope
        try:
            yield
        finally:
            if jump:
                self.counts = counts
            elif scope.name != before.name:
                self.counts = {k: n for k, n in self.counts.items() if not k.startswith(scope.name + "/")}
            self.scope = before


class Store:
    """Variables by name."""

    def __init__(self) -> None:
        self.tokens: dict[str, Token] = {}
        self.members: set[int] = set()
        self.frames: dict[object, Frame] = {}

    def frame(self, thread: object) -> Frame:
        """The thread's stand."""
        return self.frames.setdefault(thread, Frame(self, Scope()))


@dataclass
class Layer:
    """What was asked of a layer, and what became of it."""

    spec: g.Layer
    home: tuple[Store, Scope] | None
    name: str | None
    wanted: Any  # a name, a scope or None
    reuse: object
    given: Store | None
    children: list[Layer] = field(default_factory=list)
    member: int | None = None
    restored: bool = False
    store: Store | None = None
    scope: Scope = field(default_factory=Scope)
    built: bool = False
    discovering: bool = False
    known: dict[str, Token] = field(default_factory=dict)

    def weights(self) -> set[Token]:
        """The variables of the layer and of those below it."""
        own = set(self.known.values()) if self.built else set()
        return own.union(*(child.weights() for child in self.children))


class Pass(Frame):
    """The stand of one call of a layer."""

    def __init__(self, layer: Layer):
        assert layer.store is not None
        super().__init__(layer.store, layer.scope)
        self.root = Scope()
        self.layer = layer
        self.touched: set[Token] = set()


class Machine:
    """Does what a program says."""

    def __init__(self) -> None:
        self.default = Store()
        self.other = Store()
        self.thread: object = "main"
        self.frame: Frame | None = None
        self.call: Pass | None = None
        self.layers: list[Layer] = []
        self.rebuilt: dict[Store, Store] = {}
        self.run = g.Run(0)
        self.training = False
        self.put: list[tuple[Store, Token]] = []
        self.got: list[Token] = []

    # Actions

    def make(self, spec: g.Layer) -> None:
        """Construct a layer."""
        self.layers.append(self._layer(spec))

    def _layer(self, spec: g.Layer) -> Layer:
        given = self.other if spec.given else None
        layer = Layer(spec, self._opened(), spec.name, spec.scope, spec.reuse or False, given)
        layer.children = [self._layer(child) for child in spec.children]
        return layer

    def clone(self, of: Layer) -> None:
        """Construct a layer from another one's config."""
        clone = self._layer(of.spec)
        clone.name, clone.reuse, clone.given = of.name or "layer", of.reuse, None
        clone.wanted = of.wanted
        if of.store is not None:
            plain = not (of.scope.mode or of.scope.getters)
            clone.wanted = "/" + of.scope.name if plain else of.scope
        elif of.wanted is None and of.name is None:
            clone.name, clone.restored = None, True
        store = of.given
        if store is None and of.home is not None and of.store is of.home[0]:
            store = of.store
        if store is not None:
            clone.member = of.member = self._member(store) if of.member is None else of.member
            clone.given, clone.restored = self._rebuilt(store, clone.member), True
        self.layers.append(clone)

    @staticmethod
    def _member(store: Store) -> int:
        member = next(number for number in range(1000) if number not in store.members)
        store.members.add(member)
        return member

    def _rebuilt(self, store: Store, member: int) -> Store:
        new = self.rebuilt.get(store)
        if new is None or member in new.members:
            new = self.rebuilt[store] = Store()
        new.members.add(member)
        return new

    def get(self, name: str) -> Token:
        """Get a variable, in a layer's call or outside."""
        frame = self._current()
        scope, store, call = frame.scope, frame.store, self.call
        full = scope.below(name) + scope.getters * "_g"
        token = store.tokens.get(full)
        if call is not None and token is None and store is call.layer.store and full in call.layer.known:
            # A failure around this layer took it out of the store.
            token = call.layer.known[full]
            self._put(store, token)
        if token is None:
            token = self._new(store, scope, full)
        else:
            self._share(scope, token)
        if call is not None:
            call.layer.known[full] = token
            call.touched.add(token)
        return token

    def _new(self, store: Store, scope: Scope, full: str) -> Token:
        if self.call is not None and not self.call.layer.discovering:
            raise Failed("LateVariableError")
        if scope.mode is True and not (self.call is not None and self.call.layer.restored):
            raise Failed("VariableMissingError")
        token = Token(full)
        self._put(store, token)
        return token

    def _share(self, scope: Scope, token: Token) -> None:
        call = self.call
        mine = call is not None and token in call.layer.known.values()
        accident = token in call.touched if mine else not (call is not None and call.layer.restored)
        if scope.mode is False and accident:
            raise Failed("VariableExistsError")
        if call is not None and not mine and not call.layer.discovering:
            raise Failed("LateVariableError")

    def _put(self, store: Store, token: Token) -> None:
        store.tokens[token.name] = token
        self.put.append((store, token))

    @contextmanager
    def within(self, action: g.Within) -> Iterator[None]:
        """Open a scope or the other store."""
        before = self.frame
        if action.scope is None:
            if before is None or before.store is not self.other:
                self.frame = self.other.frame(self.thread)
            yield
            self.frame = before
            return
        frame = self._current()
        scope = frame.scope
        with frame.opened(Scope(scope.below(action.scope), action.reuse or scope.mode, scope.getters), False):
            yield

    def do(self, run: g.Run, layer: Layer) -> list[Token]:
        """Call a layer; gives the variables that its result is made of."""
        self.run, self.training, self.got, self.put = run, run.training, [], []
        saved = self.thread, self.frame
        if run.how == "thread":
            self.thread, self.frame = object(), None
        try:
            self._call(layer)
        finally:
            self.thread, self.frame = saved
        return self.got

    # Layers

    def _call(self, layer: Layer) -> None:
        if not layer.built:
            if layer.store is None:
                self._bind(layer)
            with self._discovery(layer):
                asked = self.training
                for self.training in (False, True):
                    # The way that nobody asked for may fail, and leaves nothing then.
                    with nullcontext() if self.training is asked else suppress(Failed), self._discovery(layer):
                        self._pass(layer)
                self.training = asked
            layer.built = True
            if self.run.how == "symbolic" and self.call is None:
                # The discovery was the call: there are no numbers to compute.
                return
        self._pass(layer)

    @contextmanager
    def _discovery(self, layer: Layer) -> Iterator[None]:
        known, put, got, training = dict(layer.known), len(self.put), len(self.got), self.training
        outer, layer.discovering = layer.discovering, True
        try:
            yield
        except Failed:
            layer.known = known
            for store, token in self.put[put:]:
                store.tokens.pop(token.name, None)
            del self.put[put:]
            raise
        finally:
            layer.discovering, self.training = outer, training
            del self.got[got:]

    def _pass(self, layer: Layer) -> None:
        saved = self.frame, self.call
        if self.frame is not None and self.frame.store is layer.store:
            self.frame.count(layer.scope.name)
        self.frame = self.call = Pass(layer)
        try:
            self._body(layer, layer.spec.body)
        finally:
            self.frame, self.call = saved

    def _body(self, layer: Layer, body: tuple[g.Statement, ...]) -> None:
        for statement in body:
            if isinstance(statement, g.Get):
                self.got.append(self.get(statement.name))
            elif isinstance(statement, g.Open):
                self._open(layer, statement)
            elif isinstance(statement, g.Call) and layer.children:
                self._call(layer.children[statement.child])
            elif isinstance(statement, g.Branch) and (self.training if statement.training else self.run.deep):
                self._body(layer, statement.body)
            elif isinstance(statement, g.Fail) and self.run.fails == (statement.label, layer.discovering):
                raise Failed("Boom")

    def _open(self, layer: Layer, statement: g.Open) -> None:
        frame = self._current()
        scope, name = frame.scope, statement.name
        jump = name is not None and name.startswith("/")
        if name is None:
            name = scope.below(frame.unique(scope, "d"))
        elif jump:
            scope, name = frame.root, name[1:]
        else:
            name = scope.below(name) if name else scope.name
        inner = Scope(name, statement.reuse or scope.mode, scope.getters + statement.getter)
        with frame.opened(inner, jump):
            self._body(layer, statement.body)

    # Binding

    def _current(self) -> Frame:
        return self.default.frame(self.thread) if self.frame is None else self.frame

    def _opened(self) -> tuple[Store, Scope] | None:
        frame = self._current()
        return None if self.frame is None and frame.scope is frame.root else (frame.store, frame.scope)

    def _bind(self, layer: Layer) -> None:
        frame = self._current()
        place = (frame.store, frame.scope) if self.call is not None else layer.home or self._opened()
        store = layer.given or (place[0] if place else Store())
        parent = place[1] if place and place[0] is store else Scope()
        layer.store = store
        layer.scope = self._scope(layer, frame if frame.store is store else store.frame(self.thread), parent)

    @staticmethod
    def _scope(layer: Layer, frame: Frame, parent: Scope) -> Scope:
        wanted = layer.wanted
        if isinstance(wanted, Scope):
            return wanted._replace(mode=layer.reuse or wanted.mode)
        if wanted is None and layer.name is None:
            name = parent.below(frame.unique(parent, "node"))
            frame.count(name)
        else:
            wanted = layer.name if wanted is None else wanted
            if wanted.startswith("/"):
                parent, wanted = Scope(), wanted[1:]
            name = parent.below(wanted) if wanted else parent.name
        return Scope(name, layer.reuse or parent.mode, parent.getters)
