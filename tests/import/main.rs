//! Import of real files.

#[path = "golden.rs"]
mod golden;
#[path = "models.rs"]
mod models;
