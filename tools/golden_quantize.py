#!/usr/bin/env python3
"""Records what QKeras' model_quantize makes of small float models: tests/golden/quantize.

    .venv-qk3/bin/python tools/golden_quantize.py [--out tests/golden/quantize] [--check target/debug/qk-hls]

For each model: float.keras (or float.h5), request.json for `qk-hls quantize`, x.npy, and expected.json + y.npy, the
classes, quantizers and outputs of the quantized model in QKeras. With --check the program quantizes the same models,
QKeras loads each written form, and every configuration and output has to be equal.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import keras  # noqa: E402
import numpy as np  # noqa: E402
from qkeras.utils import load_qmodel, model_quantize, quantized_model_from_json  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[1]
L = keras.layers
W, B = "quantized_bits(4,0,alpha=1)", "quantized_bits(6,2,alpha=1)"
RELU, SIGNED = "quantized_relu(5,2)", "quantized_bits(6,2,alpha=1)"
MODELS = {}


def model(function):
    MODELS[function.__name__] = function
    return function


def dense(**more):
    return {"kernel_quantizer": W, "bias_quantizer": B, **more}


def depthwise(**more):
    return {"depthwise_quantizer": W, "bias_quantizer": B, **more}


@model
def mlp_by_class():
    net = keras.Sequential(
        [L.Input((6,), name="x"), L.Dense(8, activation="relu", name="d1"), L.Dense(5, name="d2"), L.Dense(3, activation="relu", name="d3")],
        name="mlp",
    )
    return net, {"QDense": dense()}, {"activation_bits": 5}


@model
def mlp_by_name():
    x = i = L.Input((6,), name="x")
    x = L.Dense(8, activation="relu", name="d1")(x)
    x = L.Dense(5, use_bias=False, name="d2")(x)
    x = L.Activation("relu", name="a2")(x)
    x = L.Dense(4, name="untouched")(x)
    x = L.Dense(3, activation="softmax", name="d3")(x)
    config = {
        "d1": dense(activation_quantizer="quantized_relu(4,1)"),
        "a2": RELU,
        "untouched": {"bias_quantizer": B},
        "QDense": {"kernel_quantizer": "quantized_bits(3,1)", "bias_quantizer": "quantized_po2(4,4)"},
    }
    return keras.Model(i, x, name="by_name"), config, {"activation_bits": 6}


@model
def cnn_batchnorm():
    x = i = L.Input((6, 6, 2), name="x")
    x = L.Conv2D(4, 3, name="c1")(x)
    x = L.BatchNormalization(name="b1")(x)
    x = L.ReLU(name="r1")(x)
    x = L.MaxPooling2D(name="p1")(x)
    x = L.Flatten(name="f")(x)
    x = L.Dense(3, name="d")(x)
    bn = {"gamma_quantizer": "quantized_bits(6,2,alpha=1)", "beta_quantizer": B, "mean_quantizer": B,
          "variance_quantizer": "quantized_po2(6,8)"}
    config = {"QConv2D": dense(), "QDense": dense(), "QBatchNormalization": bn, "QActivation": {"relu": RELU}}
    return keras.Model(i, x, name="cnn_batchnorm"), config, {"activation_bits": 4}


@model
def cnn_folded():
    x = i = L.Input((6, 6, 2), name="x")
    x = L.Conv2D(4, 3, padding="same", use_bias=False, name="c1")(x)
    x = L.BatchNormalization(name="b1")(x)
    x = L.Activation("relu", name="r1")(x)
    x = L.Conv2D(3, 2, strides=2, name="c2")(x)
    x = L.BatchNormalization(name="b2")(x)
    x = L.Activation("relu", name="r2")(x)
    x = L.Flatten(name="f")(x)
    x = L.Dense(3, name="d")(x)
    config = {"QConv2DBatchnorm": dense(), "QConv2D": dense(), "QDense": dense(), "QActivation": {"relu": RELU}}
    return keras.Model(i, x, name="cnn_folded"), config, {"activation_bits": 4, "enable_bn_folding": True}


@model
def residual_depthwise():
    x = i = L.Input((6, 6, 3), name="x")
    x = L.Activation("relu", name="start")(x)
    y = L.DepthwiseConv2D(3, padding="same", activation="relu", name="dw")(x)
    y = L.Conv2D(3, 1, name="pw")(y)
    x = L.Add(name="add")([x, y])
    x = L.Activation("relu", name="act")(x)
    x = L.AveragePooling2D(2, name="avg")(x)
    x = L.GlobalAveragePooling2D(name="gap")(x)
    x = L.Dense(2, name="out")(x)
    config = {
        "QDepthwiseConv2D": depthwise(), "QConv2D": dense(activation_quantizer=SIGNED), "QDense": dense(),
        "QActivation": RELU, "QAveragePooling2D": {"average_quantizer": "quantized_bits(8,0,alpha=1)", "activation_quantizer": SIGNED},
        "QGlobalAveragePooling2D": {"average_quantizer": "quantized_bits(8,0,alpha=1)"},
    }
    return keras.Model(i, x, name="residual"), config, {"activation_bits": 4}


@model
def two_inputs_outputs():
    a, b = L.Input((5,), name="a"), L.Input((4,), name="b")
    shared = L.Dense(4, activation="relu", name="shared")
    y = L.Concatenate(name="cat")([L.Dense(5, name="da")(a), L.Dense(5, name="db")(b)])
    z = L.Dense(4, name="mix")(y)
    out1 = L.Dense(2, name="o1")(shared(z))
    out2 = shared(L.Activation("relu", name="act")(z))
    config = {"QDense": dense(), "mix": dense(activation_quantizer=SIGNED), "act": RELU}
    return keras.Model([a, b], [out1, out2], name="two"), config, {"activation_bits": 4}


@model
def conv1d():
    x = i = L.Input((8, 3), name="x")
    x = L.Conv1D(4, 3, activation="relu", padding="same", name="c1")(x)
    x = L.MaxPooling1D(name="p")(x)
    x = L.Conv1D(3, 2, name="c2")(x)
    x = L.Flatten(name="f")(x)
    x = L.Dense(2, name="d")(x)
    auto = {"kernel_quantizer": "quantized_bits(4,0)", "bias_quantizer": B}
    return keras.Model(i, x, name="conv1d"), {"QConv1D": auto, "QDense": dense()}, {"activation_bits": 5}


@model
def recurrent():
    x = i = L.Input((4, 3), name="x")
    x = L.LSTM(3, name="lstm", return_sequences=True)(x)
    x = L.SimpleRNN(3, name="rnn")(x)
    x = L.Dense(2, name="d")(x)
    cell = {"kernel_quantizer": W, "recurrent_quantizer": W, "bias_quantizer": B, "state_quantizer": SIGNED,
            "activation_quantizer": "quantized_bits(5,1,alpha=1)"}
    config = {"QLSTM": {**cell, "recurrent_activation_quantizer": "quantized_relu(5,0)"}, "QSimpleRNN": cell, "QDense": dense()}
    return keras.Model(i, x, name="recurrent"), config, {"activation_bits": 5}


def randomize(net, rng):
    for layer in net.layers:
        weights = []
        for variable in layer.weights:
            shape = tuple(variable.shape)
            if "variance" in variable.name:
                weights.append(rng.choice([0.249, 0.999, 3.999], shape))
            elif "gamma" in variable.name:
                weights.append(rng.choice([0.5, 1.0, 1.5], shape))
            else:
                weights.append(rng.normal(0, 0.5, shape))
        layer.set_weights([np.asarray(w, np.float32) for w in weights])


def transfer_folded(net, quantized):
    """What model_quantize leaves undone when it folds."""
    for layer in quantized.layers:
        if layer.__class__.__name__ != "QConv2DBatchnorm":
            if layer.get_weights():
                layer.set_weights(net.get_layer(layer.name).get_weights())
            continue
        conv = net.get_layer(layer.name)
        norm = net.get_layer(layer.name.replace("c", "b"))
        layer.kernel.assign(conv.kernel)
        if conv.use_bias:
            layer.bias.assign(conv.bias)
        for name in ["gamma", "beta", "moving_mean", "moving_variance"]:
            getattr(layer.batchnorm, name).assign(getattr(norm, name))


def clean(value):
    """A configuration without what changes from object to object."""
    if isinstance(value, dict):
        return {k: clean(v) for k, v in value.items() if k not in ("shared_object_id", "dtype", "build_config", "seed")}
    if isinstance(value, (list, tuple)):
        return [clean(v) for v in value]
    if isinstance(value, np.ndarray):
        return value.tolist()
    return value


def configs(net):
    plain = keras.saving.serialize_keras_object
    return {layer.name: {"class_name": layer.__class__.__name__, "config": clean(plain(layer)["config"])} for layer in net.layers
            if layer.__class__.__name__ != "InputLayer"}


def outputs(net, x):
    y = net.predict(x if len(x) > 1 else x[0], verbose=0)
    return [np.asarray(part, np.float64) for part in (y if isinstance(y, list) else [y])]


def check(binary, folder, quantized, x, y):
    with tempfile.TemporaryDirectory() as temporary:
        for form in ["q.keras", "q.h5", "q.json"]:
            path = pathlib.Path(temporary) / form
            command = [binary, "--quiet", "quantize", folder / "float.keras", "--config", folder / "request.json", "-o", path]
            if subprocess.run(command, stdout=subprocess.DEVNULL).returncode != 0:
                print(f"{folder.name} {form}: refused")
                continue
            if form == "q.json":
                found = quantized_model_from_json(path.read_text())
                found.load_weights(pathlib.Path(temporary) / "q.weights.h5")
            else:
                found = load_qmodel(path, compile=False)
            expected = list(configs(quantized).values())
            for ours, theirs in zip(configs(found).values(), expected, strict=True):
                for key in sorted(set(ours["config"]) | set(theirs["config"])):
                    a, b = ours["config"].get(key, "absent"), theirs["config"].get(key, "absent")
                    if a != b and key not in ("name",):
                        print(f"{folder.name} {form} {theirs['config'].get('name')} {key}: {a} instead of {b}")
                if ours["class_name"] != theirs["class_name"]:
                    print(f"{folder.name} {form}: {ours['class_name']} instead of {theirs['class_name']}")
            for a, b in zip(outputs(found, x), y, strict=True):
                if not np.array_equal(a, b):
                    print(f"{folder.name} {form}: outputs differ by {np.abs(a - b).max()}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "tests" / "golden" / "quantize")
    parser.add_argument("--check")
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    for name in args.names or MODELS:
        keras.backend.clear_session()
        rng = np.random.default_rng(sum(map(ord, name)))
        net, config, options = MODELS[name]()
        randomize(net, rng)
        quantized = model_quantize(net, config, transfer_weights=True, **options)
        if options.get("enable_bn_folding"):
            transfer_folded(net, quantized)
        x = [(rng.integers(-32, 32, (16, *i.shape[1:])) / 16).astype(np.float32) for i in net.inputs]
        y = outputs(quantized, x)
        folder = args.out / name
        folder.mkdir(parents=True, exist_ok=True)
        net.save(folder / "float.keras")
        (folder / "request.json").write_text(json.dumps({"quantizer_config": config, **options}, indent=1) + "\n")
        (folder / "expected.json").write_text(json.dumps(configs(quantized), indent=1, default=str) + "\n")
        for n, part in enumerate(x):
            np.save(folder / f"x{n}.npy", part)
        for n, part in enumerate(y):
            np.save(folder / f"y{n}.npy", part)
        print(f"{name}: {len(net.layers)} layers")
        if args.check:
            check(args.check, folder, quantized, x, y)


if __name__ == "__main__":
    sys.exit(main())
