"""Plain Keras layers beside QKeras layers, with weights that are short binary fractions. For qkeras-v3."""

import exact
from golden.registry import model
from qkeras import QActivation, QConv2D, QDense, quantized_bits, quantized_relu

keras = exact.keras
L = keras.layers

K = "quantized_bits(4,0,alpha=1)"
B = "quantized_bits(5,1,alpha=1)"
RELU = "quantized_relu(4,2)"


def sequential(shape, *layers):
    return keras.Sequential([L.Input(shape, name="in0"), *layers])


@model("fixed<6,2>", samples=16)
def plain_dense():
    return sequential(
        (6,),
        L.Dense(5, activation="relu", name="fc1"),
        QActivation("quantized_relu(6,2)", name="q1"),
        L.Dense(4, use_bias=False, name="fc2"),
        L.ReLU(name="relu2"),
        QDense(3, kernel_quantizer=K, bias_quantizer=B, name="fc3"),
        L.Activation("linear", name="linear"),
    )


@model("fixed<5,2>", container="h5")
def plain_conv2d():
    return sequential(
        (7, 7, 2),
        L.Conv2D(4, 3, padding="same", strides=2, activation="relu", name="c1"),
        QActivation(RELU, name="q1"),
        L.DepthwiseConv2D(2, depth_multiplier=2, name="d1"),
        QActivation(RELU, name="q2"),
        L.SeparableConv2D(3, 2, name="s1"),
        QActivation("quantized_bits(6,3,alpha=1)", name="q3"),
        L.Conv2D(3, 2, groups=3, padding="same", use_bias=False, name="c2"),
    )


@model("fixed<5,2>", container="json")
def plain_conv1d():
    return sequential(
        (10, 2),
        L.Conv1D(4, 3, padding="causal", dilation_rate=2, name="c1"),
        QActivation(RELU, name="q1"),
        L.Conv1D(4, 2, strides=2, padding="causal", groups=2, name="c2"),
        QActivation(RELU, name="q2"),
        L.DepthwiseConv1D(3, depth_multiplier=2, padding="same", name="d1"),
        QActivation(RELU, name="q3"),
        L.SeparableConv1D(3, 2, name="s1"),
    )


@model("fixed<5,2>")
def plain_conv2d_transpose():
    x = L.Input((4, 3, 2), name="in0")
    outputs = [
        L.Conv2DTranspose(2, 3, strides=2, padding="same", output_padding=1, name="same_out1")(x),
        L.Conv2DTranspose(2, 3, strides=2, padding="same", output_padding=0, name="same_out0")(x),
        L.Conv2DTranspose(3, 3, strides=2, padding="valid", output_padding=1, name="valid_out1")(x),
        L.Conv2DTranspose(2, (4, 2), strides=(3, 1), padding="same", name="same")(x),
        L.Conv2DTranspose(2, 2, strides=3, use_bias=False, name="gaps")(x),
    ]
    return keras.Model(x, outputs)


@model("fixed<6,3>", samples=16, rounded=("leaky_default", "act_leaky"))
def plain_relu_family():
    x = L.Input((6,), name="in0")
    outputs = [
        L.ReLU(name="relu")(x),
        L.ReLU(max_value=2.5, name="capped")(x),
        L.ReLU(negative_slope=0.25, threshold=1.0, name="threshold")(x),
        L.ReLU(max_value=2.0, negative_slope=0.125, threshold=0.5, name="all")(x),
        L.LeakyReLU(negative_slope=0.25, name="leaky")(x),
        L.PReLU(name="prelu")(x),
        L.Activation("relu", name="act_relu")(x),
        L.Activation("relu6", name="act_relu6")(x),
        L.Activation("linear", name="act_linear")(x),
        # 2.5 and more saturate; a slope of 0.3 or 0.2 never meets a tie on a grid that is twice as fine as the input's.
        QActivation("quantized_bits(8,3,alpha=1)", name="q_leaky")(L.LeakyReLU(name="leaky_default")(x)),
        QActivation("quantized_bits(8,3,alpha=1)", name="q_leaky_act")(L.Activation("leaky_relu", name="act_leaky")(x)),
    ]
    return keras.Model(x, outputs)


@model("fixed<5,2>", container="json")
def plain_prelu_shared():
    return sequential(
        (4, 4, 3),
        QConv2D(3, 2, kernel_quantizer=K, bias_quantizer=B, name="c1"),
        L.PReLU(shared_axes=[1, 2], name="prelu"),
        QActivation("quantized_bits(6,3,alpha=1)", name="q1"),
        L.PReLU(shared_axes=[1], name="prelu_rows"),
    )


@model("fixed<6,3>", samples=16, container="h5")
def plain_real_activations():
    x = L.Input((5,), name="in0")
    outputs = []
    for name in ["sigmoid", "tanh", "elu", "selu", "gelu", "silu", "softplus", "softsign", "exponential", "hard_sigmoid", "hard_silu"]:
        y = L.Activation(name, name=name)(x)
        outputs.append(QActivation("quantized_bits(8,3,alpha=1)", name="q_" + name)(y))
    outputs.append(QActivation("quantized_bits(8,3,alpha=1)", name="q_elu2")(L.ELU(alpha=0.5, name="elu2")(x)))
    return keras.Model(x, outputs)


@model("fixed<6,3>", samples=16)
def softmax_axes():
    x = L.Input((3, 4), name="in0")
    y = QDense(4, kernel_quantizer=K, bias_quantizer=B, name="fc")(x)
    return keras.Model(x, [L.Softmax(name="last")(y), L.Softmax(axis=1, name="rows")(y), L.Activation("softmax", name="act")(y)])


@model("fixed<8,3>")
def pools():
    x = L.Input((7, 6, 2), name="in0")
    q = "quantized_bits(8,2,alpha=1)"
    outputs = [
        L.MaxPooling2D(2, name="max")(x),
        L.MaxPooling2D(3, strides=2, padding="same", name="max_same")(x),
        L.MaxPooling2D((3, 2), strides=(1, 2), name="max_unequal")(x),
        L.AveragePooling2D(2, name="avg")(x),
        L.AveragePooling2D((1, 4), strides=1, name="avg14")(x),
        QActivation(q, name="q_avg3")(L.AveragePooling2D(3, strides=2, name="avg3")(x)),
        QActivation(q, name="q_avg_same")(L.AveragePooling2D(3, strides=2, padding="same", name="avg_same")(x)),
        L.GlobalMaxPooling2D(name="gmax")(x),
        L.GlobalMaxPooling2D(keepdims=True, name="gmax_keep")(x),
        QActivation(q, name="q_gavg")(L.GlobalAveragePooling2D(name="gavg")(x)),
        QActivation(q, name="q_gavg_keep")(L.GlobalAveragePooling2D(keepdims=True, name="gavg_keep")(x)),
    ]
    return keras.Model(x, outputs)


@model("fixed<5,2>", container="h5")
def pools_1d():
    x = L.Input((9, 3), name="in0")
    q = "quantized_bits(8,2,alpha=1)"
    outputs = [
        L.MaxPooling1D(2, name="max")(x),
        L.MaxPooling1D(4, strides=3, padding="same", name="max_same")(x),
        L.AveragePooling1D(2, name="avg")(x),
        QActivation(q, name="q_avg3")(L.AveragePooling1D(3, strides=1, padding="same", name="avg3")(x)),
        L.GlobalMaxPooling1D(name="gmax")(x),
        QActivation(q, name="q_gavg")(L.GlobalAveragePooling1D(name="gavg")(x)),
    ]
    return keras.Model(x, outputs)


@model("fixed<4,2>", "fixed<5,3>", samples=4)
def spatial_shapes():
    x = L.Input((4, 5, 2), name="in0")
    s = L.Input((6, 2), name="in1")
    outputs = [
        L.ZeroPadding2D(1, name="pad1")(x),
        L.ZeroPadding2D(((0, 2), (1, 0)), name="pad")(x),
        L.Cropping2D(((1, 0), (2, 1)), name="crop")(x),
        L.UpSampling2D((2, 3), name="up")(x),
        L.ZeroPadding1D((2, 1), name="pad1d")(s),
        L.Cropping1D((1, 2), name="crop1d")(s),
        L.UpSampling1D(3, name="up1d")(s),
    ]
    return keras.Model([x, s], outputs)


@model("fixed<5,2>", samples=4)
def upsampling_bilinear():
    x = L.Input((3, 4, 2), name="in0")
    return keras.Model(x, [L.UpSampling2D(2, interpolation="bilinear", name="up2")(x), L.UpSampling2D((4, 1), interpolation="bilinear", name="up4")(x)])


@model("fixed<5,2>", "fixed<4,4>", container="json")
def shapes():
    x = L.Input((4, 6), name="in0")
    v = L.Input((5,), name="in1")
    outputs = [
        L.Reshape((3, 8), name="reshape")(x),
        L.Reshape((2, -1, 3), name="reshape_rest")(x),
        L.Permute((2, 1), name="permute")(x),
        L.Permute((3, 1, 2), name="permute3")(L.Reshape((2, 4, 3), name="reshape3")(x)),
        L.RepeatVector(3, name="repeat")(v),
        L.Flatten(name="flat")(x),
        L.Flatten(name="flat1")(v),
    ]
    return keras.Model([x, v], outputs)


@model("fixed<5,2>", samples=16)
def inactive_layers():
    return sequential(
        (4, 4, 2),
        L.SpatialDropout2D(0.2, name="sd"),
        QConv2D(3, 2, kernel_quantizer=K, bias_quantizer=B, name="c1"),
        L.GaussianNoise(0.1, name="noise"),
        L.GaussianDropout(0.1, name="gd"),
        QActivation(RELU, name="relu"),
        L.Flatten(name="flat"),
        L.AlphaDropout(0.1, name="ad"),
        L.ActivityRegularization(l2=0.1, name="reg"),
        L.Dropout(0.5, name="drop"),
        QDense(3, kernel_quantizer=K, bias_quantizer=B, name="fc"),
    )


@model("fixed<8,5>")
def rescaling():
    return sequential(
        (5, 3),
        L.Rescaling(0.125, offset=-0.5, name="scale"),
        QActivation("quantized_bits(5,1,alpha=1)", name="q"),
        QDense(4, kernel_quantizer=K, bias_quantizer=B, name="fc"),
    )


@model("fixed<5,2>", container="h5")
def time_distributed():
    return sequential(
        (3, 5, 4),
        L.TimeDistributed(L.Conv1D(3, 2, name="inner_conv"), name="td_conv"),
        QActivation(RELU, name="relu"),
        L.TimeDistributed(L.Flatten(name="inner_flat"), name="td_flat"),
        L.TimeDistributed(QDense(4, kernel_quantizer=K, bias_quantizer=B, name="inner_fc"), name="td_fc"),
        L.TimeDistributed(QActivation(quantized_bits(5, 2, alpha=1), name="inner_q"), name="td_q"),
        L.TimeDistributed(L.Dense(2, name="inner_plain"), name="td_plain"),
    )


@model("fixed<5,2>", samples=16)
def activation_layers_with_quantizers():
    return sequential(
        (6,),
        QDense(5, kernel_quantizer=K, bias_quantizer=B, name="fc1"),
        L.Activation(quantized_relu(4, 2), name="act_relu"),
        QDense(5, kernel_quantizer=K, bias_quantizer=B, activation=quantized_bits(5, 2, alpha=1), name="fc2"),
        L.Dense(4, activation=quantized_relu(5, 2), name="fc3"),
    )


@model("fixed<5,2>", "fixed<5,2>")
def merge_shapes():
    a, b = L.Input((3, 4, 2), name="a"), L.Input((3, 4, 2), name="b")
    row = L.GlobalMaxPooling2D(keepdims=True, name="row")(b)
    outputs = [
        L.Concatenate(axis=1, name="cat1")([a, b]),
        L.Concatenate(axis=2, name="cat2")([a, b, a]),
        L.Concatenate(axis=-1, name="cat3")([a, b]),
        L.Multiply(name="gate")([a, row]),
        L.Add(name="shift")([a, row]),
        L.Maximum(name="max")([a, row]),
        L.Subtract(name="sub")([a, row]),
    ]
    return keras.Model([a, b], outputs)


@model("fixed<4,2>", "fixed<4,2>")
def dot_products():
    a, b = L.Input((3, 5), name="a"), L.Input((4, 5), name="b")
    v, w = L.Flatten(name="va")(a), L.Dense(15, name="vb")(L.Flatten(name="fb")(b))
    outputs = [
        L.Dot(axes=2, name="last")([a, b]),
        L.Dot(axes=(2, 2), name="pair")([b, a]),
        L.Dot(axes=(1, 1), name="vectors")([v, w]),
        L.Dot(axes=(2, 1), name="matrix")([a, L.Permute((2, 1), name="t")(b)]),
    ]
    return keras.Model([a, b], outputs)
