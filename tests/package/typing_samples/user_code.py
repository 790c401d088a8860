"""Code of a user that must type-check under mypy's strict rules; it is also run by the tests."""

from __future__ import annotations

from typing import Any, assert_type

import keras

import kscope
from kscope.typing import Reuse


class Tower(kscope.ScopedLayer):
    """A layer with an argument of its own."""

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units

    def call(self, x: Any) -> Any:
        """A dense layer."""
        with kscope.variable_scope("fc", initializer="zeros", reuse=kscope.AUTO_REUSE) as scope:
            assert_type(scope, kscope.VariableScope)
            assert_type(scope.name, str)
            assert_type(scope.reuse, Reuse)
            kernel = kscope.get_variable("kernel", [x.shape[-1], self.units])
        return keras.ops.matmul(x, kernel)


@kscope.scoped
def line(x: Any) -> Any:
    """A function as a layer."""
    return x * kscope.get_variable("slope", [])


@kscope.scoped(name="named")
def named(x: Any) -> Any:
    """A function as a layer with arguments."""
    return x * kscope.get_variable("slope", [])


def getter(getter: Any, /, *args: Any, **kwargs: Any) -> Any:
    """A getter that changes nothing."""
    return getter(*args, **kwargs)


def program() -> list[str]:
    """Use of stores and scopes."""
    store = kscope.VariableStore()
    with store.as_default() as opened:
        assert_type(opened, kscope.VariableStore)
        with kscope.variable_scope(None, default_name="block", custom_getter=getter):
            kscope.get_variable("v", [1])
    assert_type(store.variables(), list[kscope.ScopedVariable])
    tower = Tower(4, store=store, reuse=kscope.AUTO_REUSE)
    tower.build((None, 3))
    assert_type(tower.store, kscope.VariableStore)
    return [variable.path for variable in store.variables()]
