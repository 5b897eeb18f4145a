"""Table of golden models. A model is a function that builds it, with what the recorder has to know about it."""

import dataclasses
from typing import Callable

MODELS = []


@dataclasses.dataclass
class GoldenModel:
    name: str
    build: Callable
    # "keras", "h5", "json" (model.json + model.weights.h5) or "json-legacy" (model.json + model_weights.h5, Keras 2).
    container: str
    # A type for each input of the model, in order.
    inputs: list
    samples: int
    folder: str
    environment: str
    # Compiled as a whole: TensorFlow has no eager CPU kernel for it (channels_first, dilated transposed convolution).
    xla: bool
    # Variances that make 1/sqrt(variance + epsilon) a power of two, for layers with epsilon 2^-10.
    exact_variance: bool
    # In float32 where a layer of QKeras cannot run in float64; sums are short enough to be exact.
    float32: bool
    # Why QKeras cannot load the file again, or loads something else; None when it does.
    reload: str | None
    # Layers whose values contain scales that QKeras rounds to float32 (alpha="auto"): equal to 1e-6 only.
    rounded: tuple
    # How near a tie a value before a quantizer may come, in steps; wider where QKeras computes weights in float32.
    margin: float
    # Called with the built model before it is saved, to set special weights.
    prepare: Callable | None
    # Changes the text of model.json after saving, to a form that other writers use.
    rewrite: Callable | None
    # Not empty: the model has to be refused, and an error has to name these layers.
    refused: list


def model(*inputs, container="keras", samples=8, folder="models", environment="qk3", xla=False, exact_variance=False, float32=False, reload=None, rounded=(), margin=1e-9, prepare=None, rewrite=None, refused=()):
    """Registers the function as a golden model of its name."""

    def register(build):
        name = build.__name__
        assert name not in {m.name for m in MODELS}, name
        MODELS.append(GoldenModel(name, build, container, list(inputs), samples, folder, environment, xla, exact_variance, float32, reload, rounded, margin, prepare, rewrite, list(refused)))
        return build

    return register
