//! Backup and restore.
//!
//! A backup is one file of records (see [`archive`]) taken from one state of the journal while its writer goes on; the keys
//! lie apart in a file of their own. Rows are written, not the store's file: the tables beside the entries are built again
//! at restore, and a restore never opens a foreign database.

mod archive;
mod restore;
mod sealing;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

pub use restore::{RestoreOptions, Restored, restore};

use crate::entry::StoredRow;
use crate::files::{blob_path, read_bounded};
use crate::keys::Keys;
use crate::leaf::{Hash, KeyId, sha256};
use crate::verify::verify_without_keys;
use crate::writer::{KEYS, check_keys};
use crate::{Error, PART_BYTES_MAX, store};

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
        let db = reader.unchecked_transaction()?;
        let keys = keys_for_backup(dir, &db)?;
        let verified = verify_without_keys(&db, dir)?;
        let mut output = Output::create(out, recipient.as_ref())?;
        write_records(&db, dir, &mut output)?;
        if erased_meanwhile(dir, &db)? {
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
fn keys_for_backup(dir: &Path, db: &Connection) -> Result<Option<Keys>, Error> {
    let path = dir.join(KEYS);
    let Some(mut keys) = Keys::load(&path)? else { return Ok(None) };
    check_keys(&keys, &path, db)?;
    keys.forget(&store::erased(db)?);
    Ok(Some(keys))
}

/// Whether keys were erased since: then the keys and files that were read may lack some that these entries still need.
fn erased_meanwhile(dir: &Path, db: &Connection) -> Result<bool, Error> {
    let now: BTreeSet<KeyId> = store::erased(&store::open_for_reading(dir)?)?;
    Ok(now != store::erased(db)?)
}

fn write_records(db: &Connection, dir: &Path, output: &mut Output) -> Result<(), Error> {
    let mut records = Writing::new(output)?;
    for name in [store::META_FORMAT, store::META_ORIGIN, store::META_PUBLIC, store::META_CHECKPOINT] {
        let value = store::meta(db, name)?;
        records.put(&Record::Meta { name: name.into(), value })?;
    }
    let mut statement = db.prepare("SELECT seq, hash, leaf, body, small FROM entries ORDER BY seq")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let row = StoredRow::read(row)?;
        let (leaf, body, small) = (row.leaf.to_vec(), row.body.to_vec(), row.small.to_vec());
        records.put(&Record::Entry { leaf, body, small })?;
    }
    let mut statement = db.prepare("SELECT id, stored FROM bulk ORDER BY id")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        records.put(&Record::Bulk { id: row.get(0)?, stored: row.get(1)? })?;
    }
    let mut statement = db.prepare("SELECT stored, seq FROM files ORDER BY stored")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (hash, seq): (Hash, i64) = (row.get(0)?, row.get(1)?);
        // A file that an erasure took away meanwhile makes the backup start over.
        if let Some(stored) = read_bounded(&blob_path(dir, &hash), PART_BYTES_MAX as u64 + 1024)? {
            if sha256(&stored) != hash {
                return Err(Error::broken(seq as u64, "its file is not what was written"));
            }
            records.put(&Record::File { stored })?;
        }
    }
    records.end()
}
