"""Touch points with the weights files of Keras, whose only public interface is one mapping for each layer.

Keras gives each layer a mapping for the layer's own place in the file. To write a shared variable once, and to find a
variable that was saved in another place, a layer needs the whole file. `tests/keras/test_keras_files.py` fails when
Keras changes a name that is used here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from kscope._keras.private import MISSING, attribute, private

__all__ = ["ask_to_proceed_with_overwrite", "at", "declared_shape", "is_file", "place", "places"]


_OFF = (
    "weights files are read and written layer by layer: a variable that another layer owned when the file was saved is "
    "not found, and each layer that shares a variable writes it"
)


_NOT_GUARDED = "the entries of a weights file are read before their shapes are compared"


def _ask(path: str) -> bool:
    return input(f"{path} exists. Overwrite it? [y/n] ").strip().lower() in ("y", "yes")


ask_to_proceed_with_overwrite: Callable[[str], bool] = private(
    "keras.src.utils.io_utils:ask_to_proceed_with_overwrite", off=None, otherwise=_ask
)
"""Ask the user whether to overwrite a file, as Keras does."""


def is_file(entry: Any) -> bool:
    """Whether a layer's mapping belongs to a file, and is not a plain dict."""
    return not isinstance(entry, dict) and attribute(entry, "_h5_entry_path", _OFF, MISSING) is not MISSING


def place(entry: Any) -> str:
    """Return the path in the file of a layer's mapping."""
    return str(entry._h5_entry_path or "") if is_file(entry) else ""  # noqa: SLF001


def places(entry: Any) -> list[str]:
    """Return the paths of all groups of a file that hold variables. No link is followed."""
    if not is_file(entry):
        return [""]
    if hasattr(entry, "sharding_config"):
        # The keys of the map of a file in shards: "/layers/dense/vars".
        return [key.strip("/").removesuffix("vars").rstrip("/") for key in entry.sharding_config["weight_map"]]
    file = attribute(entry, "h5_file", _OFF)
    return [place(entry)] if file is None else list(_groups_of_variables(file))


def _groups_of_variables(file: Any) -> Iterator[str]:
    import h5py

    todo, seen = [("", file)], set()
    while todo:
        path, group = todo.pop()
        address = h5py.h5o.get_info(group.id).addr
        if address in seen:
            # HDF5 allows a group to have several names, even inside itself.
            continue
        seen.add(address)
        for name in group:
            hard = group.get(name, getlink=True, getclass=True) is h5py.HardLink
            if not hard or group.get(name, getclass=True) is not h5py.Group:
                continue
            if name == "vars":
                yield path
            else:
                todo.append((f"{path}/{name}" if path else name, group[name]))


@contextmanager
def at(entry: Any, path: str) -> Iterator[Any]:
    """Open a block in which a layer's mapping points to another path of the same file. It points back afterwards."""
    before = place(entry)
    if path == before:
        yield entry
        return
    try:
        yield entry.get(path)
    finally:
        entry.get(before)


def declared_shape(entry: Any, key: str) -> tuple[int, ...]:
    """Return the shape of a data set without reading the data.

    Raises:
        ValueError: if the data is not in the file itself: a link, or data in another file.
    """
    group = attribute(entry, "_h5_entry_group", _NOT_GUARDED) if is_file(entry) else None
    if group is None or key not in group:
        # A plain dict, or a key of a shard that is not open.
        return tuple(np.shape(entry[key]))
    import h5py

    if group.get(key, getlink=True, getclass=True) is not h5py.HardLink:
        raise ValueError(f"{key!r} is a link")
    if group.get(key, getclass=True) is not h5py.Dataset:
        raise ValueError(f"{key!r} is not a data set")
    data = group[key]
    if data.external or data.is_virtual:
        raise ValueError(f"the data of {key!r} is in another file")
    return tuple(data.shape or ())
