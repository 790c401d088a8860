"""What every test relies on: the backend that was named, and a clean default store."""

from __future__ import annotations

import os

import pytest
from matrix import FILE, Matrix

BACKENDS = ("tensorflow", "jax", "torch")

pytest_plugins = ["pytester"]


def pytest_configure(config: pytest.Config) -> None:
    """Refuse to run without a named backend: a missing one would be a silent skip of all that it would have shown."""
    backend = os.environ.get("KERAS_BACKEND")
    if backend not in BACKENDS:
        raise pytest.UsageError(f"KERAS_BACKEND must name the backend under test, one of {BACKENDS}. Got {backend!r}.")
    _several_devices(backend)
    import keras

    if keras.backend.backend() != backend:
        raise pytest.UsageError(f"KERAS_BACKEND is {backend!r}, and Keras runs on {keras.backend.backend()!r}.")
    if os.environ.get("KERAS_NNX_ENABLED", "").lower() not in ("true", "1"):
        # With NNX some of Keras' own layers fail, and the column of JAX is about JAX without it.
        config.pluginmanager.register(Matrix(FILE, backend))


def _several_devices(backend: str) -> None:
    """Have devices to place variables on: they are chosen before the backend starts, and once."""
    if backend == "jax":
        flags = os.environ.get("XLA_FLAGS", "")
        os.environ["XLA_FLAGS"] = f"{flags} --xla_force_host_platform_device_count=8".strip()
    if backend == "tensorflow":
        import tensorflow as tf

        processor = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(processor, [tf.config.LogicalDeviceConfiguration()] * 2)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out tests that are marked for another backend."""
    backend = os.environ["KERAS_BACKEND"]

    def elsewhere(item: pytest.Item) -> bool:
        marked = {name for name in BACKENDS if item.get_closest_marker(name)}
        return bool(marked) and backend not in marked

    left_out = [item for item in items if elsewhere(item)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not elsewhere(item)]


@pytest.fixture(autouse=True)
def fresh_default_store():
    """Each test starts in an empty default store, at its root, and leaves no scope open."""
    import keras

    import kscope
    from kscope._scopes.thread import thread

    keras.utils.clear_session(free_memory=False)
    kscope.reset_default_store()
    # What a test draws is what it drew the last time.
    keras.utils.set_random_seed(0)
    yield
    assert thread.frame is None, "the test left a store open"
    assert thread.call is None, "the test left a call open"


@pytest.fixture
def backend() -> str:
    """The name of the backend under test."""
    return os.environ["KERAS_BACKEND"]
