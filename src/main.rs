//! The `qk-hls` command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    qk_hls::cli::main()
}
