//! Why a benchmark could not be run.

use std::io;
use std::path::Path;

/// Why a benchmark could not be run. What it measured is never a failure: figures are printed, not judged by an exit status.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A file, a socket or a process.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// What the system said.
        source: io::Error,
    },
    /// The program under test did something else than it must.
    #[error("{0}")]
    Program(String),
    /// The benchmark was asked for something that it cannot do.
    #[error("{0}")]
    Usage(String),
    /// The probe's database.
    #[error("the probe's database: {0}")]
    Probe(#[from] rusqlite::Error),
}

impl Failure {
    /// A program that did not behave.
    pub fn program(what: impl Into<String>) -> Failure {
        Failure::Program(what.into())
    }

    /// A question that makes no sense.
    pub fn usage(what: impl Into<String>) -> Failure {
        Failure::Usage(what.into())
    }
}

/// Says what was tried when the system said no.
pub trait Tried<T> {
    /// With the words of `what`.
    fn tried(self, what: impl FnOnce() -> String) -> Result<T, Failure>;

    /// With the name of a file.
    fn at(self, path: &Path) -> Result<T, Failure>
    where
        Self: Sized,
    {
        self.tried(|| path.display().to_string())
    }
}

impl<T> Tried<T> for io::Result<T> {
    fn tried(self, what: impl FnOnce() -> String) -> Result<T, Failure> {
        self.map_err(|source| Failure::Io { what: what(), source })
    }
}
