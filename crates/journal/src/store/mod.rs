//! Where the rows of a journal lie: what the rest of the crate asks of a database.
//!
//! The tables are the same in every store, and so is the SQL, written in what all of them understand. Parameters are `$1`,
//! `$2`, … in the order of their first use.

mod location;
mod log;
mod nodes;
mod postgres;
mod sqlite;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(crate) use location::{STORE, Server, fuzz as fuzz_location, server};
pub use location::{connect, node_of};
pub(crate) use nodes::{StoredNodes, full_tile, tile_row};
pub(crate) use sqlite::{DATABASE, Sqlite};

use self::postgres::Postgres;

use crate::Error;
use crate::hooks::Hooks;
use crate::leaf::{Hash, KeyId, Leaf, Place};

/// Names in `meta`.
pub(crate) const META_FORMAT: &str = "format";
pub(crate) const META_ORIGIN: &str = "origin";
pub(crate) const META_PUBLIC: &str = "public-key";
pub(crate) const META_CHECKPOINT: &str = "checkpoint";
/// Value of `format`.
pub(crate) const FORMAT: &[u8] = b"1";
/// The tables of a journal.
#[cfg(test)]
pub(crate) const TABLES: [&str; 7] = ["meta", "entries", "bulk", "sealed", "files", "erased", "tiles"];

/// A parameter of a statement.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Value<'a> {
    Int(i64),
    Blob(&'a [u8]),
    Text(&'a str),
}

impl From<i64> for Value<'_> {
    fn from(n: i64) -> Self {
        Value::Int(n)
    }
}

impl From<u64> for Value<'_> {
    /// Sequences, key ids and the like are far below the largest signed integer.
    fn from(n: u64) -> Self {
        Value::Int(n as i64)
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Value::Blob(bytes)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Value::Text(text)
    }
}

/// A row that a store found.
pub(crate) enum Row<'r> {
    Sqlite(&'r rusqlite::Row<'r>),
    Postgres(&'r ::postgres::Row),
}

impl<'r> Row<'r> {
    pub fn int(&self, n: usize) -> Result<i64, Error> {
        let nothing = || Error::broken(None, "the store has nothing where a number belongs");
        self.maybe_int(n)?.ok_or_else(nothing)
    }

    /// `None` where there is nothing, as the highest number of an empty table.
    pub fn maybe_int(&self, n: usize) -> Result<Option<i64>, Error> {
        match self {
            Row::Sqlite(row) => Ok(row.get(n)?),
            Row::Postgres(row) => postgres::int(row, n),
        }
    }

    /// A number that is never negative.
    pub fn number(&self, n: usize) -> Result<u64, Error> {
        Ok(self.int(n)? as u64)
    }

    pub fn blob(&self, n: usize) -> Result<&'r [u8], Error> {
        match self {
            Row::Sqlite(row) => Ok(row.get_ref(n)?.as_blob().map_err(rusqlite::Error::from)?),
            Row::Postgres(row) => postgres::blob(row, n),
        }
    }

    pub fn text(&self, n: usize) -> Result<&'r str, Error> {
        match self {
            Row::Sqlite(row) => Ok(row.get_ref(n)?.as_str().map_err(rusqlite::Error::from)?),
            Row::Postgres(row) => postgres::words(row, n),
        }
    }
}

/// A value of a row, for tests that change any of them.
#[cfg(test)]
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell {
    Int(i64),
    Blob(Vec<u8>),
    Text(String),
}

#[cfg(test)]
impl Cell {
    pub fn value(&self) -> Value<'_> {
        match self {
            Cell::Int(n) => Value::Int(*n),
            Cell::Blob(bytes) => Value::Blob(bytes),
            Cell::Text(text) => Value::Text(text),
        }
    }
}

#[cfg(test)]
impl Row<'_> {
    /// The first `count` values.
    pub fn cells(&self, count: usize) -> Result<Vec<Cell>, Error> {
        let cell = |n| {
            let number = self.int(n).map(Cell::Int);
            let text = || self.text(n).map(|text| Cell::Text(text.to_owned()));
            number.or_else(|_| text()).or_else(|_| self.blob(n).map(|bytes| Cell::Blob(bytes.to_vec())))
        };
        (0..count).map(cell).collect()
    }
}

/// Called with each row that is found, until it breaks.
pub(crate) type Each<'a> = &'a mut dyn FnMut(&Row<'_>) -> Result<ControlFlow<()>, Error>;

/// Rows to be added by one transaction.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    pub entries: Vec<EntryRow>,
    /// Id and stored bytes.
    pub bulk: Vec<(i64, Vec<u8>)>,
    /// Key, sequence and number of each part.
    pub sealed: Vec<(u64, u64, u64)>,
    /// Name of the stored bytes, sequence and number.
    pub files: Vec<(Hash, u64, u64)>,
    /// Id and hashes.
    pub tiles: Vec<(i64, Vec<u8>)>,
}

/// A row of `entries`.
#[derive(Debug)]
pub(crate) struct EntryRow {
    pub seq: u64,
    pub hash: Hash,
    pub leaf: Vec<u8>,
    pub body: Vec<u8>,
    pub small: Vec<u8>,
}

impl Rows {
    /// Adds where the parts of an entry are: by key, and files by their name.
    pub fn index_parts(&mut self, leaf: &Leaf) {
        for (number, part) in leaf.parts.iter().enumerate() {
            self.sealed.push((part.key.0, leaf.seq, number as u64));
            if part.place == Place::File {
                self.files.push((part.stored, leaf.seq, number as u64));
            }
        }
    }

    /// Bytes of all that can be large.
    pub fn bytes(&self) -> usize {
        let entries = self.entries.iter().map(|row| row.leaf.len() + row.body.len() + row.small.len());
        entries.sum::<usize>() + self.bulk.iter().map(|(_, stored)| stored.len()).sum::<usize>()
    }
}

/// A database that holds a journal. One at a time uses it; another process may write meanwhile.
pub(crate) trait Store: Send {
    /// Finds rows; statements may be run while they are visited.
    fn query(&self, sql: &str, parameters: &[Value<'_>], each: Each<'_>) -> Result<(), Error>;

    /// As [`Store::query`], for what may not fit the memory: `sql` orders by its first column, and takes the first value of it
    /// as `$1` and the most rows as `$2`.
    fn scan(&self, sql: &str, from: i64, each: Each<'_>) -> Result<(), Error>;

    /// Runs a statement; how many rows it touched.
    fn execute(&self, sql: &str, parameters: &[Value<'_>]) -> Result<u64, Error>;

    /// From here to [`Store::end_snapshot`] everything read is of one state.
    fn begin_snapshot(&self) -> Result<(), Error>;
    fn end_snapshot(&self);

    /// Whether nothing was put into it yet.
    fn is_blank(&self) -> Result<bool, Error>;
    /// Refuses what is not a journal, or one of a later version.
    fn check_version(&self) -> Result<(), Error>;
    /// Whether it is whole in itself, holds exactly our tables, and nothing that acts on its own.
    fn check_whole(&self) -> Result<(), Error>;

    /// Begins a transaction and makes the tables in it.
    fn begin_tables(&self) -> Result<(), Error>;
    /// Begins a transaction that no other writer can get between; returns the stored checkpoint.
    fn begin(&self) -> Result<String, Error>;
    fn put(&self, rows: Rows) -> Result<(), Error>;
    /// On success everything of the transaction is durable.
    fn commit(&self) -> Result<(), Error>;
    /// Takes a transaction back when there is one. On success nothing of it will ever be seen.
    fn rollback(&self) -> Result<(), Error>;

    /// Whether `sealed` has a row; asked of one entry after the other in a state that does not change.
    fn notes_part(&self, key: u64, seq: u64, number: u64) -> Result<bool, Error>;
    /// Keeps the stored bytes of a large part, whose row in `files` is put in the same transaction.
    fn put_blob(&self, stored: &Hash, bytes: Vec<u8>) -> Result<(), Error>;
    /// The stored bytes of a large part, at most `limit` of them.
    fn blob(&self, stored: &Hash, limit: u64) -> Result<Option<Vec<u8>>, Error>;
    /// Removes large parts that no row in `files` names any more, where they lie outside the transaction.
    fn unlink(&self, stored: &[Hash]);
    /// Large parts that no row in `files` names.
    fn orphans(&self) -> Result<Vec<PathBuf>, Error>;
    /// Drops traces of what was erased, as far as others let it.
    fn scrub(&self);

    /// Another connection, which sees the newest state.
    fn again(&self) -> Result<Box<dyn Store>, Error>;
    /// Waits until somebody may have written, at most for `timeout`.
    fn watch(&self, timeout: Duration) -> Result<(), Error>;
    /// The name of this node, in a store that several write to.
    fn node(&self) -> Option<&str>;
    /// Whether a node has its connection for writing.
    fn runs(&self, node: &str) -> Result<bool, Error>;
    /// Tries to take the duty for as long as the connection lives; whether this connection holds it.
    fn hold_duty(&self) -> Result<bool, Error>;
    /// Hands wrapped keys of a batch to the other nodes, each with its id.
    fn put_keys(&self, batch: u64, rows: &[(u64, Vec<u8>)]) -> Result<(), Error>;
}

impl dyn Store + '_ {
    /// Every row, read.
    pub fn all<T>(
        &self,
        sql: &str,
        parameters: &[Value<'_>],
        mut read: impl FnMut(&Row<'_>) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let mut found = Vec::new();
        self.query(sql, parameters, &mut |row| {
            found.push(read(row)?);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(found)
    }

    /// The first row, read.
    pub fn one<T>(
        &self,
        sql: &str,
        parameters: &[Value<'_>],
        read: impl FnOnce(&Row<'_>) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        let (mut read, mut found) = (Some(read), None);
        self.query(sql, parameters, &mut |row| {
            found = read.take().map(|read| read(row)).transpose()?;
            Ok(ControlFlow::Break(()))
        })?;
        Ok(found)
    }

    pub fn exists(&self, sql: &str, parameters: &[Value<'_>]) -> Result<bool, Error> {
        Ok(self.one(sql, parameters, |_| Ok(()))?.is_some())
    }

    pub fn count(&self, sql: &str) -> Result<u64, Error> {
        Ok(self.one(sql, &[], |row| row.number(0))?.unwrap_or(0))
    }
}

/// One state of a store, while it lives.
pub(crate) struct Snapshot<'db>(&'db dyn Store);

impl<'db> Snapshot<'db> {
    pub fn of(db: &'db dyn Store) -> Result<Snapshot<'db>, Error> {
        db.begin_snapshot()?;
        Ok(Snapshot(db))
    }
}

impl Drop for Snapshot<'_> {
    fn drop(&mut self) {
        self.0.end_snapshot();
    }
}

/// Opens the store of a folder for writing, making it when it is not there.
pub(crate) fn open_for_writing(dir: &Path, hooks: &Hooks) -> Result<Box<dyn Store>, Error> {
    Ok(match server(dir)? {
        Some(server) => open_database(dir, server)?,
        None => Box::new(Sqlite::open_for_writing(dir, hooks.pages_max)?),
    })
}

/// Connects to a database for writing.
pub(crate) fn open_database(dir: &Path, server: Server) -> Result<Box<dyn Store>, Error> {
    Ok(Box::new(Postgres::open_for_writing(dir, server)?))
}

/// Opens the store of a folder for reading, in any process.
pub(crate) fn open_for_reading(dir: &Path) -> Result<Box<dyn Store>, Error> {
    Ok(match server(dir)? {
        Some(server) => Box::new(Postgres::open_for_reading(dir, server)?),
        None => Box::new(Sqlite::open_for_reading(dir)?),
    })
}

pub(crate) fn meta(db: &dyn Store, name: &str) -> Result<Vec<u8>, Error> {
    db.one("SELECT value FROM meta WHERE name = $1", &[name.into()], |row| Ok(row.blob(0)?.to_vec()))?
        .ok_or_else(|| Error::broken(None, format!("the store has lost its {name}")))
}

pub(crate) fn meta_text(db: &dyn Store, name: &str) -> Result<String, Error> {
    text(meta(db, name)?, name)
}

fn text(value: Vec<u8>, name: &str) -> Result<String, Error> {
    String::from_utf8(value).map_err(|_| Error::broken(None, format!("the store's {name} is damaged")))
}

pub(crate) fn meta_public(db: &dyn Store) -> Result<[u8; 32], Error> {
    meta(db, META_PUBLIC)?.try_into().map_err(|_| Error::broken(None, "the store's public key is damaged"))
}

pub(crate) fn set_meta(db: &dyn Store, name: &str, value: &[u8]) -> Result<(), Error> {
    let sql = "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    db.execute(sql, &[name.into(), value.into()]).map(drop)
}

/// Number of entries, from the highest sequence.
pub(crate) fn size(db: &dyn Store) -> Result<u64, Error> {
    match db.one("SELECT max(seq) FROM entries", &[], |row| row.maybe_int(0))?.flatten() {
        None => Ok(0),
        Some(last) => u64::try_from(last)
            .ok()
            .and_then(|last| last.checked_add(1))
            .ok_or_else(|| Error::broken(None, "an entry has a negative number")),
    }
}

/// The highest key id that a part names, 0 when there is none.
pub(crate) fn last_key(db: &dyn Store) -> Result<u64, Error> {
    Ok(db.one("SELECT max(key) FROM sealed", &[], |row| row.maybe_int(0))?.flatten().map_or(0, i64::unsigned_abs))
}

/// The erased keys, each with the entry that erases it.
pub(crate) fn erased_with_entries(db: &dyn Store) -> Result<BTreeMap<KeyId, u64>, Error> {
    let rows = db.all("SELECT key, seq FROM erased", &[], |row| Ok((KeyId(row.number(0)?), row.number(1)?)))?;
    Ok(rows.into_iter().collect())
}

/// The erased keys.
pub(crate) fn erased(db: &dyn Store) -> Result<BTreeSet<KeyId>, Error> {
    Ok(erased_with_entries(db)?.into_keys().collect())
}

/// Whether one key is erased.
pub(crate) fn is_erased(db: &dyn Store, key: KeyId) -> Result<bool, Error> {
    db.exists("SELECT 1 FROM erased WHERE key = $1", &[key.0.into()])
}

/// Key of a bulk part: its entry and number.
pub(crate) fn bulk_id(seq: u64, number: usize) -> i64 {
    (seq << 4) as i64 | number as i64
}

/// Exactly the tables of `expected`, each as it was made, and nothing else.
fn compare_schema(found: &[(String, String)], expected: &[(&str, &str)]) -> Result<(), Error> {
    let found: BTreeMap<&str, &str> = found.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let expected: BTreeMap<&str, &str> = expected.iter().copied().collect();
    match found.keys().chain(expected.keys()).find(|name| found.get(*name) != expected.get(*name)) {
        None => Ok(()),
        Some(name) => Err(Error::broken(None, format!("{name} in the store is not as it was made"))),
    }
}
