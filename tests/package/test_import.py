"""`import kscope` is light: it loads nothing, and only the backend that Keras runs on."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import kscope

BACKENDS = ("tensorflow", "jax", "torch")


def _loaded(code: str) -> set[str]:
    """The top-level packages that a fresh interpreter has loaded after `code`."""
    return set(_printed(f"{code}\nimport sys; print(*{{name.partition('.')[0] for name in sys.modules}})").split())


def _printed(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout


def test_import_loads_neither_keras_nor_numpy():
    """Importing the package loads no other package, so that the command line starts at once."""
    assert not {"keras", "numpy", *BACKENDS} & _loaded("import kscope")


def test_import_prints_nothing():
    """Importing the package prints nothing."""
    run = subprocess.run([sys.executable, "-c", "import kscope"], check=True, capture_output=True, text=True)
    assert (run.stdout, run.stderr) == ("", "")


def test_import_configures_no_logging():
    """Importing the package, and using it, adds nothing to the root of logging that Keras alone does not."""
    handlers = "import logging; print(logging.root.level, *map(type, logging.root.handlers))"
    used = "kscope.get_variable('v', [1])"
    assert _printed(f"import kscope; {handlers}") == _printed(handlers)
    assert _printed(f"import keras, kscope; {used}; {handlers}") == _printed(f"import keras; {handlers}")


TRAINED = """
import keras, numpy
class Tower(keras.layers.Layer):
    def build(self, shape):
        self.kernel = self.add_weight(shape=(3, 2))
    def call(self, x):
        return x @ self.kernel
def trained(layer):
    model = keras.Sequential([keras.Input((3,)), layer])
    model.compile("sgd", "mse")
    model.fit(numpy.ones((4, 3)), numpy.ones((4, 2)), verbose=0)
"""


def test_use_loads_the_active_backend_only(backend):
    """Training a scoped layer loads the backend that Keras runs on, and no other that Keras does not load itself."""
    plain = _loaded(f"{TRAINED}\ntrained(Tower())")
    scoped = _loaded(
        f"{TRAINED}\nimport kscope\ntrained(kscope.scoped(lambda x: x @ kscope.get_variable('kernel', [3, 2])))"
    )
    assert backend in scoped
    assert scoped & set(BACKENDS) == plain & set(BACKENDS)


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


def test_type_checkers_see_the_same_names():
    """The imports for type checkers name each public name, from the file that it is loaded from."""
    tree = ast.parse(Path(kscope.__file__).read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    seen = {
        name.asname: f"{node.module}.{name.name}" if node.module == "kscope" else f"{node.module}:{name.name}"
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for name in node.names
    }
    assert seen == kscope._HOMES
    assert sorted([*seen, "__version__"]) == kscope.__all__


@pytest.mark.parametrize("name", ["AUTO_REUSE", "GraphKeys", "add_arg_scope", "errors", "typing"])
def test_names_that_need_no_keras_load_none(name):
    """What needs neither Keras nor NumPy is there without them."""
    assert not {"keras", "numpy", *BACKENDS} & _loaded(f"import kscope; kscope.{name}")
