//! Whole models against what QKeras computed.

mod golden;
mod recorded;
mod trained;
