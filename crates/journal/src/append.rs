//! Appending and erasing: one SQLite transaction for a whole group, its checkpoint signed inside.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use rusqlite::Connection;

use crate::Error;
use crate::entry::{Appended, ERASED_KIND, NewEntry, NewPart, StoredRow, add_small, check_new, place_of};
use crate::files::{blob_path, write_blob};
use crate::hooks::{Fault, Random};
use crate::leaf::{KeyId, Leaf, LeafPart, Place, SALT_BYTES, commit_body, commit_part, sha256};
use crate::note::Checkpoint;
use crate::seal::{NONCE_BYTES, seal};
use crate::store;
use crate::tree::{Edge, hash_leaf};
use crate::writer::{KEYS, Writer, read_keys, usable, write_keys};

/// Randomness is fetched in pieces of this size, bytes.
const RANDOM_BYTES: usize = 4096;
/// Prefix of the kinds that only the journal writes.
const OWN_KINDS: &str = "journal.";

/// What a transaction leaves to do once it is durable, or to undo when it fails.
struct Pending {
    edge: Edge,
    appended: Vec<Appended>,
    /// Files of erased parts.
    erased_files: Vec<PathBuf>,
}

impl Writer {
    /// Appends each inner list as one transaction, all of them with one durable commit. `now` is microseconds since
    /// 1970-01-01 UTC; a clock that was set back does not take recorded_at back. On success everything is on disk.
    ///
    /// Errors that leave nothing unknown ([`Error::Invalid`], [`Error::UnknownKey`], [`Error::Full`]) keep the writer usable;
    /// any other poisons it: what follows fails with [`Error::Poisoned`] until the journal is opened anew.
    pub fn append(&mut self, group: Vec<Vec<NewEntry>>, now: i64) -> Result<Vec<Appended>, Error> {
        if let Some(entry) = group.iter().flatten().find(|entry| entry.kind.starts_with(OWN_KINDS)) {
            return Err(Error::invalid(format!("{} is a kind that only the journal writes", entry.kind)));
        }
        let appended = self.commit(&group, &BTreeSet::new(), now)?;
        // The group is durable whatever happens here; the next one reports it.
        if let Err(error) = self.refill() {
            self.poison_unless_clean(&error);
        }
        Ok(appended)
    }

    /// Destroys keys for good, and with them the content of every part sealed under them. `entry` has the kind
    /// `journal.erased`; its body is a JSON object, to which `keys` (the ids, ascending) is added when it is not there.
    ///
    /// First the entry and the deletion of the stored bytes become durable, then the key file is rewritten: a crash in
    /// between is finished at the next opening. When this returns both are done.
    pub fn erase(&mut self, keys: &[KeyId], mut entry: NewEntry, now: i64) -> Result<Appended, Error> {
        let erasing: BTreeSet<KeyId> = keys.iter().copied().collect();
        if entry.kind != ERASED_KIND {
            return Err(Error::invalid(format!("an erasure is an entry of the kind {ERASED_KIND}")));
        }
        if erasing.is_empty() {
            return Err(Error::invalid("an erasure without keys"));
        }
        entry.body = body_with_keys(&entry.body, &erasing)?;
        if let Some(key) = erasing.iter().find(|key| !self.is_usable(**key)) {
            return Err(Error::UnknownKey { key: *key });
        }
        let appended = self.commit(&[vec![entry]], &erasing, now)?;
        let mut keys = write_keys(&self.keys);
        keys.forget(&erasing);
        let rewritten = keys.rewrite(&self.dir.join(KEYS));
        drop(keys);
        if let Err(error) = rewritten {
            self.poisoned = Some(format!("keys were erased in the journal but not yet in the key file: {error}"));
            return Err(error);
        }
        // The ciphertext is worthless without its key; readers may keep it in the log a little longer.
        let _ = self.db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        appended.into_iter().next().ok_or_else(|| Error::invalid("an erasure without an entry"))
    }

    fn is_usable(&self, key: KeyId) -> bool {
        usable(&read_keys(&self.keys), self.next_key, &BTreeSet::new(), key)
    }

    fn check_group(&self, group: &[Vec<NewEntry>], erasing: &BTreeSet<KeyId>) -> Result<(), Error> {
        let keys = read_keys(&self.keys);
        for entry in group.iter().flatten() {
            check_new(entry)?;
            if let Some(part) = entry.parts.iter().find(|part| !usable(&keys, self.next_key, erasing, part.key)) {
                return Err(Error::UnknownKey { key: part.key });
            }
        }
        Ok(())
    }

    fn commit(&mut self, group: &[Vec<NewEntry>], erasing: &BTreeSet<KeyId>, now: i64) -> Result<Vec<Appended>, Error> {
        self.refuse_poisoned()?;
        self.check_group(group, erasing)?;
        let at = now.max(self.last_at);
        if group.iter().all(Vec::is_empty) {
            let seq = self.edge.size();
            return Ok(group.iter().map(|_| Appended { seqs: seq..seq, at }).collect());
        }
        let mut blobs = Vec::new();
        let done = self.write(group, erasing, at, &mut blobs).and_then(|pending| self.finish().map(|()| pending));
        match done {
            Ok(pending) => {
                self.edge = pending.edge;
                self.last_at = at;
                pending.erased_files.iter().for_each(|path| drop(fs::remove_file(path)));
                Ok(pending.appended)
            }
            Err(error) => {
                self.undo(&error, &blobs);
                Err(error)
            }
        }
    }

    /// Everything of the transaction but its commit.
    fn write(
        &mut self,
        group: &[Vec<NewEntry>],
        erasing: &BTreeSet<KeyId>,
        at: i64,
        blobs: &mut Vec<PathBuf>,
    ) -> Result<Pending, Error> {
        self.db.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let mut edge = self.edge.clone();
        let mut appended = Vec::with_capacity(group.len());
        let mut random = Pool { random: &mut self.hooks.random, bytes: Vec::new() };
        for entries in group {
            let start = edge.size();
            for (n, entry) in entries.iter().enumerate() {
                let place = Position { seq: edge.size(), at, first: n == 0, last: n + 1 == entries.len() };
                let mut sealing = Sealing {
                    dir: &self.dir,
                    bulk_bytes_max: self.hooks.bulk_bytes_max,
                    blobs,
                    small: Vec::new(),
                    bulk: Vec::new(),
                };
                let keys = read_keys(&self.keys);
                let parts = entry.parts.iter().enumerate();
                let parts = parts
                    .map(|(number, part)| {
                        let key = keys.get(part.key).ok_or(Error::UnknownKey { key: part.key })?;
                        sealing.seal(key, place.seq, number, part, &mut random)
                    })
                    .collect::<Result<Vec<_>, Error>>()?;
                drop(keys);
                let hash = insert(&self.db, entry, &place, parts, &sealing, &mut random)?;
                edge.push(hash, &mut |tile| store::put_tile(&self.db, &tile))?;
            }
            appended.push(Appended { seqs: start..edge.size(), at });
        }
        let erased_files = erase_parts(&self.db, &self.dir, erasing, edge.size() - 1)?;
        let checkpoint =
            Checkpoint { origin: self.origin.clone(), size: edge.size(), root: edge.root(), extensions: Vec::new() };
        store::set_meta(&self.db, store::META_CHECKPOINT, checkpoint.sign(&self.signer)?.as_bytes())?;
        Ok(Pending { edge, appended, erased_files })
    }

    fn finish(&mut self) -> Result<(), Error> {
        let fault = self.hooks.before_commit.as_mut().and_then(|hook| hook().err());
        let failed = || {
            let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR_FSYNC);
            Error::Store(rusqlite::Error::SqliteFailure(code, Some("injected".into())))
        };
        match fault {
            None => Ok(self.db.prepare_cached("COMMIT")?.execute([]).map(drop)?),
            Some(Fault::Full) => Err(Error::Full { what: "the store (injected)".into() }),
            Some(Fault::Lost) => Err(failed()),
            Some(Fault::Written) => {
                self.db.execute_batch("COMMIT")?;
                Err(failed())
            }
        }
    }

    /// Goes back to before the group, or stops writing when that is not certain.
    fn undo(&mut self, error: &Error, blobs: &[PathBuf]) {
        if !self.db.is_autocommit() && self.db.execute_batch("ROLLBACK").is_err() {
            self.poisoned = Some(error.to_string());
        }
        self.poison_unless_clean(error);
        if self.poisoned.is_none() {
            blobs.iter().for_each(|path| drop(fs::remove_file(path)));
        }
    }

    fn poison_unless_clean(&mut self, error: &Error) {
        let clean = match error {
            Error::Invalid { .. } | Error::UnknownKey { .. } | Error::Random { .. } => true,
            Error::Full { .. } => {
                matches!(crate::writer::stored_checkpoint(&self.db), Ok((stored, _)) if stored.size == self.edge.size())
            }
            _ => false,
        };
        if !clean && self.poisoned.is_none() {
            self.poisoned = Some(error.to_string());
        }
    }
}

/// Where an entry goes.
struct Position {
    seq: u64,
    at: i64,
    first: bool,
    last: bool,
}

/// Randomness in small pieces.
struct Pool<'r> {
    random: &'r mut Random,
    bytes: Vec<u8>,
}

impl Pool<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        if self.bytes.len() < N {
            self.bytes.resize(RANDOM_BYTES, 0);
            (self.random)(&mut self.bytes)?;
        }
        let (rest, taken) = self.bytes.split_last_chunk::<N>().expect("the pool was just filled with more");
        let (rest, taken) = (rest.len(), *taken);
        self.bytes.truncate(rest);
        Ok(taken)
    }
}

/// The sealed bytes of one entry, on their way to where they lie.
struct Sealing<'a> {
    dir: &'a std::path::Path,
    bulk_bytes_max: usize,
    blobs: &'a mut Vec<PathBuf>,
    small: Vec<u8>,
    bulk: Vec<(usize, Vec<u8>)>,
}

impl Sealing<'_> {
    fn seal(
        &mut self,
        key: &[u8; 32],
        seq: u64,
        number: usize,
        part: &NewPart,
        random: &mut Pool<'_>,
    ) -> Result<LeafPart, Error> {
        let (nonce, salt) = (random.take::<NONCE_BYTES>()?, random.take::<SALT_BYTES>()?);
        let bytes = seal(key, &nonce, &salt, seq, number, &part.content);
        let stored = sha256(&bytes);
        let place = place_of(part, self.bulk_bytes_max);
        match place {
            Place::Small => add_small(&mut self.small, number, &bytes),
            Place::Bulk => self.bulk.push((number, bytes)),
            Place::File => {
                self.blobs.push(blob_path(self.dir, &stored));
                write_blob(self.dir, &stored, &bytes)?;
            }
        }
        let content = commit_part(&salt, &part.content);
        Ok(LeafPart { place, key: part.key, len: part.content.len() as u64, stored, content })
    }
}

/// Writes the rows of one entry; returns the hash of its leaf.
fn insert(
    db: &Connection,
    entry: &NewEntry,
    place: &Position,
    parts: Vec<LeafPart>,
    sealing: &Sealing<'_>,
    random: &mut Pool<'_>,
) -> Result<[u8; 32], Error> {
    let salt = random.take::<SALT_BYTES>()?;
    let leaf = Leaf {
        seq: place.seq,
        recorded_at: place.at,
        first: place.first,
        last: place.last,
        kind: entry.kind.clone(),
        version: entry.version,
        body: commit_body(&salt, &entry.body),
        parts,
    };
    let bytes = leaf.encode();
    let hash = hash_leaf(&bytes);
    let body = [salt.as_slice(), &entry.body].concat();
    db.prepare_cached("INSERT INTO entries (seq, hash, leaf, body, small) VALUES (?1, ?2, ?3, ?4, ?5)")?.execute((
        place.seq as i64,
        hash.as_slice(),
        &bytes,
        &body,
        &sealing.small,
    ))?;
    for (number, stored) in &sealing.bulk {
        db.prepare_cached("INSERT INTO bulk (id, stored) VALUES (?1, ?2)")?
            .execute((store::bulk_id(place.seq, *number), stored))?;
    }
    index_parts(db, &leaf)?;
    Ok(hash)
}

/// Writes where the parts of an entry are: by key, and files by their name.
pub(crate) fn index_parts(db: &Connection, leaf: &Leaf) -> Result<(), Error> {
    for (number, part) in leaf.parts.iter().enumerate() {
        let (seq, number) = (leaf.seq as i64, number as i64);
        db.prepare_cached("INSERT INTO sealed (key, seq, number) VALUES (?1, ?2, ?3)")?.execute((
            part.key.0 as i64,
            seq,
            number,
        ))?;
        if part.place == Place::File {
            db.prepare_cached("INSERT INTO files (stored, seq, number) VALUES (?1, ?2, ?3)")?.execute((
                part.stored.as_slice(),
                seq,
                number,
            ))?;
        }
    }
    Ok(())
}

/// Deletes the stored bytes of all parts under the keys; returns the files to remove once that is durable.
fn erase_parts(
    db: &Connection,
    dir: &std::path::Path,
    erasing: &BTreeSet<KeyId>,
    by: u64,
) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    for key in erasing {
        let places: Vec<i64> = db
            .prepare_cached("SELECT DISTINCT seq FROM sealed WHERE key = ?1")?
            .query_map([key.0 as i64], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        for seq in places {
            erase_in_entry(db, seq as u64, *key, &mut |stored| files.push(blob_path(dir, stored)))?;
        }
        db.prepare_cached("INSERT INTO erased (key, seq) VALUES (?1, ?2)")?.execute((key.0 as i64, by as i64))?;
    }
    Ok(files)
}

fn erase_in_entry(db: &Connection, seq: u64, key: KeyId, file: &mut dyn FnMut(&[u8; 32])) -> Result<(), Error> {
    let (leaf, small) = crate::entry::with_row(db, seq, |row: &StoredRow<'_>| {
        let leaf = row.decode()?;
        let mut small = Vec::new();
        for (number, stored) in row.small_parts(&leaf)? {
            if let Some(stored) = stored.filter(|_| leaf.parts[number].key != key) {
                add_small(&mut small, number, stored);
            }
        }
        Ok((leaf, small))
    })?
    .ok_or_else(|| Error::broken(seq, "it is missing"))?;
    db.prepare_cached("UPDATE entries SET small = ?2 WHERE seq = ?1")?.execute((seq as i64, small))?;
    for (number, part) in leaf.parts.iter().enumerate().filter(|(_, part)| part.key == key) {
        match part.place {
            Place::Small => {}
            Place::Bulk => {
                db.prepare_cached("DELETE FROM bulk WHERE id = ?1")?.execute([store::bulk_id(seq, number)])?;
            }
            Place::File => {
                db.prepare_cached("DELETE FROM files WHERE stored = ?1")?.execute([part.stored.as_slice()])?;
                file(&part.stored);
            }
        }
    }
    Ok(())
}

/// The body of an erasure with its key ids in it.
fn body_with_keys(body: &[u8], keys: &BTreeSet<KeyId>) -> Result<Vec<u8>, Error> {
    let not_object = || Error::invalid("the body of an erasure is a JSON object");
    let mut value: serde_json::Value = serde_json::from_slice(body).map_err(|_| not_object())?;
    let object = value.as_object_mut().ok_or_else(not_object)?;
    let ids = serde_json::json!(keys);
    match object.get("keys") {
        Some(named) if *named == ids => return Ok(body.to_vec()),
        Some(_) => return Err(Error::invalid("the body of an erasure names other keys, or not in ascending order")),
        None => object.insert("keys".into(), ids),
    };
    serde_json::to_vec(&value).map_err(|_| not_object())
}

/// The key ids that the body of an erasure names; `None` when it is not one.
pub(crate) fn keys_in_body(body: &[u8]) -> Option<BTreeSet<KeyId>> {
    #[derive(serde::Deserialize)]
    struct Body {
        keys: BTreeSet<KeyId>,
    }
    serde_json::from_slice::<Body>(body).ok().map(|body| body.keys)
}
