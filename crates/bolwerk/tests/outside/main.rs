//! The program and the project as they look from outside: command line, SMTP, HTTP.

mod commands;
mod dependencies;
mod desk;
mod mail;
mod storage;
