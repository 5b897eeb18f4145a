#!/usr/bin/env python3
"""Loads what `qk-hls quantize` wrote with QKeras, and compares its logits with those of `qk-hls simulate`.

    qk-hls quantize digits_cnn.keras --config quantize.json --calibrate x_calibrate.npy -o q.keras
    qk-hls simulate q.keras -i x_test.npy -o y.npy --input-type 'ufixed<8,4>'
    .venv-qk3/bin/python examples/digits_cnn/check_qkeras.py q.keras y.npy [--record]

With --record the logits become logits_qkeras.npy, which the tests compare with.
"""

import os
import pathlib
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import keras  # noqa: E402
import numpy as np  # noqa: E402
from qkeras.utils import load_qmodel  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent


def main():
    model = load_qmodel(sys.argv[1], compile=False)
    logits = keras.Model(model.inputs, model.get_layer("logits").output)
    found = logits.predict(np.load(HERE / "x_test.npy"), verbose=0)
    ours = np.load(sys.argv[2])
    accuracy = (found.argmax(1) == np.load(HERE / "labels_test.npy")).mean()
    different = int((found != ours).sum())
    print(f"{len(found)} images, accuracy {accuracy:.4f}, {different} of {found.size} logits differ")
    if "--record" in sys.argv:
        np.save(HERE / "logits_qkeras.npy", found)
    return int(different > 0)


if __name__ == "__main__":
    sys.exit(main())
