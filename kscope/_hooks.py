"""What kscope has to do with Keras' own functions, handed to `_keras.patches`."""

from __future__ import annotations

from kscope import _files, _quantize, _remat, _watch
from kscope._context import thread
from kscope._keras import patches
from kscope._layer import Scoped
from kscope._variable import ScopedVariable

__all__ = ["install"]


def install() -> None:
    """Make kscope's changes to Keras, once in a process."""
    patches.install(
        patches.Hooks(
            layer=Scoped,
            variable=ScopedVariable,
            around_models={
                "save": _files.save,
                "save_weights": _files.save_weights,
                "load_weights": _files.load_weights,
                "quantize": _quantize.quantize,
            },
            bind=_remat.resumable,
            thread=thread,
            note=_watch.note,
            refusal=_watch.refusal,
            spelled=ScopedVariable.names_spelled,
        )
    )
