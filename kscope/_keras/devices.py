"""The list of devices, and variables that are read from a copy on another device: Keras has no API for either."""

from __future__ import annotations

import functools
import sys
from typing import Any

import keras
import numpy as np

from kscope._keras.traces import BACKEND, tracing

__all__ = ["Copy", "devices"]


def devices() -> list[str]:
    """Return all devices, as Keras spells them, the default one first. Keras lists the devices of one kind only."""
    if BACKEND == "torch":
        # Keras does not list devices on PyTorch.
        cuda = sys.modules["torch"].cuda
        return [*(f"cuda:{number}" for number in range(cuda.device_count())), "cpu:0"]
    return list(dict.fromkeys([*keras.distribution.list_devices(), *keras.distribution.list_devices("cpu")]))


class Copy:
    """Reads a variable's value from a copy on a device."""

    __slots__ = ("_copied", "_source", "device")

    def __init__(self, device: str):
        self.device: str = device
        self._source: Any = None
        self._copied: Any = None

    def attach(self, value: Any) -> None:
        """Make reads of a variable's value return a copy. Only TensorFlow needs this.

        Keras on TensorFlow hands the `tf.Variable` itself to optimizers, tapes and exports, so it cannot be replaced
        by another object. No copy is kept, because an assignment in a compiled step cannot be noticed.
        """
        if BACKEND == "tensorflow":
            kind: Any = type(value)
            value.__class__ = _redirected(kind, self.device)

    def of(self, value: Any) -> Any:
        """Return the value to read in place of a variable's value."""
        if BACKEND == "tensorflow" or tracing():
            # A compiled JAX program runs on the devices that it is compiled for.
            return value
        if value is not self._source:
            jax = sys.modules["jax"]
            kind, _, number = self.device.partition(":")
            # Not committed to the device, so that a compiled step accepts it together with values on other devices.
            with jax.default_device(jax.devices(kind)[int(number)]):
                self._copied = jax.numpy.array(np.asarray(value))
            self._source = value
        return self._copied


class _Redirected:
    """A `tf.Variable` that is read on another device, except when single rows are read."""

    device_of_copies: str

    def value(self) -> Any:
        """Return a copy on the other device, made by a differentiable operation."""
        tf = sys.modules["tensorflow"]
        value = super().value()  # type: ignore[misc]
        with tf.device(self.device_of_copies):
            return tf.identity(value)


@functools.cache
def _redirected(kind: Any, device: str) -> Any:
    return type(kind.__name__, (_Redirected, kind), {"device_of_copies": f"/device:{device.upper()}"})
