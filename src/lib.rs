//! QKeras networks to bit-exact HLS projects.
//!
//! Data flows one way: `import` -> `layers`/`quantizers` -> `ir` -> `passes` ->
//! {`sim`, `qtools`, `codegen`} -> `csim` -> `cli`.

// Generators shared with the tests of the interface name the crate.
#[cfg(test)]
extern crate self as qk_hls;

pub mod cli;
pub mod codegen;
pub mod compile;
pub mod config;
pub mod csim;
pub mod data;
pub mod evaluate;
pub mod export;
pub mod import;
pub mod ir;
pub mod layers;
pub mod num;
pub mod passes;
pub mod qtools;
pub mod quantize;
pub mod quantizers;
pub mod report;
pub mod sim;
pub mod tune;
pub mod untrusted;
