//! Verification: everything is computed again from what is stored, and the first bad entry is named.

mod tables;
#[cfg(test)]
mod tampering;
mod walk;

use std::path::Path;

use crate::keys::Keys;
use crate::leaf::KeyId;
use crate::note::Checkpoint;
use crate::reader::load_keys;
use crate::share;
use crate::store::{self, Snapshot, Store};
use crate::writer::{KEYS, check_keys, check_owner, stored_checkpoint, stored_verifier};
use crate::{Error, erasures};

/// What a verification found in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Number of entries.
    pub size: u64,
    /// recorded_at of the last one, microseconds since 1970-01-01 UTC.
    pub last_recorded_at: Option<i64>,
    /// The stored checkpoint, a signed note over exactly these entries.
    pub checkpoint: String,
    /// Size of the tree of the checkpoint given, which these entries go on from.
    pub against: Option<u64>,
    /// Sealed parts that were opened and are what was committed to.
    pub opened: u64,
    /// Sealed parts whose stored bytes are whole, but whose keys are not here.
    pub closed: u64,
    /// Sealed parts that are erased, each with an entry that says so.
    pub erased: u64,
    /// What a crash or a running writer left, in sentences; the next start of a writer tidies it up.
    pub unfinished: Vec<String>,
}

/// Computes everything again: leaves, tree, checkpoint and its signature, bodies, stored bytes, files, sealed content where
/// the keys are here, and every table that helps reading. `against` is a checkpoint kept elsewhere: proves that nothing
/// before it changed. `progress` is told the entries done and their number.
///
/// The first entry that is not what was written ends it, as [`Error::Broken`]. Reads one state of the journal, also while a
/// writer runs.
pub fn verify(dir: &Path, against: Option<&str>, progress: &mut dyn FnMut(u64, u64)) -> Result<Verified, Error> {
    let reader = store::open_for_reading(dir)?;
    let db = &*reader;
    let _snapshot = Snapshot::of(db)?;
    db.check_whole()?;
    let path = dir.join(KEYS);
    let raw = Keys::load(&path)?;
    if let Some(raw) = &raw {
        let mut whole = raw.clone();
        check_owner(raw, &path, db)?;
        share::complete(db, dir, &mut whole)?;
        check_keys(&whole, &path, db)?;
    }
    let keys = load_keys(dir, db)?;
    let pending = erasures::pending(dir, db)?;
    let erased_since =
        |key: KeyId| -> Result<bool, Error> { Ok(pending.contains(&key) || store::is_erased(&*db.again()?, key)?) };
    let scene = Scene { db, dir, keys: keys.as_ref(), erased_since: &erased_since };
    let mut verified = verify_scene(&scene, against, progress)?;
    verified.unfinished = unfinished(&scene, raw.as_ref())?;
    Ok(verified)
}

/// Verifies all but sealed content, on a state that is being read.
pub(crate) fn verify_without_keys(db: &dyn Store, dir: &Path) -> Result<Verified, Error> {
    db.check_whole()?;
    let erased_since = |key: KeyId| store::is_erased(&*db.again()?, key);
    verify_scene(&Scene { db, dir, keys: None, erased_since: &erased_since }, None, &mut |_, _| {})
}

/// Verifies everything with these keys, in the transaction that is under way.
pub(crate) fn verify_with(db: &dyn Store, dir: &Path, keys: &Keys, against: Option<&str>) -> Result<Verified, Error> {
    db.check_whole()?;
    let scene = Scene { db, dir, keys: Some(keys), erased_since: &|_| Ok(false) };
    verify_scene(&scene, against, &mut |_, _| {})
}

/// Where a verification looks.
struct Scene<'a> {
    db: &'a dyn Store,
    dir: &'a Path,
    keys: Option<&'a Keys>,
    /// Whether a key was erased after the state that is read.
    erased_since: &'a dyn Fn(KeyId) -> Result<bool, Error>,
}

fn verify_scene(
    scene: &Scene<'_>,
    against: Option<&str>,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Verified, Error> {
    tables::check_meta(scene.db)?;
    let (checkpoint, note) = stored_checkpoint(scene.db)?;
    let against = against.map(|note| Checkpoint::open(&stored_verifier(scene.db)?, note)).transpose()?;
    let erased = tables::erased_with_entries(scene.db)?;
    let mut walk = walk::Walk::new(scene, &checkpoint, against.as_ref(), erased);
    walk.entries(progress)?;
    tables::check_counts(scene.db, &walk.counts)?;
    let counts = &walk.counts;
    Ok(Verified {
        size: checkpoint.size,
        last_recorded_at: walk.last_at,
        checkpoint: note,
        against: against.map(|against| against.size),
        opened: counts.opened,
        closed: counts.closed,
        erased: counts.erased,
        unfinished: Vec::new(),
    })
}

fn unfinished(scene: &Scene<'_>, raw: Option<&Keys>) -> Result<Vec<String>, Error> {
    let mut left = Vec::new();
    let orphans = scene.db.orphans()?.len();
    if orphans > 0 {
        left.push(format!("{orphans} files that no entry names"));
    }
    if let Some(raw) = raw {
        let erased = store::erased(scene.db)?;
        let kept = erased.iter().filter(|key| raw.get(**key).is_some()).count();
        if kept > 0 {
            left.push(format!("{kept} erased keys that are still in the key file"));
        }
        if raw.torn() {
            left.push("unused keys at the end of the key file that were cut off".into());
        }
    }
    let pending = erasures::pending(scene.dir, scene.db)?;
    if !pending.is_empty() {
        left.push(format!("a list of {} erasures that waits for the keys", pending.len()));
    }
    Ok(left)
}
