//! The tables beside the entries: each row must follow from an entry, and none may be missing.

use std::collections::BTreeMap;

use rusqlite::Connection;

use crate::Error;
use crate::append::keys_in_body;
use crate::entry::{ERASED_KIND, with_row};
use crate::leaf::{KeyId, Leaf, Place};
use crate::store::{FORMAT, META_CHECKPOINT, META_FORMAT, META_ORIGIN, META_PUBLIC, SCHEMA, meta};

/// What the entries call for.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Counts {
    pub sealed: u64,
    pub bulk: u64,
    pub files: u64,
    pub tiles: u64,
    pub opened: u64,
    pub closed: u64,
    pub erased: u64,
}

/// The store's pages are whole in themselves.
pub(super) fn check_pages(db: &Connection) -> Result<(), Error> {
    let said: String = db.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if said == "ok" { Ok(()) } else { Err(Error::broken(None, format!("the store is damaged: {said}"))) }
}

/// Exactly our tables, and nothing that acts on its own.
pub(super) fn check_schema(db: &Connection) -> Result<(), Error> {
    let mut statement = db.prepare("SELECT name, coalesce(sql, '') FROM sqlite_master")?;
    let found = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
    let found: BTreeMap<String, String> = found.collect::<Result<_, _>>()?;
    let expected: BTreeMap<String, String> =
        SCHEMA.iter().map(|(name, sql)| (name.to_string(), sql.to_string())).collect();
    let Some(name) = found.keys().chain(expected.keys()).find(|name| found.get(*name) != expected.get(*name)) else {
        return Ok(());
    };
    Err(Error::broken(None, format!("{name} in the store is not as it was made")))
}

/// Exactly the four values there are; what they say is checked against the signature.
pub(super) fn check_meta(db: &Connection) -> Result<(), Error> {
    let names: Vec<String> = db
        .prepare_cached("SELECT name FROM meta ORDER BY name")?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    if names != [META_CHECKPOINT, META_FORMAT, META_ORIGIN, META_PUBLIC] {
        return Err(Error::broken(None, "the values about the store are not those that were written"));
    }
    if meta(db, META_FORMAT)? != FORMAT {
        return Err(Error::broken(None, "the store names another format"));
    }
    Ok(())
}

/// The erased keys, each with the entry that erases it.
pub(super) fn erased_with_entries(db: &Connection) -> Result<BTreeMap<KeyId, u64>, Error> {
    let mut statement = db.prepare_cached("SELECT key, seq FROM erased ORDER BY seq")?;
    let rows = statement.query_map([], |row| Ok((row.get::<_, i64>(0)? as u64, row.get::<_, i64>(1)? as u64)))?;
    let erased: BTreeMap<KeyId, u64> =
        rows.map(|row| row.map(|(key, seq)| (KeyId(key), seq))).collect::<Result<_, _>>()?;
    for (key, seq) in &erased {
        let names_it = with_row(db, *seq, |row| {
            let leaf = row.check()?;
            Ok(leaf.kind == ERASED_KIND && keys_in_body(row.body(&leaf)?).is_some_and(|keys| keys.contains(key)))
        })?;
        if names_it != Some(true) {
            return Err(Error::broken(*seq, format!("it does not erase key {}, though the store says so", key.0)));
        }
    }
    Ok(erased)
}

/// No table has more rows than the entries call for. That none is missing, and what each says, was seen on the way.
pub(super) fn check_counts(db: &Connection, counts: &Counts) -> Result<(), Error> {
    let count = |sql: &str| -> Result<u64, Error> {
        Ok(db.prepare_cached(sql)?.query_row([], |row| row.get::<_, i64>(0))? as u64)
    };
    if count("SELECT count(*) FROM sealed")? != counts.sealed {
        return Err(first_extra(db, "SELECT seq, number, key FROM sealed ORDER BY seq, number", |part, key| {
            part.key.0 == key
        }));
    }
    if count("SELECT count(*) FROM bulk")? != counts.bulk {
        return Err(first_extra(db, "SELECT id >> 4, id & 15, 0 FROM bulk ORDER BY id", |part, _| {
            part.place == Place::Bulk
        }));
    }
    if count("SELECT count(*) FROM files")? != counts.files {
        return Err(first_extra(db, "SELECT seq, number, 0 FROM files ORDER BY seq, number", |part, _| {
            part.place == Place::File
        }));
    }
    if count("SELECT count(*) FROM tiles")? != counts.tiles {
        return Err(Error::broken(None, "the store has tiles of the tree that no entries call for"));
    }
    Ok(())
}

/// Names the first row that no entry calls for.
fn first_extra(db: &Connection, sql: &str, fits: impl Fn(&crate::leaf::LeafPart, u64) -> bool) -> Error {
    let find = || -> Result<Option<u64>, Error> {
        let mut statement = db.prepare(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (seq, number, key) = (row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?);
            let leaf: Option<Leaf> = with_row(db, seq as u64, |row| row.decode())?;
            let part = leaf.as_ref().and_then(|leaf| leaf.parts.get(usize::try_from(number).ok()?));
            if !part.is_some_and(|part| fits(part, key as u64)) {
                return Ok(Some(seq as u64));
            }
        }
        Ok(None)
    };
    match find() {
        Ok(seq) => Error::broken(seq, "the store has a part of it that was never written"),
        Err(error) => error,
    }
}
