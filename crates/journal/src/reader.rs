//! Reading: replay in order, one part on demand, the newest checkpoint. Any number of readers, in any process.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use crate::Error;
use crate::entry::{Content, Keep, SCAN_ENTRIES, Stored, StoredPart, StoredRow, bulk, stored_len, with_row};
use crate::erasures;
use crate::hooks::system_random;
use crate::keys::{Keys, derive};
use crate::leaf::{KeyId, Leaf, LeafPart, Place};
use crate::note::Verifier;
use crate::seal;
use crate::share;
use crate::store::{self, Store};
use crate::writer::{KEYS, Shared, check_owner, read_keys, stored_verifier, write_keys};

/// Reads a journal, also while a writer runs; sees only what is durable.
pub struct Reader {
    pub(crate) dir: PathBuf,
    pub(crate) db: Box<dyn Store>,
    pub(crate) keys: Option<Shared>,
    /// Whether the keys are this reader's own copy of the key file, to be read again when a newer key is met.
    pub(crate) own: bool,
    /// Stands in for the root secret where there is none, so that nothing is ever derived from a known one.
    stand_in: [u8; 32],
}

impl Reader {
    /// Opens a journal for reading. Without a key file sealed content stays closed.
    pub fn open(dir: &Path) -> Result<Reader, Error> {
        let db = store::open_for_reading(dir)?;
        let keys = load_keys(dir, &*db)?.map(|keys| Arc::new(RwLock::new(keys)));
        Reader::new(dir, db, keys, true)
    }

    pub(crate) fn with_keys(dir: &Path, keys: Shared) -> Result<Reader, Error> {
        Reader::new(dir, store::open_for_reading(dir)?, Some(keys), false)
    }

    fn new(dir: &Path, db: Box<dyn Store>, keys: Option<Shared>, own: bool) -> Result<Reader, Error> {
        let mut stand_in = [0; 32];
        system_random(&mut stand_in)?;
        Ok(Reader { dir: dir.to_path_buf(), db, keys, own, stand_in })
    }

    /// Whether sealed content can be opened here.
    pub fn has_keys(&self) -> bool {
        self.keys.is_some()
    }

    /// Number of durable entries.
    pub fn size(&self) -> Result<u64, Error> {
        store::size(&*self.db)
    }

    /// A secret for one purpose, the same that [`crate::Writer::secret`] gives. Without keys: one that fits nothing and is
    /// another one each time.
    pub fn secret(&self, purpose: &str) -> [u8; 32] {
        match &self.keys {
            Some(keys) => read_keys(keys).secret(purpose),
            None => derive(&self.stand_in, purpose),
        }
    }

    /// Waits until there are more entries than `size`, or for `timeout`; the number of entries.
    pub fn wait(&self, size: u64, timeout: Duration) -> Result<u64, Error> {
        let until = Instant::now() + timeout;
        loop {
            let (now, left) = (self.size()?, until.saturating_duration_since(Instant::now()));
            if now > size || left.is_zero() {
                return Ok(now);
            }
            self.db.watch(left)?;
        }
    }

    /// The newest checkpoint, a signed note (C2SP tlog-checkpoint).
    pub fn checkpoint(&self) -> Result<String, Error> {
        store::meta_text(&*self.db, store::META_CHECKPOINT)
    }

    /// The verifier of this journal's checkpoints.
    pub fn verifier(&self) -> Result<Verifier, Error> {
        stored_verifier(&*self.db)
    }

    /// Visits durable entries from `from` in order, with the content of replayed parts whose key is here, until `each` breaks.
    pub fn visit(&self, from: u64, each: &mut dyn FnMut(Stored) -> ControlFlow<()>) -> Result<(), Error> {
        let from = i64::try_from(from).unwrap_or(i64::MAX);
        self.db.scan(SCAN_ENTRIES, from, &mut |row| Ok(each(self.stored(&StoredRow::read(row)?)?)))
    }

    fn stored(&self, row: &StoredRow<'_>) -> Result<Stored, Error> {
        let leaf = row.decode()?;
        let body = row.body(&leaf)?.to_vec();
        let mut parts: Vec<StoredPart> = leaf.parts.iter().map(closed).collect();
        if !row.small.is_empty() {
            for (number, stored) in row.small_parts(&leaf)? {
                if let Some(stored) = stored {
                    parts[number].content = self.replayed(&leaf, number, stored)?;
                }
            }
        }
        let Leaf { seq, recorded_at, first, last, kind, version, .. } = leaf;
        Ok(Stored { seq, recorded_at, first, last, kind, version, body, parts })
    }

    fn replayed(&self, leaf: &Leaf, number: usize, stored: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let key = leaf.parts[number].key;
        let opened = self.with_key(key, |key| seal::open(key, leaf.seq, number, stored))?;
        match opened {
            None => Ok(None),
            Some(Some((content, _))) => Ok(Some(content)),
            Some(None) => Err(Error::broken(leaf.seq, format!("its part {number} cannot be opened"))),
        }
    }

    /// The content of one part of an entry.
    pub fn part(&self, seq: u64, number: usize) -> Result<Content, Error> {
        let absent = || Error::invalid(format!("there is no part {number} of entry {seq}"));
        let (leaf, small) = with_row(&*self.db, seq, |row| {
            let leaf = row.decode()?;
            let parts = row.small_parts(&leaf)?;
            let small =
                parts.into_iter().find(|(n, _)| *n == number).and_then(|(_, stored)| stored.map(<[u8]>::to_vec));
            Ok((leaf, small))
        })?
        .ok_or_else(absent)?;
        let part = leaf.parts.get(number).ok_or_else(absent)?;
        if store::is_erased(&*self.db, part.key)? {
            return Ok(Content::Erased);
        }
        let stored = match part.place {
            Place::Small => small,
            Place::Bulk => bulk(&*self.db, seq, number)?,
            Place::File => self.db.blob(&part.stored, stored_len(part) as u64)?,
        };
        match stored {
            Some(stored) => self.open_part(&leaf, number, &stored),
            // Erased since the row was read.
            None if store::is_erased(&*self.db, part.key)? => Ok(Content::Erased),
            None => Err(Error::broken(seq, format!("the stored bytes of its part {number} are missing"))),
        }
    }

    fn open_part(&self, leaf: &Leaf, number: usize, stored: &[u8]) -> Result<Content, Error> {
        let part = &leaf.parts[number];
        let opened = self.with_key(part.key, |key| seal::open(key, leaf.seq, number, stored))?;
        let Some(opened) = opened else { return Ok(Content::NoKey) };
        match opened {
            Some((content, salt)) if seal::satisfies(&part.content, &salt, &content) => Ok(Content::Open(content)),
            _ => Err(Error::broken(leaf.seq, format!("its part {number} is not what was written"))),
        }
    }

    /// Calls `with` with a key; `None` when the key is not here.
    pub(crate) fn with_key<T>(&self, key: KeyId, with: impl FnOnce(&seal::KeyBytes) -> T) -> Result<Option<T>, Error> {
        let Some(keys) = &self.keys else { return Ok(None) };
        if key.0 > read_keys(keys).last() {
            if !self.own {
                share::take_in(&*self.db, &self.dir, &mut write_keys(keys))?;
            } else if let Some(newer) = load_keys(&self.dir, &*self.db)? {
                *write_keys(keys) = newer;
            }
        }
        Ok(read_keys(keys).get(key).map(with))
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("dir", &self.dir).field("keys", &self.has_keys()).finish_non_exhaustive()
    }
}

fn closed(part: &LeafPart) -> StoredPart {
    let keep = if part.place == Place::Small { Keep::Replayed } else { Keep::OnDemand };
    StoredPart { key: part.key, len: part.len, keep, content: None }
}

/// The keys of a folder without those that are erased, also where the key file still has them.
pub(crate) fn load_keys(dir: &Path, db: &dyn Store) -> Result<Option<Keys>, Error> {
    let path = dir.join(KEYS);
    let Some(mut keys) = Keys::load(&path)? else { return Ok(None) };
    check_owner(&keys, &path, db)?;
    share::complete(db, dir, &mut keys)?;
    keys.forget(&store::erased(db)?);
    keys.forget(&erasures::pending(dir, db)?);
    Ok(Some(keys))
}
