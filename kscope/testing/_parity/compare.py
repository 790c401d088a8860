"""Compare the records of all backends: one row for each named result.

This file knows records only, and not how workers make them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from itertools import combinations
from typing import Any

from kscope.testing._parity.numbers import scale, worst
from kscope.testing._parity.records import Record
from kscope.testing._parity.report import Row
from kscope.testing._parity.tolerances import Tolerances, coarsest

__all__ = ["Results", "compare", "notes", "tolerances"]

Results = Mapping[str, Mapping[str, Record]]
"""Records by backend, then by stage. The stages that a worker did not reach are left out."""

# The stage, the group of arrays in its record, their name in the report, and the kind of their tolerance.
_NUMBERS = (
    ("eager", "outputs", "outputs of a call", "outputs"),
    ("eager", "losses", "losses of a call", "losses"),
    ("eager", "weights", "weights after a call", "outputs"),
    ("compiled", "outputs", "outputs of predict_on_batch", "outputs"),
    ("gradients", "gradients", "gradients", "gradients"),
    ("training", "losses", "loss of a training step", "training"),
    ("training", "weights", "weights after training", "training"),
)
_FACTS = (("shape", "weight shapes"), ("dtype", "weight dtypes"), ("trainable", "weights trainable"))
_NARROW = {"float64": "float32", "int64": "int32", "uint64": "uint32", "complex128": "complex64"}


def tolerances(results: Results, steps: int, given: Mapping[str, float] | None) -> Tolerances:
    """Return the tolerances for this layer, from the facts that the workers found when they built it."""
    facts = [stages["build"].facts for stages in results.values() if "build" in stages]
    shapes = [[weight["shape"] for weight in fact["weights"].values()] for fact in facts]
    return Tolerances(
        terms=max((sum(map(_fan_in, of)) for of in shapes), default=0),
        positions=max((fact["positions"] for fact in facts), default=1),
        weights=max(map(len, shapes), default=0),
        compute=sorted({dtype for fact in facts for dtype in fact["compute"]}),
        steps=steps,
        given=dict(given or {}),
    )


def _fan_in(shape: list[int]) -> int:
    return math.prod(shape[:-1]) if len(shape) > 1 else 1


def compare(results: Results, tolerances: Tolerances) -> Iterator[Row]:
    """Compare the results of the backends, for each stage that at least two of them reached.

    Args:
        results: the records of each backend.
        tolerances: how much the results may differ.

    Returns:
        Rows in the order of computation, so that the first one that differs is nearest to the cause.
    """
    built = _of_stage(results, "build")
    if len(built) > 1:
        yield from _names(built)
        for fact, what in _FACTS:
            yield from _facts(built, fact, what)
    for stage, group, what, kind in _NUMBERS:
        found = _of_stage(results, stage)
        if len(found) > 1:
            yield from _numbers(found, group, what, kind, tolerances, narrow=_narrow(built))


def _of_stage(results: Results, stage: str) -> dict[str, Record]:
    return {backend: stages[stage] for backend, stages in results.items() if stage in stages}


def _narrow(built: Mapping[str, Record]) -> bool:
    """Whether a backend makes 32-bit dtypes of 64-bit ones, as JAX does unless its x64 mode is on."""
    return any(record.facts["narrow"] for record in built.values())


def _names(built: Mapping[str, Record]) -> Iterator[Row]:
    listed = {backend: list(record.facts["weights"]) for backend, record in built.items()}
    for name in _union(listed):
        yield _said("weight names", name, {b: "there" if name in names else "missing" for b, names in listed.items()})
    if len({frozenset(names) for names in listed.values()}) == 1 and any(listed.values()):
        yield _order(listed)


def _order(listed: Mapping[str, list[str]]) -> Row:
    """Compare the order of the names: a row for the first position in `get_weights()` where they differ."""
    places = list(zip(*listed.values(), strict=True))
    place = next((i for i, names in enumerate(places) if len(set(names)) > 1), 0)
    row = _said("weight order", f"number {place}", dict(zip(listed, places[place], strict=True)))
    return row if not row.agree else Row("weight order", "that of get_weights()", True, row.backends)


def _facts(built: Mapping[str, Record], fact: str, what: str) -> Iterator[Row]:
    listed = {backend: list(record.facts["weights"]) for backend, record in built.items()}
    shorten = _shortened if fact == "dtype" and _narrow(built) else str
    for name in _union(listed):
        found = {b: r.facts["weights"][name][fact] for b, r in built.items() if name in r.facts["weights"]}
        if len(found) > 1:
            yield _said(what, name, {backend: _text(value) for backend, value in found.items()}, shorten)


def _numbers(
    found: Mapping[str, Record], group: str, what: str, kind: str, tolerances: Tolerances, narrow: bool
) -> Iterator[Row]:
    arrays = {backend: _group(record.arrays, group) for backend, record in found.items()}
    dtypes = {backend: _group(record.dtypes, group) for backend, record in found.items()}
    by_name = {name: {b: of[name] for b, of in arrays.items() if name in of} for name in _union(arrays)}
    kin = max(map(scale, by_name.values()), default=0.0)
    for name, there in by_name.items():
        if len(there) < len(found):
            # A missing weight has its row among the weight names.
            if group != "weights":
                yield _said(what, name, {b: "there" if b in there else "missing" for b in found})
            continue
        shapes = {backend: str(array.shape) for backend, array in there.items()}
        types = {backend: dtypes[backend][name] for backend in there}
        row = _said(what, name, shapes)
        if row.agree and group == "outputs":
            row = _said(what, name, types, _shortened if narrow else str)
        yield row if not row.agree else _values(what, name, there, tolerances.of(kind, coarsest(types.values())), kin)


def _values(what: str, name: str, arrays: Mapping[str, Any], tolerance: float, kin: float) -> Row:
    difference = worst(arrays, tolerance, kin)
    found = {b: _shown(array[difference.index]) for b, array in arrays.items() if array.size}
    return Row(
        what,
        name,
        difference.agree,
        difference.backends,
        difference.worst,
        difference.allowed,
        difference.index,
        found,
    )


def _shown(number: Any) -> str:
    # Nine digits distinguish any two float32 numbers.
    return f"{number:.9g}" if number.dtype.kind == "f" else str(number)


def _text(fact: Any) -> str:
    return str(tuple(fact)) if isinstance(fact, list) else str(fact)


def _said(what: str, name: str, found: Mapping[str, str], key: Callable[[str], str] = str) -> Row:
    """Return a row for values that are equal or not, without a tolerance."""
    pairs = [pair for pair in combinations(found, 2) if key(found[pair[0]]) != key(found[pair[1]])]
    backends = pairs[0] if pairs else tuple(found)[:2]
    return Row(what, name, not pairs, backends, found=dict(found))


def _shortened(dtype: str) -> str:
    return _NARROW.get(dtype, dtype)


def _group(found: Mapping[str, Any], group: str) -> dict[str, Any]:
    return {key.removeprefix(f"{group}/"): found[key] for key in found if key.startswith(f"{group}/")}


def _union(listed: Mapping[str, Any]) -> list[str]:
    """Return all names, in the order in which the backends list them first."""
    return list(dict.fromkeys(name for names in listed.values() for name in names))


def notes(results: Results, tolerances: Tolerances, rows: list[Row]) -> Iterator[str]:
    """Yield lines for the report: which compiler ran, which stages were skipped and why, and the tolerances."""
    compiled = _of_stage(results, "compiled")
    if compiled:
        yield "predict_on_batch ran " + ", ".join(f"{r.facts['how']} on {b}" for b, r in compiled.items())
    for stage in ("gradients", "training"):
        for reason in sorted({r.facts["skipped"] for r in _of_stage(results, stage).values() if "skipped" in r.facts}):
            yield f"{stage} not compared: {reason}"
    compared = {row.what for row in rows}
    for kind in dict.fromkeys(kind for _, _, what, kind in _NUMBERS if what in compared):
        yield f"tolerance of {tolerances.reason(kind, 'float32')}"
