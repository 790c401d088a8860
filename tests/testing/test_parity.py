"""A layer under comparison: what a worker observes, how its process ends, and what is asked of the caller."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time

import keras
import numpy as np
import pytest
from samples import Tower

import kscope
from kscope import testing
from kscope.testing import Case, _backends
from kscope.testing._parity import agree as _parity, processes as _processes
from kscope.testing._parity.case import write
from kscope.testing._parity.compare import compare, tolerances
from kscope.testing._parity.worker import STAGES, main, run

X = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
ALL = ("tensorflow", "jax", "torch")

# Keras warns of a weight that is not used; that it has no gradient is what is compared.
pytestmark = pytest.mark.filterwarnings("ignore:Gradients do not exist:UserWarning")


def make_tower():
    return Tower(4, name="tower")


def make_sequential():
    return keras.Sequential([keras.Input((3,)), Tower(4, name="tower"), keras.layers.Dense(2)])


def make_two_inputs():
    left, right = keras.Input((3,)), keras.Input((3,))
    return keras.Model([left, right], keras.layers.Dense(2)(left + right))


def make_added():
    return keras.layers.Add()


def make_flatten():
    return keras.layers.Flatten()


class Unlike(kscope.ScopedLayer):
    """A layer with all that is compared: outputs by name, losses, state, a weight that is not used."""

    def call(self, x, training=False):
        kernel = kscope.get_variable("kernel", [3, 2])
        kscope.get_variable("unused", [2])
        calls = kscope.get_variable("calls", [], "int32", initializer="zeros")
        if training:
            calls.assign(calls + 1)
        self.add_loss(keras.ops.sum(kernel))
        outputs = keras.ops.matmul(x, kernel)
        return {"b": outputs, "a": keras.ops.argmax(outputs, axis=-1)}


def make_unlike():
    return Unlike(name="unlike")


def make_argmax():
    return Argmax()


class Argmax(kscope.ScopedLayer):
    """Integers of trainable weights."""

    def call(self, x):
        return keras.ops.argmax(keras.ops.matmul(x, kscope.get_variable("kernel", [3, 2])), axis=-1)


def make_twice():
    return Twice()


class Twice(keras.layers.Layer):
    """Two weights of one path, as Keras allows."""

    def build(self, shape):
        self.one, self.other = self.add_weight(name="w"), self.add_weight(name="w")

    def call(self, x):
        return x * self.one + self.other


def make_nothing():
    raise LookupError("there is no such layer")


def make_crash():
    os._exit(7)


def make_hang():
    time.sleep(60)


def worked(folder, case, *workers, reference=None):
    """What workers of this process leave; the first one makes the weights, unless `reference` does."""
    write(case, folder / "case-000000")
    for worker in workers:
        run(folder, worker, reference or workers[0])
    return {worker: _parity._records(folder / "case-000000" / worker) for worker in workers}


def compared(results, case):
    """The rows of a comparison."""
    return list(compare(results, tolerances(results, case.steps, case.tolerances)))


@pytest.mark.parametrize(
    ("make", "inputs"),
    [
        (make_tower, X),
        (make_sequential, X),
        (make_two_inputs, (X, X)),
        (make_added, [X, X]),
        (make_unlike, X),
        (make_twice, X),
    ],
)
def test_two_workers_agree(make, inputs, tmp_path):
    """Two workers of one backend find the same, whatever they draw for the weights themselves."""
    case = Case(make, inputs, steps=2, loss={"a": None, "b": "mse"} if make is make_unlike else "mse")
    rows = compared(worked(tmp_path, case, "one", "other"), case)
    assert [row for row in rows if not row.agree] == []
    assert {"outputs of a call", "outputs of predict_on_batch"} <= {row.what for row in rows}
    if make is make_unlike:
        names = {row.what: [] for row in rows}
        for row in rows:
            names[row.what].append(row.name)
        assert names["weight names"] == ["unlike/kernel", "unlike/unused", "unlike/calls"]
        assert sorted(names["outputs of a call"]) == ["output['a']", "output['b']"]
        assert names["losses of a call"] == ["loss 0"]
        assert names["gradients"] == ["unlike/kernel", "unlike/unused"]
    if make is make_twice:
        assert [row.name for row in rows if row.what == "gradients"] == ["twice/w", "twice/w #2"]


def test_weights_are_handed_over(tmp_path):
    """A worker starts from the weights of the first one, by name; one of another shape keeps its own."""
    results = worked(tmp_path / "one", Case(make_tower, X), "one")
    build = results["one"]["build"]
    changed = {name: array + 1 if "bias" in name else array[:2] for name, array in build.arrays.items()}
    folder = tmp_path / "other"
    type(build)(build.facts, changed, build.dtypes).save(folder / "case-000000" / "one" / "build")
    other = worked(folder, Case(make_tower, X), "other", reference="one")["other"]
    np.testing.assert_array_equal(other["eager"].arrays["weights/tower/fc/bias"], np.ones(4))
    np.testing.assert_array_equal(
        other["eager"].arrays["weights/tower/fc/kernel"], other["build"].arrays["weights/tower/fc/kernel"]
    )


def test_training_mode(tmp_path):
    """With `training=True` the eager call changes the state, and each stage starts from the old one."""
    case = Case(make_unlike, X, training=True, steps=2, loss={"a": None, "b": "mse"})
    stages = worked(tmp_path, case, "one")["one"]
    assert stages["eager"].arrays["weights/unlike/calls"] == 1
    assert stages["training"].arrays["weights/unlike/calls"] == 2
    assert not np.any(stages["gradients"].arrays["gradients/unlike/unused"])


@pytest.mark.parametrize(
    ("make", "steps", "said"),
    [
        (make_flatten, 3, {"gradients": "no trainable weights", "training": "no trainable weights"}),
        (make_argmax, 3, {"gradients": "no outputs that are floats", "training": "no outputs that are floats"}),
        (make_tower, 0, {"training": "steps=0"}),
    ],
)
def test_what_is_left_out(make, steps, said, tmp_path):
    """What a layer cannot be compared by is left out, with the reason."""
    stages = worked(tmp_path, Case(make, X, steps=steps), "one")["one"]
    assert {name: stage.facts["skipped"] for name, stage in stages.items() if "skipped" in stage.facts} == said


def test_given_targets(tmp_path):
    """Targets, an optimizer and a loss of the caller's are those of the training steps."""
    options = {"optimizer": keras.optimizers.SGD(0.5), "loss": keras.losses.MeanAbsoluteError(), "steps": 1}
    case = Case(make_tower, X, targets=np.full((4, 4), 100.0, "float32"), **options)
    stages = worked(tmp_path, case, "one")["one"]
    outputs = stages["eager"].arrays["outputs/output"]
    np.testing.assert_allclose(stages["training"].arrays["losses/step 1"], np.mean(100 - outputs), rtol=1e-5)


def make_eager():
    model = make_sequential()
    model.compile(run_eagerly=True)
    return model


def test_how_a_prediction_runs(tmp_path, backend):
    """A record says what Keras compiled a prediction with."""
    eager = worked(tmp_path / "eager", Case(make_eager, X, steps=0), "one")["one"]
    assert eager["compiled"].facts["how"] == "no compiler"
    stages = worked(tmp_path, Case(make_tower, X, steps=0), "one")["one"]
    assert (
        stages["compiled"].facts["how"]
        in {
            "tensorflow": ("tf.function", "tf.function with XLA"),
            "jax": ("jax.jit",),
            "torch": ("no compiler", "torch.compile"),
        }[backend]
    )


def test_an_exception(tmp_path):
    """An exception ends a case with the user's traceback, and not the cases after it."""
    write(Case(make_nothing, X), tmp_path / "case-000000")
    write(Case(make_flatten, X), tmp_path / "case-000001")
    run(tmp_path, "one", "one")
    failure = _parity._failure(tmp_path / "case-000000" / "one", {}, None)
    assert (failure.backend, failure.stage) == ("one", "make_layer")
    assert "LookupError: there is no such layer" in failure.text
    assert "in make_nothing" in failure.text
    assert "_stages.py" not in failure.text
    assert set(_parity._records(tmp_path / "case-000001" / "one")) == set(STAGES)


def test_no_weights_to_start_from(tmp_path):
    """A worker that waits for weights in vain says so: the other one failed, or its process is gone."""
    write(Case(make_flatten, X), tmp_path / "case-000000")
    # It waits until then.
    threading.Timer(0.2, (tmp_path / "first.ended").touch).start()
    run(tmp_path, "one", "first")
    failure = _parity._failure(tmp_path / "case-000000" / "one", {}, None)
    assert (failure.stage, failure.text.splitlines()[-1]) == (
        "build",
        "RuntimeError: The worker of first made no weights to compare with.",
    )


def ends(tmp_path, backend, *makers, timeout=300.0):
    """How a process of the backend under test ends, and what a report has of each case."""
    folders = [tmp_path / f"case-{i:06}" for i in range(len(makers))]
    for make, folder in zip(makers, folders, strict=True):
        write(Case(make, X, steps=1), folder)
    ending = _processes.run_all(tmp_path, (backend,), timeout)[backend]
    made = zip(makers, folders, strict=True)
    return [_parity._report(Case(make, X), folder, {backend: ending}, (), 0.0) for make, folder in made]


def test_a_process(tmp_path, backend):
    """A worker process finds the functions of a test module; one that crashes is told, with the stage."""
    tower, crash = ends(tmp_path, backend, make_tower, make_crash)
    assert (tower.failures, tower.backends) == ((), (backend,))
    assert set(tower.versions) == {"keras", backend}
    (failure,) = crash.failures
    assert (failure.backend, failure.stage) == (backend, "build")
    assert "The worker process ended with exit code 7." in failure.text


def test_a_process_that_takes_too_long(tmp_path, backend):
    """A worker that is not done in time shows where it was, and ends by itself."""
    (report,) = ends(tmp_path, backend, make_hang, timeout=0.4)
    assert re.search(r"did not end within its \d+ seconds.\nTimeout", report.failures[0].text)
    assert 'File "' in report.failures[0].text


def test_a_process_that_does_not_end(tmp_path, backend, monkeypatch):
    """A worker that does not even do that is ended from outside."""
    start = _processes._start
    monkeypatch.setattr(_processes, "_start", lambda command, *args: start([*command[:-1], "300"], *args))
    monkeypatch.setattr(_processes, "_GRACE_SECONDS", 0.0)
    (report,) = ends(tmp_path, backend, make_hang, timeout=0.1)
    assert "did not end within" in report.failures[0].text


def test_a_signal():
    """A process that a signal ended is told by its number."""
    assert str(_processes.Ending(-11, 1.0, False, "output")) == "The worker process ended by signal 11.\noutput"


def test_no_process_is_left(tmp_path, backend, monkeypatch):
    """Where one process cannot be started, the others do not outlive the error."""
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    write(Case(make_hang, X), tmp_path / "case-000000")
    start = time.monotonic()
    with pytest.raises(ValueError, match="null byte"):
        _processes.run_all(tmp_path, (backend, "a\0b"), 300.0)
    assert time.monotonic() - start < 60


def test_environment(monkeypatch):
    """A worker has the caller's environment, and its own backend; none of them takes all of an accelerator."""
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "1")
    found = _processes.environment("torch")
    assert (found["KERAS_BACKEND"], found["TF_CPP_MIN_LOG_LEVEL"]) == ("torch", "1")
    assert found["XLA_PYTHON_CLIENT_PREALLOCATE"] == "false"


def test_main(tmp_path, monkeypatch):
    """A worker's program runs the cases of its folder within its time."""
    timers = []
    monkeypatch.setattr("faulthandler.dump_traceback_later", lambda *args, **kwargs: timers.append((args, kwargs)))
    write(Case(make_flatten, X), tmp_path / "case-000000")
    main(str(tmp_path), "one", "one", "12.5")
    assert timers == [((12.5,), {"exit": True})]
    assert (tmp_path / "case-000000" / "one" / "training.json").exists()


@pytest.fixture
def only(monkeypatch):
    """A function that makes some backends the installed ones."""
    there = _backends.find_spec("numpy")

    def install(*names):
        monkeypatch.setattr(_backends, "find_spec", lambda name: there if name in names else None)

    return install


def test_the_backend_under_test_is_installed(backend):
    """What can be imported is installed."""
    assert backend in _backends.installed()


def test_chosen_backends(only):
    """By default all installed backends are compared, and the others are named."""
    only("jax", "torch")
    assert _backends.chosen(None) == (("jax", "torch"), ("tensorflow",))
    assert _backends.chosen(["torch", "jax"]) == (("torch", "jax"), ())


@pytest.mark.parametrize(
    ("there", "asked", "message"),
    [
        (
            ["jax", "torch"],
            ["jax", "tensorflow"],
            'Not installed: tensorflow. Install with: pip install "keras',
        ),
        (["jax"], None, 'there is jax. Install with: pip install "keras-kscope[tensorflow,torch]"'),
        ([], None, "there is none. Install with"),
        (ALL, ["jax"], "Two backends at least are needed for a comparison, and there is jax. Ask for more"),
    ],
)
def test_too_few_backends(there, asked, message, only):
    """Fewer than two backends are an error that says how to install more, and never agreement."""
    only(*there)
    with pytest.raises(testing.BackendMissingError, match=re.escape(message)):
        testing.assert_backends_agree(make_tower, X, backends=asked)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"backends": ["jax", "fax"]},
            r"different names out of .* Received: backends=\['jax', 'fax'\]",
        ),
        ({"backends": ["jax", "jax"]}, "backends must be different names"),
        ({"timeout": 0}, "timeout must be a number of seconds above zero. Received: timeout=0"),
        ({"tolerances": {"float": 1}}, "tolerances are given for one of"),
        ({"inputs": None}, "inputs must be a NumPy array"),
    ],
)
def test_bad_arguments(options, message, only):
    """A wrong argument is told before any process is started."""
    only(*ALL)
    with pytest.raises(testing.CaseError, match=message):
        testing.assert_backends_agree(make_tower, **{"inputs": X, **options})


def test_import_is_light():
    """The module that compares is loaded without Keras or a backend."""
    code = "import kscope, sys; kscope.testing.assert_backends_agree; kscope.testing.Case; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert not {"keras", *ALL} & set(run.stdout.split())


def test_public_names():
    """All public names are there, and no other."""
    assert set(testing.__all__) <= set(dir(testing))
    for name in testing.__all__:
        assert getattr(testing, name).__name__ == name
    with pytest.raises(AttributeError, match="module 'kscope.testing' has no attribute 'assert_backends_agre'"):
        testing.assert_backends_agre  # noqa: B018 - the look-up is the test


def test_title():
    """A case is called by its name, or by that of its function."""
    assert Case(make_tower, X, name="mine").title == "mine"
    assert Case("keras.layers:Flatten", X).title == "keras.layers:Flatten"
