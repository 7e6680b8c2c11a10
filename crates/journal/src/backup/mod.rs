//! Backup and restore.
//!
//! A backup is one file of records (see [`archive`]) taken from one state of the journal while its writer goes on; the keys
//! lie apart in a file of their own. Rows are written, not the store's file: the tables beside the entries are built again
//! at restore, and a restore never opens a foreign database.

mod archive;
mod restore;
mod sealing;

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

pub use restore::{RestoreOptions, Restored, restore};

use crate::entry::{SCAN_ENTRIES, StoredRow};
use crate::keys::Keys;
use crate::leaf::{Hash, KeyId, sha256};
use crate::share;
use crate::store::{self, Snapshot, Store};
use crate::verify::verify_without_keys;
use crate::writer::{KEYS, check_keys, check_owner};
use crate::{Error, PART_BYTES_MAX};

use archive::{Record, Writing};
use sealing::Output;

/// How often a backup starts over because keys were erased while it ran.
const TRIES_MAX: usize = 3;

/// What was backed up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackedUp {
    /// Number of entries.
    pub size: u64,
    /// recorded_at of the last one, microseconds since 1970-01-01 UTC.
    pub last_recorded_at: Option<i64>,
    /// The checkpoint of exactly these entries: keep it elsewhere, for `verify` and `restore`.
    pub checkpoint: String,
    /// Length of the file, bytes.
    pub bytes: u64,
    /// Where the keys were put; `None` when the folder has none.
    pub keys: Option<PathBuf>,
    /// Whether both files are encrypted.
    pub encrypted: bool,
}

/// Where the keys of a backup lie: `OUT.keys`.
pub fn keys_beside(out: &Path) -> PathBuf {
    let mut name = out.file_name().unwrap_or_default().to_os_string();
    name.push(".keys");
    out.with_file_name(name)
}

/// Writes a backup of one state of the journal to `out`, and its keys to `out.keys`, both readable by their owner only, and
/// both encrypted to `recipient` (an age public key, `age1…`) when there is one. The journal is verified on the way; its
/// writer goes on meanwhile. Neither file may exist.
pub fn backup(dir: &Path, out: &Path, recipient: Option<&str>) -> Result<BackedUp, Error> {
    let recipient = recipient.map(sealing::recipient).transpose()?;
    let keys_out = keys_beside(out);
    for path in [out, &keys_out] {
        if path.exists() {
            return Err(Error::Exists { path: path.to_path_buf() });
        }
    }
    for _ in 0..TRIES_MAX {
        let reader = store::open_for_reading(dir)?;
        let db = &*reader;
        let _snapshot = Snapshot::of(db)?;
        let keys = keys_for_backup(dir, db)?;
        let verified = verify_without_keys(db, dir)?;
        let mut output = Output::create(out, recipient.as_ref())?;
        write_records(db, &mut output)?;
        if erased_meanwhile(db)? {
            continue;
        }
        if let Some(keys) = &keys {
            let mut output = Output::create(&keys_out, recipient.as_ref())?;
            output.write(&keys.to_bytes())?;
            output.finish()?;
        }
        let bytes = output.finish()?;
        return Ok(BackedUp {
            size: verified.size,
            last_recorded_at: verified.last_recorded_at,
            checkpoint: verified.checkpoint,
            bytes,
            keys: keys.is_some().then_some(keys_out),
            encrypted: recipient.is_some(),
        });
    }
    Err(Error::invalid("keys were erased again and again while the backup ran: run it again"))
}

/// The keys without those that are erased in the state that is backed up.
fn keys_for_backup(dir: &Path, db: &dyn Store) -> Result<Option<Keys>, Error> {
    let path = dir.join(KEYS);
    let Some(mut keys) = Keys::load(&path)? else { return Ok(None) };
    check_owner(&keys, &path, db)?;
    share::complete(db, dir, &mut keys)?;
    check_keys(&keys, &path, db)?;
    keys.forget(&store::erased(db)?);
    Ok(Some(keys))
}

/// Whether keys were erased since: then the keys and files that were read may lack some that these entries still need.
fn erased_meanwhile(db: &dyn Store) -> Result<bool, Error> {
    let now: BTreeSet<KeyId> = store::erased(&*db.again()?)?;
    Ok(now != store::erased(db)?)
}

fn write_records(db: &dyn Store, output: &mut Output) -> Result<(), Error> {
    let mut records = Writing::new(output)?;
    for name in [store::META_FORMAT, store::META_ORIGIN, store::META_PUBLIC, store::META_CHECKPOINT] {
        let value = store::meta(db, name)?;
        records.put(&Record::Meta { name: name.into(), value })?;
    }
    db.scan(SCAN_ENTRIES, i64::MIN, &mut |row| {
        let row = StoredRow::read(row)?;
        let (leaf, body, small) = (row.leaf.to_vec(), row.body.to_vec(), row.small.to_vec());
        records.put(&Record::Entry { leaf, body, small })?;
        Ok(ControlFlow::Continue(()))
    })?;
    db.scan("SELECT id, stored FROM bulk WHERE id >= $1 ORDER BY id LIMIT $2", i64::MIN, &mut |row| {
        records.put(&Record::Bulk { id: row.int(0)?, stored: row.blob(1)?.to_vec() })?;
        Ok(ControlFlow::Continue(()))
    })?;
    db.query("SELECT stored, seq FROM files ORDER BY stored", &[], &mut |row| {
        let (name, seq) = (row.blob(0)?, row.number(1)?);
        let bad = || Error::broken(seq, "its file is not what was written");
        let hash: Hash = name.try_into().map_err(|_| bad())?;
        // A file that an erasure took away meanwhile makes the backup start over.
        if let Some(stored) = db.blob(&hash, PART_BYTES_MAX as u64 + 1024)? {
            if sha256(&stored) != hash {
                return Err(bad());
            }
            records.put(&Record::File { stored })?;
        }
        Ok(ControlFlow::Continue(()))
    })?;
    records.end()
}

/// Reads a backup to its end or to what is wrong with it; for fuzzing.
pub(crate) fn fuzz(mut file: &[u8]) {
    let most = file.len();
    let Ok(mut reading) = archive::Reading::new(&mut file) else { return };
    let mut bytes = 0;
    while let Ok(Some(record)) = reading.next() {
        bytes += match record {
            Record::Meta { name, value } => name.len() + value.len(),
            Record::Entry { leaf, body, small } => leaf.len() + body.len() + small.len(),
            Record::Bulk { stored, .. } | Record::File { stored } => stored.len(),
        };
    }
    assert!(bytes <= most, "more than there is");
}
