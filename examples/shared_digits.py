"""One encoder, shared by name: a siamese network that compares two digits, and a classifier that recognizes one.

The images are the 1,797 handwritten digits that scikit-learn contains; nothing is downloaded. Two layers use the
variables under `/encoder`: `Verifier` twice, once for each image of a pair, and `Classifier` once. They are trained
together, saved, and loaded in a new process, where they have the same accuracy.

Run it with `KERAS_BACKEND=jax python examples/shared_digits.py`, or `tensorflow` or `torch`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import keras
import numpy as np
from rich.console import Console
from rich.table import Table
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import kscope

SEED = 7
PAIRS_PER_IMAGE = 4
EPOCHS = 12
GOAL = 0.95


def encode(images):
    """Encode each image as 64 numbers: two convolutions and a dense layer, with variables in the current scope."""
    x = keras.ops.reshape(images, (-1, 8, 8, 1))
    for name, filters in (("conv1", 16), ("conv2", 32)):
        with kscope.variable_scope(name):
            kernel = kscope.get_variable("kernel", [3, 3, x.shape[-1], filters], initializer="he_normal")
            bias = kscope.get_variable("bias", [filters], initializer="zeros")
        x = keras.ops.relu(keras.ops.conv(x, kernel, padding="same") + bias)
        x = keras.ops.max_pool(x, (2, 2), strides=(2, 2))
    return keras.ops.tanh(dense(keras.ops.reshape(x, (-1, 2 * 2 * 32)), 64, "embedding"))


def dense(x, units, name):
    """Apply a dense layer: as in TF1, a function that gets its variables by name."""
    with kscope.variable_scope(name):
        kernel = kscope.get_variable("kernel", [x.shape[-1], units])
        bias = kscope.get_variable("bias", [units], initializer="zeros")
    return x @ kernel + bias


@keras.saving.register_keras_serializable(package="shared_digits")
class Verifier(kscope.ScopedLayer):
    """Whether two images show the same digit: two towers, one set of weights."""

    def call(self, left, right):
        """Return a probability for each pair."""
        with kscope.variable_scope("/encoder"):
            a = encode(left)
        with kscope.variable_scope("/encoder", reuse=True):
            b = encode(right)
        return keras.ops.sigmoid(dense(keras.ops.abs(a - b), 1, "same"))


@keras.saving.register_keras_serializable(package="shared_digits")
class Classifier(kscope.ScopedLayer):
    """Which digit an image shows: a dense layer on top of the verifier's encoder."""

    def call(self, image):
        """Return ten probabilities for each image."""
        with kscope.variable_scope("/encoder", reuse=True):
            x = encode(image)
        return keras.ops.softmax(dense(x, 10, "digit"))


def build() -> keras.Model:
    """Return a model with both layers, which share one store."""
    store = kscope.VariableStore()
    left = keras.Input((64,), name="left")
    right = keras.Input((64,), name="right")
    outputs = {
        "same": Verifier(store=store, name="verifier")(left, right),
        "digit": Classifier(store=store, name="classifier")(left),
    }
    return keras.Model({"left": left, "right": right}, outputs)


def pairs(images, digits, rng):
    """Pair each image with several others: half of them show the same digit, half another digit."""
    left = np.tile(np.arange(len(images)), PAIRS_PER_IMAGE)
    same = np.arange(len(left)) % 2 == 0
    by_digit = [np.flatnonzero(digits == digit) for digit in range(10)]
    other = (digits[left] + rng.integers(1, 10, len(left))) % 10
    wanted = np.where(same, digits[left], other)
    right = np.array([rng.choice(by_digit[digit]) for digit in wanted])
    inputs = {"left": images[left], "right": images[right]}
    return inputs, {"same": same[:, None].astype("float32"), "digit": digits[left]}


def data():
    """Return the training and held-out images (64 numbers from 0 to 1 each), as pairs."""
    digits = load_digits()
    images = (digits.data / 16.0).astype("float32")
    train_x, test_x, train_y, test_y = train_test_split(
        images, digits.target, test_size=0.2, random_state=SEED, stratify=digits.target
    )
    rng = np.random.default_rng(SEED)
    return pairs(train_x, train_y, rng), pairs(test_x, test_y, rng)


def show_variables(model: keras.Model) -> None:
    """Print each variable once, with all layers that use it."""
    table = Table(title="Variables by name", caption="A shared variable is stored and trained once.")
    table.add_column("name", no_wrap=True)
    table.add_column("shape", no_wrap=True)
    table.add_column("numbers", justify="right")
    table.add_column("used by", no_wrap=True)
    layers = [layer for layer in model.layers if isinstance(layer, kscope.ScopedLayer)]
    for variable in model.weights:
        users = [layer.name for layer in layers if any(variable is weight for weight in layer.weights)]
        numbers = f"{int(np.prod(variable.shape)):,}"
        style = "bold green" if len(users) > 1 else None
        table.add_row(variable.path, str(tuple(variable.shape)), numbers, " + ".join(sorted(users)), style=style)
    Console().print(table)


def accuracy(model: keras.Model, inputs, targets) -> dict[str, float]:
    """Return the fraction of pairs and of images for which the model is right."""
    predicted = model.predict(inputs, batch_size=512, verbose=0)
    return {
        "verification": float(np.mean((predicted["same"] > 0.5) == (targets["same"] > 0.5))),
        "classification": float(np.mean(np.argmax(predicted["digit"], axis=-1) == targets["digit"])),
    }


def train(path: Path) -> None:
    """Build, train and save the model, and evaluate it here and in a new process that loads it."""
    keras.utils.set_random_seed(SEED)
    training, held_out = data()
    model = build()
    show_variables(model)
    model.compile(
        keras.optimizers.Adam(2e-3),
        loss={"same": "binary_crossentropy", "digit": "sparse_categorical_crossentropy"},
    )
    model.fit(*training, batch_size=64, epochs=EPOCHS, verbose=1 if sys.stdout.isatty() else 2)
    here = accuracy(model, *held_out)
    model.save(path)
    command = [sys.executable, __file__, "--evaluate", str(path)]
    loaded = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
    for task, value in here.items():
        print(f"{task:>14} accuracy on held-out images: {value:.4f}, loaded in a fresh process: {loaded[task]:.4f}")
    if here != loaded or min(here.values()) < GOAL:
        raise SystemExit(f"expected at least {GOAL} for both, and the same after loading")


def main() -> None:
    """Train and save, or, in the new process, load and evaluate."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--evaluate", type=Path, metavar="FILE", help="load a saved model and print its accuracy")
    arguments = parser.parse_args()
    if arguments.evaluate:
        print(json.dumps(accuracy(keras.models.load_model(arguments.evaluate), *data()[1])))
        return
    with tempfile.TemporaryDirectory() as folder:
        train(Path(folder) / "shared_digits.keras")


if __name__ == "__main__":
    main()
