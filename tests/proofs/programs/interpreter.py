"""Runs a program on kscope, and holds each step against the model."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
from keras.src.backend.common import global_state

import kscope
from kscope import _keras
from kscope._scopes.frame import current_frame
from kscope._scopes.thread import thread
from programs import grammar as g, model

START = keras.initializers.RandomUniform(0.5, 1.5)
# What Keras counts on, keeps once it has asked for it, or holds for as long as something else lives.
LASTING = ("object_name_uids", "global_seed_generator", "uninitialized_variables", "dtype_policy", "tracking_on")


class Boom(Exception):
    """Raised by a layer on purpose."""


def longer(getter, name, *args, **kwargs):
    """A getter that changes the name."""
    return getter(name + "_g", *args, **kwargs)


def clear() -> None:
    """Clear the session; TensorFlow refuses it in a trace, with Keras' own layers too."""
    if not (_keras.BACKEND == "tensorflow" and _keras.tracing()):
        keras.utils.clear_session(free_memory=False)


class Node(kscope.ScopedLayer):
    """A layer of a program."""

    run = g.Run(0)
    cleared = False

    def __init__(self, spec, other=None, **kwargs):
        given = {"store": other} if spec.given else {}
        options = {"name": spec.name, "scope": spec.scope, "reuse": spec.reuse, **given, **kwargs}
        super().__init__(**options)
        self.spec = spec
        self.other = other
        self.subs = [Node(child, other) for child in spec.children]

    def get_config(self):
        return {**super().get_config(), "spec": self.spec, "other": self.other}

    def call(self, x, training=False):
        return self._body(self.spec.body, x, training)

    def _body(self, body, x, training):
        for statement in body:
            x = self._after(statement, x, training)
        return x

    def _after(self, statement, x, training):
        if isinstance(statement, g.Get):
            return x * kscope.get_variable(statement.name, [], initializer=START)
        if isinstance(statement, g.Open):
            default = "d" if statement.name is None else None
            getter = longer if statement.getter else None
            with kscope.variable_scope(statement.name, default, reuse=statement.reuse, custom_getter=getter):
                return self._body(statement.body, x, training)
        if isinstance(statement, g.Call) and self.subs:
            # A cleared session makes Keras forget the training that it would have handed down.
            by_hand = {"training": training} if Node.cleared else {}
            return self.subs[statement.child](x, **by_hand)
        if isinstance(statement, g.Branch) and (training if statement.training else Node.run.deep):
            return self._body(statement.body, x, training)
        if isinstance(statement, g.Fail) and Node.run.fails == (statement.label, self._kscope.discovering):
            raise Boom(f"at {statement.label}")
        if isinstance(statement, g.Clear):
            clear()
            Node.cleared = True
        return x


def neutral() -> dict[str, Any]:
    """Where this thread stands in kscope and in Keras, but for counts; what is empty is as good as absent."""
    state = global_state.GLOBAL_STATE_TRACKER.__dict__
    kept = {key: value for key, value in state.items() if key not in LASTING and not key.endswith("_dict") and value}
    scopes = kscope.get_variable_scope(), current_frame().entries
    kept["tracking"] = state.get("tracking_on", True)
    return {**kept, "kscope": (thread.frame, thread.call, list(thread.opened), *scopes)}


def fresh() -> dict[str, Any]:
    """Where a thread stands that has done nothing."""
    root = kscope.default_store().frame().root
    return {"tracking": True, "kscope": (None, None, [], root, [])}


def symbols(x: np.ndarray) -> Any:
    """A symbol of unknown batch size."""
    return keras.KerasTensor((None, *x.shape[1:]))


def traced(layer: Callable[..., Any], x: np.ndarray) -> None:
    """Call a layer in a program that the backend traces; PyTorch, which traces none, notes no gradients."""
    if _keras.BACKEND == "tensorflow":
        import tensorflow as tf

        tf.function(layer, autograph=False).get_concrete_function(tf.TensorSpec((None, *x.shape[1:])))
    elif _keras.BACKEND == "jax":
        import jax

        jax.make_jaxpr(layer)(x)
    else:
        import torch

        with torch.no_grad():
            layer(x)


def in_thread(function: Callable[[], Any]) -> Any:
    """Do it in another thread, which has to end as it began."""
    outcome: list[Any] = []

    def body() -> None:
        try:
            outcome.append(function())
        except Exception as error:
            outcome.append(error)
        outcome.append(neutral() == fresh())

    other = threading.Thread(target=body)
    other.start()
    other.join()
    assert outcome[1], "the thread does not end as it began"
    if isinstance(outcome[0], Exception):
        raise outcome[0]
    return outcome[0]


class Session:
    """A program that runs, beside its model."""

    def __init__(self) -> None:
        self.model = model.Machine()
        self.layers: list[Node] = []
        self.stores = {self.model.default: kscope.reset_default_store(), self.model.other: kscope.VariableStore()}
        self.variables: dict[model.Token, Any] = {}
        self.outcomes: list[str] = []

    def run(self, program: g.Program) -> None:
        """Do all of it; an assertion fails where kscope and the model differ."""
        keras.utils.clear_session(free_memory=False)
        assert neutral() == fresh()
        for action in program:
            self._do(action)
        assert neutral() == fresh()
        for store in self.stores.values():
            frame = store.frame()
            assert (frame.scope, frame.entries, frame.node) == (frame.root, [], frame.counters.root)

    def _do(self, action: g.Action) -> None:
        before = neutral()
        if isinstance(action, g.Layer):
            self.model.make(action)
            self.layers.append(Node(action, self.stores[self.model.other]))
        elif isinstance(action, g.Run):
            self._run(action)
        elif isinstance(action, g.Clone):
            index = action.layer % len(self.layers)
            self.model.clone(self.model.layers[index])
            self.layers.append(Node.from_config(self.layers[index].get_config()))
        elif isinstance(action, g.Get):
            self._both(lambda: [self.model.get(action.name)], lambda: kscope.get_variable(action.name, [], None, START))
        elif isinstance(action, g.Clear):
            clear()
        else:
            with self.model.within(action), self._within(action):
                for inner in action.body:
                    self._do(inner)
        self._compare()
        assert neutral() == before

    @contextmanager
    def _within(self, action: g.Within) -> Iterator[None]:
        if action.scope is None:
            with self.stores[self.model.other].as_default():
                yield
        else:
            with kscope.variable_scope(action.scope, reuse=action.reuse):
                yield

    def _run(self, run: g.Run) -> None:
        index = run.layer % len(self.layers)
        layer = self.layers[index]
        Node.run, Node.cleared = run, False
        x = np.arange(1.0, 1 + 3 * run.batch, dtype="float32").reshape(run.batch, 3)
        call = functools.partial(layer, training=run.training)
        ways: dict[str, Callable[[], Any]] = {
            "eager": lambda: call(x),
            "thread": lambda: in_thread(lambda: call(x)),
            "symbolic": lambda: call(symbols(x)),
            "traced": lambda: traced(call, x),
        }
        tokens, result = self._both(lambda: self.model.do(run, self.model.layers[index]), ways[run.how])
        if tokens is not None and run.how in ("eager", "thread"):
            self._compare()
            values = [keras.ops.convert_to_numpy(self.variables[token].value) for token in tokens]
            np.testing.assert_allclose(keras.ops.convert_to_numpy(result), x * np.prod(values), rtol=1e-4)

    def _both(self, expected: Callable[[], Any], done: Callable[[], Any]) -> tuple[Any, Any]:
        """Do it in the model and in kscope; both give a result, or an error of one class."""
        tokens = result = None
        outcome = found = "done"
        try:
            tokens = expected()
        except model.Failed as failed:
            outcome = str(failed)
        try:
            result = done()
        except Exception as error:
            found = type(error).__name__
            if found != outcome:
                raise AssertionError(f"expected: {outcome}") from error
        assert found == outcome
        self.outcomes.append(outcome)
        return tokens, result

    def _compare(self) -> None:
        """Each store holds what it should, under its name and as the object it was; each layer has its weights."""
        for one, other in zip(self.model.layers, self.layers, strict=True):
            self._bound(one, other)
        for expected, store in self.stores.items():
            assert sorted(store) == sorted(expected.tokens)
            for name, token in expected.tokens.items():
                self._is(token, store[name])
        for one, other in zip(self.model.layers, self.layers, strict=True):
            weights = {id(self.variables[token]) for token in one.weights()}
            assert {id(variable) for variable in other.weights} == weights

    def _is(self, token: model.Token, variable: Any) -> None:
        assert self.variables.setdefault(token, variable) is variable
        assert variable.path == token.name

    def _bound(self, one: model.Layer, other: Node) -> None:
        state = other._kscope
        assert (one.built, one.store is not None) == (other.built, state.bound)
        if one.store is not None:
            assert self.stores.setdefault(one.store, state.store) is state.store
            assert one.scope.name == state.scope.name
        known = {record.name: record.variable for record in state.known}
        assert sorted(known) == sorted(one.known)
        for name, token in one.known.items():
            self._is(token, known[name])
        for child, sub in zip(one.children, other.subs, strict=True):
            self._bound(child, sub)
