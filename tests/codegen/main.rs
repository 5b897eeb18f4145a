//! Generated projects: what they look like, and that their C++ computes the simulator's codes.

mod golden;
mod support;
