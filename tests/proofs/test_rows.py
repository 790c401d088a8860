"""The rules of `docs/rules`: each is executed, in TensorFlow and in kscope, and each has a test that names it."""

from __future__ import annotations

import ast
import importlib.util
import io
import json
import re
import subprocess
import sys
import tokenize
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import rules

TESTS = Path(__file__).parents[1]
PACKAGE = TESTS.parent / "kscope"
ROWS = rules.rows()
README = (rules.PAGES / "README.md").read_text(encoding="utf-8")
NAMED = re.compile(r"\(rows? ([^()]*)\)")
# A row, or a range of rows of one letter. What is no row is a remark: "(row C1, deviation 14)".
ROW = re.compile(r"([A-Z])(\d+)(?:-\1(\d+))?")
# In the package also in the middle of a remark: "(a fix of row J3)".
ANYWHERE = re.compile(r"\brows? ((?:[A-Z]\d+(?:-[A-Z]\d+)?(?:, | and )?)+)")
CITED = re.compile(r"\bdeviation (\d+)")
# The libraries that are executed in one process each: graph mode is for good.
PROCESSES = (("TensorFlow 1",), ("TensorFlow 2", "tf_keras"))


def on(*sides):
    """Parametrize a test by the rows that have snippets for a library, or for one of several."""
    cases = [(row, side) for row in ROWS.values() for side in sides if row.of(side)]
    ids = [f"{row.name}-{side.replace('TensorFlow ', 'tf')}" for row, side in cases]
    return pytest.mark.parametrize(("row", "side"), cases, ids=ids)


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """What the snippets for a library of TensorFlow print; all of one process are executed the first time."""
    outcomes = {}

    def of(side):
        if side not in outcomes:
            (sides,) = (sides for sides in PROCESSES if side in sides)
            sides = [side for side in sides if side != "tf_keras" or importlib.util.find_spec("tf_keras")]
            out = tmp_path_factory.mktemp("rows") / "out.json"
            command = [sys.executable, str(Path(__file__).with_name("rules_tensorflow.py")), str(out), *sides]
            done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
            assert done.returncode == 0, done.stderr
            outcomes.update(json.loads(out.read_text(encoding="utf-8")))
        return outcomes[side]

    return of


@pytest.fixture(scope="module")
def names():
    """The names that kscope's snippets use."""
    return rules.names_of("kscope")


@on("kscope")
def test_kscope(row, side, names):
    """The snippet prints in kscope what the page says, on every backend."""
    import kscope

    printed = []
    for snippet in row.of(side):
        kscope.reset_default_store()
        printed.append(rules.run(snippet.code, names))
    assert printed == row.printed(side)


@pytest.mark.tensorflow
@on("TensorFlow 1", "TensorFlow 2", "tf_keras")
def test_tensorflow(row, side, executed):
    """The snippet prints in TensorFlow what the page says."""
    if side == "tf_keras":
        pytest.importorskip("tf_keras", reason="tf_keras is not installed, so that its rows cannot be executed")
    assert executed(side)[row.name] == row.printed(side)


@pytest.mark.parametrize("row", [row for row in ROWS.values() if row.tag == "SAME"], ids=lambda row: row.name)
def test_same_rows_have_the_same_outcome(row):
    """A row that is SAME prints the same in both libraries."""
    original, _ = row.sides()
    assert row.printed("kscope") == row.printed(original)


@pytest.mark.parametrize("page", rules.section_pages(), ids=lambda page: page.name)
def test_rows_of_a_page(page):
    """A page has the rows of its letter, from 1 on, without gaps, and each with TensorFlow's outcome."""
    rows = [row for row in ROWS.values() if row.page == page.name]
    letter = page.name[0].upper()
    assert page.read_text(encoding="utf-8").startswith(f"# {letter}. ")
    assert [row.name for row in rows] == [f"{letter}{number}" for number in range(1, len(rows) + 1)]
    for row in rows:
        assert row.sides()[0] != "kscope", row.name
        assert "kscope" in row.sides() or row.tag == "DROP", row.name


def test_index():
    """The README lists each page with its title and its number of rows of each tag, and the sums."""
    lines = []
    for page in rules.section_pages():
        title = page.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
        tags = Counter(row.tag for row in ROWS.values() if row.page == page.name)
        lines.append(_line(f"[{title}]({page.name})", tags))
    lines.append(_line("all", Counter(row.tag for row in ROWS.values())))
    assert [line for line in README.splitlines() if re.match(r"\| (\[[A-Z]\.|all)", line)] == lines


def _line(first, tags):
    return f"| {' | '.join([first, *(str(tags[tag] or '') for tag in rules.TAGS), str(tags.total())])} |"


def test_every_departure_is_a_decision():
    """The page of decisions refers to every row that is FIX."""
    decisions = (rules.PAGES / "decisions.md").read_text(encoding="utf-8")
    assert [name for name, row in ROWS.items() if row.tag == "FIX" and f"[{name}](" not in decisions] == []


def test_every_decision_that_is_cited_exists():
    """The decisions are numbered, and each "deviation" of a docstring or a comment is one of them."""
    decisions = (rules.PAGES / "decisions.md").read_text(encoding="utf-8")
    numbers = re.findall(r"^\| (\d+) \|", decisions, re.MULTILINE)
    assert numbers == [str(number) for number in range(1, len(numbers) + 1)]
    files = [*PACKAGE.rglob("*.py"), *TESTS.rglob("*.py")]
    cited = {number for file in files for number in CITED.findall(file.read_text(encoding="utf-8"))}
    assert cited
    assert cited <= set(numbers)


def test_links():
    """Each link between the pages leads to a page, and to a row if it names one."""
    for page in rules.PAGES.glob("*.md"):
        for target in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
            file, _, anchor = target.partition("#")
            assert (page.parent / file).exists(), (page.name, target)
            assert not anchor or ROWS[anchor.upper()].page == (file or page.name), (page.name, target)


def test_references_between_rows():
    """Each row that a page refers to, as in "(G8)", exists."""
    for page in rules.PAGES.glob("*.md"):
        prose = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        assert [row for row in re.findall(r"\b[A-Z]\d+\b", prose) if row not in ROWS] == [], page.name


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("The rule.", "X1 has to begin with one of the tags SAME, ADAPT, FIX, DROP and a rule."),
        ("**SAME.** The rule.", "X1 has a snippet without an outcome, or no snippet."),
        ("**SAME.** The rule.\n\n```python\n1\n```", "X1 has a snippet without an outcome, or no snippet."),
        ("**SAME.** The rule.\n\n```text\n1\n```", "X1 has a block that is neither a snippet nor its outcome."),
        ("**SAME.** The rule.\n\n```bash\n1\n```", "X1 has a block that is neither a snippet nor its outcome."),
    ],
)
def test_entries_that_cannot_be_read(entry, message):
    """An entry that lacks something is refused."""
    with pytest.raises(ValueError, match=message):
        list(rules.rows_of("x.md", f"# X\n\n## X1\n\n{entry}\n"))


def test_a_snippet_that_raises():
    """An exception is part of what a snippet prints, so that the test of its row fails and shows it."""
    assert rules.run("print(1)\n1 / 0", {}).splitlines()[-1] == "ZeroDivisionError: division by zero"


def rows_of(text: str, pattern: re.Pattern[str] = NAMED) -> Iterator[str]:
    """The rows that a docstring or a comment names."""
    for listed in pattern.findall(text):
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


def texts(source: str) -> Iterator[str]:
    """The docstrings and other strings of a module, and its comments, those on successive lines as one."""
    comment = ""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            comment += token.string.removeprefix("#")
        elif token.type not in (tokenize.NL, tokenize.NEWLINE):
            yield comment
            comment = ""
        if token.type == tokenize.STRING:
            yield token.string
    yield comment


def test_every_row_is_proven():
    """A row that kscope follows, in TF1's way or its own, is in the docstring of a test."""
    proven = named()
    assert [name for name, row in ROWS.items() if row.tag != "DROP" and name not in proven] == []


def test_every_row_that_is_named_exists():
    """No docstring of a test names a row that there is not."""
    assert {row: tests for row, tests in named().items() if row not in ROWS} == {}


@pytest.mark.parametrize("file", sorted(PACKAGE.rglob("*.py")), ids=lambda file: str(file.relative_to(PACKAGE)))
def test_every_row_that_the_package_names_exists(file):
    """No docstring and no comment of the package names a row that there is not."""
    source = file.read_text(encoding="utf-8")
    named = [row for text in texts(source) for row in rows_of(" ".join(text.split()), ANYWHERE)]
    assert [row for row in named if row not in ROWS] == []


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


def test_texts_of_a_module():
    """A row is found in a docstring, and in a comment of several lines."""
    source = 'def f():\n    """Do (a fix of row A1)."""\n    # Why (rows A2,\n    # A3-A5).\n    return 1  # (row A6)\n'
    named = [row for text in texts(source) for row in rows_of(" ".join(text.split()), ANYWHERE)]
    assert named == ["A1", "A2", "A3", "A4", "A5", "A6"]
