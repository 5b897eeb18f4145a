#!/usr/bin/env python3
"""Runs QKeras' quantizers and activations over many configurations and writes what they give.

    tools/reference-env.sh qk3
    .venv-qk3/bin/python tools/golden_quantizers.py [--out tests/golden/quantizers]

Writes index.json and one <group>.npz for each class. tests/golden/quantizers/README.md explains the format.

QKeras computes in float32 and adds some noise of its own; what is written is the value it means:

- `use_ste` is switched off where a class has it. It changes gradients only, but the form x + (q - x) loses bits.
- Other results are put back on their grid, after a check that they are within 2^-10 of a grid step.
- quantized_tanh, quantized_sigmoid, quantized_hswish, powers of two and plain functions run in float64 (powers of two in both).
- For powers of two, points where the logarithm misses the exact exponent are left out and counted in `dropped`.
- Weights with a data-dependent power-of-two scale are also quantized in another order of summation; the scale must not depend on it.
"""

import argparse
import json
import math
import pathlib
import sys
import zlib

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools" / "reference"))

import exact  # noqa: E402,F401  (sets up TensorFlow before it is imported)
import keras  # noqa: E402
import numpy as np  # noqa: E402
import qkeras.quantizers as qq  # noqa: E402

# Scales that depend on the data, and numbers as alpha, are not short binary fractions.
NEAR = "relative 1e-6"


class Golden:
    """Collects cases; arrays are shared where equal."""

    def __init__(self):
        self.cases, self.rejected, self.groups, self.names = [], [], {}, {}

    def array(self, group, values):
        values = np.ascontiguousarray(values)
        key = (group, str(values.dtype), values.shape, values.tobytes())
        if key not in self.names:
            arrays = self.groups.setdefault(group, {})
            self.names[key] = f"a{len(arrays)}"
            arrays[self.names[key]] = values
        return self.names[key]

    def add(self, group, quantizer, role, x, y, exactness="exact", codes=None, scale=None, **more):
        text = json.dumps([quantizer, role, more.get("internal_sigmoid", "hard"), list(x.shape)])
        case = {
            "id": f"{group}-{len([c for c in self.cases if c['file'] == group + '.npz']):03d}",
            "quantizer": quantizer,
            "as": role,
            "internal_sigmoid": "hard",
            "exactness": exactness,
            "file": f"{group}.npz",
            "x": self.array(group, x.astype(np.float32)),
            "y": self.array(group, np.asarray(y, np.float64) + 0.0),
        }
        assert np.array_equal(x.astype(np.float32).astype(np.float64), x.astype(np.float64)), text
        assert np.all(np.isfinite(y)), text
        if codes is not None:
            case["codes"] = self.array(group, codes.astype(np.int64))
        if scale is not None:
            case["scale"] = self.array(group, np.asarray(scale, np.float64))
        case.update(more)
        self.cases.append(case)


def seeded(*key):
    return np.random.default_rng(zlib.crc32(json.dumps(key, default=str).encode()))


def make(quantizer):
    """The real quantizer for a string or an object, as QKeras' own loader makes it."""
    made = qq.get_quantizer(json.loads(json.dumps(quantizer)))
    if hasattr(made, "use_ste"):
        made.use_ste = False
    return made


def call(quantizer, x):
    return np.asarray(keras.ops.convert_to_numpy(quantizer(keras.ops.convert_to_tensor(x.astype(np.float32)))))


def call64(quantizer, x):
    keras.backend.set_floatx("float64")
    try:
        return np.asarray(keras.ops.convert_to_numpy(quantizer(keras.ops.convert_to_tensor(x.astype(np.float64)))))
    finally:
        keras.backend.set_floatx("float32")


def on_grid(y, lsb):
    """Integer codes of y on the grid lsb (any shape that broadcasts); fails when y is not near the grid."""
    ratio = y.astype(np.float64) / lsb
    codes = np.rint(ratio)
    off = np.abs(ratio - codes)
    assert np.all(off <= np.maximum(2.0**-10, np.abs(codes) * 2.0**-21)), (y[off.argmax()], lsb)
    return codes.astype(np.int64)


def grid_points(rng, lsb, low, high, dense=320):
    """Points around the codes low..high of a grid: quarters, ties, near ties, just outside, far outside, random."""
    codes = np.arange(low - 3, high + 4, dtype=np.float64)
    if len(codes) * 4 > dense:
        ends = np.concatenate([codes[:8], codes[-8:], np.arange(-5, 6)])
        codes = np.unique(np.concatenate([ends, rng.choice(codes, dense // 4 - 27)]))
    span = max(abs(low), abs(high), 1)
    fine = 2.0**-8 if span < 2**14 else 0.5
    points = np.concatenate(
        [
            codes,
            codes + 0.25,
            codes + 0.5,
            codes + 0.75,
            rng.choice(codes, 12) + 0.5 + fine,
            rng.choice(codes, 12) + 0.5 - fine,
            np.array([-1, 1]) * span * 2.0,
            np.array([-1, 1]) * span * 37.25,
            np.array([-1, 1]) * min(span * 1000.0, 2.0**23),
            np.rint(rng.uniform(-1.5, 1.5, 40) * span * 16) / 16,
        ]
    )
    points = points[np.abs(points) < 2**23]
    x = (points * lsb).astype(np.float32)
    return np.unique(x[x.astype(np.float64) == points * lsb])


def shaped(rng, x, last=None):
    """The points in random order, as a matrix with `last` columns, or with a random shape."""
    x = rng.permutation(x)
    if last:
        x = np.concatenate([x, x[: -len(x) % last]]) if len(x) % last else x
        return x.reshape(-1, last)
    kind = rng.integers(3)
    if kind == 0:
        return x
    if kind == 1:
        return x[: len(x) // 3 * 3].reshape(-1, 3)
    return x[: len(x) // 8 * 8].reshape(-1, 2, 2, 2)


def object_form(cls, **config):
    """The object as qkeras-v3 saves it."""
    return keras.saving.serialize_keras_object(cls(**config))


def plain(value):
    """JSON-ready copy of what `serialize_keras_object` gives."""
    return json.loads(json.dumps(value, default=float))


def legacy(obj):
    """The two-key object of early Keras 2 files."""
    return {"class_name": obj["class_name"], "config": obj["config"]}


# ---------------------------------------------------------------------------------------------------------------------
# Activations and fixed-point weights: a value at a time
# ---------------------------------------------------------------------------------------------------------------------


def fixed(golden, group, quantizer, lsb, low, high, alpha=None, role="activation", made=None):
    """A quantizer whose result is alpha * code * lsb. `low`, `high`: codes between which points are laid."""
    rng = seeded(quantizer, role)
    made = made or make(quantizer)
    channels = len(alpha) if isinstance(alpha, list) else None
    x = shaped(rng, grid_points(rng, lsb, low, high), channels)
    y = call(made, x)
    if alpha is None:
        codes = on_grid(y, lsb)
        golden.add(group, quantizer, role, x, codes * float(lsb), codes=codes, step=lsb)
    else:
        unit = np.asarray(np.float32(alpha), np.float64) * lsb
        codes = on_grid(y, unit)
        two = np.all(np.frexp(unit)[0] == 0.5)
        golden.add(group, quantizer, role, x, codes * unit, "exact" if two else NEAR, codes=codes, scale=unit)


def bits_grid(bits, integer, keep_negative=True, symmetric=0, **_):
    unsigned = bits - int(keep_negative)
    lsb = 2.0 ** (integer - unsigned)
    if unsigned == 0:
        return 1.0, -1 if keep_negative else 0, 1
    return lsb, int(keep_negative) * (-(2**unsigned) + int(symmetric)), 2**unsigned - 1


def quantized_bits(golden):
    def case(quantizer, alpha=None, role="activation", made=None, **config):
        config = {"bits": 8, "integer": 0, **config}
        fixed(golden, "quantized_bits", quantizer, *bits_grid(**config), alpha=alpha, role=role, made=made)

    case("quantized_bits")
    case("quantized_bits()")
    case("quantized_bits(4)", bits=4)
    for bits, integer in [(2, 0), (2, 1), (3, 1), (4, 0), (4, 1), (4, 3), (5, 2), (6, 2), (8, 0), (8, 3), (8, 7), (10, 4), (12, 5), (16, 6), (20, 4)]:
        case(f"quantized_bits({bits},{integer})", bits=bits, integer=integer)
        case(f"quantized_bits({bits},{integer},1)", bits=bits, integer=integer, symmetric=1)
        case(f"quantized_bits({bits},{integer},0,0)", bits=bits, integer=integer, keep_negative=False)
    for bits, integer in [(3, 5), (4, 4), (4, 6), (4, -1), (6, -3), (8, -4), (3, -7), (8, 8), (2, 9)]:
        case(f"quantized_bits({bits},{integer},alpha=1)", bits=bits, integer=integer)
        case(f"quantized_bits({bits},{integer},symmetric=True,alpha=1.0)", bits=bits, integer=integer, symmetric=1)
        case(f"quantized_bits({bits},{integer},keep_negative=False)", bits=bits, integer=integer, keep_negative=False)
    for integer in [0, 2, -1]:
        case(f"quantized_bits(1,{integer})", bits=1, integer=integer)
        case(f"quantized_bits(1,{integer},1,alpha=1)", bits=1, integer=integer)
        case(f"quantized_bits(1,{integer},keep_negative=False)", bits=1, integer=integer, keep_negative=False)
    case("quantized_bits(bits=6, integer=1, symmetric=2)", bits=6, integer=1, symmetric=2)
    case("quantized_bits( 5 , 2 , keep_negative = True, alpha = 1)", bits=5, integer=2)
    case("quantized_bits(6,1,True,True,None,True)", bits=6, integer=1, symmetric=1)
    case("quantized_bits(6,1,use_stochastic_rounding=True)", bits=6, integer=1)
    case("quantized_bits(1_0,2,qnoise_factor=1.0,use_ste=False)", bits=10, integer=2)
    case("quantized_bits(5,1) and what follows", bits=5, integer=1)
    # alpha as a number or a list multiplies the result.
    for alpha in [0.5, 2, 0.25, 0.3, 1.7, -0.5]:
        case(f"quantized_bits(5,1,alpha={alpha})", alpha=alpha, bits=5, integer=1)
    case("quantized_bits(4,0,keep_negative=0,alpha=0.1)", alpha=0.1, bits=4, keep_negative=False)
    case("quantized_bits(1,0,alpha=0.7)", alpha=0.7, bits=1)
    for i, (config, alpha) in enumerate(
        [
            (dict(bits=4, integer=0), None),
            (dict(bits=4, integer=0, keep_negative=True, alpha=1), None),
            (dict(bits=4, integer=1, symmetric=1, alpha=1.0), None),
            (dict(bits=7, integer=2, keep_negative=False), None),
            (dict(bits=6, integer=-2, alpha=1), None),
            (dict(bits=8, integer=1, alpha=0.125), 0.125),
            (dict(bits=5, integer=1, alpha=[0.5, 1.0, 2.0]), [0.5, 1.0, 2.0]),
            (dict(bits=5, integer=1, alpha=[0.3, 1.0, 1.1, 0.01]), [0.3, 1.0, 1.1, 0.01]),
            (dict(bits=6, integer=0, use_stochastic_rounding=True), None),
        ]
    ):
        obj = plain(object_form(qq.quantized_bits, **config))
        if i % 3 == 1:
            obj = legacy(obj)
        elif i % 3 == 2:
            obj["config"] = {k: v for k, v in obj["config"].items() if k != "post_training_scale"}
        config.pop("alpha", None)
        config.pop("use_stochastic_rounding", None)
        case(obj, alpha=alpha, **config)
    # A NumPy array as alpha is saved in a form that QKeras cannot read back; a file may hold it all the same.
    for alpha in [[0.5], [0.3], [2.0, 0.25, 1.0]]:
        obj = plain(object_form(qq.quantized_bits, bits=5, integer=1))
        obj["config"]["alpha"] = {"class_name": "__numpy__", "config": {"value": alpha, "dtype": "float64"}}
        case(obj, alpha=alpha, made=qq.quantized_bits(5, 1, alpha=alpha, use_ste=False), bits=5, integer=1)
    case("quantized_bits(4,0,1,alpha=1)", role="weights", bits=4, symmetric=1)
    case("quantized_bits(6,0)", role="weights", bits=6)


def quantized_linear(golden):
    def case(quantizer, bits=8, integer=0, symmetric=1, keep_negative=True, alpha=None, role="activation"):
        lsb, low, high = bits_grid(bits, integer, keep_negative, symmetric)
        if bits == 1 and keep_negative:
            # Two values, half a step above and below zero.
            lsb, low, high = 2.0 ** (integer - 1), -2, 2
        rng = seeded(quantizer, role)
        step = float(np.float32(np.float32(alpha) * np.float32(lsb))) if alpha is not None else lsb
        x = grid_points(rng, step, low, high)
        if bits == 1:
            x = x[(x >= 0) | (x < -(2.0**-20) * step)]
        x = shaped(rng, x)
        codes = on_grid(call(make(quantizer), x), step)
        exactly = np.frexp(step)[0] == 0.5
        golden.add("quantized_linear", quantizer, role, x, codes * step, "exact" if exactly else NEAR, codes=codes, scale=step)

    case("quantized_linear")
    for bits, integer in [(4, 0), (4, 2), (5, 1), (8, 3), (6, -2), (3, 5), (10, 4), (16, 6)]:
        case(f"quantized_linear({bits},{integer})", bits, integer)
        case(f"quantized_linear({bits},{integer},0)", bits, integer, 0)
        case(f"quantized_linear({bits},{integer},1,False)", bits, integer, 1, False)
    for integer in [0, 1, 3]:
        case(f"quantized_linear(1,{integer})", 1, integer)
        case(f"quantized_linear(1,{integer},keep_negative=0)", 1, integer, keep_negative=False)
    for alpha in [1, 0.5, 4.0, 0.3, 1.7]:
        case(f"quantized_linear(5,1,alpha={alpha})", 5, 1, alpha=alpha)
        case(f"quantized_linear(5,1,symmetric=0,alpha={alpha})", 5, 1, 0, alpha=alpha)
    case("quantized_linear(6,2,use_stochastic_rounding=True)", 6, 2)
    for config in [dict(bits=6, integer=2), dict(bits=4, integer=0, symmetric=0), dict(bits=5, integer=1, keep_negative=False), dict(bits=5, integer=0, alpha=2.0)]:
        case(plain(object_form(qq.quantized_linear, **config)), **config)


def quantized_relu(golden):
    def case(quantizer, bits=8, integer=0, slope=0.0, bound=None, sigmoid="hard", role="activation"):
        rng = seeded(quantizer, sigmoid)
        magnitude = bits - (slope != 0)
        lsb = 2.0 ** (integer - magnitude)
        low = -int(2**magnitude * slope / min(slope, 1) ** 2) if slope else -8
        x = grid_points(rng, lsb, low, 2**magnitude - 1)
        if slope:
            tie = -lsb * (np.arange(0, 24) + 0.5) / slope
            x = np.unique(np.concatenate([x, tie, tie / 2]).astype(np.float32))
        x = x[np.abs(x) < 2**23 * lsb]
        x = shaped(rng, x)
        qq.set_internal_sigmoid(sigmoid)
        y = call(make(quantizer), x).astype(np.float64)
        qq.set_internal_sigmoid("hard")
        step = min(lsb, slope * 2.0**integer) if slope else lsb
        if bound is not None:
            top = float(np.float32(bound))
            golden.add("quantized_relu", quantizer, role, x, np.where(y == top, top, on_grid(np.where(y == top, 0, y), step) * step), internal_sigmoid=sigmoid)
        else:
            codes = on_grid(y, step)
            golden.add("quantized_relu", quantizer, role, x, codes * step, codes=codes, step=step, internal_sigmoid=sigmoid)

    case("quantized_relu")
    case("quantized_relu(3)", 3)
    for bits, integer in [(1, 0), (1, 1), (2, 0), (2, 2), (3, 1), (4, 2), (4, 4), (5, 0), (6, 3), (8, 4), (8, 0), (10, 3), (12, 6), (16, 6), (3, 5), (20, 3)]:
        case(f"quantized_relu({bits},{integer})", bits, integer)
    for bits, integer, slope in [(4, 2, 0.25), (4, 1, 0.5), (6, 2, 0.125), (8, 3, 0.25), (8, 2, 0.0625), (5, 0, 1.0), (5, 2, 0.5), (10, 4, 0.03125), (4, 1, 2.0)]:
        case(f"quantized_relu({bits},{integer},negative_slope={slope})", bits, integer, slope)
        case(f"quantized_relu({bits},{integer},0,{slope})", bits, integer, slope)
    for bits, integer in [(4, 0), (6, 1), (8, 2), (3, 0)]:
        case(f"quantized_relu({bits},{integer},1)", bits, integer)
        case(f"quantized_relu({bits},{integer},use_sigmoid=1)", bits, integer, sigmoid="smooth")
    case("quantized_relu(6,1,1,0.25)", 6, 1, 0.25)
    case("quantized_relu(6,2,relu_upper_bound=2)", 6, 2)
    case("quantized_relu(6,2,relu_upper_bound=1.5)", 6, 2)
    for bound in [1.5, 2, 1.3, 6, 0.1]:
        case(f"quantized_relu(6,3,relu_upper_bound={bound},is_quantized_clip=False)", 6, 3, bound=bound)
    case("quantized_relu(6,3,0,0.5,False,2.5,False)", 6, 3, 0.5, bound=2.5)
    case("quantized_relu(4,1,is_quantized_clip=False)", 4, 1)
    case("quantized_relu(4,1,use_stochastic_rounding=True)", 4, 1)
    for i, config in enumerate([dict(bits=4, integer=2), dict(bits=6, integer=1, negative_slope=0.125), dict(bits=8, integer=4, relu_upper_bound=6), dict(bits=5, integer=0, use_sigmoid=1)]):
        obj = plain(object_form(qq.quantized_relu, **config))
        case(legacy(obj) if i % 2 else obj, config["bits"], config["integer"], config.get("negative_slope", 0.0))
    obj = legacy(plain(object_form(qq.quantized_relu, bits=7, integer=2)))
    obj["config"].pop("qnoise_factor")
    case(obj, 7, 2)


def codes_of_two(golden, group, quantizer, values, alpha=None, threshold=None, role="activation"):
    """binary and ternary with a fixed scale. `values`: the values a code can take."""
    rng = seeded(quantizer, role)
    step = 2.0**-12
    centre = [0.0, 0.33, -0.33, 0.5, -0.5, 1.0, -1.0] + ([threshold, -threshold] if threshold is not None else [])
    near = np.concatenate([[c - step, c, c + step, np.nextafter(np.float32(c), np.float32(9)), np.nextafter(np.float32(c), np.float32(-9))] for c in centre])
    x = np.concatenate([np.arange(-48, 49) / 16, near, rng.normal(0, 1, 40), [100.0, -100.0, 1e4, -1e4, 1e-6, -1e-6]]).astype(np.float32)
    x = x[(x == 0) | (np.abs(x) > 1e-30)]  # QKeras takes the smallest numbers of float32 for zero
    x = shaped(rng, np.unique(x), len(alpha) if isinstance(alpha, list) else None)
    unit = np.asarray(np.float32(1.0 if alpha is None else alpha), np.float64)
    y = call(make(quantizer), x)
    codes = np.rint(y / unit)
    assert np.all(np.abs(y / unit - codes) < 1e-3) and set(np.unique(codes)) <= set(values), (quantizer, np.unique(codes))
    two = np.all(np.frexp(unit)[0] == 0.5)
    golden.add(group, quantizer, role, x, codes * unit, "exact" if two else NEAR, codes=codes, scale=unit)


def binary_and_ternary(golden):
    signs, bits, trits = {-1, 1}, {0, 1}, {-1, 0, 1}
    codes_of_two(golden, "binary", "binary", signs)
    codes_of_two(golden, "binary", "binary()", signs)
    codes_of_two(golden, "binary", "binary(1)", bits)
    codes_of_two(golden, "binary", "binary(use_01=True)", bits)
    for alpha in [1, 0.5, 2.0, 0.3]:
        codes_of_two(golden, "binary", f"binary(alpha={alpha})", signs, alpha)
        codes_of_two(golden, "binary", f"binary(use_01=1,alpha={alpha})", bits, alpha)
        codes_of_two(golden, "binary", f"stochastic_binary(alpha={alpha})", signs, alpha)
        codes_of_two(golden, "ternary", f"ternary(alpha={alpha})", trits, alpha)
        codes_of_two(golden, "ternary", f"stochastic_ternary(alpha={alpha})", trits, alpha)
    codes_of_two(golden, "binary", "stochastic_binary()", signs)
    codes_of_two(golden, "binary", "binary(alpha=1)", signs, 1, role="weights")
    codes_of_two(golden, "ternary", "ternary", trits)
    codes_of_two(golden, "ternary", "stochastic_ternary", trits)
    for threshold in [0.5, 0.1, 0.25, 1.0, 0]:
        codes_of_two(golden, "ternary", f"ternary(threshold={threshold})", trits, None, threshold)
        codes_of_two(golden, "ternary", f"ternary(1,{threshold})", trits, 1, threshold)
    codes_of_two(golden, "ternary", "ternary(alpha=0.7,threshold=0.6)", trits, 0.7, 0.6)
    for cls, group, config, values in [
        (qq.binary, "binary", dict(alpha=1), signs),
        (qq.binary, "binary", dict(use_01=True), bits),
        (qq.binary, "binary", dict(alpha=0.25, use_01=1), bits),
        (qq.stochastic_binary, "binary", dict(alpha=1.0), signs),
        (qq.ternary, "ternary", dict(alpha=1, threshold=0.4), trits),
        (qq.ternary, "ternary", dict(alpha=0.5), trits),
        (qq.stochastic_ternary, "ternary", dict(alpha=1.0, threshold=0.2), trits),
    ]:
        obj = plain(object_form(cls, **config))
        codes_of_two(golden, group, obj, values, config.get("alpha"), config.get("threshold"))
        codes_of_two(golden, group, legacy(obj), values, config.get("alpha"), config.get("threshold"))


def soft(golden, group, quantizer, lsb, sigmoid="hard", real=False, span=1.5, fraction=16, made=None):
    """quantized_tanh, quantized_sigmoid, quantized_hswish: evaluated in float64, on points with few fractional bits."""
    rng = seeded(quantizer, sigmoid)
    made = made or make(quantizer)
    unit = max(lsb / 4, 2.0**-fraction)
    ends = np.concatenate([np.arange(-40, 41), [span / unit, -span / unit]])
    points = np.concatenate([ends, rng.uniform(-span, span, 260) / unit, rng.uniform(-4, 4, 40) / unit, np.array([-100.0, 100, 7.5, -7.5]) / unit])
    points = np.concatenate([points, np.rint(rng.uniform(-span, span, 80) / lsb) * lsb / unit + rng.choice([0, 2], 80)])
    x = np.unique((np.rint(points) * unit).astype(np.float32))
    qq.set_internal_sigmoid(sigmoid)
    y = call64(made, x)
    y32 = call(made, x)
    qq.set_internal_sigmoid("hard")
    codes = on_grid(y, lsb)
    assert np.abs(y32 - y).max() <= lsb * 1.01, quantizer
    more = {"float32_differs": int(np.sum(np.rint(y32.astype(np.float64) / lsb) != codes))}
    if not (real or sigmoid == "real" or group == "quantized_hswish"):
        assert more.pop("float32_differs") == 0, quantizer
    golden.add(group, quantizer, "activation", x, codes * lsb, codes=codes, step=lsb, internal_sigmoid=sigmoid, **more)


def tanh_sigmoid_hswish(golden):
    for bits in [2, 3, 4, 6, 8, 10, 12, 16]:
        soft(golden, "quantized_tanh", f"quantized_tanh({bits})", 2.0 ** (1 - bits))
        soft(golden, "quantized_sigmoid", f"quantized_sigmoid({bits})", 2.0**-bits, span=2.5)
    soft(golden, "quantized_tanh", "quantized_tanh", 2.0**-7)
    soft(golden, "quantized_tanh", "quantized_tanh(1)", 1.0)
    soft(golden, "quantized_sigmoid", "quantized_sigmoid(1)", 0.5, span=2.5)
    soft(golden, "quantized_sigmoid", "quantized_sigmoid", 2.0**-8, span=2.5)
    for bits in [4, 8]:
        for sigmoid in ["smooth", "real"]:
            soft(golden, "quantized_tanh", f"quantized_tanh({bits})", 2.0 ** (1 - bits), sigmoid, span=4, fraction=14)
            soft(golden, "quantized_tanh", f"quantized_tanh({bits},symmetric=1)", 2.0 ** (1 - bits), sigmoid, span=4, fraction=14)
            soft(golden, "quantized_sigmoid", f"quantized_sigmoid({bits})", 2.0**-bits, sigmoid, span=5, fraction=14)
            soft(golden, "quantized_sigmoid", f"quantized_sigmoid({bits},symmetric=True)", 2.0**-bits, sigmoid, span=5, fraction=14)
    for bits in [3, 6, 8, 12]:
        soft(golden, "quantized_tanh", f"quantized_tanh({bits},use_real_tanh=True)", 2.0 ** (1 - bits), real=True, span=4, fraction=12)
        soft(golden, "quantized_tanh", f"quantized_tanh({bits},0,1,1)", 2.0 ** (1 - bits), real=True, span=4, fraction=12)
        soft(golden, "quantized_tanh", f"quantized_tanh({bits},False,True)", 2.0 ** (1 - bits))
        soft(golden, "quantized_sigmoid", f"quantized_sigmoid({bits},use_real_sigmoid=True)", 2.0**-bits, real=True, span=6, fraction=12)
        soft(golden, "quantized_sigmoid", f"quantized_sigmoid({bits},1,1)", 2.0**-bits, real=True, span=6, fraction=12)
        soft(golden, "quantized_sigmoid", f"quantized_sigmoid({bits},True)", 2.0**-bits, span=2.5)
    for config in [dict(bits=6), dict(bits=5, symmetric=True), dict(bits=7, use_real_tanh=True)]:
        obj = plain(object_form(qq.quantized_tanh, **config))
        soft(golden, "quantized_tanh", obj, 2.0 ** (1 - config["bits"]), real=len(config) > 1 and "use_real_tanh" in config, fraction=12)
    for config in [dict(bits=6), dict(bits=5, symmetric=True), dict(bits=7, use_real_sigmoid=True)]:
        obj = legacy(plain(object_form(qq.quantized_sigmoid, **config)))
        soft(golden, "quantized_sigmoid", obj, 2.0 ** -config["bits"], real="use_real_sigmoid" in config, span=2.5, fraction=12)

    def hswish(quantizer, bits, integer, alpha=1.0, made=None):
        lsb = 2.0 ** (integer - bits + 1) * alpha
        soft(golden, "quantized_hswish", quantizer, lsb, span=6, fraction=10, made=made)

    hswish("quantized_hswish", 8, 0)
    for bits, integer in [(4, 1), (6, 2), (8, 3), (8, 0), (10, 3), (5, 4)]:
        hswish(f"quantized_hswish({bits},{integer})", bits, integer)
        hswish(f"quantized_hswish({bits},{integer},1)", bits, integer)
    hswish("quantized_hswish(6,2,relu_shift=2,relu_upper_bound=4)", 6, 2)
    hswish("quantized_hswish(6,2,0,1.0,relu_shift=4,relu_upper_bound=8)", 6, 2)
    hswish("quantized_hswish(6,2,alpha=0.5)", 6, 2, 0.5)
    for config in [dict(bits=7, integer=2), dict(bits=6, integer=1, symmetric=1, relu_shift=2, relu_upper_bound=5)]:
        # QKeras cannot read back what it writes for this class; a file may hold it all the same.
        hswish(plain(object_form(qq.quantized_hswish, **config)), config["bits"], config["integer"], made=qq.quantized_hswish(**config))


def ulaw(golden):
    for quantizer, bits, integer, sigmoid in [
        ("quantized_ulaw", 8, 0, "hard"),
        ("quantized_ulaw(4)", 4, 0, "hard"),
        ("quantized_ulaw(4,1)", 4, 1, "hard"),
        ("quantized_ulaw(6,2,1)", 6, 2, "hard"),
        ("quantized_ulaw(8,1,0,100.0)", 8, 1, "hard"),
        ("quantized_ulaw(5,0,u=15)", 5, 0, "hard"),
        ("quantized_ulaw(6,1)", 6, 1, "smooth"),
        ("quantized_ulaw(6,1,symmetric=1)", 6, 1, "smooth"),
        (plain(object_form(qq.quantized_ulaw, bits=6, integer=1)), 6, 1, "hard"),
        (legacy(plain(object_form(qq.quantized_ulaw, bits=7, integer=0, symmetric=1, u=31.0))), 7, 0, "hard"),
    ]:
        rng = seeded(quantizer, sigmoid)
        step = 2.0 ** (integer + 1 - bits)
        x = np.unique(np.concatenate([np.arange(-(2**bits) - 6, 2**bits + 7) * step / 2, np.rint(rng.uniform(-2, 2, 150) * 2**12) / 2**12]).astype(np.float32))
        qq.set_internal_sigmoid(sigmoid)
        y = call(make(quantizer), x)
        qq.set_internal_sigmoid("hard")
        golden.add("quantized_ulaw", quantizer, "activation", x, y.astype(np.float64), NEAR, internal_sigmoid=sigmoid)


def exponent(a, lo, hi, max_value, quadratic, floor):
    """The exact exponent of section "powers of two": independent of logarithms in floating point."""
    if a < np.float32(1e-7):
        return lo
    if max_value is not None:
        a = min(a, float(max_value))
    fraction, e = math.frexp(a)
    below = e - 1  # floor(log2 a)
    if quadratic:
        whole = below // 2 if floor else (below // 2 if below % 2 == 0 else (below + 1) // 2)
        if not floor and below % 2 and fraction == 0.5:
            whole = round(below / 2)
        return 2 * min(max(whole, lo), hi)
    nearest = below if floor else (e if fraction * fraction > 0.5 else below)
    return min(max(nearest, lo), hi)


def powers_of_two(golden):
    def case(quantizer, bits=8, max_value=None, slope=0.0, quadratic=False, floor=False, relu=False, role="activation", shape=None):
        group = "quantized_relu_po2" if relu else "quantized_po2"
        rng = seeded(quantizer, role)
        sign_bit = 0 if max_value is not None and max_value <= 1 else 1
        n = bits - sign_bit - (0 if relu else 1)
        lo, hi = -(2**n), 2**n - 1
        if quadratic:
            hi = 2 * (hi // 2)
        if shape:
            x = rng.normal(0, 0.5, shape).astype(np.float32)
        else:
            e = np.arange(max(lo, -20) - 3, min(hi, 20) + 4)
            root = np.sqrt(2.0)
            around = [1.0, 1.25, 1.4, 1.42, 1.75, root * (1 - 1e-4), root * (1 + 1e-4)]
            magnitude = np.concatenate([2.0**e * f for f in around] + [np.exp(rng.uniform(-9, 6, 60)), [1e-7, 2e-7, 5e-8, 1e-6]])
            x = np.unique(np.concatenate([magnitude, -magnitude, [0.0]]).astype(np.float32))
            x = x[np.abs(x) < 2.0**23]

        def meant(v):
            v = float(v)
            if not relu:
                return (1 if v >= 0 else -1) * 2.0 ** exponent(abs(v), lo, hi, max_value, quadratic, floor)
            if v >= 0 or slope == 0:
                return 2.0 ** exponent(max(v, 0.0), lo, hi, max_value, quadratic, floor)
            return -(2.0 ** exponent(float(np.float32(slope) * np.float32(-v)), lo, hi, max_value, quadratic, floor))

        # float32 flushes the smallest powers, down to 2^-128, to zero; float64 misses ties of the quadratic form.
        expected = np.vectorize(meant)(x)
        y = call(make(quantizer), x).astype(np.float64)
        y = np.where(y == expected, y, call64(make(quantizer), x))
        same = np.log2(np.abs(np.where(y == 0, 1, y))) % 1 == 0
        same &= y == expected
        more = {}
        if shape is None:
            more["dropped"] = int(np.sum(~same))
            assert more["dropped"] <= 12, (quantizer, x[~same][:9], y[~same][:9], expected[~same][:9])
            x, y = x[same], y[same]
        else:
            assert np.all(same)
        golden.add(group, quantizer, role, x, y, codes=np.log2(np.abs(y)), **more)

    case("quantized_po2")
    case("quantized_relu_po2", relu=True)
    for bits in [2, 3, 4, 5, 6, 8]:
        case(f"quantized_po2({bits})", bits)
        case(f"quantized_relu_po2({bits})", bits, relu=True)
        case(f"quantized_po2({bits},quadratic_approximation=True)", bits, quadratic=True)
        case(f"quantized_relu_po2({bits},quadratic_approximation=1)", bits, quadratic=True, relu=True)
        case(f"quantized_po2({bits},log2_rounding='floor')", bits, floor=True)
        case(f"quantized_relu_po2({bits},log2_rounding='floor')", bits, floor=True, relu=True)
    for max_value in [1, 0.5, 0.25, 2, 4, 3, 0.75, 2048]:
        case(f"quantized_po2(4,{max_value})", 4, max_value)
        case(f"quantized_po2(6,max_value={max_value})", 6, max_value)
        case(f"quantized_relu_po2(4,{max_value})", 4, max_value, relu=True)
        case(f"quantized_relu_po2(6,{max_value},quadratic_approximation=True)", 6, max_value, quadratic=True, relu=True)
    for slope in [0.25, 0.5, 1]:
        case(f"quantized_relu_po2(5,negative_slope={slope})", 5, slope=slope, relu=True)
        case(f"quantized_relu_po2(4,4,{slope})", 4, 4, slope, relu=True)
    case("quantized_po2(5,4,True)", 5, 4)
    case("quantized_po2(5,log2_rounding=\"floor\",quadratic_approximation=True)", 5, quadratic=True, floor=True)
    case("quantized_relu_po2(1)", 1, relu=True)
    for i, (config, relu) in enumerate(
        [
            (dict(bits=5), False),
            (dict(bits=8, max_value=2.0), False),
            (dict(bits=4, max_value=1, quadratic_approximation=True), False),
            (dict(bits=6, max_value=2048), True),
            (dict(bits=6, quadratic_approximation=True), True),
            (dict(bits=5, max_value=4, negative_slope=0.25), True),
        ]
    ):
        obj = plain(object_form(qq.quantized_relu_po2 if relu else qq.quantized_po2, **config))
        args = dict(max_value=config.get("max_value"), slope=config.get("negative_slope", 0.0), quadratic=config.get("quadratic_approximation", False), relu=relu)
        case(legacy(obj) if i % 2 else obj, config["bits"], **args)
    for shape in [(6, 5), (3, 3, 2, 4), (9,)]:
        case("quantized_po2(4)", 4, role="weights", shape=shape)
        case("quantized_po2(5,1)", 5, 1, role="weights", shape=shape)
        case("quantized_po2(4,2,quadratic_approximation=True)", 4, 2, quadratic=True, role="weights", shape=shape)


def functions(golden):
    rng = seeded("functions")
    grid = np.concatenate([np.arange(-256, 257) / 64, np.rint(rng.uniform(-4, 4, 120) * 2**16) / 2**16, [-100.0, 100.0, 8.0, -8.0, 6.5, -6.5, 1 / 4096, -1 / 4096]])
    x = np.unique(grid.astype(np.float32))
    x = x[: len(x) // 4 * 4]
    # 0.1875x + 0.5 and 0.5x + 0.5 have at most 4 more fractional bits than x: exact in float64.
    for name in ["hard_sigmoid", "smooth_sigmoid", "binary_sigmoid", "hard_tanh", "smooth_tanh", "binary_tanh", "relu", "relu6", "linear"]:
        golden.add("functions", name, "activation", x, call64(make(name), x))
    for name in ["hard_sigmoid", "smooth_sigmoid", "binary_sigmoid", "hard_tanh", "smooth_tanh", "binary_tanh"]:
        obj = {"module": "builtins", "class_name": "function", "config": name, "registered_name": "function"}
        golden.add("functions", obj, "activation", x.reshape(-1, 4), call64(getattr(qq, name), x).reshape(-1, 4), note="a function record; QKeras' own meaning of the name")
    near = x[np.abs(x) <= 8]
    for name in ["leaky_relu", "elu", "selu", "gelu", "silu", "swish", "softplus", "softsign", "exponential", "hard_silu", "hard_swish", "sigmoid", "tanh"]:
        points = near[near >= -5] if name == "gelu" else near
        golden.add("functions", name, "activation", points, call64(make(name), points), NEAR)
    for shape in [(40, 3), (20, 10), (8, 2)]:
        logits = (np.rint(seeded("softmax", shape).normal(0, 2, shape) * 64) / 64).astype(np.float32)
        golden.add("functions", "softmax", "activation", logits, call64(make("softmax"), logits), NEAR)


# ---------------------------------------------------------------------------------------------------------------------
# Weights: scales that depend on the tensor
# ---------------------------------------------------------------------------------------------------------------------

SHAPES = {
    "dense": (12, 5),
    "dense_wide": (7, 11),
    "conv1d": (5, 3, 4),
    "conv2d": (3, 3, 4, 5),
    "depthwise": (3, 3, 6, 1),
    "depthwise2": (3, 2, 4, 2),
    "separable1d": (1, 5, 3, 2),
    "rank1": (10,),
}


def weights(kind, seed):
    """Weights of a layer: normal or uniform, channels of different size, some on a short grid, some zero."""
    rng = seeded("weights", kind, seed)
    shape = SHAPES[kind]
    w = rng.normal(0, 0.4, shape) if seed % 2 else rng.uniform(-1, 1, shape)
    w = w * 2.0 ** rng.integers(-4, 3, shape[-1:]) * [1.0, 0.1, 3.0][seed % 3]
    if seed % 5 == 2:
        w = np.rint(w * 32) / 32
    w = w.astype(np.float32)
    w.flat[rng.integers(w.size)] = 0
    if seed % 4 == 3 and len(shape) > 1 and shape[-1] > 1:
        w[..., rng.integers(shape[-1])] = 0  # a channel that is all zero
    return w


def scaled(golden, group, quantizer, kind, seed, lsb_of, two, check_order=True):
    """A weight quantizer with a scale from the data. `lsb_of(made)`: value of code 1, from the scale QKeras reports."""
    w = weights(kind, seed)
    made = make(quantizer)
    y = call(made, w).astype(np.float64)
    lsb = np.broadcast_to(np.asarray(lsb_of(made), np.float64), y.shape)
    if check_order and w.ndim > 1:
        # The same weights in another order: the mean is summed differently, the result must not change.
        other = np.flip(w, tuple(range(w.ndim - 1)))
        y2 = np.flip(call(make(quantizer), np.ascontiguousarray(other)), tuple(range(w.ndim - 1)))
        if two and not np.array_equal(y, y2):
            return False
    safe = np.where(lsb == 0, 1, lsb)
    codes = on_grid(np.where(lsb == 0, 0, y), safe)
    value = codes * lsb
    if two:
        assert np.all((np.frexp(safe)[0] == 0.5) | (safe == 1)), (quantizer, np.unique(lsb))
    scale = lsb
    for axis in range(w.ndim):
        if scale.shape[axis] > 1 and np.all(scale == np.take(scale, [0], axis)):
            scale = np.take(scale, [0], axis)
    golden.add(group, quantizer, "weights", w, value, "exact" if two else NEAR, codes=codes, scale=scale, layer=kind)
    return True


def numpy_of(value):
    return np.asarray(keras.ops.convert_to_numpy(value), np.float64)


def weight_scales(golden):
    skipped = 0

    def bits_case(quantizer, kind, seed, bits, integer, keep_negative=True):
        # The reported scale is for codes divided by 2^(bits - keep_negative).
        def lsb_of(made):
            return numpy_of(made.scale) * 2.0 ** (integer - (bits - int(keep_negative)))

        text = quantizer if isinstance(quantizer, str) else json.dumps(quantizer)
        return 0 if scaled(golden, "weights_bits", quantizer, kind, seed, lsb_of, "po2" in text) else 1

    seed = 0
    for kind in SHAPES:
        for bits, integer in [(2, 0), (3, 1), (4, 0), (6, 2), (8, 0), (5, -1)]:
            for alpha in ["auto", "auto_po2"]:
                seed += 1
                if seed % 3 == 0:
                    obj = plain(object_form(qq.quantized_bits, bits=bits, integer=integer, symmetric=1, alpha=alpha))
                    quantizer = legacy(obj) if seed % 2 else obj
                else:
                    quantizer = f"quantized_bits({bits},{integer},1,alpha='{alpha}')"
                skipped += bits_case(quantizer, kind, seed, bits, integer)
    for kind in ["dense", "conv2d"]:
        for text, args in [
            ("quantized_bits(4,0,1,0,alpha='auto_po2')", (4, 0, False)),
            ("quantized_bits(4,0,1,0,alpha='auto')", (4, 0, False)),
            ("quantized_bits(10,2,1,alpha='auto_po2')", (10, 2)),
            ("quantized_bits(12,0,1,alpha='auto')", (12, 0)),
            ("quantized_bits(4,0,1,alpha='auto_po2',scale_axis=0)", (4, 0)),
            ("quantized_bits(4,0,1,alpha='auto',scale_axis=0)", (4, 0)),
            ("quantized_bits(4,0,1,alpha='auto_po2',scale_axis=[0 1])", (4, 0)),
            ("quantized_bits(4,1,1,alpha='auto_po2',min_po2_exponent=-3,max_po2_exponent=0)", (4, 1)),
            ("quantized_bits(4,0,1,alpha='auto_po2',min_po2_exponent=-5,max_po2_exponent=-4)", (4, 0)),
        ]:
            seed += 1
            skipped += bits_case(text, kind, seed, *args)
    for text, kind, args in [
        ("quantized_bits(4,0,1,alpha='auto_po2',scale_axis=0,elements_per_scale=3)", "dense", (4, 0)),
        ("quantized_bits(5,1,1,alpha='auto_po2',scale_axis=0,elements_per_scale=4)", "dense", (5, 1)),
        ("quantized_bits(4,0,1,alpha='auto_po2',scale_axis=3,elements_per_scale=5)", "conv2d", (4, 0)),
        ("quantized_bits(4,0,1,alpha='auto_po2',scale_axis=[0 2],elements_per_scale=[3 2])", "conv2d", (4, 0)),
    ]:
        seed += 1
        skipped += bits_case(text, kind, seed, *args)
    # Frozen scales, as fine-tuned models carry them. QKeras keeps them in an attribute of its own.
    for scale, alpha in [([[0.5, 0.25, 1.0, 2.0, 0.125]], "auto_po2"), ([[0.3, 0.7, 1.1, 0.9, 0.5]], "auto"), ([[0.5]], "auto_po2")]:
        obj = plain(object_form(qq.quantized_bits, bits=4, integer=0, symmetric=1, alpha=alpha, post_training_scale=np.array(scale)))
        obj["config"]["post_training_scale"] = scale
        seed += 1
        w = np.clip(weights("dense", 1), -2, 2)
        made = make(obj)
        y = call(made, w).astype(np.float64)
        lsb = np.asarray(np.float32(scale), np.float64) / 8
        codes = on_grid(y, lsb)
        golden.add("weights_bits", obj, "weights", w, codes * lsb, "exact" if alpha == "auto_po2" else NEAR, codes=codes, scale=lsb, layer="dense")

    for kind in SHAPES:
        for i, text in enumerate(
            [
                "quantized_linear(4,0,alpha='auto')",
                "quantized_linear(6,1,alpha='auto_po2')",
                "quantized_linear(4,0,0,alpha='auto_po2')",
                "quantized_linear(3,2,keep_negative=False,alpha='auto')",
                "quantized_linear(5,0,1,0,'auto_po2')",
                "quantized_linear(1,0,alpha='auto_po2')",
                "quantized_linear(4,0,0,alpha='auto')",
            ]
        ):
            seed += 1
            half = 0.5 if text.startswith("quantized_linear(1") else 1.0
            try:
                kept = scaled(golden, "weights_linear", text, kind, seed, lambda made, h=half: numpy_of(made.quantization_scale) * h, "po2" in text)
            except AssertionError as error:
                print(f"skipped {text} on {kind}: {error}", file=sys.stderr)
                kept = False
            skipped += 0 if kept else 1
        for text in ["binary(alpha='auto')", "binary(alpha='auto_po2')", "binary(1,alpha='auto_po2')", "stochastic_binary(alpha='auto_po2')", "stochastic_binary('auto')"]:
            seed += 1
            skipped += 0 if scaled(golden, "weights_binary", text, kind, seed, lambda made: numpy_of(made.scale), "po2" in text) else 1
        for text in ["ternary(alpha='auto')", "ternary(alpha='auto_po2')", "stochastic_ternary('auto_po2')", "ternary('auto_po2',number_of_unrolls=2)", "ternary('auto',None,False,1)"]:
            seed += 1
            skipped += 0 if scaled(golden, "weights_ternary", text, kind, seed, lambda made: numpy_of(made.scale), "po2" in text) else 1
    for text, kind in [
        ("binary(alpha='auto_po2',scale_axis=0)", "dense"),
        ("binary(alpha='auto',scale_axis=0)", "conv2d"),
        ("binary(alpha='auto_po2',scale_axis=0,elements_per_scale=4)", "dense"),
        ("binary(alpha='auto',scale_axis=0,elements_per_scale=3)", "dense"),
        ("binary(alpha='auto_po2',min_po2_exponent=-2,max_po2_exponent=0)", "conv2d"),
    ]:
        seed += 1
        skipped += 0 if scaled(golden, "weights_binary", text, kind, seed, lambda made: numpy_of(made.scale), "po2" in text) else 1
    for cls, group, alpha in [(qq.binary, "weights_binary", "auto_po2"), (qq.binary, "weights_binary", "auto"), (qq.ternary, "weights_ternary", "auto_po2"), (qq.ternary, "weights_ternary", "auto"), (qq.stochastic_ternary, "weights_ternary", "auto_po2")]:
        seed += 1
        obj = plain(object_form(cls, alpha=alpha))
        skipped += 0 if scaled(golden, group, obj, "conv2d", seed, lambda made: numpy_of(made.scale), "po2" in alpha) else 1
    return skipped


# ---------------------------------------------------------------------------------------------------------------------
# What has to be refused
# ---------------------------------------------------------------------------------------------------------------------

REJECTED = [
    ("quantised_bits(4)", "unknown name"),
    (" quantized_bits(4)", "blank before the name"),
    ("quantized_bits(4,alpha=auto)", "a word without quotes loses its first and last letter: ut"),
    ("quantized_bits(4,keep_negative=false)", "a word without quotes loses its first and last letter: als"),
    ("quantized_bits(2**2)", "not a number"),
    ("quantized_bits(bits=4,0)", "positional after keyword"),
    ("quantized_bits(4,alpha=[1,2])", "lists are separated by blanks"),
    ("quantized_bits(4,nonsense=1)", "unknown argument"),
    ("quantized_bits(4,0,1,1,1,0,None,1.0,None,True,False,None,None,None,None,1)", "too many arguments"),
    ("quantized_bits(1,0,1,alpha='auto')", "no codes left: all NaN"),
    ("quantized_bits(4,0,1,alpha='automatic')", "unknown alpha"),
    ("quantized_bits(4,0,qnoise_factor=0.5)", "a blend of float and quantized values"),
    ("quantized_bits(4,0,1,alpha='auto_po2',min_po2_exponent=-2)", "one exponent limit alone"),
    ("bernoulli", "random at every call"),
    ("bernoulli(alpha=1)", "random at every call"),
    ("quantized_po2(1)", "exponent -0.5"),
    ("quantized_po2(4,0)", "log of zero"),
    ("quantized_relu(32)", "int32 overflow: NaN"),
    ("quantized_relu(4,1,negative_slope=0.3)", "slope is no power of two"),
    ("quantized_relu_po2(4,negative_slope=0.3)", "slope is no power of two"),
    ("quantized_sigmoid(32)", "int32 overflow: NaN"),
    ("ternary(alpha='auto',threshold=0.5)", "threshold and automatic scale exclude each other"),
    ({"class_name": "quantized_bits", "config": {"bits": 4, "nonsense": 1}}, "unknown argument"),
    ({"class_name": "quantized_foo", "config": {}}, "unknown class"),
]


def rejected(golden):
    """Records what QKeras itself does with each specification that qk-hls has to refuse."""
    x = np.linspace(-2, 2, 12, dtype=np.float32).reshape(4, 3)
    for quantizer, why in REJECTED:
        try:
            y = call(qq.get_quantizer(json.loads(json.dumps(quantizer))), x)
            found = "gives NaN" if np.isnan(y).any() else "gives numbers"
        except Exception as error:  # noqa: BLE001  (any failure is the answer looked for)
            found = f"raises {type(error).__name__}"
        golden.rejected.append({"quantizer": quantizer, "why": why, "qkeras": found})


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "tests" / "golden" / "quantizers")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)

    golden = Golden()
    for collect in [quantized_bits, quantized_linear, quantized_relu, binary_and_ternary, tanh_sigmoid_hswish, ulaw, powers_of_two, functions]:
        collect(golden)
    skipped = weight_scales(golden)
    rejected(golden)

    for group, arrays in golden.groups.items():
        np.savez_compressed(out / f"{group}.npz", **arrays)
    index = {
        "made_by": "tools/golden_quantizers.py",
        "absolute_tolerance": 1e-9,
        "reference": f"qkeras-v3 1.2.1, keras {keras.__version__}",
        "cases": golden.cases,
        "rejected": golden.rejected,
    }
    lines = json.dumps({k: v for k, v in index.items() if k not in ("cases", "rejected")}, indent=1)[:-2]
    for key in ("cases", "rejected"):
        lines += f',\n "{key}": [\n  ' + ",\n  ".join(json.dumps(c) for c in index[key]) + "\n ]"
    (out / "index.json").write_text(lines + "\n}\n")
    size = sum(p.stat().st_size for p in out.iterdir())
    print(f"{len(golden.cases)} cases ({skipped} skipped: scale depends on the order of summation, or no scale of that form), {size} bytes")


if __name__ == "__main__":
    main()
