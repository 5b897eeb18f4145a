#!/usr/bin/env python3
"""Trains the float network of this folder on the handwritten digits of scikit-learn (UCI), for `quantize` and `tune`.

    tools/reference-env.sh qk3
    .venv-qk3/bin/python -m pip install scikit-learn
    .venv-qk3/bin/python examples/digits_cnn/train.py

Writes digits_cnn.keras, x_calibrate.npy and labels_calibrate.npy, x_test.npy and
labels_test.npy: images that the network has not seen.
"""

import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import keras  # noqa: E402
import numpy as np  # noqa: E402
from sklearn.datasets import load_digits  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
layers = keras.layers


def network():
    x = image = layers.Input((8, 8, 1), name="image")
    for name, filters in [("conv1", 8), ("conv2", 12)]:
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False, name=name)(x)
        x = layers.BatchNormalization(name=name + "_bn")(x)
        x = layers.Activation("relu", name=name + "_relu")(x)
        x = layers.MaxPooling2D(name=name + "_pool")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(24, activation="relu", name="hidden")(x)
    x = layers.Dense(10, name="logits")(x)
    x = layers.Activation("softmax", name="softmax")(x)
    return keras.Model(image, x, name="digits_cnn")


def main():
    keras.utils.set_random_seed(7)
    digits = load_digits()
    x = (digits.images / 16).astype(np.float32)[..., None]
    y = digits.target.astype(np.int32)
    order = np.random.default_rng(7).permutation(len(x))
    x, y = x[order], y[order]
    train, test = slice(800, None), slice(0, 500)
    model = network()
    model.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x[train], y[train], epochs=30, batch_size=32, verbose=0)
    loss, accuracy = model.evaluate(x[test], y[test], verbose=0)
    print(f"accuracy on {len(x[test])} unseen images: {accuracy:.4f}, {model.count_params()} parameters")
    bare = network()
    bare.set_weights(model.get_weights())
    bare.save(HERE / "digits_cnn.keras")
    np.save(HERE / "x_calibrate.npy", x[500:800])
    np.save(HERE / "labels_calibrate.npy", y[500:800].astype(np.int8))
    np.save(HERE / "x_test.npy", x[test])
    np.save(HERE / "labels_test.npy", y[test].astype(np.int8))


if __name__ == "__main__":
    main()
