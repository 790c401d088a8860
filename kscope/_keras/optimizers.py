"""Touch points with built optimizers, which Keras has no way to extend: for the late variables of `late="allow"`.

An optimizer has lists of slots (momenta, velocities), each with one variable for each variable that is trained. A late
variable gets new slots, and the other slots keep their values; Keras could only build the optimizer again, from zeros.
`tests/layers/test_late.py` fails when Keras changes a name that is used here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from kscope._keras.layers import untracked
from kscope._keras.patches import built_optimizers

__all__ = ["extend"]


def extend(variable: keras.Variable, neighbours: Sequence[keras.Variable]) -> None:
    """Make each optimizer that trains one of the neighbours train `variable` as well.

    The variable is inserted after the last neighbour, as if the optimizer were built now: Keras saves the variables of
    an optimizer by position.
    """
    ids = {id(neighbour) for neighbour in neighbours}
    for optimizer in list(built_optimizers):
        trained = optimizer._trainable_variables  # noqa: SLF001
        places = [i for i, known in enumerate(trained) if id(known) in ids]
        if places and all(known is not variable for known in trained):
            _insert(optimizer, variable, places[-1] + 1)


def _insert(optimizer: Any, variable: keras.Variable, place: int) -> None:
    """Insert slots for `variable`, made by a new optimizer, among the slots that this optimizer has."""
    trained = optimizer._trainable_variables  # noqa: SLF001
    new = _slots(_alike(optimizer, [variable]), 1)
    lists = {name: slots for name, slots in _slots(optimizer, len(trained)).items() if name in new}
    layout = _layout(optimizer, len(variable.shape))
    with untracked():
        for name, slots in lists.items():
            lists[name] = [*slots[:place], new[name][0], *slots[place:]]
            setattr(optimizer, name, lists[name])
        trained = optimizer._trainable_variables = [*trained[:place], variable, *trained[place:]]  # noqa: SLF001
    for i, known in enumerate(trained):
        optimizer._trainable_variables_indices[optimizer._var_key(known)] = i  # noqa: SLF001
    if hasattr(optimizer, "_weight_decay_by_var_key"):
        # Since Keras 3.16 an optimizer decides only once which variables decay.
        decays = not optimizer._is_excluded_from_weight_decay(variable)  # noqa: SLF001
        optimizer._weight_decay_by_var_key[optimizer._var_key(variable)] = decays  # noqa: SLF001
    _, variables = optimizer._tracker.config["variables"]  # noqa: SLF001
    _sort(variables, lists, layout)


def _alike(optimizer: Any, variables: list[keras.Variable]) -> Any:
    """Return a new optimizer with the same config, built for other variables."""
    alike = type(optimizer).from_config(optimizer.get_config())
    alike.build(variables)
    for made in (alike, getattr(alike, "inner_optimizer", alike)):
        built_optimizers.discard(made)
    return alike


def _slots(optimizer: Any, count: int) -> dict[str, list[Any]]:
    """Return the lists of slots, with one slot for each trained variable, by the names of their attributes."""
    return {
        name: values
        for name, values in vars(optimizer).items()
        if isinstance(values, list)
        and len(values) == count
        and name not in ("_variables", "_trainable_variables")
        and all(value is None or isinstance(value, keras.Variable) for value in values)
    }


def _layout(optimizer: Any, rank: int) -> list[list[str]]:
    """Return the attribute names in groups, in the order of Keras: the slots of the lists in one group alternate."""
    probe = _alike(optimizer, [keras.Variable(keras.ops.ones((1,) * rank), name=name) for name in "ab"])
    order = {id(variable): i for i, variable in enumerate(probe._variables)}  # noqa: SLF001
    places = {name: [order.get(id(slot), -1) for slot in slots] for name, slots in _slots(probe, 2).items()}
    groups: list[list[str]] = []
    for name in sorted(places, key=lambda name: places[name]):
        if groups and places[name][0] < places[groups[-1][0]][1]:
            groups[-1].append(name)
        else:
            groups.append([name])
    return groups


def _sort(variables: list[Any], lists: dict[str, list[Any]], groups: list[list[str]]) -> None:
    """Put an optimizer's variables into the order in which Keras would make them now."""
    slots = []
    for group in groups:
        columns = [lists[name] for name in group if name in lists]
        slots += [slot for row in zip(*columns, strict=True) for slot in row if slot is not None]
    ids = {id(slot) for slot in slots}
    ordered = [variable for variable in variables if id(variable) not in ids] + slots
    # TensorFlow wraps the list. At each change through the wrapper it compares the items with a snapshot.
    getattr(variables, "_storage", variables)[:] = ordered
    if hasattr(variables, "_update_snapshot"):
        variables._update_snapshot()  # noqa: SLF001
