//! The crate from outside: real sockets, real processes, real mail.

mod corpus;
mod delivery;
mod hostile;
mod imap;
mod reception;
mod soak;
mod support;
mod workers;
