//! Quantizers and activations against vectors from QKeras.

mod docs;
mod functions;
mod golden;
mod softmax;
