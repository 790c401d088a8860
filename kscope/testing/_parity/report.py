"""The report of a comparison: a row for each named result, and the workers that failed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from io import StringIO
from itertools import groupby
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from kscope.testing._errors import BackendsDisagreeError, WorkerFailedError

__all__ = ["Failure", "Report", "Row"]

_WIDTH = 160
_COLUMNS = ("", "compared", "name", "worst difference", "allowed", "between", "found")


@dataclass(frozen=True)
class Row:
    """One compared result.

    Attributes:
        what: the part of the comparison, such as `"gradients"`.
        name: the name of the weight or output.
        agree: bool. Whether the backends agree.
        backends: the two backends that differ most.
        difference: the worst absolute difference; `None` if numbers are not compared.
        tolerance: the absolute difference that is allowed at that place.
        index: the first place where the difference is not allowed; without one, the place of the worst.
        found: the value of each backend at `index`, as text.
    """

    what: str
    name: str
    agree: bool
    backends: tuple[str, ...] = ()
    difference: float | None = None
    tolerance: float | None = None
    index: tuple[int, ...] | None = None
    found: Mapping[str, str] = field(default_factory=dict)

    @property
    def place(self) -> str:
        """The name with the index, such as `"fc/bias[0]"`."""
        return self.name + (f"[{', '.join(map(str, self.index))}]" if self.index else "")

    def __str__(self) -> str:
        found = ", ".join(f"{value} on {backend}" for backend, value in self.found.items())
        return f"{self.what}: {self.place}: {found}"


@dataclass(frozen=True)
class Failure:
    """A worker that failed.

    Attributes:
        backend: the backend of the worker.
        stage: the stage in which it failed, such as `"build"`.
        text: the traceback, or how the process ended.
    """

    backend: str
    stage: str
    text: str

    def __str__(self) -> str:
        return f"{self.backend} failed in {self.stage}:\n{self.text}"


@dataclass(frozen=True)
class Report:
    """The result of `assert_backends_agree`; `str(report)` is a table.

    Attributes:
        title: the name of the layer's function, or of the case.
        backends: the backends that were compared; the first one made the weights.
        missing: the backends that are not installed.
        rows: the compared results, in the order of computation.
        failures: the workers that failed.
        notes: the tolerances, the stages that were skipped, and the reasons for both.
        versions: the versions of Keras and the backends.
        seconds: float. How long the comparison took.

    Example:
    >>> row = Row("outputs", "output", False, ("jax", "torch"), 0.5, 1e-6, (0, 1), {"jax": "1.0", "torch": "1.5"})
    >>> report = Report("layers:make", ("jax", "torch"), rows=(row,))
    >>> report.agree, str(report.first)
    (False, 'outputs: output[0, 1]: 1.0 on jax, 1.5 on torch')
    """

    title: str
    backends: tuple[str, ...]
    missing: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()
    failures: tuple[Failure, ...] = ()
    notes: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def agree(self) -> bool:
        """Whether the backends agree on every row, and none failed."""
        return not self.failures and not self.differing

    @property
    def differing(self) -> tuple[Row, ...]:
        """The rows on which the backends do not agree."""
        return tuple(row for row in self.rows if not row.agree)

    @property
    def first(self) -> Row | None:
        """The first row on which they do not agree, which may cause the differences in later rows."""
        return next(iter(self.differing), None)

    def check(self) -> None:
        """Raise if the backends do not agree.

        Raises:
            WorkerFailedError: if a worker failed. The message has the traceback.
            BackendsDisagreeError: if they differ. The message is the table.
        """
        if self.failures:
            raise WorkerFailedError(str(self))
        if not self.agree:
            raise BackendsDisagreeError(str(self))

    def __str__(self) -> str:
        return _text(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as values that JSON can hold; a difference that is not finite becomes text."""
        said = asdict(self)
        for row in said["rows"]:
            if row["difference"] is not None and not math.isfinite(row["difference"]):
                row["difference"] = str(row["difference"])
        return {"agree": self.agree, **said}


def _text(report: Report) -> str:
    """Return the report as text without colours, which is the same in a terminal, a log and an error."""
    verdict = "agree" if report.agree else "do not agree"
    parts = [f"{report.title}: {', '.join(report.backends)} {verdict}."]
    if report.first is not None:
        parts.append(f"  First place: {report.first}")
    parts += [f"  Not installed: {name}" for name in report.missing]
    parts += [f"\n{failure}" for failure in report.failures]
    if report.rows:
        parts += ["", _table(report.rows)]
    parts += [f"  {note}" for note in (*report.notes, _versions(report)) if note]
    return "\n".join(parts)


def _versions(report: Report) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in report.versions.items())
    return f"{versions}; {report.seconds:.1f} s" if versions else ""


def _table(rows: Iterable[Row]) -> str:
    table = Table(*_COLUMNS, box=SIMPLE_HEAD, pad_edge=False)
    for _, group in groupby(rows, key=lambda row: row.what):
        for cells in _lines(list(group)):
            table.add_row(*cells)
    out = StringIO()
    # Names and values come from the user, so nothing in them is markup.
    Console(file=out, width=_WIDTH, markup=False, emoji=False, highlight=False, color_system=None).print(table)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines() if line.strip())


def _lines(group: list[Row]) -> list[tuple[str, ...]]:
    agreeing = [row for row in group if row.agree]
    lines = [_cells("≠", row, row.place, _found(row)) for row in group if not row.agree]
    if agreeing:
        row = max(agreeing, key=_excess)
        name = row.place if len(agreeing) == 1 else f"{len(agreeing)} names"
        if len(agreeing) > 1 and row.difference:
            name += f", worst at {row.place}"
        lines.insert(0, _cells("=", row, name, ""))
    return lines


def _found(row: Row) -> str:
    return ", ".join(f"{backend}: {value}" for backend, value in row.found.items())


def _cells(sign: str, row: Row, name: str, found: str) -> tuple[str, ...]:
    difference = "" if row.difference is None else f"{row.difference:.2g}"
    allowed = "" if row.tolerance is None else f"{row.tolerance:.2g}"
    between = ", ".join(row.backends) if row.difference or not row.agree else ""
    return (sign, row.what, name, difference, allowed, between, found)


def _excess(row: Row) -> float:
    return (row.difference or 0.0) / (row.tolerance or 1.0)
