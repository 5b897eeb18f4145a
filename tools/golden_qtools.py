#!/usr/bin/env python3
"""Records what the real QTools and print_qstats of qkeras-v3 say about models.

    tools/reference-env.sh qk3 && .venv-qk3/bin/python tools/golden_qtools.py [--out tests/golden/qtools/records.zip] [NAME...]

The models are those of tools/golden/qtools.py, which are saved with the records, and the committed ones of
tests/golden/models. tests/golden/qtools/README.md explains the files. With --file MODEL one model of the user's is
recorded to stdout.
"""

import argparse
import builtins
import contextlib
import copy
import io
import json
import pathlib
import sys
import tempfile
import warnings
import zipfile
import zlib

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))
sys.path.insert(0, str(ROOT / "tools" / "reference"))

import exact  # noqa: E402  (sets up TensorFlow before it is imported)
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from golden import qtools as builders  # noqa: E402
from golden_models import load, random_weights  # noqa: E402
from qkeras import estimate, quantizers  # noqa: E402
from qkeras.qtools import qgraph, qtools_util, run_qtools  # noqa: E402
from qkeras.qtools.qenergy import qenergy  # noqa: E402
from qkeras.qtools.settings import cfg  # noqa: E402
from qkeras.utils import model_save_quantized_weights  # noqa: E402

keras = exact.keras
warnings.filterwarnings("ignore")
tf.get_logger().setLevel("ERROR")

MEMORIES = [
    dict(weights_on_memory="dram", activations_on_memory="dram", min_sram_size=0, rd_wr_on_io=True),
    dict(weights_on_memory="sram", activations_on_memory="sram", min_sram_size=8 * 16 * 1024 * 1024, rd_wr_on_io=False),
    dict(weights_on_memory="fixed", activations_on_memory="dram", min_sram_size=0, rd_wr_on_io=False),
    dict(weights_on_memory="dram", activations_on_memory="fixed", min_sram_size=4096, rd_wr_on_io=True),
]
# The golden models of the simulator that QTools can read, and what is recorded of them besides the call without options.
GOLDEN_RUNS = [builders.REFERENCE]


class Ordered(list):
    """Stands for the set of tensors from which QTools makes its edges, in an order that has the operands of every layer as declared."""

    def __init__(self, items=()):
        super().__init__(dict.fromkeys(items))

    def __or__(self, other):
        found = Ordered([*self, *other])
        operands = [list(layer.input) for layer in recorded_model.layers if isinstance(layer.input, (list, tuple))]
        for _ in range(len(found)):
            for declared in operands:
                declared = list(dict.fromkeys(declared))
                places = {id(tensor): place for place, tensor in enumerate(found)}
                if all(id(t) in places for t in declared):  # not so in QKeras' own copies of the model
                    for place, tensor in zip(sorted(places[id(t)] for t in declared), declared):
                        found[place] = tensor
        return found


# QTools walks a hash set; the order of a merge's operands is then a matter of luck. Everything else is as it is.
qgraph.set = Ordered


def average_pooling(feature, key, default_val=None):
    """pe() looks an average pooling's accumulator up under another name than the one it is stored under, and stops."""
    found = get_val(feature, key, default_val)
    if found is None and key == "accumulator":
        return get_val(feature, "pool_sum_accumulator", default_val)
    return found


get_val = qtools_util.get_val
qenergy_util = copy.copy(vars(qtools_util))
qenergy.qtools_util = type("PatchedUtil", (), {"get_val": staticmethod(average_pooling)})


def plain(value):
    """A JSON value without NumPy and TensorFlow."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if hasattr(value, "numpy"):
        value = value.numpy()
    if isinstance(value, (np.ndarray, np.generic)):
        value = np.asarray(value).item()
    return value


def quietly(function, *args, **kwargs):
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        result = function(*args, **kwargs)
    return result, out.getvalue()


def source(text):
    if isinstance(text, list):
        return [source(t) for t in text]
    return text if text in ("int8", "int16", "int32", "fp16", "fp32") else eval("quantizers." + text)  # noqa: S307  (a text of this repository)


def arguments(run, model, rebuild):
    """The keyword arguments of QTools."""
    args = dict(run)
    if "source_quantizers" in args:
        sources = source(args["source_quantizers"])
        args["source_quantizers"] = sources if isinstance(sources, list) else [sources] * len(model.inputs)
    if args.get("hw_weight_dict"):
        other = rebuild()
        args["hw_weight_dict"], _ = quietly(model_save_quantized_weights, other)
        for layer in model.layers:  # QTools asks for every batch normalization
            args["hw_weight_dict"].setdefault(layer.name, {"enable_bn_fusing": False})
    return args


def failure(error):
    return {"error": f"{type(error).__name__}: {error}".splitlines()[0][:200]}


def roofline(tools):
    """The original's sums on NumPy; on tensors they stop with a type error."""
    run_qtools.knp, kept = np, run_qtools.knp
    try:
        return plain(quietly(tools.get_roofline_numbers)[0])
    except Exception as error:  # noqa: BLE001  (it stops for several inputs)
        return failure(error)
    finally:
        run_qtools.knp = kept


def record(model, run, rebuild):
    global recorded_model
    recorded_model = model
    try:
        tools, _ = quietly(run_qtools.QTools, model, process="horowitz", **arguments(run, model, rebuild))
    except Exception as error:  # noqa: BLE001  (what the original cannot do is recorded as that)
        return {"options": run, **failure(error)}
    result = {"options": run, "map": plain(tools._output_dict), "energy": []}
    for memory in MEMORIES:
        try:
            energy, _ = quietly(tools.pe, **memory)
            result["energy"].append(
                {
                    "memory": memory,
                    "pe": plain(energy),
                    "sum": plain(tools.extract_energy_sum(cfg.include_energy, energy)),
                    "profile": {k: v["total"] for k, v in plain(tools.extract_energy_profile(cfg.include_energy, energy)).items()},
                }
            )
        except Exception as error:  # noqa: BLE001
            result["energy"].append({"memory": memory, **failure(error)})
    result["roofline"] = roofline(tools)
    return result


def statistics(model):
    try:
        operations, _ = quietly(estimate.extract_model_operations, model)
        _, text = quietly(estimate.print_qstats, model)
    except Exception as error:  # noqa: BLE001
        return failure(error)
    return {"operations": plain(operations), "text": text}


def functional(model):
    """QTools cannot read a Sequential; the same layers as a Functional model are the same network."""
    if not isinstance(model, keras.Sequential):
        return model
    x = start = keras.layers.Input(model.inputs[0].shape[1:], name="in0")
    for layer in model.layers:
        x = layer.__class__.from_config(layer.get_config())(x)
    copied = keras.Model(start, x)
    copied.set_weights(model.get_weights())
    return copied


def called(model):
    """Calls the model once, so that automatic scales are known."""
    x = [tf.zeros([1] + list(i.shape[1:])) for i in model.inputs]
    model(x if len(x) > 1 else x[0])
    return model


def loaded(files):
    return functional(quietly(load, files[0].parent, [f.name for f in files])[0])


def records(make, runs):
    def rebuild():
        keras.backend.clear_session()
        return called(make())

    result = {"runs": [record(rebuild(), run, rebuild) for run in [{}, *runs]]}
    result["stats"] = statistics(rebuild())
    return result


def write(out, name, model, result):
    text = json.dumps({"model": model, **result}, separators=(",", ":"))
    (out / f"{name}.record.json").write_text(text + "\n")
    errors = [str(r.get("error")) for r in [*result["runs"], *[e for r in result["runs"] for e in r.get("energy", [])], result["stats"]] if "error" in r]
    print(f"{name}: {len(text)} bytes, {len(result['runs'])} runs, errors: {builtins.set(errors) or 'none'}", flush=True)


def seeded(name, build):
    """The model of a builder with the weights that its file gets; QKeras cannot load every file that it saves."""
    keras.utils.set_random_seed(1)
    model = build()
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    model.set_weights(random_weights(rng, model, False))
    return model


def save(name, model, container, out):
    if container == "json":
        (out / f"{name}.json").write_text(model.to_json() + "\n")
        quietly(model.save_weights, out / f"{name}.weights.h5")
        return f"{name}.json"
    quietly(model.save, out / f"{name}.{container}")
    return f"{name}.{container}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="models to record (default: all)")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "tests" / "golden" / "qtools" / "records.zip")
    parser.add_argument("--file", type=pathlib.Path, help="a model of the user's, recorded to stdout")
    parser.add_argument("--options", default="[]", help="with --file: more keyword arguments of QTools, as a JSON list of objects")
    args = parser.parse_args()
    if args.file:
        print(json.dumps({"model": str(args.file), **records(lambda: loaded([args.file]), json.loads(args.options))}))
        return
    with tempfile.TemporaryDirectory() as folder:
        failed = make(pathlib.Path(folder), args)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


def make(folder, args):
    """Makes records in a folder that begins with those of the archive, and writes the archive."""
    if args.names and args.out.exists():
        zipfile.ZipFile(args.out).extractall(folder)
    failed = []

    def attempt(name, work):
        if args.names and name not in args.names:
            return
        try:
            work()
        except Exception as error:  # noqa: BLE001  (report every model that fails, then stop)
            print(f"{name}: FAILED {type(error).__name__}: {error}", flush=True)
            failed.append(name)

    for name, (build, runs, container) in builders.MODELS.items():

        def work(name=name, build=build, runs=runs, container=container):
            keras.backend.clear_session()
            file = save(name, seeded(name, build), container, folder)
            write(folder, name, file, records(lambda: seeded(name, build), runs))

        attempt(name, work)
    for meta in sorted((ROOT / "tests/golden/models").glob("*/meta.json")):
        facts = json.loads(meta.read_text())
        if "qkeras-v3" in facts["versions"] and not facts.get("reload"):

            def work(meta=meta, facts=facts):
                name = meta.parent.name
                files = [meta.parent / f for f in facts["files"]]
                write(folder, f"golden_{name}", f"../models/{name}/{files[0].name}", records(lambda: loaded(files), GOLDEN_RUNS))

            attempt(f"golden_{meta.parent.name}", work)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(args.out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for file in sorted(folder.iterdir()):
            archive.writestr(zipfile.ZipInfo(file.name, (1980, 1, 1, 0, 0, 0)), file.read_bytes(), zipfile.ZIP_DEFLATED, 9)
    return failed


if __name__ == "__main__":
    main()
