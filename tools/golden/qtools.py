"""Models for the records of QTools: every operator, quantizer and option that changes a rule. For qkeras-v3.

A builder returns the model. `runs` lists what is recorded besides the call without options: keyword arguments of QTools,
where `hw_weight_dict=True` stands for the result of model_save_quantized_weights on a copy.
"""

import exact
import numpy as np
from qkeras import (
    QActivation,
    QAdaptiveActivation,
    QAveragePooling2D,
    QBatchNormalization,
    QConv1D,
    QConv2D,
    QConv2DBatchnorm,
    QConv2DTranspose,
    QDense,
    QDenseBatchnorm,
    QDepthwiseConv2D,
    QDepthwiseConv2DBatchnorm,
    QGlobalAveragePooling2D,
    QScaleShift,
    QSeparableConv1D,
    QSeparableConv2D,
    QSimpleRNN,
)

L = exact.keras.layers
Model = exact.keras.Model

MODELS = {}

# Baselines as AutoQKeras asks for them, and the options one by one.
REFERENCE = {"for_reference": True, "keras_quantizer": "int8", "keras_accumulator": "int32", "source_quantizers": "int8"}
FLOAT = {"for_reference": True, "keras_quantizer": "fp32", "keras_accumulator": "fp32", "source_quantizers": "fp32"}
HALF = {"keras_quantizer": "fp16", "keras_accumulator": "fp16", "source_quantizers": "fp16"}
BARE = {"for_reference": True}
KERAS = {"keras_quantizer": "int16", "keras_accumulator": "int32"}
INFERENCE = {"is_inference": True}
FUSED = {"hw_weight_dict": True}

Q4 = "quantized_bits(4,0,1,alpha=1.0)"
B4 = "quantized_bits(4,1,1)"
R4 = "quantized_relu(4,2)"


def model(*runs, file=None):
    """Registers the function as a model of its name; saved in the container that QKeras can read again."""

    def register(build):
        MODELS[build.__name__] = (build, list(runs), file or "keras")
        return build

    return register


def chain(shape, *layers):
    x = start = L.Input(shape, name="in0")
    for layer in layers:
        x = layer(x)
    return Model(start, x)


# --- every pair of weight and input types ---

KINDS = {
    "bits": ("quantized_bits(5,1,1,alpha=1.0)", "quantized_bits(6,2,1,alpha=1.0)"),
    "ubits": ("quantized_bits(5,1,0,keep_negative=False,alpha=1.0)", "quantized_relu(6,2)"),
    "po2": ("quantized_po2(4)", "quantized_po2(3,4)"),
    "relu_po2": ("quantized_relu_po2(4,2)", "quantized_relu_po2(3)"),
    "ternary": ("ternary(alpha=1)", "ternary(alpha=1,threshold=0.5)"),
    "binary": ("binary(alpha=1)", "binary(alpha=1)"),
    "binary01": ("binary(use_01=True,alpha=1)", "binary(use_01=True,alpha=1)"),
    "relu1": ("quantized_bits(1,0,1,alpha=1.0)", "quantized_relu(1,1)"),
    "stochastic": ("stochastic_ternary(alpha=1)", "stochastic_binary(alpha=1)"),
    "bernoulli": ("bernoulli(alpha=1)", "bernoulli(alpha=1)"),
}


def pairs(activation):
    """One dense layer for every kind of weights behind an activation, side by side."""

    def build():
        start = L.Input((6,), name="in0")
        x = QActivation(KINDS[activation][1], name="act")(start)
        found = []
        for number, (kind, (weights, _)) in enumerate(KINDS.items()):
            biased = number % 3 != 2
            bias = ["quantized_bits(5,2,1)", "quantized_po2(3,2)", None][number % 3]
            found.append(QDense(3, kernel_quantizer=weights, bias_quantizer=bias, use_bias=biased, name=f"d_{kind}")(x))
        return Model(start, found)

    return build


for kind in KINDS:
    build = pairs(kind)
    build.__name__ = f"pairs_{kind}"
    model(INFERENCE, REFERENCE)(build)


@model(REFERENCE, {"source_quantizers": "fp32"}, {"source_quantizers": "fp16"}, {"source_quantizers": "int16"}, {"source_quantizers": "int32"})
def biases():
    start = L.Input((5,), name="in0")
    x = QActivation("quantized_po2(3,2)", name="act")(start)
    found = []
    for number, bias in enumerate(["binary(alpha=1)", "ternary(alpha=1)", "binary(use_01=True,alpha=1)", "quantized_po2(4,4)", "quantized_relu_po2(3,1)", "quantized_bits(8,3,1)", None]):
        found.append(QDense(3, kernel_quantizer="quantized_po2(3,1)", bias_quantizer=bias, name=f"p{number}")(x))
        found.append(QDense(3, kernel_quantizer=Q4, bias_quantizer=bias, name=f"b{number}")(start))
    return Model(start, found)


# --- dense and convolution ---


@model(REFERENCE, FLOAT, BARE, KERAS, HALF)
def dense_example():
    return chain((12,), QDense(7, kernel_quantizer=Q4, bias_quantizer="quantized_bits(6,2,1)", activation="quantized_relu(5,2)", name="d0"))


@model(REFERENCE, FLOAT)
def dense_unit():
    return chain(
        (784,),
        QDense(30, kernel_quantizer="binary()", bias_quantizer="quantized_bits(4,0,1)", name="d0"),
        QActivation("quantized_relu(4,0)", name="a0"),
        QDense(10, kernel_quantizer="quantized_bits(4,0,1)", bias_quantizer="quantized_bits(4,0,1)", name="d1"),
        QActivation("quantized_relu(4,0)", name="a1"),
        QDense(1, kernel_quantizer="quantized_bits(4,0,1)", bias_quantizer="quantized_bits(4,0,1)", name="d2"),
        L.Activation("softmax", name="softmax"),
    )


@model(INFERENCE)
def dense_auto_po2_scales():
    return chain(
        (16,),
        QDense(8, kernel_quantizer="quantized_bits(4,0,1,alpha='auto_po2')", bias_quantizer=B4, name="d0"),
        QActivation(R4, name="a0"),
        QDense(6, kernel_quantizer="quantized_bits(3,1,1)", use_bias=False, name="d1"),
        QDense(5, kernel_quantizer="ternary(alpha='auto_po2')", bias_quantizer=B4, name="d2"),
        QDense(4, kernel_quantizer="quantized_bits(5,0,1,alpha='auto')", bias_quantizer="quantized_bits(5,0,1,alpha='auto_po2')", name="d3"),
    )


@model(REFERENCE, BARE, {"for_reference": True, "keras_quantizer": "fp16", "keras_accumulator": "fp16", "source_quantizers": "fp16"})
def cnn():
    return chain(
        (12, 12, 3),
        QConv2D(4, 3, kernel_quantizer=Q4, bias_quantizer=B4, padding="same", name="c0"),
        QActivation(R4, name="a0"),
        L.MaxPooling2D(2, name="p0"),
        QConv2D(6, (2, 3), strides=2, kernel_quantizer="ternary(alpha=1)", bias_quantizer=B4, activation="quantized_relu(3,1)", name="c1"),
        L.Flatten(name="flat"),
        QDense(5, kernel_quantizer="quantized_bits(4,0,1)", bias_quantizer=B4, name="d0"),
    )


@model(REFERENCE, KERAS, HALF, FLOAT)
def plain_layers():
    return chain(
        (10, 10, 2),
        L.Conv2D(4, 3, name="c0"),
        L.ReLU(name="relu"),
        L.Conv2D(4, 3, activation="relu", use_bias=False, name="c1"),
        L.DepthwiseConv2D(2, depth_multiplier=2, name="dw"),
        L.BatchNormalization(name="bn"),
        L.AveragePooling2D(2, name="avg"),
        L.GlobalAveragePooling2D(name="gap"),
        L.Dense(6, name="d0"),
        L.Activation("relu", name="a0"),
        L.Dense(1, name="d1"),
    )


@model(REFERENCE, KERAS)
def mixed():
    return chain(
        (10, 10, 2),
        QConv2D(4, 3, kernel_quantizer=Q4, bias_quantizer=B4, name="c0"),
        L.BatchNormalization(name="bn"),
        QActivation(R4, name="a0"),
        L.Conv2D(4, 3, name="c1"),
        QActivation("quantized_tanh(5)", name="a1"),
        L.Flatten(name="flat"),
        QDense(3, kernel_quantizer=Q4, bias_quantizer=B4, name="d0"),
    )


@model(INFERENCE, REFERENCE)
def depthwise():
    return chain(
        (9, 9, 3),
        QDepthwiseConv2D(3, depthwise_quantizer=Q4, bias_quantizer=B4, name="dw0"),
        QActivation(R4, name="a0"),
        QDepthwiseConv2D((2, 3), depthwise_quantizer="quantized_bits(4,0,1)", use_bias=False, padding="same", activation="quantized_relu(3,1)", name="dw1"),
        QDepthwiseConv2D(2, depth_multiplier=2, depthwise_quantizer="quantized_po2(4,2)", bias_quantizer=None, strides=2, name="dw2"),
    )


@model(REFERENCE)
def conv1d():
    return chain(
        (20, 3),
        QConv1D(4, 5, kernel_quantizer=Q4, bias_quantizer=B4, padding="same", name="c0"),
        QActivation(R4, name="a0"),
        QConv1D(6, 3, strides=2, kernel_quantizer="quantized_bits(4,0,1)", use_bias=False, name="c1"),
        L.MaxPooling1D(2, name="p0"),
        L.Conv1D(2, 2, name="c2"),
        L.Reshape((-1,), name="flat"),
        QDense(3, kernel_quantizer=Q4, bias_quantizer=B4, name="d0"),
    )


@model(REFERENCE)
def transpose():
    return chain(
        (4, 4, 3),
        QConv2DTranspose(5, 3, strides=2, kernel_quantizer=Q4, bias_quantizer=B4, name="t0"),
        QActivation(R4, name="a0"),
        QConv2DTranspose(2, 2, kernel_quantizer=Q4, use_bias=False, activation="quantized_bits(6,2,1)", name="t1"),
        L.Conv2DTranspose(2, 2, name="t2"),
        L.UpSampling2D(2, name="up"),
    )


@model(REFERENCE)
def separable_and_others():
    return chain(
        (9, 9, 2),
        QSeparableConv2D(4, 3, depthwise_quantizer=Q4, pointwise_quantizer="quantized_bits(3,0,1,alpha=1.0)", bias_quantizer=B4, activation=R4, name="s0"),
        L.ZeroPadding2D(1, name="pad"),
        QSeparableConv2D(3, 2, depthwise_quantizer=Q4, pointwise_quantizer=Q4, bias_quantizer=B4, name="s1"),
        L.LeakyReLU(negative_slope=0.25, name="leaky"),
        L.SeparableConv2D(2, 2, name="s2"),
        L.Cropping2D(1, name="crop"),
        L.Flatten(name="flat"),
        QDenseBatchnorm(4, kernel_quantizer=Q4, bias_quantizer=B4, name="db"),
        QDense(3, kernel_quantizer=Q4, bias_quantizer=B4, name="d0"),
        L.Softmax(name="softmax"),
    )


@model()
def separable1d():
    return chain(
        (12, 3),
        QSeparableConv1D(4, 3, depthwise_quantizer=Q4, pointwise_quantizer="ternary(alpha=1)", bias_quantizer=B4, name="s0"),
        QActivation(R4, name="a0"),
        L.Flatten(name="flat"),
        QDense(2, kernel_quantizer=Q4, use_bias=False, name="d0"),
    )


@model(REFERENCE, file="h5")
def recurrent():
    return chain(
        (5, 3),
        QSimpleRNN(4, activation="quantized_tanh(5)", kernel_quantizer=Q4, recurrent_quantizer=Q4, bias_quantizer=B4, state_quantizer=Q4, name="q_simple_rnn"),
        QActivation(R4, name="a0"),
        QDense(3, kernel_quantizer=Q4, bias_quantizer=B4, name="d0"),
    )


@model(INFERENCE)
def squeeze_excite():
    start = L.Input((6, 6, 4), name="in0")
    x = QConv2D(4, 1, kernel_quantizer=Q4, bias_quantizer=B4, activation=R4, name="c0")(start)
    s = QGlobalAveragePooling2D(average_quantizer="quantized_bits(8,0,1)", keepdims=False, activation="quantized_relu(5,2)", name="gap")(x)
    s = L.Reshape((1, 1, 4), name="shape")(s)
    s = QDense(2, kernel_quantizer=Q4, bias_quantizer=B4, activation=R4, name="d0")(s)
    s = QDense(4, kernel_quantizer="quantized_po2(4)", bias_quantizer=B4, activation="quantized_relu(4,1)", name="d1")(s)
    return Model(start, L.Multiply(name="scale")([x, s]))


# --- activations ---


@model(REFERENCE, KERAS)
def activations():
    start = L.Input((6,), name="in0")
    found = []
    for number, text in enumerate(
        [
            "quantized_bits(6,1,1)",
            "quantized_bits(6,1,0,keep_negative=False)",
            "quantized_relu(6,2)",
            "quantized_relu(5,1,negative_slope=0.25)",
            "quantized_relu(1,1)",
            "quantized_tanh(5)",
            "quantized_ulaw(6,1)",
            "quantized_sigmoid(5)",
            "quantized_po2(4,2)",
            "quantized_relu_po2(4,4)",
            "quantized_relu_po2(4,0.5)",
            "binary(alpha=1)",
            "ternary(alpha=1)",
            "bernoulli(alpha=1)",
            "stochastic_binary(alpha=1)",
            "stochastic_ternary(alpha=1)",
            "binary(use_01=True,alpha=1)",
            "quantized_linear(5,1)",
        ]
    ):
        x = QActivation(text, name=f"a{number}")(start)
        found.append(QDense(2, kernel_quantizer=Q4, bias_quantizer=B4, name=f"d{number}")(x))
    for number, text in enumerate(["relu", "tanh", "sigmoid", "linear"]):
        x = L.Activation(text, name=f"k{number}")(start)
        found.append(QDense(2, kernel_quantizer=Q4, bias_quantizer=B4, name=f"e{number}")(x))
    return Model(start, found)


@model()
def forwarded_types():
    """Types that are converted a second time behind layers that pass them on."""
    start = L.Input((4, 4, 2), name="in0")
    found = []
    for number, text in enumerate(["quantized_tanh(5)", "quantized_ulaw(6,1)", "bernoulli(alpha=1)", "stochastic_binary(alpha=1)", "binary(alpha=1)", "quantized_po2(4,2)", "stochastic_ternary(alpha=1)"]):
        x = QActivation(text, name=f"a{number}")(start)
        x = L.MaxPooling2D(2, name=f"p{number}")(x)
        x = L.Flatten(name=f"f{number}")(x)
        found.append(QDense(2, kernel_quantizer=Q4, bias_quantizer=B4, name=f"d{number}")(x))
    return Model(start, found)


@model(REFERENCE, file="json")
def adaptive():
    return chain(
        (6,),
        QDense(5, kernel_quantizer=Q4, bias_quantizer=B4, name="d0"),
        QAdaptiveActivation("quantized_relu", 6, ema_freeze_delay=10, name="a0"),
        QDense(3, kernel_quantizer=Q4, bias_quantizer=B4, name="d1"),
        QAdaptiveActivation("quantized_bits", 5, ema_freeze_delay=10, name="a1"),
    )


# --- pooling ---


@model(REFERENCE, BARE, KERAS)
def poolings():
    start = L.Input((8, 8, 3), name="in0")
    x = QActivation(R4, name="a0")(start)
    found = [
        QAveragePooling2D(2, average_quantizer="quantized_bits(6,0,1)", name="q0")(x),
        QAveragePooling2D((2, 4), average_quantizer="quantized_po2(4,1)", activation="quantized_relu(5,2)", name="q1")(x),
        QAveragePooling2D(3, average_quantizer=None, name="q2")(x),
        QGlobalAveragePooling2D(average_quantizer="quantized_bits(8,0,1)", name="g0")(x),
        QGlobalAveragePooling2D(average_quantizer=None, activation="quantized_bits(6,2,1)", name="g1")(x),
        L.AveragePooling2D((3, 2), name="avg")(x),
        L.GlobalAveragePooling2D(name="gap")(x),
        L.GlobalMaxPooling2D(name="gmax")(x),
        L.MaxPooling2D(2, padding="same", name="max")(x),
        L.UpSampling2D((2, 3), name="up")(x),
        L.GlobalAveragePooling2D(name="raw")(start),
    ]
    return Model(start, found)


@model()
def poolings_of_kinds():
    start = L.Input((4, 4, 2), name="in0")
    found = []
    for number, text in enumerate(["quantized_po2(3,2)", "binary(alpha=1)", "ternary(alpha=1)", "quantized_bits(5,1,1)"]):
        x = QActivation(text, name=f"a{number}")(start)
        found.append(L.AveragePooling2D(2, name=f"p{number}")(x))
        found.append(QGlobalAveragePooling2D(average_quantizer="quantized_bits(6,0,1)", name=f"g{number}")(x))
    return Model(start, found)


# --- merges ---


def two(first, second):
    start = L.Input((4,), name="in0")
    a = QActivation(first, name="qa")(start)
    b = QActivation(second, name="qb")(start)
    return start, a, b


for number, (first, second) in enumerate(
    [
        ("quantized_bits(4,2,1)", "quantized_bits(8,0,1)"),
        ("quantized_relu(4,2)", "quantized_bits(4,1,1)"),
        ("quantized_po2(4,2)", "quantized_relu(5,1)"),
        ("ternary(alpha=1)", "binary(alpha=1)"),
        ("quantized_relu(4,2)", "quantized_relu(4,2)"),
        ("quantized_po2(3,2)", "quantized_po2(4,4)"),
        ("binary(use_01=True,alpha=1)", "quantized_relu_po2(3,2)"),
        ("stochastic_binary(alpha=1)", "quantized_tanh(5)"),
    ]
):

    def build(first=first, second=second):
        start, a, b = two(first, second)
        found = [kind(name=kind.__name__.lower())([a, b]) for kind in (L.Add, L.Multiply, L.Average, L.Maximum, L.Minimum, L.Concatenate)]
        found.append(QDense(2, kernel_quantizer=Q4, bias_quantizer=B4, name="d0")(found[0]))
        found.append(QDense(2, kernel_quantizer=Q4, bias_quantizer=B4, name="d1")(found[5]))
        return Model(start, found)

    build.__name__ = f"merges{number}"
    model(*([REFERENCE, BARE, FLOAT] if number == 0 else [{"source_quantizers": "fp32"}] if number == 1 else []))(build)


@model(REFERENCE)
def merges_of_three():
    start = L.Input((4,), name="in0")
    parts = [QActivation(t, name=f"q{i}")(start) for i, t in enumerate(["quantized_bits(4,1,1)", "quantized_relu(6,2)", "quantized_bits(5,3,1)"])]
    return Model(start, [kind(name=kind.__name__.lower())(parts) for kind in (L.Add, L.Multiply, L.Average, L.Concatenate)])


@model()
def merge_same_tensor():
    start = L.Input((4,), name="in0")
    x = QActivation(R4, name="q0")(start)
    return Model(start, [L.Add(name="add")([x, x]), QDense(2, kernel_quantizer=Q4, name="d0")(x)])


@model(
    REFERENCE,
    {"source_quantizers": ["quantized_bits(4,0,1)", "quantized_relu(6,2)"]},
    {"source_quantizers": ["quantized_po2(4,2)", "quantized_tanh(5)"]},
    {"source_quantizers": ["fp16", "int32"]},
)
def two_inputs():
    a, b = L.Input((4,), name="in0"), L.Input((5,), name="in1")
    x = QDense(3, kernel_quantizer=Q4, bias_quantizer=B4, name="d0")(a)
    y = QDense(3, kernel_quantizer="quantized_po2(4,1)", bias_quantizer=B4, name="d1")(b)
    return Model([a, b], [L.Add(name="add")([x, y]), L.Concatenate(name="cat")([x, y])])


@model()
def merge_with_input():
    start = L.Input((4,), name="in0")
    x = QDense(4, kernel_quantizer=Q4, bias_quantizer=B4, activation="quantized_relu(6,2)", name="d0")(start)
    return Model(start, [L.Multiply(name="mul")([x, start]), L.Add(name="add")([x, start])])


@model(REFERENCE)
def dropped():
    start = L.Input((6,), name="in0")
    x = L.Dropout(0.25, name="drop0")(start)
    x = QDense(5, kernel_quantizer=Q4, bias_quantizer=B4, activation=R4, name="d0")(x)
    x = L.Dropout(0.25, name="drop1")(x)
    x = QDense(4, kernel_quantizer=Q4, bias_quantizer=B4, name="d1")(x)
    x = L.Dropout(0.25, name="drop2")(x)
    return Model(start, QDense(3, kernel_quantizer=Q4, bias_quantizer=B4, name="d2")(x))


# --- batch normalization ---


def normalized(activation, **options):
    def build():
        return chain(
            (6, 6, 2),
            QConv2D(3, 2, kernel_quantizer=Q4, bias_quantizer=B4, name="c0"),
            QActivation(activation, name="a0"),
            QBatchNormalization(name="bn", **options),
            QActivation(R4, name="a1"),
            L.Flatten(name="flat"),
            QDense(2, kernel_quantizer=Q4, bias_quantizer=B4, name="d0"),
        )

    return build


NORMALIZATIONS = {
    "default": (R4, {}),
    "none": (R4, dict(gamma_quantizer=None, beta_quantizer=None, mean_quantizer=None, variance_quantizer=None)),
    "fixed": ("quantized_bits(5,1,1)", dict(gamma_quantizer=Q4, beta_quantizer=B4, mean_quantizer=B4, variance_quantizer=Q4)),
    "po2": ("quantized_bits(5,1,1)", dict(gamma_quantizer="quantized_relu_po2(4,2)", beta_quantizer=B4, mean_quantizer=B4, variance_quantizer="quantized_relu_po2(5,16)")),
    "mixed": ("quantized_bits(5,1,1)", dict(gamma_quantizer=Q4, beta_quantizer="quantized_po2(4,2)", mean_quantizer=B4, variance_quantizer="quantized_relu_po2(4)")),
    "no_scale": (R4, dict(scale=False)),
    "no_center": (R4, dict(center=False)),
    "neither": ("quantized_bits(5,1,1)", dict(scale=False, center=False, variance_quantizer="quantized_relu_po2(4,4)")),
    "binary": ("binary(alpha=1)", {}),
    "ternary": ("ternary(alpha=1)", dict(gamma_quantizer="ternary(alpha=1)", variance_quantizer="quantized_relu_po2(4)")),
    "po2_input": ("quantized_po2(3,2)", {}),
    "binary_no_scale": ("binary(alpha=1)", dict(scale=False)),
}
for name, (activation, options) in NORMALIZATIONS.items():
    build = normalized(activation, **options)
    build.__name__ = f"qbn_{name}"
    model(INFERENCE, REFERENCE)(build)


def fused(bias, bn, depthwise=False):
    def build():
        if depthwise:
            conv = QDepthwiseConv2D(3, depthwise_quantizer=Q4, bias_quantizer="quantized_bits(3,2,1)", use_bias=bias, name="c0")
        else:
            conv = QConv2D(3, 3, kernel_quantizer="quantized_bits(4,0,1)", bias_quantizer="quantized_bits(3,2,1)", use_bias=bias, name="c0")
        options = dict(beta_quantizer="quantized_bits(6,0,1)", mean_quantizer="quantized_bits(6,0,1)", gamma_quantizer=None, variance_quantizer=None, inverse_quantizer="quantized_bits(8,0,1,alpha='auto_po2')")
        return chain(
            (6, 6, 2),
            conv,
            QBatchNormalization(name="bn", **{**options, **bn}),
            QActivation(R4, name="a0"),
            L.Flatten(name="flat"),
            QDense(2, kernel_quantizer=Q4, bias_quantizer=B4, name="d0"),
        )

    return build


for name, args in {
    "bias": (True, {}),
    "plain": (False, {}),
    "no_center": (True, dict(center=False)),
    "inverse": (True, dict(inverse_quantizer="quantized_bits(8,0,1,alpha=1.0)")),
    "depthwise": (True, {}, True),
}.items():
    build = fused(*args)
    build.__name__ = f"fused_{name}"
    model(FUSED, {**FUSED, **REFERENCE})(build)


def folded(kernel, bias, activation=None):
    def build():
        return chain(
            (6, 6, 2),
            QConv2DBatchnorm(3, 3, kernel_quantizer=kernel, bias_quantizer=bias, activation=activation, name="c0"),
            QActivation(R4, name="a0"),
            QDepthwiseConv2DBatchnorm(2, depthwise_quantizer=kernel, bias_quantizer=bias, name="c1"),
            QActivation(R4, name="a1"),
            L.Flatten(name="flat"),
            QDense(2, kernel_quantizer=Q4, bias_quantizer=B4, name="d0"),
        )

    return build


for name, args in {
    "bias": (Q4, "quantized_bits(6,2,1)"),
    "none": (Q4, None),
    "auto_po2": ("quantized_bits(4,0,1,alpha='auto_po2')", None, "quantized_relu(4,2)"),
    "po2": ("quantized_po2(4,2)", "quantized_po2(4,2)"),
    "binary": ("binary(alpha=1)", None),
}.items():
    build = folded(*args)
    build.__name__ = f"folded_{name}"
    model(INFERENCE, REFERENCE, file="h5")(build)


@model(REFERENCE, KERAS)
def residual():
    start = L.Input((8, 8, 3), name="in0")
    x = QConv2D(4, 3, padding="same", kernel_quantizer=Q4, bias_quantizer=B4, name="c0")(start)
    x = QBatchNormalization(name="bn0")(x)
    x = skip = QActivation("quantized_relu(5,2)", name="a0")(x)
    x = QConv2D(4, 3, padding="same", kernel_quantizer="quantized_bits(4,0,1)", use_bias=False, name="c1")(x)
    x = L.BatchNormalization(name="bn1")(x)
    x = QActivation("quantized_bits(6,2,1)", name="a1")(x)
    x = L.Add(name="add")([skip, x])
    x = QActivation(R4, name="a2")(x)
    x = L.GlobalAveragePooling2D(name="gap")(x)
    return Model(start, QDense(4, kernel_quantizer=Q4, bias_quantizer=B4, name="d0")(x))


@model(REFERENCE)
def scale_shift():
    return chain((5,), QScaleShift(weight_quantizer=Q4, bias_quantizer=B4, activation=R4, name="s0"), QDense(3, kernel_quantizer=Q4, bias_quantizer=B4, name="d0"))
