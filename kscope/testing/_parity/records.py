"""What processes tell each other: facts as JSON, arrays as .npz, never pickle.

A record stands complete in its folder, or not at all: its JSON file is written last, and comes to its name in one step.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["Record"]

# Floats that a file of NumPy does not know; float32 holds each of their numbers.
_WIDENED = ("bfloat16", "float8_e4m3fn", "float8_e5m2")


@dataclass(frozen=True)
class Record:
    """Facts, and arrays by name in an order.

    Attributes:
        facts: what JSON can hold.
        arrays: NumPy arrays by name. Those of a dtype that NumPy lacks come back as float32.
        dtypes: the dtype of each array as it was.
    """

    facts: Any = None
    arrays: Mapping[str, Any] = field(default_factory=dict)
    dtypes: Mapping[str, str] = field(default_factory=dict)

    def save(self, path: Path) -> None:
        """Write `path` with the endings .json and .npz."""
        path.parent.mkdir(parents=True, exist_ok=True)
        arrays = {name: np.asarray(array) for name, array in self.arrays.items()}
        dtypes = {name: str(array.dtype) for name, array in arrays.items()} | dict(self.dtypes)
        # By number: a name may have any character, a file in an archive may not.
        numbered = {str(i): _storable(array) for i, array in enumerate(arrays.values())}
        np.savez(path.with_suffix(".npz"), **numbered)  # type: ignore[arg-type]
        text = json.dumps({"facts": self.facts, "dtypes": dtypes})
        temporary = path.with_suffix(f".{os.getpid()}.tmp")
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path.with_suffix(".json"))

    @classmethod
    def load(cls, path: Path) -> Record | None:
        """The record of `path`; `None` if it was not written, or not to its end."""
        try:
            said = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        with np.load(path.with_suffix(".npz"), allow_pickle=False) as file:
            arrays = {name: file[str(i)] for i, name in enumerate(said["dtypes"])}
        return cls(said["facts"], arrays, said["dtypes"])


def _storable(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return array.astype("float32") if str(array.dtype) in _WIDENED else array
