"""Random activations of random types against Keras and QKeras: `compare_functions.py path/to/qk-hls [count] [seed]`.

Each model is an input and one activation. QKeras' own quantizers are compared for equality, with the real functions inside them and those of Keras
within one step of the output's type. Needs the environment .venv-qk3 of reference-env.sh.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
from math import erf

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import keras
import numpy as np
from keras import layers as L
from qkeras import QActivation
from qkeras.quantizers import set_internal_sigmoid

keras.config.set_floatx("float64")


def quantizer(r):
    """A call text, the internal sigmoid, and whether the values are exact."""
    sigmoid = r.choice(["hard", "smooth", "real"])
    bits = r.randint(2, 12)
    symmetric = r.randint(0, 1)
    integer = r.randint(0, 3)
    u = r.choice([1, 3, 15, 100, 255])
    shift, bound = r.choice([(3, 6), (2, 4), (1, 5), (4, 2), (3, 7)])
    slope = r.choice([0.0, 0.0, 0.25, 0.5])
    text = r.choice([
        f"quantized_tanh({bits},symmetric={symmetric},use_real_tanh={r.randint(0, 1)})",
        f"quantized_sigmoid({bits},symmetric={symmetric},use_real_sigmoid={r.randint(0, 1)})",
        f"quantized_ulaw({bits},{integer},{symmetric},{u}.0)",
        f"quantized_hswish({bits},{integer},{symmetric},relu_shift={shift},relu_upper_bound={bound})",
        f"quantized_relu({bits},{integer},1,{slope})",
        "smooth_sigmoid", "smooth_tanh", "binary_sigmoid", "binary_tanh", "hard_tanh",
    ])
    return text, sigmoid


def layer(r):
    """A layer of Keras."""
    slope = r.choice([0.1, 0.25, 0.3, -0.5])
    activation = r.choice(["sigmoid", "tanh", "elu", "selu", "gelu", "silu", "softplus", "softsign", "exponential", "hard_sigmoid", "hard_silu",
                           "leaky_relu", "relu6", "relu"])
    return r.choice([
        L.Activation(activation), L.Activation(activation), L.Activation(activation),
        L.ELU(alpha=r.choice([0.5, 1.0, 1.7])),
        L.LeakyReLU(negative_slope=abs(slope)),
        L.ReLU(max_value=r.choice([None, 2.5, 6.0]), negative_slope=abs(slope), threshold=r.choice([0.0, 0.5, 1.0])),
        L.Softmax(axis=-1),
    ])


def main():
    binary, count, seed = sys.argv[1], int((sys.argv[2:] or ["40"])[0]), int((sys.argv[3:] or ["1"])[0])
    wrong = 0
    for number in range(count):
        r = random.Random(1000 * seed + number)
        width, integers = r.randint(4, 17), r.randint(1, 5)
        lsb = 2.0 ** (integers - width)
        codes = np.arange(-(2 ** (width - 1)), 2 ** (width - 1))
        if len(codes) > 4096:
            codes = np.concatenate([codes[:8], codes[-8:], np.random.default_rng(number).choice(codes, 4080)])
        x = (codes * lsb).reshape(-1, 4)
        options = []
        if number % 2:
            text, sigmoid = quantizer(r)
            set_internal_sigmoid(sigmoid)
            options += ["--internal-sigmoid", sigmoid]
            activation, name = QActivation(text, name="a"), f"{text} {sigmoid}"
        else:
            activation = layer(r)
            name = json.dumps(activation.get_config().get("activation", activation.__class__.__name__))
        model = keras.Sequential([L.Input((4,), name="in0"), activation])
        y = np.asarray(model(x), dtype=np.float64)
        set_internal_sigmoid("hard")
        if activation.__class__.__name__ == "Activation" and activation.get_config()["activation"] == "gelu":
            y = x * (1 + np.vectorize(erf)(x / np.sqrt(2))) / 2
        with tempfile.TemporaryDirectory() as folder:
            path = lambda f: os.path.join(folder, f)
            model.save(path("m.keras"))
            np.save(path("x.npy"), x)
            done = subprocess.run([binary, "simulate", path("m.keras"), "-i", path("x.npy"), "-o", path("y.npy"),
                                   "--input-type", f"ap_fixed<{width},{integers}>", *options], capture_output=True, text=True)
            if done.returncode:
                print(f"{number} {name} ap_fixed<{width},{integers}>: {done.stderr.strip()}")
                wrong += 1
                continue
            ours = np.load(path("y.npy")).astype(np.float64)
        real = "real" in name or not number % 2 or "ulaw" in name or "hswish" in name
        spread = max(y.max() - y.min(), 1e-9)
        if number % 2 and "ulaw" not in name:
            values = np.unique(y)
            step = np.diff(values).min() if len(values) > 1 else 0
        else:
            step = spread * 2.0**-15
        error = np.abs(ours - y)
        allowed = step * 1.001 if real else 0
        many = np.mean(error > 1e-12) if number % 2 and "ulaw" not in name else 0
        if error.max() > allowed or many > 0.01:
            wrong += 1
            i = error.argmax()
            print(f"{number} {name} ap_fixed<{width},{integers}>: {x.flat[i]} gives {ours.flat[i]}, not {y.flat[i]}; {many:.2%} differ")
    print(f"{wrong} of {count} wrong")
    return wrong > 0


if __name__ == "__main__":
    sys.exit(main())
