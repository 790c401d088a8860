"""`assert_backends_agree` and `compare_backends`: run layers on every installed backend, and compare them by name."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from kscope.testing._backends import chosen
from kscope.testing._errors import CaseError
from kscope.testing._parity.case import Case, write
from kscope.testing._parity.compare import Results, compare, notes, tolerances
from kscope.testing._parity.processes import Ending, run_all
from kscope.testing._parity.records import Record
from kscope.testing._parity.report import Failure, Report
from kscope.testing._parity.report_files import write_json, write_junit
from kscope.testing._parity.tolerances import Tolerances
from kscope.testing._parity.worker import STAGES

__all__ = ["assert_backends_agree", "compare_backends"]


def assert_backends_agree(
    make_layer: Callable[[], Any] | str,
    inputs: Any,
    *,
    targets: Any = None,
    backends: Sequence[str] | None = None,
    steps: int = 3,
    optimizer: Any = "sgd",
    loss: Any = "mse",
    training: bool = False,
    tolerances: Mapping[str, float] | None = None,
    json: str | Path | None = None,
    junit: str | Path | None = None,
    timeout: float = 300.0,
) -> Report:
    """Run a layer on each backend, in one process for each, and raise if the results differ.

    The first backend makes the weights; the others start from the same weights, found by name. The comparison covers

    - the names, shapes, dtypes and trainable flags of the weights, and their order;
    - the outputs and losses of an eager call, and the weights after it;
    - the outputs of `predict_on_batch`, compiled as Keras compiles it by default;
    - the gradients of a fixed scalar of the outputs;
    - the loss of each training step, and the weights after the last one.

    Random layers draw other numbers on each backend: switch dropout off.

    Args:
        make_layer: a function without arguments that returns a layer or a model, scoped or not; or its name, as in
            `"package.module:make_layer"`. It has to be defined at the top level of a module or script.
        inputs: a NumPy array, or a list or dict of arrays, for the layer's first argument; or a tuple of its
            positional arguments.
        targets: NumPy arrays for the training steps, in the structure of the outputs. Defaults to random numbers.
        backends: names of backends. Defaults to all installed backends.
        steps: int. The number of training steps; zero for none.
        optimizer: as in `keras.Model.compile`. Do not compare with Adam or its variants: they divide by the size of a
            gradient, so that a gradient which is zero except for rounding becomes a full step.
        loss: as in `keras.Model.compile`.
        training: bool. The `training` argument of the eager call and of the call that gives the gradients.
        tolerances: relative tolerances that replace the default ones, by dtype (`"float32"`), or by the kind of
            result (`"outputs"`, `"losses"`, `"gradients"`, `"training"`), which takes precedence.
        json: a path to write the report to, as JSON.
        junit: a path to write the report to, as JUnit XML.
        timeout: float. The number of seconds that each process may take.

    Returns:
        The report. `print` it to see the table.

    Raises:
        BackendsDisagreeError: if they differ. The message says where first, in which values, and by how much.
        WorkerFailedError: if the layer fails on a backend. The message has the traceback.
        BackendMissingError: if a requested backend is not installed, or there are fewer than two.
        TargetError: if `make_layer` cannot be found by name, such as a lambda.
        CaseError: if another argument is invalid, or cannot be sent to another process.

    Example:
    >>> kscope.testing.assert_backends_agree(lambda: keras.layers.Dense(4), np.ones((2, 3)), backends=["jax"])
    Traceback (most recent call last):
    kscope.testing._errors.TargetError: <lambda> is a lambda. The layer is made in other processes, ...
    """
    case = Case(make_layer, inputs, targets, steps, optimizer, loss, training, tolerances)
    reports = compare_backends([case], backends=backends, json=json, junit=junit, timeout=timeout)
    reports[0].check()
    return reports[0]


def compare_backends(
    cases: Sequence[Case],
    *,
    backends: Sequence[str] | None = None,
    json: str | Path | None = None,
    junit: str | Path | None = None,
    timeout: float = 600.0,
) -> list[Report]:
    """Compare several layers as `assert_backends_agree` does, but start each backend once, and do not raise.

    Args:
        cases: the layers, each with its inputs and settings.
        backends: names of backends. Defaults to all installed backends.
        json: a path to write the reports to, as JSON.
        junit: a path to write the reports to, as JUnit XML.
        timeout: float. The number of seconds that each process may take for all cases together.

    Returns:
        A report for each case. `report.check()` raises if the backends do not agree.

    Raises:
        BackendMissingError: if a requested backend is not installed, or there are fewer than two.
        TargetError: if a function cannot be found by name.
        CaseError: if another argument is invalid, or cannot be sent to another process.

    Example:
    >>> case = kscope.testing.Case("package.module:make_layer", np.ones((2, 3)), steps=-1)
    >>> kscope.testing.compare_backends([case], backends=["jax", "fax"])
    Traceback (most recent call last):
    kscope.testing._errors.CaseError: steps must be an int of at least zero. Received: steps=-1
    """
    for case in cases:
        # Invalid tolerances raise here, before a process is started.
        Tolerances(given=dict(case.tolerances or {}))
    with tempfile.TemporaryDirectory(prefix="kscope-") as temporary:
        folder = Path(temporary)
        # Zeros in front make the order of the names the order of the numbers.
        folders = [folder / f"case-{number:06}" for number in range(len(cases))]
        for case, of in zip(cases, folders, strict=True):
            write(case, of)
        if not timeout > 0:
            raise CaseError(f"timeout must be a number of seconds above zero. Received: timeout={timeout!r}")
        compared, missing = chosen(backends)
        start = time.monotonic()
        endings = run_all(folder, compared, timeout)
        seconds = time.monotonic() - start
        pairs = zip(cases, folders, strict=True)
        reports = [_report(case, of, endings, missing, seconds / len(cases)) for case, of in pairs]
    if json is not None:
        write_json(json, reports)
    if junit is not None:
        write_junit(junit, reports)
    return reports


def _report(
    case: Case, folder: Path, endings: Mapping[str, Ending], missing: tuple[str, ...], seconds: float
) -> Report:
    results = {backend: _records(folder / backend) for backend in endings}
    allowed = tolerances(results, case.steps, case.tolerances)
    rows = list(compare(results, allowed))
    failures = [_failure(folder / backend, results[backend], ending) for backend, ending in endings.items()]
    return Report(
        case.title,
        tuple(endings),
        missing,
        tuple(rows),
        tuple(failure for failure in failures if failure is not None),
        tuple(notes(results, allowed, rows)),
        _versions(results),
        seconds,
    )


def _records(folder: Path) -> dict[str, Record]:
    found = {stage: Record.load(folder / stage) for stage in STAGES}
    return {stage: record for stage, record in found.items() if record is not None}


def _failure(folder: Path, records: Mapping[str, Record], ending: Ending) -> Failure | None:
    """Return the failure of a worker, if any: an exception, or a process that ended too early."""
    error = Record.load(folder / "error")
    if error is not None:
        return Failure(folder.name, **error.facts)
    left = [stage for stage in STAGES if stage not in records]
    return Failure(folder.name, left[0], str(ending)) if left else None


def _versions(results: Results) -> dict[str, str]:
    built = [stages["build"].facts["versions"] for stages in results.values() if "build" in stages]
    return {name: version for versions in built for name, version in versions.items()}
