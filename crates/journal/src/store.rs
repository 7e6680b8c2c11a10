//! The SQLite store: schema, how connections are opened, and the few statements that are used in more than one place.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension};

use crate::Error;
use crate::leaf::{Hash, KeyId};
use crate::tree::{Edge, FullTile, Nodes, TILE_WIDTH, fold, hash_leaf};

/// The store's file in the journal's folder.
pub(crate) const DATABASE: &str = "journal.db";
/// "BOLW", in the header of the store's file.
const APPLICATION_ID: i64 = 0x424f_4c57;
/// Version of the schema below.
const SCHEMA_VERSION: i64 = 1;
/// Page size of a new store, bytes.
const PAGE_BYTES: u32 = 4096;
/// Pages in the write-ahead log before it is moved into the store.
const WAL_PAGES: u32 = 4000;
/// Cache of a connection, KiB.
const CACHE_KIB: u32 = 8 * 1024;
/// How long to wait for a lock of SQLite's own, which is only ever held for moments.
const BUSY: Duration = Duration::from_secs(20);

/// Tables as SQLite keeps them: name and text. Integers hold no secrets; everything here but `bulk` and `small`, which are
/// ciphertext, is free of personal data.
pub(crate) const SCHEMA: [(&str, &str); 7] = [
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

/// Names in `meta`.
pub(crate) const META_FORMAT: &str = "format";
pub(crate) const META_ORIGIN: &str = "origin";
pub(crate) const META_PUBLIC: &str = "public-key";
pub(crate) const META_CHECKPOINT: &str = "checkpoint";
/// Value of `format`.
pub(crate) const FORMAT: &[u8] = b"1";

/// Opens the store for writing, making the file when it is not there.
pub(crate) fn open_for_writing(path: &Path, pages_max: Option<u32>) -> Result<Connection, Error> {
    // Made here, so that its owner alone may read it; the log beside it takes its mode over.
    OpenOptions::new().append(true).create(true).mode(0o600).open(path).map_err(Error::io("open", path))?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags).map_err(|error| cannot_open(path, error))?;
    db.busy_timeout(BUSY)?;
    db.pragma_update(None, "page_size", PAGE_BYTES)?;
    let mode: String =
        db.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)).map_err(|error| cannot_open(path, error))?;
    if mode != "wal" {
        return Err(Error::invalid(format!("{} does not support a write-ahead log ({mode})", path.display())));
    }
    db.pragma_update(None, "synchronous", "FULL")?;
    db.pragma_update(None, "secure_delete", "ON")?;
    db.pragma_update(None, "wal_autocheckpoint", WAL_PAGES)?;
    if let Some(pages) = pages_max {
        db.pragma_update(None, "max_page_count", pages)?;
    }
    settle(&db)?;
    Ok(db)
}

/// Opens the store for reading, in any process, also on a medium that cannot be written.
pub(crate) fn open_for_reading(dir: &Path) -> Result<Connection, Error> {
    let path = dir.join(DATABASE);
    if !path.exists() {
        return Err(Error::Absent { dir: dir.to_path_buf() });
    }
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
    check_version(&db)?;
    Ok(db)
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

/// Whether the file was made but nothing was put into it yet.
pub(crate) fn is_blank(db: &Connection) -> Result<bool, Error> {
    Ok(db.query_row("SELECT count(*) = 0 FROM sqlite_master", [], |row| row.get(0))?)
}

/// Makes the tables. The caller has begun a transaction.
pub(crate) fn create_tables(db: &Connection) -> Result<(), Error> {
    db.pragma_update(None, "application_id", APPLICATION_ID)?;
    db.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    SCHEMA.iter().try_for_each(|(_, sql)| db.execute_batch(sql)).map_err(Error::from)
}

/// Refuses files that are not a journal, or one of a later version.
pub(crate) fn check_version(db: &Connection) -> Result<(), Error> {
    let pragma = |name: &str| db.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0));
    if pragma("application_id")? != APPLICATION_ID {
        return Err(Error::broken(None, "the store is not a journal"));
    }
    match pragma("user_version")? {
        SCHEMA_VERSION => Ok(()),
        version => Err(Error::invalid(format!("the store has version {version}, this program reads {SCHEMA_VERSION}"))),
    }
}

pub(crate) fn meta(db: &Connection, name: &str) -> Result<Vec<u8>, Error> {
    let value =
        db.prepare_cached("SELECT value FROM meta WHERE name = ?1")?.query_row([name], |row| row.get(0)).optional()?;
    value.ok_or_else(|| Error::broken(None, format!("the store has lost its {name}")))
}

pub(crate) fn meta_text(db: &Connection, name: &str) -> Result<String, Error> {
    String::from_utf8(meta(db, name)?).map_err(|_| Error::broken(None, format!("the store's {name} is damaged")))
}

pub(crate) fn meta_public(db: &Connection) -> Result<[u8; 32], Error> {
    meta(db, META_PUBLIC)?.try_into().map_err(|_| Error::broken(None, "the store's public key is damaged"))
}

pub(crate) fn set_meta(db: &Connection, name: &str, value: &[u8]) -> Result<(), Error> {
    db.prepare_cached("INSERT OR REPLACE INTO meta (name, value) VALUES (?1, ?2)")?.execute((name, value))?;
    Ok(())
}

/// Number of entries, from the highest sequence.
pub(crate) fn size(db: &Connection) -> Result<u64, Error> {
    let last: Option<i64> = db.prepare_cached("SELECT max(seq) FROM entries")?.query_row([], |row| row.get(0))?;
    match last {
        None => Ok(0),
        Some(last) => u64::try_from(last)
            .ok()
            .and_then(|last| last.checked_add(1))
            .ok_or_else(|| Error::broken(None, "an entry has a negative number")),
    }
}

/// The highest key id that a part names, 0 when there is none.
pub(crate) fn last_key(db: &Connection) -> Result<u64, Error> {
    let last: Option<i64> = db.prepare_cached("SELECT max(key) FROM sealed")?.query_row([], |row| row.get(0))?;
    Ok(last.map_or(0, i64::unsigned_abs))
}

/// The erased keys.
pub(crate) fn erased(db: &Connection) -> Result<BTreeSet<KeyId>, Error> {
    let mut statement = db.prepare_cached("SELECT key FROM erased")?;
    let keys = statement.query_map([], |row| row.get::<_, i64>(0))?;
    keys.map(|key| Ok(KeyId(key?.unsigned_abs()))).collect()
}

/// Whether one key is erased.
pub(crate) fn is_erased(db: &Connection, key: KeyId) -> Result<bool, Error> {
    Ok(db.prepare_cached("SELECT 1 FROM erased WHERE key = ?1")?.exists([key.0 as i64])?)
}

/// Key of a bulk part: its entry and number.
pub(crate) fn bulk_id(seq: u64, number: usize) -> i64 {
    (seq << 4) as i64 | number as i64
}

/// Key of a full tile: its level and index.
pub(crate) fn tile_id(level: u8, index: u64) -> i64 {
    i64::from(level) << 56 | index as i64
}

pub(crate) fn put_tile(db: &Connection, tile: &FullTile) -> Result<(), Error> {
    db.prepare_cached("INSERT INTO tiles (id, hashes) VALUES (?1, ?2)")?
        .execute((tile_id(tile.level, tile.index), tile.hashes.concat()))?;
    Ok(())
}

/// The hashes of a full tile.
pub(crate) fn full_tile(db: &Connection, level: u8, index: u64) -> Result<Vec<Hash>, Error> {
    let bytes: Option<Vec<u8>> = db
        .prepare_cached("SELECT hashes FROM tiles WHERE id = ?1")?
        .query_row([tile_id(level, index)], |row| row.get(0))
        .optional()?;
    let lost = || Error::broken(index << (8 * (u32::from(level) + 1)), "a tile of the tree is missing or damaged");
    let bytes = bytes.filter(|bytes| bytes.len() == TILE_WIDTH * 32).ok_or_else(lost)?;
    Ok(bytes.chunks_exact(32).map(|chunk| std::array::from_fn(|n| chunk[n])).collect())
}

/// Hashes of the leaves `start..end`, computed from the leaves.
pub(crate) fn leaf_hashes(db: &Connection, start: u64, end: u64) -> Result<Vec<Hash>, Error> {
    let mut statement = db.prepare_cached("SELECT seq, leaf FROM entries WHERE seq >= ?1 AND seq < ?2 ORDER BY seq")?;
    let mut rows = statement.query((start as i64, end as i64))?;
    let mut hashes = Vec::new();
    while let Some(row) = rows.next()? {
        let expected = start + hashes.len() as u64;
        if row.get::<_, i64>(0)? != expected as i64 {
            break;
        }
        hashes.push(hash_leaf(row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?));
    }
    match start + hashes.len() as u64 {
        found if found == end => Ok(hashes),
        found => Err(Error::broken(found, "it is missing")),
    }
}

/// The tree as the store has it.
pub(crate) struct StoredNodes<'db> {
    pub db: &'db Connection,
    pub size: u64,
}

impl StoredNodes<'_> {
    /// The hashes `from..to` of a tile level, from full tiles where there are any.
    pub fn row(&self, level: u8, from: u64, to: u64) -> Result<Vec<Hash>, Error> {
        let index = from / TILE_WIDTH as u64;
        let within = index * TILE_WIDTH as u64;
        let full = self.size >> (8 * (u32::from(level) + 1)) > index;
        if full && to <= within + TILE_WIDTH as u64 {
            let hashes = full_tile(self.db, level, index)?;
            return Ok(hashes[(from - within) as usize..(to - within) as usize].to_vec());
        }
        match level {
            0 => leaf_hashes(self.db, from, to),
            _ => (from..to).map(|number| Ok(fold(&full_tile(self.db, level - 1, number)?))).collect(),
        }
    }

    /// The edge of the tree.
    pub fn edge(&self) -> Result<Edge, Error> {
        let mut partial = Vec::new();
        for level in 0.. {
            let done = self.size >> (8 * u32::from(level));
            if done == 0 {
                break;
            }
            let width = Edge::partial_width(self.size, level) as u64;
            partial.push(self.row(level, done - width, done)?);
        }
        Ok(Edge::from_partial(self.size, partial))
    }
}

impl Nodes for StoredNodes<'_> {
    fn node(&self, height: u32, index: u64) -> Result<Hash, Error> {
        let (level, within) = ((height / 8) as u8, height % 8);
        Ok(fold(&self.row(level, index << within, (index + 1) << within)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::{inclusion, range_root, verify_inclusion};

    /// A store of `size` leaves that are but their number, with its tiles.
    fn filled(size: u64) -> (Connection, Edge) {
        let db = Connection::open_in_memory().unwrap();
        create_tables(&db).unwrap();
        let mut edge = Edge::default();
        db.execute_batch("BEGIN").unwrap();
        for n in 0..size {
            let leaf = n.to_be_bytes();
            db.prepare_cached("INSERT INTO entries VALUES (?1, x'', ?2, x'', x'')")
                .unwrap()
                .execute((n as i64, leaf.as_slice()))
                .unwrap();
            edge.push(hash_leaf(&leaf), &mut |tile| put_tile(&db, &tile)).unwrap();
        }
        (db, edge)
    }

    #[test]
    fn the_edge_and_all_proofs_come_back_from_the_store() {
        for size in [0, 1, 255, 256, 257, 1000, 65_536, 66_321] {
            let (db, edge) = filled(size);
            let nodes = StoredNodes { db: &db, size };
            assert_eq!(nodes.edge().unwrap(), edge, "{size}");
            assert_eq!(range_root(&nodes, 0, size).unwrap(), edge.root(), "{size}");
            for seq in (0..size).step_by(1 + size as usize / 7) {
                let path = inclusion(&nodes, seq, size).unwrap();
                assert!(verify_inclusion(&hash_leaf(&seq.to_be_bytes()), seq, size, &path, &edge.root()));
            }
        }
    }

    #[test]
    fn paths_in_a_uri_are_escaped() {
        assert_eq!(percent(Path::new("/a b/\u{e9}?#%.db")), "/a%20b/%C3%A9%3F%23%25.db");
    }
}
