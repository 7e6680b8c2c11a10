//! The journal from outside.

mod backup;
mod basics;
mod faults;
mod golden;
mod kill;
mod nodes;
mod proofs;
mod server;
mod server_faults;
mod snapshots;
mod support;
mod verify;
