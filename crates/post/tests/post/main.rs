//! The crate from outside: real sockets, real processes, real mail.

mod authenticity;
mod corpus;
mod delivery;
mod direct;
mod dns_stub;
mod hostile;
mod imap;
mod malformed;
mod reception;
mod soak;
mod support;
mod workers;
