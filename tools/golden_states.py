#!/usr/bin/env python3
"""Plain recurrent layers with a type for their states, in exact arithmetic: what `--state-type` has to give.

    tools/reference-env.sh qk3 && .venv-qk3/bin/python tools/golden_states.py [--out tests/golden/recurrent] [NAME...]
    tools/reference-env.sh qk2 && .venv-qk2/bin/python tools/golden_states.py [--out tests/golden/recurrent] [NAME...]

Keras has no such types. So this reads the weights of golden models with Keras and computes SimpleRNN, LSTM and GRU with
fractions, by the rules of docs/recurrent.md and nothing of qk-hls: functions without a binary value are rounded to
nearest, ties up, at the binary point of the type, every new state is converted into the type. Quantizers between the layers are
run by QKeras. `states.npz` of a model has the arrays `TYPE|LAYER`.
"""

import argparse
import decimal
import math
import pathlib
import re
import sys
from fractions import Fraction

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools" / "reference"))

import exact  # noqa: E402
import numpy as np  # noqa: E402
from qkeras.utils import load_qmodel  # noqa: E402

keras = exact.keras
decimal.getcontext().prec = 100

MODELS = {"qk3": ["plain_lstm_gru", "plain_states"], "qk2": ["k2_plain_recurrent"]}["qk3" if exact.KERAS3 else "qk2"]
TYPES = ["ap_fixed<16,6>", "ap_fixed<12,4,AP_RND_CONV,AP_SAT>", "ap_fixed<7,1,AP_RND,AP_WRAP>", "ap_fixed<9,1,AP_TRN,AP_SAT_SYM>"]


class Type:
    """A type of the states."""

    def __init__(self, name):
        width, integer, *modes = re.fullmatch(r"ap_fixed<(.*)>", name).group(1).split(",")
        self.width, self.frac = int(width), int(width) - int(integer)
        self.rounding, self.overflow = modes or ("AP_TRN", "AP_WRAP")

    def convert(self, x):
        scaled = x * 2**self.frac
        code = {"AP_TRN": math.floor, "AP_RND": lambda v: math.floor(v + Fraction(1, 2)), "AP_RND_CONV": round}[self.rounding](scaled)
        top = 2 ** (self.width - 1)
        if self.overflow == "AP_WRAP":
            code = (code + top) % (2 * top) - top
        else:
            code = min(max(code, -top + (self.overflow == "AP_SAT_SYM")), top - 1)
        return Fraction(code, 2**self.frac)

    def function(self, f, x):
        """The value of an activation: exact where it is a binary fraction, else rounded to nearest, ties up."""
        if f == "relu":
            return max(x, Fraction(0))
        if f == "linear":
            return x
        return self.nearest(real(f, x))

    def nearest(self, y):
        scaled = Fraction(y) * 2**self.frac
        distance = abs(scaled - math.floor(scaled) - Fraction(1, 2))
        assert distance == 0 or distance > Fraction(1, 10**40), "too near a tie"
        return Fraction(math.floor(scaled + Fraction(1, 2)), 2**self.frac)


def real(f, x):
    """A function in 100 digits, or exactly."""
    if f == "hard_sigmoid":
        slope = Fraction(1, 6) if exact.KERAS3 else Fraction(1, 5)
        return min(max(x * slope + Fraction(1, 2), Fraction(0)), Fraction(1))
    if x == 0:
        return Fraction(1, 2) if f == "sigmoid" else Fraction(0)
    d = decimal.Decimal(x.numerator) / decimal.Decimal(x.denominator)
    if f == "sigmoid":
        return 1 / (1 + (-d).exp())
    assert f == "tanh", f
    e = (-2 * d).exp()
    return (1 - e) / (1 + e)


def fractions(values):
    return np.vectorize(Fraction, otypes=[object])(np.asarray(values, np.float64))


def rows(gates, units):
    return [gates[k * units : (k + 1) * units] for k in range(len(gates) // units)]


class Recurrent:
    """One layer."""

    def __init__(self, layer):
        config = layer.cell.get_config()
        self.kind, self.units, self.layer = layer.__class__.__name__, config["units"], layer
        self.act, self.gate = config["activation"], config.get("recurrent_activation")
        self.reset_after = config.get("reset_after", False)
        weights = [fractions(w) for w in layer.get_weights()]
        self.kernel, self.recurrent = weights[:2]
        bias = weights[2] if config["use_bias"] else fractions(np.zeros(self.kernel.shape[1]))
        self.bias, self.recurrent_bias = (bias[0], bias[1]) if bias.ndim == 2 else (bias, 0 * bias)

    def act_all(self, ty, f, values):
        return np.array([ty.function(f, v) for v in values], object)

    def step(self, ty, x, h, c):
        u = self.units
        xs = rows(x @ self.kernel + self.bias, u)
        hs = rows(h @ self.recurrent + self.recurrent_bias, u)
        convert = np.vectorize(ty.convert, otypes=[object])
        if self.kind == "SimpleRNN":
            # The function and the conversion are one rounding.
            exact_ones = {"relu": lambda v: max(v, Fraction(0)), "linear": lambda v: v}
            f = exact_ones.get(self.act, lambda v: Fraction(real(self.act, v)))
            return convert(np.array([f(v) for v in xs[0] + hs[0]], object)), c
        if self.kind == "LSTM":
            i, f, o = (self.act_all(ty, self.gate, xs[k] + hs[k]) for k in (0, 1, 3))
            c = convert(f * c + i * self.act_all(ty, self.act, xs[2] + hs[2]))
            return convert(o * self.act_all(ty, self.act, c)), c
        z, r = (self.act_all(ty, self.gate, xs[k] + hs[k]) for k in (0, 1))
        if self.reset_after:
            inner = r * hs[2]
        else:
            inner = (r * h) @ self.recurrent[:, 2 * u :]
        new = self.act_all(ty, self.act, xs[2] + inner)
        return convert(z * h + (1 - z) * new), c

    def run(self, ty, sequence):
        """All steps' outputs of one sample, in the order of processing."""
        h = c = fractions(np.zeros(self.units))
        outputs = []
        for x in sequence[::-1] if self.layer.go_backwards else sequence:
            h, c = self.step(ty, x, h, c)
            outputs.append(h)
        return np.array(outputs, object)


def layer_values(layer, ty, batch):
    """A layer of the model on a batch of fractions."""
    name = layer.__class__.__name__
    if name == "Bidirectional":
        assert layer.merge_mode == "concat"
        forward, backward = (np.array([Recurrent(part).run(ty, s) for s in batch], object) for part in (layer.forward_layer, layer.backward_layer))
        if layer.forward_layer.return_sequences:
            return np.concatenate([forward, backward[:, ::-1]], -1)
        return np.concatenate([forward[:, -1], backward[:, -1]], -1)
    if name in ("SimpleRNN", "LSTM", "GRU"):
        values = np.array([Recurrent(layer).run(ty, s) for s in batch], object)
        return values if layer.return_sequences else values[:, -1]
    with exact.float64():
        own = layer.__class__.from_config(layer.get_config())
        return fractions(own(exact.tf.constant(batch.astype(np.float64))))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="models (default: all of this environment)")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "tests" / "golden" / "recurrent")
    args = parser.parse_args()
    for name in MODELS:
        if args.names and name not in args.names:
            continue
        folder = args.out / name
        model = load_qmodel(str(next(folder.glob("model.*"))), compile=False)
        inputs = fractions(np.load(folder / "x.npy"))
        float_ones = dict(np.load(folder / "acts.npz"))
        found = {}
        for spelled in TYPES:
            ty, batch, far = Type(spelled), inputs, {}
            for layer in model.layers:
                if layer.__class__.__name__ == "InputLayer":
                    continue
                batch = layer_values(layer, ty, batch)
                values = batch.astype(np.float64)
                assert np.array_equal(fractions(values), batch), layer.name
                found[f"{spelled}|{layer.name}"] = values
                far[layer.name] = float(np.abs(values - float_ones[layer.name]).max() * 2**ty.frac)
            print(f"{name}, {spelled}: steps away from Keras' floats, at most:", {k: round(v, 2) for k, v in far.items()}, flush=True)
        np.savez_compressed(folder / "states.npz", **found)


if __name__ == "__main__":
    main()
