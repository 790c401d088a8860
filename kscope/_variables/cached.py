"""`caching_device`: variables that are read from a copy on another device (row I15)."""

from __future__ import annotations

import re
from typing import Any

from kscope import _keras, errors
from kscope._variables.variable import ScopedVariable

__all__ = ["CachedVariable", "device_of"]

_DEVICE = re.compile(r"^(?:.*/)?(?:device:)?(?P<kind>[a-z]+):(?P<index>\d+)$", re.IGNORECASE)


class CachedVariable(ScopedVariable):
    """A variable that is read from a copy on its caching device.

    A new copy is made at the first read after an assignment, on TensorFlow at each read. In a program that JAX compiles
    there is no copy: all values are on the device of the program.
    """

    _copy: _keras.Copy

    def __init__(self, path: str, initial: Any, *, caching_device: str, **options: Any):
        # NNX refuses a plain attribute before its constructor has run.
        object.__setattr__(self, "_copy", _keras.Copy(caching_device))
        super().__init__(path, initial, **options)
        self._copy.attach(self._value)

    @property
    def caching_device(self) -> str:
        """The device that the variable is read from, in Keras' spelling."""
        return self._copy.device

    def _maybe_autocast(self, value: Any) -> Any:
        """Return the copy's value in place of the variable's, cast as Keras casts a value that is read."""
        return super()._maybe_autocast(self._copy.of(value) if value is self._value else value)


def device_of(given: Any, name: str) -> str | None:
    """Return a device in Keras' spelling, such as `"cpu:1"`; `None` for no caching.

    Args:
        given: TF1's or Keras' spelling of a device, `"/device:CPU:1"` or `"cpu:1"`; a function that returns one, called
            with an object that has a `name` and a `device`; or a false value for no caching.
        name: name of the variable.

    Raises:
        OptionError: if there is no such device.
        UnsupportedError: on PyTorch, for any device but the variable's own.
    """
    if callable(given):
        given = given(_Placed(name))
    if not given:
        return None
    match = _DEVICE.match(given) if isinstance(given, str) else None
    device = f"{match['kind']}:{match['index']}".lower() if match else None
    devices = _keras.devices()
    if device not in devices:
        raise errors.OptionError(
            errors.compose(
                f"Variable {name} cannot be cached on {given!r}: there is no such device.",
                [("devices", ", ".join(devices))],
                "name one of them, or leave caching_device out.",
            )
        )
    if _keras.BACKEND == "torch":
        if device != devices[0]:
            raise errors.UnsupportedError(
                errors.compose(
                    f"Variable {name} cannot be cached on {device!r}: PyTorch's modules read their parameters "
                    "directly.",
                    [("the variable is on", devices[0])],
                    "leave caching_device out on this backend.",
                )
            )
        return None
    return device


class _Placed:
    """The argument of a function that returns a device; in TF1 it was an operation."""

    def __init__(self, name: str):
        self.name = name
        self.device = _keras.devices()[0]
