//! Quantizers and activations against vectors from QKeras.

mod golden;
