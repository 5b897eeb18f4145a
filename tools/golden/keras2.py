"""Models of google/qkeras 0.9 on Keras 2.14: what only it can run, and the file forms of Keras 2."""

import json

import exact
import tensorflow as tf
import tensorflow_model_optimization as tfmot
from golden.registry import model as any_model
from qkeras import (
    QActivation,
    QBatchNormalization,
    QConv1D,
    QConv2D,
    QConv2DBatchnorm,
    QConv2DTranspose,
    QDense,
    QDepthwiseConv2D,
    QDepthwiseConv2DBatchnorm,
    QGlobalAveragePooling2D,
    QAveragePooling2D,
    QBidirectional,
    QGRU,
    QGRUCell,
    QLSTM,
    QLSTMCell,
    QSeparableConv2D,
    QSimpleRNN,
    quantized_bits,
    quantized_relu,
)

from tensorflow.python.ops import array_ops
from tensorflow.python.util import nest

# Functions that qkeras 0.9 calls by their old names.
array_ops.stack, array_ops.unstack = tf.stack, tf.unstack
nest.is_sequence = nest.is_nested

keras = exact.keras
L = keras.layers

K = "quantized_bits(4,0,alpha=1)"
B = "quantized_bits(5,1,alpha=1)"
RELU = "quantized_relu(4,2)"


def model(*inputs, **options):
    return any_model(*inputs, environment="qk2", **options)


def sequential(shape, *layers):
    return keras.Sequential([L.InputLayer(shape, name="in0"), *layers])


def functional(shape, *layers):
    x = y = L.Input(shape, name="in0")
    for layer in layers:
        y = layer(y)
    return keras.Model(x, y)


@model("fixed<5,2>", container="h5")
def k2_conv1d_causal():
    return sequential(
        (11, 2),
        QConv1D(4, 3, padding="causal", kernel_quantizer=K, bias_quantizer=B, name="c1"),
        QActivation(RELU, name="relu1"),
        QConv1D(3, 2, padding="causal", dilation_rate=2, kernel_quantizer="quantized_bits(4,0)", bias_quantizer=B, name="c2"),
        QActivation(RELU, name="relu2"),
        QConv1D(3, 4, padding="causal", strides=2, kernel_quantizer=K, use_bias=False, name="c3"),
    )


@model("fixed<6,2>", samples=16, container="json-legacy")
def k2_dense_legacy_weights():
    return functional(
        (7,),
        QActivation("quantized_bits(5,1,alpha=1)", name="q0"),
        QDense(6, kernel_quantizer="quantized_bits(4,0)", bias_quantizer=B, name="fc1"),
        QActivation("quantized_relu(5,2)", name="relu1"),
        QDense(5, kernel_quantizer="ternary(alpha=1)", use_bias=False, activation="quantized_tanh(5)", name="fc2"),
        QDense(4, kernel_quantizer="quantized_po2(4)", bias_quantizer=B, name="fc3"),
        L.Activation("softmax", name="softmax"),
    )


@model("fixed<6,2>", samples=16, container="json", reload="qkeras 0.9 cannot load a QActivation that was made from an object")
def k2_dense_weights_h5():
    return sequential(
        (7,),
        QDense(6, kernel_quantizer=quantized_bits(4, 0, alpha=1), bias_quantizer=quantized_bits(5, 1, alpha=1), name="fc1"),
        QActivation(quantized_relu(4, 2), name="relu1"),
        L.Dropout(0.1, name="drop"),
        QDense(4, kernel_quantizer=quantized_bits(4, 0), bias_quantizer=quantized_bits(5, 1), name="fc2"),
        L.LeakyReLU(alpha=0.25, name="leaky"),
    )


@model("fixed<5,2>", container="keras")
def k2_cnn_keras_zip():
    """The `.keras` zip of Keras 2.14."""
    return functional(
        (8, 8, 2),
        QConv2D(4, 3, kernel_quantizer="quantized_bits(4,0)", bias_quantizer=B, name="c1"),
        L.BatchNormalization(name="bn1"),
        QActivation(RELU, name="relu1"),
        L.MaxPooling2D(2, name="pool"),
        QConv2D(3, 2, padding="same", kernel_quantizer=K, use_bias=False, name="c2"),
        L.BatchNormalization(name="bn2"),
        QActivation(RELU, name="relu2"),
        L.Flatten(name="flat"),
        QDense(3, kernel_quantizer=K, bias_quantizer=B, name="fc"),
    )


@model("fixed<5,2>", container="h5")
def k2_conv_layers():
    return functional(
        (7, 8, 2),
        QDepthwiseConv2D(3, padding="same", depth_multiplier=2, depthwise_quantizer="quantized_bits(4,0)", bias_quantizer=B, name="d1"),
        QActivation(RELU, name="relu1"),
        QSeparableConv2D(3, 3, strides=2, padding="same", depthwise_quantizer=K, pointwise_quantizer=K, bias_quantizer=B, name="s1"),
        QActivation("quantized_bits(6,3,alpha=1)", name="q1"),
        QConv2DTranspose(2, 3, strides=2, padding="same", kernel_quantizer=K, bias_quantizer=B, name="t1"),
        QActivation("quantized_bits(6,3,alpha=1)", name="q2"),
        QAveragePooling2D(2, average_quantizer="quantized_bits(8,0,alpha=1)", activation="quantized_bits(6,2,alpha=1)", name="avg"),
        QGlobalAveragePooling2D(average_quantizer="quantized_bits(8,0,alpha=1)", activation="quantized_bits(8,1,alpha=1)", name="gavg"),
    )


@model("fixed<5,2>", container="h5")
def k2_qbatchnorm():
    return functional(
        (5, 6, 3),
        QBatchNormalization(axis=1, name="bn_rows"),
        QActivation("quantized_bits(6,2,alpha=1)", name="q0"),
        QConv2D(4, 3, kernel_quantizer=K, bias_quantizer=B, name="c1"),
        QBatchNormalization(name="bn1"),
        QActivation(RELU, name="relu1"),
        L.BatchNormalization(axis=2, name="bn_columns"),
        QActivation("quantized_bits(6,2,alpha=1)", name="q1"),
    )


def _quantizer_text(name, config):
    """The string form of a quantizer object, with every argument by name."""
    skipped = {"qnoise_factor", "var_name", "use_variables", "use_stochastic_rounding"}
    arguments = [f"{k}={v!r}" for k, v in config.items() if k not in skipped]
    return f"{name}({','.join(arguments)})"


def _old_writer(text):
    """The form of early Keras 2 files: root class Model, no module, two-key objects; quantizer slots as strings or two-key objects."""

    def old(value, key=""):
        if isinstance(value, list):
            return [old(v) for v in value]
        if not isinstance(value, dict):
            return value
        value = {k: old(v, k) for k, v in value.items() if k not in ("registered_name", "build_config", "module", "shared_object_id")}
        if key == "kernel_quantizer" and value.get("class_name", "").startswith("quantized_bits"):
            return _quantizer_text(value["class_name"], value["config"])
        return value

    top = json.loads(text)
    top = old(top)
    top["class_name"] = "Model"
    return json.dumps(top)


@model("fixed<6,2>", samples=16, container="json-legacy", rewrite=_old_writer)
def k2_old_json():
    return functional(
        (7,),
        QActivation("quantized_bits(5,1,alpha=1)", name="q0"),
        QDense(6, kernel_quantizer="quantized_bits(4,0)", bias_quantizer="quantized_bits(5,1)", name="fc1"),
        L.BatchNormalization(name="bn1"),
        QActivation("quantized_relu(5,2)", name="relu1"),
        QDense(5, kernel_quantizer="quantized_bits(4,0,alpha=1)", bias_quantizer="quantized_po2(4)", activation="quantized_relu(4,2)", name="fc2"),
        QDense(3, kernel_quantizer="binary(alpha=1)", use_bias=False, name="fc3"),
    )


def folded_layers():
    return functional(
        (6, 6, 2),
        QConv2DBatchnorm(4, 3, kernel_quantizer="quantized_bits(5,1,alpha=1)", bias_quantizer="quantized_bits(7,3,alpha=1)", folding_mode="ema_stats_folding", name="f1"),
        QActivation(RELU, name="relu1"),
        QDepthwiseConv2DBatchnorm(
            2, depthwise_quantizer="quantized_bits(5,1,alpha=1)", bias_quantizer="quantized_bits(7,3,alpha=1)", use_bias=False, folding_mode="batch_stats_folding", name="f2"
        ),
        QActivation(RELU, name="relu2"),
        QConv2DBatchnorm(3, 2, strides=2, kernel_quantizer="quantized_bits(4,0)", bias_quantizer="quantized_bits(7,3)", use_bias=False, folding_mode="batch_stats_folding", name="f3"),
    )


@model("fixed<5,2>", container="h5", margin=1e-5)
def k2_folded_h5():
    return folded_layers()


@model("fixed<5,2>", container="json", margin=1e-5)
def k2_folded_weights_h5():
    return folded_layers()


@model("fixed<5,2>", container="keras", margin=1e-5)
def k2_folded_keras_zip():
    return folded_layers()


def nested():
    inner_in = L.Input((4,), name="inner_in")
    h = QActivation(RELU, name="relu")(QDense(4, kernel_quantizer=K, bias_quantizer=B, name="fc1")(inner_in))
    inner = keras.Model(inner_in, [h, QDense(4, kernel_quantizer=K, bias_quantizer=B, name="fc2")(h)], name="inner")
    block = keras.Sequential([L.InputLayer((4,)), QDense(4, kernel_quantizer=K, bias_quantizer=B, name="fc1"), L.BatchNormalization(name="bn")], name="block")
    a, b = L.Input((4,), name="a"), L.Input((4,), name="b")
    first, second = inner(a)
    third, _ = inner(QActivation("quantized_bits(5,2,alpha=1)", name="q")(second))
    y = L.Add(name="add")([block(first), QDense(4, kernel_quantizer=K, bias_quantizer=B, name="fc1")(b)])
    return keras.Model([b, a], [third, QActivation(RELU, name="out")(y)])


@model("fixed<5,2>", "fixed<5,2>", samples=16, container="h5")
def k2_nested_h5():
    return nested()


@model("fixed<5,2>", "fixed<5,2>", samples=16, container="json-legacy")
def k2_nested_legacy_weights():
    return nested()


@model("fixed<5,2>", "fixed<5,2>", samples=16, container="keras")
def k2_nested_keras_zip():
    return nested()


@model("fixed<5,2>", container="h5")
def k2_plain_layers():
    return functional(
        (7, 7, 2),
        L.ZeroPadding2D(1, name="pad"),
        L.Conv2D(3, 3, activation="relu", name="c1"),
        QActivation(RELU, name="q1"),
        L.DepthwiseConv2D(2, name="d1"),
        L.ReLU(max_value=2.5, negative_slope=0.25, name="relu"),
        QActivation("quantized_bits(6,3,alpha=1)", name="q2"),
        L.AveragePooling2D(2, name="avg"),
        L.PReLU(shared_axes=[1, 2], name="prelu"),
        L.Permute((3, 1, 2), name="permute"),
        L.Reshape((9, 3), name="reshape"),
        L.Conv1D(4, 3, padding="causal", name="c2"),
        QActivation("quantized_bits(6,3,alpha=1)", name="q3"),
        L.GlobalMaxPooling1D(name="gmax"),
        L.Dense(3, name="fc"),
    )


@model("fixed<5,2>", samples=16, container="h5")
def k2_activations():
    """Names that Keras 2 and QKeras both know."""
    x = L.Input((5,), name="in0")
    fc = QDense(5, kernel_quantizer="quantized_bits(4,1,alpha=1)", bias_quantizer=B, name="fc")(x)
    outputs = [QActivation(f, name="f_" + f)(fc) for f in ["hard_sigmoid", "hard_tanh", "smooth_sigmoid", "binary_tanh", "relu"]]
    inside = QDense(3, kernel_quantizer=K, bias_quantizer=B, activation="hard_sigmoid", name="inside")(fc)
    plain = QActivation("quantized_bits(8,0,alpha=1)", name="q_plain")(L.Activation("hard_sigmoid", name="plain")(fc))
    return keras.Model(x, [*outputs, inside, plain])


def _prune(network, rng):
    """What pruning leaves: masks, with the kernels already multiplied by them."""
    import numpy as np

    for layer in network.layers:
        variables = {v.name.split("/")[-1].split(":")[0]: v for v in layer.weights}
        if "mask" in variables:
            mask = (rng.random(variables["mask"].shape) < 0.6).astype(np.float32)
            variables["mask"].assign(mask)
            variables["kernel"].assign(variables["kernel"].numpy() * mask)


@model("fixed<5,2>", container="h5", prepare=_prune, reload="needs tensorflow_model_optimization")
def k2_pruned():
    """Pruning wrappers left in the file, around quantized, plain and weightless layers."""
    prune = tfmot.sparsity.keras.prune_low_magnitude
    x = L.Input((6, 6, 2), name="in0")
    y = prune(QConv2D(3, 3, kernel_quantizer=K, bias_quantizer=B, name="c1"))(x)
    y = QActivation(RELU, name="relu1")(y)
    y = prune(L.MaxPooling2D(2, name="pool"))(y)
    y = prune(L.Flatten(name="flat"))(y)
    y = prune(QDense(5, kernel_quantizer="quantized_bits(4,0)", bias_quantizer=B, name="fc1"))(y)
    y = QActivation(RELU, name="relu2")(y)
    return keras.Model(x, prune(L.Dense(3, name="fc2"))(y))


# --- recurrent ---

QUANTIZERS = dict(kernel_quantizer=K, recurrent_quantizer=K, bias_quantizer=B)
STATE = dict(state_quantizer="quantized_bits(5,0,1,alpha=1)")
GATES = dict(activation="quantized_tanh(5)", recurrent_activation="quantized_sigmoid(4)")


def recurrent(*inputs, **options):
    return model(*inputs, folder="recurrent", **options)


def recurrent_head(name="fc"):
    return QDense(3, kernel_quantizer=K, bias_quantizer=B, name=name)


@recurrent("fixed<5,2>", container="h5")
def k2_lstm_h5():
    return sequential((6, 3), QLSTM(3, return_sequences=True, name="first", **GATES, **QUANTIZERS, **STATE), QLSTM(3, implementation=2, name="second", **GATES, **QUANTIZERS, **STATE), recurrent_head())


@recurrent("fixed<5,2>", container="json-legacy", reload="Keras 2.14 cannot load it: the shape of the cell is unknown")
def k2_lstm_legacy_weights():
    return functional((6, 3), QLSTM(3, return_sequences=True, name="first", **GATES, **QUANTIZERS, **STATE), QLSTM(3, implementation=2, name="second", **GATES, **QUANTIZERS, **STATE), recurrent_head())


@recurrent("fixed<5,2>", container="h5")
def k2_gru_implementation2():
    """reset_after=False with implementation 2, which qkeras-v3 cannot run."""
    return functional((6, 3), QGRU(4, implementation=2, reset_after=False, name="gru", **GATES, **QUANTIZERS, **STATE), recurrent_head())


@recurrent("fixed<5,2>", container="h5")
def k2_gru_reset_after():
    x = L.Input((5, 3), name="in0")
    sequence, state = QGRU(3, reset_after=True, return_sequences=True, return_state=True, name="gru", **GATES, **QUANTIZERS, **STATE)(x)
    return keras.Model(x, [state, sequence])


@recurrent("fixed<5,2>", container="keras", reload="Keras 2.14 cannot load it: the shape of the cell is unknown")
def k2_simple_rnn_keras_zip():
    return functional((6, 3), QSimpleRNN(4, activation="quantized_tanh(5)", return_sequences=True, go_backwards=True, name="rnn", **QUANTIZERS), recurrent_head())


@recurrent("fixed<5,2>", "fixed<5,1>", "fixed<5,1>", container="h5")
def k2_lstm_initial_state():
    x, h, c = L.Input((4, 3), name="in0"), L.Input((3,), name="h0"), L.Input((3,), name="c0")
    outputs = QLSTM(3, return_state=True, return_sequences=True, name="lstm", **GATES, **QUANTIZERS, **STATE)(x, initial_state=[h, c])
    return keras.Model([x, h, c], outputs)


@recurrent("fixed<5,2>", container="h5")
def k2_bidirectional():
    return functional(
        (5, 3),
        QBidirectional(QLSTM(3, return_sequences=True, name="inner", **GATES, **QUANTIZERS, **STATE), name="bi"),
        QActivation("quantized_bits(4,0,alpha=1)", name="q"),
        QBidirectional(QGRU(2, name="inner2", **GATES, **QUANTIZERS, **STATE), merge_mode="sum", name="bi_sum"),
        recurrent_head(),
    )


@recurrent("fixed<5,2>", container="json")
def k2_cells():
    x = L.Input((4, 3), name="in0")
    a = L.RNN([QLSTMCell(3, **GATES, **QUANTIZERS, **STATE), QGRUCell(2, **GATES, **QUANTIZERS, **STATE)], return_sequences=True, name="stack")(x)
    return keras.Model(x, [a, L.RNN(QGRUCell(3, reset_after=True, **GATES, **QUANTIZERS, **STATE), name="rnn")(x)])


@recurrent("fixed<5,2>", container="h5")
def k2_plain_recurrent():
    return functional(
        (4, 3),
        L.SimpleRNN(3, activation="relu", return_sequences=True, name="rnn"),
        QActivation("quantized_bits(6,3,alpha=1)", name="q0"),
        L.LSTM(3, return_sequences=True, recurrent_activation="hard_sigmoid", name="lstm"),
        QActivation("quantized_bits(6,0,alpha=1)", name="q1"),
        L.Bidirectional(L.GRU(2), name="bi"),
        QActivation("quantized_bits(6,0,alpha=1)", name="q2"),
    )


@recurrent("fixed<5,2>", container="h5")
def k2_time_major():
    """Time is the first axis of the input, the batch the second one."""
    x = L.Input(batch_shape=(5, None, 3), name="in0")
    y = QLSTM(3, time_major=True, return_sequences=True, name="lstm", **GATES, **QUANTIZERS, **STATE)(x)
    y = QSimpleRNN(3, time_major=True, activation="quantized_tanh(5)", go_backwards=True, name="rnn", **QUANTIZERS)(y)
    return keras.Model(x, recurrent_head()(y))
