//! The engine with a real journal behind it.

mod nodes;
mod reading;
mod snapshots;

/// Servers for the tests, as the journal's own have them.
#[allow(dead_code)]
#[path = "../../../journal/tests/it/server.rs"]
mod server;
