"""The program of a worker process: run the cases of a folder on one backend, and save a record of each stage.

The worker of the first backend makes the weights, and the others wait for them. An exception ends its case only.
"""

from __future__ import annotations

import faulthandler
import time
import traceback
from pathlib import Path

from kscope.testing._parity.records import Record

__all__ = ["ENDED", "STAGES", "main", "run"]

STAGES = ("build", "eager", "compiled", "gradients", "training")
"""The stages in order. Each is the name of a method of `stages.Subject`."""

ENDED = "ended"
"""The suffix of the file that says that the worker of a backend has ended."""

_POLL_SECONDS = 0.02


def main(folder: str, backend: str, reference: str, timeout: str) -> None:
    """Run all cases; after `timeout` seconds, print the stack and exit.

    Args:
        folder: the folder of the run.
        backend: the backend of this process.
        reference: the backend whose worker makes the weights.
        timeout: a number of seconds, from the time of this call.
    """
    faulthandler.dump_traceback_later(float(timeout), exit=True)
    run(Path(folder), backend, reference)


def _case_folders(folder: Path) -> list[Path]:
    """Return the folders of the cases of a run, in order."""
    return sorted((path.parent for path in folder.glob("case-*/case.json")), key=lambda path: path.name)


def run(folder: Path, backend: str, reference: str) -> None:
    """Run all cases of a folder on the backend of this process, and write the records to the folders of the cases."""
    for case in _case_folders(folder):
        own = case / backend
        stage = ["make_layer"]
        try:
            _run_case(case, backend, reference, stage)
        except Exception as error:  # noqa: BLE001 - whatever the user's code raises is what the report shows
            Record({"stage": stage[0], "text": _user_traceback(error)}).save(own / "error")


def _run_case(case: Path, backend: str, reference: str, stage: list[str]) -> None:
    import keras

    from kscope._stores.store import reset_default_store
    from kscope.testing._parity.case import read
    from kscope.testing._parity.stages import Subject

    # Counters of names start again, so that names do not depend on earlier cases.
    keras.utils.clear_session(free_memory=False)
    reset_default_store()
    keras.utils.set_random_seed(0)
    subject = Subject(read(case))
    for name in STAGES:
        stage[0] = name
        getattr(subject, name)().save(case / backend / name)
        if name == "build":
            prefix = "weights/"
            given = _weights(case, reference)
            subject.start_from({key.removeprefix(prefix): value for key, value in given.arrays.items()})


def _weights(case: Path, reference: str) -> Record:
    """Wait for the weights from the worker of the first backend, and return its record."""
    ends = (case / reference / "error.json", case.parent / f"{reference}.{ENDED}")
    while (weights := Record.load(case / reference / "build")) is None:
        if any(path.exists() for path in ends):
            raise RuntimeError(f"The worker of {reference} made no weights to compare with.")
        time.sleep(_POLL_SECONDS)
    return weights


def _user_traceback(error: Exception) -> str:
    """Return the traceback of an exception, without the stack frames of kscope's worker."""
    frames = error.__traceback__
    while frames is not None and frames.tb_next is not None and _is_ours(frames.tb_frame.f_globals):
        frames = frames.tb_next
    return "".join(traceback.format_exception(type(error), error, frames)).rstrip()


def _is_ours(module: dict[str, object]) -> bool:
    return str(module.get("__name__", "")).startswith("kscope.testing.")
