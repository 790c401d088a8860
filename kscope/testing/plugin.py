"""The pytest plugin: runs marked tests on every backend, and has fixtures that open a store.

pytest loads it in every project of an environment in which kscope is installed, so it imports no Keras and no backend.
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

_MARKER = f"{MARK}: with --kscope-backends, run once on each of those backends, in one process for each"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the command line options."""
    group = parser.getgroup("kscope")
    group.addoption(
        "--kscope-backends",
        metavar="all|NAME,...",
        help=f"run tests that are marked {MARK} once on each of these backends of Keras, or on all that are installed, "
        "in one process for each",
    )
    group.addoption("--kscope-worker", type=Path, help=argparse.SUPPRESS)


def pytest_configure(config: pytest.Config) -> None:
    """Register `Reruns` if this process starts others, or `Recorder` if it was started by one."""
    config.addinivalue_line("markers", _MARKER)
    folder, given = config.getoption("kscope_worker"), config.getoption("kscope_backends")
    if folder:
        config.pluginmanager.register(Recorder(folder, config))
    elif given:
        config.pluginmanager.register(Reruns(config, *_chosen(given)))


def _chosen(given: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the backends to run on, and those that are left out because they are not installed."""
    there = installed()
    if given == "all":
        return there, tuple(name for name in BACKENDS if name not in there)
    try:
        return named(given.split(",")), ()
    except (BackendMissingError, CaseError) as error:
        raise pytest.UsageError(f"--kscope-backends={given}: {error}") from None


@pytest.fixture
def kscope_store() -> Iterator[VariableStore]:
    """A fresh store that is the default store during the test."""
    yield from _opened(None)


@pytest.fixture
def kscope_seeded_store() -> Iterator[VariableStore]:
    """A fresh store with seed 0 that is the default store during the test: a name always gets the same numbers."""
    yield from _opened(0)


def _opened(seed: int | None) -> Iterator[VariableStore]:
    # Imported only when a test uses the fixture: stores load Keras.
    from kscope._stores.store import VariableStore

    with VariableStore(seed=seed).as_default() as store:
        yield store
