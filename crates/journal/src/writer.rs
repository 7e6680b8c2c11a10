//! The one writer of a journal: opening, checking what is there, and making keys ready.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::ops::ControlFlow;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use crate::entry::{SCAN_ENTRIES, StoredRow};
use crate::files::{read_bounded, sync_folder, write_synced};
use crate::hooks::Hooks;
use crate::keys::{Keys, settle};
use crate::leaf::{KeyId, sha256};
use crate::note::{Checkpoint, Verifier, name_is_valid};
use crate::reader::Reader;
use crate::share::{self, Pool};
use crate::store::{self, Snapshot, Store, StoredNodes};
use crate::tree::{Edge, TILE_WIDTH, empty_root};
use crate::{Error, erasures};
use ed25519_dalek::SigningKey;

/// The key file in the journal's folder.
pub(crate) const KEYS: &str = "keys";
/// The key file of a journal that is still being made.
const KEYS_FIRST: &str = "keys.first";
/// The file that is locked while a writer runs.
pub(crate) const LOCK: &str = "lock";
/// Present in a folder that must not be written; its content says why.
pub(crate) const READ_ONLY: &str = "read-only";
/// Folder of a restore that is not finished.
pub(crate) const RESTORING: &str = "restoring";
/// Largest reason in a `read-only` file, bytes.
const REASON_BYTES_MAX: u64 = 4096;

/// How often to look whether a folder is still held, and how long between two looks.
const HELD_LOOKS: u32 = 20;
const HELD_LOOK: Duration = Duration::from_millis(10);

/// What a journal is opened with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Origin of the checkpoints (`bolwerk/…`), without spaces and plus signs. Stored when the journal is made; later ignored.
    pub origin: String,
}

/// Keys shared between a writer and its readers.
pub(crate) type Shared = Arc<RwLock<Keys>>;

pub(crate) fn read_keys(keys: &Shared) -> RwLockReadGuard<'_, Keys> {
    keys.read().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn write_keys(keys: &Shared) -> RwLockWriteGuard<'_, Keys> {
    keys.write().unwrap_or_else(PoisonError::into_inner)
}

/// The one writer. Holds an exclusive lock on the folder until it is dropped.
pub struct Writer {
    pub(crate) dir: PathBuf,
    pub(crate) db: Box<dyn Store>,
    pub(crate) keys: Shared,
    pub(crate) signer: SigningKey,
    pub(crate) origin: String,
    pub(crate) edge: Edge,
    /// The checkpoint of exactly these entries.
    pub(crate) note: String,
    /// recorded_at of the last entry.
    pub(crate) last_at: i64,
    /// Keys that are ready to be handed out.
    pub(crate) pool: Pool,
    pub(crate) hooks: Hooks,
    /// Whether a transaction is open in which this node alone writes: see [`Writer::lead`].
    pub(crate) leads: bool,
    /// Why nothing more may be written.
    pub(crate) poisoned: Option<String>,
    /// Last, so that it is released when the store is closed.
    _lock: File,
}

impl Writer {
    /// Opens a journal, or makes one when the folder is absent or empty. Checks the last entries against the stored checkpoint,
    /// finishes an erasure that was interrupted and removes files that no entry names.
    pub fn open(dir: &Path, options: &Options) -> Result<Writer, Error> {
        Writer::open_with(dir, options, Hooks::default())
    }

    /// As [`Writer::open`], with randomness and faults of the caller's choice.
    pub fn open_with(dir: &Path, options: &Options, mut hooks: Hooks) -> Result<Writer, Error> {
        refuse_read_only(dir)?;
        make_private_folder(dir)?;
        let lock = hold(dir)?;
        let store = store::open_for_writing(dir, &hooks)?;
        let db = &*store;
        match (db.is_blank()?, dir.join(KEYS).exists()) {
            (true, false) => create(dir, db, &options.origin, &mut hooks)?,
            (true, true) => {
                return Err(Error::broken(
                    None,
                    "the store is empty while its keys are here: is its -wal file lost, or is it another one?",
                ));
            }
            (false, _) => {}
        }
        db.check_version()?;
        let mut keys = Writer::open_keys(dir, db)?;
        let Tail { edge, note, last_at } = check_tail(db)?;
        share::clear(db, dir, &mut keys, edge.size())?;
        let pool = unused_keys(db, &keys)?;
        let mut writer = Writer {
            dir: dir.to_path_buf(),
            origin: store::meta_text(db, store::META_ORIGIN)?,
            signer: keys.signer(),
            keys: Arc::new(RwLock::new(keys)),
            edge,
            note,
            last_at,
            pool,
            hooks,
            leads: false,
            poisoned: None,
            db: store,
            _lock: lock,
        };
        writer.sweep()?;
        writer.refill()?;
        erasures::replay_pending(&mut writer)?;
        Ok(writer)
    }

    /// Loads the key file, checks that it belongs here and is whole, and finishes interrupted changes to it.
    fn open_keys(dir: &Path, db: &dyn Store) -> Result<Keys, Error> {
        let path = dir.join(KEYS);
        let first = dir.join(KEYS_FIRST);
        if !path.exists() && first.exists() {
            settle(&first, &path)?;
        }
        let mut keys = Keys::load(&path)?.ok_or_else(|| Error::NoKeys { path: path.clone() })?;
        check_owner(&keys, &path, db)?;
        let torn = keys.torn();
        if db.node().is_some() {
            // Other nodes' keys follow, so what is torn goes first.
            if torn {
                keys.mend(&path)?;
            }
            share::join(db, dir, &mut keys)?;
        }
        check_keys(&keys, &path, db)?;
        if keys.torn() {
            keys.mend(&path)?;
        }
        if keys.forget(&store::erased(db)?) {
            keys.rewrite(&path)?;
        }
        Ok(keys)
    }

    /// The sequence number of the next entry, which is the number of entries.
    pub fn next_seq(&self) -> u64 {
        self.edge.size()
    }

    /// The name of this node, where several may write to the journal.
    pub fn node(&self) -> Option<&str> {
        self.db.node()
    }

    /// A key that was never used. Waits for the disk only when the pool has run dry between two commits.
    pub fn new_key(&mut self) -> Result<KeyId, Error> {
        self.refuse_poisoned()?;
        loop {
            match self.pool.take() {
                None => self.refill()?,
                // Erased keys that were never used leave holes.
                Some(key) if read_keys(&self.keys).get(key).is_none() => {}
                Some(key) => return Ok(key),
            }
        }
    }

    /// Makes keys ready when fewer than a pool are left.
    pub(crate) fn refill(&mut self) -> Result<(), Error> {
        let ready = self.pool.ready();
        if ready >= self.hooks.pool.max(1) {
            return Ok(());
        }
        if self.leads {
            return Err(Error::Away { why: "no more keys lie ready".into() });
        }
        let count = (2 * self.hooks.pool - ready).max(1);
        let (mut keys, random) = (write_keys(&self.keys), &mut self.hooks.random);
        let ids = if self.db.node().is_some() {
            share::reserve(&*self.db, &self.dir, &mut keys, random, count)?
        } else {
            let first = keys.last() + 1;
            keys.extend(&self.dir.join(KEYS), random, count)?;
            first..first + count
        };
        self.pool.add(ids);
        Ok(())
    }

    /// A secret for one purpose: HMAC-SHA256(root secret, purpose). The root secret lives in the key file.
    pub fn secret(&self, purpose: &str) -> [u8; 32] {
        read_keys(&self.keys).secret(purpose)
    }

    /// A reader that shares this writer's keys.
    pub fn reader(&self) -> Result<Reader, Error> {
        Reader::with_keys(&self.dir, Arc::clone(&self.keys))
    }

    pub(crate) fn refuse_poisoned(&self) -> Result<(), Error> {
        match &self.poisoned {
            Some(why) => Err(Error::Poisoned { why: why.clone() }),
            None => Ok(()),
        }
    }

    /// Removes files that no entry names: written before a crash, or left by an erasure.
    fn sweep(&mut self) -> Result<(), Error> {
        self.db.orphans()?.iter().try_for_each(|path| fs::remove_file(path).map_err(Error::io("remove", path)))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        write_keys(&self.keys).retire();
    }
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("dir", &self.dir).field("size", &self.edge.size()).finish_non_exhaustive()
    }
}

/// Refuses folders that are kept read-only, or are not finished.
fn refuse_read_only(dir: &Path) -> Result<(), Error> {
    if let Some(why) = read_bounded(&dir.join(READ_ONLY), REASON_BYTES_MAX)? {
        return Err(Error::ReadOnly { dir: dir.to_path_buf(), why: String::from_utf8_lossy(&why).trim().to_owned() });
    }
    if dir.join(RESTORING).exists() {
        return Err(Error::invalid(format!(
            "{} holds a restore that was not finished: remove the folder and restore again",
            dir.display()
        )));
    }
    Ok(())
}

pub(crate) fn make_private_folder(dir: &Path) -> Result<(), Error> {
    if dir.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(Error::io("create", dir))?;
    crate::files::sync_folder_of(dir)
}

pub(crate) fn hold(dir: &Path) -> Result<File, Error> {
    let path = dir.join(LOCK);
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(Error::io("open", &path))?;
    for look in 0.. {
        match file.try_lock() {
            Ok(()) => break,
            // A process that this one is just starting has the file of a writer that is gone open for a moment.
            Err(TryLockError::WouldBlock) if look < HELD_LOOKS => std::thread::park_timeout(HELD_LOOK),
            Err(TryLockError::WouldBlock) => return Err(Error::Held { dir: dir.to_path_buf() }),
            Err(TryLockError::Error(error)) => return Err(Error::io("lock", &path)(error)),
        }
    }
    Ok(file)
}

/// Makes an empty journal. The key file takes its name last, so that a crash in between starts over.
fn create(dir: &Path, db: &dyn Store, origin: &str, hooks: &mut Hooks) -> Result<(), Error> {
    if !name_is_valid(origin) {
        return Err(Error::invalid(format!("{origin:?} cannot be the origin of a log: no spaces, no plus sign")));
    }
    // An earlier attempt may still be on its way into a database: its keys are overwritten only once that is ruled out.
    db.begin_tables()?;
    let keys = Keys::create(&mut hooks.random, 2 * hooks.pool)?;
    write_synced(&dir.join(KEYS_FIRST), &keys.to_bytes())?;
    let empty = Checkpoint { origin: origin.to_owned(), size: 0, root: empty_root(), extensions: Vec::new() };
    share::create(db, dir, &keys, &mut hooks.random)?;
    store::set_meta(db, store::META_FORMAT, store::FORMAT)?;
    store::set_meta(db, store::META_ORIGIN, origin.as_bytes())?;
    store::set_meta(db, store::META_PUBLIC, &keys.public())?;
    store::set_meta(db, store::META_CHECKPOINT, empty.sign(&keys.signer())?.as_bytes())?;
    db.commit()?;
    sync_folder(dir)?;
    settle(&dir.join(KEYS_FIRST), &dir.join(KEYS))
}

/// The keys that were made and that nothing names yet.
fn unused_keys(db: &dyn Store, keys: &Keys) -> Result<Pool, Error> {
    if db.node().is_some() {
        return share::unused(db);
    }
    let used = store::last_key(db)?.max(store::erased(db)?.last().map_or(0, |key| key.0));
    let mut pool = Pool::default();
    pool.add(used + 1..keys.last() + 1);
    Ok(pool)
}

/// Whether a key file belongs to this store.
pub(crate) fn check_owner(keys: &Keys, path: &Path, db: &dyn Store) -> Result<(), Error> {
    if keys.public() == store::meta_public(db)? {
        return Ok(());
    }
    Err(Error::BadKeys { path: path.to_path_buf(), what: "it belongs to another journal".into() })
}

/// Whether a key file belongs to this store and has every key that a part names.
pub(crate) fn check_keys(keys: &Keys, path: &Path, db: &dyn Store) -> Result<(), Error> {
    check_owner(keys, path, db)?;
    let bad = |what: String| Error::BadKeys { path: path.to_path_buf(), what };
    let used = store::last_key(db)?;
    if keys.last() < used {
        return Err(bad(format!("it is damaged after key {}, and the journal uses keys up to {used}", keys.last())));
    }
    Ok(())
}

/// The stored checkpoint, its signature checked.
pub(crate) fn stored_checkpoint(db: &dyn Store) -> Result<(Checkpoint, String), Error> {
    let note = store::meta_text(db, store::META_CHECKPOINT)?;
    let verifier = stored_verifier(db)?;
    let checkpoint = Checkpoint::open(&verifier, &note)
        .map_err(|error| Error::broken(None, format!("the stored checkpoint: {error}")))?;
    Ok((checkpoint, note))
}

pub(crate) fn stored_verifier(db: &dyn Store) -> Result<Verifier, Error> {
    Verifier::new(&store::meta_text(db, store::META_ORIGIN)?, &store::meta_public(db)?)
        .map_err(|error| Error::broken(None, format!("the stored origin or public key: {error}")))
}

/// Where a journal ends.
struct Tail {
    edge: Edge,
    note: String,
    last_at: i64,
}

/// Compares the last entries, and through the tiles the whole tree, with the stored checkpoint.
fn check_tail(db: &dyn Store) -> Result<Tail, Error> {
    let _snapshot = Snapshot::of(db)?;
    let (checkpoint, note) = stored_checkpoint(db)?;
    let size = store::size(db)?;
    if size != checkpoint.size {
        let what = format!("the checkpoint is of {} entries, the store has {size}", checkpoint.size);
        return Err(Error::broken(size.min(checkpoint.size), what));
    }
    let from = size.saturating_sub(TILE_WIDTH as u64);
    let last_at = check_rows(db, from, size)?;
    let edge = StoredNodes { db, size }.edge()?;
    if edge.root() != checkpoint.root {
        return Err(Error::broken(None, "the entries do not add up to the stored checkpoint: run verify"));
    }
    Ok(Tail { edge, note, last_at })
}

/// Checks the entries `from..size` in themselves; returns the last recorded_at. Parts that are read on demand are left out: a
/// lost file must not keep a desk from starting, and shows when it is read and when the journal is verified.
fn check_rows(db: &dyn Store, from: u64, size: u64) -> Result<i64, Error> {
    let (mut next, mut last_at) = (from, i64::MIN);
    db.scan(SCAN_ENTRIES, from as i64, &mut |row| {
        let row = StoredRow::read(row)?;
        if row.seq != next {
            return Err(Error::broken(next, "it is missing"));
        }
        let leaf = row.check()?;
        for (number, stored) in row.small_parts(&leaf)? {
            if stored.is_some_and(|stored| sha256(stored) != leaf.parts[number].stored) {
                return Err(Error::broken(next, format!("its part {number} is not what was written")));
            }
        }
        (next, last_at) = (next + 1, leaf.recorded_at);
        Ok(ControlFlow::Continue(()))
    })?;
    if next == size { Ok(last_at) } else { Err(Error::broken(next, "it is missing")) }
}

/// The keys that the caller may still use, for checking what is to be sealed.
pub(crate) fn usable(keys: &Keys, pool: &Pool, erasing: &BTreeSet<KeyId>, key: KeyId) -> bool {
    !pool.contains(key) && keys.get(key).is_some() && !erasing.contains(&key)
}
