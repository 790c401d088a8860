"""`Sharded`: a partitioner that lays one variable out over a mesh of devices, in place of several slices."""

from __future__ import annotations

from typing import Any, Self

import keras

from kscope import _keras, errors

__all__ = ["Sharded"]


class Sharded:
    """A partitioner that returns no slices, but a `keras.distribution.TensorLayout` for the whole variable."""

    def __init__(self, axes: tuple[str | None, ...], device_mesh: Any = None):
        self.axes = axes
        self.device_mesh = device_mesh

    @classmethod
    def like(cls, variable: Any) -> Self | None:
        """Return a partitioner with the layout of a variable; `None` if the variable has no `TensorLayout`."""
        layout = getattr(variable, "_layout", None)
        return cls(layout.axes, layout.device_mesh) if isinstance(layout, keras.distribution.TensorLayout) else None

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        """Return the layout of a variable of that shape."""
        del dtype
        return self.layout(tuple(shape), "of that shape")

    def layout(self, shape: tuple[int, ...], name: str) -> Any:
        """Return the layout of a variable. The axes of the partitioner are aligned with the last axes of the shape.

        Raises:
            UnsupportedError: on TensorFlow and PyTorch, where Keras has no layouts.
            PartitionerError: if there is no mesh, the mesh lacks an axis, or the devices do not divide an axis evenly.
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
                        f"Variable {name} cannot be sharded: its axis of length {length} cannot be divided among "
                        f"{count} devices.",
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
