"""The layers that all backends are compared on: scoped ones, Keras' own, and both together.

Each function makes one layer; the decorator says of which kind it is and what it is fed. Sizes are small: what differs
between backends differs in small layers, too.
"""

from __future__ import annotations

import keras
import numpy as np
import twins
from keras import layers, ops
from samples import Stack, Tower

import kscope
from kscope import get_variable, getters, partitioners, variable_scope
from kscope.testing import Case

CASES = {}
"""By name, the kind and the case."""

ROWS, SEQUENCES, IMAGES = (4, 3), (2, 5, 3), (2, 6, 5, 3)
WORDS = np.array([[1, 5, 0], [9, 2, 2]], "int32")


def case(kind, *shapes, inputs=None, **options):
    """Register a function as a case with random inputs of these shapes, or with `inputs`."""
    drawn = tuple(np.random.default_rng(i).normal(size=shape).astype("float32") for i, shape in enumerate(shapes))
    fed = inputs if inputs is not None else drawn if len(drawn) > 1 else drawn[0]

    def register(make):
        CASES[make.__name__] = (kind, Case(make, fed, name=make.__name__, **options))
        return make

    return register


@case("scoped layers", ROWS)
def dense():
    return twins.Dense(4, activation="relu", name="fc")


@case("scoped layers", ROWS)
def dense_with_tanh():
    return twins.Dense(4, activation="tanh")


@case("scoped layers", ROWS)
def dense_with_softmax():
    return twins.Dense(4, activation="softmax")


@case("scoped layers", ROWS)
def dense_with_gelu():
    return twins.Dense(4, activation="gelu")


@case("scoped layers", IMAGES)
def convolution():
    return twins.Conv2D(4, 3)


@case("scoped layers", IMAGES)
def convolution_with_strides():
    return twins.Conv2D(4, 3, strides=2, padding="same")


@case("scoped layers", SEQUENCES)
def lstm():
    return twins.LSTM(4)


@case("scoped layers", SEQUENCES)
def lstm_with_sequences():
    return twins.LSTM(4, return_sequences=True)


@case("scoped layers", SEQUENCES)
def self_attention():
    return twins.MultiHeadAttention(2, 3)


@case("scoped layers", (2, 5, 4), (2, 7, 4))
def attention_of_two_arguments():
    return twins.MultiHeadAttention(2, 3)


@case("scoped layers", SEQUENCES)
def batch_normalization():
    return twins.BatchNormalization()


@case("scoped layers", SEQUENCES, training=True)
def batch_normalization_in_training():
    return twins.BatchNormalization(momentum=0.5)


class Embedding(kscope.ScopedLayer):
    """A table of vectors, whole or in slices."""

    def __init__(self, partitioner=None, **kwargs):
        super().__init__(**kwargs)
        self.partitioner = partitioner

    def call(self, words):
        table = get_variable("table", [10, 4], partitioner=self.partitioner)
        return table.take(words) if self.partitioner else ops.take(table, words, axis=0)


@case("scoped layers", inputs=WORDS)
def embedding():
    return Embedding()


class LayerNormalization(kscope.ScopedLayer):
    """Normalization over the last axis."""

    def call(self, x):
        scale = get_variable("scale", [x.shape[-1]], initializer="ones")
        offset = get_variable("offset", [x.shape[-1]], initializer="zeros")
        mean, variance = ops.moments(x, axes=[-1], keepdims=True)
        return (x - mean) * ops.rsqrt(variance + 1e-3) * scale + offset


@case("scoped layers", SEQUENCES)
def layer_normalization():
    return LayerNormalization()


@kscope.scoped
def line(x):
    return x * get_variable("slope", [3]) + get_variable("offset", [], initializer="ones")


@case("scoped layers", ROWS)
def scoped_function():
    return kscope.scoped(line.function)


@case("scoped layers", inputs={"left": np.ones((2, 3), "float32"), "right": np.full((2, 3), 2.0, "float32")})
def dict_in_dict_out():
    return Both()


class Both(kscope.ScopedLayer):
    """Two inputs by name, two outputs by name."""

    def call(self, x):
        kernel = get_variable("kernel", [3, 2])
        return {"sum": ops.matmul(x["left"] + x["right"], kernel), "product": ops.matmul(x["left"], kernel) ** 2}


@case("scoped layers", ROWS)
def dense_in_bfloat16():
    return twins.Dense(4, dtype="mixed_bfloat16")


@case("scoped layers", ROWS)
def dense_in_float64():
    return twins.Dense(4, dtype="float64" if keras.backend.backend() != "jax" else "float32")


@case("nested and shared layers", ROWS)
def model_of_towers():
    return Stack(name="net")


@case("nested and shared layers", ROWS)
def tower_in_a_functional_model():
    return keras.Sequential([keras.Input(ROWS[1:]), Tower(4, name="tower"), layers.Dense(2, name="head")])


@case("nested and shared layers", ROWS)
def two_layers_of_one_store():
    store = kscope.VariableStore()
    inputs = keras.Input(ROWS[1:])
    first = Tower(store=store, scope="tower", name="first")(inputs)
    return keras.Model(inputs, first - 2.0 * Tower(store=store, scope="tower", reuse=True, name="second")(inputs))


@case("nested and shared layers", inputs=WORDS)
def tied_embeddings():
    return Tied()


class Tied(kscope.ScopedLayer):
    """Words into vectors and back, through one table."""

    def call(self, words):
        with variable_scope("embeddings", reuse=kscope.AUTO_REUSE):
            vectors = ops.take(get_variable("table", [10, 4]), words, axis=0)
            return ops.matmul(vectors, ops.transpose(get_variable("table", [10, 4])))


@case("nested and shared layers", ROWS)
def shared_over_depth():
    return Deep()


class Deep(kscope.ScopedLayer):
    """One weight, three times over."""

    def call(self, x):
        for _ in range(3):
            with variable_scope("step", reuse=kscope.AUTO_REUSE):
                x = ops.tanh(ops.matmul(x, get_variable("kernel", [3, 3], initializer="orthogonal")))
        return x


class Through(kscope.ScopedLayer):
    """A dense layer in a scope with options."""

    def __init__(self, options, **kwargs):
        super().__init__(**kwargs)
        self.options = options

    def call(self, x, training=False):
        with variable_scope("fc", **self.options):
            kernel = get_variable("kernel", [x.shape[-1], 4])
            bias = get_variable("bias", [4], initializer="zeros")
        return ops.matmul(ops.cast(x, kernel.dtype), kernel) + ops.cast(bias, kernel.dtype)


@case("partitioned variables", ROWS)
def dense_in_slices():
    return Through({"partitioner": partitioners.fixed_size_partitioner(2)})


@case("partitioned variables", inputs=WORDS)
def embedding_in_slices():
    return Embedding(partitioners.fixed_size_partitioner(3))


@case("custom getters", ROWS)
def weight_norm():
    return Through({"custom_getter": getters.weight_norm()})


@case("custom getters", ROWS)
def spectral_norm():
    return Through({"custom_getter": {".*/kernel": getters.spectral_norm()}})


@case("custom getters", ROWS, training=True)
def spectral_norm_in_training():
    return Through({"custom_getter": {".*/kernel": getters.spectral_norm()}})


@case("custom getters", ROWS)
def low_rank():
    return Through({"custom_getter": {".*/kernel": getters.low_rank(2, alpha=3)}})


@case("custom getters", ROWS, training=True)
def moving_average():
    return Through({"custom_getter": getters.ema(0.5)})


@case("custom getters", ROWS)
def frozen_bias():
    return Through({"custom_getter": {".*/bias": getters.freeze}})


@case("custom getters", ROWS)
def stopped_gradient():
    return Through({"custom_getter": {".*/bias": getters.stop_gradient}})


@case("custom getters", ROWS)
def cast():
    return Through({"custom_getter": {".*/kernel": getters.cast("bfloat16")}}, dtype="mixed_bfloat16")


@case("losses", ROWS)
def regularizer():
    return Through({"regularizer": keras.regularizers.L2(0.1)})


@case("losses", ROWS)
def added_loss():
    return Lossy(activity_regularizer="l1")


class Lossy(kscope.ScopedLayer):
    """A loss that `call()` adds, beside that of the outputs."""

    def call(self, x):
        outputs = ops.matmul(x, get_variable("kernel", [x.shape[-1], 4]))
        self.add_loss(ops.mean(ops.square(outputs)))
        return outputs


class Inline(kscope.ScopedLayer):
    """Keras layers that `call()` makes."""

    def call(self, x, training=False):
        with variable_scope("head"):
            x = kscope.layer(layers.Dense, 4, activation="relu", name="fc")(x)
            x = kscope.layer(layers.BatchNormalization)(x, training=training)
            x = kscope.layer(layers.Dropout, 0.0)(x, training=training)
            return kscope.layer(layers.Dense, 2, name="logits")(x)


@case("Keras layers inside", ROWS)
def inline_layers():
    return Inline()


@case("Keras layers inside", ROWS, training=True)
def inline_layers_in_training():
    return Inline()


@case("Keras' own layers", ROWS)
def keras_dense():
    return layers.Dense(4)


@case("Keras' own layers", IMAGES)
def keras_convolution():
    return layers.Conv2D(4, 3, padding="same")


@case("Keras' own layers", IMAGES)
def keras_separable_convolution():
    return layers.SeparableConv2D(4, 3)


@case("Keras' own layers", SEQUENCES)
def keras_gru():
    return layers.Bidirectional(layers.GRU(3, return_sequences=True))


@case("Keras' own layers", (2, 5, 4), (2, 7, 4))
def keras_attention():
    return layers.MultiHeadAttention(2, 3)


@case("Keras' own layers", IMAGES)
def keras_pooling():
    return layers.AveragePooling2D(2)


@case("Keras' own layers", (4, 3), (4, 2))
def keras_model_of_two_inputs():
    left, right = keras.Input((3,)), keras.Input((2,))
    return keras.Model([left, right], layers.Dense(2)(layers.concatenate([left, right])))


# It is not the first one.
ONE_NUMBER = np.zeros((4, 4), "float32")
ONE_NUMBER[1, 2] = 1e-4


class Apart(kscope.ScopedLayer):
    """A layer that is another one on one backend: in its outputs, gradients, weights or dtypes."""

    def __init__(self, of, odd, **kwargs):
        super().__init__(**kwargs)
        self.of = of
        self.odd = odd == keras.backend.backend()

    def call(self, x):
        kernel = get_variable("kernel", [x.shape[-1], 4 if not (self.odd and self.of == "shape") else 5])
        bias = get_variable("offset" if self.odd and self.of == "name" else "bias", [1], initializer="zeros")
        if self.odd and self.of == "gradient":
            bias = ops.stop_gradient(bias)
        outputs = ops.matmul(x, kernel) + bias
        if self.odd and self.of == "output":
            outputs = outputs + ops.convert_to_tensor(ONE_NUMBER)
        return ops.cast(outputs, "float16") if self.odd and self.of == "dtype" else outputs


@case("disagreement", ROWS)
def other_output():
    return Apart("output", "torch")


@case("disagreement", ROWS)
def other_gradient():
    return Apart("gradient", "jax")


@case("disagreement", ROWS)
def other_name():
    return Apart("name", "tensorflow")


@case("disagreement", ROWS)
def other_shape():
    return Apart("shape", "jax")


@case("disagreement", ROWS)
def other_dtype():
    return Apart("dtype", "torch")


@case("disagreement", ROWS)
def other_training():
    return Frozen()


class Frozen(kscope.ScopedModel):
    """A model that trains at half the rate on PyTorch."""

    def call(self, x):
        return ops.matmul(x, get_variable("kernel", [x.shape[-1], 4]))

    def compile(self, optimizer, **kwargs):
        optimizer.learning_rate = 0.005 if keras.backend.backend() == "torch" else 0.01
        super().compile(optimizer=optimizer, **kwargs)


@case("failure", ROWS)
def fails_on_jax():
    if keras.backend.backend() == "jax":
        raise NotImplementedError("nothing for JAX")
    return layers.Dense(2)
