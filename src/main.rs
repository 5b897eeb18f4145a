//! The `qk-hls` command line.

fn main() {}
