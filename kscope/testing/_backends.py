"""The backends: which are installed, which of them a run compares, and how a worker process selects one.

No backend is imported to find out whether it is installed.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.util import find_spec

from kscope.testing._errors import BackendMissingError, CaseError

__all__ = ["BACKENDS", "chosen", "environment", "installed", "named"]

BACKENDS = ("tensorflow", "jax", "torch")


def installed() -> tuple[str, ...]:
    """Return the backends that are installed, in the order in which they are compared."""
    return tuple(name for name in BACKENDS if _is_installed(name))


def _is_installed(name: str) -> bool:
    spec = find_spec(name)
    # A folder that happens to have this name is found as a namespace package, which has no file.
    return spec is not None and spec.origin is not None


def chosen(backends: Sequence[str] | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the backends to compare, and those that are left out because they are not installed.

    Args:
        backends: names of backends; the first one makes the weights. Defaults to all installed backends.

    Raises:
        CaseError: if a name is unknown, or is given twice.
        BackendMissingError: if a requested backend is not installed, or fewer than two are left.
    """
    there = installed()
    missing = () if backends is not None else tuple(name for name in BACKENDS if name not in there)
    compared = there if backends is None else named(backends)
    if len(compared) < 2:
        raise BackendMissingError(
            f"Two backends at least are needed for a comparison, and there is {', '.join(compared) or 'none'}. "
            f"{_how(tuple(name for name in BACKENDS if name not in there)) or 'Ask for more of them.'}"
        )
    return compared, missing


def named(backends: Sequence[str]) -> tuple[str, ...]:
    """Return `backends` as a tuple, after checking that each is installed.

    Raises:
        CaseError: if a name is unknown, or is given twice.
        BackendMissingError: if a backend is not installed.
    """
    _check_names(tuple(backends))
    there = installed()
    if missing := tuple(name for name in backends if name not in there):
        raise BackendMissingError(f"Not installed: {', '.join(missing)}. {_how(missing)}")
    return tuple(backends)


def _check_names(backends: tuple[str, ...]) -> None:
    unknown = [name for name in backends if name not in BACKENDS]
    if unknown or len(set(backends)) < len(backends):
        raise CaseError(f"backends must be different names out of {BACKENDS}. Received: backends={list(backends)}")


def _how(missing: tuple[str, ...]) -> str:
    return f'Install with: pip install "keras-kscope[{",".join(missing)}]"' if missing else ""


def environment(backend: str) -> dict[str, str]:
    """Return the environment variables of a worker: those of this process, with the settings of one backend."""
    polite = {
        "TF_CPP_MIN_LOG_LEVEL": "3",
        # Several backends share the memory of one accelerator, so none may allocate all of it at its start.
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
    }
    return {**polite, **os.environ, "KERAS_BACKEND": backend, "PYTHONIOENCODING": "utf-8"}
