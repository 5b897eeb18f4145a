"""Models that have no exact fixed-point meaning, or lie outside QKeras: they have to be refused by name. For qkeras-v3."""

import exact
from golden.registry import model
from qkeras import QActivation, QDense, QGRU, QLSTM, QSimpleRNN, quantized_bits

keras = exact.keras
L = keras.layers

K = "quantized_bits(4,0,alpha=1)"
B = "quantized_bits(5,1,alpha=1)"
RELU = "quantized_relu(4,2)"


def refused(*layers, **options):
    """Registers a model; `layers` are the names of all layers that an error message has to name."""
    return model(folder="refused", refused=list(layers), **options)


def sequential(shape, *layers):
    return keras.Sequential([L.Input(shape, name="in0"), *layers])


def dense(name, **more):
    return QDense(3, **{**dict(kernel_quantizer=K, bias_quantizer=B), **more}, name=name)


@refused("random")
def bernoulli_activation():
    return sequential((4,), dense("fc"), QActivation("bernoulli(alpha=1)", name="random"))


@refused("fc", container="h5")
def bernoulli_kernel():
    return sequential((4,), dense("fc", kernel_quantizer="bernoulli(alpha=1)"))


@refused("scaled")
def activation_auto_po2():
    return sequential((4,), dense("fc"), QActivation("quantized_bits(4,1,1,alpha='auto_po2')", name="scaled"))


@refused("fc1", "noisy")
def qnoise_factor():
    return sequential((4,), dense("fc1", kernel_quantizer=quantized_bits(4, 0, alpha=1, qnoise_factor=0.5)), QActivation(quantized_bits(4, 1, qnoise_factor=0.0), name="noisy"), dense("fc2"))


@refused("mask")
def masking():
    return sequential((5, 3), L.Masking(name="mask"), QLSTM(3, kernel_quantizer=K, recurrent_quantizer=K, bias_quantizer=B))


@refused("norm", "attention", container="h5")
def foreign_layers():
    x = L.Input((4, 4), name="in0")
    y = L.LayerNormalization(name="norm")(QActivation(RELU, name="relu")(x))
    return keras.Model(x, L.Attention(name="attention")([y, y]))


@refused("cosine", container="json")
def normalized_dot():
    a, b = L.Input((4,), name="a"), L.Input((4,), name="b")
    return keras.Model([a, b], L.Dot(axes=1, normalize=True, name="cosine")([a, b]))


@refused("qlstm")
def stateful():
    x = L.Input(batch_shape=(8, 5, 3), name="in0")
    return keras.Model(x, QLSTM(3, stateful=True, kernel_quantizer=K, recurrent_quantizer=K, bias_quantizer=B)(x))


@refused("in0")
def dynamic_shape():
    x = L.Input((None, 4), name="in0")
    return keras.Model(x, L.GlobalMaxPooling1D(name="pool")(dense("fc")(x)))


@refused("q_simple_rnn", "--state-type")
def growing_state():
    """An exact state that float weights make wider with every step, behind a clip that hides it from no one."""
    x = L.Input((6, 3), name="in0")
    return keras.Model(x, QSimpleRNN(2, activation="hard_tanh", kernel_quantizer=K, recurrent_quantizer=None, bias_quantizer=B, name="rnn")(x))


@refused("qgru")
def embedding_mask():
    x = L.Input((4,), name="in0")
    y = L.Embedding(5, 3, mask_zero=True, name="table")(x)
    return keras.Model(x, QGRU(2, kernel_quantizer=K, recurrent_quantizer=K, bias_quantizer=B)(y))
