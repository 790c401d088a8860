"""What scoped layers and models have in common: binding, building with a discovery, a pass around each call."""

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
    """What a scoped layer and a scoped model have in common: binding, discovery, and a pass around each call."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        # Keras writes constructor arguments into the config by itself, unless it meets one that it cannot write.
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
        # A subclass may give a name of ours another meaning, and not hand it on.
        self._kscope.theirs = frozenset(key for key, value in self._kscope_named.items() if value is not config[key])
        self.call: Callable[..., Any] = self._in_scope(self.call)

    def _configure(self, config: dict[str, Any]) -> None:
        _config.apply(self._kscope, config)
        if "late" in config:
            self._kscope.late = Late(self) if _config.allows_late(config["late"]) else None

    def __setattr__(self, name: str, value: Any) -> None:
        if type(value) is PartitionedVariable:
            # Its slices are tracked already; the whole is no variable of its own.
            with _keras.untracked():
                super().__setattr__(name, value)
        else:
            super().__setattr__(name, value)

    def _default_name(self) -> str:
        """What an unnamed layer's scope is called."""
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
        """Wrap `call`, not `__call__`: wrappers, `stateless_call` and shape inference call it directly."""
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
        # Keras tells `build` the shapes of some arguments; discovery wants all that is known of all of them.
        with self._building(call_spec.describe(self, args, kwargs)):
            return super().__call__(*args, **kwargs)

    def build(self, *shapes: Any, **named_shapes: Any) -> None:
        """Bind the layer, and make its variables in a discovery pass over its `call()`.

        Keras calls this before the first call. By hand, it takes the shape of the first argument of `call` (nested
        like the argument), of the first few, or shapes by name: `layer.build((None, 32))`,
        `layer.build(query_shape=(None, 4, 32), value_shape=(None, 9, 32))`.

        Raises:
            ValueError: what `get_variable` raises, or the layer's `call()`; nothing is left behind then.
        """
        with _open_building(self) as building:
            building.discover(shapes, named_shapes)

    def rematerialized_call(self, layer_call: Callable[..., Any], *args: Any, **kwargs: Any) -> Callable[..., Any]:
        """The call that Keras makes under a `RematScope`, which computes again in the backward pass.

        JAX keeps what it traced for as long as the function lives, the weights of that trace included, so that each
        call needs a function of its own. Arguments that are no tensors, such as `training`, are none of the function:
        JAX would trace them, and TensorFlow refuses keywords in a graph.
        """
        return _remat.of_tensors(super().rematerialized_call, layer_call, args, kwargs)

    @_keras.default
    def get_config(self) -> dict[str, Any]:
        """Keras' config, with scope, store and reuse mode; layers that share a store will share one again."""
        config = super().get_config()
        if inspect.getfullargspec(type(self).__init__).varkw:
            # Keras leaves it out if the subclass calls its keyword arguments anything but `kwargs`.
            config.setdefault("name", self.name)
        ours = _config.of(self._kscope)
        return {**config, **{key: ours[key] for key in ours if key not in self._kscope.theirs}}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A layer from `get_config()`: never in the store of the layer that the config was made from."""
        ours = {key: config[key] for key in _config.KEYS if key in config}
        theirs = {key: config[key] for key in config if key not in ours}
        # A constructor that takes one of ours by name is handed it, as it would be by a user.
        named = {key: ours.pop(key) for key in inspect.signature(cls.__init__).parameters if key in ours}
        layer = super().from_config({**theirs, **named})
        layer._configure(ours)  # noqa: SLF001 - a layer of this class
        return layer

    def get_build_config(self) -> dict[str, Any] | None:
        """The arguments that the layer was built with, so that loading can build it before it is called."""
        spec = self._kscope.built_with
        if spec is None:
            return None
        return {**call_spec.to_config(spec), "late": [call_spec.to_config(branch) for branch in self._kscope.branches]}

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Build the layer as the one that `config` was made from."""
        if not self.built:
            self._kscope.branches = [call_spec.from_config(branch) for branch in config.get("late", ())]
            with self._building(call_spec.from_config(config)):
                self.build()

    @_keras.default
    def compute_output_shape(self, *shapes: Any, **named_shapes: Any) -> Any:
        """The shapes of the outputs, for shapes as `build()` takes them.

        The layer's variables are what tells them: a layer that is not built yet is built for these shapes.
        """
        spec = call_spec.from_shapes(self, shapes, named_shapes)
        outputs = self.compute_output_spec(*spec.args, **spec.kwargs)
        return keras.tree.map_structure(lambda output: tuple(output.shape), outputs)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """The outputs as symbols, for inputs as symbols; a layer that is not built yet is built for them.

        Keras traces `call()` for it, and leaves out the autocasting of a real call.
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
        """Write the layer's variables into its place of a weights file, under their scoped names.

        A variable that several layers share is written once. Keras calls this.
        """
        weights.save(store, self._kscope.held(), self._further_variables())

    def load_own_variables(self, store: Any) -> None:
        """Set the layer's variables from a weights file, by scoped name, or by Keras' numbers if it has those.

        Raises:
            WeightsMismatchError: names or shapes differ; nothing was set then.
        """
        held = self._kscope.held()
        if not (held and weights.load(store, self, held, self._further_variables())):
            super().load_own_variables(store)

    def _further_variables(self) -> list[Any]:
        """The layer's own variables that no `get_variable` made."""
        own: dict[str, Any] = {}
        super().save_own_variables(own)
        scoped = {id(record.variable) for record in self._kscope.known}
        return [variable for variable in own.values() if id(variable) not in scoped]


def _open_building(layer: Scoped) -> AbstractContextManager[Building]:
    """The building that a call has opened, or one of its own for a `build()` by hand."""
    current: Building | None = layer._kscope.building  # noqa: SLF001 - a layer of ours
    return layer._building() if current is None else nullcontext(current)  # noqa: SLF001


def _then_discover(build: Callable[..., None]) -> Callable[..., None]:
    """A subclass's `build`, with the discovery after it."""

    @functools.wraps(build)
    def building(self: Any, *shapes: Any, **named_shapes: Any) -> None:
        with _open_building(self) as current:
            current.run(build, shapes, named_shapes)

    return building
