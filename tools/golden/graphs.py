"""Graphs: several inputs and outputs, shared layers, nested models, residual and dense connections. For qkeras-v3."""

import exact
from golden.registry import model
from qkeras import QActivation, QConv2D, QDense

keras = exact.keras
L = keras.layers

K = "quantized_bits(4,0,alpha=1)"
B = "quantized_bits(5,1,alpha=1)"
RELU = "quantized_relu(4,2)"


def dense(units, name, **more):
    return QDense(units, kernel_quantizer=K, bias_quantizer=B, name=name, **more)


@model("fixed<5,2>", "fixed<6,1>", "ufixed<4,2>", samples=16)
def many_inputs_outputs():
    """Inputs and outputs are given in another order than they are made in."""
    a, b, c = L.Input((4,), name="a"), L.Input((3,), name="b"), L.Input((4,), name="c")
    x = L.Concatenate(name="cat")([a, b])
    x = QActivation(RELU, name="relu")(dense(6, "fc1")(x))
    y = L.Add(name="add")([dense(4, "fc2")(x), c])
    z = dense(2, "fc3")(x)
    return keras.Model([c, b, a], [z, y, x])


@model("fixed<5,2>", "fixed<5,2>", samples=16, container="h5")
def shared_layers():
    """One tower called on two inputs, and a layer called three times."""
    a, b = L.Input((5,), name="a"), L.Input((5,), name="b")
    fc, relu = dense(5, "fc"), QActivation(RELU, name="relu")
    u, v = relu(fc(a)), relu(fc(b))
    w = relu(fc(u))
    return keras.Model([a, b], [L.Subtract(name="difference")([u, v]), w])


@model("fixed<5,2>", samples=16)
def nested_functional():
    inner_in = L.Input((4,), name="inner_in")
    h = QActivation(RELU, name="relu")(dense(4, "fc1")(inner_in))
    inner = keras.Model(inner_in, [h, dense(3, "fc2")(h)], name="inner")
    x = L.Input((6,), name="in0")
    first, second = inner(QActivation("quantized_bits(5,2,alpha=1)", name="q")(dense(4, "fc1")(x)))
    return keras.Model(x, [dense(2, "fc2")(second), first])


@model("fixed<5,2>", samples=16, container="json")
def nested_twice():
    """A model inside a model inside a model, with the same layer names at each level; called twice."""
    x0 = L.Input((4,), name="x")
    deep = keras.Model(x0, QActivation(RELU, name="act")(dense(4, "fc")(x0)), name="deep")
    x1 = L.Input((4,), name="x")
    middle = keras.Model(x1, QActivation(RELU, name="act")(dense(4, "fc")(deep(x1))), name="middle")
    x = L.Input((4,), name="x")
    y = middle(QActivation(RELU, name="act")(dense(4, "fc")(x)))
    return keras.Model(x, dense(2, "out")(middle(y)))


@model("fixed<5,2>", container="h5")
def nested_sequential_h5():
    """Sequential models inside a Functional one; legacy files keep their weights in one flat list."""
    features = keras.Sequential(
        [
            L.Input((6, 6, 2)),
            QConv2D(3, 3, kernel_quantizer=K, bias_quantizer=B, name="c1"),
            L.BatchNormalization(epsilon=2.0**-10, name="bn1"),
            QActivation(RELU, name="relu1"),
            QConv2D(3, 2, kernel_quantizer=K, bias_quantizer=B, name="c2"),
            L.BatchNormalization(epsilon=2.0**-10, name="bn2"),
            QActivation(RELU, name="relu2"),
        ],
        name="features",
    )
    head = keras.Sequential([L.Input((27,)), dense(4, "fc1"), QActivation(RELU, name="relu1"), dense(3, "fc2")], name="head")
    x = L.Input((6, 6, 2), name="in0")
    return keras.Model(x, head(L.Flatten(name="flat")(features(x))))


@model("fixed<5,2>")
def nested_sequential():
    block = keras.Sequential([L.Input((5,)), dense(5, "fc"), QActivation(RELU, name="relu")], name="block")
    return keras.Sequential([L.Input((5,), name="in0"), block, keras.Sequential([L.Input((5,)), dense(3, "fc")], name="last")])


@model("fixed<4,2>")
def dense_connections():
    x = L.Input((5, 5, 2), name="in0")
    y = x
    for i in range(3):
        z = QConv2D(2, 3, padding="same", kernel_quantizer="quantized_bits(4,0)", bias_quantizer=B, name=f"c{i}")(y)
        y = L.Concatenate(name=f"cat{i}")([y, QActivation("quantized_relu(3,1)", name=f"relu{i}")(z)])
    return keras.Model(x, L.GlobalMaxPooling2D(name="pool")(y))


@model("fixed<4,2>", container="json")
def residual_chain():
    x = L.Input((6, 6, 3), name="in0")
    y = QActivation("quantized_bits(4,1,alpha=1)", name="q0")(x)
    for i, stride in enumerate([1, 2]):
        short = y if stride == 1 else QConv2D(3, 1, strides=2, kernel_quantizer=K, use_bias=False, name=f"short{i}")(y)
        z = QConv2D(3, 3, strides=stride, padding="same", kernel_quantizer=K, use_bias=False, name=f"a{i}")(y)
        z = L.BatchNormalization(name=f"bn{i}")(z)
        z = QActivation("quantized_relu(4,1)", name=f"relu{i}")(z)
        z = QConv2D(3, 3, padding="same", kernel_quantizer=K, bias_quantizer=B, name=f"b{i}")(z)
        y = QActivation("quantized_bits(5,2,alpha=1)", name=f"out{i}")(L.Add(name=f"add{i}")([z, short]))
    return keras.Model(x, dense(3, "fc")(L.Flatten(name="flat")(y)))


@model("fixed<5,2>", samples=16)
def output_and_input():
    """A layer that is an output and feeds others; one output comes twice."""
    x = L.Input((4,), name="in0")
    a = QActivation(RELU, name="relu")(dense(4, "fc1")(x))
    b = dense(3, "fc2")(a)
    return keras.Model(x, [a, b, a])


@model("fixed<5,2>", samples=16)
def diamond():
    x = L.Input((5,), name="in0")
    q = QActivation("quantized_bits(4,1,alpha=1)", name="q")(x)
    left = QActivation(RELU, name="left_relu")(dense(4, "left")(q))
    right = QActivation("quantized_tanh(4)", name="right_tanh")(dense(4, "right")(q))
    y = L.Multiply(name="mul")([left, right])
    y = L.Concatenate(name="cat")([y, left, right])
    return keras.Model(x, dense(3, "fc")(y))


@model("fixed<5,2>", "fixed<5,2>", samples=16)
def siamese_nested():
    """A nested tower called on two inputs, and a dot product of the results."""
    t = L.Input((5,), name="t")
    tower = keras.Model(t, QActivation("quantized_bits(4,1,alpha=1)", name="q")(dense(4, "fc")(t)), name="tower")
    a, b = L.Input((5,), name="a"), L.Input((5,), name="b")
    return keras.Model([a, b], L.Dot(axes=1, name="dot")([tower(a), tower(b)]))


@model("fixed<5,2>", "fixed<5,2>", samples=16)
def named_inputs_outputs():
    """Inputs and outputs given as dictionaries."""
    a, b = L.Input((4,), name="a"), L.Input((3,), name="b")
    y = QActivation(RELU, name="relu")(dense(4, "fc")(L.Concatenate(name="cat")([b, a])))
    return keras.Model({"a": a, "b": b}, {"class": dense(3, "class")(y), "mean": dense(1, "mean")(y)})


@model("fixed<5,2>", samples=16, container="h5")
def nested_shared_batchnorm():
    """A nested model with batch normalization, called twice, beside a layer that is frozen; legacy files reorder all of it."""
    t = L.Input((4,), name="t")
    h = L.BatchNormalization(epsilon=2.0**-10, name="bn")(dense(4, "fc")(t))
    tower = keras.Model(t, QActivation(RELU, name="relu")(h), name="tower")
    x = L.Input((4,), name="in0")
    frozen = L.BatchNormalization(epsilon=2.0**-10, name="frozen")
    frozen.trainable = False
    y = tower(QActivation(RELU, name="relu")(frozen(tower(x))))
    return keras.Model(x, dense(3, "out")(y))
