//! What the writer asks of a store, and what it is told when the store does not take something.

use desk::ids::Timestamp;
use journal::{Error, KeyId, NewEntry, Reader, Writer};
use std::fmt;
use std::path::{Path, PathBuf};

/// What it means for the desk that the store did not take something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// There is no room: on the disk, or for one more open file. Nothing was written, and the store goes on once there is.
    Full,
    /// The database server does not answer. Nothing was written, and the store goes on when it is back.
    Away,
    /// Whether it was written is not known: the store is opened again and checked before it goes on.
    Unsure,
    /// Something that no retry mends: nothing more is written before a restart has checked the journal.
    Broken,
}

impl Trouble {
    /// What it means for whoever wanted something kept, so that nobody tries again in vain.
    pub(crate) fn plainly(self) -> &'static str {
        match self {
            Trouble::Full => "storage is full, nothing was kept",
            Trouble::Away | Trouble::Unsure => "storage does not answer",
            Trouble::Broken => "storage failed, nothing more is kept before a restart has checked it",
        }
    }
}

/// Why the store did not take something.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct StoreError {
    /// What it means.
    pub trouble: Trouble,
    /// What the store said, for a person.
    pub why: String,
}

impl StoreError {
    /// An error of this kind.
    pub fn new(trouble: Trouble, why: impl fmt::Display) -> StoreError {
        StoreError { trouble, why: why.to_string() }
    }
}

impl From<Error> for StoreError {
    fn from(error: Error) -> StoreError {
        let trouble = match &error {
            Error::Full { .. } | Error::TooManyFiles { .. } => Trouble::Full,
            Error::Away { .. } | Error::Moved { .. } => Trouble::Away,
            Error::Unsure { .. } => Trouble::Unsure,
            _ => Trouble::Broken,
        };
        StoreError::new(trouble, error)
    }
}

/// Where facts are made durable.
pub trait Store: Send {
    /// Makes a group durable in one commit: every inner list as one transaction, or nothing at all.
    ///
    /// # Errors
    /// Whatever the store says; after an error nothing of the group counts as durable.
    fn append(&mut self, group: Vec<Vec<NewEntry>>, now: Timestamp) -> Result<(), StoreError>;

    /// A key for a new subject.
    ///
    /// # Errors
    /// When no key could be made durable.
    fn new_key(&mut self) -> Result<KeyId, StoreError>;

    /// Sequence number of the next entry.
    fn next_seq(&self) -> u64;

    /// Where several nodes write: keeps the others from writing until the next append or erasure, or until
    /// [`Store::step_down`]. The number of entries there are now.
    ///
    /// # Errors
    /// Whatever the store says; then nothing is kept.
    fn lead(&mut self) -> Result<u64, StoreError> {
        Ok(self.next_seq())
    }

    /// Lets the others write, when nothing was written.
    fn step_down(&mut self) {}

    /// Destroys keys and records that in an entry of its own.
    ///
    /// # Errors
    /// Whatever the store says.
    fn erase(&mut self, keys: &[KeyId], now: Timestamp) -> Result<(), StoreError>;

    /// A new key for snapshots, named by an entry of its own.
    ///
    /// # Errors
    /// Whatever the store says; a store that keeps no snapshots has no room for them.
    fn new_snapshot_key(&mut self, _now: Timestamp) -> Result<KeyId, StoreError> {
        Err(StoreError::new(Trouble::Full, "no snapshots are kept here"))
    }
}

impl Store for Writer {
    fn append(&mut self, group: Vec<Vec<NewEntry>>, now: Timestamp) -> Result<(), StoreError> {
        Writer::append(self, group, now.0).map(drop).map_err(|error| said(self, error))
    }

    fn new_key(&mut self) -> Result<KeyId, StoreError> {
        Writer::new_key(self).map_err(|error| said(self, error))
    }

    fn lead(&mut self) -> Result<u64, StoreError> {
        Writer::lead(self).map_err(|error| said(self, error))
    }

    fn step_down(&mut self) {
        Writer::step_down(self);
    }

    fn next_seq(&self) -> u64 {
        Writer::next_seq(self)
    }

    fn erase(&mut self, keys: &[KeyId], now: Timestamp) -> Result<(), StoreError> {
        let entry =
            NewEntry { kind: journal::ERASED_KIND.to_owned(), version: 1, body: b"{}".to_vec(), parts: Vec::new() };
        Writer::erase(self, keys, entry, now.0).map(drop).map_err(|error| said(self, error))
    }

    fn new_snapshot_key(&mut self, now: Timestamp) -> Result<KeyId, StoreError> {
        Writer::new_snapshot_key(self, now.0).map_err(|error| said(self, error))
    }
}

/// What an error means here. A database is checked by opening the journal again; a disk of our own that failed wants a person.
fn said(writer: &mut Writer, error: Error) -> StoreError {
    writer.step_down();
    match error {
        Error::Poisoned { .. } if writer.node().is_some() => StoreError::new(Trouble::Unsure, error),
        Error::Unsure { .. } if writer.node().is_none() => StoreError::new(Trouble::Broken, error),
        error => error.into(),
    }
}

/// The journal of a folder, which can be opened again.
pub(crate) struct JournalStore {
    dir: PathBuf,
    /// `None` while it is being opened again.
    writer: Option<Writer>,
}

impl JournalStore {
    pub(crate) fn open(dir: &Path) -> Result<JournalStore, Error> {
        Ok(JournalStore { dir: dir.to_owned(), writer: Some(open_writer(dir)?) })
    }

    /// Opens the journal again, which checks it.
    pub(crate) fn reopen(&mut self) -> Result<(), StoreError> {
        // The folder is held until the old one is gone.
        self.writer = None;
        self.writer = Some(open_writer(&self.dir)?);
        Ok(())
    }

    /// Whether other nodes write to the journal too.
    pub(crate) fn is_shared(&self) -> bool {
        self.writer.as_ref().is_some_and(|writer| writer.node().is_some())
    }

    pub(crate) fn reader(&self) -> Result<Reader, Error> {
        self.writer.as_ref().ok_or_else(closed)?.reader()
    }

    fn writing<T>(&mut self, work: impl FnOnce(&mut Writer) -> Result<T, StoreError>) -> Result<T, StoreError> {
        work(self.writer.as_mut().ok_or_else(closed)?)
    }
}

fn open_writer(dir: &Path) -> Result<Writer, Error> {
    Writer::open(dir, &journal::Options { origin: "bolwerk/desk".to_owned() })
}

fn closed() -> Error {
    Error::Away { why: "the journal is being opened again".to_owned() }
}

impl Store for JournalStore {
    fn append(&mut self, group: Vec<Vec<NewEntry>>, now: Timestamp) -> Result<(), StoreError> {
        self.writing(|writer| Store::append(writer, group, now))
    }

    fn new_key(&mut self) -> Result<KeyId, StoreError> {
        self.writing(Store::new_key)
    }

    fn lead(&mut self) -> Result<u64, StoreError> {
        self.writing(Store::lead)
    }

    fn step_down(&mut self) {
        if let Some(writer) = &mut self.writer {
            writer.step_down();
        }
    }

    fn next_seq(&self) -> u64 {
        self.writer.as_ref().map_or(0, Writer::next_seq)
    }

    fn erase(&mut self, keys: &[KeyId], now: Timestamp) -> Result<(), StoreError> {
        self.writing(|writer| Store::erase(writer, keys, now))
    }

    fn new_snapshot_key(&mut self, now: Timestamp) -> Result<KeyId, StoreError> {
        self.writing(|writer| Store::new_snapshot_key(writer, now))
    }
}
