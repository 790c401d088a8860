"""The pages of `docs/rules`: read, and executed as their README says."""

from __future__ import annotations

import contextlib
import io
import re
import threading
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PAGES = Path(__file__).parents[2] / "docs" / "rules"
TAGS = ("SAME", "ADAPT", "FIX", "DROP")
# The libraries that a snippet can be for. One without a label is for the first and the last.
SIDES = ("TensorFlow 1", "TensorFlow 2", "tf_keras", "kscope")
BOTH = ("TensorFlow 1", "kscope")

_HEADING = re.compile(r"^## (.*)$", re.MULTILINE)
_TAGGED = re.compile(rf"\*\*({'|'.join(TAGS)})\.\*\* (\S.*)")
_SIDE = "|".join(SIDES)
_FENCE = re.compile(
    rf"^(?:(?P<label>(?:{_SIDE})(?: and (?:{_SIDE}))*)(?: prints)?:\n\n)?"
    r"```(?P<kind>\w*)\n(?P<body>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass
class Snippet:
    """A program, and what it prints in each library that it is for."""

    code: str
    printed: dict[str, str]


@dataclass
class Row:
    """A rule: its tag, the rule in a sentence, the page that has it, and its snippets."""

    name: str
    tag: str
    rule: str
    page: str
    snippets: list[Snippet] = field(default_factory=list)

    def of(self, side: str) -> list[Snippet]:
        """The snippets for a library."""
        return [snippet for snippet in self.snippets if side in snippet.printed]

    def printed(self, side: str) -> list[str]:
        """The outcomes in a library, as the page shows them."""
        return [snippet.printed[side] for snippet in self.of(side)]

    def sides(self) -> list[str]:
        """The libraries that the row has snippets for."""
        return [side for side in SIDES if self.of(side)]


def section_pages() -> list[Path]:
    """The pages of the sections, in order."""
    return sorted(PAGES.glob("[a-z]-*.md"))


def rows() -> dict[str, Row]:
    """Every row of every page, by name."""
    return {row.name: row for page in section_pages() for row in rows_of(page.name, page.read_text(encoding="utf-8"))}


def rows_of(page: str, text: str) -> Iterator[Row]:
    """The rows of a page.

    Raises:
        ValueError: if an entry has no tag, or a block that belongs to nothing or lacks its outcome.
    """
    _, *parts = _HEADING.split(text)
    for name, entry in zip(parts[::2], parts[1::2], strict=True):
        tagged = _TAGGED.match(entry.strip())
        if not tagged:
            raise ValueError(f"{page}: {name} has to begin with one of the tags {', '.join(TAGS)} and a rule.")
        row = Row(name, tagged[1], tagged[2], page)
        for fence in _FENCE.finditer(entry):
            label = tuple(fence["label"].split(" and ")) if fence["label"] else None
            if fence["kind"] == "python":
                row.snippets.append(Snippet(fence["body"], dict.fromkeys(label or BOTH, "")))
            elif fence["kind"] == "text" and row.snippets:
                for side in label or row.snippets[-1].printed:
                    row.snippets[-1].printed[side] = fence["body"]
            else:
                raise ValueError(f"{page}: {name} has a block that is neither a snippet nor its outcome.")
        if not row.snippets or not all(all(snippet.printed.values()) for snippet in row.snippets):
            raise ValueError(f"{page}: {name} has a snippet without an outcome, or no snippet.")
        yield row


def preamble(side: str) -> str:
    """What defines the names that a library's snippets use: the README's blocks with its label, in order."""
    text = (PAGES / "README.md").read_text(encoding="utf-8")
    return "".join(fence["body"] for fence in _FENCE.finditer(text) if side in (fence["label"] or "").split(" and "))


def names_of(side: str) -> dict[str, Any]:
    """The names that a library's snippets use."""
    names: dict[str, Any] = {}
    exec(preamble(side), names)
    return names


def run(code: str, names: dict[str, Any]) -> str:
    """What a snippet prints. An exception that leaves it is printed, too, so that it differs from the page."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        try:
            exec(code, dict(names))
        except Exception:
            traceback.print_exc(file=printed)
    return "".join(f"{line.rstrip()}\n" for line in printed.getvalue().splitlines())


def run_in_thread(code: str, names: dict[str, Any]) -> str:
    """What a snippet prints in a thread of its own: with TensorFlow, in a fresh graph, outside of any name scope."""
    printed: list[str] = []
    thread = threading.Thread(target=lambda: printed.append(run(code, names)))
    thread.start()
    thread.join()
    return printed[0]
