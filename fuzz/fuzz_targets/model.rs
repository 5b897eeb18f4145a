//! Model files: HDF5, `.keras`, JSON.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| qk_hls::untrusted::entry::model(bytes));
