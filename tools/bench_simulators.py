#!/usr/bin/env python3
"""Throughput of three simulators of the same networks: QKeras on TensorFlow, hls4ml's compiled library, qk-hls.

Run it in the environment with tensorflow, qkeras and hls4ml (tools/reference-env.sh makes it as .venv-qk2):

    cargo build --release --locked && .venv-qk2/bin/python tools/bench_simulators.py

TensorFlow runs the model as a tf.function, with and without XLA (jit_compile), at several batch sizes, and counts with
the best. hls4ml's library is what its `compile` builds, called with one array of samples. Ours is `qk-hls bench` on the
saved model. Rounds of the three alternate; each counts with its best round, since other work on the machine only ever
slows down. Outputs of TensorFlow and qk-hls are compared on samples of the input's type: they must be equal.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import numpy as np  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tools"))


def quantizers(bits):
    weights = f"quantized_bits({bits},0,alpha=1)"
    return {"kernel_quantizer": weights, "bias_quantizer": weights}


def jet():
    """Jet tagger 16-64-32-32-5: 6-bit weights and rectifiers, input <16,6>."""
    from qkeras import QActivation, QDense
    from tensorflow.keras.layers import Input
    from tensorflow.keras.models import Model

    x = first = Input((16,), name="particles")
    for n, units in enumerate([64, 32, 32]):
        x = QDense(units, name=f"fc{n + 1}", **quantizers(6))(x)
        x = QActivation("quantized_relu(6)", name=f"relu{n + 1}")(x)
    return Model(first, QDense(5, name="output", **quantizers(6))(x)), (16, 6)


def svhn():
    """Convolutions 16, 16, 24 of 3 x 3 with pools of 2 x 2, dense 42, 64, 10: 6 bits, input <8,1>."""
    from qkeras import QActivation, QConv2D, QDense
    from tensorflow.keras.layers import Flatten, Input, MaxPooling2D
    from tensorflow.keras.models import Model

    x = first = Input((32, 32, 3), name="image")
    for n, filters in enumerate([16, 16, 24]):
        x = QConv2D(filters, 3, name=f"conv{n + 1}", **quantizers(6))(x)
        x = QActivation("quantized_relu(6)", name=f"conv_relu{n + 1}")(x)
        x = MaxPooling2D(2, name=f"pool{n + 1}")(x)
    x = Flatten(name="flatten")(x)
    for n, units in enumerate([42, 64]):
        x = QDense(units, name=f"fc{n + 1}", **quantizers(6))(x)
        x = QActivation("quantized_relu(6)", name=f"fc_relu{n + 1}")(x)
    return Model(first, QDense(10, name="output", **quantizers(6))(x)), (8, 1)


def autoencoder():
    """Autoencoder 640-128x3-8-128x3-640, 8 bits."""
    from qkeras import QActivation, QDense
    from tensorflow.keras.layers import Input
    from tensorflow.keras.models import Model

    x = first = Input((640,), name="spectrum")
    for n, units in enumerate([128, 128, 128, 8, 128, 128, 128]):
        x = QDense(units, name=f"fc{n + 1}", **quantizers(8))(x)
        x = QActivation("quantized_relu(8)", name=f"relu{n + 1}")(x)
    return Model(first, QDense(640, name="output", **quantizers(8))(x)), (8, 1)


NETWORKS = {"jet": jet, "svhn": svhn, "autoencoder": autoencoder}
BATCHES = {"jet": [4096, 16384, 65536], "svhn": [64, 256, 1024], "autoencoder": [256, 1024, 4096]}
HLS4ML_SAMPLES = {"jet": 2000, "svhn": 20, "autoencoder": 60}


def samples(model, ty, count, seed=1):
    """Values of the input's type."""
    width, int_bits = ty
    limit = 1 << (width - 1)
    codes = np.random.default_rng(seed).integers(-limit, limit, (count, *model.input_shape[1:]))
    return (codes * 2.0 ** (int_bits - width)).astype(np.float32)


def throughput(run, count, seconds):
    """Samples a second of a call that takes `count` of them."""
    run()
    begin, calls = time.perf_counter(), 0
    while calls == 0 or time.perf_counter() - begin < seconds:
        run()
        calls += 1
    return calls * count / (time.perf_counter() - begin)


def tensorflow_runs(model, ty, batches):
    import tensorflow as tf

    runs = {}
    for batch in batches:
        x = tf.constant(samples(model, ty, batch))
        for jit in (False, True):
            call = tf.function(lambda v: model(v, training=False), jit_compile=jit)
            runs[f"{'XLA' if jit else 'tf.function'}, batch {batch}"] = (lambda c=call, v=x: c(v).numpy(), batch)
    return runs


def hls4ml_run(model, ty, name, work, count):
    import hls4ml

    config = hls4ml.utils.config_from_keras_model(model, granularity="name", backend="Vitis")
    config["LayerName"][model.input_names[0]]["Precision"] = f"ap_fixed<{ty[0]},{ty[1]}>"
    project = hls4ml.converters.convert_from_keras_model(
        model,
        hls_config=config,
        output_dir=os.path.join(work, f"{name}_hls4ml"),
        io_type="io_parallel" if name == "jet" else "io_stream",
        backend="Vitis",
    )
    project.compile()
    x = np.ascontiguousarray(samples(model, ty, count))
    return lambda: project.predict(x)


def check(qk_hls, file, model, ty, input_type, work):
    """Both compute the same numbers."""
    x = samples(model, ty, 200, seed=2)
    np.save(os.path.join(work, "x.npy"), x)
    out = os.path.join(work, "y.npy")
    command = [qk_hls, "simulate", file, "-i", os.path.join(work, "x.npy"), "-o", out, *input_type]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    return int((np.load(out) != model(x, training=False).numpy()).any(axis=1).sum())


def compare(name, args, work):
    model, ty = NETWORKS[name]()
    generator = np.random.default_rng(1)
    for layer in model.layers:
        layer.set_weights([generator.normal(0, max(w.shape[0], 16) ** -0.5, w.shape) for w in layer.get_weights()])
    file = os.path.join(work, f"{name}.h5")
    model.save(file)
    input_type = ["--input-type", f"ap_fixed<{ty[0]},{ty[1]}>"]
    wrong = check(args.qk_hls, file, model, ty, input_type, work)
    tensorflow = tensorflow_runs(model, ty, BATCHES[name])
    hls4ml = None if args.skip_hls4ml else hls4ml_run(model, ty, name, work, HLS4ML_SAMPLES[name])
    best = {}

    def keep(tool, value, how=""):
        if value > best.get(tool, (0, ""))[0]:
            best[tool] = (value, how)

    for _ in range(args.rounds):
        for how, (run, count) in tensorflow.items():
            keep("tensorflow", throughput(run, count, args.seconds / 3), how)
        if hls4ml:
            keep("hls4ml", throughput(hls4ml, HLS4ML_SAMPLES[name], args.seconds / 3))
        command = [args.qk_hls, "bench", file, "--json", "--seconds", str(args.seconds), *input_type]
        ours = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        share = 100 * ours["macs_per_s"] / ours["limit_macs_per_s"]
        keep("qk-hls", ours["samples_per_s"], f"{share:.0f} % of the limit, {ours['threads']} threads")
    own = best["qk-hls"][0]
    for tool, (value, how) in best.items():
        ratio = "" if tool == "qk-hls" else f"{own / value:.1f}"
        print(f"| {name} | {tool} | {value:,.0f} | {ratio} | {how} |", flush=True)
    print(f"| {name} | | | | {wrong} of 200 samples differ between QKeras and qk-hls |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--qk-hls", default=os.path.join(ROOT, "target", "release", "qk-hls"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0, help="of ours in a round; a third for the others")
    parser.add_argument("--skip-hls4ml", action="store_true", help="its projects take minutes to compile")
    parser.add_argument("networks", nargs="*", default=list(NETWORKS), help=f"{list(NETWORKS)} [default: all]")
    args = parser.parse_args()
    unknown = [n for n in args.networks if n not in NETWORKS]
    if unknown:
        parser.error(f"unknown networks {unknown}; {list(NETWORKS)} are known")
    print("| network | simulator | samples/s | ours against it | |\n| --- | --- | --- | --- | --- |", flush=True)
    with tempfile.TemporaryDirectory() as work:
        for name in args.networks:
            compare(name, args, work)
    return 0


if __name__ == "__main__":
    sys.exit(main())
