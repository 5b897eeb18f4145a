//! Quantizers, types, numbers, configurations as users write them.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| qk_hls::untrusted::entry::texts(bytes));
