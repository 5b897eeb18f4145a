"""Evaluates real QKeras models in float64, and records what every layer gives.

QKeras quantizes in float32. Where the value before a quantizer has more than 24 bits, float32 alone decides some ties
wrongly, and sums of products round. `reference(...)` runs the layers' own code in float64 instead, and hands each
quantizer a float32 number that makes it take the decision it would take on the float64 one:

- float64 is narrowed to float32 by rounding to odd: a value that is not representable gets an odd last bit, so it can
  neither become a tie of a coarser grid nor cross one. Representable values (all stored weights) pass unchanged.
- quantized_tanh, quantized_sigmoid and quantized_hswish do arithmetic before they round; they run in float64.

The module works with qkeras-v3 on Keras 3 and with qkeras 0.9 on Keras 2.
"""

import contextlib
import functools
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import numpy as np
import tensorflow as tf

tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)

import qkeras
import qkeras.quantizers

KERAS3 = hasattr(qkeras.quantizers, "Kops")
if KERAS3:
    import keras
else:
    from tensorflow import keras

IN_FLOAT64 = {"quantized_tanh", "quantized_sigmoid", "quantized_hswish"}


def quantizer_classes():
    """Every quantizer class of the installed QKeras."""
    module = qkeras.quantizers
    base = module.base_quantizer.BaseQuantizer if KERAS3 else module.BaseQuantizer
    found = [c for c in vars(module).values() if isinstance(c, type) and issubclass(c, base) and c is not base]
    return sorted(set(found), key=lambda c: c.__name__)


def to_float32_odd(x):
    """Narrows float64 to float32, rounding to odd: exact values stay, all others get an odd significand."""
    x = np.asarray(x, np.float64)
    y = x.astype(np.float32)
    bits = y.view(np.uint32).copy()
    toward_zero = np.where(np.abs(y.astype(np.float64)) > np.abs(x), bits - 1, bits)
    inexact = y.astype(np.float64) != x
    return np.where(inexact, toward_zero | 1, bits).astype(np.uint32).view(np.float32).reshape(x.shape)


# How near a tie, in steps of the grid, a value may come without being one.
tie_margin = 1e-9


class NearTie(Exception):
    """A value before a quantizer lies so close to a tie that float64 cannot be trusted to decide it."""


def _check_ties(quantizer, x):
    bits, integer = getattr(quantizer, "bits", None), getattr(quantizer, "integer", None)
    if quantizer.__class__.__name__ not in {"quantized_bits", "quantized_relu", "quantized_linear"}:
        return
    if isinstance(getattr(quantizer, "alpha", None), str) or not isinstance(integer, (int, float)):
        return
    for lsb in [2.0 ** (integer - bits), 2.0 ** (integer - bits + 1)]:
        ratio = np.asarray(x, np.float64) / lsb
        distance = np.abs(np.abs(ratio - np.floor(ratio)) - 0.5)
        if np.any((distance > 0) & (distance < tie_margin) & (np.abs(ratio) < 2.0**20)):
            raise NearTie(str(quantizer.__class__.__name__))


def _in_float32(call):
    """The quantizer on float32 numbers, whatever the precision around it."""

    @tf.autograph.experimental.do_not_convert
    @functools.wraps(call)
    def wrapped(self, x, *args, **kwargs):
        if KERAS3 and isinstance(x, keras.KerasTensor):
            return x  # shapes only
        floatx = keras.backend.floatx()
        x = tf.convert_to_tensor(x)
        if tf.executing_eagerly():
            _check_ties(self, x)
            narrow = tf.constant(to_float32_odd(np.asarray(x)))
        else:
            narrow = tf.cast(x, "float32")  # in a compiled model: for values that float32 holds
        keras.backend.set_floatx("float32")
        try:
            y = call(self, narrow, *args, **kwargs)
        finally:
            keras.backend.set_floatx(floatx)
        return tf.cast(y, floatx)

    return wrapped


def _bound(method):
    """max() and min() of a quantizer, which mix float32 and floatx."""

    @functools.wraps(method)
    def wrapped(self):
        floatx = keras.backend.floatx()
        keras.backend.set_floatx("float32")
        try:
            return float(method(self))
        finally:
            keras.backend.set_floatx(floatx)

    return wrapped


@contextlib.contextmanager
def float64():
    """Layers built inside compute in float64; call them eagerly, inside as well."""
    keras.backend.set_floatx("float64")
    set_policy = keras.config.set_dtype_policy if KERAS3 else keras.mixed_precision.set_global_policy
    set_policy("float64")
    patched = []
    try:
        for cls in quantizer_classes():
            for name in ("__call__", "max", "min"):
                if name in vars(cls) and not (name == "__call__" and cls.__name__ in IN_FLOAT64):
                    patched.append((cls, name, vars(cls)[name]))
                    setattr(cls, name, (_in_float32 if name == "__call__" else _bound)(vars(cls)[name]))
        yield
    finally:
        for cls, name, method in patched:
            setattr(cls, name, method)
        keras.backend.set_floatx("float32")
        set_policy("float32")


def layer_keys(model, prefix=""):
    """id(layer) -> key of its recorded output: the layer's name, with the names of nested models before it."""
    keys = {}
    for layer in model.layers:
        keys[id(layer)] = prefix + layer.name
        if isinstance(layer, keras.Model):
            keys.update(layer_keys(layer, prefix + layer.name + "/"))
    return keys


def run(model, inputs):
    """Calls the model eagerly. Returns its outputs (a list) and every layer's output by key.

    The second, third, ... call of a shared layer has the key `name#1`, `name#2`, ...; the second, third, ... tensor of
    a layer with several outputs `name:1`, `name:2`, ...
    """
    keys = layer_keys(model)
    acts = {}
    base = keras.layers.Layer
    call = base.__call__

    def recording(self, *args, **kwargs):
        outputs = call(self, *args, **kwargs)
        if id(self) in keys:
            key, count = keys[id(self)], 0
            while (key if count == 0 else f"{key}#{count}") in acts:
                count += 1
            key = key if count == 0 else f"{key}#{count}"
            for i, tensor in enumerate(outputs if isinstance(outputs, (list, tuple)) else [outputs]):
                acts[key if i == 0 else f"{key}:{i}"] = np.asarray(tensor, np.float64)
        return outputs

    dtype = keras.backend.floatx()
    tensors = [tf.constant(np.asarray(x), dtype) for x in inputs]
    base.__call__ = recording
    try:
        outputs = model(tensors if len(tensors) > 1 else tensors[0], training=False)
    finally:
        base.__call__ = call
    if isinstance(outputs, dict):
        outputs = list(outputs.values())
    outputs = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    return [np.asarray(y, np.float64) for y in outputs], acts


def reference(build, weights, inputs):
    """Builds the model in float64, gives it `weights` (as `model.get_weights()` lists them) and runs it."""
    with float64():
        keras.backend.clear_session()
        model = build()
        model.set_weights(weights)
        return run(model, inputs)
