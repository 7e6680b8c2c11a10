//! An append-only journal: chained, sealed, verified.
//!
//! Entries are hashed into an RFC 6962 tree whose newest checkpoint is signed in the same transaction that stores them.
//! Personal data is sealed under a key per subject; destroying the key erases it while the chain still verifies. The format
//! is described in `docs/decisions/0001-journal-format.md` and never changes.
//!
//! A journal is a folder: `journal.db` (SQLite), `keys` (every secret), `blobs/` (large parts, encrypted), `lock`. Or its
//! entries and large parts lie in PostgreSQL, for several nodes: then the folder of each node has `store.toml` ([`connect`])
//! and its own `keys` and `keys.next`. Format, tree and promises are the same; see `docs/postgresql.md`.
//!
//! - [`Writer`] appends; a folder has one at a time. [`Reader`] reads, in any process, and waits for more.
//! - Whatever was acknowledged is on disk, and on the synchronous standby where there is one. After a failure that leaves
//!   this unknown the writer is poisoned.
//! - Where several nodes write, one that was overtaken is told ([`Error::Moved`]) and decides again on what is there now.
//! - Time is passed in. Randomness comes from the operating system unless [`Hooks`] say otherwise.

mod append;
mod backup;
mod duty;
mod entry;
mod erasures;
mod error;
mod files;
#[doc(hidden)]
pub mod fuzzing;
mod hooks;
mod keys;
mod leaf;
mod note;
mod proofs;
mod reader;
mod seal;
mod share;
mod snapshots;
mod store;
mod tree;
mod verify;
mod writer;

/// Servers for the tests; those of the other test program use more of it.
#[cfg(test)]
#[allow(dead_code)]
#[path = "../tests/it/server.rs"]
mod server;

pub use append::keys_erased;
pub use backup::{BackedUp, RestoreOptions, Restored, backup, keys_beside, restore};
pub use duty::Duty;
pub use entry::{
    Appended, BODY_BYTES_MAX, BULK_BYTES_MAX, Content, ERASED_KIND, Keep, NewEntry, NewPart, PART_BYTES_MAX,
    REPLAYED_BYTES_MAX, Stored, StoredPart,
};
pub use error::Error;
pub use files::write_synced;
pub use hooks::{BeforeCommit, Fault, Hooks, Random};
pub use leaf::{Hash, KIND_BYTES_MAX, KeyId, PARTS_MAX};
pub use note::{Checkpoint, Verifier};
pub use reader::Reader;
pub use share::{Node, retire};
pub use snapshots::{Misfit, NewSnapshot, OpenSnapshot, SNAPSHOTS_KIND, SNAPSHOTS_MAX, Snapshot};
pub use store::{connect, node_of};
pub use tree::{empty_root, hash_leaf, hash_node, verify_consistency, verify_inclusion};
pub use verify::{Verified, verify};
pub use writer::{Options, Writer};
