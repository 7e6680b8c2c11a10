//! Restoring: into an empty folder, verified before it opens, with the erasures since the backup made again.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::archive::{Reading, Record, bad};
use super::{keys_beside, sealing};
use crate::Error;
use crate::append::keys_in_body;
use crate::entry::ERASED_KIND;
use crate::erasures::{self, Erasures, PENDING};
use crate::files::{BLOBS, sync_folder, write_synced};
use crate::hooks::{Random, system_random};
use crate::keys::Keys;
use crate::leaf::{Leaf, SALT_BYTES, sha256};
use crate::note::Checkpoint;
use crate::share::{self, RATCHET};
use crate::store::{self, DATABASE, EntryRow, Rows, STORE, Server, Sqlite, Store, tile_row};
use crate::tree::{Edge, hash_leaf};
use crate::verify::{Verified, verify, verify_with};
use crate::writer::{
    KEYS, LOCK, Options, READ_ONLY, RESTORING, Writer, check_keys, hold, make_private_folder, stored_verifier,
};

/// Largest key file in a backup, bytes.
const KEY_FILE_BYTES_MAX: u64 = 3_200_000_000;

/// What a restore is given besides the backup.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RestoreOptions {
    /// The keys of the backup; `FILE.keys` beside it when `None` and it is there.
    pub keys: Option<PathBuf>,
    /// Text of the newest signed list of erasures.
    pub erasures: Option<String>,
    /// Text of the newest checkpoint that is known.
    pub checkpoint: Option<String>,
    /// File with the age identity that opens an encrypted backup.
    pub identity: Option<PathBuf>,
}

/// What was restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// Number of entries in the backup.
    pub size: u64,
    /// recorded_at of the last one, microseconds since 1970-01-01 UTC: how old the backup is.
    pub last_recorded_at: Option<i64>,
    /// Checkpoint of the entries in the backup.
    pub checkpoint: String,
    /// Whether the keys came along. Without them sealed content stays closed.
    pub keys: bool,
    /// Keys of the backup that were erased because the list says so.
    pub erased_again: usize,
    /// Why the folder is read-only, when it is.
    pub read_only: Option<String>,
    /// How many entries the newest checkpoint given has more than the backup: what is lost.
    pub missing: u64,
}

/// Restores a backup into `into`, which is absent or empty, or has but a `store.toml` that names an empty database: a backup
/// fits every store. Everything is verified before the folder becomes a journal. The
/// erasures of the list that the backup does not know are made again; when the list is older than the checkpoint given, the
/// folder is marked read-only with the reason, since an erased key may be back in it.
pub fn restore(file: &Path, into: &Path, options: &RestoreOptions) -> Result<Restored, Error> {
    let created = !into.exists();
    if !created && !is_empty(into)? {
        return Err(Error::Exists { path: into.to_path_buf() });
    }
    let server = store::server(into)?;
    make_private_folder(into)?;
    let lock = hold(into)?;
    let work = into.join(RESTORING);
    let done = match server {
        Some(server) => prepare_in_database(file, server, into, &work, options),
        None => prepare(file, &work, options).and_then(|plan| settle(&work, into).map(|()| plan)),
    };
    if done.is_err() {
        drop(fs::remove_dir_all(&work));
        for name in [LOCK, KEYS, RATCHET, PENDING] {
            drop(fs::remove_file(into.join(name)));
        }
        if created {
            drop(fs::remove_dir(into));
        }
    }
    drop(lock);
    let plan = done?;
    let erased_again = if plan.keys && plan.replay { replay(into, plan.verified.size)? } else { 0 };
    if let Some(why) = &plan.read_only {
        write_synced(&into.join(READ_ONLY), format!("{why}\n").as_bytes())?;
    }
    Ok(Restored {
        size: plan.verified.size,
        last_recorded_at: plan.verified.last_recorded_at,
        checkpoint: plan.verified.checkpoint,
        keys: plan.keys,
        erased_again,
        read_only: plan.read_only,
        missing: plan.missing,
    })
}

/// Whether a folder holds nothing but where its journal is to lie.
fn is_empty(dir: &Path) -> Result<bool, Error> {
    let read = |error| Error::io("read", dir)(error);
    for entry in fs::read_dir(dir).map_err(read)? {
        if entry.map_err(read)?.file_name() != STORE {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What is left to do once the files are in place.
struct Plan {
    verified: Verified,
    keys: bool,
    replay: bool,
    read_only: Option<String>,
    missing: u64,
}

/// Builds and verifies the journal in a folder of its own.
fn prepare(file: &Path, work: &Path, options: &RestoreOptions) -> Result<Plan, Error> {
    make_private_folder(work)?;
    let identity = options.identity.as_deref();
    let db = Sqlite::open_for_filling(work)?;
    read_records(&mut *sealing::open(file, identity)?, &db)?;
    db.commit()?;
    let keys = put_keys(file, options, work)?;
    let given = Given::read(&db, options)?;
    db.close_synced()?;
    let verified = verify(work, given.against(options), &mut |_, _| {});
    given.plan(verified, keys, work, options)
}

/// Builds and verifies the journal in one transaction of an empty database.
fn prepare_in_database(
    file: &Path,
    server: Server,
    into: &Path,
    work: &Path,
    options: &RestoreOptions,
) -> Result<Plan, Error> {
    make_private_folder(work)?;
    let db = store::open_database(into, server)?;
    if !db.is_blank()? {
        return Err(Error::invalid("the database holds tables already: a restore wants an empty schema"));
    }
    read_records(&mut *sealing::open(file, options.identity.as_deref())?, &*db)?;
    put_keys(file, options, work)?;
    let path = work.join(KEYS);
    let why = "a restore into a database needs the keys of the backup";
    let mut keys = Keys::load(&path)?.ok_or_else(|| Error::invalid(why))?;
    check_keys(&keys, &keys_beside(file), &*db)?;
    share::create(&*db, work, &keys, &mut (Box::new(system_random) as Random))?;
    let given = Given::read(&*db, options)?;
    keys.forget(&store::erased(&*db)?);
    let verified = verify_with(&*db, work, &keys, given.against(options));
    let plan = given.plan(verified, true, work, options)?;
    // The files first: without them nobody takes an empty database for this journal.
    settle(work, into)?;
    db.commit()?;
    Ok(plan)
}

/// What came with the backup, and how far the backup goes.
struct Given {
    size: u64,
    list: Option<Erasures>,
    newest: Option<Checkpoint>,
}

impl Given {
    fn read(db: &dyn Store, options: &RestoreOptions) -> Result<Given, Error> {
        let list = options.erasures.as_deref().map(|note| erasures::open(db, note)).transpose()?;
        let newest =
            options.checkpoint.as_deref().map(|note| Checkpoint::open(&stored_verifier(db)?, note)).transpose()?;
        Ok(Given { size: store::size(db)?, list, newest })
    }

    /// The checkpoint that the backup must go on from.
    fn against<'o>(&self, options: &'o RestoreOptions) -> Option<&'o str> {
        options.checkpoint.as_deref().filter(|_| self.newest.as_ref().is_some_and(|newest| newest.size <= self.size))
    }

    fn plan(
        self,
        verified: Result<Verified, Error>,
        keys: bool,
        work: &Path,
        options: &RestoreOptions,
    ) -> Result<Plan, Error> {
        let verified = verified.map_err(|error| match error {
            Error::Broken { .. } => Error::BadBackup { what: error.to_string() },
            other => other,
        })?;
        let newest = self.newest.map_or(0, |newest| newest.size);
        let read_only = reason(newest, self.size, self.list.as_ref());
        if let Some(note) = options.erasures.as_deref() {
            write_synced(&work.join(PENDING), note.as_bytes())?;
        }
        let missing = newest.saturating_sub(self.size);
        Ok(Plan { verified, keys, replay: self.list.is_some(), read_only, missing })
    }
}

/// Why the folder may not be written: erasures between the list and the newest checkpoint are not known.
fn reason(newest: u64, size: u64, list: Option<&Erasures>) -> Option<String> {
    let known = list.map_or(size, |list| list.size.max(size));
    (newest > known).then(|| {
        let which = if list.is_some() {
            "the list of erasures given is"
        } else {
            "no list of erasures was given; the backup is"
        };
        format!(
            "{which} of {known} entries, the newest checkpoint of {newest}: what was erased in between may be back. \
             Restore again with the newest list of erasures"
        )
    })
}

/// Puts the keys in their place, when there are any.
fn put_keys(file: &Path, options: &RestoreOptions, work: &Path) -> Result<bool, Error> {
    let beside = || Some(keys_beside(file)).filter(|path| path.exists());
    let Some(path) = options.keys.clone().or_else(beside) else { return Ok(false) };
    let path = path.as_path();
    let mut bytes = Vec::new();
    sealing::open(path, options.identity.as_deref())?
        .take(KEY_FILE_BYTES_MAX)
        .read_to_end(&mut bytes)
        .map_err(|error| Error::BadKeys { path: path.to_path_buf(), what: error.to_string() })?;
    let keys = Keys::from_bytes(&bytes).map_err(|what| Error::BadKeys { path: path.to_path_buf(), what })?;
    if keys.torn() {
        return Err(Error::BadKeys { path: path.to_path_buf(), what: "it is damaged".into() });
    }
    write_synced(&work.join(KEYS), &keys.to_bytes())?;
    Ok(true)
}

/// Reads all records into a transaction, which is left open.
fn read_records(input: &mut dyn Read, db: &dyn Store) -> Result<(), Error> {
    let mut records = Reading::new(input)?;
    db.begin_tables()?;
    let mut edge = Edge::default();
    while let Some(record) = records.next()? {
        put(record, db, &mut edge).map_err(|error| match error {
            Error::Store(_) | Error::Server { .. } => {
                Error::BadBackup { what: format!("a record does not fit: {error}") }
            }
            other => other,
        })?;
    }
    Ok(())
}

fn put(record: Record, db: &dyn Store, edge: &mut Edge) -> Result<(), Error> {
    match record {
        Record::Meta { name, value } => db
            .execute("INSERT INTO meta (name, value) VALUES ($1, $2)", &[name.as_str().into(), value.as_slice().into()])
            .map(drop),
        Record::Entry { leaf, body, small } => put_entry(leaf, body, small, db, edge),
        Record::Bulk { id, stored } => db.put(Rows { bulk: vec![(id, stored)], ..Rows::default() }),
        Record::File { stored } => {
            let hash = sha256(&stored);
            if !db.exists("SELECT 1 FROM files WHERE stored = $1", &[hash.as_slice().into()])? {
                return Err(bad("a file of it is not named by any entry"));
            }
            db.put_blob(&hash, stored)
        }
    }
}

fn put_entry(bytes: Vec<u8>, body: Vec<u8>, small: Vec<u8>, db: &dyn Store, edge: &mut Edge) -> Result<(), Error> {
    let leaf = Leaf::decode(&bytes).map_err(bad)?;
    let hash = hash_leaf(&bytes);
    let erased = match leaf.kind.as_str() {
        ERASED_KIND => {
            let keys = body.get(SALT_BYTES..).and_then(keys_in_body);
            keys.ok_or_else(|| bad("an erasure of it is damaged"))?
        }
        _ => BTreeSet::new(),
    };
    let mut rows = Rows::default();
    rows.index_parts(&leaf);
    rows.entries.push(EntryRow { seq: leaf.seq, hash, leaf: bytes, body, small });
    edge.push(hash, &mut |tile| {
        rows.tiles.push(tile_row(&tile));
        Ok(())
    })?;
    db.put(rows)?;
    for key in erased {
        db.execute("INSERT INTO erased (key, seq) VALUES ($1, $2)", &[key.0.into(), leaf.seq.into()])?;
        db.execute("DELETE FROM files WHERE stored IN (SELECT f.stored FROM sealed s JOIN files f ON f.seq = s.seq AND f.number = s.number WHERE s.key = $1)", &[key.0.into()])?;
    }
    Ok(())
}

/// Moves the verified files to where they belong; the store comes last, and makes the folder a journal.
fn settle(work: &Path, into: &Path) -> Result<(), Error> {
    for name in [BLOBS, RATCHET, KEYS, PENDING, DATABASE] {
        let from = work.join(name);
        if from.exists() {
            fs::rename(&from, into.join(name)).map_err(Error::io("rename", &from))?;
            sync_folder(into)?;
        }
    }
    fs::remove_dir_all(work).map_err(Error::io("remove", work))?;
    sync_folder(into)
}

/// Makes the erasures of the list again, by opening the journal once; how many there were.
fn replay(into: &Path, size: u64) -> Result<usize, Error> {
    let writer = Writer::open(into, &Options { origin: "unused".into() })?;
    let erased = store::erased_with_entries(&*writer.db)?;
    Ok(erased.values().filter(|seq| **seq >= size).count())
}

#[cfg(test)]
mod tests {
    use super::super::archive::Writing;
    use super::super::backup;
    use super::super::sealing::Output;
    use super::*;
    use crate::{Hooks, Keep, NewEntry, NewPart};

    /// The records of a backup of a small journal.
    fn records(dir: &Path) -> Vec<Record> {
        let hooks = Hooks { pool: 4, bulk_bytes_max: 50, ..Hooks::default() };
        let data = dir.join("data");
        let mut writer = Writer::open_with(&data, &Options { origin: "bolwerk/test".into() }, hooks).unwrap();
        for _ in 0..4 {
            let key = writer.new_key().unwrap();
            let part = |keep, len| NewPart { key, keep, content: vec![5; len] };
            let parts = vec![part(Keep::Replayed, 9), part(Keep::OnDemand, 20), part(Keep::OnDemand, 60)];
            let entry = NewEntry { kind: "a".into(), version: 1, body: b"{}".to_vec(), parts };
            writer.append(vec![vec![entry.clone(), entry]], 0).unwrap();
        }
        backup(&data, &dir.join("whole"), None).unwrap();
        let mut input = sealing::open(&dir.join("whole"), None).unwrap();
        let mut reading = Reading::new(&mut *input).unwrap();
        std::iter::from_fn(|| reading.next().unwrap()).collect()
    }

    /// Writes records as a backup whose checksum is right.
    fn write(out: &Path, records: &[&Record]) {
        let mut output = Output::create(out, None).unwrap();
        let mut writing = Writing::new(&mut output).unwrap();
        records.iter().for_each(|record| writing.put(record).unwrap());
        writing.end().unwrap();
        output.finish().unwrap();
    }

    #[test]
    fn a_forged_backup_with_a_right_checksum_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let records = records(dir.path());
        let (out, into) = (dir.path().join("forged"), dir.path().join("into"));
        let keys = Some(dir.path().join("whole.keys"));
        let options = RestoreOptions { keys, ..RestoreOptions::default() };
        let whole: Vec<&Record> = records.iter().collect();
        write(&out, &whole);
        restore(&out, &into, &options).unwrap();
        fs::remove_dir_all(&into).unwrap();
        let odd = [
            Record::Meta { name: "extra".into(), value: vec![1] },
            Record::Bulk { id: 99, stored: vec![0; 60] },
            Record::File { stored: vec![0; 60] },
            Record::Entry { leaf: vec![1; 60], body: vec![], small: vec![] },
        ];
        for n in 0..records.len() {
            let without: Vec<&Record> =
                whole.iter().copied().enumerate().filter(|(m, _)| *m != n).map(|(_, r)| r).collect();
            let mut twice = whole.clone();
            twice.insert(n, &records[n]);
            let mut with = whole.clone();
            with.insert(n, &odd[n % odd.len()]);
            for (what, forged) in [("without", without), ("twice", twice), ("odd", with)] {
                // A file written twice is the same file.
                if what == "twice" && matches!(records[n], Record::File { .. }) {
                    continue;
                }
                write(&out, &forged);
                let refused = restore(&out, &into, &options);
                assert!(refused.is_err(), "{what} record {n}: {:?}", records[n]);
                assert!(!into.exists());
            }
        }
    }
}
