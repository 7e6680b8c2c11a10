//! The program and the project as they look from outside: command line, SMTP, HTTP.

mod commands;
mod dependencies;
mod desk;
mod mail;
mod nodes;
mod storage;

/// Servers for the tests, as the journal's own have them.
#[allow(dead_code)]
#[path = "../../../journal/tests/it/server.rs"]
mod server;
