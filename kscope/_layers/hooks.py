"""The functions that Keras is made to call: they are passed to `_keras.patches`."""

from __future__ import annotations

from kscope._keras import patches
from kscope._layers import quantize
from kscope._layers.calls import remat
from kscope._layers.kept import watch
from kscope._layers.saving import whole_files
from kscope._layers.scoped import Scoped
from kscope._scopes.thread import thread
from kscope._variables.variable import ScopedVariable

__all__ = ["install"]


def install() -> None:
    """Make kscope's changes to Keras, once in each process."""
    patches.install(
        patches.Hooks(
            layer=Scoped,
            variable=ScopedVariable,
            around_models={
                "save": whole_files.save,
                "save_weights": whole_files.save_weights,
                "load_weights": whole_files.load_weights,
                "quantize": quantize.quantize,
            },
            bind=remat.resumable,
            thread=thread,
            note=watch.note,
            refusal=watch.refusal,
            spelled=ScopedVariable.names_spelled,
        )
    )
