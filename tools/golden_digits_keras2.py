#!/usr/bin/env python3
"""Saves the network of examples/digits with google/qkeras 0.9 on Keras 2.14: the older file forms of the same weights.

    tools/reference-env.sh qk2
    .venv-qk2/bin/python tools/golden_digits_keras2.py [--out tests/golden/digits_keras2]

Writes model.h5 (whole model) and arch.json + arch_weights.h5 (legacy `save_weights`). Before writing it checks that
Keras 2 computes the logits of examples/digits/acts_reference.npz exactly.
"""

import argparse
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools" / "reference"))

import exact  # noqa: E402  (sets up TensorFlow before it is imported)
import h5py  # noqa: E402
import numpy as np  # noqa: E402
from qkeras import QActivation, QDense, quantized_bits  # noqa: E402

EXAMPLE = ROOT / "examples" / "digits"


def network():
    def bias():
        return quantized_bits(6, 2, alpha=1)

    layers = exact.keras.layers
    return exact.keras.Sequential(
        [
            layers.InputLayer((8, 8, 1), name="image"),
            QActivation("quantized_bits(6,1,alpha=1)", name="pixels"),
            layers.Flatten(name="flatten"),
            QDense(32, kernel_quantizer=quantized_bits(4, 0, alpha=1), bias_quantizer=bias(), name="hidden1"),
            QActivation("quantized_relu(5,2)", name="relu1"),
            layers.Dropout(0.1, name="dropout"),
            QDense(24, kernel_quantizer=quantized_bits(4, 0), bias_quantizer=bias(), name="hidden2"),
            QActivation("quantized_relu(5,2)", name="relu2"),
            QDense(10, kernel_quantizer=quantized_bits(5, 0, alpha=1), bias_quantizer=bias(), name="logits"),
            layers.Activation("softmax", name="softmax"),
        ],
        name="digits",
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "tests" / "golden" / "digits_keras2")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)

    model = network()
    with h5py.File(EXAMPLE / "digits.h5") as file:
        for name in ["hidden1", "hidden2", "logits"]:
            group = file["model_weights"][name]
            model.get_layer(name).set_weights([group[path][()] for path in group.attrs["weight_names"]])

    expected = np.load(EXAMPLE / "acts_reference.npz")
    _, acts = exact.run(model, [np.load(EXAMPLE / "x_test.npy")[: len(expected["logits"])]])
    for name in expected.files:
        if name != "softmax" and not np.array_equal(acts[name], expected[name]):
            sys.exit(f"Keras 2 computes layer {name} differently")

    model.save(out / "model.h5", include_optimizer=False)
    model.save_weights(out / "arch_weights.h5")
    (out / "arch.json").write_text(model.to_json(indent=1) + "\n")
    print(f"written: {', '.join(sorted(p.name for p in out.iterdir()))} in {out}")


if __name__ == "__main__":
    main()
