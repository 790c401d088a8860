"""One layer to compare, with its inputs and settings: as the user gives it, and in the folder that workers read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kscope.testing._errors import CaseError
from kscope.testing._parity.records import Record
from kscope.testing._parity.target import Target, target_of
from kscope.testing._parity.trees import flatten, unflatten

__all__ = ["Case", "Work", "read", "write"]


@dataclass(frozen=True)
class Case:
    """One comparison of `compare_backends`.

    Attributes:
        make_layer: a function without arguments that returns a layer or a model; or its name, as in
            `"package.module:make_layer"`.
        inputs: a NumPy array, or a list or dict of arrays, for the layer's first argument; or a tuple of its
            positional arguments.
        targets: NumPy arrays for the training steps, in the structure of the outputs. Defaults to random numbers.
        steps: int. The number of training steps.
        optimizer: as in `keras.Model.compile`: a name, a config, or an object that Keras can serialize.
        loss: as `optimizer`.
        training: bool. The `training` argument of the eager call and of the call that gives the gradients.
        tolerances: relative tolerances that replace the default ones, by dtype (`"float32"`), or by the kind of
            result (`"outputs"`, `"losses"`, `"gradients"`, `"training"`), which takes precedence.
        name: str. The title of the report. Defaults to the name of `make_layer`.
    """

    make_layer: Callable[[], Any] | str
    inputs: Any
    targets: Any = None
    steps: int = 3
    optimizer: Any = "sgd"
    loss: Any = "mse"
    training: bool = False
    tolerances: Mapping[str, float] | None = None
    name: str | None = None

    @property
    def title(self) -> str:
        """The title of the report."""
        return self.name or str(target_of(self.make_layer))


@dataclass(frozen=True)
class Work:
    """A case as a worker reads it; the attributes are those of `Case`."""

    target: Target
    inputs: Any
    targets: Any
    steps: int
    optimizer: Any
    loss: Any
    training: bool


def write(case: Case, folder: Path) -> None:
    """Write a case to its folder, where `read` finds it.

    Raises:
        TargetError: if the function has no name by which a worker could find it.
        CaseError: if inputs or settings are invalid, or cannot be sent to another process.
    """
    if not isinstance(case.steps, int) or case.steps < 0:
        raise CaseError(f"steps must be an int of at least zero. Received: steps={case.steps!r}")
    inputs, inputs_structure = flatten(case.inputs, "inputs")
    if not inputs:
        raise CaseError(f"inputs must have an array in them. Received: inputs={case.inputs!r}")
    targets, targets_structure = ([], None) if case.targets is None else flatten(case.targets, "targets")
    facts = {
        "target": vars(target_of(case.make_layer)),
        "inputs": inputs_structure,
        "targets": targets_structure,
        "settings": {
            "steps": case.steps,
            "training": bool(case.training),
            "optimizer": _plain(case.optimizer, "optimizer"),
            "loss": _plain(case.loss, "loss"),
        },
    }
    groups = {"inputs": inputs, "targets": targets}
    arrays = {f"{group}/{i}": leaf for group, leaves in groups.items() for i, leaf in enumerate(leaves)}
    Record(facts, arrays).save(folder / "case")


def read(folder: Path) -> Work:
    """Return the case that `write` put into a folder."""
    record = Record.load(folder / "case")
    assert record is not None, "a case is written before its workers start"
    facts = record.facts

    def nested(group: str) -> Any:
        leaves = [array for name, array in record.arrays.items() if name.startswith(f"{group}/")]
        return None if facts[group] is None else unflatten(leaves, facts[group])

    return Work(Target(**facts["target"]), nested("inputs"), nested("targets"), **facts["settings"])


def _plain(value: Any, what: str) -> Any:
    """Return a name or config unchanged, and the config of an optimizer or loss, whose class has loaded Keras."""
    if isinstance(value, str | dict):
        return value
    if not hasattr(value, "get_config"):
        raise CaseError(
            f"{what} must be a name, a config, or an object with `get_config`, to be made again in other processes. "
            f"Received: {what}={value!r}"
        )
    import keras

    return keras.saving.serialize_keras_object(value)
