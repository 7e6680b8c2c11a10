//! The journal from outside.

mod backup;
mod basics;
mod support;
mod verify;
