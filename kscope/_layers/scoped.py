"""`Scoped`: the base class of scoped layers and models."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import keras

from kscope import _keras, errors
from kscope._layers import binding
from kscope._layers.building import Building
from kscope._layers.calls import call_spec, remat as _remat, strays
from kscope._layers.calls.call_pass import Pass
from kscope._layers.calls.call_spec import CallSpec
from kscope._layers.calls.late import Late
from kscope._layers.calls.layer_state import LayerState, Wanted
from kscope._layers.saving import config as _config, weights
from kscope._scopes import names as _names
from kscope._scopes.scope import VariableScope
from kscope._stores.store import VariableStore
from kscope._variables.partitioned import PartitionedVariable
from kscope.typing import Reuse

__all__ = ["Scoped"]


class Scoped(keras.layers.Layer):
    """The base class of scoped layers and models: binding, building with a discovery, and a call pass."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        # Keras records constructor arguments for the config, unless one of them is of a type that it cannot write.
        named = inspect.signature(cls.__init__).parameters
        positional = [name for name, parameter in named.items() if parameter.kind is parameter.POSITIONAL_OR_KEYWORD]
        given = dict(zip(positional[1:], args, strict=False))
        args, kwargs = args[len(given) :], {**given, **kwargs}
        ours = {key: kwargs.pop(key) for key in _config.KEYS.intersection(kwargs)}
        taken = {key: ours.get(key, named[key].default) for key in _config.KEYS.intersection(named)}
        layer = super().__new__(cls, *args, **kwargs, **{key: _config.plain(taken[key]) for key in taken})
        object.__setattr__(layer, "_kscope_named", taken)
        return layer

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "build" in cls.__dict__:
            cls.build = _then_discover(cls.build)  # type: ignore[method-assign]

    def __init__(
        self,
        *,
        scope: str | VariableScope | None = None,
        store: VariableStore | None = None,
        reuse: Reuse | None = None,
        discover: Sequence[Mapping[str, Any]] = (),
        late: str = "raise",
        **kwargs: Any,
    ):
        default_name = _names.snake_case(self._default_name()) if kwargs.get("name") is None else None
        super().__init__(**kwargs)
        wanted = Wanted(self.name, default_name, home=binding.opened())
        self._kscope = LayerState(wanted)
        config = {"scope": scope, "store": store, "reuse": reuse, "discover": discover, "late": late}
        self._configure(config)
        # A subclass may have an argument of the same name with another meaning, and not pass it on.
        self._kscope.theirs = frozenset(key for key, value in self._kscope_named.items() if value is not config[key])
        self.call: Callable[..., Any] = self._in_scope(self.call)

    def _configure(self, config: dict[str, Any]) -> None:
        _config.apply(self._kscope, config)
        if "late" in config:
            self._kscope.late = Late(self) if _config.allows_late(config["late"]) else None

    def __setattr__(self, name: str, value: Any) -> None:
        if type(value) is PartitionedVariable:
            # Its slices are tracked already; the partitioned variable is not a Keras variable itself.
            with _keras.untracked():
                super().__setattr__(name, value)
        else:
            super().__setattr__(name, value)

    def _default_name(self) -> str:
        """Return the name of an unnamed layer's scope, before it is made unique."""
        return type(self).__name__

    @property
    def store(self) -> VariableStore:
        """The store that the layer is bound to.

        Raises:
            LayerError: before the layer was built.
        """
        return self._bound().store

    @property
    def scope(self) -> VariableScope:
        """The scope that the layer is bound to, in which each of its calls starts.

        Raises:
            LayerError: before the layer was built.
        """
        return self._bound().scope

    def _bound(self) -> LayerState:
        if not self._kscope.bound:
            raise errors.LayerError(
                f"Layer {self.name!r} is bound to a store and a scope when it is first built. Call it, or its "
                "`build()`, before you ask for them."
            )
        return self._kscope

    def _in_scope(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap `call` so that it builds the layer if needed, and runs in a `Pass`.

        Not `__call__`: wrappers, `stateless_call` and shape inference call `call` directly.
        """
        state = self._kscope

        @functools.wraps(call)
        def scoped_call(*args: Any, **kwargs: Any) -> Any:
            if not self.built:
                self._build_for(args, kwargs)
            with Pass(state, kwargs.get("training")) as current:
                outputs = call(*args, **kwargs)
                if current.strays:
                    strays.check(self, state, current)
            if state.grown:
                state.grown = False
                state.branches.append(call_spec.describe(self, args, kwargs))
            return outputs

        return scoped_call

    def _build_for(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if not self.built:
            with self._building(call_spec.describe(self, args, kwargs)):
                self.build()

    def _building(self, expected: CallSpec | None = None) -> Building:
        return Building(self, self._kscope, super().__call__, expected)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.built:
            return super().__call__(*args, **kwargs)
        # Keras passes only the shapes of some arguments to `build`; the discovery needs all arguments.
        with self._building(call_spec.describe(self, args, kwargs)):
            return super().__call__(*args, **kwargs)

    def build(self, *shapes: Any, **named_shapes: Any) -> None:
        """Bind the layer, and make its variables in a discovery.

        Keras calls this before the first call. When you call it yourself, pass the shapes of the first arguments of
        `call` (nested like the arguments), or shapes by name: `layer.build((None, 32))`,
        `layer.build(query_shape=(None, 4, 32), value_shape=(None, 9, 32))`.

        Raises:
            ValueError: an error of `get_variable`, or of the layer's `call()`; it leaves nothing behind.
        """
        with _open_building(self) as building:
            building.discover(shapes, named_shapes)

    def rematerialized_call(self, layer_call: Callable[..., Any], *args: Any, **kwargs: Any) -> Callable[..., Any]:
        """Return the call that Keras makes under a `RematScope`, which is computed again in the backward pass.

        JAX caches a trace, with the weights in it, for as long as the function lives, so that each call needs a new
        function. Arguments that are not tensors, such as `training`, are bound to the function before: JAX would trace
        them, and TensorFlow refuses keyword arguments in a graph.
        """
        return _remat.of_tensors(super().rematerialized_call, layer_call, args, kwargs)

    @_keras.default
    def get_config(self) -> dict[str, Any]:
        """Return Keras' config, with scope, store and reuse mode; layers that share a store will share one again."""
        config = super().get_config()
        if inspect.getfullargspec(type(self).__init__).varkw:
            # Keras leaves the name out if the subclass's keyword arguments are not called `kwargs`.
            config.setdefault("name", self.name)
        ours = _config.of(self._kscope)
        return {**config, **{key: ours[key] for key in ours if key not in self._kscope.theirs}}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Make a layer from a config of `get_config()`, never in the store of the original layer."""
        ours = {key: config[key] for key in _config.KEYS if key in config}
        theirs = {key: config[key] for key in config if key not in ours}
        # A constructor that has one of kscope's arguments by name gets it, as it would from a user.
        named = {key: ours.pop(key) for key in inspect.signature(cls.__init__).parameters if key in ours}
        layer = super().from_config({**theirs, **named})
        layer._configure(ours)  # noqa: SLF001 - a layer of this class
        return layer

    def get_build_config(self) -> dict[str, Any] | None:
        """Return the arguments that the layer was built with, so that loading can build it before it is called."""
        spec = self._kscope.built_with
        if spec is None:
            return None
        return {**call_spec.to_config(spec), "late": [call_spec.to_config(branch) for branch in self._kscope.branches]}

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Build the layer with the arguments in a config of `get_build_config()`."""
        if not self.built:
            self._kscope.branches = [call_spec.from_config(branch) for branch in config.get("late", ())]
            with self._building(call_spec.from_config(config)):
                self.build()

    @_keras.default
    def compute_output_shape(self, *shapes: Any, **named_shapes: Any) -> Any:
        """Return the shapes of the outputs, for shapes as `build()` takes them.

        They depend on the layer's variables: a layer that is not built yet is built for these shapes.
        """
        spec = call_spec.from_shapes(self, shapes, named_shapes)
        outputs = self.compute_output_spec(*spec.args, **spec.kwargs)
        return keras.tree.map_structure(lambda output: tuple(output.shape), outputs)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Return the outputs as symbols, for inputs as symbols; a layer that is not built yet is built for them.

        Keras traces `call()` without the autocasting of a real call, which is added here.
        """
        if self.built:
            building: Building | None = self._kscope.building
        else:
            with self._building(call_spec.describe(self, args, kwargs)) as building:
                self.build()
        outputs = building.outputs_of(args, kwargs) if building else None
        if outputs is not None:
            return outputs
        with _keras.autocast(self):
            return super().compute_output_spec(*args, **kwargs)

    def save_own_variables(self, store: Any) -> None:
        """Write the layer's variables into its entry of a weights file, under their scoped names.

        A variable that several layers share is written once. Keras calls this method.
        """
        weights.save(store, self._kscope.held(), self._further_variables())

    def load_own_variables(self, store: Any) -> None:
        """Set the layer's variables from a weights file, by scoped name, or by Keras' numbers if the file has those.

        Raises:
            WeightsMismatchError: names or shapes differ; no variable was set.
        """
        held = self._kscope.held()
        if not (held and weights.load(store, self, held, self._further_variables())):
            super().load_own_variables(store)

    def _further_variables(self) -> list[Any]:
        """List the layer's own variables that were not made by `get_variable`."""
        own: dict[str, Any] = {}
        super().save_own_variables(own)
        scoped = {id(record.variable) for record in self._kscope.known}
        return [variable for variable in own.values() if id(variable) not in scoped]


def _open_building(layer: Scoped) -> AbstractContextManager[Building]:
    """Return the `Building` that a call has opened, or a new one for a `build()` by hand."""
    current: Building | None = layer._kscope.building  # noqa: SLF001 - a scoped layer
    return layer._building() if current is None else nullcontext(current)  # noqa: SLF001


def _then_discover(build: Callable[..., None]) -> Callable[..., None]:
    """Wrap a subclass's `build`, so that the discovery runs after it."""

    @functools.wraps(build)
    def building(self: Any, *shapes: Any, **named_shapes: Any) -> None:
        with _open_building(self) as current:
            current.run(build, shapes, named_shapes)

    return building
