"""Execute the snippets of `docs/rules` for TensorFlow, and write what they print as JSON.

A script, since a process is in graph mode or eager for good: `rules_tensorflow.py out.json "TensorFlow 1"`, or any
libraries that go together.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import rules


def main(out: Path, sides: list[str]) -> None:
    outcomes: dict[str, dict[str, list[str]]] = {}
    for side in sides:
        names = rules.names_of(side)
        outcomes[side] = {
            row.name: [rules.run_in_thread(snippet.code, names) for snippet in row.of(side)]
            for row in rules.rows().values()
        }
    out.write_text(json.dumps(outcomes), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
