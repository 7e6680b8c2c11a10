//! SQLite: a file in the journal's folder, with large parts as files beside it.

use std::cell::Cell;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OpenFlags, ToSql, params_from_iter};

use super::log::Log;
use super::{Each, META_CHECKPOINT, Row, Rows, Store, Value, meta_text};
use crate::Error;
use crate::files::{blob_path, blobs_on_disk, read_bounded, write_blob};
use crate::leaf::Hash;
use crate::writer::KEYS;

/// The store's file in the journal's folder.
pub(crate) const DATABASE: &str = "journal.db";
/// "BOLW", in the header of the store's file.
const APPLICATION_ID: i64 = 0x424f_4c57;
/// Version of the schema below.
const SCHEMA_VERSION: i64 = 1;
/// Page size of a new store, bytes.
const PAGE_BYTES: u32 = 4096;
/// Cache of a connection, KiB.
const CACHE_KIB: u32 = 8 * 1024;
/// How long to wait for a lock of SQLite's own, which is only ever held for moments.
pub(super) const BUSY: Duration = Duration::from_secs(20);

/// How often somebody who waits looks for new entries.
const LOOK: Duration = Duration::from_millis(20);

/// Tables as SQLite keeps them: name and text. Integers hold no secrets; everything here but `bulk` and `small`, which are
/// ciphertext, is free of personal data.
const SCHEMA: [(&str, &str); 7] = [
    ("meta", "CREATE TABLE meta (name TEXT PRIMARY KEY NOT NULL, value BLOB NOT NULL) STRICT, WITHOUT ROWID"),
    (
        "entries",
        "CREATE TABLE entries (seq INTEGER PRIMARY KEY, hash BLOB NOT NULL, leaf BLOB NOT NULL, body BLOB NOT NULL, small BLOB NOT NULL) STRICT",
    ),
    ("bulk", "CREATE TABLE bulk (id INTEGER PRIMARY KEY, stored BLOB NOT NULL) STRICT"),
    (
        "sealed",
        "CREATE TABLE sealed (key INTEGER NOT NULL, seq INTEGER NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (key, seq, number)) STRICT, WITHOUT ROWID",
    ),
    (
        "files",
        "CREATE TABLE files (stored BLOB PRIMARY KEY NOT NULL, seq INTEGER NOT NULL, number INTEGER NOT NULL) STRICT, WITHOUT ROWID",
    ),
    ("erased", "CREATE TABLE erased (key INTEGER PRIMARY KEY, seq INTEGER NOT NULL) STRICT"),
    ("tiles", "CREATE TABLE tiles (id INTEGER PRIMARY KEY, hashes BLOB NOT NULL) STRICT"),
];

/// A journal's folder with its database.
pub(crate) struct Sqlite {
    /// Before the connection, so that the one to the log is closed first: whoever closes last empties it.
    log: Option<Log>,
    db: Connection,
    dir: PathBuf,
    /// Bytes put into the open transaction.
    put: Cell<usize>,
}

impl Sqlite {
    /// Opens the store for writing, making the file when it is not there.
    pub fn open_for_writing(dir: &Path, pages_max: Option<u32>) -> Result<Sqlite, Error> {
        let path = dir.join(DATABASE);
        if !path.exists() && dir.join(KEYS).exists() {
            return Err(Error::broken(None, format!("{} is missing while its keys are here", path.display())));
        }
        // Made here, so that its owner alone may read it; the log beside it takes its mode over.
        OpenOptions::new().append(true).create(true).mode(0o600).open(&path).map_err(Error::io("open", &path))?;
        refuse_cut(&path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = Connection::open_with_flags(&path, flags).map_err(|error| cannot_open(&path, error))?;
        db.busy_timeout(BUSY)?;
        db.pragma_update(None, "page_size", PAGE_BYTES)?;
        let mode: String = db
            .query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))
            .map_err(|error| cannot_open(&path, error))?;
        if mode != "wal" {
            return Err(Error::invalid(format!("{} does not support a write-ahead log ({mode})", path.display())));
        }
        db.pragma_update(None, "synchronous", "FULL")?;
        db.pragma_update(None, "secure_delete", "ON")?;
        db.pragma_update(None, "wal_autocheckpoint", 0)?;
        if let Some(pages) = pages_max {
            db.pragma_update(None, "max_page_count", pages)?;
        }
        settle(&db)?;
        Ok(Sqlite { log: Some(Log::new(&path)), ..Sqlite::of(db, dir) })
    }

    fn of(db: Connection, dir: &Path) -> Sqlite {
        Sqlite { log: None, db, dir: dir.to_path_buf(), put: Cell::default() }
    }

    /// Opens a store that counts only once [`Sqlite::close_synced`] has returned: nothing is synced, and nothing comes back
    /// after a failure.
    pub fn open_for_filling(dir: &Path) -> Result<Sqlite, Error> {
        let store = Sqlite { log: None, ..Sqlite::open_for_writing(dir, None)? };
        store.db.pragma_update(None, "synchronous", "OFF")?;
        store.db.query_row("PRAGMA journal_mode = OFF", [], |_| Ok(()))?;
        Ok(store)
    }

    pub fn close_synced(self) -> Result<(), Error> {
        let path = self.dir.join(DATABASE);
        self.db.close().map_err(|(_, error)| error)?;
        fs::File::open(&path).and_then(|file| file.sync_all()).map_err(Error::io("sync", &path))
    }

    /// Opens the store for reading, in any process, also on a medium that cannot be written.
    pub fn open_for_reading(dir: &Path) -> Result<Sqlite, Error> {
        let path = dir.join(DATABASE);
        if !path.exists() {
            return Err(Error::Absent { dir: dir.to_path_buf() });
        }
        refuse_cut(&path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = Connection::open_with_flags(&path, flags).map_err(|error| cannot_open(&path, error))?;
        db.busy_timeout(BUSY)?;
        let db = match db.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get::<_, i64>(0)) {
            Ok(_) => db,
            // Nobody can write there, so no write-ahead log is in the making: what lies in the file is all.
            Err(error) if is_unwritable(&error) && !wal_has_content(&path) => {
                let uri = format!("file:{}?immutable=1", percent(&path));
                let db = Connection::open_with_flags(uri, flags | OpenFlags::SQLITE_OPEN_URI)?;
                db.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get::<_, i64>(0))?;
                db
            }
            Err(error) => return Err(cannot_open(&path, error)),
        };
        settle(&db)?;
        let store = Sqlite::of(db, dir);
        store.check_version()?;
        Ok(store)
    }

    #[cfg(test)]
    pub fn in_memory() -> Sqlite {
        Sqlite::of(Connection::open_in_memory().unwrap(), Path::new(""))
    }
}

fn settle(db: &Connection) -> Result<(), Error> {
    db.pragma_update(None, "temp_store", "MEMORY")?;
    db.pragma_update(None, "trusted_schema", "OFF")?;
    db.pragma_update(None, "cell_size_check", "ON")?;
    db.pragma_update(None, "cache_size", -i64::from(CACHE_KIB))?;
    db.set_prepared_statement_cache_capacity(64);
    Ok(())
}

fn cannot_open(path: &Path, error: rusqlite::Error) -> Error {
    if is_unwritable(&error) {
        let dir = path.parent().unwrap_or(path).to_path_buf();
        return Error::ReadOnly { dir, why: format!("cannot open {}: {error}", path.display()) };
    }
    error.into()
}

fn is_unwritable(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode;
    matches!(error.sqlite_error_code(), Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied))
}

fn wal_has_content(path: &Path) -> bool {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push("-wal");
    path.with_file_name(name).metadata().is_ok_and(|metadata| metadata.len() > 0)
}

/// SQLite fills a last page that is cut with zeros. Only while its log has content may the file end in the middle of a page.
fn refuse_cut(path: &Path) -> Result<(), Error> {
    if wal_has_content(path) {
        return Ok(());
    }
    let len = path.metadata().map_err(Error::io("look at", path))?.len();
    if len.is_multiple_of(u64::from(PAGE_BYTES)) {
        Ok(())
    } else {
        Err(Error::broken(None, format!("{} is cut short", path.display())))
    }
}

/// A path in a `file:` URI.
fn percent(path: &Path) -> String {
    use std::os::unix::ffi::OsStrExt;
    let absolute = std::path::absolute(path).unwrap_or_else(|_| PathBuf::from(path));
    let bytes = absolute.as_os_str().as_bytes();
    bytes.iter().fold(String::new(), |mut uri, byte| {
        if byte.is_ascii_alphanumeric() || b"/-_.".contains(byte) {
            uri.push(char::from(*byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
        uri
    })
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Value::Int(n) => ValueRef::Integer(*n),
            Value::Blob(bytes) => ValueRef::Blob(bytes),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

impl Store for Sqlite {
    fn query(&self, sql: &str, parameters: &[Value<'_>], each: Each<'_>) -> Result<(), Error> {
        let mut statement = self.db.prepare_cached(sql)?;
        let mut rows = statement.query(params_from_iter(parameters))?;
        while let Some(row) = rows.next()? {
            if each(&Row::Sqlite(row))?.is_break() {
                break;
            }
        }
        Ok(())
    }

    fn scan(&self, sql: &str, from: i64, each: Each<'_>) -> Result<(), Error> {
        self.query(sql, &[from.into(), (-1i64).into()], each)
    }

    fn execute(&self, sql: &str, parameters: &[Value<'_>]) -> Result<u64, Error> {
        Ok(self.db.prepare_cached(sql)?.execute(params_from_iter(parameters))? as u64)
    }

    fn begin_snapshot(&self) -> Result<(), Error> {
        Ok(self.db.execute_batch("BEGIN")?)
    }

    fn end_snapshot(&self) {
        if !self.db.is_autocommit() {
            drop(self.db.execute_batch("ROLLBACK"));
        }
    }

    fn is_blank(&self) -> Result<bool, Error> {
        Ok(self.db.query_row("SELECT count(*) = 0 FROM sqlite_master", [], |row| row.get(0))?)
    }

    fn check_version(&self) -> Result<(), Error> {
        let pragma = |name: &str| self.db.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0));
        if pragma("application_id")? != APPLICATION_ID {
            return Err(Error::broken(None, "the store is not a journal"));
        }
        match pragma("user_version")? {
            SCHEMA_VERSION => Ok(()),
            version => {
                Err(Error::invalid(format!("the store has version {version}, this program reads {SCHEMA_VERSION}")))
            }
        }
    }

    fn check_whole(&self) -> Result<(), Error> {
        let said: String = self.db.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if said != "ok" {
            return Err(Error::broken(None, format!("the store is damaged: {said}")));
        }
        let mut statement = self.db.prepare("SELECT name, coalesce(sql, '') FROM sqlite_master")?;
        let found = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
        let found = found.collect::<Result<Vec<_>, _>>()?;
        super::compare_schema(&found, &SCHEMA)
    }

    fn begin_tables(&self) -> Result<(), Error> {
        self.db.execute_batch("BEGIN IMMEDIATE")?;
        self.db.pragma_update(None, "application_id", APPLICATION_ID)?;
        self.db.pragma_update(None, "user_version", SCHEMA_VERSION)?;
        SCHEMA.iter().try_for_each(|(_, sql)| self.db.execute_batch(sql)).map_err(Error::from)
    }

    fn begin(&self) -> Result<String, Error> {
        self.log.as_ref().map_or(Ok(()), Log::check)?;
        self.db.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        meta_text(self, META_CHECKPOINT)
    }

    fn put(&self, rows: Rows) -> Result<(), Error> {
        let db = &self.db;
        self.put.set(self.put.get() + rows.bytes());
        for row in &rows.entries {
            db.prepare_cached("INSERT INTO entries (seq, hash, leaf, body, small) VALUES ($1, $2, $3, $4, $5)")?
                .execute((row.seq as i64, row.hash.as_slice(), &row.leaf, &row.body, &row.small))?;
        }
        for bulk in &rows.bulk {
            db.prepare_cached("INSERT INTO bulk (id, stored) VALUES ($1, $2)")?.execute((bulk.0, &bulk.1))?;
        }
        for (key, seq, number) in &rows.sealed {
            db.prepare_cached("INSERT INTO sealed (key, seq, number) VALUES ($1, $2, $3)")?.execute((
                *key as i64,
                *seq as i64,
                *number as i64,
            ))?;
        }
        for (stored, seq, number) in &rows.files {
            db.prepare_cached("INSERT INTO files (stored, seq, number) VALUES ($1, $2, $3)")?.execute((
                stored.as_slice(),
                *seq as i64,
                *number as i64,
            ))?;
        }
        for tile in &rows.tiles {
            db.prepare_cached("INSERT INTO tiles (id, hashes) VALUES ($1, $2)")?.execute((tile.0, &tile.1))?;
        }
        Ok(())
    }

    fn commit(&self) -> Result<(), Error> {
        self.db.prepare_cached("COMMIT")?.execute([])?;
        if let Some(log) = &self.log {
            log.grew(&self.db, self.put.take());
        }
        Ok(())
    }

    fn rollback(&self) -> Result<(), Error> {
        if self.db.is_autocommit() {
            return Ok(());
        }
        Ok(self.db.execute_batch("ROLLBACK")?)
    }

    fn notes_part(&self, key: u64, seq: u64, number: u64) -> Result<bool, Error> {
        let mut named = self.db.prepare_cached("SELECT 1 FROM sealed WHERE key = $1 AND seq = $2 AND number = $3")?;
        Ok(named.exists((key as i64, seq as i64, number as i64))?)
    }

    fn put_blob(&self, stored: &Hash, bytes: Vec<u8>) -> Result<(), Error> {
        write_blob(&self.dir, stored, &bytes)
    }

    fn blob(&self, stored: &Hash, limit: u64) -> Result<Option<Vec<u8>>, Error> {
        read_bounded(&blob_path(&self.dir, stored), limit)
    }

    fn unlink(&self, stored: &[Hash]) {
        stored.iter().for_each(|stored| drop(fs::remove_file(blob_path(&self.dir, stored))));
    }

    fn orphans(&self) -> Result<Vec<PathBuf>, Error> {
        let mut orphans = Vec::new();
        let mut named = self.db.prepare_cached("SELECT 1 FROM files WHERE stored = $1")?;
        blobs_on_disk(&self.dir, &mut |hash, path| {
            if !named.exists([hash.as_slice()])? {
                orphans.push(path.to_path_buf());
            }
            Ok(())
        })?;
        Ok(orphans)
    }

    fn scrub(&self) {
        // The ciphertext is worthless without its key; readers may keep it in the log a little longer.
        if let Some(log) = &self.log {
            log.empty(&self.db);
        }
    }

    fn again(&self) -> Result<Box<dyn Store>, Error> {
        Ok(Box::new(Sqlite::open_for_reading(&self.dir)?))
    }

    fn watch(&self, timeout: Duration) -> Result<(), Error> {
        // SQLite tells other processes nothing, so they look.
        std::thread::park_timeout(timeout.min(LOOK));
        Ok(())
    }

    fn node(&self) -> Option<&str> {
        None
    }

    fn runs(&self, _: &str) -> Result<bool, Error> {
        Ok(false)
    }

    fn hold_duty(&self) -> Result<bool, Error> {
        Ok(true)
    }

    fn put_keys(&self, _: u64, _: &[(u64, Vec<u8>)]) -> Result<(), Error> {
        Err(Error::invalid("a store of its own has no other nodes"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_in_a_uri_are_escaped() {
        assert_eq!(percent(Path::new("/a b/\u{e9}?#%.db")), "/a%20b/%C3%A9%3F%23%25.db");
    }
}
