//! Keys of a journal that several nodes write to.
//!
//! Every node has a key file of its own with the same keys in it. A node makes keys a batch at a time, in a transaction that
//! reserves their numbers, and hands them to the others through a table, wrapped under the secret of the *ratchet* (the file
//! `keys.next`). Each batch has its own secret, derived from the one before; a node that took a batch in keeps only the
//! secret of the next. So what lies in the database and in its backups opens with no key file that is past it, and an erased
//! key does not come back from there. A wrapped key is deleted once every node has it, or once it is erased.
//!
//! A node joins with `keys.next` and then `keys`, copied from a node that runs, in this order.
//!
//! An erasure is *confirmed* when every node has destroyed the key in its own file. A node that does not run is waited for:
//! it forgets erased keys before it opens the journal again. One whose folder is gone is retired.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::files::{read_bounded, write_synced_over};
use crate::hooks::Random;
use crate::keys::{ERASED, Keys, derive};
use crate::leaf::{KeyId, SALT_BYTES, Salt};
use crate::seal::{self, KeyBytes, NONCE_BYTES};
use crate::snapshots::Snapshot;
use crate::store::{self, Store};
use crate::writer::KEYS;
use crate::{Error, Reader};

/// The ratchet, in the folder of a node.
pub(crate) const RATCHET: &str = "keys.next";
const MAGIC: &[u8; 16] = b"bolwerk-next/1\n\0";
const RATCHET_BYTES: usize = 16 + 8 + 32 + 32;
/// Wrapped keys are written so many at a time.
const WRAPPED_ROWS: usize = 1024;

/// A node that writes to a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its name, from its `store.toml`.
    pub name: String,
    /// Every erasure by an entry before this one is made in its key file.
    pub cleared: u64,
    /// Whether it is the one of this folder.
    pub here: bool,
    /// Whether it is connected for writing.
    pub runs: bool,
}

/// Number and secret of the batch that a node takes in next.
#[derive(Clone, PartialEq, Eq)]
struct Ratchet {
    batch: u64,
    secret: KeyBytes,
}

impl Ratchet {
    fn path(dir: &Path) -> PathBuf {
        dir.join(RATCHET)
    }

    fn load(dir: &Path) -> Result<Option<Ratchet>, Error> {
        let path = Ratchet::path(dir);
        let Some(bytes) = read_bounded(&path, RATCHET_BYTES as u64)? else { return Ok(None) };
        Ratchet::from_bytes(&bytes).map(Some).ok_or(Error::BadKeys { path, what: "it is damaged".into() })
    }

    fn from_bytes(bytes: &[u8]) -> Option<Ratchet> {
        let (content, sum) = bytes.split_last_chunk::<32>()?;
        if bytes.len() != RATCHET_BYTES || &content[..16] != MAGIC || Sha256::digest(content).as_slice() != sum {
            return None;
        }
        let batch = u64::from_be_bytes(std::array::from_fn(|n| content[16 + n]));
        Some(Ratchet { batch, secret: std::array::from_fn(|n| content[24 + n]) })
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = [MAGIC.as_slice(), &self.batch.to_be_bytes(), &self.secret].concat();
        let sum = Sha256::digest(&bytes);
        bytes.extend_from_slice(&sum);
        bytes
    }

    fn save(&self, dir: &Path) -> Result<(), Error> {
        write_synced_over(&Ratchet::path(dir), &self.to_bytes())
    }

    /// The one after, from which this one cannot be computed.
    fn next(&self) -> Ratchet {
        Ratchet { batch: self.batch + 1, secret: derive(&self.secret, "bolwerk/next") }
    }

    fn wrapping(&self) -> KeyBytes {
        derive(&self.secret, "bolwerk/wrap")
    }
}

/// A ratchet as it stands, one whose sum is right, and a whole one that `damage` spoils.
pub(crate) fn fuzz_ratchet(data: &[u8], damage: impl Fn(&mut Vec<u8>)) {
    let mut summed = data.to_vec();
    summed.extend_from_slice(&Sha256::digest(data));
    for bytes in [data, &summed] {
        if let Some(read) = Ratchet::from_bytes(bytes) {
            assert!(read.to_bytes() == bytes);
        }
    }
    let whole = Ratchet { batch: 7, secret: [3; 32] }.to_bytes();
    let mut bytes = whole.clone();
    damage(&mut bytes);
    assert!(bytes == whole || Ratchet::from_bytes(&bytes).is_none(), "a damaged ratchet was taken");
}

/// Keys that were made and not used yet.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    ranges: VecDeque<Range<u64>>,
}

impl Pool {
    pub fn add(&mut self, range: Range<u64>) {
        if !range.is_empty() {
            self.ranges.push_back(range);
        }
    }

    pub fn ready(&self) -> u64 {
        self.ranges.iter().map(|range| range.end - range.start).sum()
    }

    pub fn contains(&self, key: KeyId) -> bool {
        self.ranges.iter().any(|range| range.contains(&key.0))
    }

    /// The next id, whether its key is erased or not.
    pub fn take(&mut self) -> Option<KeyId> {
        let range = self.ranges.front_mut()?;
        let id = range.next();
        if range.is_empty() {
            self.ranges.pop_front();
        }
        id.map(KeyId)
    }
}

/// Prepares a journal that is being made for more nodes than this one, whose file has the first `keys`.
pub(crate) fn create(db: &dyn Store, dir: &Path, keys: &Keys, random: &mut Random) -> Result<(), Error> {
    let Some(node) = db.node() else { return Ok(()) };
    let mut secret = [0; 32];
    random(&mut secret)?;
    Ratchet { batch: 1, secret }.save(dir)?;
    put_batch(db, 0, 1..keys.last() + 1, node)
}

fn put_batch(db: &dyn Store, batch: u64, ids: Range<u64>, node: &str) -> Result<(), Error> {
    let sql = "INSERT INTO batches (batch, first, last, node) VALUES ($1, $2, $3, $4)";
    db.execute(sql, &[batch.into(), ids.start.into(), (ids.end - 1).into(), node.into()]).map(drop)
}

/// Registers this node and takes in what the others made. When this returns, everything that can be read in the store is
/// durable: the transaction waited for whatever was under way.
pub(crate) fn join(db: &dyn Store, dir: &Path, keys: &mut Keys) -> Result<(), Error> {
    let Some(node) = db.node() else { return Ok(()) };
    let path = Ratchet::path(dir);
    let ratchet = Ratchet::load(dir)?.ok_or_else(|| Error::NoKeys { path })?;
    db.begin()?;
    let sql = "INSERT INTO nodes (node, batch, cleared) VALUES ($1, $2, 0) \
               ON CONFLICT (node) DO UPDATE SET batch = excluded.batch";
    let joined = db.execute(sql, &[node.into(), ratchet.batch.into()]);
    if let Err(error) = joined {
        db.rollback()?;
        return Err(error);
    }
    db.commit()?;
    take_in(db, dir, keys)?;
    let made =
        db.one("SELECT max(last) FROM batches", &[], |row| row.maybe_int(0))?.flatten().map_or(0, i64::unsigned_abs);
    if keys.last() < made {
        let what = format!("it is damaged after key {}, and keys up to {made} were made", keys.last());
        return Err(Error::BadKeys { path: dir.join(KEYS), what });
    }
    Ok(())
}

/// Takes in the batches that other nodes made, into memory and the key file.
pub(crate) fn take_in(db: &dyn Store, dir: &Path, keys: &mut Keys) -> Result<(), Error> {
    let Some(node) = db.node() else { return Ok(()) };
    if keys.is_retired() {
        return complete(db, dir, keys);
    }
    let Some(ratchet) = Ratchet::load(dir)? else { return Ok(()) };
    let from = ratchet.batch;
    let path = dir.join(KEYS);
    let now = follow(db, ratchet, keys, &mut |keys, new, ratchet| {
        if !new.is_empty() {
            keys.append(&path, new)?;
        }
        ratchet.save(dir)
    })?;
    if now.batch > from { told(db, node, now.batch) } else { Ok(()) }
}

/// Takes in the batches that other nodes made, into memory only.
pub(crate) fn complete(db: &dyn Store, dir: &Path, keys: &mut Keys) -> Result<(), Error> {
    if db.node().is_none() {
        return Ok(());
    }
    let Some(ratchet) = Ratchet::load(dir)? else { return Ok(()) };
    follow(db, ratchet, keys, &mut |keys, new, _| {
        keys.add(new);
        Ok(())
    })
    .map(drop)
}

type TakeBatch<'a> = &'a mut dyn FnMut(&mut Keys, Vec<KeyBytes>, &Ratchet) -> Result<(), Error>;

/// Turns the ratchet as far as there are batches, and hands the keys of each on.
fn follow(db: &dyn Store, mut ratchet: Ratchet, keys: &mut Keys, take: TakeBatch<'_>) -> Result<Ratchet, Error> {
    let sql = "SELECT batch, first, last FROM batches WHERE batch >= $1 ORDER BY batch";
    let batches = db.all(sql, &[ratchet.batch.into()], |row| Ok((row.number(0)?, row.number(1)?, row.number(2)?)))?;
    for (batch, first, last) in batches {
        if batch != ratchet.batch {
            return Err(Error::broken(None, "a batch of keys is missing in the store"));
        }
        // A batch that is in the file already was taken in just before a crash.
        let new =
            if last > keys.last() { unwrapped(db, &ratchet, keys.last() + 1, first..last + 1)? } else { Vec::new() };
        ratchet = ratchet.next();
        take(keys, new, &ratchet)?;
    }
    Ok(ratchet)
}

/// The keys of one batch, in order; erased ones stay away.
fn unwrapped(db: &dyn Store, ratchet: &Ratchet, expected: u64, ids: Range<u64>) -> Result<Vec<KeyBytes>, Error> {
    let bad = |what: String| Error::BadKeys { path: KEYS.into(), what };
    if ids.start != expected {
        return Err(bad(format!("it does not go on with key {}: copy {RATCHET} and {KEYS} again", ids.start)));
    }
    let wrapping = ratchet.wrapping();
    let wrapped = db.all("SELECT id, wrapped FROM keys WHERE batch = $1", &[ratchet.batch.into()], |row| {
        let id = row.number(0)?;
        let key = seal::open(&wrapping, id, 0, row.blob(1)?).and_then(|(key, _)| KeyBytes::try_from(key).ok());
        Ok((id, key.ok_or_else(|| bad(format!("key {id} of another node does not open with {RATCHET}")))?))
    })?;
    let mut wrapped: BTreeMap<u64, KeyBytes> = wrapped.into_iter().collect();
    let key = |id| match wrapped.remove(&id) {
        Some(key) => Ok(key),
        None if store::is_erased(db, KeyId(id))? => Ok(ERASED),
        None => Err(bad(format!(
            "key {id} of another node is no longer in the store: copy {RATCHET} and {KEYS} again, from a node that runs"
        ))),
    };
    ids.map(key).collect()
}

/// Notes that this node has the keys of all batches before `batch`; what all nodes have is deleted.
fn told(db: &dyn Store, node: &str, batch: u64) -> Result<(), Error> {
    db.execute("UPDATE nodes SET batch = $1 WHERE node = $2", &[batch.into(), node.into()])?;
    db.execute("DELETE FROM keys WHERE batch < (SELECT min(batch) FROM nodes)", &[]).map(drop)
}

/// Makes `count` keys that no other node will make, durable when this returns; their ids.
pub(crate) fn reserve(
    db: &dyn Store,
    dir: &Path,
    keys: &mut Keys,
    random: &mut Random,
    count: u64,
) -> Result<Range<u64>, Error> {
    let node = db.node().unwrap_or_default();
    db.begin()?;
    let made = take_in(db, dir, keys).and_then(|()| {
        let path = Ratchet::path(dir);
        let ratchet = Ratchet::load(dir)?.ok_or(Error::NoKeys { path })?;
        let ids = keys.last() + 1..keys.last() + 1 + count;
        let new = crate::keys::new_keys(random, count)?;
        put_batch(db, ratchet.batch, ids.clone(), node)?;
        put_wrapped(db, &ratchet, ids.start, &new, random)?;
        Ok((ids, new, ratchet))
    });
    let (ids, new, ratchet) = match made {
        Ok(made) => made,
        Err(error) => {
            db.rollback()?;
            return Err(error);
        }
    };
    db.commit()?;
    // A crash from here on: the next opening takes the batch in as if another node had made it.
    keys.append(&dir.join(KEYS), new)?;
    let next = ratchet.next();
    next.save(dir)?;
    // Only tidying up, which the next batch makes good.
    drop(told(db, node, next.batch));
    Ok(ids)
}

fn put_wrapped(
    db: &dyn Store,
    ratchet: &Ratchet,
    first: u64,
    keys: &[KeyBytes],
    random: &mut Random,
) -> Result<(), Error> {
    let wrapping = ratchet.wrapping();
    let mut chances = vec![0; keys.len() * (NONCE_BYTES + SALT_BYTES)];
    random(&mut chances)?;
    let chances = chances.chunks_exact(NONCE_BYTES + SALT_BYTES);
    let rows: Vec<(u64, Vec<u8>)> = (first..)
        .zip(keys.iter().zip(chances))
        .map(|(id, (key, chance))| {
            let nonce: [u8; NONCE_BYTES] = std::array::from_fn(|n| chance[n]);
            let salt: Salt = std::array::from_fn(|n| chance[NONCE_BYTES + n]);
            (id, seal::seal(&wrapping, &nonce, &salt, id, 0, key))
        })
        .collect();
    rows.chunks(WRAPPED_ROWS).try_for_each(|rows| db.put_keys(ratchet.batch, rows))
}

/// The keys that this node made after the newest that it used.
pub(crate) fn unused(db: &dyn Store) -> Result<Pool, Error> {
    let mut ranges = Vec::new();
    let sql = "SELECT first, last FROM batches WHERE node = $1 ORDER BY batch DESC";
    let node = db.node().unwrap_or_default();
    for (first, last) in db.all(sql, &[node.into()], |row| Ok((row.number(0)?, row.number(1)?)))? {
        let used = |table: &str| -> Result<Option<u64>, Error> {
            let sql = format!("SELECT max(key) FROM {table} WHERE key >= $1 AND key <= $2");
            let found = db.one(&sql, &[first.into(), last.into()], |row| row.maybe_int(0))?;
            Ok(found.flatten().map(i64::unsigned_abs))
        };
        let used = used("sealed")?.max(used("erased")?);
        ranges.push(used.map_or(first, |used| used + 1)..last + 1);
        if used.is_some() {
            break;
        }
    }
    let mut pool = Pool::default();
    ranges.into_iter().rev().for_each(|range| pool.add(range));
    Ok(pool)
}

/// Destroys the keys erased before entry `size` in this node's file, and tells the others.
pub(crate) fn clear(db: &dyn Store, dir: &Path, keys: &mut Keys, size: u64) -> Result<(), Error> {
    let Some(node) = db.node() else { return Ok(()) };
    let erased = store::erased_with_entries(db)?;
    let erased = erased.into_iter().filter(|(_, seq)| *seq < size).map(|(key, _)| key).collect();
    if keys.forget(&erased) {
        keys.rewrite(&dir.join(KEYS))?;
        // What this node made of the entries may hold what is erased.
        Snapshot::remove_all(dir)?;
    }
    let sql = "UPDATE nodes SET cleared = $1 WHERE node = $2 AND cleared < $1";
    if db.execute(sql, &[size.into(), node.into()])? > 0 {
        db.execute("NOTIFY bolwerk_journal", &[])?;
    }
    Ok(())
}

impl Reader {
    /// The nodes that have not yet destroyed the keys that entry `seq` erases: none once the erasure is confirmed. A journal in
    /// a store of its own has no nodes.
    pub fn lagging(&self, seq: u64) -> Result<Vec<String>, Error> {
        if self.db.node().is_none() {
            return Ok(Vec::new());
        }
        let sql = "SELECT node FROM nodes WHERE cleared <= $1 ORDER BY node";
        self.db.all(sql, &[seq.into()], |row| Ok(row.text(0)?.to_owned()))
    }

    /// The entries that erase something and that not every node has carried out, the oldest first; none in a store of its own.
    pub fn unconfirmed(&self) -> Result<Vec<u64>, Error> {
        if self.db.node().is_none() {
            return Ok(Vec::new());
        }
        let sql = "SELECT DISTINCT seq FROM erased WHERE seq >= (SELECT min(cleared) FROM nodes) ORDER BY seq";
        self.db.all(sql, &[], |row| row.number(0))
    }

    /// The newest entry that erases anything.
    pub fn last_erasure(&self) -> Result<Option<u64>, Error> {
        let last = self.db.one("SELECT max(seq) FROM erased", &[], |row| row.maybe_int(0))?;
        Ok(last.flatten().map(i64::unsigned_abs))
    }

    /// The nodes of the journal; none when it lies in a store of its own.
    pub fn nodes(&self) -> Result<Vec<Node>, Error> {
        let Some(here) = self.db.node() else { return Ok(Vec::new()) };
        let mut nodes = self.db.all("SELECT node, cleared FROM nodes ORDER BY node", &[], |row| {
            let name = row.text(0)?.to_owned();
            Ok(Node { here: name == here, runs: false, cleared: row.number(1)?, name })
        })?;
        for node in &mut nodes {
            node.runs = self.db.runs(&node.name)?;
        }
        Ok(nodes)
    }

    /// Says for this node that everything before entry `size` was applied, so that nothing erased by it is left in memory, and
    /// destroys the keys erased by it in the key file. Only for a reader that a writer made.
    pub fn confirm(&self, size: u64) -> Result<(), Error> {
        match &self.keys {
            Some(keys) if !self.own => clear(&*self.db, &self.dir, &mut crate::writer::write_keys(keys), size),
            _ => Err(Error::invalid("only a reader that a writer made can confirm erasures")),
        }
    }
}

/// Forgets a node whose folder is destroyed, so that erasures no longer wait for it.
pub fn retire(dir: &Path, node: &str) -> Result<(), Error> {
    let reader = Reader::open(dir)?;
    let known = reader.nodes()?.into_iter().find(|known| known.name == node);
    match known {
        None => Err(Error::invalid(format!("there is no node {node}"))),
        Some(Node { here: true, .. }) => Err(Error::invalid(format!("{node} is the node of this folder"))),
        Some(Node { runs: true, .. }) => {
            Err(Error::invalid(format!("{node} runs: stop it and destroy its folder first")))
        }
        Some(_) => reader.db.execute("DELETE FROM nodes WHERE node = $1", &[node.into()]).map(drop),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first() -> Ratchet {
        Ratchet { batch: 7, secret: [9; 32] }
    }

    #[test]
    fn a_ratchet_that_is_past_a_batch_does_not_open_it() {
        let (before, after) = (first(), first().next());
        let wrapped = seal::seal(&before.wrapping(), &[1; NONCE_BYTES], &[2; SALT_BYTES], 33, 0, &[5; 32]);
        assert_eq!(seal::open(&before.wrapping(), 33, 0, &wrapped), Some((vec![5; 32], [2; SALT_BYTES])));
        let mut later = after;
        for _ in 0..100 {
            assert_eq!(seal::open(&later.wrapping(), 33, 0, &wrapped), None);
            assert_eq!(seal::open(&later.secret, 33, 0, &wrapped), None);
            later = later.next();
        }
        assert_eq!(seal::open(&before.wrapping(), 34, 0, &wrapped), None, "put in the place of another");
    }

    #[test]
    fn a_ratchet_comes_back_and_every_changed_byte_of_its_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Ratchet::load(dir.path()).unwrap().is_none());
        first().save(dir.path()).unwrap();
        assert!(Ratchet::load(dir.path()).unwrap() == Some(first()));
        let path = Ratchet::path(dir.path());
        let bytes = std::fs::read(&path).unwrap();
        for at in 0..bytes.len() {
            let mut bad = bytes.clone();
            bad[at] ^= 1;
            std::fs::write(&path, &bad).unwrap();
            assert!(matches!(Ratchet::load(dir.path()), Err(Error::BadKeys { .. })), "byte {at}");
            std::fs::write(&path, &bytes[..at]).unwrap();
            assert!(matches!(Ratchet::load(dir.path()), Err(Error::BadKeys { .. })), "cut at {at}");
        }
    }
}
