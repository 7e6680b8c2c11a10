//! Everything that can go wrong, by what a person can do about it.

use std::io;
use std::path::{Path, PathBuf};

use crate::leaf::KeyId;

/// Why the journal did not do what it was asked. Messages say what, where and what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no journal in this folder.
    #[error("no journal in {}", dir.display())]
    Absent {
        /// The folder that was looked at.
        dir: PathBuf,
    },
    /// Another process (or another writer of this one) writes to the folder.
    #[error("{} is held by another writer: stop that one first", dir.display())]
    Held {
        /// The folder that is held.
        dir: PathBuf,
    },
    /// The folder is kept read-only on purpose, or its medium cannot be written.
    #[error("{} is read-only: {why}", dir.display())]
    ReadOnly {
        /// The folder.
        dir: PathBuf,
        /// The reason, a sentence.
        why: String,
    },
    /// No room left; nothing of this group was kept, and what was acknowledged before is safe.
    #[error("the disk is full: {what}; make room, then try again")]
    Full {
        /// What was being written.
        what: String,
    },
    /// As many files are open as this process or the machine may have; nothing of this group was kept.
    #[error("too many open files: {what}; raise the limit (LimitNOFILE=, ulimit -n), then try again")]
    TooManyFiles {
        /// What was being opened.
        what: String,
    },
    /// An earlier write failed in a way that leaves unknown what reached the disk.
    #[error("writing stopped after a failure ({why}): restart, so that the journal is checked before it goes on")]
    Poisoned {
        /// The failure that stopped the writing.
        why: String,
    },
    /// Another writer of the same journal appended meanwhile. Nothing of this group was written; what it was decided on is no
    /// longer the newest. Read the entries `from..to`, decide again, append again: the writer stands at `to` now.
    #[error("entries {from} to {to} were appended by another writer meanwhile: read them, then decide again")]
    Moved {
        /// Number of entries when this writer last looked.
        from: u64,
        /// Number of entries now.
        to: u64,
    },
    /// A commit failed in a way that leaves unknown whether it is durable.
    #[error("whether the last group is durable is not known: {why}")]
    Unsure {
        /// What happened.
        why: String,
    },
    /// The database server does not answer, or not now. Nothing of this group was written; the writer goes on when it is back.
    #[error("the database server does not answer: {why}; try again")]
    Away {
        /// What happened.
        why: String,
    },
    /// The key file is not there.
    #[error("the key file {} is missing: put it back from the backup of the keys", path.display())]
    NoKeys {
        /// Where the key file belongs.
        path: PathBuf,
    },
    /// The key file is there but cannot be used.
    #[error("the key file {} cannot be used: {what}; put it back from the backup of the keys", path.display())]
    BadKeys {
        /// The key file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A part names a key that was never handed out or is erased.
    #[error("key {} does not exist or is erased", key.0)]
    UnknownKey {
        /// The key.
        key: KeyId,
    },
    /// The caller asked for something the format does not allow.
    #[error("{what}")]
    Invalid {
        /// What is not allowed, and the limit.
        what: String,
    },
    /// The journal does not say what was written. `seq` is the first bad entry, where one can be named.
    #[error("{}{what}", seq.map(|seq| format!("entry {seq}: ")).unwrap_or_default())]
    Broken {
        /// The first bad entry.
        seq: Option<u64>,
        /// What is wrong.
        what: String,
    },
    /// A backup file that is not what was written, or does not fit what came with it.
    #[error("the backup cannot be restored: {what}")]
    BadBackup {
        /// What is wrong.
        what: String,
    },
    /// The backup is encrypted and no identity was given, or not the right one.
    #[error("the backup is encrypted: {what}")]
    Encrypted {
        /// What is needed.
        what: String,
    },
    /// A file or folder that should not be there yet.
    #[error("{} exists already and is not overwritten", path.display())]
    Exists {
        /// The file or folder.
        path: PathBuf,
    },
    /// A note that is not signed by this journal, or not of the form asked for.
    #[error("the note cannot be used: {what}")]
    BadNote {
        /// What is wrong.
        what: String,
    },
    /// The operating system gave no randomness.
    #[error("no randomness from the operating system: {what}")]
    Random {
        /// What it said.
        what: String,
    },
    /// A file operation failed.
    #[error("{what} {}: {source}", path.display())]
    Io {
        /// What was attempted, a verb.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The store failed.
    #[error("the store failed: {0}")]
    Store(rusqlite::Error),
    /// The database server refused.
    #[error("the database server refused: {what}")]
    Server {
        /// What it said.
        what: String,
    },
}

impl Error {
    pub(crate) fn invalid(what: impl Into<String>) -> Error {
        Error::Invalid { what: what.into() }
    }

    pub(crate) fn broken(seq: impl Into<Option<u64>>, what: impl Into<String>) -> Error {
        Error::Broken { seq: seq.into(), what: what.into() }
    }

    /// For `map_err` on file operations: a full disk and a read-only medium get their own kinds.
    pub(crate) fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
        let path = path.to_path_buf();
        move |source| match source.kind() {
            _ if matches!(source.raw_os_error(), Some(libc::EMFILE | libc::ENFILE)) => {
                Error::TooManyFiles { what: format!("cannot {what} {}", path.display()) }
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                Error::Full { what: format!("{what} {}", path.display()) }
            }
            io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied if what != "read" => {
                let dir = path.parent().unwrap_or(&path).to_path_buf();
                Error::ReadOnly { dir, why: format!("cannot {what} {}: {source}", path.display()) }
            }
            _ => Error::Io { what, path, source },
        }
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Error {
        use rusqlite::ErrorCode;
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Error::Full { what: "the store".into() },
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Error::broken(None, format!("the store is damaged: {error}"))
            }
            _ => Error::Store(error),
        }
    }
}
