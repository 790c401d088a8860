"""The command line: `python -m kscope COMMAND`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from kscope import __version__
from kscope.testing._parity.cli import add_parity

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: the arguments of the command line. Defaults to those of the process.

    Returns:
        The exit code.

    Raises:
        SystemExit: after `--help` and `--version`, and with code 2 for invalid arguments.
    """
    parser = argparse.ArgumentParser(prog="kscope", description="Named, scoped, safely shared variables for Keras 3.")
    parser.add_argument("--version", action="version", version=f"kscope {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    add_parity(commands)
    parsed = parser.parse_args(arguments)
    code: int = parsed.run(parsed)
    return code


if __name__ == "__main__":
    sys.exit(main())
