//! A deterministic simulation of a desk: one seed drives everything that happens to it, and after each step everything that must hold
//! is checked.
//!
//! Real: deciding, applying and replaying (`desk`), the writer's heart (`engine::core`), scanning and reading mail (`post`), the
//! Merkle tree's hashes and proofs (`journal`). Simulated: the disk, the clock, the network, the machine that dies, and everybody
//! outside. The steps between them are those of `engine`: decide, append, durable, acknowledge, send, record; a crash may fall
//! between any two. In half of the stories a second node shares the disk: it hears what the first one wrote, and they lead in turn.
//!
//! No threads, no files, no time of the machine: a seed tells the same story everywhere. See [`run`], and the binary `bolwerk-sim`.

pub mod disk;
pub mod invariant;
pub mod machine;
pub mod model;
pub mod people;
pub mod random;
pub mod reader;
mod simulation;
pub mod store;
pub mod tree;
pub mod world;

pub use simulation::{Failure, Options, Summary, run};
pub use store::Flaw;

/// The name of what happened: a fact's variant.
fn brief(fact: &dyn std::fmt::Debug) -> String {
    let whole = simulation::cut(format_args!("{fact:?}"), 24);
    whole.split(' ').next().unwrap_or_default().to_owned()
}
