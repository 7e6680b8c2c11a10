//! What a simulation or a test may put in the place of the operating system.

use std::fmt;

use crate::{BULK_BYTES_MAX, Error};

/// Fills bytes with randomness.
pub type Random = Box<dyn FnMut(&mut [u8]) -> Result<(), Error> + Send>;
/// Asked before each commit; an error makes the commit fail.
pub type BeforeCommit = Box<dyn FnMut() -> Result<(), Fault> + Send>;

/// How an injected fault ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// No room: nothing is written, the writer goes on.
    Full,
    /// The commit fails and nothing is known about it; in truth nothing was written. The writer is poisoned.
    Lost,
    /// The commit fails and nothing is known about it; in truth all was written. The writer is poisoned.
    Written,
}

/// Keys that lie ready, written and synced ahead of use.
pub(crate) const POOL: u64 = 4096;

/// The outside world of a writer.
pub struct Hooks {
    /// Source of keys, nonces and salts.
    pub random: Random,
    /// Injects faults.
    pub before_commit: Option<BeforeCommit>,
    /// Keys that lie ready.
    pub pool: u64,
    /// Content longer than this is kept as a file, bytes; [`BULK_BYTES_MAX`] but in tests.
    pub bulk_bytes_max: usize,
    /// Most pages the store may have: a disk that is full. `None` = as many as fit the disk.
    pub pages_max: Option<u32>,
}

impl Default for Hooks {
    fn default() -> Hooks {
        Hooks {
            random: Box::new(system_random),
            before_commit: None,
            pool: POOL,
            bulk_bytes_max: BULK_BYTES_MAX,
            pages_max: None,
        }
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks").field("pool", &self.pool).field("pages_max", &self.pages_max).finish_non_exhaustive()
    }
}

/// Randomness of the operating system.
pub(crate) fn system_random(bytes: &mut [u8]) -> Result<(), Error> {
    getrandom::fill(bytes).map_err(|error| Error::Random { what: error.to_string() })
}
