"""PyTorch's view of a layer's variables."""

from __future__ import annotations

from typing import Any

__all__ = ["see_every_variable"]


def _unique_key(path: str, taken: dict[str, Any]) -> str:
    """A name PyTorch accepts for a parameter: no dot, and no other variable's."""
    key = path.replace(".", "_")
    count = 0
    while key in taken:
        count += 1
        key = f"{path.replace('.', '_')}:{count}"
    return key


def see_every_variable() -> None:
    """Let PyTorch see each variable of a layer, whatever its path.

    Keras registers parameters under `variable.path`. Of two variables with one path (two layers with a store each)
    PyTorch would see one: `zero_grad` misses the other, whose gradients then add up from step to step in silence.
    A dot in a path is refused outright.
    """
    from keras.src.backend.torch.layer import TorchLayer
    from torch.nn import ParameterDict

    def track_variables(self: Any) -> None:
        parameters: dict[str, Any] = {}
        for variable in self.variables:
            parameters[_unique_key(variable.path, parameters)] = variable.value
        self._torch_params = ParameterDict(parameters)

    def track_again(self: Any, _: Any) -> None:
        if hasattr(self, "_torch_params"):
            track_variables(self)

    for name, replacement in (
        ("_track_variables", track_variables),
        ("_post_track_variable", track_again),
        ("_post_untrack_variable", track_again),
    ):
        assert hasattr(TorchLayer, name)
        setattr(TorchLayer, name, replacement)
