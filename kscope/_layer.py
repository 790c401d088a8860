"""`ScopedLayer` and `ScopedModel`: Keras layers whose `call()` gets its variables by name."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import keras

from kscope import (
    _binding,
    _config,
    _discovery,
    _keras,
    _names,
    _quantize,
    _remat,
    _spec,
    _strays,
    _weights,
    errors,
)
from kscope._late import Late
from kscope._partition import PartitionedVariable
from kscope._pass import Pass
from kscope._reuse import Reuse
from kscope._scope import VariableScope
from kscope._state import LayerState, Wanted
from kscope._store import VariableStore

__all__ = ["ScopedLayer", "ScopedModel"]


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
        wanted = Wanted(self.name, default_name, home=_binding.opened())
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
                state.outputs = None
            with Pass(state, kwargs.get("training")) as current:
                outputs = call(*args, **kwargs)
                if current.strays:
                    _strays.check(self, current)
            if state.grown:
                state.grown = False
                state.branches.append(_spec.describe(self, args, kwargs))
            return outputs

        return scoped_call

    def _build_for(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if not self.built:
            self._kscope.expected = _spec.describe(self, args, kwargs)
            self.build()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.built:
            return super().__call__(*args, **kwargs)
        # Keras tells `build` the shapes of some arguments; discovery wants all that is known of all of them.
        self._kscope.expected = _spec.describe(self, args, kwargs)
        try:
            return super().__call__(*args, **kwargs)
        finally:
            self._kscope.outputs = None

    def build(self, *shapes: Any, **named_shapes: Any) -> None:
        """Bind the layer, and make its variables in a discovery pass over its `call()`.

        Keras calls this before the first call. By hand, it takes the shape of the first argument of `call` (nested
        like the argument), of the first few, or shapes by name: `layer.build((None, 32))`,
        `layer.build(query_shape=(None, 4, 32), value_shape=(None, 9, 32))`.

        Raises:
            ValueError: what `get_variable` raises, or the layer's `call()`; nothing is left behind then.
        """
        if not self._kscope.building:
            self._discover(shapes, named_shapes)

    def _discover(self, shapes: tuple[Any, ...], named_shapes: dict[str, Any]) -> None:
        state = self._kscope
        if state.built_with is not None:
            return
        expected, state.expected = state.expected, None
        spec = expected or _spec.from_shapes(self, shapes, named_shapes)
        self._bind()
        with state.discovery():
            self.built = True
            try:
                outputs = _discovery.run(self, super().__call__, spec, state)
            finally:
                self.built = False
        state.built_with = spec
        # Built by hand, the layer may change before it is called.
        state.outputs = outputs if expected else None
        self._scoped_variables = state.variables()
        for kept in state.layers:
            _keras.track(self, kept.layer)
        if not self.trainable:
            for thing in (*self._scoped_variables, *(kept.layer for kept in state.layers)):
                thing.trainable = False

    def _bind(self) -> None:
        state = self._kscope
        state.dtype = self.variable_dtype
        if not state.bound:
            _binding.bind(state)

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
        return {**_spec.to_config(spec), "late": [_spec.to_config(branch) for branch in self._kscope.branches]}

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Build the layer as the one that `config` was made from."""
        if not self.built:
            self._kscope.branches = [_spec.from_config(branch) for branch in config.get("late", ())]
            self._kscope.expected = _spec.from_config(config)
            self.build()

    @_keras.default
    def compute_output_shape(self, *shapes: Any, **named_shapes: Any) -> Any:
        """The shapes of the outputs, for shapes as `build()` takes them.

        The layer's variables are what tells them: a layer that is not built yet is built for these shapes.
        """
        spec = _spec.from_shapes(self, shapes, named_shapes)
        outputs = self.compute_output_spec(*spec.args, **spec.kwargs)
        return keras.tree.map_structure(lambda output: tuple(output.shape), outputs)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """The outputs as symbols, for inputs as symbols; a layer that is not built yet is built for them.

        Keras traces `call()` for it, and leaves out the autocasting of a real call.
        """
        self._build_for(args, kwargs)
        state = self._kscope
        outputs, state.outputs = state.outputs, None
        if outputs is not None and state.built_with is not None and state.built_with.matches(args, kwargs):
            # Discovery has just traced this very call.
            return outputs
        with _keras.autocast(self):
            return super().compute_output_spec(*args, **kwargs)

    def save_own_variables(self, store: Any) -> None:
        """Write the layer's variables into its place of a weights file, under their scoped names.

        A variable that several layers share is written once. Keras calls this.
        """
        _weights.save(store, self._kscope.held(), self._further_variables())

    def load_own_variables(self, store: Any) -> None:
        """Set the layer's variables from a weights file, by scoped name, or by Keras' numbers if it has those.

        Raises:
            WeightsMismatchError: names or shapes differ; nothing was set then.
        """
        held = self._kscope.held()
        if not (held and _weights.load(store, self, held, self._further_variables())):
            super().load_own_variables(store)

    def _further_variables(self) -> list[Any]:
        """The layer's own variables that no `get_variable` made."""
        own: dict[str, Any] = {}
        super().save_own_variables(own)
        scoped = {id(record.variable) for record in self._kscope.known}
        return [variable for variable in own.values() if id(variable) not in scoped]


def _then_discover(build: Callable[..., None]) -> Callable[..., None]:
    """A subclass's `build`, with the discovery after it: what it makes is there for `call`.

    It runs in the layer's scope, as `call` does, and fails or succeeds with the discovery as one.
    """

    @functools.wraps(build)
    def building(self: Any, *shapes: Any, **named_shapes: Any) -> None:
        state = self._kscope
        if state.building:
            build(self, *shapes, **named_shapes)
            return
        self._bind()
        with nullcontext() if state.built_with else state.discovery():
            state.building = True
            try:
                with Pass(state):
                    build(self, *shapes, **named_shapes)
            finally:
                state.building = False
            self._discover(shapes, named_shapes)

    return building


class ScopedLayer(Scoped):
    """A Keras layer whose `call()` gets its variables by name, with `get_variable`.

    The variables are made when the layer is built, in a discovery pass over `call()`. Every call starts in the scope
    the layer is bound to, with default names numbered from anew, so that the same code gets the same variables.
    Getting a name twice in one call without a reuse mode is an accident, and raises.

    The layer binds when it is first built, for good: to `store` if given; inside another scoped layer to that one's
    store, under the scope its call stands in; to the store or scope that was open where the layer was made or is
    first called; else to a store of its own.

    Args:
        scope: str relative to where the layer binds, absolute with a leading slash, or a captured `VariableScope`.
            Defaults to the layer's name, and for an unnamed layer to its class name, made unique.
        store: the `VariableStore` to bind to.
        reuse: reuse mode of the layer's scope; `True` or `AUTO_REUSE` shares what other layers made there.
        discover: a list of dicts of call arguments, each for one more discovery pass over a branch of `call()` that
            the first call does not take. `training` is discovered both ways without being named.
        **kwargs: those of `keras.layers.Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `autocast`.

    Raises:
        TypeError: if an argument is of a wrong type.

    Example:
    >>> class Tower(kscope.ScopedLayer):
    ...     def __init__(self, units, **kwargs):
    ...         super().__init__(**kwargs)
    ...         self.units = units
    ...
    ...     def call(self, x):
    ...         with kscope.variable_scope("fc"):
    ...             w = kscope.get_variable("kernel", [x.shape[-1], self.units])
    ...             b = kscope.get_variable("bias", [self.units], initializer="zeros")
    ...         return keras.ops.relu(x @ w + b)
    >>> tower = Tower(4)
    >>> tower(np.ones((2, 3), "float32")).shape == (2, 4)
    True
    >>> [v.path for v in tower.weights]
    ['tower/fc/kernel', 'tower/fc/bias']
    """

    def quantize(self, mode: str | None = None, type_check: bool = True, config: Any = None) -> None:
        """Refuse: Keras has no way to put other variables in the place of those that `call()` gets by name.

        Raises:
            UnsupportedError: always; `keras.Model.quantize` makes a warning of it.
        """
        del type_check, config
        raise _quantize.refusal(self.name, mode, self._kscope)


class ScopedModel(Scoped, keras.Model):
    """A `keras.Model` whose `call()` gets its variables by name; see `ScopedLayer` for how it binds and builds.

    It is for subclassing. A functional model is made of `keras.Model` and scoped layers.

    Args:
        scope: as in `ScopedLayer`.
        store: as in `ScopedLayer`.
        reuse: as in `ScopedLayer`.
        discover: as in `ScopedLayer`.
        late: as in `ScopedLayer`.
        **kwargs: those of `keras.Model`.

    Raises:
        LayerError: if `inputs` or `outputs` is given.

    Example:
    >>> class Line(kscope.ScopedModel):
    ...     def call(self, x):
    ...         return x * kscope.get_variable("slope", []) + kscope.get_variable("offset", [])
    >>> line = Line(name="line")
    >>> line.compile("sgd", "mse")
    >>> history = line.fit(np.ones((4, 1)), np.ones((4, 1)), verbose=0)
    >>> sorted(v.path for v in line.weights)
    ['line/offset', 'line/slope']
    """

    def __init__(self, **kwargs: Any):
        if "inputs" in kwargs or "outputs" in kwargs:
            raise errors.LayerError(
                f"{type(self).__name__} is for subclassing. Make a functional model of keras.Model and scoped layers."
            )
        super().__init__(**kwargs)

    def export(self, filepath: Any, *args: Any, input_signature: Any = None, **kwargs: Any) -> None:
        """Keras' export; the input signature, if not given, is that of the call that the model was built for.

        Keras knows the shapes of that call only, and takes all inputs for floats.
        """
        if input_signature is None and self._kscope.built_with is not None:
            input_signature = _spec.input_signature(self, self._kscope.built_with)
        super().export(filepath, *args, input_signature=input_signature, **kwargs)
