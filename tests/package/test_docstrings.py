"""Every example of a docstring, of the README and of the pages in `docs` is executed, on each backend."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import keras
import numpy as np
import pytest

import kscope

MODULES = ["kscope", *sorted(module.name for module in pkgutil.walk_packages(kscope.__path__, "kscope."))]
ROOT = Path(__file__).parents[2]
# The page about upstream has its own test, and so have the pages in `docs/rules`.
PAGES = [ROOT / "README.md", *sorted(path for path in (ROOT / "docs").glob("*.md") if path.name != "upstream.md")]


def _examples():
    # Names of `kscope` itself are there once they were asked for.
    assert all(hasattr(kscope, name) for name in kscope.__all__)
    finder = doctest.DocTestFinder(exclude_empty=True)
    for name in MODULES:
        module = importlib.import_module(name)
        for test in finder.find(module, name, extraglobs={"kscope": kscope, "keras": keras, "np": np}):
            if test.examples:
                yield pytest.param(test, id=test.name)


@pytest.mark.parametrize("example", list(_examples()))
def test_docstring_example(example):
    """The example prints what the docstring says."""
    report: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    runner.run(example, out=report.append, clear_globs=False)
    assert runner.failures == 0, "".join(report)


def test_public_names_have_an_example():
    """Each public function and class says what it takes, and shows it."""
    without = []
    for name in kscope.__all__:
        value = getattr(kscope, name)
        if (isinstance(value, type) or callable(value)) and name != "AUTO_REUSE":
            doc = value.__doc__ or ""
            if ">>>" not in doc and name not in ("default_store", "reset_default_store"):
                without.append(name)
    assert without == []


def _fences():
    for page in PAGES:
        fences = re.findall(r"```(\w+)\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        following = [*fences, ("", "")][1:]
        for number, ((kind, code), (_, after)) in enumerate(zip(fences, following, strict=True), start=1):
            if kind == "python":
                yield pytest.param(page.name, code, after, id=f"{page.stem}-{number}")


@pytest.mark.parametrize(("page", "code", "after"), list(_fences()))
def test_fence(page, code, after, tmp_path, monkeypatch):
    """The code of a page runs unchanged; if it says that it raises, the next fence is the whole message."""
    monkeypatch.chdir(tmp_path)
    raises = re.search(r"^# raises (\w+): (.*)$", code, flags=re.MULTILINE)
    if raises is None:
        exec(compile(code, page, "exec"), {"__name__": "page"})
        return
    with pytest.raises(getattr(kscope.errors, raises[1]), match=re.escape(raises[2])) as caught:
        exec(compile(code, page, "exec"), {"__name__": "page"})
    assert str(caught.value) == after.strip()


def test_readme_is_short():
    """The README has at most 200 lines, and its table of contents lists each of its sections."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 200
    assert re.findall(r"^- \[(.*)\]\(#.*\)$", text, flags=re.MULTILINE) == _headings(text)


def _headings(text):
    return re.findall(r"^##+ (.*)$", text, flags=re.MULTILINE)


def _anchor(heading):
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", sorted({*PAGES, *ROOT.glob("*.md")}), ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages(page):
    """A link leads to a file that exists, and to a heading of it if it names a section."""
    for target, anchor in re.findall(r"\]\(([^)#]*)(?:#([^)]*))?\)", page.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        linked = (page.parent / target).resolve() if target else page
        assert linked.exists(), target
        assert not anchor or anchor in map(_anchor, _headings(linked.read_text(encoding="utf-8")))


def test_typed_user_code_runs():
    """The sample of user code that must type-check runs as well."""
    from package.typing_samples import user_code

    assert user_code.program() == ["block/v", "tower/fc/kernel"]
