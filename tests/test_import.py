"""`import kscope` is light: it loads nothing, and only the backend that Keras runs on."""

from __future__ import annotations

import subprocess
import sys

import pytest

import kscope

BACKENDS = {"tensorflow": "tensorflow", "jax": "jax", "torch": "torch"}


def _loaded(code: str) -> set[str]:
    """The top-level packages that a fresh interpreter has loaded after `code`."""
    program = f"{code}\nimport sys; print(*{{name.partition('.')[0] for name in sys.modules}})"
    run = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    return set(run.stdout.split())


def test_import_loads_neither_keras_nor_numpy():
    """Importing the package loads no other package, so that the command line starts at once."""
    assert not {"keras", "numpy", *BACKENDS} & _loaded("import kscope")


def test_import_prints_nothing():
    """Importing the package prints nothing."""
    run = subprocess.run([sys.executable, "-c", "import kscope"], check=True, capture_output=True, text=True)
    assert (run.stdout, run.stderr) == ("", "")


def test_use_loads_the_active_backend_only(backend):
    """Making a variable loads the backend that Keras runs on, and no other."""
    loaded = _loaded("import kscope; kscope.get_variable('v', [1])")
    assert loaded & set(BACKENDS) == {backend}


def test_every_public_name_is_there():
    """`__all__` is sorted, and each of its names can be had."""
    assert kscope.__all__ == sorted(kscope.__all__)
    for name in kscope.__all__:
        assert getattr(kscope, name) is not None


def test_dir_lists_the_public_names():
    """`dir(kscope)` shows names before they are loaded."""
    assert set(kscope.__all__) <= set(dir(kscope))


def test_unknown_name():
    """A name that is not there is an AttributeError, as in any module."""
    with pytest.raises(AttributeError, match="module 'kscope' has no attribute 'get_varable'"):
        kscope.get_varable  # noqa: B018 - the look-up is the test
