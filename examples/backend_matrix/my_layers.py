"""The layers of a project that supports every backend of Keras."""

import keras
import kscope


@keras.saving.register_keras_serializable(package="my_layers")
class GatedUnit(kscope.ScopedLayer):
    """A dense layer whose outputs are gated by a second dense layer."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def call(self, x):
        """Return the gated outputs."""
        return self._dense(x, "value") * keras.ops.sigmoid(self._dense(x, "gate"))

    def _dense(self, x, name):
        with kscope.variable_scope(name):
            kernel = kscope.get_variable("kernel", [x.shape[-1], self.units])
            bias = kscope.get_variable("bias", [self.units], initializer="zeros")
        return x @ kernel + bias


def make_gated_unit():
    """Return a layer for the comparison of backends, whose processes find this function by its name."""
    return GatedUnit(4, name="gated_unit")
