"""The pytest plugin: marked tests on every backend, and stores for tests.

pytest loads it in each project of an environment that has kscope. It imports neither Keras nor a backend.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kscope.testing._backends import BACKENDS, installed, named
from kscope.testing._errors import BackendMissingError, CaseError
from kscope.testing._reruns import MARK, Recorder, Reruns

if TYPE_CHECKING:
    from kscope._stores.store import VariableStore

__all__ = ["kscope_seeded_store", "kscope_store"]

_MARKER = f"{MARK}: with --kscope-backends, run once on each of those backends, each in a process of its own"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Tell pytest of the options."""
    group = parser.getgroup("kscope")
    group.addoption(
        "--kscope-backends",
        metavar="all|NAME,...",
        help=f"run tests that are marked {MARK} once on each of these backends of Keras, or on all that are installed, "
        "each in a process of its own",
    )
    group.addoption("--kscope-worker", type=Path, help=argparse.SUPPRESS)


def pytest_configure(config: pytest.Config) -> None:
    """Decide what this process is for: it runs tests, has others run them, or is one of those others."""
    config.addinivalue_line("markers", _MARKER)
    folder, given = config.getoption("kscope_worker"), config.getoption("kscope_backends")
    if folder:
        config.pluginmanager.register(Recorder(folder, config))
    elif given:
        config.pluginmanager.register(Reruns(config, *_chosen(given)))


def _chosen(given: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The backends to run on, and those that are left out because they are not installed."""
    there = installed()
    if given == "all":
        return there, tuple(name for name in BACKENDS if name not in there)
    try:
        return named(given.split(",")), ()
    except (BackendMissingError, CaseError) as error:
        raise pytest.UsageError(f"--kscope-backends={given}: {error}") from None


@pytest.fixture
def kscope_store() -> Iterator[VariableStore]:
    """A fresh store, which is open for the time of the test."""
    yield from _opened(None)


@pytest.fixture
def kscope_seeded_store() -> Iterator[VariableStore]:
    """A fresh store with seed 0, which is open for the time of the test: each name has the same numbers each time."""
    yield from _opened(0)


def _opened(seed: int | None) -> Iterator[VariableStore]:
    # Not before a test asks for it: kscope's stores load Keras.
    from kscope._stores.store import VariableStore

    with VariableStore(seed=seed).as_default() as store:
        yield store
