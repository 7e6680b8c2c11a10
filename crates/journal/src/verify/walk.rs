//! The walk over all entries, in order: what each says, its parts, its place in the tree.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use super::Scene;
use super::tables::Counts;
use crate::Error;
use crate::append::keys_in_body;
use crate::entry::{ERASED_KIND, SCAN_ENTRIES, StoredRow, bulk, stored_len};
use crate::leaf::{KeyId, Leaf, LeafPart, Place, sha256};
use crate::note::Checkpoint;
use crate::seal;
use crate::store::{self, Store};
use crate::tree::{Edge, FullTile, TILE_WIDTH};

/// Progress is told once in so many entries.
const PROGRESS_ENTRIES: u64 = 256;

pub(super) struct Walk<'a> {
    scene: &'a Scene<'a>,
    checkpoint: &'a Checkpoint,
    against: Option<&'a Checkpoint>,
    erased: BTreeMap<KeyId, u64>,
    edge: Edge,
    between: bool,
    pub last_at: Option<i64>,
    pub counts: Counts,
}

impl<'a> Walk<'a> {
    pub fn new(
        scene: &'a Scene<'a>,
        checkpoint: &'a Checkpoint,
        against: Option<&'a Checkpoint>,
        erased: BTreeMap<KeyId, u64>,
    ) -> Walk<'a> {
        let (edge, counts) = (Edge::default(), Counts::default());
        Walk { scene, checkpoint, against, erased, edge, between: true, last_at: None, counts }
    }

    pub fn entries(&mut self, progress: &mut dyn FnMut(u64, u64)) -> Result<(), Error> {
        let db = self.scene.db;
        self.check_against()?;
        db.scan(SCAN_ENTRIES, i64::MIN, &mut |row| {
            self.entry(&StoredRow::read(row)?)?;
            self.check_against()?;
            if self.edge.size().is_multiple_of(PROGRESS_ENTRIES) {
                progress(self.edge.size(), self.checkpoint.size);
            }
            Ok(ControlFlow::Continue(()))
        })?;
        self.end()?;
        progress(self.edge.size(), self.checkpoint.size);
        Ok(())
    }

    fn entry(&mut self, row: &StoredRow<'_>) -> Result<(), Error> {
        let seq = self.edge.size();
        if row.seq != seq {
            return Err(Error::broken(seq, "it is missing, or another stands in its place"));
        }
        if seq >= self.checkpoint.size {
            return Err(Error::broken(seq, "it was added past the stored checkpoint"));
        }
        let leaf = row.check()?;
        if leaf.first != self.between || self.last_at.is_some_and(|last| last > leaf.recorded_at) {
            return Err(Error::broken(seq, "it does not follow from the entry before it"));
        }
        self.between = leaf.last;
        self.last_at = Some(leaf.recorded_at);
        self.parts(row, &leaf)?;
        if leaf.kind == ERASED_KIND {
            self.erasure(seq, row.body(&leaf)?)?;
        }
        let (db, tiles) = (self.scene.db, &mut self.counts.tiles);
        let mut hash = [0; 32];
        hash.copy_from_slice(row.hash);
        self.edge.push(hash, &mut |tile| {
            *tiles += 1;
            check_tile(db, &tile)
        })
    }

    fn erasure(&self, seq: u64, body: &[u8]) -> Result<(), Error> {
        let keys = keys_in_body(body).ok_or_else(|| Error::broken(seq, "it erases, but names no keys"))?;
        match keys.iter().find(|key| self.erased.get(key) != Some(&seq)) {
            Some(key) => Err(Error::broken(seq, format!("it erases key {}, but the store does not say so", key.0))),
            None => Ok(()),
        }
    }

    fn parts(&mut self, row: &StoredRow<'_>, leaf: &Leaf) -> Result<(), Error> {
        let small = row.small_parts(leaf)?;
        for (number, part) in leaf.parts.iter().enumerate() {
            self.counts.sealed += 1;
            if !self.scene.db.notes_part(part.key.0, leaf.seq, number as u64)? {
                return Err(Error::broken(leaf.seq, format!("the key of its part {number} is not noted in the store")));
            }
            let small = small.iter().find(|(n, _)| *n == number).and_then(|(_, stored)| *stored);
            self.part(leaf, number, part, small)?;
        }
        Ok(())
    }

    fn part(&mut self, leaf: &Leaf, number: usize, part: &LeafPart, small: Option<&[u8]>) -> Result<(), Error> {
        let (db, seq) = (self.scene.db, leaf.seq);
        let bad = |what: &str| Error::broken(seq, format!("its part {number} {what}"));
        let erased = self.erased.contains_key(&part.key);
        let stored = match part.place {
            Place::Small => small.map(<[u8]>::to_vec),
            Place::Bulk => bulk(db, seq, number)?,
            Place::File => {
                let place = [part.stored.as_slice().into(), seq.into(), (number as u64).into()];
                let named = db.exists("SELECT 1 FROM files WHERE stored = $1 AND seq = $2 AND number = $3", &place)?;
                match (named, erased) {
                    (false, true) => None,
                    (false, false) => return Err(bad("is a file that the store does not note")),
                    (true, true) => return Err(bad("is erased, but the store still notes its file")),
                    (true, false) => {
                        self.counts.files += 1;
                        db.blob(&part.stored, stored_len(part) as u64)
                            .map_err(|_| bad("is a file that cannot be read or is too long"))?
                    }
                }
            }
        };
        self.counts.bulk += u64::from(part.place == Place::Bulk && stored.is_some());
        match stored {
            None if erased => self.counts.erased += 1,
            None if part.place == Place::File && (self.scene.erased_since)(part.key)? => self.counts.erased += 1,
            None => return Err(bad("is missing, and no entry erases its key")),
            Some(_) if erased => return Err(bad("is erased, but its stored bytes are still here")),
            Some(stored) => {
                if stored.len() != stored_len(part) || sha256(&stored) != part.stored {
                    return Err(bad("is not what was written"));
                }
                self.open(leaf, number, part, &stored)?;
            }
        }
        Ok(())
    }

    fn open(&mut self, leaf: &Leaf, number: usize, part: &LeafPart, stored: &[u8]) -> Result<(), Error> {
        let Some(keys) = self.scene.keys else {
            self.counts.closed += 1;
            return Ok(());
        };
        let Some(key) = keys.get(part.key) else {
            if (self.scene.erased_since)(part.key)? {
                self.counts.closed += 1;
                return Ok(());
            }
            let what = format!("key {} of its part {number} is gone, and no entry erases it", part.key.0);
            return Err(Error::broken(leaf.seq, what));
        };
        match seal::open(key, leaf.seq, number, stored) {
            Some((content, salt)) if seal::satisfies(&part.content, &salt, &content) => {
                self.counts.opened += 1;
                Ok(())
            }
            _ => Err(Error::broken(leaf.seq, format!("its part {number} does not open to what was written"))),
        }
    }

    fn check_against(&self) -> Result<(), Error> {
        match self.against {
            Some(against) if against.size == self.edge.size() && against.root != self.edge.root() => {
                let what = format!("entries before {} are not those that the given checkpoint is of", against.size);
                Err(Error::broken(None, what))
            }
            _ => Ok(()),
        }
    }

    fn end(&self) -> Result<(), Error> {
        let (size, signed) = (self.edge.size(), self.checkpoint.size);
        if size < signed {
            return Err(Error::broken(size, format!("it is missing; the stored checkpoint is of {signed} entries")));
        }
        if self.edge.root() != self.checkpoint.root {
            let from = size - size % TILE_WIDTH as u64;
            let what = "it, or one after it, is not the entry that the stored checkpoint is of";
            return Err(Error::broken((from < size).then_some(from), what));
        }
        if !self.between {
            return Err(Error::broken(size.saturating_sub(1), "its transaction has no end"));
        }
        match self.against {
            Some(against) if against.size > size => {
                let what = format!("it is missing; the given checkpoint is of {} entries", against.size);
                Err(Error::broken(size, what))
            }
            _ => Ok(()),
        }
    }
}

/// A full tile is in the store as computed; where not, the first entry under a hash that differs is named.
fn check_tile(db: &dyn Store, tile: &FullTile) -> Result<(), Error> {
    let stored = store::full_tile(db, tile.level, tile.index)?;
    let Some(n) = tile.hashes.iter().zip(&stored).position(|(computed, stored)| computed != stored) else {
        return Ok(());
    };
    let seq = (tile.index * TILE_WIDTH as u64 + n as u64) << (8 * u32::from(tile.level));
    Err(Error::broken(seq, "it is not the entry that the tree was built over"))
}
