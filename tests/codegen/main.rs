//! Generated projects: what they look like, and that their C++ computes the simulator's codes.

mod cli;
mod config;
#[path = "../sim/designs.rs"]
mod designs;
mod doubles;
mod golden;
mod products;
mod project;
mod quantizers;
mod random;
mod recurrent;
mod scripts;
mod snapshots;
mod support;
mod throughput;
