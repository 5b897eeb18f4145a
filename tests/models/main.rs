//! Whole models against what QKeras computed.

mod digits;
mod golden;
mod recorded;
mod recurrent;
mod trained;
