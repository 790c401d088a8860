"""Five layers of Keras' own, written the scoped way: each is a scoped layer, and computes what Keras' one computes."""

from __future__ import annotations

import keras
from keras import ops

import kscope


@keras.saving.register_keras_serializable(package="twins")
class Dense(kscope.ScopedLayer):
    """A dense layer."""

    def __init__(self, units, activation=None, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.activation = keras.activations.get(activation)

    def call(self, inputs):
        kernel = kscope.get_variable("kernel", [inputs.shape[-1], self.units])
        bias = kscope.get_variable("bias", [self.units], initializer="zeros")
        return self.activation(ops.matmul(inputs, kernel) + bias)


@keras.saving.register_keras_serializable(package="twins")
class Conv2D(kscope.ScopedLayer):
    """A convolution over images, channels last."""

    def __init__(self, filters, kernel_size, strides=1, padding="valid", **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size = kernel_size
        self.strides = strides
        self.padding = padding

    def call(self, images):
        size = self.kernel_size
        kernel = kscope.get_variable("kernel", [size, size, images.shape[-1], self.filters])
        bias = kscope.get_variable("bias", [self.filters], initializer="zeros")
        return ops.conv(images, kernel, self.strides, self.padding, data_format="channels_last") + bias


def forget_bias(shape, dtype=None):
    """Zeros for the input, cell and output gates, ones for the forget gate, which comes second."""
    units = shape[0] // 4
    return ops.concatenate([ops.zeros([units], dtype), ops.ones([units], dtype), ops.zeros([2 * units], dtype)])


@keras.saving.register_keras_serializable(package="twins")
class LSTM(kscope.ScopedLayer):
    """An LSTM over sequences, batch first."""

    def __init__(self, units, return_sequences=False, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.return_sequences = return_sequences

    def call(self, sequences):
        units = self.units
        kernel = kscope.get_variable("kernel", [sequences.shape[-1], 4 * units])
        recurrent = kscope.get_variable("recurrent_kernel", [units, 4 * units], initializer="orthogonal")
        bias = kscope.get_variable("bias", [4 * units], initializer=forget_bias)

        def step(state, inputs):
            output, cell = state
            i, f, c, o = ops.split(inputs + ops.matmul(output, recurrent), 4, axis=-1)
            cell = ops.sigmoid(f) * cell + ops.sigmoid(i) * ops.tanh(c)
            state = (ops.sigmoid(o) * ops.tanh(cell), cell)
            return state, state

        steps = ops.swapaxes(ops.matmul(sequences, kernel) + bias, 0, 1)
        zeros = ops.zeros_like(steps[0, :, :units])
        (last, _), (outputs, _) = ops.scan(step, (zeros, zeros), steps)
        return ops.swapaxes(outputs, 0, 1) if self.return_sequences else last


@keras.saving.register_keras_serializable(package="twins")
class MultiHeadAttention(kscope.ScopedLayer):
    """Attention of several heads from `query` to `value`, and of `query` to itself if there is no `value`."""

    def __init__(self, num_heads, key_dim, **kwargs):
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.key_dim = key_dim

    def call(self, query, value=None):
        value = query if value is None else value
        heads = [self.num_heads, self.key_dim]
        q = projected("query", "btf,fnk->btnk", query, heads)
        k = projected("key", "btf,fnk->btnk", value, heads)
        v = projected("value", "btf,fnk->btnk", value, heads)
        scores = ops.softmax(ops.einsum("btnk,bsnk->bnts", q * self.key_dim**-0.5, k))
        outputs = ops.einsum("bnts,bsnk->btnk", scores, v)
        return projected("attention_output", "btnk,nkf->btf", outputs, [query.shape[-1]], inputs=2)


def projected(name, equation, x, outputs, inputs=1):
    """`x`, with its last `inputs` axes mapped onto axes of the sizes `outputs`."""
    with kscope.variable_scope(name):
        kernel = kscope.get_variable("kernel", [*x.shape[-inputs:], *outputs])
        bias = kscope.get_variable("bias", outputs, initializer="zeros")
    return ops.einsum(equation, x, kernel) + bias


@keras.saving.register_keras_serializable(package="twins")
class BatchNormalization(kscope.ScopedLayer):
    """Normalization over all axes but the last, with moving statistics that training updates."""

    def __init__(self, momentum=0.99, epsilon=1e-3, **kwargs):
        super().__init__(**kwargs)
        self.momentum = momentum
        self.epsilon = epsilon

    def call(self, inputs, training=None):
        size = [inputs.shape[-1]]
        gamma = kscope.get_variable("gamma", size, initializer="ones")
        beta = kscope.get_variable("beta", size, initializer="zeros")
        # State: not trained, and not rounded to 16 bits in mixed precision.
        state = {"trainable": False, "synchronization": "on_read"}
        moving_mean = kscope.get_variable("moving_mean", size, initializer="zeros", **state)
        moving_variance = kscope.get_variable("moving_variance", size, initializer="ones", **state)
        x = ops.cast(inputs, moving_mean.dtype)
        if training and self.trainable:
            mean, variance = ops.moments(x, axes=list(range(x.ndim - 1)))
            moving_mean.assign(moving_mean * self.momentum + mean * (1 - self.momentum))
            moving_variance.assign(moving_variance * self.momentum + variance * (1 - self.momentum))
        else:
            mean, variance = moving_mean, moving_variance
        gamma, beta = ops.cast(gamma, x.dtype), ops.cast(beta, x.dtype)
        x = ops.batch_normalization(x, mean, variance, axis=-1, offset=beta, scale=gamma, epsilon=self.epsilon)
        return ops.cast(x, self.compute_dtype)
