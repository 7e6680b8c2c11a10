//! Entries as callers write and read them, and rows as the store has them.

use std::ops::Range;

use crate::Error;
use crate::leaf::{KeyId, Leaf, LeafPart, PARTS_MAX, Place, SALT_BYTES, commit_body, kind_is_valid};
use crate::seal::OVERHEAD_BYTES;
use crate::store::{Row, Store, bulk_id};
use crate::tree::hash_leaf;

/// Kind of the entry that names erased keys.
pub const ERASED_KIND: &str = "journal.erased";
/// Largest body, bytes.
pub const BODY_BYTES_MAX: usize = 1 << 20;
/// Largest content of a part that is opened at replay, bytes.
pub const REPLAYED_BYTES_MAX: usize = 1 << 20;
/// Largest content of a part that lies in the store, bytes; larger ones are files.
pub const BULK_BYTES_MAX: usize = 256 << 10;
/// Largest content of any part, bytes.
pub const PART_BYTES_MAX: usize = 128 << 20;

/// When the content of a part is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// At replay: kept with the entry, at most [`REPLAYED_BYTES_MAX`].
    Replayed,
    /// On demand: in the store up to [`BULK_BYTES_MAX`], beyond that a file; at most [`PART_BYTES_MAX`].
    OnDemand,
}

/// Content to be sealed under a key.
#[derive(Clone, PartialEq, Eq)]
pub struct NewPart {
    /// The subject's key.
    pub key: KeyId,
    /// When the content is needed.
    pub keep: Keep,
    /// The plain content.
    pub content: Vec<u8>,
}

impl std::fmt::Debug for NewPart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NewPart {{ key: {}, keep: {:?}, {} bytes }}", self.key.0, self.keep, self.content.len())
    }
}

/// An entry to be appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEntry {
    /// What happened, printable ASCII (`report.received`); names that begin with `journal.` are the journal's own.
    pub kind: String,
    /// Version of the body's form.
    pub version: u16,
    /// JSON without personal data.
    pub body: Vec<u8>,
    /// Personal data, sealed; at most [`PARTS_MAX`] parts.
    pub parts: Vec<NewPart>,
}

/// Where one transaction landed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// The sequence numbers of its entries.
    pub seqs: Range<u64>,
    /// Its recorded_at, microseconds since 1970-01-01 UTC.
    pub at: i64,
}

/// An entry as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its place, from 0.
    pub seq: u64,
    /// Microseconds since 1970-01-01 UTC; never less than that of the entry before.
    pub recorded_at: i64,
    /// Whether it is the first of its transaction.
    pub first: bool,
    /// Whether it is the last of its transaction.
    pub last: bool,
    /// What happened.
    pub kind: String,
    /// Version of the body's form.
    pub version: u16,
    /// JSON without personal data.
    pub body: Vec<u8>,
    /// The sealed parts, in order.
    pub parts: Vec<StoredPart>,
}

/// A sealed part as it was written.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredPart {
    /// The subject's key.
    pub key: KeyId,
    /// Length of the plain content, bytes.
    pub len: u64,
    /// When the content is needed.
    pub keep: Keep,
    /// Content of a replayed part whose key is here; else `None`.
    pub content: Option<Vec<u8>>,
}

impl std::fmt::Debug for StoredPart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let content = if self.content.is_some() { "open" } else { "closed" };
        write!(f, "StoredPart {{ key: {}, keep: {:?}, {} bytes, {content} }}", self.key.0, self.keep, self.len)
    }
}

/// Content of one part, asked for by name.
#[derive(Clone, PartialEq, Eq)]
pub enum Content {
    /// Here it is.
    Open(Vec<u8>),
    /// Its key was destroyed; it cannot come back.
    Erased,
    /// It is there, but its key is not in this folder.
    NoKey,
}

impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Content::Open(content) => write!(f, "Open({} bytes)", content.len()),
            Content::Erased => f.write_str("Erased"),
            Content::NoKey => f.write_str("NoKey"),
        }
    }
}

/// Refuses what the format does not allow, with the limit.
pub(crate) fn check_new(entry: &NewEntry) -> Result<(), Error> {
    if !kind_is_valid(&entry.kind) {
        return Err(Error::invalid(format!("{:?} cannot be the kind of an entry", entry.kind)));
    }
    if entry.body.len() > BODY_BYTES_MAX {
        return Err(too_large("body", entry.body.len(), BODY_BYTES_MAX));
    }
    if entry.parts.len() > PARTS_MAX {
        return Err(Error::invalid(format!("an entry of {} parts: at most {PARTS_MAX}", entry.parts.len())));
    }
    for part in &entry.parts {
        let limit = match part.keep {
            Keep::Replayed => REPLAYED_BYTES_MAX,
            Keep::OnDemand => PART_BYTES_MAX,
        };
        if part.content.len() > limit {
            return Err(too_large("part", part.content.len(), limit));
        }
    }
    Ok(())
}

fn too_large(what: &str, len: usize, limit: usize) -> Error {
    Error::invalid(format!("a {what} of {len} bytes: at most {limit}"))
}

/// Where a part goes, when the store takes up to `bulk_bytes_max`.
pub(crate) fn place_of(part: &NewPart, bulk_bytes_max: usize) -> Place {
    match part.keep {
        Keep::Replayed => Place::Small,
        Keep::OnDemand if part.content.len() <= bulk_bytes_max => Place::Bulk,
        Keep::OnDemand => Place::File,
    }
}

/// Numbers of the small parts of an entry, each with its stored bytes unless they are erased.
pub(crate) type SmallParts<'row> = Vec<(usize, Option<&'row [u8]>)>;

/// Entries from one on, in order; for [`Store::scan`].
pub(crate) const SCAN_ENTRIES: &str =
    "SELECT seq, hash, leaf, body, small FROM entries WHERE seq >= $1 ORDER BY seq LIMIT $2";

/// A row of `entries`, borrowed from the statement that reads it.
pub(crate) struct StoredRow<'row> {
    pub seq: u64,
    pub hash: &'row [u8],
    pub leaf: &'row [u8],
    /// Salt ‖ body.
    pub body: &'row [u8],
    /// Number ‖ stored bytes of each small part that is not erased.
    pub small: &'row [u8],
}

impl<'row> StoredRow<'row> {
    /// From a row of `seq, hash, leaf, body, small`.
    pub fn read(row: &Row<'row>) -> Result<StoredRow<'row>, Error> {
        let (hash, leaf) = (row.blob(1)?, row.blob(2)?);
        Ok(StoredRow { seq: row.number(0)?, hash, leaf, body: row.blob(3)?, small: row.blob(4)? })
    }

    /// The leaf, without checking more than that it decodes.
    pub fn decode(&self) -> Result<Leaf, Error> {
        let leaf = Leaf::decode(self.leaf).map_err(|what| Error::broken(self.seq, what))?;
        if leaf.seq != self.seq {
            return Err(Error::broken(self.seq, format!("it was written as entry {}", leaf.seq)));
        }
        Ok(leaf)
    }

    /// The body, as the leaf committed to it.
    pub fn body(&self, leaf: &Leaf) -> Result<&'row [u8], Error> {
        let changed = || Error::broken(self.seq, "its body is not what was written");
        let (salt, body) = self.body.split_first_chunk::<SALT_BYTES>().ok_or_else(changed)?;
        if commit_body(salt, body) == leaf.body { Ok(body) } else { Err(changed()) }
    }

    /// The leaf, checked against the hash beside it, and the body against the leaf.
    pub fn check(&self) -> Result<Leaf, Error> {
        if hash_leaf(self.leaf) != self.hash {
            return Err(Error::broken(self.seq, "its leaf is not what was hashed"));
        }
        let leaf = self.decode()?;
        self.body(&leaf)?;
        Ok(leaf)
    }

    /// The stored bytes of each small part by its number; `None` where they are gone.
    pub fn small_parts(&self, leaf: &Leaf) -> Result<SmallParts<'row>, Error> {
        let changed = || Error::broken(self.seq, "its sealed parts are not what was written");
        let mut rest = self.small;
        let mut parts = Vec::new();
        for (number, part) in leaf.parts.iter().enumerate().filter(|(_, part)| part.place == Place::Small) {
            if rest.first().is_some_and(|found| usize::from(*found) == number) {
                let (stored, after) = rest[1..].split_at_checked(stored_len(part)).ok_or_else(changed)?;
                parts.push((number, Some(stored)));
                rest = after;
            } else {
                parts.push((number, None));
            }
        }
        if rest.is_empty() { Ok(parts) } else { Err(changed()) }
    }
}

/// Length of the stored bytes of a part.
pub(crate) fn stored_len(part: &LeafPart) -> usize {
    usize::try_from(part.len.saturating_add(OVERHEAD_BYTES)).unwrap_or(usize::MAX)
}

/// Adds a small part to the column of an entry.
pub(crate) fn add_small(small: &mut Vec<u8>, number: usize, stored: &[u8]) {
    small.push(number as u8);
    small.extend_from_slice(stored);
}

/// Calls `read` with the row of one entry; `None` when it is not there.
pub(crate) fn with_row<T>(
    db: &dyn Store,
    seq: u64,
    read: impl FnOnce(&StoredRow<'_>) -> Result<T, Error>,
) -> Result<Option<T>, Error> {
    let sql = "SELECT seq, hash, leaf, body, small FROM entries WHERE seq = $1";
    db.one(sql, &[seq.into()], |row| read(&StoredRow::read(row)?))
}

/// The stored bytes of a bulk part.
pub(crate) fn bulk(db: &dyn Store, seq: u64, number: usize) -> Result<Option<Vec<u8>>, Error> {
    let sql = "SELECT stored FROM bulk WHERE id = $1";
    db.one(sql, &[bulk_id(seq, number).into()], |row| Ok(row.blob(0)?.to_vec()))
}
