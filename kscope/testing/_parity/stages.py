"""The stages of a worker: build the layer, call it, compute gradients, and train, on the current backend.

Each stage starts from the same weights, and returns its results as a record. This file knows no other backend.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from kscope import _keras
from kscope.testing._calls import arguments, as_model, is_float, names, numbers, targets_for, tensors
from kscope.testing._parity.case import Work
from kscope.testing._parity.gradients import gradients
from kscope.testing._parity.records import Record

__all__ = ["Subject"]


class Subject:
    """The layer under test. Each stage is a method that returns a record."""

    def __init__(self, work: Work):
        self._work = work
        self._layer: Any = work.target.load()()
        self._arrays = arguments(self._layer, work.inputs)
        self._args = tensors(self._arrays)
        self._initial: dict[str, Any] = {}
        self._outputs: Any = None

    def build(self) -> Record:
        """Build the layer with a first call; return facts about the weights, and their values."""
        self._layer(*self._args, training=False)
        weights = self._weights()
        facts = {
            "weights": {
                name: {"shape": tuple(v.shape), "dtype": _dtype(v), "trainable": bool(v.trainable)}
                for name, v in weights.items()
            },
            "compute": sorted({part.compute_dtype for part in _keras.sublayers(self._layer)}),
            "positions": max(array.size // max(array.shape[-1:] or (1,)) for array in _flat(self._arrays)),
            "narrow": _dtype(keras.ops.convert_to_tensor(np.zeros(1, "int64"))) != "int64",
            "versions": _versions(),
        }
        return _record(facts, weights=weights)

    def start_from(self, weights: Mapping[str, Any]) -> None:
        """Let each stage start from `weights`, as far as the layer has weights of the same name and shape."""
        self._initial = {name: numbers(variable) for name, variable in self._weights().items()}
        for name, value in weights.items():
            if name in self._initial and self._initial[name].shape == value.shape:
                self._initial[name] = value

    def eager(self) -> Record:
        """Return the outputs and losses of an eager call, and the weights after it."""
        self._restart()
        self._outputs = self._layer(*self._args, training=self._work.training)
        return _record(
            outputs=_named(self._outputs, "output"),
            losses={f"loss {i}": loss for i, loss in enumerate(self._layer.losses)},
            weights=self._weights(),
        )

    def compiled(self) -> Record:
        """Return the outputs of `predict_on_batch`, compiled as Keras compiles it by default."""
        self._restart()
        model, data = as_model(self._layer, self._arrays)
        outputs = model.predict_on_batch(data)
        return _record({"how": _compiler(model)}, outputs=_named(outputs, "output"))

    def gradients(self) -> Record:
        """Return the gradients of a fixed scalar of the outputs, by the names of the trainable weights."""
        if reason := self._untrainable():
            return _record({"skipped": reason})
        self._restart()
        found = gradients(self._layer, self._args, self._work.training)
        by_id = {id(v): gradient for v, gradient in zip(self._layer.trainable_variables, found, strict=True)}
        return _record(
            gradients={name: by_id[id(v)] for name, v in self._weights().items() if id(v) in by_id},
        )

    def training(self) -> Record:
        """Return the loss of each training step, and the weights after the last one."""
        reason = "steps=0" if self._work.steps == 0 else self._untrainable()
        if reason:
            return _record({"skipped": reason})
        self._restart()
        model, data = as_model(self._layer, self._arrays)
        model.compile(optimizer=keras.optimizers.get(self._work.optimizer), loss=_loss(self._work.loss))
        losses = {}
        for step in range(1, self._work.steps + 1):
            losses[f"step {step}"] = np.asarray(model.train_on_batch(data, self._targets(), return_dict=True)["loss"])
            # Without this, Keras returns the mean of all steps so far.
            model.reset_metrics()
        return _record(losses=losses, weights=self._weights())

    def _restart(self) -> None:
        keras.utils.set_random_seed(0)
        for name, variable in self._weights().items():
            variable.assign(self._initial[name])

    def _weights(self) -> dict[str, Any]:
        """Return the weights by name. Keras allows equal paths, so repeated ones get a number."""
        seen: Counter[str] = Counter()
        found = {}
        for variable in self._layer.weights:
            seen[variable.path] += 1
            count = seen[variable.path]
            found[variable.path if count == 1 else f"{variable.path} #{count}"] = variable
        return found

    def _untrainable(self) -> str | None:
        if not self._layer.trainable_variables:
            return "no trainable weights"
        return None if any(map(is_float, keras.tree.flatten(self._outputs))) else "no outputs that are floats"

    def _targets(self) -> Any:
        if self._work.targets is not None:
            return self._work.targets
        return targets_for(self._outputs)


def _flat(nested: Any) -> list[np.ndarray[Any, Any]]:
    return list(keras.tree.flatten(nested))


def _named(nested: Any, root: str) -> dict[str, Any]:
    return dict(zip(names(nested, root), keras.tree.flatten(nested), strict=True))


def _dtype(tensor: Any) -> str:
    return str(keras.backend.standardize_dtype(tensor.dtype))


def _record(facts: Any = None, **groups: Mapping[str, Any]) -> Record:
    """Make a record of named tensors in groups. Python numbers have no entry in its dtypes."""
    found = {f"{group}/{name}": value for group, values in groups.items() for name, value in values.items()}
    return Record(facts or {}, {key: numbers(value) for key, value in found.items()}, _dtypes(found))


def _dtypes(found: Mapping[str, Any]) -> dict[str, str]:
    return {key: _dtype(value) for key, value in found.items() if hasattr(value, "dtype")}


def _loss(loss: Any) -> Any:
    # A dict without `class_name` is not a config: it has a loss for each output.
    return keras.losses.get(loss) if isinstance(loss, dict) and "class_name" in loss else loss


def _versions() -> dict[str, str]:
    backend = keras.backend.backend()
    return {"keras": keras.__version__, backend: str(__import__(backend).__version__)}


def _compiler(model: Any) -> str:
    """Return the name of the compiler that Keras uses for predictions."""
    by_backend = {
        "tensorflow": ("tf.function", "tf.function with XLA"),
        "jax": ("no compiler", "jax.jit"),
        "torch": ("no compiler", "torch.compile"),
    }
    if model.run_eagerly:
        return "no compiler"
    return by_backend[keras.backend.backend()][bool(model.jit_compile)]
