//! The list of erasures: which keys are destroyed, without a word on what they sealed. It travels with the checkpoints, so
//! that a backup from before an erasure does not bring back what was erased.
//!
//! A signed note under the name `<origin>/erasures`; its text is that of a checkpoint (that name, the size of the tree the
//! list is complete for, the root) with one key id a line, ascending.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::Error;
use crate::entry::{ERASED_KIND, NewEntry};
use crate::files::{read_bounded, sync_folder};
use crate::leaf::KeyId;
use crate::note::{Checkpoint, Verifier};
use crate::reader::Reader;
use crate::store::{self, Snapshot, Store};
use crate::writer::{Writer, read_keys, stored_checkpoint};
use ed25519_dalek::SigningKey;

/// A list that a restore left for the first writer with keys.
pub(crate) const PENDING: &str = "erasures";
/// Largest list, bytes.
pub(crate) const LIST_BYTES_MAX: u64 = 16 << 20;

/// A list of erasures, opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Erasures {
    /// Size of the tree up to which the list is complete.
    pub size: u64,
    pub keys: BTreeSet<KeyId>,
}

fn name(origin: &str) -> String {
    format!("{origin}/erasures")
}

/// The verifier of the lists of a log, from the origin and public key of its store.
fn verifier(db: &dyn Store) -> Result<Verifier, Error> {
    Verifier::new(&name(&store::meta_text(db, store::META_ORIGIN)?), &store::meta_public(db)?)
}

/// Signs the list of all erasures in the store.
fn list(db: &dyn Store, signer: &SigningKey) -> Result<String, Error> {
    let (checkpoint, _) = stored_checkpoint(db)?;
    let extensions = store::erased(db)?.iter().map(|key| key.0.to_string()).collect();
    Checkpoint { origin: name(&checkpoint.origin), extensions, ..checkpoint }.sign(signer)
}

/// Opens a list that the store's own key signed.
pub(crate) fn open(db: &dyn Store, note: &str) -> Result<Erasures, Error> {
    Erasures::of(&Checkpoint::open(&verifier(db)?, note)?)
}

impl Erasures {
    /// The list that a checkpoint carries.
    pub fn of(checkpoint: &Checkpoint) -> Result<Erasures, Error> {
        let bad = || Error::BadNote { what: "it is not a list of erasures".into() };
        let mut keys = BTreeSet::new();
        for line in &checkpoint.extensions {
            let key: u64 = line.parse().map_err(|_| bad())?;
            if key == 0 || key.to_string() != *line || keys.last().is_some_and(|last| *last >= KeyId(key)) {
                return Err(bad());
            }
            keys.insert(KeyId(key));
        }
        Ok(Erasures { size: checkpoint.size, keys })
    }
}

/// The keys that a list left by a restore names.
pub(crate) fn pending(dir: &Path, db: &dyn Store) -> Result<BTreeSet<KeyId>, Error> {
    let Some(bytes) = read_bounded(&dir.join(PENDING), LIST_BYTES_MAX)? else { return Ok(BTreeSet::new()) };
    let note = String::from_utf8(bytes).map_err(|_| Error::BadNote { what: "it is not text".into() })?;
    Ok(open(db, &note)?.keys)
}

/// Makes the erasures that a restore left to be made: they become entries of their own.
pub(crate) fn replay_pending(writer: &mut Writer) -> Result<usize, Error> {
    let keys = pending(&writer.dir, &*writer.db)?;
    let count = replay(writer, &keys)?;
    let path = writer.dir.join(PENDING);
    if path.exists() {
        fs::remove_file(&path).map_err(Error::io("remove", &path))?;
        sync_folder(&writer.dir)?;
    }
    Ok(count)
}

/// Erases the keys that the journal used and did not erase itself; how many there were.
fn replay(writer: &mut Writer, keys: &BTreeSet<KeyId>) -> Result<usize, Error> {
    let already = store::erased(&*writer.db)?;
    let used = store::last_key(&*writer.db)?;
    let have: Vec<KeyId> = {
        let held = read_keys(&writer.keys);
        keys.iter().copied().filter(|key| !already.contains(key) && key.0 <= used && held.get(*key).is_some()).collect()
    };
    if have.is_empty() {
        return Ok(0);
    }
    let entry =
        NewEntry { kind: ERASED_KIND.into(), version: 1, body: br#"{"replayed":true}"#.to_vec(), parts: Vec::new() };
    // The clock is not known here: recorded_at is that of the last entry.
    writer.erase(&have, entry, i64::MIN)?;
    Ok(have.len())
}

impl Reader {
    /// The signed list of all erasures so far; needs the keys, to sign it.
    pub fn erasures(&self) -> Result<String, Error> {
        let keys = self.keys.as_ref().ok_or_else(|| Error::NoKeys { path: self.dir.join(crate::writer::KEYS) })?;
        let signer = read_keys(keys).signer();
        self.snapshot(|db| list(db, &signer))
    }

    /// Runs `read` on one state of the store.
    pub(crate) fn snapshot<T>(&self, read: impl FnOnce(&dyn Store) -> Result<T, Error>) -> Result<T, Error> {
        let _snapshot = Snapshot::of(&*self.db)?;
        read(&*self.db)
    }
}
