//! The program and the project as they look from outside: command line, SMTP, HTTP.

mod commands;
mod demo;
mod dependencies;
mod desk;
mod documents;
mod golden;
mod mail;
mod mailbox;
mod nodes;
mod said;
mod secrecy;
mod storage;

/// A mail server for the tests, as the mail crate's own have it.
#[allow(dead_code)]
#[path = "../../../post/tests/post/imap/dovecot.rs"]
mod dovecot;
/// Mail as no program should write it.
#[allow(dead_code)]
#[path = "../../../post/tests/post/malformed.rs"]
mod malformed;
/// Servers for the tests, as the journal's own have them.
#[allow(dead_code)]
#[path = "../../../journal/tests/it/server.rs"]
mod server;
