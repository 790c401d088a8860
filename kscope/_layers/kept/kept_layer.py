"""`KeptLayer`: a Keras layer that was made in a scope; its weights are variables of the store, below its name."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras

from kscope import _keras, errors
from kscope._keras import patches
from kscope._layers import quantize
from kscope._layers.calls import layer_state
from kscope._layers.kept import watch as _watch
from kscope._records.record import Record
from kscope._records.site import call_site
from kscope._scopes.frame import Frame
from kscope._scopes.scope import Defaults, VariableScope
from kscope._scopes.thread import thread
from kscope._stores.get_in_scope import get_in_scope
from kscope._stores.lookup.request import Arguments
from kscope._stores.store import VariableStore
from kscope._variables import dtypes
from kscope._variables.partitioned import PartitionedVariable
from kscope._variables.variable import ScopedVariable
from kscope.initializers import _seeded

__all__ = ["KeptLayer"]


class KeptLayer:
    """A kept layer, with its store, its scope and the records of its weights.

    Attributes:
        name: the layer's full name, which is its scope's.
        scope: the scope whose defaults its weights inherit.
        store: the store of the layer and its weights.
        layer: the Keras layer.
        asked: the class and arguments that it was made with, if they are known.
        site: the line that made it.
        records: the records of its weights.
    """

    __slots__ = (
        "_call",
        "_given",
        "_raw",
        "_uids",
        "asked",
        "layer",
        "name",
        "records",
        "scope",
        "site",
        "store",
    )

    def __init__(self, scope: VariableScope, store: VariableStore, asked: Any, make: Callable[[], Any]):
        patches.install_for_kept_layers(_watch.weight_maker)
        self.name = scope.name
        self.scope = scope
        self.store = store
        self.asked = asked
        self.site = call_site()
        self.layer: Any = None
        self._call: Any = None
        # Keras numbers the names of unnamed layers in the whole process; inside this layer, the numbering is its own.
        self._uids: dict[str, int] = {}
        self._given: set[str] = set()
        self._raw: list[Any] = []
        self.records: list[Record] = []
        with self._making():
            layer = make()
            self._check(layer)
            self.layer = layer
            self.settle(self._raw)
        state = layer_state.of(layer)
        if state is not None:
            # A scoped layer makes its variables itself, in this scope.
            state.bind_to(store, scope)
        else:
            layer.build = self._building(layer.build)
        layer._kscope_kept = self  # noqa: SLF001 - kscope's attribute

    def _check(self, layer: Any) -> None:
        if not isinstance(layer, keras.layers.Layer):
            raise errors.LayerError(
                errors.compose(
                    f"Layer {self.name} cannot be made: what was called did not return a Keras layer.",
                    [("got", f"{layer!r} (of type {type(layer).__name__})")],
                )
            )
        for part in _keras.sublayers(layer):
            if hasattr(part, "save_assets"):
                raise errors.UnsupportedError(
                    errors.compose(
                        f"Layer {self.name} cannot be kept in a scope: {type(part).__name__} saves files of its own.",
                        fix="make it in __init__, as an attribute of the layer that calls it.",
                    )
                )

    def _building(self, build: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(build)
        def building(*args: Any, **kwargs: Any) -> None:
            with self._making():
                build(*args, **kwargs)
                self.settle(self._raw)

        return building

    @contextmanager
    def _making(self) -> Iterator[None]:
        """Run Keras' code that makes weights, eagerly and below this layer's name; if it raises, remove the weights."""
        before, frame, first = thread.kept, thread.frame, next(self.store.numbers)
        self._call, self._raw = thread.call, []
        thread.kept = self
        thread.frame = Frame(self.store, self.scope, VariableScope.derived("", False, Defaults(), ""))
        try:
            with _keras.eagerly(), _keras.isolated_call(), _keras.own_names(self._uids):
                yield
        except BaseException:
            for record in self.records:
                if record.number > first:
                    self.store.discard(record)
            self.store.discard(self)
            raise
        finally:
            thread.kept, thread.frame = before, frame
            self._call = None

    def answers(self) -> bool:
        """Whether this layer's own code is running, and not the call of a scoped layer inside it."""
        return thread.call is self._call

    def weight(self, owner: Any, path: list[str], options: dict[str, Any]) -> Any:
        """Return the variable for a call of `add_weight` of the layer, or of a layer inside it."""
        name = "/".join([*(path[1:] if path[:1] == [getattr(self.layer, "name", None)] else path), options["name"]])
        dtype = keras.backend.standardize_dtype(options["dtype"] or owner.variable_dtype)
        variable = self._get(
            _unused(name, self._given),
            shape=options["shape"],
            dtype=dtype,
            initializer=options["initializer"] or (None if dtypes.is_floating(dtype) else "zeros"),
            regularizer=options["regularizer"],
            trainable=options["trainable"] and not dtypes.is_discrete(dtype),
            constraint=options["constraint"],
            synchronization=None if options["autocast"] else "on_read",
            aggregation=options["aggregation"],
        )
        if not isinstance(variable, keras.Variable):
            raise errors.UnsupportedError(
                errors.compose(
                    f"Variable {self.name}/{name} cannot be the weight of a Keras layer: a custom getter makes "
                    f"something else of it.",
                    [("got", f"{type(variable).__name__}"), ("layer", type(owner).__name__)],
                    "a Keras layer asks for its weights once, when it is built; use get_variable() where a getter "
                    "computes, or make the layer outside of the getter's scope.",
                )
            )
        variable.overwrite_with_gradient = options["overwrite_with_gradient"]
        for part in _parts(variable):
            _keras.track(owner, part)
        return variable

    def _first_state(self, name: str, generator: Any) -> Any:
        """Return the initial state of a random generator: derived from seed and name, or, without a seed, Keras'."""
        with _keras.eagerly():
            numbers = _keras.numbers(generator.state)
        seed = self.store.seed
        if seed is None or generator.get_config()["seed"] is not None:
            return numbers
        return _seeded.state(self.scope.prefix + name, seed, numbers)

    def _get(self, name: str, **options: Any) -> Any:
        variable = get_in_scope(self.scope, self.store, Arguments(name, reuse=self.scope.mode, **options))
        for path in [part.path for part in _parts(variable)] or [self.scope.prefix + name]:
            record = self.store.records.get(path)
            if record is not None:
                self.records.append(record)
        return variable

    def take(self, variable: Any) -> None:
        """Note a variable that was made without `add_weight`, while the layer was made or built."""
        self._raw.append(variable)

    def settle(self, made: list[Any]) -> None:
        """Name the state of random generators, which Keras makes without `add_weight`.

        Raises:
            UnsupportedError: for any other variable that was made without `add_weight`.
        """
        raw = {id(variable) for variable in made}
        for generator in _keras.seed_generators(self.layer):
            state = generator.state
            if id(state) in raw:
                name = _unused(f"{generator.name}/state", self._given)
                numbers = self._first_state(name, generator)
                generator.state = self._get(name, dtype=state.dtype, initializer=numbers, trainable=False)
        for part in _keras.sublayers(self.layer):
            _keras.only_shards(part, PartitionedVariable)
            part.quantize = functools.partial(_refuse_to_quantize, self.name)
        for variable in self.layer.variables:
            if id(variable) in raw and not isinstance(variable, ScopedVariable):
                raise errors.UnsupportedError(
                    errors.compose(
                        f"Layer {self.name} cannot be kept in a scope: it makes a variable other than by add_weight().",
                        [("variable", f"{variable.path}, shape {tuple(variable.shape)}")],
                        "make it in __init__, as an attribute of the layer that calls it.",
                    )
                )


def _parts(variable: Any) -> list[Any]:
    if isinstance(variable, PartitionedVariable):
        return list(variable)
    return [variable] if isinstance(variable, keras.Variable) else []


def _refuse_to_quantize(name: str, mode: Any = None, **_: Any) -> None:
    raise quantize.refusal_of_kept(name, mode)


def _unused(name: str, given: set[str]) -> str:
    """Return the name, with a number added if the layer has used it before."""
    unique, number = name, 0
    while unique in given:
        number += 1
        unique = f"{name}_{number}"
    given.add(unique)
    return unique
