//! The command line as its users meet it.

mod fixed;
mod forms;
mod quantizer;
mod refusals;
mod support;
