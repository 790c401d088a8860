"""Run one worker process for each backend, several at once, each with a time limit, and report how they ended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from kscope.testing._backends import environment
from kscope.testing._parity.worker import ENDED

__all__ = ["Ending", "run_all"]

_PROGRAM = (
    "import json, sys; sys.path[:] = json.load(open(sys.argv[1], encoding='utf-8')); "
    "from kscope.testing._parity.worker import main; main(*sys.argv[2:])"
)
_POLL_SECONDS = 0.02
# A worker that hangs prints its stack and exits by itself. This much later, it is killed.
_GRACE_SECONDS = 10.0
_SHOWN_LINES = 60
# The first words with which Python prints its stack after a time-out or a crash.
_DUMPS = ("Timeout (", "Fatal Python error:")


@dataclass(frozen=True)
class Ending:
    """How a worker ended.

    Attributes:
        code: int. The exit code; negative for a signal.
        seconds: float. How long the worker ran.
        timed_out: bool. Whether the worker exceeded its time limit.
        output: str. The last lines of its standard output and error.
    """

    code: int
    seconds: float
    timed_out: bool
    output: str

    def __str__(self) -> str:
        what = f"ended by signal {-self.code}" if self.code < 0 else f"ended with exit code {self.code}"
        if self.timed_out:
            what = f"did not end within its {self.seconds:.0f} seconds"
        return f"The worker process {what}.\n{self.output}".rstrip()


def run_all(folder: Path, backends: Sequence[str], timeout: float) -> dict[str, Ending]:
    """Run the cases of a folder on each backend, the first of which makes the weights.

    Args:
        folder: the folder of the run, which contains the cases.
        backends: names of backends.
        timeout: float. The number of seconds that each process may take.

    Returns:
        How each worker ended, by backend. Their records are in the folders of the cases.
    """
    paths = folder / "paths.json"
    paths.write_text(json.dumps(sys.path), encoding="utf-8")
    waiting, running, ended = deque(backends), dict[str, _Running](), dict[str, Ending]()
    with _none_left(running):
        while waiting or running:
            while waiting and len(running) < (os.cpu_count() or 1):
                backend = waiting.popleft()
                running[backend] = _Running(folder, backend, backends[0], timeout)
            for backend in [name for name in running if running[name].is_over()]:
                ended[backend] = running.pop(backend).ending()
                (folder / f"{backend}.{ENDED}").touch()
            time.sleep(_POLL_SECONDS)
    return {backend: ended[backend] for backend in backends}


@contextmanager
def _none_left(running: dict[str, _Running]) -> Iterator[None]:
    """Kill the processes that are still running when the block ends."""
    try:
        yield
    finally:
        for process in running.values():
            process.stop()


class _Running:
    """A worker process that was started, and its log."""

    def __init__(self, folder: Path, backend: str, reference: str, timeout: float):
        self._log = folder / f"{backend}.log"
        self._start = time.monotonic()
        self._timeout = timeout
        command = [sys.executable, "-X", "faulthandler", "-c", _PROGRAM, str(folder / "paths.json")]
        with self._log.open("wb") as log:
            self._process = _start([*command, str(folder), backend, reference, str(timeout)], backend, log)

    def is_over(self) -> bool:
        """Whether the process has ended; a process that takes too long is killed first."""
        if self._process.poll() is not None:
            return True
        if self._seconds() < self._timeout + _GRACE_SECONDS:
            return False
        self.stop()
        return True

    def stop(self) -> None:
        """Kill the process."""
        self._process.kill()
        self._process.wait()

    def ending(self) -> Ending:
        """Return how the process ended."""
        seconds = self._seconds()
        code = self._process.wait()
        text = self._log.read_text(encoding="utf-8", errors="replace")
        return Ending(code, seconds, code != 0 and seconds >= self._timeout, _essence(text.splitlines()))

    def _seconds(self) -> float:
        return time.monotonic() - self._start


def _essence(lines: list[str]) -> str:
    """Return the lines of output that tell why a process ended: the stack if Python printed it, else the last lines."""
    # After a crash, Python lists all loaded extension modules: a hundred names that do not show the cause.
    lines = [line for line in lines if not line.startswith("Extension modules:")]
    dumps = [i for i, line in enumerate(lines) if line.startswith(_DUMPS)]
    # This stack has the most recent call first, so its first lines are the ones to keep.
    shown = lines[dumps[0] :][:_SHOWN_LINES] if dumps else lines[-_SHOWN_LINES:]
    return "\n".join(shown)


def _start(command: list[str], backend: str, log: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - this interpreter, with a program of ours
        command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=environment(backend)
    )
