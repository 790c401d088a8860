"""Touch points where Keras names something after a variable's name, and takes no slash or colon.

A scoped variable's `.name` is TensorFlow 1's, `encoder/fc/kernel:0`. Keras offers no way to tell these two places to
use the path. `tests/test_keras_names.py` fails when Keras changes them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import keras
from keras.src.export.saved_model_export_archive import SavedModelExportArchive

from kscope._variables.variable import ScopedVariable

__all__ = ["install"]


def install() -> None:
    """Let Adafactor train scoped variables, and a SavedModel from JAX or PyTorch hold them."""
    _spell(keras.optimizers.Adafactor, "build", lambda path: path.replace("/", "_"))
    _spell(SavedModelExportArchive, "_convert_to_tf_variable", str)


def _spell(owner: type[Any], method: str, spelling: Callable[[str], str]) -> None:
    """Have variables called otherwise while a method runs."""
    original = getattr(owner, method)

    @functools.wraps(original)
    def spelled(*args: Any, **kwargs: Any) -> Any:
        with ScopedVariable.names_spelled(spelling):
            return original(*args, **kwargs)

    setattr(owner, method, spelled)
