"""The entries of `docs/upstream.md`, and a program that runs their scripts.

As a program it takes a list of files from standard input, and writes what each of them printed. Keras is imported once;
each file then runs in a process of its own, which is forked off before anything of the backend has started.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import runpy
import sys
import tempfile
import traceback
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "upstream.md"
GROUPS = ("Faults", "Gaps", "Slow ways")
BACKENDS = {"JAX": "jax", "PyTorch": "torch", "TensorFlow": "tensorflow"}

_HEADING = re.compile(r"^### (?P<title>.+)$", re.MULTILINE)
_WHERE = re.compile(r"^Backends: (?P<backends>[\w, ]+)\.(?P<bounds>(?: \w+: (?:<|>=)\d+\.\d+\.)*)$", re.MULTILINE)
_BOUND = re.compile(r"(\w+): (<|>=)(\d+)\.(\d+)\.")
_SCRIPT = re.compile(r"^```python\n(?P<code>.*?)^```\n\n```text\n(?P<printed>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One section of the page: a script, what it prints, and where it does."""

    title: str
    backends: tuple[str, ...]
    bounds: tuple[tuple[str, str, tuple[int, int]], ...]
    code: str
    printed: str
    text: str

    def applies(self, backend: str, versions: dict[str, str]) -> bool:
        """Whether the script prints this with a backend, and with versions of Keras, NumPy and the backend."""
        return backend in self.backends and all(
            (_release(versions[package]) < version) is (sign == "<") for package, sign, version in self.bounds
        )


def _release(version: str) -> tuple[int, int]:
    major, minor = version.split(".")[:2]
    return int(major), int(minor)


def entries() -> list[Entry]:
    """Return the entries of the page, in its order."""
    groups = PAGE.read_text(encoding="utf-8").split("\n## ")
    parts = [part for group in groups if group.startswith(GROUPS) for part in _HEADING.split(group)[1:]]
    return [entry(title, text) for title, text in zip(parts[::2], parts[1::2], strict=True)]


def entry(title: str, text: str) -> Entry:
    """Return one entry.

    Raises:
        ValueError: if it does not say where it is true, or has not one script with its outcome.
    """
    where, scripts = _WHERE.search(text), list(_SCRIPT.finditer(text))
    if where is None:
        raise ValueError(f"{title!r} does not say for which backends it is")
    if len(scripts) != 1:
        raise ValueError(f"{title!r} has {len(scripts)} scripts with an outcome")
    backends = where["backends"].split(", ")
    if not set(backends) <= set(BACKENDS):
        raise ValueError(f"{title!r} names a backend that there is not, among {backends}")
    return Entry(
        title=title,
        backends=tuple(BACKENDS[backend] for backend in backends),
        bounds=tuple((name, sign, (int(a), int(b))) for name, sign, a, b in _BOUND.findall(where["bounds"])),
        code=scripts[0]["code"],
        printed=scripts[0]["printed"],
        text=text,
    )


def _run(file: str, output: str) -> None:
    """Run a file in this process, in an empty folder, and write what it prints to a file."""
    with (
        open(output, "w", encoding="utf-8") as out,  # noqa: PTH123
        tempfile.TemporaryDirectory() as folder,
        contextlib.chdir(folder),
        contextlib.redirect_stdout(out),
    ):
        try:
            runpy.run_path(file, run_name="__main__")
        except BaseException:
            traceback.print_exc(file=out)


def _main() -> None:
    import keras

    outcomes = []
    for file in json.load(sys.stdin):
        output = f"{file}.out"
        child = os.fork()
        if not child:
            _run(file, output)
            os._exit(0)
        os.waitpid(child, 0)
        outcomes.append(Path(output).read_text(encoding="utf-8"))
    print(json.dumps({"keras": keras.__version__, "outcomes": outcomes}))


if __name__ == "__main__":
    _main()
