"""Measuring in turns, and the table of ratios at the end of a run."""

from __future__ import annotations

import gc
import os
import time
from contextlib import nullcontext
from copy import copy
from pathlib import Path

import pytest
import rich
from rich.console import Console

from benchmarks import ratios

JSON_VARIABLE = "KSCOPE_BENCH_JSON"
ROUNDS = 200
WARMUP = 5

COMPARISONS = pytest.StashKey[list[ratios.Comparison]]()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Benchmarks run only if they are asked for: they take minutes, and nothing else may run beside them."""
    return None if config.getoption("benchmark_only", default=False) else True


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """PyTorch's threads wait for one another: beside another process, that is all that would be measured."""
    if os.environ["KERAS_BACKEND"] == "torch":
        import torch

        torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def no_garbage_collection():
    """A collection in the middle of a round would be counted against whoever is measured then."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.fixture
def filled():
    """Stores of any size, that cost nothing to fill: one variable stands under the names `a/v0`, `a/v1`, ..."""
    import kscope

    def fill(size):
        store = kscope.VariableStore()
        store.get_variable("v", [1])
        record = store.records["v"]
        store.records = {f"a/v{i}": copy(record) for i in range(size)}
        return store

    return fill


@pytest.fixture
def compare(benchmark, request):
    """Measure kscope and another way of doing the same, in turns, and note the ratio. No timing fails a test."""

    def run(what, beside, ours, other, *, count, rounds=ROUNDS, warmup=WARMUP, around=nullcontext, **target):
        """`ours` and `other` each do the thing `count` times; `around` is opened for `other`, and not measured."""
        theirs = []

        def measure_other():
            with around():
                start = time.perf_counter()
                other()
                theirs.append(time.perf_counter() - start)

        benchmark.pedantic(ours, setup=measure_other, rounds=rounds, warmup_rounds=warmup)
        noted = request.config.stash.setdefault(COMPARISONS, [])
        noted.append(ratios.Comparison(what, beside, count, benchmark.stats.stats.data, theirs[warmup:], **target))

    return run


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the ratios beside their targets, and write them where `KSCOPE_BENCH_JSON` says."""
    comparisons = config.stash.get(COMPARISONS, [])
    if not comparisons:
        return
    backend = os.environ["KERAS_BACKEND"]
    console = Console(width=max(rich.get_console().width, 150))
    with console.capture() as capture:
        console.print(ratios.table(backend, comparisons))
    terminalreporter.write_line("")
    terminalreporter.write(capture.get())
    if JSON_VARIABLE in os.environ:
        ratios.write(Path(os.environ[JSON_VARIABLE]), backend, comparisons)
