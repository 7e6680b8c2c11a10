//! The journal from outside.

mod backup;
mod basics;
mod faults;
mod golden;
mod kill;
mod proofs;
mod support;
mod verify;
