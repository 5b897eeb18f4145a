//! QTools and print_qstats against what the real ones said.

mod accumulators;
mod cli;
mod records;
mod stats;
