//! Quantizers and activations against vectors from QKeras.

mod functions;
mod golden;
mod softmax;
