#!/usr/bin/env python3
"""Builds small QKeras models, runs them in float64 and records every layer.

    tools/reference-env.sh qk3 && .venv-qk3/bin/python tools/golden_models.py [--out tests/golden] [NAME...]
    tools/reference-env.sh qk2 && .venv-qk2/bin/python tools/golden_models.py [--out tests/golden] [NAME...]

The models are in tools/golden; each environment makes its own. tests/golden/models/README.md explains the files.
"""

import argparse
import importlib.metadata
import json
import pathlib
import shutil
import sys
import traceback
import warnings
import zlib

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))
sys.path.insert(0, str(ROOT / "tools" / "reference"))

import exact  # noqa: E402  (sets up TensorFlow before it is imported)
import numpy as np  # noqa: E402
import qkeras  # noqa: E402,F401
import tensorflow as tf  # noqa: E402
from golden.registry import MODELS  # noqa: E402

keras = exact.keras
ENVIRONMENT = "qk3" if exact.KERAS3 else "qk2"

if exact.KERAS3:
    import golden.feed_forward  # noqa: E402,F401
    import golden.graphs  # noqa: E402,F401
    import golden.normalization  # noqa: E402,F401
    import golden.plain  # noqa: E402,F401
    import golden.recurrent  # noqa: E402,F401
    import golden.refused  # noqa: E402,F401
else:
    import golden.keras2  # noqa: E402,F401

warnings.filterwarnings("ignore")
tf.get_logger().setLevel("ERROR")


def grid(spec):
    """(signed, width, integer bits with the sign) of a type in short form: fixed<6,2>, ufixed<5,1>."""
    kind, numbers = spec.rstrip(">").split("<")
    width, integer = (int(n) for n in numbers.split(","))
    return kind == "fixed", width, integer


def samples(rng, spec, shape):
    """Random numbers of a type, over its whole range; the ends occur."""
    signed, width, integer = grid(spec)
    low, high = (-(2 ** (width - 1)), 2 ** (width - 1) - 1) if signed else (0, 2**width - 1)
    codes = rng.integers(low, high, shape, endpoint=True)
    if codes.size > 1:
        codes.flat[0], codes.flat[-1] = low, high
    return (codes * 2.0 ** (integer - width)).astype(np.float32)


def owners(model):
    """(variable, its layer) for every variable; the layer is the innermost one."""
    found = {}
    for layer in model._flatten_layers(include_self=False):
        for variable in layer.weights:
            if id(variable) not in found or len(layer.weights) < len(found[id(variable)][1].weights):
                found[id(variable)] = (variable, layer)
    return [found[id(v)] for v in model.weights]


def random_weights(rng, model, exact_variance):
    """Values for every weight: off the quantizers' grids for QKeras layers, short binary fractions for plain ones."""
    values = []
    for variable, layer in owners(model):
        name = variable.name.split("/")[-1].split(":")[0]
        quantized = layer.__class__.__name__.startswith("Q")
        shape, old = tuple(variable.shape), np.asarray(variable)
        if name in ("gamma",):
            value = np.rint(rng.uniform(0.4, 1.6, shape) * 16) / 16
        elif name in ("moving_variance",):
            value = 4.0 ** rng.integers(-1, 2, shape) - 2.0**-10 if exact_variance else np.rint(rng.uniform(0.2, 2, shape) * 64) / 64
        elif name in ("kernel", "depthwise_kernel", "pointwise_kernel", "recurrent_kernel", "bias", "beta", "moving_mean", "weight", "alpha"):
            value = rng.normal(0, 0.45, shape)
            if not quantized or name in ("beta", "moving_mean"):
                value = np.rint(value * 16) / 16
        else:
            value = old  # counters, seeds
        values.append(value.astype(old.dtype))
    return values


def save(model, spec, folder):
    """Writes the model in its container; returns the names of the files."""
    if spec.container == "keras":
        model.save(folder / "model.keras")
        return ["model.keras"]
    if spec.container == "h5":
        if exact.KERAS3:
            model.save(folder / "model.h5")
        else:
            model.save(folder / "model.h5", include_optimizer=False)
        return ["model.h5"]
    weights = {"json": "model.weights.h5", "json-legacy": "model_weights.h5"}[spec.container]
    text = model.to_json()
    (folder / "model.json").write_text((spec.rewrite(text) if spec.rewrite else text) + "\n")
    model.save_weights(folder / weights)
    return ["model.json", weights]


def load(folder, files):
    from qkeras.utils import _add_supported_quantized_objects, load_qmodel

    if files[0] == "model.json":
        objects = {}
        _add_supported_quantized_objects(objects)
        model = keras.models.model_from_json((folder / "model.json").read_text(), custom_objects=objects)
        model.load_weights(folder / files[1])
        return model
    return load_qmodel(str(folder / files[0]), compile=False)


def outputs_of(model, x):
    y = model(x if len(x) > 1 else x[0], training=False)
    y = list(y.values()) if isinstance(y, dict) else y if isinstance(y, (list, tuple)) else [y]
    return [np.asarray(v, np.float64) for v in y]


def compiled(spec, weights, x):
    """All layers' outputs from one compiled function, for layers that TensorFlow cannot run eagerly on a CPU."""
    with exact.float64():
        keras.backend.clear_session()
        model = spec.build()
        model.set_weights(weights)
        layers = [layer for layer in model.layers if layer.__class__.__name__ != "InputLayer"]
        probe = keras.Model(model.inputs, [layer.output for layer in layers] + list(model.outputs))
        run = tf.function(lambda *args: probe(args if len(args) > 1 else args[0], training=False), jit_compile=True)
        found = [np.asarray(v, np.float64) for v in run(*[tf.constant(v, "float64") for v in x])]
    acts = {layer.name: value for layer, value in zip(layers, found)}
    for name, value in acts.items():
        if not np.array_equal(value.astype(np.float32), value):
            raise RuntimeError(f"{spec.name}: {name} has values beyond float32; a compiled model must not")
    return found[len(layers) :], acts


def representable(value):
    """Whether no value uses more than 46 bits below the largest: then float64 holds the exact result, not a rounded one."""
    scaled = np.ldexp(value, 46 - np.frexp(np.abs(value).max())[1])
    return bool(np.all(scaled == np.rint(scaled)))


def producers(model):
    """The name of the layer each output of the model comes from."""
    history = [t._keras_history for t in model.outputs]
    return [(h.operation if exact.KERAS3 else h.layer).name for h in history]


def make(spec, out):
    folder = out / spec.folder / spec.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)

    if spec.refused:
        keras.backend.clear_session()
        keras.utils.set_random_seed(1)
        files = save(spec.build(), spec, folder)
        (folder / "meta.json").write_text(json.dumps({"name": spec.name, "files": files, "refused": spec.refused, "made_by": "tools/golden_models.py"}, indent=1) + "\n")
        return sum(p.stat().st_size for p in folder.iterdir())

    exact.tie_margin = 1e-4 if spec.rounded else spec.margin
    for attempt in range(20):
        rng = np.random.default_rng(zlib.crc32(spec.name.encode()) + attempt)
        keras.backend.clear_session()
        keras.utils.set_random_seed(attempt)
        model = spec.build()
        # The open axis is the batch: the first one, but for layers that have time first.
        shapes = [[spec.samples if n is None else n for n in i.shape] for i in model.inputs]
        x = [samples(rng, t, shape) for t, shape in zip(spec.inputs, shapes, strict=True)]
        model.set_weights(random_weights(rng, model, spec.exact_variance))
        if spec.prepare:
            spec.prepare(model, rng)
        weights = model.get_weights()
        try:
            if spec.xla:
                y, acts = compiled(spec, weights, x)
            elif spec.float32:
                y, acts = exact.run(model, x)
            else:
                y, acts = exact.reference(spec.build, weights, x)
        except exact.NearTie:
            continue
        if attempt < 5 and any(np.all(v == v.flat[0]) for v in y):
            continue  # a constant output shows little
        break
    else:
        raise RuntimeError(f"{spec.name}: a value near a tie with every seed")

    files = save(model, spec, folder)
    meta = {
        "name": spec.name,
        "files": files,
        "input_types": spec.inputs,
        "outputs": len(y),
        "exact": [name for name, value in acts.items() if representable(value) and name not in spec.rounded],
        "exact_outputs": [i for i, (value, layer) in enumerate(zip(y, producers(model))) if representable(value) and layer not in spec.rounded],
        "reference": "float32" if spec.float32 else "float64, compiled" if spec.xla else "float64",
        "made_by": "tools/golden_models.py",
        "versions": {p: importlib.metadata.version(p) for p in (["qkeras-v3", "keras"] if exact.KERAS3 else ["qkeras", "keras"])},
    }
    if not spec.xla:
        found = outputs_of(model, [tf.constant(v) for v in x])
        meta["float32_difference"] = float(max(np.abs(a - b).max() for a, b in zip(found, y, strict=True)))
        try:
            again = outputs_of(load(folder, files), [tf.constant(v) for v in x])
            same = all(np.array_equal(a, b) for a, b in zip(again, found, strict=True))
            state = None if same else "gives other values after loading"
        except Exception as error:  # noqa: BLE001  (whatever stops QKeras from loading its own file)
            state = f"QKeras cannot load it: {type(error).__name__}: {error}"
        if bool(state) != bool(spec.reload):
            raise RuntimeError(f"{spec.name}: expected reload {spec.reload!r}, found {state!r}")
    batch_axis = list(model.inputs[0].shape).index(None)
    if batch_axis:
        meta["batch_axis"] = batch_axis
    if spec.reload:
        meta["reload"] = spec.reload

    if len(x) == 1:
        np.save(folder / "x.npy", x[0])
    else:
        np.savez_compressed(folder / "x.npz", **{str(i): v for i, v in enumerate(x)})
    np.savez_compressed(folder / "y.npz", **{str(i): v for i, v in enumerate(y)})
    np.savez_compressed(folder / "acts.npz", **acts)
    (folder / "meta.json").write_text(json.dumps(meta, indent=1) + "\n")
    size = sum(p.stat().st_size for p in folder.iterdir())
    dull = [name for name, v in acts.items() if np.unique(v).size < 3]
    rough = [name for name in acts if name not in meta["exact"]]
    print(f"{spec.name}: {size} bytes, float32 differs by {meta.get('float32_difference', 0):.1g}, not exact: {rough}, dull: {dull}", flush=True)
    return size


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="models to make (default: all of this environment)")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "tests" / "golden")
    args = parser.parse_args()
    chosen = [m for m in MODELS if m.environment == ENVIRONMENT and (not args.names or m.name in args.names)]
    total, failed = 0, []
    for spec in chosen:
        try:
            total += make(spec, args.out)
        except Exception:  # noqa: BLE001  (report every model that fails, then stop)
            traceback.print_exc(limit=-3)
            failed.append(spec.name)
            shutil.rmtree(args.out / spec.folder / spec.name, ignore_errors=True)
    print(f"{len(chosen) - len(failed)} models, {total} bytes")
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
