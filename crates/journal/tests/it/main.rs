//! The journal from outside.

mod basics;
mod support;
