//! `.npy` and `.npz`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| qk_hls::untrusted::entry::arrays(bytes));
