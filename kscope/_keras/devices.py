"""Devices, and reading variables from a copy on another one, which Keras has no words for."""

from __future__ import annotations

import functools
import sys
from typing import Any

import keras
import numpy as np

from kscope._keras.traces import BACKEND, tracing

__all__ = ["Copy", "devices"]


def devices() -> list[str]:
    """All devices, as Keras spells them, the one that is used by default first; Keras lists those of one kind."""
    if BACKEND == "torch":
        # Keras has no list of them on PyTorch.
        cuda = sys.modules["torch"].cuda
        return [*(f"cuda:{number}" for number in range(cuda.device_count())), "cpu:0"]
    return list(dict.fromkeys([*keras.distribution.list_devices(), *keras.distribution.list_devices("cpu")]))


class Copy:
    """How a variable is read from a copy on a device."""

    __slots__ = ("_copied", "_source", "device")

    def __init__(self, device: str):
        self.device: str = device
        self._source: Any = None
        self._copied: Any = None

    def attach(self, value: Any) -> None:
        """Have a variable's value read from the copy.

        Keras on TensorFlow hands the `tf.Variable` itself to optimizers, tapes and exports, so that nothing can stand
        in its place. A compiled step that assigns to it tells nobody, so that no copy can be kept.
        """
        if BACKEND == "tensorflow":
            kind: Any = type(value)
            value.__class__ = _redirected(kind, self.device)

    def of(self, value: Any) -> Any:
        """What is to be read in place of a variable's value."""
        if BACKEND == "tensorflow" or tracing():
            # A program of JAX runs on the devices that it is compiled for.
            return value
        if value is not self._source:
            jax = sys.modules["jax"]
            kind, _, number = self.device.partition(":")
            # Not committed to the device: a compiled step may take it together with values from elsewhere.
            with jax.default_device(jax.devices(kind)[int(number)]):
                self._copied = jax.numpy.array(np.asarray(value))
            self._source = value
        return self._copied


class _Redirected:
    """A `tf.Variable` of which all but single rows is read on another device."""

    device_of_copies: str

    def value(self) -> Any:
        """A copy, by an operation that gradients go through."""
        tf = sys.modules["tensorflow"]
        value = super().value()  # type: ignore[misc]
        with tf.device(self.device_of_copies):
            return tf.identity(value)


@functools.cache
def _redirected(kind: Any, device: str) -> Any:
    return type(kind.__name__, (_Redirected, kind), {"device_of_copies": f"/device:{device.upper()}"})
