//! The tables beside the entries: each row must follow from an entry, and none may be missing.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use crate::Error;
use crate::append::keys_in_body;
use crate::entry::{ERASED_KIND, with_row};
use crate::leaf::{KeyId, Leaf, Place};
use crate::store::{self, FORMAT, META_CHECKPOINT, META_FORMAT, META_ORIGIN, META_PUBLIC, Store, meta};

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

/// Exactly the four values there are; what they say is checked against the signature.
pub(super) fn check_meta(db: &dyn Store) -> Result<(), Error> {
    let mut names = db.all("SELECT name FROM meta", &[], |row| Ok(row.text(0)?.to_owned()))?;
    names.sort();
    if names != [META_CHECKPOINT, META_FORMAT, META_ORIGIN, META_PUBLIC] {
        return Err(Error::broken(None, "the values about the store are not those that were written"));
    }
    if meta(db, META_FORMAT)? != FORMAT {
        return Err(Error::broken(None, "the store names another format"));
    }
    Ok(())
}

/// The erased keys, each with the entry that erases it.
pub(super) fn erased_with_entries(db: &dyn Store) -> Result<BTreeMap<KeyId, u64>, Error> {
    let erased = store::erased_with_entries(db)?;
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
pub(super) fn check_counts(db: &dyn Store, counts: &Counts) -> Result<(), Error> {
    if db.count("SELECT count(*) FROM sealed")? != counts.sealed {
        return Err(first_extra(db, "SELECT seq, number, key FROM sealed ORDER BY seq, number", |part, key| {
            part.key.0 == key
        }));
    }
    if db.count("SELECT count(*) FROM bulk")? != counts.bulk {
        return Err(first_extra(db, "SELECT id >> 4, id & 15, 0 FROM bulk ORDER BY id", |part, _| {
            part.place == Place::Bulk
        }));
    }
    if db.count("SELECT count(*) FROM files")? != counts.files {
        return Err(first_extra(db, "SELECT seq, number, 0 FROM files ORDER BY seq, number", |part, _| {
            part.place == Place::File
        }));
    }
    if db.count("SELECT count(*) FROM tiles")? != counts.tiles {
        return Err(Error::broken(None, "the store has tiles of the tree that no entries call for"));
    }
    Ok(())
}

/// Names the first row that no entry calls for.
fn first_extra(db: &dyn Store, sql: &str, fits: impl Fn(&crate::leaf::LeafPart, u64) -> bool) -> Error {
    let find = || -> Result<Option<u64>, Error> {
        let mut extra = None;
        db.query(sql, &[], &mut |row| {
            let (seq, number, key) = (row.number(0)?, row.int(1)?, row.number(2)?);
            let leaf: Option<Leaf> = with_row(db, seq, |row| row.decode())?;
            let part = leaf.as_ref().and_then(|leaf| leaf.parts.get(usize::try_from(number).ok()?));
            if part.is_some_and(|part| fits(part, key)) {
                return Ok(ControlFlow::Continue(()));
            }
            extra = Some(seq);
            Ok(ControlFlow::Break(()))
        })?;
        Ok(extra)
    };
    match find() {
        Ok(seq) => Error::broken(seq, "the store has a part of it that was never written"),
        Err(error) => error,
    }
}
