"""Recurrent models, for qkeras-v3. QSimpleRNN, QLSTM and QGRU hand `name` to their cell, so the layers have automatic names."""

import exact
from golden.registry import model as any_model
from qkeras import QActivation, QBidirectional, QConv1D, QDense, QGRU, QGRUCell, QLSTM, QLSTMCell, QSimpleRNN, QSimpleRNNCell

keras = exact.keras
L = keras.layers

K = "quantized_bits(4,0,alpha=1)"
B = "quantized_bits(5,1,alpha=1)"
RELU = "quantized_relu(4,2)"
QUANTIZERS = dict(kernel_quantizer=K, recurrent_quantizer=K, bias_quantizer=B)
STATE = dict(state_quantizer="quantized_bits(5,0,1,alpha=1)")
GATES = dict(activation="quantized_tanh(5)", recurrent_activation="quantized_sigmoid(4)")


def model(*inputs, **options):
    return any_model(*inputs, folder="recurrent", **options)


def sequential(shape, *layers):
    return keras.Sequential([L.Input(shape, name="in0"), *layers])


def head(units=3):
    return QDense(units, kernel_quantizer=K, bias_quantizer=B, name="fc")


# --- simple ---


@model("fixed<5,2>")
def simple_rnn():
    return sequential((8, 3), QSimpleRNN(4, activation="quantized_tanh(5)", **QUANTIZERS), head())


@model("fixed<5,2>", container="h5")
def simple_rnn_stacked():
    """Sequences between the layers; automatic scales; no bias; relu; a state quantizer."""
    return sequential(
        (6, 3),
        QSimpleRNN(4, activation="quantized_bits(5,1,alpha=1)", return_sequences=True, kernel_quantizer="quantized_bits(4,0)", recurrent_quantizer="quantized_bits(4,0)", use_bias=False),
        QSimpleRNN(3, activation="quantized_relu(5,1)", return_sequences=True, state_quantizer="quantized_relu(3,1)", **QUANTIZERS),
        L.TimeDistributed(head(), name="td"),
    )


@model("fixed<5,2>", container="json")
def simple_rnn_backwards():
    x = L.Input((5, 3), name="in0")
    a = QSimpleRNN(3, activation="quantized_tanh(5)", go_backwards=True, return_sequences=True, **QUANTIZERS)(x)
    b = QSimpleRNN(3, activation="hard_tanh", go_backwards=True, **QUANTIZERS, state_quantizer="quantized_bits(4,0,1,alpha=1)")(x)
    return keras.Model(x, [a, b])


@model("fixed<5,2>", samples=4)
def simple_rnn_50_steps():
    return sequential((50, 2), QSimpleRNN(4, activation="quantized_tanh(6)", return_sequences=True, **QUANTIZERS))


@model("fixed<5,2>", samples=16)
def simple_rnn_1_step():
    return sequential((1, 4), QSimpleRNN(4, activation="quantized_tanh(6)", **QUANTIZERS), head())


@model("fixed<5,2>", "fixed<5,0>")
def simple_rnn_initial_state():
    x, s = L.Input((4, 3), name="in0"), L.Input((4,), name="state")
    outputs = QSimpleRNN(4, activation="quantized_tanh(5)", return_sequences=True, return_state=True, **QUANTIZERS)(x, initial_state=s)
    return keras.Model([x, s], outputs)


@model("fixed<5,2>", samples=4, container="json")
def simple_rnn_relu_30_steps():
    """What a state type of ufixed<5,2> makes of the same layer without an activation."""
    return sequential((30, 2), QSimpleRNN(3, activation="quantized_relu(5,2)", return_sequences=True, **QUANTIZERS))


# --- LSTM ---


@model("fixed<5,2>")
def lstm():
    return sequential((8, 3), QLSTM(4, **GATES, **QUANTIZERS, **STATE), head())


@model("fixed<5,2>", container="h5")
def lstm_sequences():
    return sequential((6, 3), QLSTM(3, return_sequences=True, implementation=2, **GATES, **QUANTIZERS, **STATE), QActivation(RELU, name="relu"), L.TimeDistributed(head(), name="td"))


@model("fixed<5,2>", container="json")
def lstm_states():
    x = L.Input((5, 2), name="in0")
    sequence, h, c = QLSTM(3, return_sequences=True, return_state=True, **GATES, **QUANTIZERS, **STATE)(x)
    return keras.Model(x, [sequence, c, h, QDense(2, kernel_quantizer=K, bias_quantizer=B, name="fc")(c)])


@model("fixed<4,1>")
def lstm_growing():
    """No state quantizer: the state gets wider at each step."""
    return sequential((3, 2), QLSTM(3, activation="quantized_tanh(4)", recurrent_activation="quantized_sigmoid(3)", return_sequences=True, **QUANTIZERS))


@model("fixed<5,2>", samples=4)
def lstm_50_steps():
    return sequential((50, 2), QLSTM(3, return_sequences=True, **GATES, **QUANTIZERS, **STATE))


@model("fixed<5,2>", "fixed<5,1>", "fixed<5,1>")
def lstm_initial_state():
    """An encoder's state starts a decoder; another LSTM starts from inputs."""
    x, h, c = L.Input((4, 3), name="in0"), L.Input((3,), name="h0"), L.Input((3,), name="c0")
    _, eh, ec = QLSTM(3, return_state=True, **GATES, **QUANTIZERS, **STATE)(x, initial_state=[h, c])
    y = QLSTM(3, return_sequences=True, **GATES, **QUANTIZERS, **STATE)(x, initial_state=[eh, ec])
    return keras.Model([x, h, c], [y, eh])


@model("fixed<5,2>", container="h5")
def lstm_auto_po2():
    """Default quantizer arguments: a scale for each column; hard_sigmoid as recurrent activation; no bias."""
    return sequential(
        (4, 3),
        QLSTM(
            3,
            activation="quantized_tanh(6)",
            kernel_quantizer="quantized_bits(4,0)",
            recurrent_quantizer="quantized_bits(4,0)",
            state_quantizer="quantized_bits(4,0,1,alpha=1)",
            use_bias=False,
            unit_forget_bias=False,
            return_sequences=True,
        ),
        QActivation("quantized_bits(6,0,alpha=1)", name="q"),
    )


@model("fixed<5,2>")
def lstm_real_activations():
    return sequential(
        (5, 3),
        QLSTM(3, activation="quantized_tanh(6,use_real_tanh=True)", recurrent_activation="quantized_sigmoid(6,use_real_sigmoid=True)", return_sequences=True, **QUANTIZERS, **STATE),
        QActivation("quantized_bits(6,0,alpha=1)", name="q"),
    )


@model("fixed<5,2>", reload="QKeras cannot load it: it looks for smooth_tanh among Keras' functions")
def lstm_functions():
    return sequential(
        (4, 3),
        QLSTM(3, activation="smooth_tanh", recurrent_activation="smooth_sigmoid", return_sequences=True, state_quantizer="quantized_bits(3,0,1,alpha=1)", **QUANTIZERS),
        QActivation("quantized_bits(8,0,alpha=1)", name="q"),
    )


# --- GRU ---


@model("fixed<5,2>")
def gru():
    return sequential((8, 3), QGRU(4, **GATES, **QUANTIZERS, **STATE), head())


@model("fixed<5,2>", container="h5")
def gru_reset_after():
    return sequential((6, 3), QGRU(3, reset_after=True, return_sequences=True, **GATES, **QUANTIZERS, **STATE), L.TimeDistributed(head(), name="td"))


@model("fixed<5,2>", container="json")
def gru_reset_after_implementation2():
    x = L.Input((5, 3), name="in0")
    outputs = QGRU(3, reset_after=True, implementation=2, return_sequences=True, return_state=True, go_backwards=True, **GATES, **QUANTIZERS, **STATE)(x)
    return keras.Model(x, outputs)


@model("fixed<4,1>")
def gru_growing():
    return sequential((3, 2), QGRU(3, activation="quantized_tanh(4)", recurrent_activation="quantized_sigmoid(3)", return_sequences=True, use_bias=False, **{k: K for k in ("kernel_quantizer", "recurrent_quantizer")}))


@model("fixed<5,2>", "fixed<5,0>", samples=4)
def gru_50_steps():
    x, s = L.Input((50, 2), name="in0"), L.Input((3,), name="state")
    return keras.Model([x, s], QGRU(3, return_sequences=True, **GATES, **QUANTIZERS, **STATE)(x, initial_state=s))


@model("fixed<5,2>")
def conv_gru():
    return sequential(
        (10, 2),
        QConv1D(3, 3, strides=2, kernel_quantizer=K, bias_quantizer=B, name="c1"),
        QActivation(RELU, name="relu"),
        QGRU(3, activation="quantized_relu(4,1)", recurrent_activation="hard_sigmoid", state_quantizer="quantized_relu(3,1)", **QUANTIZERS),
        head(),
    )


@model("fixed<5,2>", "fixed<5,2>", "fixed<5,2>", "fixed<5,2>", samples=4)
def steps_1_2_8_50():
    """Every cell at every number of steps; quantizers as activations; a growing state at 2 steps."""
    gates = dict(activation="quantized_bits(5,0,1,alpha=1)", recurrent_activation="quantized_relu(4,0)")
    inputs, outputs = [], []
    for steps in (1, 2, 8, 50):
        x = L.Input((steps, 2), name=f"in{steps}")
        state = {} if steps == 2 else STATE
        outputs.append(QSimpleRNN(3, activation="quantized_bits(6,0,1,alpha=1)", return_sequences=True, **QUANTIZERS)(x))
        outputs += QLSTM(3, return_sequences=True, return_state=True, **gates, **QUANTIZERS, **state)(x)[::2]
        outputs.append(QGRU(2, reset_after=steps < 8, return_sequences=True, go_backwards=steps == 8, **gates, **QUANTIZERS, **state)(x))
        inputs.append(x)
    return keras.Model(inputs, outputs)


@model("fixed<5,2>", container="h5")
def state_functions():
    """Quantizers of the state that are more than a conversion; binary() does not keep the zero at the beginning."""
    x = L.Input((5, 3), name="in0")
    a = QSimpleRNN(3, activation="quantized_tanh(6)", return_sequences=True, state_quantizer="quantized_tanh(4)", **QUANTIZERS)(x)
    b = QLSTM(3, return_sequences=True, state_quantizer="ternary(alpha=1)", **GATES, **QUANTIZERS)(x)
    c = QGRU(3, return_sequences=True, state_quantizer="binary(alpha=1)", **GATES, **QUANTIZERS)(x)
    return keras.Model(x, [a, b, c])


@model("fixed<5,2>")
def state_wide_products():
    """No limit of 64 bits where the state has a quantizer: products of float kernels are read by the next layer."""
    wide = dict(kernel_quantizer=None, recurrent_quantizer=None, bias_quantizer=B, activation="linear", recurrent_activation="hard_sigmoid")
    x = L.Input((4, 2), name="in0")
    y = QLSTM(2, return_sequences=True, state_quantizer="quantized_bits(5,1,1,alpha=1)", **wide)(x)
    z = QGRU(2, return_sequences=True, state_quantizer="ternary(alpha=1)", reset_after=True, **wide)(x)
    return keras.Model(x, [QActivation("quantized_bits(8,2,alpha=1)", name="q1")(y), QActivation("quantized_bits(8,2,alpha=1)", name="q2")(z)])


# --- bidirectional ---


@model("fixed<5,2>")
def bidirectional_concat():
    return sequential((5, 3), QBidirectional(QLSTM(3, return_sequences=True, **GATES, **QUANTIZERS, **STATE), name="bi"), L.TimeDistributed(head(), name="td"))


@model("fixed<5,2>", container="json")
def bidirectional_sum():
    return sequential((5, 3), QBidirectional(QGRU(3, **GATES, **QUANTIZERS, **STATE), merge_mode="sum", name="bi"), head())


@model("fixed<5,2>")
def bidirectional_mul_ave():
    x = L.Input((5, 3), name="in0")
    a = QBidirectional(QSimpleRNN(3, activation="quantized_tanh(5)", return_sequences=True, **QUANTIZERS), merge_mode="mul", name="mul")(x)
    b = QBidirectional(QSimpleRNN(3, activation="quantized_tanh(5)", **QUANTIZERS), merge_mode="ave", name="ave")(x)
    return keras.Model(x, [a, b])


@model("fixed<5,2>", container="h5")
def bidirectional_none():
    x = L.Input((5, 3), name="in0")
    forward, backward = QBidirectional(QGRU(3, return_sequences=True, reset_after=True, **GATES, **QUANTIZERS, **STATE), merge_mode=None, name="bi")(x)
    return keras.Model(x, [forward, backward])


@model("fixed<5,2>")
def bidirectional_own_backward():
    layer = QLSTM(3, **GATES, **QUANTIZERS, **STATE)
    backward = QLSTM(3, go_backwards=True, activation="quantized_tanh(4)", recurrent_activation="quantized_sigmoid(3)", **QUANTIZERS, **STATE)
    return sequential((4, 3), QBidirectional(layer, backward_layer=backward, name="bi"), head())


# --- cells ---


@model("fixed<5,2>")
def cells():
    x = L.Input((5, 3), name="in0")
    a = L.RNN(QLSTMCell(3, **GATES, **QUANTIZERS, **STATE), return_sequences=True, name="rnn_lstm")(x)
    b = L.RNN(QGRUCell(3, reset_after=True, **GATES, **QUANTIZERS, **STATE), name="rnn_gru")(a)
    c = L.RNN(QSimpleRNNCell(2, activation="quantized_tanh(5)", **QUANTIZERS), go_backwards=True, name="rnn_simple")(x)
    return keras.Model(x, [b, c])


@model("fixed<5,2>", container="h5")
def stacked_cells():
    cells = [QLSTMCell(3, **GATES, **QUANTIZERS, **STATE), QLSTMCell(2, **GATES, **QUANTIZERS, **STATE), QSimpleRNNCell(2, activation="quantized_tanh(5)", **QUANTIZERS)]
    return sequential((4, 3), L.RNN(cells, return_sequences=True, name="rnn"))


# --- plain ---


@model("fixed<5,2>")
def plain_simple_rnn():
    return sequential((3, 3), QActivation("quantized_bits(4,1,alpha=1)", name="q0"), L.SimpleRNN(3, activation="relu", return_sequences=True, name="rnn"), QActivation("quantized_bits(6,3,alpha=1)", name="q"))


@model("fixed<5,2>", container="h5")
def plain_lstm_gru():
    return sequential(
        (4, 3),
        L.LSTM(3, return_sequences=True, name="lstm"),
        QActivation("quantized_bits(6,0,alpha=1)", name="q1"),
        L.GRU(3, return_sequences=True, name="gru"),
        QActivation("quantized_bits(6,0,alpha=1)", name="q2"),
        L.Bidirectional(L.GRU(2, reset_after=False), name="bi"),
        QActivation("quantized_bits(6,0,alpha=1)", name="q3"),
    )


@model("fixed<5,2>", samples=4)
def plain_states():
    """No quantizer at all: needs a type for the states."""
    return sequential(
        (12, 3),
        L.SimpleRNN(4, return_sequences=True, name="simple"),
        L.LSTM(4, return_sequences=True, name="lstm"),
        L.Bidirectional(L.LSTM(3, return_sequences=True, use_bias=False), name="bi"),
        L.GRU(3, return_sequences=True, go_backwards=True, reset_after=False, recurrent_activation="hard_sigmoid", activation="relu", name="gru"),
        L.SimpleRNN(3, activation="linear", name="last"),
    )
