//! The command line as its users meet it.

mod forms;
mod refusals;
mod support;
