"""One model on three backends: the same initial values, the same loss curve, and a change of backend during training.

A classifier of scikit-learn's 1,797 handwritten digits is trained from the same seed on each installed backend, in one
process for each. Then one run changes its backend: with three backends, it trains a third of the steps on the first, is
saved, is loaded on the second, and so on. The loss curve continues without a jump, because weights and the optimizer's
moments are found by name.

Run it with `python examples/backend_switch.py --output FOLDER`. At least two backends have to be installed.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

BACKENDS = ("tensorflow", "jax", "torch")
COLORS = {"tensorflow": "tab:orange", "jax": "tab:blue", "torch": "tab:red"}
SEED = 7
BATCH = 64


def batches(steps):
    """Yield batches of images and digits, the same for every backend."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = (digits.data / 16.0).astype("float32")
    rng = np.random.default_rng(SEED)
    for _ in range(steps):
        chosen = rng.integers(0, len(images), BATCH)
        yield images[chosen], digits.target[chosen].astype("int32")


def build():
    """Return a compiled model whose initial values depend only on the seed and on the names of the variables."""
    import keras

    import kscope

    kscope.set_seed(SEED)

    @keras.saving.register_keras_serializable(package="backend_switch")
    class Classifier(kscope.ScopedLayer):
        def call(self, x):
            for number in range(2):
                with kscope.variable_scope(f"hidden_{number}"):
                    kernel = kscope.get_variable("kernel", [x.shape[-1], 64], initializer="he_normal")
                    x = keras.ops.relu(x @ kernel + kscope.get_variable("bias", [64], initializer="zeros"))
            with kscope.variable_scope("logits"):
                return x @ kscope.get_variable("kernel", [64, 10])

    model = keras.Sequential([keras.Input((64,)), Classifier(name="classifier")])
    model.compile(keras.optimizers.Adam(2e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def work(job):
    """In the process of one backend: train some of the steps, and write the losses to a file."""
    import keras

    model = build()
    if job["load"]:
        model = keras.models.load_model(job["load"])
    start = hashlib.sha256(b"".join(keras.ops.convert_to_numpy(v).tobytes() for v in model.weights)).hexdigest()
    losses, seconds = [], []
    for images, digits in list(batches(job["stop"]))[job["start"] :]:
        before = time.perf_counter()
        losses.append(float(model.train_on_batch(images, digits)))
        seconds.append(time.perf_counter() - before)
    if job["save"]:
        model.save(job["save"])
    Path(job["result"]).write_text(json.dumps({"start": start, "losses": losses, "seconds": seconds}), encoding="utf-8")


def run(folder, backend, start, stop, load=None, save=None):
    """Train some steps on one backend, in a new process, and return its results."""
    result = folder / "result.json"
    job = {"start": start, "stop": stop, "load": load, "save": save, "result": str(result)}
    environment = {"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ, "KERAS_BACKEND": backend}
    command = [sys.executable, __file__, "--job", json.dumps(job)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"The run on {backend} failed:\n{done.stderr}")
    return json.loads(result.read_text(encoding="utf-8"))


def relay(folder, backends, steps):
    """Train one run on all backends, one after another, with an equal share of the steps for each."""
    bounds = [round(steps * i / len(backends)) for i in range(len(backends) + 1)]
    legs, load = [], None
    for number, (backend, (start, stop)) in enumerate(zip(backends, pairwise(bounds), strict=True)):
        save = str(folder / f"after_{number}.keras")
        legs.append((backend, start, run(folder, backend, start, stop, load, save)["losses"]))
        load = save
    return legs


def show(runs, legs):
    """Print the losses by step, their differences, and the time of a step; return the two largest differences."""
    first, *others = runs
    reference = np.array(runs[first]["losses"])
    table = Table(title="Loss by step")
    for heading in ("step", *runs, "largest difference", "handed on", "difference"):
        table.add_column(heading, justify="right", no_wrap=True)
    handed_on = [loss for _, _, losses in legs for loss in losses]
    on = [backend for backend, _, losses in legs for _ in losses]
    for step in sorted({0, 1, 2, *(start for _, start, _ in legs), *range(9, len(reference), 10), len(reference) - 1}):
        values = [runs[backend]["losses"][step] for backend in runs]
        table.add_row(
            str(step + 1),
            *(f"{value:.6f}" for value in values),
            f"{max(values) - min(values):.1e}",
            f"{handed_on[step]:.6f} ({on[step]})",
            f"{abs(handed_on[step] - values[0]):.1e}",
        )
    console = Console(width=max(120, Console().width))
    console.print(table)
    for backend, result in runs.items():
        same = "the same initial values" if result["start"] == runs[first]["start"] else "OTHER INITIAL VALUES"
        console.print(f"{backend:>10}: {np.median(result['seconds']) * 1e3:.2f} ms a step, {same}")
    apart = max((float(np.abs(np.array(runs[b]["losses"]) - reference).max()) for b in others), default=0.0)
    return apart, float(np.abs(np.array(handed_on) - reference).max())


def draw(path, runs, legs):
    """Draw the loss curves of all backends, the run that changes its backend, and the differences."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    first = next(iter(runs))
    reference = np.array(runs[first]["losses"])
    figure, (curves, handed_on, apart) = plt.subplots(
        3, 1, sharex=True, figsize=(8, 9), height_ratios=(2, 2, 1), layout="constrained"
    )
    steps = np.arange(1, len(reference) + 1)
    for number, (backend, result) in enumerate(runs.items()):
        # Each line is thinner than the one below it, so that all are visible where they agree.
        width = 2.0 * (len(runs) - number)
        curves.plot(steps, result["losses"], color=COLORS[backend], linewidth=width, label=backend)
        if backend != first:
            difference = np.abs(np.array(result["losses"]) - reference)
            apart.plot(steps, np.maximum(difference, 1e-9), color=COLORS[backend], label=f"{backend} - {first}")
    curves.set(title="One seed, three backends", ylabel="loss")
    handed_on.plot(steps, reference, color="0.8", linewidth=5, label=f"all on {first}")
    for backend, start, losses in legs:
        handed_on.plot(steps[start : start + len(losses)], losses, color=COLORS[backend], label=f"on {backend}")
        handed_on.axvline(start + 0.5, color="0.6", linewidth=0.8, linestyle=":")
    handed_on.set(title="One run, handed on from backend to backend", ylabel="loss")
    apart.set(title="Difference of losses", xlabel="step", ylabel="absolute", yscale="log")
    for axes in (curves, handed_on, apart):
        axes.legend(frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=120)


def main():
    """Train on each backend, train one run on all of them, and show the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("backend_switch"), metavar="FOLDER")
    parser.add_argument("--steps", type=int, default=120, help="of training (default: %(default)s)")
    parser.add_argument("--job", type=json.loads, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.job:
        work(arguments.job)
        return
    backends = [name for name in BACKENDS if importlib.util.find_spec(name)]
    if len(backends) < 2:
        raise SystemExit(f"Install two backends at least; there is {', '.join(backends) or 'none'}.")
    with tempfile.TemporaryDirectory() as folder:
        runs = {backend: run(Path(folder), backend, 0, arguments.steps) for backend in backends}
        legs = relay(Path(folder), backends, arguments.steps)
    apart, handed_on = show(runs, legs)
    arguments.output.mkdir(parents=True, exist_ok=True)
    draw(arguments.output / "backend_switch.png", runs, legs)
    print(f"largest difference between backends: {apart:.1e}, after handing on: {handed_on:.1e}")
    print(f"picture: {arguments.output / 'backend_switch.png'}")


if __name__ == "__main__":
    main()
