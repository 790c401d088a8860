"""`python -m kscope parity`: `assert_backends_agree` on the command line."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np

from kscope.errors import KscopeError
from kscope.testing._errors import BackendsDisagreeError, CaseError
from kscope.testing._parity.agree import assert_backends_agree

__all__ = ["add_parity", "array"]

_EPILOG = """\
A SHAPE is sizes with commas, the batch first, then a colon and a dtype: 32,64 or 32,10:int32. Floats are drawn from a
normal distribution, integers from 0 to 9, or below a limit: 32,10:int32:1000. Each run draws the same numbers.

exit codes: 0 the backends agree; 1 they differ, or the layer fails on one; 2 wrong arguments, or too few backends.

example: python -m kscope parity my_package.layers:make_tower --input 32,64 --backends jax,torch
"""


def add_parity(commands: Any) -> None:
    """Add the command `parity` to the parser of `python -m kscope`."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "parity",
        help="run a layer on each installed backend, and compare",
        description="Run a layer or model on each installed backend, from the same weights, and compare weights, "
        "outputs, gradients, losses and training steps by name.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("make_layer", help="a function that returns the layer, as package.module:function")
    parser.add_argument(
        "--input", action="append", required=True, metavar="SHAPE", dest="inputs", help="once for each argument"
    )
    parser.add_argument("--targets", metavar="SHAPE", help="the training targets; default: floats like the outputs")
    parser.add_argument("--backends", type=_names, metavar="A,B", help="default: all that are installed")
    parser.add_argument("--steps", type=int, default=3, help="training steps (default: 3)")
    parser.add_argument("--optimizer", default="sgd", help="the name of a Keras optimizer (default: sgd)")
    parser.add_argument("--loss", default="mse", help="the name of a Keras loss (default: mse)")
    parser.add_argument("--training", action="store_true", help="call with training=True")
    parser.add_argument("--timeout", type=float, default=300.0, help="seconds for each backend (default: 300)")
    parser.add_argument("--json", metavar="FILE", help="write the report as JSON")
    parser.add_argument("--junit", metavar="FILE", help="write the report as JUnit XML")
    parser.set_defaults(run=_parity)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",")]


def _parity(arguments: argparse.Namespace) -> int:
    options = {name: value for name, value in vars(arguments).items() if name != "run"}
    # `python -m` looks for modules in the current folder; a program that calls `main` does not.
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        inputs = tuple(array(text, seed) for seed, text in enumerate(options.pop("inputs")))
        targets = options.pop("targets")
        targets = None if targets is None else array(targets, seed=len(inputs))
        report = assert_backends_agree(options.pop("make_layer"), inputs, targets=targets, **options)
    except BackendsDisagreeError as error:
        print(error)  # noqa: T201 - what the command is for
        return 1
    except KscopeError as error:
        print(f"kscope parity: {error}", file=sys.stderr)  # noqa: T201
        return 2
    print(report)  # noqa: T201
    return 0


def array(text: str, seed: int) -> np.ndarray[Any, Any]:
    """Return a random array of the shape and dtype that a SHAPE of the command line gives.

    Args:
        text: such as `"32,64"`, `"32,10:int32"` or `"32,10:int32:1000"`.
        seed: int. The same seed gives the same numbers.

    Raises:
        CaseError: if `text` has another form.

    Example:
    >>> array("2,3:int32:5", seed=0).shape, str(array("4", seed=0).dtype)
    ((2, 3), 'float32')
    """
    found = re.fullmatch(r"(\d+(?:,\d+)*)(?::(float\d+|u?int\d+|bool))?(?::([1-9]\d*))?", text)
    if found is None:
        raise CaseError(f"A shape is such as 32,64 or 32,10:int32 or 32,10:int32:1000. Received: {text!r}")
    shape = tuple(map(int, found[1].split(",")))
    rng = np.random.default_rng(seed)
    dtype = found[2] or "float32"
    try:
        if dtype.startswith("float"):
            return rng.normal(size=shape).astype(dtype)
        return rng.integers(2 if dtype == "bool" else int(found[3] or 10), size=shape).astype(dtype)
    except TypeError:
        raise CaseError(f"There is no dtype {dtype!r}. Received: {text!r}") from None
