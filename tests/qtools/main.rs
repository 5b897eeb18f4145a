//! QTools and print_qstats against what the real ones said.

mod accumulators;
mod records;
mod stats;
