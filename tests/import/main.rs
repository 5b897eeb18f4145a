//! Import of real files.

#[path = "models.rs"]
mod models;
