"""Every row of the rules that TF1 was seen to follow has a test that names it.

`rows.txt` holds the rows, each with what kscope makes of it: SAME, ADAPT, FIX, or DROP for what it does without.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
ROWS = dict(line.split() for line in (TESTS / "rows.txt").read_text(encoding="utf-8").splitlines())
NAMED = re.compile(r"\(rows? ([^()]*)\)")
# A row, or a range of rows of one letter. What is no row is a remark: "(row C1, deviation 14)".
ROW = re.compile(r"([A-Z])(\d+)(?:-\1(\d+))?")


def rows_of(docstring: str) -> Iterator[str]:
    """The rows that a docstring names."""
    for listed in NAMED.findall(docstring):
        for part in re.split(r",\s*|\s+and\s+", listed):
            if found := ROW.fullmatch(part):
                letter, first, last = found.groups()
                yield from (f"{letter}{number}" for number in range(int(first), int(last or first) + 1))
            elif part[:1].isupper():
                yield part


def named() -> dict[str, list[str]]:
    """Row -> the tests that name it."""
    tests: dict[str, list[str]] = {}
    for file in sorted(TESTS.rglob("test_*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                for row in rows_of(ast.get_docstring(node) or ""):
                    tests.setdefault(row, []).append(f"{file.relative_to(TESTS)}::{node.name}")
    return tests


def test_every_row_is_proven():
    """A row that kscope follows, in TF1's way or its own, is in the docstring of a test."""
    missing = set(ROWS) - set(named())
    assert [row for row, tag in ROWS.items() if tag != "DROP" and row in missing] == []


def test_every_row_that_is_named_exists():
    """No docstring of a test names a row that there is not."""
    assert {row: tests for row, tests in named().items() if row not in ROWS} == {}


@pytest.mark.parametrize(
    ("docstring", "rows"),
    [
        ("It is so (row C10).", ["C10"]),
        ("It is so (rows C10, D2).", ["C10", "D2"]),
        ("It is so (rows I5-I7 and K1).", ["I5", "I6", "I7", "K1"]),
        ("It is so (rows C1,\n    D2), and so (row S7, deviation 14).", ["C1", "D2", "S7"]),
        ("It is so (rows B1 to N11, I5-K7).", ["B1 to N11", "I5-K7"]),
        ("A row C10 (section V).", []),
    ],
)
def test_rows_of_a_docstring(docstring, rows):
    """Rows are told one by one or as ranges of one letter; what looks like a row and is none is not lost."""
    assert list(rows_of(docstring)) == rows
