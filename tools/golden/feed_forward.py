"""Feed-forward models of QKeras layers, for qkeras-v3."""

import exact
import numpy as np
from golden.registry import model
from qkeras import (
    QActivation,
    QAdaptiveActivation,
    QAveragePooling2D,
    QConv1D,
    QConv2D,
    QConv2DTranspose,
    QDense,
    QDepthwiseConv2D,
    QDepthwiseConv2DTranspose,
    QGlobalAveragePooling2D,
    QMobileNetSeparableConv2D,
    QOctaveConv2D,
    QScaleShift,
    QSeparableConv1D,
    QSeparableConv2D,
    QSeparableConv2DTranspose,
    quantized_bits,
    quantized_relu,
)

keras = exact.keras
L = keras.layers

K = "quantized_bits(4,0,alpha=1)"
B = "quantized_bits(5,1,alpha=1)"
RELU = "quantized_relu(4,2)"


def sequential(shape, *layers, name=None):
    return keras.Sequential([L.Input(shape, name="in0"), *layers], name=name)


# --- dense ---


@model("fixed<6,2>", samples=16)
def dense_single():
    return sequential((7,), QDense(5, kernel_quantizer=K, bias_quantizer=B, name="fc"))


@model("fixed<8,3>", samples=16, container="json")
def dense_mlp():
    return sequential(
        (9,),
        QDense(8, kernel_quantizer=K, bias_quantizer=B, name="fc1"),
        QActivation("quantized_relu(5,2)", name="relu1"),
        QDense(6, kernel_quantizer="quantized_bits(3,1,alpha=1.0)", bias_quantizer=None, name="fc2"),
        QActivation("quantized_bits(6,3,alpha=1)", name="q2"),
        QDense(4, kernel_quantizer="quantized_bits(5,1,1,alpha=1)", use_bias=False, name="fc3"),
    )


@model("fixed<6,2>", samples=16, container="h5")
def dense_auto_po2():
    return sequential(
        (8,),
        QActivation("quantized_bits(5,1)", name="q0"),
        QDense(7, kernel_quantizer="quantized_bits(4,0)", bias_quantizer="quantized_bits(6,2)", name="fc1"),
        QActivation("quantized_relu(6,3)", name="relu1"),
        QDense(5, kernel_quantizer="quantized_bits(3,1,1,alpha='auto_po2')", bias_quantizer="quantized_bits(6,2)", name="fc2"),
    )


@model("fixed<6,2>", samples=16, rounded=("fc1", "fc2"))
def dense_auto():
    return sequential(
        (8,),
        QDense(6, kernel_quantizer="quantized_bits(4,0,1,alpha='auto')", bias_quantizer=B, name="fc1"),
        QActivation("quantized_relu(6,2)", name="relu1"),
        QDense(4, kernel_quantizer="binary(alpha='auto')", bias_quantizer=B, name="fc2"),
        QActivation("quantized_bits(8,3)", name="q2"),
    )


@model("fixed<5,1>", samples=16, container="json")
def dense_po2():
    return sequential(
        (8,),
        QDense(6, kernel_quantizer="quantized_po2(4)", bias_quantizer="quantized_po2(4,2)", name="fc1"),
        QActivation("quantized_relu_po2(3,4)", name="relu1"),
        QDense(4, kernel_quantizer="quantized_po2(3,1,quadratic_approximation=True)", use_bias=False, name="fc2"),
        QActivation("quantized_po2(3,4)", name="q2"),
    )


@model("fixed<5,2>", samples=16)
def dense_binary_ternary():
    return sequential(
        (9,),
        QDense(8, kernel_quantizer="binary(alpha=1)", bias_quantizer="quantized_bits(3,1,alpha=1)", name="fc1"),
        QActivation("binary(alpha=1)", name="b1"),
        QDense(7, kernel_quantizer="ternary(alpha=1)", bias_quantizer="binary(alpha=0.5)", name="fc2"),
        QActivation("ternary(alpha=1,threshold=1.5)", name="t2"),
        QDense(6, kernel_quantizer="binary()", bias_quantizer=B, name="fc3"),
        QActivation("binary(use_01=True,alpha=1)", name="b3"),
        QDense(5, kernel_quantizer="ternary()", use_bias=False, name="fc4"),
        QDense(3, kernel_quantizer="stochastic_binary(alpha=1)", use_bias=False, name="fc5"),
    )


@model("ufixed<6,1>", samples=16, container="h5")
def dense_activation_inside():
    return sequential(
        (6,),
        QDense(8, kernel_quantizer=K, bias_quantizer=B, activation="quantized_relu(4,1,negative_slope=0.25)", name="fc1"),
        QDense(5, kernel_quantizer=K, use_bias=False, activation="quantized_tanh(5)", name="fc2"),
        QDense(4, kernel_quantizer=K, bias_quantizer=B, activation="quantized_bits(4,1,1,alpha=1)", name="fc3"),
        QDense(4, kernel_quantizer=K, bias_quantizer=B, activation="relu", name="fc4"),
    )


@model("fixed<6,2>")
def dense_rank3():
    return sequential(
        (3, 5),
        QDense(6, kernel_quantizer="quantized_bits(4,0)", bias_quantizer=B, name="fc1"),
        QActivation(RELU, name="relu1"),
        QDense(2, kernel_quantizer=K, name="fc2"),
    )


@model("fixed<7,2>", samples=16)
def dense_linear_quantizers():
    return sequential(
        (7,),
        QDense(6, kernel_quantizer="quantized_linear(4,0,alpha=1)", bias_quantizer="quantized_linear(6,2)", name="fc1"),
        QActivation("quantized_linear(6,2)", name="q1"),
        QDense(5, kernel_quantizer="quantized_linear(4,1)", bias_quantizer=B, name="fc2"),
        QActivation("quantized_linear(5,3,symmetric=0)", name="q2"),
        QDense(3, kernel_quantizer="quantized_bits(4,0,alpha=0.5)", bias_quantizer="quantized_bits(4,0,alpha=2)", name="fc3"),
    )


@model("fixed<6,2>", samples=16)
def dense_bias_scales():
    """Biases with a scale of their own for each element, and a frozen scale."""
    frozen = quantized_bits(4, 0, 1, alpha="auto_po2", post_training_scale=np.array([[0.5, 1.0, 0.25, 2.0]]))
    return sequential(
        (7,),
        QDense(6, kernel_quantizer="quantized_bits(4,1)", bias_quantizer="quantized_bits(4,0,1,alpha='auto_po2')", name="fc1"),
        QActivation(RELU, name="relu1"),
        QDense(4, kernel_quantizer=frozen, bias_quantizer="binary(alpha='auto_po2')", name="fc2"),
        QActivation("quantized_bits(6,3)", name="q2"),
        QDense(4, kernel_quantizer="ternary(alpha='auto_po2')", bias_quantizer="quantized_linear(5,1,alpha='auto_po2')", name="fc3"),
    )


def _train(network, rng):
    """One training step, so that the file holds the state of an optimizer."""
    network.compile("adam", "mse")
    network.fit(rng.normal(0, 1, (8, *network.input_shape[1:])), rng.normal(0, 1, (8, network.output_shape[-1])), epochs=1, verbose=0)


@model("fixed<6,2>", samples=16, container="h5", prepare=_train)
def dense_optimizer_h5():
    return sequential((5,), QDense(4, kernel_quantizer=K, bias_quantizer=B, activation=RELU, name="fc1"), QDense(3, kernel_quantizer=K, bias_quantizer=B, name="fc2"))


@model("fixed<6,2>", samples=16, prepare=_train)
def dense_optimizer_keras():
    return sequential((5,), QDense(4, kernel_quantizer=K, bias_quantizer=B, activation=RELU, name="fc1"), QDense(3, kernel_quantizer=K, bias_quantizer=B, name="fc2"))


@model("fixed<6,2>", samples=16)
def dense_wide():
    """Sums too wide for 32 bits, not for float64."""
    return sequential(
        (20,),
        QDense(12, kernel_quantizer="quantized_bits(16,0,alpha=1)", bias_quantizer="quantized_bits(16,3,alpha=1)", name="fc1"),
        QDense(5, kernel_quantizer="quantized_bits(14,1,alpha=1)", bias_quantizer="quantized_bits(12,1,alpha=1)", name="fc2"),
        QActivation("quantized_bits(16,5,alpha=1)", name="q"),
    )


# --- activations ---


@model("fixed<8,3>", samples=16)
def activations_quantized():
    x = L.Input((6,), name="in0")
    fc = QDense(6, kernel_quantizer="quantized_bits(4,1,alpha=1)", bias_quantizer=B, name="fc")(x)
    names = {
        "relu": "quantized_relu(5,2)",
        "leaky": "quantized_relu(6,2,negative_slope=0.125)",
        "relu_sigmoid": "quantized_relu(5,1,1)",
        "bits": "quantized_bits(5,2,alpha=1)",
        "symmetric": "quantized_bits(5,1,1,alpha=1)",
        "unsigned": "quantized_bits(5,1,0,0)",
        "coarse": "quantized_bits(3,5)",
        "one": "quantized_bits(1)",
        "scaled": "quantized_bits(5,1,alpha=0.5)",
        "tanh": "quantized_tanh(6)",
        "tanh_symmetric": "quantized_tanh(4,symmetric=True)",
        "sigmoid": "quantized_sigmoid(6)",
        "sigmoid_symmetric": "quantized_sigmoid(4,symmetric=1)",
        "po2": "quantized_po2(4)",
        "relu_po2": "quantized_relu_po2(4,8)",
        "relu_po2_slope": "quantized_relu_po2(4,negative_slope=0.25)",
        "binary": "binary(alpha=1)",
        "ternary": "ternary(alpha=1,threshold=1.0)",
        "linear": "quantized_linear(6,2,0)",
        "bounded": "quantized_relu(6,2,relu_upper_bound=2.5)",  # QKeras keeps the bound, which changes no value
    }
    return keras.Model(x, [QActivation(q, name=n)(fc) for n, q in names.items()])


@model("fixed<6,3>", samples=16, container="h5")
def activations_functions():
    x = L.Input((5,), name="in0")
    fc = QDense(5, kernel_quantizer="quantized_bits(4,1,alpha=1)", bias_quantizer=B, name="fc")(x)
    functions = ["hard_tanh", "smooth_tanh", "binary_tanh", "smooth_sigmoid", "binary_sigmoid", "relu"]
    # QKeras' own hard_sigmoid: in a Q layer always, as a QActivation in the legacy format only.
    inside = QDense(4, kernel_quantizer=K, bias_quantizer=B, activation="hard_sigmoid", name="inside")(fc)
    return keras.Model(x, [QActivation(f, name="f_" + f)(fc) for f in [*functions, "hard_sigmoid"]] + [inside])


@model("fixed<6,3>", samples=16)
def activations_hard_sigmoid_keras():
    """In a .keras file QActivation("hard_sigmoid") means Keras' function, relu6(x + 3) / 6, whatever it was in memory."""
    x = L.Input((5,), name="in0")
    y = QActivation(keras.activations.hard_sigmoid, name="hard_sigmoid")(x)
    return keras.Model(x, QActivation("quantized_bits(8,0,alpha=1)", name="q")(y))


@model("fixed<16,6>", samples=64)
def activations_wide_input():
    """Too many input codes for small tables."""
    x = L.Input((8,), name="in0")
    names = {
        "tanh": "quantized_tanh(8,use_real_tanh=True)",
        "sigmoid": "quantized_sigmoid(8,use_real_sigmoid=True)",
        "hard_tanh": "quantized_tanh(10)",
        "relu": "quantized_relu(8,4)",
        "bits": "quantized_bits(12,5,1,alpha=1)",
        "po2": "quantized_po2(5)",
        "ternary": "ternary(alpha=1,threshold=0.7)",
    }
    return keras.Model(x, [QActivation(q, name=n)(x) for n, q in names.items()])


@model("fixed<6,3>", samples=16)
def activations_real():
    x = L.Input((5,), name="in0")
    fc = QDense(5, kernel_quantizer=K, bias_quantizer=B, name="fc")(x)
    names = {
        "tanh": "quantized_tanh(6,use_real_tanh=True)",
        "sigmoid": "quantized_sigmoid(6,use_real_sigmoid=True)",
    }
    return keras.Model(x, [QActivation(q, name=n)(fc) for n, q in names.items()])


# --- convolution ---


@model("fixed<5,2>", container="json")
def conv2d_valid():
    return sequential(
        (6, 5, 2),
        QConv2D(3, (3, 2), kernel_quantizer=K, bias_quantizer=B, name="c1"),
        QActivation(RELU, name="relu1"),
        QConv2D(4, 2, strides=(2, 1), kernel_quantizer="quantized_bits(4,0)", use_bias=False, name="c2"),
        QActivation("quantized_bits(6,3)", name="q2"),
        L.Flatten(name="flat"),
        QDense(3, kernel_quantizer=K, bias_quantizer=B, name="fc"),
    )


@model("fixed<5,2>", container="h5")
def conv2d_same_strides():
    x = L.Input((9, 8, 2), name="in0")
    outputs = []
    for k in [2, 3, 4]:
        for s in [1, 2, 3]:
            outputs.append(QConv2D(2, k, strides=s, padding="same", kernel_quantizer=K, bias_quantizer=B, activation=RELU, name=f"k{k}s{s}")(x))
    return keras.Model(x, outputs)


@model("fixed<5,2>")
def conv2d_groups_dilation():
    return sequential(
        (7, 8, 4),
        QConv2D(6, 3, groups=2, padding="same", kernel_quantizer=K, bias_quantizer=B, name="c1"),
        QActivation(RELU, name="relu1"),
        QConv2D(4, (2, 3), dilation_rate=(2, 2), kernel_quantizer="quantized_bits(4,0)", bias_quantizer=B, name="c2"),
        QActivation(RELU, name="relu2"),
        QConv2D(3, 2, dilation_rate=2, padding="SAME", kernel_quantizer=K, bias_quantizer=B, name="c3"),
    )


@model("fixed<5,2>", float32=True)
def conv2d_mask():
    mask = np.array([[1, 0, 1], [0, 1, 0], [1, 0, 1]], np.float32)
    return sequential(
        (5, 5, 2),
        QConv2D(3, 3, kernel_quantizer="quantized_bits(4,0)", bias_quantizer=B, mask=mask, name="c1"),
        QActivation(RELU, name="relu1"),
    )


@model("fixed<5,2>", container="h5")
def conv1d():
    return sequential(
        (11, 4),
        QConv1D(6, 3, kernel_quantizer=K, bias_quantizer=B, name="c1"),
        QActivation(RELU, name="relu1"),
        QConv1D(4, 4, strides=2, padding="same", kernel_quantizer="quantized_bits(4,0)", bias_quantizer=B, name="c2"),
        QActivation(RELU, name="relu2"),
        QConv1D(4, 2, dilation_rate=2, groups=2, padding="same", kernel_quantizer=K, use_bias=False, name="c3"),
        QActivation(RELU, name="relu3"),
        L.MaxPooling1D(2, name="pool"),
        L.GlobalMaxPooling1D(name="gmp"),
    )


# --- depthwise and separable ---


@model("fixed<5,2>")
def depthwise():
    return sequential(
        (6, 7, 3),
        QDepthwiseConv2D(3, depthwise_quantizer="quantized_bits(4,0,alpha=1)", bias_quantizer=B, name="d1"),
        QActivation(RELU, name="relu1"),
        QDepthwiseConv2D((2, 3), depth_multiplier=2, padding="same", strides=2, depthwise_quantizer="quantized_bits(4,0)", bias_quantizer=B, name="d2"),
        QActivation(RELU, name="relu2"),
        QDepthwiseConv2D(2, depthwise_quantizer="quantized_bits(5,1)", use_bias=False, activation="quantized_bits(6,3,alpha=1)", name="d3"),
    )


@model("fixed<5,2>", container="json")
def separable():
    return sequential(
        (6, 6, 2),
        QSeparableConv2D(4, 3, depthwise_quantizer=K, pointwise_quantizer=K, bias_quantizer=B, name="s1"),
        QActivation("quantized_relu(4,3)", name="relu1"),
        QSeparableConv2D(
            3, 2, strides=2, padding="same", depth_multiplier=2, depthwise_quantizer="quantized_bits(4,0)", pointwise_quantizer="quantized_bits(4,0)", use_bias=False, name="s2"
        ),
        QActivation("quantized_bits(6,4,alpha=1)", name="q2"),
    )


@model("fixed<5,2>")
def separable1d():
    return sequential(
        (9, 3),
        QSeparableConv1D(4, 3, depthwise_quantizer=K, pointwise_quantizer=K, bias_quantizer=B, name="s1"),
        QActivation("quantized_relu(4,3)", name="relu1"),
        QSeparableConv1D(3, 2, padding="same", depth_multiplier=2, depthwise_quantizer="quantized_bits(4,0)", pointwise_quantizer="quantized_bits(4,0)", name="s2"),
    )


@model("fixed<5,2>", rounded=("c1", "d1", "t1"))
def conv_auto():
    return sequential(
        (6, 6, 3),
        QConv2D(4, 3, kernel_quantizer="quantized_bits(4,0,1,alpha='auto')", bias_quantizer=B, name="c1"),
        QActivation("quantized_relu(5,2)", name="relu1"),
        QDepthwiseConv2D(2, depth_multiplier=2, depthwise_quantizer="quantized_bits(4,0,1,alpha='auto')", bias_quantizer=B, name="d1"),
        QActivation("quantized_bits(6,2)", name="q1"),
        QConv2DTranspose(2, 2, strides=2, kernel_quantizer="binary(alpha='auto')", bias_quantizer=B, name="t1"),
        QActivation("quantized_bits(7,3)", name="q2"),
    )


# --- pooling ---


@model("fixed<6,3>")
def pooling_quantized():
    x = L.Input((6, 5, 2), name="in0")
    q = "quantized_bits(8,0,alpha=1)"
    outputs = [
        QAveragePooling2D(2, average_quantizer=q, activation="quantized_bits(6,2,alpha=1)", name="p2")(x),
        QAveragePooling2D(3, strides=2, average_quantizer=q, activation="quantized_bits(6,2,alpha=1)", name="p3")(x),
        QAveragePooling2D((3, 2), strides=1, padding="same", average_quantizer=q, activation="quantized_bits(6,2,alpha=1)", name="p32_same")(x),
        QAveragePooling2D(2, name="p_plain")(x),
        QAveragePooling2D(3, padding="same", activation="quantized_relu(5,2)", name="p3_plain")(x),
        QGlobalAveragePooling2D(average_quantizer=q, activation="quantized_bits(8,1,alpha=1)", name="g")(x),
        QGlobalAveragePooling2D(activation="quantized_relu(8,1)", name="g_plain")(x),
    ]
    return keras.Model(x, outputs)


@model("fixed<5,2>", container="h5")
def cnn_small():
    return sequential(
        (8, 8, 1),
        QActivation("quantized_bits(5,1,alpha=1)", name="pixels"),
        QConv2D(4, 3, kernel_quantizer="quantized_bits(4,0)", bias_quantizer=B, name="c1"),
        QActivation(RELU, name="relu1"),
        L.MaxPooling2D(2, name="pool"),
        QConv2D(5, 2, kernel_quantizer="quantized_bits(3,0)", bias_quantizer=B, name="c2"),
        QActivation(RELU, name="relu2"),
        L.Flatten(name="flat"),
        L.Dropout(0.3, name="drop"),
        QDense(4, kernel_quantizer=K, bias_quantizer=B, name="logits"),
        L.Activation("softmax", name="softmax"),
    )


# --- merges ---


@model("fixed<5,2>", container="json")
def residual():
    x = L.Input((6, 6, 2), name="in0")
    a = QConv2D(4, 3, padding="same", kernel_quantizer=K, bias_quantizer=B, name="c1")(x)
    a = QActivation(RELU, name="relu1")(a)
    b = QConv2D(4, 3, padding="same", kernel_quantizer=K, bias_quantizer=B, name="c2")(a)
    b = QActivation("quantized_bits(5,2,alpha=1)", name="q2")(b)
    y = L.Add(name="add")([a, b])
    y = QActivation(RELU, name="relu2")(y)
    y = L.Concatenate(name="cat")([y, x])
    return keras.Model(x, QConv2D(2, 1, kernel_quantizer=K, name="head")(y))


@model("fixed<5,2>", "fixed<6,1>", "fixed<4,3>", samples=16)
def merges():
    a, b, c = L.Input((4,), name="a"), L.Input((4,), name="b"), L.Input((4,), name="c")
    outputs = [
        L.Add(name="add")([a, b, c]),
        L.Subtract(name="sub")([a, b]),
        L.Multiply(name="mul")([a, b, c]),
        L.Average(name="avg")([a, b]),
        QActivation("quantized_bits(6,3,alpha=1)", name="q_avg3")(L.Average(name="avg3")([a, b, c])),
        L.Maximum(name="max")([a, b, c]),
        L.Minimum(name="min")([a, b]),
        L.Concatenate(name="cat")([a, b, c]),
        L.Dot(axes=1, name="dot")([a, b]),
    ]
    return keras.Model([a, b, c], outputs)


# --- depthwise with unequal strides and dilation, mobilenet ---


@model("fixed<5,2>", container="h5")
def depthwise_dilated():
    x = L.Input((8, 9, 2), name="in0")
    outputs = [
        QDepthwiseConv2D(2, dilation_rate=(2, 2), depthwise_quantizer=K, bias_quantizer=B, name="d2")(x),
        QDepthwiseConv2D((1, 3), depth_multiplier=3, depthwise_quantizer="quantized_bits(3,0)", use_bias=False, name="m3")(x),
    ]
    return keras.Model(x, outputs)


@model("fixed<5,2>", xla=True)
def depthwise_unequal_strides():
    return sequential(
        (8, 9, 2),
        QDepthwiseConv2D(3, strides=(2, 1), padding="same", depthwise_quantizer=K, bias_quantizer=B, name="d1"),
        QActivation(RELU, name="relu1"),
        QDepthwiseConv2D(2, strides=(1, 3), depth_multiplier=2, depthwise_quantizer=K, use_bias=False, name="d2"),
    )


@model("fixed<5,2>")
def mobilenet_block():
    x = L.Input((6, 6, 3), name="in0")
    args = dict(depthwise_quantizer=K, pointwise_quantizer="quantized_bits(4,0)", bias_quantizer=B, depthwise_activation="quantized_bits(5,2,alpha=1)")
    y = QMobileNetSeparableConv2D(4, 3, padding="same", activation=quantized_relu(4, 2), depthwise_dropout_rate=0.2, name="m1", **args)(x)
    y = QMobileNetSeparableConv2D(3, 2, strides=2, activation=quantized_relu(5, 2), pw_first=True, name="m2", **args)(y)
    return keras.Model(x, y)


# --- transposed ---


@model("fixed<5,2>", container="json")
def conv2d_transpose():
    x = L.Input((4, 3, 2), name="in0")
    outputs = []
    for k, s in [(3, 2), (2, 3), (4, 2), (3, 1), ((2, 3), (3, 1))]:
        for padding in ["valid", "same"]:
            name = f"t{k}{s}_{padding}".replace("(", "").replace(")", "").replace(", ", "")
            outputs.append(QConv2DTranspose(2, k, strides=s, padding=padding, kernel_quantizer=K, bias_quantizer=B, name=name)(x))
    return keras.Model(x, outputs)


@model("fixed<5,2>")
def conv2d_transpose_auto_po2():
    return sequential(
        (3, 4, 3),
        QConv2DTranspose(4, 3, strides=2, padding="same", kernel_quantizer="quantized_bits(4,0)", bias_quantizer=B, activation=RELU, name="t1"),
        QConv2DTranspose(2, 2, kernel_quantizer="quantized_bits(4,0)", use_bias=False, name="t2"),
    )


@model("fixed<5,2>", xla=True)
def conv2d_transpose_dilated():
    return sequential(
        (4, 5, 2),
        QConv2DTranspose(3, 3, dilation_rate=2, kernel_quantizer=K, bias_quantizer=B, name="t1"),
        QActivation(RELU, name="relu1"),
        QConv2DTranspose(2, (2, 3), dilation_rate=(2, 2), padding="same", kernel_quantizer=K, bias_quantizer=B, name="t2"),
    )


@model("fixed<5,2>")
def depthwise_transpose():
    x = L.Input((4, 3, 4), name="in0")
    args = dict(depthwise_kernel_quantizer="quantized_bits(4,0,1,alpha=1)", bias_quantizer=B)
    outputs = [
        QDepthwiseConv2DTranspose(4, 3, group_size=1, strides=(2, 2), padding="same", name="g1", **args)(x),
        QDepthwiseConv2DTranspose(4, 2, group_size=2, strides=(1, 1), padding="valid", name="g2", **args)(x),
        QDepthwiseConv2DTranspose(4, (3, 2), group_size=4, strides=(3, 3), padding="valid", use_bias=False, name="g4", **args)(x),
    ]
    return keras.Model(x, outputs)


@model("fixed<5,2>", container="h5")
def separable_transpose():
    x = L.Input((3, 4, 3), name="in0")
    args = dict(depthwise_kernel_quantizer=K, pointwise_kernel_quantizer=K, bias_quantizer=B)
    outputs = [
        QSeparableConv2DTranspose(4, 3, strides=(2, 2), padding="same", name="s1", **args)(x),
        QSeparableConv2DTranspose(2, 2, strides=(3, 3), padding="valid", use_bias=False, name="s2", **args)(x),
    ]
    return keras.Model(x, outputs)


# --- octave, scale and shift ---


@model("fixed<5,2>", "fixed<5,2>", samples=4)
def octave():
    high, low = L.Input((6, 6, 2), name="high"), L.Input((3, 3, 2), name="low")
    quantizers = dict(
        kernel_quantizer="quantized_bits(4,0,1,alpha=1)",
        bias_quantizer=B,
        acc_quantizer="quantized_bits(8,4,1,alpha=1)",
        pooling_quantizer="quantized_bits(8,0,1,alpha=1)",
    )
    h, low2 = QOctaveConv2D(4, (3, 3), 0.5, padding="same", use_separable=False, activation="quantized_relu(4,2)", name="o1", **quantizers)([high, low])
    h, _ = QOctaveConv2D(3, (3, 3), 0.0, padding="same", use_separable=False, activation="quantized_relu(4,2)", name="o2", **quantizers)([h, low2])
    return keras.Model([high, low], h)


@model("fixed<5,2>", "fixed<5,2>", container="h5")
def octave_separable():
    high, low = L.Input((6, 6, 2), name="high"), L.Input((3, 3, 2), name="low")
    quantizers = dict(
        depthwise_quantizer="quantized_bits(4,0,1,alpha=1)",
        pointwise_quantizer="quantized_bits(3,0,1,alpha=1)",
        bias_quantizer=B,
        acc_quantizer="quantized_bits(8,4,1,alpha=1)",
        pooling_quantizer="quantized_bits(8,0,1,alpha=1)",
    )
    h, low2 = QOctaveConv2D(4, (3, 3), 0.25, padding="same", use_separable=True, activation="quantized_relu(4,2)", name="o1", **quantizers)([high, low])
    return keras.Model([high, low], [low2, h])


def _visible_scales(network, rng):
    """Scales and shifts that neither saturate nor vanish."""
    for layer, values in zip([layer for layer in network.layers if isinstance(layer, QScaleShift)], [(0.63, -0.3), (0.4, 0.55), (-0.7,)], strict=True):
        layer.set_weights([np.full((1, 1), v, np.float32) for v in values])


@model("fixed<6,2>", float32=True, prepare=_visible_scales)
def scale_shift():
    return sequential(
        (5, 4),
        QScaleShift(weight_quantizer="quantized_bits(4,0,alpha=1)", bias_quantizer="quantized_bits(5,1,1,alpha=1)", name="s1"),
        QActivation("quantized_bits(6,2,alpha=1)", name="q1"),
        QScaleShift(weight_quantizer="quantized_bits(4,0)", bias_quantizer="quantized_bits(4,1)", activation="quantized_relu(4,2)", name="s2"),
        QScaleShift(weight_quantizer="quantized_po2(4)", use_bias=False, name="s3"),
    )


# --- channels first ---


@model("fixed<5,2>", xla=True)
def channels_first():
    x = L.Input((2, 6, 5), name="in0")
    first = dict(data_format="channels_first")
    y = QConv2D(4, 3, padding="same", kernel_quantizer=K, bias_quantizer=B, name="c1", **first)(x)
    y = QActivation(RELU, name="relu1")(y)
    y = L.MaxPooling2D(2, name="pool", **first)(y)
    y = L.ZeroPadding2D(((1, 0), (0, 2)), name="pad", **first)(y)
    y = QConv2D(3, 2, groups=1, kernel_quantizer=K, use_bias=False, name="c2", **first)(y)
    y = QActivation(RELU, name="relu2")(y)
    y = L.Flatten(name="flat", **first)(y)
    return keras.Model(x, QDense(3, kernel_quantizer=K, bias_quantizer=B, name="fc")(y))


@model("fixed<5,2>", xla=True, container="h5", exact_variance=True)
def channels_first_shapes():
    x = L.Input((3, 4, 6), name="in0")
    first = dict(data_format="channels_first")
    outputs = [
        L.GlobalMaxPooling2D(name="gmax", **first)(x),
        L.AveragePooling2D(2, name="avg", **first)(x),
        L.UpSampling2D((1, 2), name="up", **first)(x),
        L.Cropping2D(((1, 0), (2, 1)), name="crop", **first)(x),
        L.BatchNormalization(axis=1, epsilon=2.0**-10, name="bn")(x),
        L.Conv2D(2, 3, padding="same", name="conv", **first)(x),
        L.Flatten(name="flat", **first)(x),
        QGlobalAveragePooling2D(average_quantizer="quantized_bits(8,0,alpha=1)", name="gavg", **first)(x),
    ]
    return keras.Model(x, outputs)


# --- adaptive activation ---


def _adaptive_ranges(network, rng):
    """Ranges as training would have left them; the integer bits follow from them at the second call."""
    for layer in network.layers:
        if layer.__class__.__name__ == "QAdaptiveActivation":
            shape = tuple(layer.ema_max.shape)
            layer.ema_max.assign(2.0 ** rng.uniform(-1, 2.5, shape).astype(np.float32))
            layer.ema_min.assign(-(2.0 ** rng.uniform(-1, 2.5, shape)).astype(np.float32))
    network(np.zeros((1, *network.input_shape[1:]), np.float32), training=False)


@model("fixed<6,3>", container="json", float32=True, samples=16, prepare=_adaptive_ranges, reload="QKeras cannot load it; integer bits follow from the stored ranges")
def adaptive_activation():
    x = L.Input((4,), name="in0")
    y = QDense(4, kernel_quantizer=K, bias_quantizer=B, name="fc")(x)
    outputs = [
        QAdaptiveActivation("quantized_bits", 5, ema_freeze_delay=10, name="bits")(y),
        QAdaptiveActivation("quantized_bits", 6, per_channel=True, symmetric=False, ema_freeze_delay=10, name="channels")(y),
        QAdaptiveActivation("quantized_relu", 5, ema_freeze_delay=10, po2_rounding=True, name="relu")(y),
        QAdaptiveActivation("quantized_relu", 6, per_channel=True, relu_neg_slope=0.25, ema_freeze_delay=10, name="leaky")(y),
    ]
    return keras.Model(x, outputs)
