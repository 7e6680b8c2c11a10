//! What survives a crash: entries, their chain, and which keys are gone.

use crate::random::Chance;
use crate::tree::{Hash, Tree, root_of};
use journal::{Keep, KeyId, NewEntry, Stored, StoredPart, hash_leaf};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

/// Size of a salt, bytes.
const SALT_BYTES: usize = 16;

/// A sealed part. The simulation does not encrypt: without its key the content is simply not here.
#[derive(Clone, Debug)]
pub struct Part {
    /// The subject's key.
    pub key: KeyId,
    /// When the content is needed.
    pub keep: Keep,
    /// `None` once the key is destroyed.
    pub content: Option<Vec<u8>>,
    salt: [u8; SALT_BYTES],
    commitment: Hash,
    bytes: u64,
}

/// An entry as it was written.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its place, from 0.
    pub seq: u64,
    /// When it was recorded, µs.
    pub at: i64,
    /// First of its transaction.
    pub first: bool,
    /// Last of its transaction.
    pub last: bool,
    /// `capability.fact`.
    pub kind: String,
    /// Version of the body.
    pub version: u16,
    /// JSON without personal data.
    pub body: Vec<u8>,
    /// The sealed parts.
    pub parts: Vec<Part>,
    /// Hash of its leaf.
    pub leaf: Hash,
    salt: [u8; SALT_BYTES],
}

impl Entry {
    /// As a reader of the journal hands it out.
    pub fn stored(&self) -> Stored {
        let part = |part: &Part| StoredPart {
            key: part.key,
            len: part.bytes,
            keep: part.keep,
            content: part.content.clone().filter(|_| part.keep == Keep::Replayed),
        };
        Stored {
            seq: self.seq,
            recorded_at: self.at,
            first: self.first,
            last: self.last,
            kind: self.kind.clone(),
            version: self.version,
            body: self.body.clone(),
            parts: self.parts.iter().map(part).collect(),
        }
    }

    /// The canonical bytes that the chain hashes: as in the journal's format everything but the content, which is committed to.
    fn leaf_now(&self) -> Hash {
        let mut bytes = Vec::with_capacity(64 + self.kind.len() + self.parts.len() * 50);
        bytes.push(1);
        bytes.extend_from_slice(&self.seq.to_be_bytes());
        bytes.extend_from_slice(&self.at.to_be_bytes());
        bytes.push(u8::from(self.first) | u8::from(self.last) << 1);
        bytes.push(self.kind.len() as u8);
        bytes.extend_from_slice(self.kind.as_bytes());
        bytes.extend_from_slice(&self.version.to_be_bytes());
        bytes.extend_from_slice(&commit(&self.salt, &self.body));
        bytes.push(self.parts.len() as u8);
        for part in &self.parts {
            bytes.push(matches!(part.keep, Keep::OnDemand).into());
            bytes.extend_from_slice(&part.key.0.to_be_bytes());
            bytes.extend_from_slice(&part.bytes.to_be_bytes());
            bytes.extend_from_slice(&part.commitment);
        }
        hash_leaf(&bytes)
    }
}

fn commit(salt: &[u8; SALT_BYTES], content: &[u8]) -> Hash {
    Sha256::new().chain_update(salt).chain_update(content).finalize().into()
}

fn salt(chance: &mut Chance) -> [u8; SALT_BYTES] {
    let mut salt = [0; SALT_BYTES];
    desk::ids::Random::fill(chance, &mut salt);
    salt
}

/// Size and root of the tree at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Number of entries.
    pub size: u64,
    /// Their root.
    pub root: Hash,
}

/// The simulated disk.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    /// The entries, in order.
    pub entries: Vec<Entry>,
    /// Keys that were destroyed.
    pub erased: BTreeSet<KeyId>,
    tree: Tree,
    checkpoint: Option<Checkpoint>,
}

impl Disk {
    /// Number of durable entries.
    pub fn size(&self) -> u64 {
        self.entries.len() as u64
    }

    /// When the newest entry was recorded; `i64::MIN` when there is none.
    pub fn last_at(&self) -> i64 {
        self.entries.last().map_or(i64::MIN, |e| e.at)
    }

    /// The checkpoint that was stored with the newest entries.
    pub fn checkpoint(&self) -> Checkpoint {
        self.checkpoint.unwrap_or(Checkpoint { size: 0, root: journal::empty_root() })
    }

    /// The highest key that a part was sealed under.
    pub fn last_key(&self) -> u64 {
        let used = self.entries.iter().flat_map(|e| &e.parts).map(|p| p.key.0).max().unwrap_or(0);
        used.max(self.erased.last().map_or(0, |k| k.0))
    }

    /// Consistency proof between two sizes.
    pub fn consistency(&self, old: u64, new: u64) -> Vec<Hash> {
        self.tree.consistency(old, new)
    }

    /// Turns a list into the entries of one transaction, after so many others.
    pub fn transaction(list: Vec<NewEntry>, from: u64, at: i64, chance: &mut Chance) -> Vec<Entry> {
        let count = list.len();
        let entry = |(n, new): (usize, NewEntry)| {
            let parts = new.parts.into_iter().map(|part| {
                let salt = salt(chance);
                Part {
                    key: part.key,
                    keep: part.keep,
                    salt,
                    commitment: commit(&salt, &part.content),
                    bytes: part.content.len() as u64,
                    content: Some(part.content),
                }
            });
            let parts = parts.collect();
            let (seq, first, last) = (from + n as u64, n == 0, n + 1 == count);
            let (kind, version, body) = (new.kind, new.version, new.body);
            let mut entry =
                Entry { seq, at, first, last, kind, version, body, parts, leaf: [0; 32], salt: salt(chance) };
            entry.leaf = entry.leaf_now();
            entry
        };
        list.into_iter().enumerate().map(entry).collect()
    }

    /// Entries become durable together with their checkpoint.
    pub fn write(&mut self, entries: impl IntoIterator<Item = Entry>) {
        for entry in entries {
            self.tree.push(entry.leaf);
            self.entries.push(entry);
        }
        self.checkpoint = Some(Checkpoint { size: self.size(), root: self.tree.root() });
    }

    /// Keys are destroyed, and with them what they sealed.
    pub fn destroy(&mut self, keys: &[KeyId]) {
        self.erased.extend(keys);
        let parts = self.entries.iter_mut().flat_map(|e| &mut e.parts);
        parts.filter(|p| keys.contains(&p.key)).for_each(|p| p.content = None);
    }

    /// Forgets the last entries: only for a store that is broken on purpose.
    pub fn cut(&mut self, size: u64) {
        self.entries.truncate(size as usize);
        self.tree.cut(size);
        self.checkpoint = Some(Checkpoint { size: self.size(), root: self.tree.root() });
    }

    /// Computes everything again: places, times, marks, commitments, leaves, root.
    pub fn verify(&self) -> Result<(), String> {
        let (mut at, mut open) = (i64::MIN, false);
        for (n, entry) in self.entries.iter().enumerate() {
            let place = |what: &str| Err(format!("entry {n} ({}): {what}", entry.kind));
            if entry.seq != n as u64 {
                return place(&format!("stands at the place of {}", entry.seq));
            }
            if entry.at < at {
                return place(&format!("was recorded {} µs before the one before it", at - entry.at));
            }
            if entry.first == open {
                return place("begins a transaction inside another, or none");
            }
            if entry.leaf_now() != entry.leaf {
                return place("is not what its leaf says");
            }
            for (number, part) in entry.parts.iter().enumerate() {
                match (&part.content, self.erased.contains(&part.key)) {
                    (Some(content), false) if commit(&part.salt, content) == part.commitment => {}
                    (None, true) => {}
                    (Some(_), true) => return place(&format!("part {number} is here though its key was destroyed")),
                    _ => return place(&format!("part {number} is not what was written")),
                }
            }
            (at, open) = (entry.at, !entry.last);
        }
        if open {
            return Err("the last transaction has no end".to_owned());
        }
        let leaves: Vec<Hash> = self.entries.iter().map(|e| e.leaf).collect();
        let checkpoint = self.checkpoint();
        if checkpoint.size != self.size() || root_of(&leaves) != checkpoint.root {
            return Err(format!("the {} entries do not add up to the checkpoint of {}", self.size(), checkpoint.size));
        }
        Ok(())
    }
}
