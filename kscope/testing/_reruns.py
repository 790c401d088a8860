"""Run marked tests on several backends: in one pytest process for each, whose reports this process shows as its own."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Generator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from kscope.testing._backends import environment

__all__ = ["MARK", "Recorder", "Reruns"]

MARK = "kscope_backends"

# The files in the folder of a run.
_CHOSEN = "tests.json"
_REPORTS = "reports.jsonl"
_LOG = "output.txt"

_SHOWN_LINES = 60
# Plugins of pytest that would overwrite the files of the process that started this one.
_OF_THE_PARENT = ("lfplugin", "nfplugin", "stepwiseplugin")


class Reruns:
    """The plugin of the main process: removes the marked tests from its own run, and starts processes that run them.

    Args:
        config: the configuration of pytest.
        backends: the backends to run the tests on.
        missing: the backends that are not installed, for the header.
    """

    def __init__(self, config: pytest.Config, backends: Sequence[str], missing: Sequence[str]):
        for option, name in (("usepdb", "--pdb"), ("numprocesses", "-n")):
            if config.getoption(option, None):
                raise pytest.UsageError(f"--kscope-backends runs tests in processes of its own: leave {name} out.")
        self._config = config
        self._backends = backends
        self._missing = missing

    def pytest_report_header(self) -> str:
        """Return a line that names the backends of the marked tests."""
        missing = f" (not installed: {', '.join(self._missing)})" if self._missing else ""
        return f"kscope: tests marked {MARK} run on {', '.join(self._backends) or 'nothing'}{missing}"

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Run the unmarked tests in this process, and the marked ones in a process for each backend."""
        if self._config.option.collectonly:
            return (yield)
        marked = [item for item in session.items if item.get_closest_marker(MARK)]
        session.items[:] = [item for item in session.items if not item.get_closest_marker(MARK)]
        session.testscollected = len(session.items) + len(marked) * len(self._backends)
        result = yield
        if marked:
            self._run(session, marked)
        return result

    def _run(self, session: pytest.Session, items: list[pytest.Item]) -> None:
        with tempfile.TemporaryDirectory(prefix="kscope-") as folder, ExitStack() as stack:
            runs = []
            for backend in self._backends:
                runs.append(_Run(Path(folder, backend), backend, items, self._config))
                stack.callback(runs[-1].stop)
            for run in runs:
                self._tell(session, run)

    def _tell(self, session: pytest.Session, run: _Run) -> None:
        hook = self._config.hook
        for report in run.reports():
            if report.when == "setup":
                hook.pytest_runtest_logstart(nodeid=report.nodeid, location=report.location)
            hook.pytest_runtest_logreport(report=report)
            if report.when == "teardown":
                hook.pytest_runtest_logfinish(nodeid=report.nodeid, location=report.location)
            if session.shouldfail:
                raise session.Failed(session.shouldfail)


class _Run:
    """A process that runs the marked tests on one backend, with the arguments of this process."""

    def __init__(self, folder: Path, backend: str, items: list[pytest.Item], config: pytest.Config):
        self._folder = folder
        self._backend = backend
        self._items = items
        self._config = config
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        self._folder.mkdir()
        (self._folder / _CHOSEN).write_text(json.dumps([item.nodeid for item in self._items]), encoding="utf-8")
        invoked = self._config.invocation_params
        # `python -m` puts the current folder first in sys.path; the program `pytest` does not.
        safe = [] if {"", str(invoked.dir)} & set(sys.path) else ["-P"]
        command = [sys.executable, *safe, "-m", "pytest", *map(str, invoked.args), f"--kscope-worker={self._folder}"]
        with (self._folder / _LOG).open("wb") as log:
            return subprocess.Popen(  # noqa: S603 - this interpreter, with the arguments that it was given
                command,
                cwd=invoked.dir,
                env=environment(self._backend),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def stop(self) -> None:
        """Kill the process if it is still running."""
        self._process.kill()
        self._process.wait()

    def reports(self) -> list[pytest.TestReport]:
        """Wait for the process, and return the reports of its tests, with the backend added to their names."""
        code = self._process.wait()
        path = self._folder / _REPORTS
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        reports = [self._report(json.loads(line)) for line in lines]
        ended = {report.nodeid for report in reports if report.when == "teardown"}
        lost = [item for item in self._items if self._named(item.nodeid) not in ended]
        return reports + [self._lost(item, code) for item in lost]

    def _report(self, data: dict[str, Any]) -> pytest.TestReport:
        hook = self._config.hook
        if isinstance(data["longrepr"], list):
            # The file, line and reason of a skip: a tuple, which JSON made a list.
            data["longrepr"] = tuple(data["longrepr"])
        report: pytest.TestReport = hook.pytest_report_from_serializable(config=self._config, data=data)
        file, line, name = report.location
        report.nodeid, report.location = self._named(report.nodeid), (file, line, self._named(name))
        return report

    def _lost(self, item: pytest.Item, code: int) -> pytest.TestReport:
        """Return a failure for a test that has no report, because its process ended too early."""
        how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
        output = (self._folder / _LOG).read_text(encoding="utf-8", errors="replace").splitlines()
        why = "\n".join(
            [f"The process of {self._backend} {how}, and says nothing of this test.", *output[-_SHOWN_LINES:]]
        )
        file, line, name = item.location
        location = (file, line, self._named(name))
        return pytest.TestReport(self._named(item.nodeid), location, {}, "failed", why, "setup")

    def _named(self, name: str) -> str:
        return f"{name}[{self._backend}]"


class Recorder:
    """The plugin of a backend's process: runs the chosen tests, and writes their reports to a file."""

    def __init__(self, folder: Path, config: pytest.Config):
        self._folder = folder
        self._config = config
        config.option.xmlpath = None

    @pytest.hookimpl(trylast=True)
    def pytest_sessionstart(self) -> None:
        """Unregister the plugins that write files: those are the files of the process that started this one."""
        for name in _OF_THE_PARENT:
            plugin = self._config.pluginmanager.get_plugin(name)
            if plugin is not None:
                self._config.pluginmanager.unregister(plugin)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep only the chosen tests."""
        chosen = set(json.loads((self._folder / _CHOSEN).read_text(encoding="utf-8")))
        items[:] = [item for item in items if item.nodeid in chosen]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Write a report at once, so that it is not lost if the next test crashes the process."""
        data = self._config.hook.pytest_report_to_serializable(config=self._config, report=report)
        with (self._folder / _REPORTS).open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(data, default=str) + "\n")
