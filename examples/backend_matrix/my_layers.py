"""Layers of a project that are to work on every backend of Keras."""

import keras
import kscope


@keras.saving.register_keras_serializable(package="my_layers")
class GatedUnit(kscope.ScopedLayer):
    """A dense layer whose outputs are gated by another one's."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def call(self, x):
        """The gated outputs."""
        return self._dense(x, "value") * keras.ops.sigmoid(self._dense(x, "gate"))

    def _dense(self, x, name):
        with kscope.variable_scope(name):
            kernel = kscope.get_variable("kernel", [x.shape[-1], self.units])
            bias = kscope.get_variable("bias", [self.units], initializer="zeros")
        return x @ kernel + bias


def make_gated_unit():
    """A layer for the comparison of backends, which finds this function by its name."""
    return GatedUnit(4, name="gated_unit")
