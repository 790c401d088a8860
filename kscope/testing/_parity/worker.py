"""What a worker process does: run the cases of a folder on its backend, and leave a record of each stage.

The first backend's worker makes the weights, and the others wait for them. An exception ends its case only.
"""

from __future__ import annotations

import faulthandler
import time
import traceback
from pathlib import Path

from kscope.testing._parity.records import Record

__all__ = ["ENDED", "STAGES", "main", "run"]

STAGES = ("build", "eager", "compiled", "gradients", "training")
"""The stages in their order, each the name of a method of `_stages.Subject`."""

ENDED = "ended"
"""The ending of the file that says that a backend's worker is gone."""

_POLL_SECONDS = 0.02


def main(folder: str, backend: str, reference: str, timeout: str) -> None:
    """Run all cases, or show after `timeout` seconds what does not come to its end.

    Args:
        folder: the run's folder.
        backend: the backend of this process.
        reference: the backend whose worker makes the weights.
        timeout: seconds, from now on.
    """
    faulthandler.dump_traceback_later(float(timeout), exit=True)
    run(Path(folder), backend, reference)


def _case_folders(folder: Path) -> list[Path]:
    """The folders of a run's cases, in their order."""
    return sorted((path.parent for path in folder.glob("case-*/case.json")), key=lambda path: path.name)


def run(folder: Path, backend: str, reference: str) -> None:
    """Run all cases of a folder on the backend of this process; what comes of each is in its folder afterwards."""
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

    # Names start from anew, and do not depend on the cases before.
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
    """The weights that the first backend's worker made, once it has made them."""
    ends = (case / reference / "error.json", case.parent / f"{reference}.{ENDED}")
    while (weights := Record.load(case / reference / "build")) is None:
        if any(path.exists() for path in ends):
            raise RuntimeError(f"The worker of {reference} made no weights to compare with.")
        time.sleep(_POLL_SECONDS)
    return weights


def _user_traceback(error: Exception) -> str:
    """The traceback of an exception, without the worker's own frames."""
    frames = error.__traceback__
    while frames is not None and frames.tb_next is not None and _is_ours(frames.tb_frame.f_globals):
        frames = frames.tb_next
    return "".join(traceback.format_exception(type(error), error, frames)).rstrip()


def _is_ours(module: dict[str, object]) -> bool:
    return str(module.get("__name__", "")).startswith("kscope.testing.")
