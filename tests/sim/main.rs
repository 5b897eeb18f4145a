//! The fast simulator against the reference.

mod designs;
mod golden;
mod random;
