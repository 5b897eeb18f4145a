//! The JSON of a model beside real weights.
#![no_main]

const WEIGHTS: &[u8] = include_bytes!("../../tests/golden/models/dense_mlp/model.weights.h5");

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| qk_hls::untrusted::entry::json(bytes, WEIGHTS));
