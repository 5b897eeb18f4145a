#!/usr/bin/env python3
"""Trains the example: a small QKeras network that reads the 8x8 hand-written digits which scikit-learn ships.

    tools/reference-env.sh qk3
    .venv-qk3/bin/python examples/digits/train.py [--out examples/digits]

Writes the network in three file forms, the test set, and what QKeras itself computes on it. See README.md here.
"""

import argparse
import os
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "tools" / "reference"))

import exact  # noqa: E402  (sets up TensorFlow before it is imported)
import keras  # noqa: E402
import numpy as np  # noqa: E402
from qkeras import QActivation, QDense, quantized_bits, quantized_relu  # noqa: E402
from sklearn.datasets import load_digits  # noqa: E402
from sklearn.model_selection import train_test_split  # noqa: E402

SEED = 20
TEST_SAMPLES = 360
TRACED_SAMPLES = 64


def digits():
    """Images as multiples of 1/16 in [0, 1], shape (8, 8, 1), and labels; split into training and test set."""
    data = load_digits()
    images = (data.images / 16).astype(np.float32)[..., np.newaxis]
    return train_test_split(images, data.target, test_size=TEST_SAMPLES, random_state=SEED, stratify=data.target)


def network():
    bias = quantized_bits(6, 2, alpha=1)
    layers = keras.layers
    return keras.Sequential(
        [
            layers.Input((8, 8, 1), name="image"),
            QActivation(quantized_bits(6, 1, alpha=1), name="pixels"),
            layers.Flatten(name="flatten"),
            # alpha=1: codes on a fixed grid.
            QDense(32, kernel_quantizer=quantized_bits(4, 0, alpha=1), bias_quantizer=bias, name="hidden1"),
            QActivation(quantized_relu(5, 2), name="relu1"),
            layers.Dropout(0.1, name="dropout"),
            # alpha left out: QKeras turns it into auto_po2, a power-of-two scale for each output channel.
            QDense(24, kernel_quantizer=quantized_bits(4, 0), bias_quantizer=bias, name="hidden2"),
            QActivation(quantized_relu(5, 2), name="relu2"),
            QDense(10, kernel_quantizer=quantized_bits(5, 0, alpha=1), bias_quantizer=bias, name="logits"),
            layers.Activation("softmax", name="softmax"),
        ],
        name="digits",
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, default=HERE, help="output folder (default: the one of this script)")
    parser.add_argument("--epochs", type=int, default=60)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)

    keras.utils.set_random_seed(SEED)
    x_train, x_test, labels_train, labels = digits()
    model = network()
    schedule = keras.optimizers.schedules.CosineDecay(5e-3, args.epochs * -(-len(x_train) // 32))
    model.compile(keras.optimizers.Adam(schedule), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x_train, labels_train, batch_size=32, epochs=args.epochs, verbose=0)

    # The files hold the network alone, without the optimizer's state.
    trained = network()
    trained.set_weights(model.get_weights())
    trained.save(args.out / "digits.keras")
    trained.save(args.out / "digits.h5")
    trained.save_weights(args.out / "digits.weights.h5")
    (args.out / "digits.json").write_text(trained.to_json(indent=1) + "\n")

    y, _ = exact.reference(network, trained.get_weights(), [x_test])
    _, acts = exact.reference(network, trained.get_weights(), [x_test[:TRACED_SAMPLES]])
    np.save(args.out / "x_test.npy", x_test)
    np.save(args.out / "labels.npy", labels.astype(np.int64))
    np.save(args.out / "y_reference.npy", y[0])
    np.savez_compressed(args.out / "acts_reference.npz", **acts)

    y32 = trained.predict(x_test, verbose=0)
    size = sum(os.path.getsize(p) for p in args.out.iterdir() if p.is_file())
    print(f"accuracy on {len(labels)} test digits: {np.mean(y[0].argmax(1) == labels):.4f} (float32 {np.mean(y32.argmax(1) == labels):.4f})")
    print(f"largest difference of float32 and float64 probabilities: {np.abs(y32 - y[0]).max():.2g}")
    print(f"folder: {size} bytes")


if __name__ == "__main__":
    main()
