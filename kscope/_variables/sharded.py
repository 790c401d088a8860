"""Sharding by a partitioner: one variable laid out over a mesh of devices, in place of several (`sharded`)."""

from __future__ import annotations

from typing import Any, Self

import keras

from kscope import _keras, errors

__all__ = ["Sharded"]


class Sharded:
    """A partitioner that gives no slices, but a `keras.distribution.TensorLayout` for the whole variable."""

    def __init__(self, axes: tuple[str | None, ...], device_mesh: Any = None):
        self.axes = axes
        self.device_mesh = device_mesh

    @classmethod
    def like(cls, variable: Any) -> Self | None:
        """What lays another variable out as this one is, if it was laid out by one of these."""
        layout = getattr(variable, "_layout", None)
        return cls(layout.axes, layout.device_mesh) if isinstance(layout, keras.distribution.TensorLayout) else None

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        """The layout of a variable of that shape."""
        del dtype
        return self.layout(tuple(shape), "of that shape")

    def layout(self, shape: tuple[int, ...], name: str) -> Any:
        """The layout of a variable, axes counted from its last one.

        Raises:
            UnsupportedError: Keras lays variables out on JAX alone.
            PartitionerError: there is no mesh, it lacks an axis, or an axis does not divide among its devices.
        """
        if _keras.BACKEND != "jax":
            raise errors.UnsupportedError(
                errors.compose(
                    f"Variable {name} cannot be sharded: Keras lays variables out over devices on JAX only.",
                    [("backend", _keras.BACKEND)],
                    "leave the partitioner out on this backend; fixed_size_partitioner slices on every one.",
                )
            )
        mesh = self._mesh(name)
        axes = (None,) * (len(shape) - len(self.axes)) + self.axes[max(0, len(self.axes) - len(shape)) :]
        for length, axis in zip(shape, axes, strict=True):
            count = 1 if axis is None else _count(mesh, axis, name)
            if length % count:
                raise errors.PartitionerError(
                    errors.compose(
                        f"Variable {name} cannot be sharded: its axis of length {length} does not divide among {count} "
                        "devices.",
                        [("shape", shape), ("axes", axes), ("mesh", mesh)],
                        "choose another axis or mesh, or None for an axis that is not sharded.",
                    )
                )
        return keras.distribution.TensorLayout(axes, mesh)

    def _mesh(self, name: str) -> Any:
        if self.device_mesh is not None:
            return self.device_mesh
        distribution = keras.distribution.distribution()
        if distribution is None:
            raise errors.PartitionerError(
                errors.compose(
                    f"Variable {name} cannot be sharded: there is no mesh of devices.",
                    fix="give sharded() a keras.distribution.DeviceMesh, or call keras.distribution.set_distribution() "
                    "first.",
                )
            )
        return distribution.device_mesh


def _count(mesh: Any, axis: str, name: str) -> int:
    if axis not in mesh.axis_names:
        raise errors.PartitionerError(
            errors.compose(
                f"Variable {name} cannot be sharded along {axis!r}: the mesh has no such axis.",
                [("axes of the mesh", mesh.axis_names)],
            )
        )
    return int(mesh.shape[mesh.axis_names.index(axis)])
