"""JAX' view of a batch whose size is not known, and its way from NumPy's memory to that of a variable."""

from __future__ import annotations

import functools
from typing import Any

__all__ = ["initialize", "keep_symbolic_dimension"]


class _Keeping:
    """A module of which one function answers equal questions with one object."""

    def __init__(self, module: Any):
        self._module = module
        self._symbolic_shape = functools.cache(module.symbolic_shape)

    def symbolic_shape(self, shape: str, constraints: list[str]) -> Any:
        """JAX' `symbolic_shape`, asked once."""
        return self._symbolic_shape(shape, constraints=tuple(constraints))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)


def keep_symbolic_dimension() -> None:
    """Let Keras use one symbol for all sizes that are not known, instead of a new one for each symbolic call.

    JAX keeps what it traced for the shapes it has seen. With a new symbol each time it finds nothing there, traces all
    functions of `jax.numpy` again, and keeps the traces: twice the time, and 150 KB a model that is dropped.
    """
    from keras.src.backend.jax import core

    core.jax_export = _Keeping(core.jax_export)


def initialize(variable: Any, array: Any) -> None:
    """Give a new variable its value from a NumPy array, each device its part of it alone.

    Keras would put all of it on one device first, or compile a program for each shape with the numbers in it.
    """
    variable._initialize_layout()  # noqa: SLF001
    import jax

    layout = variable._layout  # noqa: SLF001
    variable._initialize(jax.device_put(array, getattr(layout, "backend_layout", layout)))  # noqa: SLF001
