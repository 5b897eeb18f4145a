#!/usr/bin/env python3
"""The estimates before synthesis beside published results of synthesis.

Run it in the environment with qkeras-v3 (tools/reference-env.sh makes it as .venv-qk3):

    cargo build --release --locked && .venv-qk3/bin/python tools/check_estimates.py

tools/synthesis_results.json holds the figures and says where they come from. The networks are made again here. Their
trained weights are not published, so random ones of the usual size stand in, the smaller half set to zero where the
network was pruned; what follows from the values of weights (DSP, LUT, FF) is uncertain to that extent. The designs are
ours, not hls4ml's: formats of sums are exact, functions are rounded and saturated as QKeras does.

Coefficients (src/codegen/estimate/coefficients.rs) were chosen with the rows of role "fit" only. The error of an
estimate e of a published figure p is |e - p| / max(p, 1).
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import numpy as np  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FIGURES = {"latency": "latency_cycles", "interval": "interval_cycles", "dsp": "dsp", "ff": "ff", "lut": "lut"}
WIDE = "quantized_bits(16,5,alpha=1)"


def svhn(bits):
    """Convolutions 16, 16, 24 of 3 x 3 with pools of 2 x 2, dense 42, 64, 10."""
    from keras.layers import Flatten, Input, MaxPooling2D
    from keras.models import Model
    from qkeras import QActivation, QConv2D, QDense

    weights = WIDE if bits == 16 else f"quantized_bits({bits},0,alpha=1)"
    relu = "quantized_relu(16,6)" if bits == 16 else f"quantized_relu({bits})"
    quantizers = {"kernel_quantizer": weights, "bias_quantizer": weights}
    x = first = Input((32, 32, 3), name="image")
    for n, filters in enumerate([16, 16, 24]):
        x = QConv2D(filters, 3, name=f"conv_{n}", **quantizers)(x)
        x = QActivation(relu, name=f"relu_{n}")(x)
        x = MaxPooling2D(2, name=f"pool_{n}")(x)
    x = Flatten(name="flatten")(x)
    for n, units in enumerate([42, 64]):
        x = QDense(units, name=f"dense_{n}", **quantizers)(x)
        x = QActivation(relu, name=f"dense_relu_{n}")(x)
    x = QDense(10, kernel_quantizer=WIDE, bias_quantizer=WIDE, name="output")(x)
    return Model(first, x)


def one_layer(kind):
    """The models of hls4ml's synthesis tests."""
    from keras import layers
    from keras.models import Model
    from qkeras import QActivation, QDense, QDepthwiseConv2D

    depthwise = {"depthwise_quantizer": WIDE, "use_bias": False}
    if kind in ("leaky_relu", "relu"):
        # The leaky slope of the test is 1: the line itself.
        x = first = layers.Input((1,), name="x")
        x = QDense(64, kernel_quantizer=WIDE, use_bias=False, name="dense")(x)
        if kind == "relu":
            x = QActivation("quantized_relu(16,6)", name="relu")(x)
    elif kind.startswith("depthwise"):
        shape, kernel = ((1, 32, 3), (1, 3)) if kind == "depthwise1d" else ((32, 32, 3), (3, 3))
        first = layers.Input(shape, name="x")
        x = QDepthwiseConv2D(kernel, name="depthwise", **depthwise)(first)
    else:
        first = layers.Input((18, 15, 3) if kind.endswith("2D") else (121, 3), name="x")
        x = getattr(layers, kind)(pool_size=2, name="pool")(first)
    return Model(first, x)


def randomize(model, generator):
    """Weights of the size that training keeps; pruned networks lose the smaller half."""
    for layer in model.layers:
        values = []
        for value in layer.get_weights():
            fan_in = int(np.prod(value.shape[:-1])) if value.ndim > 1 else 16
            new = generator.normal(0, fan_in**-0.5, value.shape)
            if value.ndim > 1 and layer.name != "output" and "conv_0" in [other.name for other in model.layers]:
                new[np.abs(new) < np.median(np.abs(new))] = 0
            values.append(new)
        layer.set_weights(values)


def estimate(qk_hls, name, work):
    kind, _, io = name.rpartition("_")
    if name.startswith("svhn"):
        model, io = svhn(int(name.split("_")[1])), "stream"
    else:
        model = one_layer(kind)
    randomize(model, np.random.default_rng(1))
    file, folder = os.path.join(work, f"{name}.keras"), os.path.join(work, name)
    model.save(file)
    config = os.path.join(work, f"{name}.toml")
    with open(config, "w", encoding="utf-8") as f:
        # hls4ml's pools compute all pixels at once.
        f.write("[model]\nparallelization_factor = 4096\n" if io == "parallel" and "Pool" in kind else "")
    command = [qk_hls, "generate", file, "-o", folder, "--io", io, "--config", config, "--input-type", "ap_fixed<16,6>"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    with open(os.path.join(folder, "estimate.json"), encoding="utf-8") as f:
        return json.load(f)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--qk-hls", default=os.path.join(ROOT, "target", "release", "qk-hls"))
    args = parser.parse_args()
    with open(os.path.join(ROOT, "tools", "synthesis_results.json"), encoding="utf-8") as f:
        rows = json.load(f)["rows"]
    estimates, errors = {}, {}
    print("| model | layer | tool | role | " + " | ".join(FIGURES) + " |")
    print("|" + " --- |" * (4 + len(FIGURES)))
    with tempfile.TemporaryDirectory() as work:
        for row in rows:
            if row["model"] not in estimates:
                estimates[row["model"]] = estimate(args.qk_hls, row["model"], work)
            whole = estimates[row["model"]]
            layers = {layer["layer"]: layer for layer in whole["layers"]}
            found = layers[row["layer"]] if "layer" in row else whole["total"]
            cells = []
            for figure, key in FIGURES.items():
                published = row["csynth"][figure]
                errors.setdefault((row["role"], figure), []).append(abs(found[key] - published) / max(published, 1))
                cells.append(f"{found[key]} / {published}")
            print(f"| {row['model']} | {row.get('layer', 'all')} | {row['tool']} | {row['role']} | " + " | ".join(cells) + " |")
    print("\n| role | figure | rows | median error | 90th percentile |\n| --- | --- | --- | --- | --- |")
    for (role, figure), all_errors in errors.items():
        tenth = statistics.quantiles(all_errors, n=10, method="inclusive")[-1]
        print(f"| {role} | {figure} | {len(all_errors)} | {statistics.median(all_errors):.0%} | {tenth:.0%} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
