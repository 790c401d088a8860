"""Write files, and load them, completely or not at all.

Keras writes into the file that it replaces, so that a process that is killed leaves neither the old nor the new file.
It loads layer by layer, and if a layer fails, the layers before it keep their loaded values. For models with scoped
layers, the three methods of `keras.Model` that touch files are wrapped to avoid both; other models are not affected.
"""

from __future__ import annotations

import functools
import json
import os
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras

from kscope import _keras, errors
from kscope._keras import files
from kscope._layers.saving import weights as _weights

__all__ = ["load_weights", "save", "save_weights"]

# The errors that are raised when a file is cut off or damaged.
_DAMAGED = (OSError, KeyError, RuntimeError, zipfile.BadZipFile, json.JSONDecodeError, UnicodeDecodeError)
_NOT_DAMAGED = (FileNotFoundError, PermissionError, IsADirectoryError, errors.KscopeError)

_LISTED = 20


def save(
    original: Callable[..., Any],
    model: Any,
    filepath: Any,
    overwrite: bool = True,
    zipped: bool | None = None,
    **kwargs: Any,
) -> None:
    """Call `keras.Model.save` on a temporary file beside the one that is replaced, and move it into place."""
    del model
    if zipped is False:
        # A directory, which cannot be replaced in one step.
        original(filepath, overwrite=overwrite, zipped=zipped, **kwargs)
    else:
        _write(functools.partial(original, zipped=zipped, **kwargs), filepath, overwrite)


def save_weights(
    original: Callable[..., Any], model: Any, filepath: Any, overwrite: bool = True, max_shard_size: float | None = None
) -> None:
    """Call `keras.Model.save_weights` on a temporary file beside the one that is replaced, and move it into place."""
    del model
    _write(functools.partial(original, max_shard_size=max_shard_size), filepath, overwrite)


def _write(save: Callable[..., Any], filepath: Any, overwrite: bool) -> None:
    """Let Keras write into a temporary directory beside the file, and move the result into place."""
    if not _is_local_file(filepath):
        save(filepath, overwrite=overwrite)
        return
    path = Path(filepath).resolve()
    if not overwrite and path.exists() and not files.ask_to_proceed_with_overwrite(str(filepath)):
        return
    # In the same directory, so that moving a file into its place is one step.
    with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as beside:
        save(str(Path(beside, path.name)))
        # The list of shards comes last: until then the old list is valid.
        for file in sorted(Path(beside).iterdir(), key=lambda file: file.suffix == ".json"):
            _flush(file)
            file.replace(path.with_name(file.name))


def _is_local_file(filepath: Any) -> bool:
    return isinstance(filepath, str | os.PathLike) and "://" not in str(filepath)


def _flush(file: Path) -> None:
    """Write the content to the disk before the file is renamed: a crash could keep the name and lose the content."""
    with file.open("rb") as stream:
        os.fsync(stream.fileno())


def load_weights(
    original: Callable[..., Any], model: Any, filepath: Any, skip_mismatch: bool = False, **kwargs: Any
) -> None:
    """Call `keras.Model.load_weights`, and load all variables or none."""
    with _or_nothing(model, filepath), _weights.whole_file() as left:
        original(filepath, skip_mismatch=skip_mismatch, **kwargs)
        if not skip_mismatch and not kwargs:
            _check_all_used(left(), model, filepath)


def _check_all_used(left: list[str], model: keras.Model, filepath: Any) -> None:
    if left:
        listed = ", ".join(left[:_LISTED]) + (f" and {len(left) - _LISTED} more" if len(left) > _LISTED else "")
        raise errors.WeightsMismatchError(
            errors.compose(
                f"Model {model.name!r} has no use for {len(left)} of the variables in the file. Nothing was loaded.",
                [("file", filepath), ("extra", listed)],
                "load into the model that was saved, or pass skip_mismatch=True to leave them out.",
            )
        )


@contextmanager
def _or_nothing(model: keras.Model, filepath: Any) -> Iterator[None]:
    """Restore the values of all variables if the block raises."""
    optimizer = getattr(model, "optimizer", None)
    variables = [*model.variables, *(optimizer.variables if optimizer else ())]
    saved = [(variable, _keras.frozen(variable.value)) for variable in variables]
    try:
        yield
    except BaseException as error:
        for variable, value in saved:
            variable.assign(value)
        if isinstance(error, _DAMAGED) and not isinstance(error, _NOT_DAMAGED):
            raise errors.WeightsFileError(
                errors.compose(
                    f"The weights file {str(filepath)!r} cannot be read: it is cut off, damaged, or no weights file.",
                    [("reader", f"{type(error).__name__}: {error}")],
                    "take another copy of it. Nothing was loaded.",
                )
            ) from error
        raise
