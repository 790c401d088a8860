"""Records, the files with which processes exchange results: facts as JSON, arrays as .npz, never pickle.

A record is complete or absent: its JSON file is written last, under another name, and then renamed in one step.
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

# Float dtypes that .npz files cannot hold. float32 has each of their numbers.
_WIDENED = ("bfloat16", "float8_e4m3fn", "float8_e5m2")


@dataclass(frozen=True)
class Record:
    """Facts, and named arrays in order.

    Attributes:
        facts: a value that JSON can hold.
        arrays: NumPy arrays by name. Those of a dtype that NumPy lacks are loaded as float32.
        dtypes: the dtype of each array before it was saved.
    """

    facts: Any = None
    arrays: Mapping[str, Any] = field(default_factory=dict)
    dtypes: Mapping[str, str] = field(default_factory=dict)

    def save(self, path: Path) -> None:
        """Write the files `path` + .npz and `path` + .json."""
        path.parent.mkdir(parents=True, exist_ok=True)
        arrays = {name: np.asarray(array) for name, array in self.arrays.items()}
        dtypes = {name: str(array.dtype) for name, array in arrays.items()} | dict(self.dtypes)
        # Numbers, since the name of an array may have characters that a file name in an archive may not have.
        numbered = {str(i): _storable(array) for i, array in enumerate(arrays.values())}
        np.savez(path.with_suffix(".npz"), **numbered)  # type: ignore[arg-type]
        text = json.dumps({"facts": self.facts, "dtypes": dtypes})
        temporary = path.with_suffix(f".{os.getpid()}.tmp")
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path.with_suffix(".json"))

    @classmethod
    def load(cls, path: Path) -> Record | None:
        """Return the record of `path`, or `None` if it was not written completely."""
        try:
            said = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        with np.load(path.with_suffix(".npz"), allow_pickle=False) as file:
            arrays = {name: file[str(i)] for i, name in enumerate(said["dtypes"])}
        return cls(said["facts"], arrays, said["dtypes"])


def _storable(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return array.astype("float32") if str(array.dtype) in _WIDENED else array
