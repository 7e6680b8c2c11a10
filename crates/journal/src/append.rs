//! Appending and erasing: one transaction of the store for a whole group, its checkpoint signed inside.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use crate::Error;
use crate::entry::{Appended, ERASED_KIND, NewEntry, NewPart, SCAN_ENTRIES, StoredRow, add_small, check_new, place_of};
use crate::hooks::{Fault, Random};
use crate::keys::Keys;
use crate::leaf::{Hash, KeyId, Leaf, LeafPart, Place, SALT_BYTES, Salt, commit_body, commit_part, sha256};
use crate::note::Checkpoint;
use crate::seal::{KeyBytes, NONCE_BYTES, seal};
use crate::share;
use crate::snapshots::Snapshot;
use crate::store::{self, EntryRow, Rows, Snapshot as State, Store, bulk_id, tile_row};
use crate::tree::{Edge, hash_leaf};
use crate::writer::{KEYS, Writer, read_keys, stored_checkpoint, usable, write_keys};

/// Randomness is fetched in pieces of this size, bytes.
const RANDOM_BYTES: usize = 4096;
/// Rows of a group are handed to the store once they have this size, bytes.
const PUT_BYTES: usize = 8 << 20;
/// Content of a group from which on half of it is sealed by a thread of its own, bytes: sealing it takes longer than a thread to start.
const APART_BYTES: usize = 128 << 10;
/// Prefix of the kinds that only the journal writes.
const OWN_KINDS: &str = "journal.";

/// What a transaction leaves to do once it is durable, or to undo when it fails.
struct Pending {
    edge: Edge,
    note: String,
    appended: Vec<Appended>,
    /// Large parts that were erased.
    erased_blobs: Vec<Hash>,
}

impl Writer {
    /// Appends each inner list as one transaction, all of them with one durable commit. `now` is microseconds since
    /// 1970-01-01 UTC; a clock that was set back does not take recorded_at back. On success everything is on disk.
    ///
    /// Errors that leave nothing unknown ([`Error::Invalid`], [`Error::UnknownKey`], [`Error::Full`], [`Error::TooManyFiles`],
    /// [`Error::Moved`], [`Error::Away`]) keep the writer usable; any other poisons it: what follows fails with [`Error::Poisoned`] until the journal is opened anew.
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

    /// Where several nodes write: keeps the others from appending until this writer's next append or erasure, or until
    /// [`Writer::step_down`], and goes on from where they left the journal. The number of entries there are now: whoever has read
    /// those and decides on them is not told [`Error::Moved`]. Nothing to do where one writes alone.
    ///
    /// # Errors
    /// As [`Writer::append`]; then the lead is not taken.
    pub fn lead(&mut self) -> Result<u64, Error> {
        self.refuse_poisoned()?;
        if self.db.node().is_some() && !self.leads {
            // Making keys takes a transaction of its own, so they lie ready first.
            if let Err(error) = self.refill().and_then(|()| self.begin_to_lead()) {
                self.undo(&error, &[]);
                return Err(error);
            }
            self.leads = true;
        }
        Ok(self.edge.size())
    }

    fn begin_to_lead(&mut self) -> Result<(), Error> {
        if self.db.begin()? != self.note {
            self.go_on_from(self.rest()?);
        }
        Ok(())
    }

    /// Gives the lead back without having written anything.
    pub fn step_down(&mut self) {
        if std::mem::take(&mut self.leads) && self.db.rollback().is_err() {
            self.poisoned = Some("the lead could not be given back".into());
        }
    }

    /// As [`Writer::append`], one entry of a kind of the journal's own.
    pub(crate) fn append_own(&mut self, entry: NewEntry, now: i64) -> Result<(), Error> {
        self.commit(&[vec![entry]], &BTreeSet::new(), now)?;
        if let Err(error) = self.refill() {
            self.poison_unless_clean(&error);
        }
        Ok(())
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
        self.take_in(erasing.iter().copied())?;
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
        // Without their key nothing in them can be read: what stays is thrown away at the next start.
        drop(Snapshot::remove_all(&self.dir));
        self.db.scrub();
        // Where this fails, the node lags behind the erasure until it confirms it again.
        let size = self.edge.size();
        drop(share::clear(&*self.db, &self.dir, &mut write_keys(&self.keys), size));
        appended.into_iter().next().ok_or_else(|| Error::invalid("an erasure without an entry"))
    }

    fn is_usable(&self, key: KeyId) -> bool {
        usable(&read_keys(&self.keys), &self.pool, &BTreeSet::new(), key)
    }

    /// Takes in the keys of other nodes when one is named that is not here.
    fn take_in(&self, named: impl Iterator<Item = KeyId>) -> Result<(), Error> {
        let newest = named.max().unwrap_or(KeyId(0));
        if self.db.node().is_none() || newest.0 <= read_keys(&self.keys).last() {
            return Ok(());
        }
        share::take_in(&*self.db, &self.dir, &mut write_keys(&self.keys))
    }

    fn check_group(&self, group: &[Vec<NewEntry>], erasing: &BTreeSet<KeyId>) -> Result<(), Error> {
        let keys = read_keys(&self.keys);
        for entry in group.iter().flatten() {
            check_new(entry)?;
            if let Some(part) = entry.parts.iter().find(|part| !usable(&keys, &self.pool, erasing, part.key)) {
                return Err(Error::UnknownKey { key: part.key });
            }
        }
        Ok(())
    }

    fn commit(&mut self, group: &[Vec<NewEntry>], erasing: &BTreeSet<KeyId>, now: i64) -> Result<Vec<Appended>, Error> {
        self.refuse_poisoned()?;
        self.take_in(group.iter().flatten().flat_map(|entry| &entry.parts).map(|part| part.key))?;
        self.check_group(group, erasing)?;
        let at = now.max(self.last_at);
        if group.iter().all(Vec::is_empty) {
            let seq = self.edge.size();
            return Ok(group.iter().map(|_| Appended { seqs: seq..seq, at }).collect());
        }
        let mut blobs = Vec::new();
        let done = self.write(group, erasing, at, &mut blobs).and_then(|pending| self.finish().map(|()| pending));
        self.leads = false;
        match done {
            Ok(pending) => {
                self.edge = pending.edge;
                self.note = pending.note;
                self.last_at = at;
                self.db.unlink(&pending.erased_blobs);
                Ok(pending.appended)
            }
            Err(error) => {
                self.undo(&error, &blobs);
                Err(if matches!(error, Error::Moved { .. }) { self.follow() } else { error })
            }
        }
    }

    /// Everything of the transaction but its commit.
    fn write(
        &mut self,
        group: &[Vec<NewEntry>],
        erasing: &BTreeSet<KeyId>,
        at: i64,
        blobs: &mut Vec<Hash>,
    ) -> Result<Pending, Error> {
        // Whoever leads is in the transaction already, and stands where the journal ends.
        if !self.leads && self.db.begin()? != self.note {
            return Err(Error::Moved { from: self.edge.size(), to: self.edge.size() });
        }
        let mut edge = self.edge.clone();
        let mut appended = Vec::with_capacity(group.len());
        let mut random = Pool { random: &mut self.hooks.random, bytes: Vec::new() };
        let entries = (edge.size()..).zip(group.iter().flatten());
        let mut sealed = seal_all(&plan(entries, &read_keys(&self.keys), &mut random)?).into_iter();
        let mut rows = Rows::default();
        for entries in group {
            let start = edge.size();
            for (n, entry) in entries.iter().enumerate() {
                let place = Position { seq: edge.size(), at, first: n == 0, last: n + 1 == entries.len() };
                let mut putting = Putting {
                    db: &*self.db,
                    bulk_bytes_max: self.hooks.bulk_bytes_max,
                    blobs,
                    small: Vec::new(),
                    rows: &mut rows,
                };
                let parts = entry.parts.iter().zip(sealed.by_ref()).enumerate();
                let parts = parts
                    .map(|(number, (part, sealed))| putting.part(place.seq, number, part, sealed))
                    .collect::<Result<Vec<_>, Error>>()?;
                let hash = putting.entry(entry, &place, parts, &mut random)?;
                edge.push(hash, &mut |tile| {
                    rows.tiles.push(tile_row(&tile));
                    Ok(())
                })?;
                if rows.bytes() >= PUT_BYTES {
                    self.db.put(std::mem::take(&mut rows))?;
                }
            }
            appended.push(Appended { seqs: start..edge.size(), at });
        }
        self.db.put(rows)?;
        let erased_blobs = erase_parts(&*self.db, erasing, edge.size() - 1)?;
        let checkpoint =
            Checkpoint { origin: self.origin.clone(), size: edge.size(), root: edge.root(), extensions: Vec::new() };
        let note = checkpoint.sign(&self.signer)?;
        store::set_meta(&*self.db, store::META_CHECKPOINT, note.as_bytes())?;
        Ok(Pending { edge, note, appended, erased_blobs })
    }

    fn finish(&mut self) -> Result<(), Error> {
        let injected = || Err(Error::Unsure { why: "a fault was injected".into() });
        match self.hooks.before_commit.as_mut().and_then(|hook| hook().err()) {
            None => self.db.commit(),
            Some(Fault::Full) => Err(Error::Full { what: "the store (injected)".into() }),
            Some(Fault::Lost) => injected(),
            Some(Fault::Written) => self.db.commit().and_then(|()| injected()),
        }
    }

    /// Goes on from where another writer left the journal; says from where to where it moved.
    fn follow(&mut self) -> Error {
        let from = self.edge.size();
        match self.read_on() {
            Ok(()) => Error::Moved { from, to: self.edge.size() },
            Err(error) => {
                self.poison_unless_clean(&error);
                error
            }
        }
    }

    fn read_on(&mut self) -> Result<(), Error> {
        let snapshot = State::of(&*self.db)?;
        let rest = self.rest()?;
        drop(snapshot);
        self.go_on_from(rest);
        Ok(())
    }

    fn go_on_from(&mut self, (edge, last_at, note): (Edge, i64, String)) {
        (self.edge, self.last_at, self.note) = (edge, last_at, note);
    }

    /// Where the journal ends now, its new entries checked.
    fn rest(&self) -> Result<(Edge, i64, String), Error> {
        let (checkpoint, note) = stored_checkpoint(&*self.db)?;
        let (mut edge, mut last_at) = (self.edge.clone(), self.last_at);
        if checkpoint.size < edge.size() {
            let what =
                format!("it is missing: the store went back from {} to {} entries", edge.size(), checkpoint.size);
            return Err(Error::broken(checkpoint.size, what));
        }
        self.db.scan(SCAN_ENTRIES, edge.size() as i64, &mut |row| {
            let row = StoredRow::read(row)?;
            if row.seq != edge.size() {
                return Err(Error::broken(edge.size(), "it is missing"));
            }
            last_at = row.check()?.recorded_at;
            edge.push(hash_leaf(row.leaf), &mut |_| Ok(()))?;
            Ok(ControlFlow::Continue(()))
        })?;
        if (edge.size(), edge.root()) != (checkpoint.size, checkpoint.root) {
            return Err(Error::broken(None, "the store does not go on from what was written here"));
        }
        Ok((edge, last_at, note))
    }

    /// Goes back to before the group, or stops writing when that is not certain.
    fn undo(&mut self, error: &Error, blobs: &[Hash]) {
        if self.db.rollback().is_err() {
            self.poisoned = Some(error.to_string());
        }
        self.poison_unless_clean(error);
        if self.poisoned.is_none() {
            self.db.unlink(blobs);
        }
    }

    fn poison_unless_clean(&mut self, error: &Error) {
        let clean = match error {
            Error::Invalid { .. } | Error::UnknownKey { .. } | Error::Random { .. } => true,
            Error::Moved { .. } | Error::Away { .. } => true,
            // A server that said so before the commit has taken all of it back.
            Error::Full { .. } | Error::TooManyFiles { .. } if self.db.node().is_some() => true,
            Error::Full { .. } | Error::TooManyFiles { .. } => {
                matches!(stored_checkpoint(&*self.db), Ok((stored, _)) if stored.size == self.edge.size())
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

/// A part that is to be sealed.
struct Plain<'a> {
    key: &'a KeyBytes,
    nonce: [u8; NONCE_BYTES],
    salt: Salt,
    seq: u64,
    number: usize,
    content: &'a [u8],
}

/// A part that is sealed: its bytes, their hash, and the commitment to what is in it.
struct Sealed {
    bytes: Vec<u8>,
    stored: Hash,
    content: Hash,
}

impl Plain<'_> {
    fn seal(&self) -> Sealed {
        let bytes = seal(self.key, &self.nonce, &self.salt, self.seq, self.number, self.content);
        Sealed { stored: sha256(&bytes), content: commit_part(&self.salt, self.content), bytes }
    }
}

/// What is to be sealed of these entries, in order.
fn plan<'a>(
    entries: impl Iterator<Item = (u64, &'a NewEntry)>,
    keys: &'a Keys,
    random: &mut Pool<'_>,
) -> Result<Vec<Plain<'a>>, Error> {
    let mut plan = Vec::new();
    for (seq, entry) in entries {
        for (number, part) in entry.parts.iter().enumerate() {
            let key = keys.get(part.key).ok_or(Error::UnknownKey { key: part.key })?;
            let (nonce, salt) = (random.take()?, random.take()?);
            plan.push(Plain { key, nonce, salt, seq, number, content: &part.content });
        }
    }
    Ok(plan)
}

/// Seals all, in order. Half of much is sealed beside the writer's thread: everybody who waits for the group waits for this.
fn seal_all(plan: &[Plain<'_>]) -> Vec<Sealed> {
    let bytes: usize = plan.iter().map(|plain| plain.content.len()).sum();
    if bytes < APART_BYTES {
        return plan.iter().map(Plain::seal).collect();
    }
    let mut half = 0;
    let here = plan.iter().position(|plain| {
        half += plain.content.len();
        half > bytes / 2
    });
    let (here, apart) = plan.split_at(here.unwrap_or(0).max(1));
    let seal = |plan: &[Plain<'_>]| plan.iter().map(Plain::seal).collect::<Vec<_>>();
    std::thread::scope(|scope| {
        // Where the machine gives no more threads, all of it is sealed here.
        let helper = std::thread::Builder::new().name("sealer".to_owned()).spawn_scoped(scope, || seal(apart));
        let mut all = seal(here);
        all.extend(match helper {
            Ok(helper) => helper.join().expect("sealing does not panic"),
            Err(_) => seal(apart),
        });
        all
    })
}

/// The sealed parts of one entry, on their way to where they lie.
struct Putting<'a> {
    db: &'a dyn Store,
    bulk_bytes_max: usize,
    blobs: &'a mut Vec<Hash>,
    small: Vec<u8>,
    rows: &'a mut Rows,
}

impl Putting<'_> {
    fn part(&mut self, seq: u64, number: usize, part: &NewPart, sealed: Sealed) -> Result<LeafPart, Error> {
        let Sealed { bytes, stored, content } = sealed;
        let place = place_of(part, self.bulk_bytes_max);
        match place {
            Place::Small => add_small(&mut self.small, number, &bytes),
            Place::Bulk => self.rows.bulk.push((bulk_id(seq, number), bytes)),
            Place::File => {
                self.blobs.push(stored);
                self.db.put_blob(&stored, bytes)?;
            }
        }
        Ok(LeafPart { place, key: part.key, len: part.content.len() as u64, stored, content })
    }

    /// Adds the rows of the entry; returns the hash of its leaf.
    fn entry(
        self,
        entry: &NewEntry,
        place: &Position,
        parts: Vec<LeafPart>,
        random: &mut Pool<'_>,
    ) -> Result<Hash, Error> {
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
        self.rows.index_parts(&leaf);
        self.rows.entries.push(EntryRow { seq: place.seq, hash, leaf: bytes, body, small: self.small });
        Ok(hash)
    }
}

/// Deletes the stored bytes of all parts under the keys; returns the large ones, to be unlinked once that is durable.
fn erase_parts(db: &dyn Store, erasing: &BTreeSet<KeyId>, by: u64) -> Result<Vec<Hash>, Error> {
    let mut blobs = Vec::new();
    for key in erasing {
        let entries = db.all("SELECT DISTINCT seq FROM sealed WHERE key = $1", &[key.0.into()], |row| row.number(0))?;
        for seq in entries {
            erase_in_entry(db, seq, *key, &mut blobs)?;
        }
        db.execute("INSERT INTO erased (key, seq) VALUES ($1, $2)", &[key.0.into(), by.into()])?;
        if db.node().is_some() {
            db.execute("DELETE FROM keys WHERE id = $1", &[key.0.into()])?;
        }
    }
    Ok(blobs)
}

fn erase_in_entry(db: &dyn Store, seq: u64, key: KeyId, blobs: &mut Vec<Hash>) -> Result<(), Error> {
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
    db.execute("UPDATE entries SET small = $1 WHERE seq = $2", &[small.as_slice().into(), seq.into()])?;
    for (number, part) in leaf.parts.iter().enumerate().filter(|(_, part)| part.key == key) {
        match part.place {
            Place::Small => {}
            Place::Bulk => {
                db.execute("DELETE FROM bulk WHERE id = $1", &[bulk_id(seq, number).into()])?;
            }
            Place::File => {
                db.execute("DELETE FROM files WHERE stored = $1", &[part.stored.as_slice().into()])?;
                blobs.push(part.stored);
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

/// The keys that an entry of the kind [`ERASED_KIND`] destroys; `None` for any other.
pub fn keys_erased(stored: &crate::Stored) -> Option<BTreeSet<KeyId>> {
    if stored.kind == ERASED_KIND { keys_in_body(&stored.body) } else { None }
}

/// The key ids that the body of an erasure names; `None` when it is not one.
pub(crate) fn keys_in_body(body: &[u8]) -> Option<BTreeSet<KeyId>> {
    #[derive(serde::Deserialize)]
    struct Body {
        keys: BTreeSet<KeyId>,
    }
    serde_json::from_slice::<Body>(body).ok().map(|body| body.keys)
}
