//! `quantize` against QKeras' model_quantize, and model files that are written against those that are read.

mod export;
mod model_quantize;
mod refusals;
mod support;
mod tune;
