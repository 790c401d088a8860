"""`check_layer`: check that a layer keeps Keras' contracts on the current backend, with public API only."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kscope._scopes.scope import VariableScope
from kscope._stores.store import VariableStore
from kscope.testing._calls import arguments, as_model, is_float, names, numbers, targets_for, tensors
from kscope.testing._errors import LayerCheckError

__all__ = ["check_layer"]

# For a loaded layer: it runs the same operations on the same backend, but they may be compiled in other groups.
_TOLERANCE = 1e-5
_STEPS = 3
_DRAWS = 3


def check_layer(
    make_layer: Callable[[], Any],
    inputs: Any,
    *,
    targets: Any = None,
    optimizer: Any = "sgd",
    loss: Any = "mse",
    precision: Sequence[str] = ("mixed_float16", "mixed_bfloat16"),
) -> None:
    """Check that calling, training, saving, naming and casting a layer work as Keras expects.

    - Calling: a symbolic call gives the shapes and dtypes of an eager call.
    - Naming: all weights have different paths, and a second layer in another store has the same paths below its name.
    - Saving: `from_config(get_config())` gives equal outputs, and so does saving to a `.keras` file and loading.
    - Training: `fit` changes every trainable weight.
    - Precision: with a mixed policy, outputs have its compute dtype, and weights are float32.

    Args:
        make_layer: a function without arguments that returns a new layer or model. It may be a lambda.
        inputs: a NumPy array, or a list or dict of arrays, for the layer's first argument; or a tuple of its
            positional arguments.
        targets: NumPy arrays in the structure of the outputs, for training. Defaults to random numbers.
        optimizer: as in `keras.Model.compile`.
        loss: as in `keras.Model.compile`.
        precision: names of the mixed policies to check; `()` for a layer that sets its own dtype.

    Raises:
        LayerCheckError: an AssertionError; its message says what was expected and what was found.

    Example:
    >>> kscope.testing.check_layer(lambda: keras.layers.Dense(2), np.ones((4, 3), "float32"))
    >>> class Forgetful(keras.layers.Dense):
    ...     def get_config(self):
    ...         return {"units": 3}
    >>> kscope.testing.check_layer(lambda: Forgetful(2, name="fc"), np.ones((4, 3), "float32"))
    Traceback (most recent call last):
    kscope.testing._errors.LayerCheckError: Layer 'fc' of <class 'kscope.testing._check_layer.Forgetful'>
      expected: from_config(get_config()) to make a layer with the same weights and outputs, of shapes [(3, 2), (2,)]
      found:    [(3, 3), (3,)]
    """
    layer = _new(make_layer)
    arrays = arguments(layer, inputs)
    outputs = layer(*tensors(arrays))
    _check_symbolic(_new(make_layer), arrays, outputs)
    _check_names(layer, make_layer, arrays)
    _check_config(layer, arrays, outputs)
    _check_file(_new(make_layer), arrays)
    _check_training(make_layer, arrays, targets, optimizer, loss)
    for policy in precision:
        _check_precision(make_layer, arrays, policy)


def _new(make_layer: Callable[[], Any]) -> Any:
    # Each layer gets its own store, as if another program had made it.
    with VariableStore().as_default():
        return make_layer()


def _require(layer: Any, holds: bool, expected: str, found: str) -> None:
    if not holds:
        raise _broken(layer, expected, found)


def _broken(layer: Any, expected: str, found: str) -> LayerCheckError:
    return LayerCheckError(f"Layer {layer.name!r} of {type(layer)}\n  expected: {expected}\n  found:    {found}")


@contextmanager
def _works(layer: Any, expected: str) -> Iterator[None]:
    """Raise `LayerCheckError` with `expected` if the block raises."""
    try:
        yield
    except LayerCheckError:
        raise
    except Exception as error:
        raise _broken(layer, expected, f"{type(error).__name__}: {error}") from error


def _check_symbolic(layer: Any, arrays: tuple[Any, ...], outputs: Any) -> None:
    expected = "a call on symbols to give the shapes and dtypes of an eager call"
    with _works(layer, expected):
        symbols = keras.tree.map_structure(lambda x: keras.KerasTensor(x.shape, _dtype(x)), tensors(arrays))
        found = _described(layer(*symbols))
    _require(layer, found == _described(outputs), f"{expected}: {_described(outputs)}", str(found))


def _described(outputs: Any) -> dict[str, str]:
    found = zip(names(outputs, "output"), keras.tree.flatten(outputs), strict=True)
    return {name: f"{tuple(output.shape)} {_dtype(output)}" for name, output in found}


def _dtype(tensor: Any) -> str:
    return str(keras.backend.standardize_dtype(tensor.dtype))


def _check_names(layer: Any, make_layer: Callable[[], Any], arrays: tuple[Any, ...]) -> None:
    paths = [variable.path for variable in layer.weights]
    twice = sorted({path for path in paths if paths.count(path) > 1})
    _require(layer, not twice, "all weights to have different paths", f"more than once: {', '.join(twice)}")
    second = _new(make_layer)
    second(*tensors(arrays))
    ours, theirs = _relative(layer), _relative(second)
    expected = "a second layer to have the same paths below its name"
    _require(layer, ours == theirs, f"{expected}: {', '.join(ours)}", ", ".join(theirs))


def _relative(layer: Any) -> list[str]:
    """Return the paths of the weights without the layer's scope, or without its name, to which Keras adds a number."""
    scope = getattr(layer, "scope", None)
    root = scope.name if isinstance(scope, VariableScope) else layer.name
    return [variable.path.removeprefix(f"{root}/") for variable in layer.weights]


def _check_config(layer: Any, arrays: tuple[Any, ...], outputs: Any) -> None:
    expected = "from_config(get_config()) to make a layer with the same weights and outputs"
    with _works(layer, expected):
        again = type(layer).from_config(layer.get_config())
        again(*tensors(arrays))
        shapes = [[tuple(variable.shape) for variable in one.weights] for one in (layer, again)]
        _require(layer, shapes[0] == shapes[1], f"{expected}, of shapes {shapes[0]}", f"{shapes[1]}")
        again.set_weights(layer.get_weights())
        _check_equal(layer, expected, outputs, again(*tensors(arrays)))


def _check_file(layer: Any, arrays: tuple[Any, ...]) -> None:
    expected = "a model with it to give the same outputs after saving and loading"
    with _works(layer, expected), tempfile.TemporaryDirectory(prefix="kscope-") as folder:
        model, data = as_model(layer, arrays)
        outputs = model.predict_on_batch(data)
        path = Path(folder) / "layer.keras"
        model.save(path)
        loaded = keras.saving.load_model(path, custom_objects={type(layer).__name__: type(layer)})
        _check_equal(layer, expected, outputs, loaded.predict_on_batch(data))


def _check_equal(layer: Any, expected: str, outputs: Any, others: Any) -> None:
    pairs = zip(names(outputs, "output"), keras.tree.flatten(outputs), keras.tree.flatten(others), strict=True)
    for name, one, other in pairs:
        one, other = numbers(one), numbers(other)
        close = one.shape == other.shape and np.allclose(one, other, rtol=_TOLERANCE, atol=_TOLERANCE, equal_nan=True)
        _require(layer, close, f"{expected}: {name} {_shown(one)}", _shown(other))


def _shown(array: Any) -> str:
    return np.array2string(array, threshold=8, edgeitems=2).replace("\n", "")


def _check_training(
    make_layer: Callable[[], Any], arrays: tuple[Any, ...], targets: Any, optimizer: Any, loss: Any
) -> None:
    # With some random weights, a ReLU is zero for all inputs, so the check is repeated with others before it fails.
    for _ in range(_DRAWS):
        layer = _new(make_layer)
        outputs = layer(*tensors(arrays))
        if not layer.trainable_variables:
            return
        still = _untrained(layer, arrays, targets_for(outputs) if targets is None else targets, optimizer, loss)
        if not still:
            return
    _require(layer, False, f"fit to change every trainable weight in {_STEPS} steps", f"as before: {still}")


def _untrained(layer: Any, arrays: tuple[Any, ...], targets: Any, optimizer: Any, loss: Any) -> list[str]:
    """Return the paths of the trainable weights that `fit` does not change."""
    before = [numbers(variable) for variable in layer.trainable_variables]
    with _works(layer, "fit to run"), warnings.catch_warnings():
        # The returned paths say the same.
        warnings.filterwarnings("ignore", "Gradients do not exist")
        model, data = as_model(layer, arrays)
        model.compile(optimizer=_another(optimizer), loss=loss)
        # Some weights get a gradient in the second step only, such as those beside a factor that starts as zero.
        model.fit(data, targets, batch_size=_batch_size(data), epochs=_STEPS, shuffle=False, verbose=0)
    pairs = zip(layer.trainable_variables, before, strict=True)
    return [variable.path for variable, values in pairs if np.array_equal(numbers(variable), values)]


def _another(optimizer: Any) -> Any:
    """Return a new optimizer with the same settings: a used one is bound to the variables that it trained."""
    return keras.optimizers.get(keras.saving.serialize_keras_object(keras.optimizers.get(optimizer)))


def _batch_size(data: Any) -> int:
    return int(keras.tree.flatten(data)[0].shape[0])


def _check_precision(make_layer: Callable[[], Any], arrays: tuple[Any, ...], policy: str) -> None:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        layer = _new(make_layer)
        compute = keras.DTypePolicy(policy).compute_dtype
        with _works(layer, f"to run under the policy {policy}"):
            outputs = layer(*tensors(arrays))
    finally:
        keras.config.set_dtype_policy(before)
    of_outputs = {name: _dtype(x) for name, x in _floats(names(outputs, "output"), keras.tree.flatten(outputs))}
    of_weights = {path: _dtype(x) for path, x in _floats([v.path for v in layer.weights], layer.weights)}
    for what, found, dtype in (("outputs", of_outputs, compute), ("weights", of_weights, "float32")):
        others = {name: other for name, other in found.items() if other != dtype}
        _require(layer, not others, f"{what} of {dtype} under the policy {policy}", str(others))


def _floats(named: list[str], values: Any) -> Iterator[tuple[str, Any]]:
    return (pair for pair in zip(named, values, strict=True) if is_float(pair[1]))
