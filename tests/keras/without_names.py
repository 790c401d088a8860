"""Run the quick start on a Keras in which one private name is called otherwise, for each of the names given.

A program of its own, as Keras is imported anew for each name: `python tests/keras/without_names.py < names.json`. It
prints a line of JSON for each name: the warnings of kscope, and the error, if there is one.

A name is replaced in the source of Keras as it is imported, so that Keras itself goes on working. What Keras is built
on is imported once, before the process forks.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import json
import os
import re
import sys
import tempfile
import traceback
import warnings
from contextlib import contextmanager
from pathlib import Path

BACKEND = os.environ["KERAS_BACKEND"]


class Renamed(importlib.machinery.SourceFileLoader):
    """Load a module from source in which a name is another one."""

    def __init__(self, fullname, path, name):
        super().__init__(fullname, path)
        self.name = name

    def get_code(self, fullname):
        """Compile the changed source, and leave no compiled file behind."""
        source = Path(self.path).read_text(encoding="utf-8")
        return compile(renamed(source, self.name), self.path, "exec", dont_inherit=True)


def renamed(source, name):
    """Put `_moved` behind a name, a regular expression; a quoted name stands for the string."""
    return re.sub(rf"(?<!\w)(?:{name})(?!\w)", _moved, source)


def _moved(match):
    name = match.group()
    return f'{name[:-1]}_moved"' if name.endswith('"') else f"{name}_moved"


class Finder(importlib.abc.MetaPathFinder):
    """Find the modules of a package that hold a name."""

    def __init__(self, package, name):
        self.package = package
        self.name = name
        self.found = 0

    def find_spec(self, fullname, path, target=None):
        """Have the modules that hold the name loaded with another one in its place."""
        if not f"{fullname}.".startswith(f"{self.package}."):
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is None or not isinstance(spec.loader, importlib.machinery.SourceFileLoader):
            return spec
        source = Path(spec.origin).read_text(encoding="utf-8")
        if renamed(source, self.name) != source:
            self.found += 1
            spec.loader = Renamed(fullname, spec.origin, self.name)
        return spec


def quick_start():
    """Define, train, save, load and copy a model, as the README does; raise if a number or a name is wrong."""
    import keras
    import numpy as np

    import kscope

    @keras.saving.register_keras_serializable(package="quick")
    class Tower(kscope.ScopedLayer):
        """Two weights, and one of the scope around it."""

        def __init__(self, units, **kwargs):
            super().__init__(**kwargs)
            self.units = units

        def call(self, x, training=None):
            """Get the weights by name."""
            with kscope.variable_scope("fc"):
                w = kscope.get_variable("kernel", [x.shape[-1], self.units])
                b = kscope.get_variable("bias", [self.units], initializer="zeros")
            return x @ w + b

        def get_config(self):
            """Return the constructor arguments."""
            return {**super().get_config(), "units": self.units}

    x, y = np.ones((4, 3), "float32"), np.ones((4, 2), "float32")
    model = keras.Sequential([keras.Input((3,)), Tower(4, name="first"), Tower(2, name="second")])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    before = [keras.ops.convert_to_numpy(v).copy() for v in model.weights]
    model.fit(x, y, epochs=2, verbose=0)
    after = [keras.ops.convert_to_numpy(v).copy() for v in model.weights]
    names = ["first/fc/kernel", "first/fc/bias", "second/fc/kernel", "second/fc/bias"]
    assert [v.path for v in model.weights] == names, [v.path for v in model.weights]
    assert all(np.any(a != b) for a, b in zip(before, after, strict=True)), "a weight was not trained"
    outputs = model.predict(x, verbose=0)
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "m.weights.h5"))
        model.save_weights(path)
        for variable in model.weights:
            variable.assign(np.zeros(variable.shape))
        model.load_weights(path)
        np.testing.assert_allclose(model.predict(x, verbose=0), outputs, rtol=1e-6)
        path = str(Path(folder, "m.keras"))
        model.save(path)
        loaded = keras.models.load_model(path)
    np.testing.assert_allclose(loaded.predict(x, verbose=0), outputs, rtol=1e-6)
    assert [v.path for v in loaded.weights] == names, [v.path for v in loaded.weights]
    with kscope.variable_scope("shared"):
        v = kscope.get_variable("v", [2])
    with kscope.variable_scope("shared", reuse=True):
        assert kscope.get_variable("v") is v


def without(package, name):
    """What the quick start says in a process in which a name of a package is another one."""
    finder = Finder(package, name)
    sys.meta_path.insert(0, finder)
    result = {"package": package, "name": name, "error": None}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            quick_start()
        except BaseException:
            result["error"] = traceback.format_exc()
    said = [str(warning.message) for warning in caught]
    return {**result, "found": finder.found, "said": [text for text in said if "kscope" in text]}


def in_a_child(package, name):
    """Fork, and return what the child says."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        with covered(), os.fdopen(writing, "w") as stream:
            json.dump(without(package, name), stream)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as stream:
        text = stream.read()
    os.waitpid(child, 0)
    return (
        json.loads(text)
        if text
        else {"package": package, "name": name, "found": 0, "said": [], "error": "the process died"}
    )


@contextmanager
def covered():
    """A block whose coverage is measured, if that of the tests is."""
    if "COVERAGE_FILE" not in os.environ:
        yield
        return
    import coverage

    measured = coverage.Coverage(data_suffix=True)
    measured.start()
    try:
        yield
    finally:
        measured.stop()
        measured.save()


def preload():
    """Import what Keras is built on, which takes most of the time."""
    import importlib

    modules = {
        "tensorflow": ["tensorflow"],
        "jax": ["jax", "jax.numpy", "jax.export"],
        "torch": ["torch", "torch._dynamo"],
    }
    for module in ["numpy", "h5py", "optree", "rich", "ml_dtypes", *modules[BACKEND]]:
        importlib.import_module(module)
    # TensorFlow imports Keras.
    for module in [name for name in sys.modules if name.partition(".")[0] == "keras"]:
        del sys.modules[module]


if __name__ == "__main__":
    names = json.load(sys.stdin)
    # A name of the backend goes before the backend is imported.
    for package, name in sorted(names, key=lambda pair: pair[0].startswith("keras")):
        if package.startswith("keras") and "numpy" not in sys.modules:
            preload()
        print(json.dumps(in_a_child(package, name)), flush=True)
