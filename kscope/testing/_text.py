"""A report as a table for people: rows that agree are summed up, each that does not stands by itself."""

from __future__ import annotations

from collections.abc import Iterable
from io import StringIO
from itertools import groupby

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from kscope.testing._report import Report, Row

__all__ = ["text"]

_WIDTH = 160
_COLUMNS = ("", "compared", "name", "worst difference", "allowed", "between", "found")


def text(report: Report) -> str:
    """The report as text, without colours, so that it is the same in a terminal, a log and an error."""
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
    # Names and values are the user's: nothing in them is markup.
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
