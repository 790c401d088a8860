"""`MATRIX.md`: which feature is proven on which backend, written by the tests that prove it.

A test marked `@pytest.mark.matrix("Group: feature")` puts a tick into the column of the backend under test, or into
those that its `on=` names, or what its `says=` says, or a cross if it fails. The file is the state: a run replaces the
cells of the features it ran, and keeps all others, so that a cell that nothing proves stays empty. There is nothing in
it that a second run would change.
"""

from __future__ import annotations

import ast
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

FILE = Path(__file__).parents[1] / "MATRIX.md"
COLUMNS = {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "PyTorch"}
PASSED, FAILED = "✓", "✗"
HEAD = f"""# What is proven on which backend

Written by the tests that are marked for it, a column a run; `{PASSED}` passed, `{FAILED}` failed, empty: not proven.
"""

Table = dict[str, dict[str, str]]


class Matrix:
    """The plugin: outcomes of the marked tests of one session, written at its end."""

    def __init__(self, path: Path, backend: str):
        self.path = path
        self.backend = backend
        self.said: dict[tuple[str, str], set[str]] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: Any) -> Any:
        """Take note of an outcome."""
        report = yield
        for mark in item.iter_markers("matrix"):
            says = FAILED if report.failed else mark.kwargs.get("says", PASSED)
            if report.failed or (report.passed and report.when == "call"):
                for backend in mark.kwargs.get("on", (self.backend,)):
                    self.said.setdefault((mark.args[0], COLUMNS[backend]), set()).add(says)
        return report

    def pytest_sessionfinish(self) -> None:
        """Write the cells of this session's features."""
        if not self.said:
            return
        with alone(self.path.with_name(f"{self.path.name}.lock")):
            table = parse(self.path.read_text(encoding="utf-8")) if self.path.exists() else {}
            for (feature, column), said in self.said.items():
                table.setdefault(feature, {})[column] = cell(said)
            # Whole or not at all: a run that is stopped here leaves the old file.
            temporary = self.path.with_name(f"{self.path.name}.{os.getpid()}")
            temporary.write_text(render(table), encoding="utf-8")
            temporary.replace(self.path)


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """A block that the runs of several backends enter one after the other; a lock that a killed run left is taken."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            lock.touch(exist_ok=False)
            break
        except FileExistsError:
            time.sleep(0.05)
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)


def cell(said: set[str]) -> str:
    """One failure is enough for a cross; words say more than a tick."""
    if FAILED in said:
        return FAILED
    return ", ".join(sorted(said - {PASSED})) or PASSED


def render(table: Table) -> str:
    """The file: a heading and a table for each group, both in alphabetical order."""
    lines = [HEAD]
    group = None
    for feature in sorted(table, key=str.casefold):
        heading, _, name = feature.partition(": ")
        if heading != group:
            group = heading
            lines += [f"\n## {group}\n", row("", *COLUMNS.values()), row(*["---"] * (len(COLUMNS) + 1))]
        lines.append(row(name, *(table[feature].get(column, "") for column in COLUMNS.values())))
    return "\n".join(lines).replace("\n\n\n", "\n\n") + "\n"


def row(*cells: str) -> str:
    """A line of a Markdown table."""
    return "| " + " | ".join(cells) + " |"


def parse(text: str) -> Table:
    """What `render` wrote."""
    table: Table = {}
    group = ""
    for line in text.splitlines():
        if line.startswith("## "):
            group = line.removeprefix("## ")
        elif line.startswith("| "):
            name, *cells = (part.strip() for part in line.removeprefix("|").removesuffix("|").split("|"))
            if name and name != "---":
                found = zip(COLUMNS.values(), cells, strict=True)
                table[f"{group}: {name}"] = {column: said for column, said in found if said}
    return table


def marked(folder: Path) -> Iterator[str]:
    """The features that the marks in the source of the tests name."""
    for path in sorted(folder.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("mark.matrix"):
                yield ast.literal_eval(node.args[0])
