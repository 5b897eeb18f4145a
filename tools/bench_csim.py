#!/usr/bin/env python3
"""Compile and run time of a project's C++ against one that hls4ml makes of the same model.

Run it in the environment with tensorflow, qkeras and hls4ml (tools/reference-env.sh makes it as .venv-qk2):

    cargo build --release --locked && .venv-qk2/bin/python tools/bench_csim.py

Both projects are built by their own build_lib.sh, with the same headers (the ap_types in hls4ml's project), and their
bridge functions are called with the same samples. Outputs are compared as well: hls4ml's default types are not always
exact, so a difference is shown, not refused. Times are processor time, the shortest of some repeats; ratios are what to
compare between machines.
"""

import argparse
import ctypes
import glob
import os
import resource
import subprocess
import sys
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import numpy as np  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BITS = "quantized_bits(6,0,alpha=1)"
RELU = "quantized_relu(6)"


def jet():
    """Jet tagger: 16-64-32-32-5, 6 bits."""
    from qkeras import QActivation, QDense
    from tensorflow.keras.layers import Input
    from tensorflow.keras.models import Model

    x = first = Input((16,), name="particles")
    x = QActivation("quantized_bits(8,3,alpha=1)", name="inputs")(x)
    for n, units in enumerate([64, 32, 32]):
        x = QDense(units, kernel_quantizer=BITS, bias_quantizer=BITS, name=f"fc{n + 1}")(x)
        x = QActivation(RELU, name=f"relu{n + 1}")(x)
    x = QDense(5, kernel_quantizer=BITS, bias_quantizer=BITS, name="output")(x)
    return Model(first, x), "io_parallel", 2000


def svhn():
    """Convolutions 16, 16, 24 of 3 x 3 on 32 x 32 x 3, each with a pool of 2 x 2, dense 42, 64, 10; 6 bits."""
    from qkeras import QActivation, QConv2D, QDense
    from tensorflow.keras.layers import Flatten, Input, MaxPooling2D
    from tensorflow.keras.models import Model

    x = first = Input((32, 32, 3), name="image")
    x = QActivation("quantized_bits(8,0,alpha=1)", name="inputs")(x)
    for n, filters in enumerate([16, 16, 24]):
        x = QConv2D(filters, 3, kernel_quantizer=BITS, bias_quantizer=BITS, name=f"conv{n + 1}")(x)
        x = QActivation(RELU, name=f"conv_relu{n + 1}")(x)
        x = MaxPooling2D(2, name=f"pool{n + 1}")(x)
    x = Flatten(name="flatten")(x)
    for n, units in enumerate([42, 64]):
        x = QDense(units, kernel_quantizer=BITS, bias_quantizer=BITS, name=f"fc{n + 1}")(x)
        x = QActivation(RELU, name=f"fc_relu{n + 1}")(x)
    x = QDense(10, kernel_quantizer=BITS, bias_quantizer=BITS, name="output")(x)
    return Model(first, x), "io_stream", 10


def timed(command, **kwargs):
    """Processor seconds of a command and its children."""
    start = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, **kwargs)
    end = resource.getrusage(resource.RUSAGE_CHILDREN)
    return end.ru_utime + end.ru_stime - start.ru_utime - start.ru_stime


def run(library, function, samples, outputs):
    """Processor seconds for all samples, and the results; one call a sample."""
    call = getattr(ctypes.CDLL(library), function)
    pointer = np.ctypeslib.ndpointer(dtype=np.float32, flags="C_CONTIGUOUS")
    call.argtypes, call.restype = [pointer, pointer], None
    results = np.zeros((len(samples), outputs), np.float32)
    call(samples[0], results[0])
    start = time.process_time()
    for x, y in zip(samples, results):
        call(x, y)
    return time.process_time() - start, results


def library(folder):
    return glob.glob(os.path.join(folder, "firmware", "*.so"))[0]


def compare(name, make, qk_hls, work, repeats):
    import hls4ml

    np.random.seed(1)
    model, io, count = make()
    for layer in model.layers:
        layer.set_weights([np.random.uniform(-0.9, 0.9, w.shape) for w in layer.get_weights()])
    file = os.path.join(work, f"{name}.h5")
    model.save(file)
    config = hls4ml.utils.config_from_keras_model(model, granularity="name", backend="Vitis")
    theirs = os.path.join(work, f"{name}_hls4ml")
    hls4ml.converters.convert_from_keras_model(
        model, hls_config=config, output_dir=theirs, io_type=io, backend="Vitis"
    ).write()
    ours = os.path.join(work, f"{name}_qk_hls")
    subprocess.run(
        [qk_hls, "generate", file, "-o", ours, "--io", io.removeprefix("io_"), "--name", "myproject"], check=True
    )
    headers = dict(os.environ, CPLUS_INCLUDE_PATH=os.path.join(theirs, "firmware", "ap_types"))
    samples = np.random.uniform(-0.99, 0.99, (count, *model.input_shape[1:]))
    samples = (np.round(samples * 16) / 16).astype(np.float32)
    compile_s, run_s, results = {}, {}, {}
    for folder in theirs, ours:
        compile_s[folder] = min(timed(["bash", "build_lib.sh"], cwd=folder, env=headers) for _ in range(repeats))
    for folder in theirs, ours:
        runs = [run(library(folder), "myproject_float", samples, model.output_shape[-1]) for _ in range(repeats)]
        run_s[folder], results[folder] = min(t for t, _ in runs), runs[0][1]
    expected = model.predict(samples, verbose=0)
    for tool, folder in ("hls4ml", theirs), ("qk-hls", ours):
        wrong = int((results[folder] != expected).any(axis=1).sum())
        print(
            f"| {name}, {io} | {tool} | {compile_s[folder]:.1f} | {1e3 * run_s[folder] / count:.3f} "
            f"| {wrong} of {count} |"
        )
    print(
        f"| {name}, {io} | ratio | {compile_s[ours] / compile_s[theirs]:.2f} "
        f"| {run_s[ours] / run_s[theirs]:.2f} | |",
        flush=True,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--qk-hls", default=os.path.join(ROOT, "target", "release", "qk-hls"))
    parser.add_argument("--repeats", type=int, default=2, help="the shortest of so many is taken")
    parser.add_argument("models", nargs="*", default=["jet", "svhn"], help="jet, svhn [default: both]")
    args = parser.parse_args()
    makers = {"jet": jet, "svhn": svhn}
    unknown = [m for m in args.models if m not in makers]
    if unknown:
        parser.error(f"unknown models {unknown}; {list(makers)} are known")
    if not os.path.exists(args.qk_hls):
        parser.error(f"{args.qk_hls} is missing: cargo build --release --locked")
    print("| model | tool | compile, s | run, ms a sample | samples that differ from QKeras |")
    print("| --- | --- | --- | --- | --- |", flush=True)
    with tempfile.TemporaryDirectory() as work:
        for name in args.models:
            compare(name, makers[name], args.qk_hls, work, args.repeats)
    return 0


if __name__ == "__main__":
    sys.exit(main())
