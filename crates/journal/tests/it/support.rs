//! Small journals for tests.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use journal::{Hooks, Keep, KeyId, NewEntry, NewPart, Options, Reader, Stored, Writer, connect};
use postgres::NoTls;

use crate::server;

pub const ORIGIN: &str = "bolwerk/test";

pub fn options() -> Options {
    Options { origin: ORIGIN.into() }
}

/// Hooks with randomness that repeats and a small pool of keys.
pub fn hooks(seed: u64) -> Hooks {
    let mut state = seed | 1;
    let random = move |bytes: &mut [u8]| {
        for byte in bytes {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            *byte = (state >> 32) as u8;
        }
        Ok(())
    };
    Hooks { random: Box::new(random), pool: 16, bulk_bytes_max: FILE_BYTES - 1, ..Hooks::default() }
}

/// Content of this size is a file here.
pub const FILE_BYTES: usize = 5000;

/// A store that the contract is tested on.
pub trait Fixture {
    /// Whether the store can be tested here; said plainly where not.
    fn is_here() -> bool;
    /// An empty folder for a journal.
    fn folder() -> Folder;
}

/// A folder with a store of its own.
pub struct OnSqlite;

impl Fixture for OnSqlite {
    fn is_here() -> bool {
        true
    }

    fn folder() -> Folder {
        Folder { dir: tempfile::tempdir().unwrap(), url: None }
    }
}

/// A folder whose journal lies in a real PostgreSQL server.
pub struct OnPostgres;

impl Fixture for OnPostgres {
    fn is_here() -> bool {
        server::shared().is_some()
    }

    fn folder() -> Folder {
        Folder::at(&server::shared().unwrap().schema())
    }
}

/// A folder for a journal.
pub struct Folder {
    dir: tempfile::TempDir,
    url: Option<String>,
}

impl Folder {
    /// A folder for a journal in a database.
    pub fn at(url: &str) -> Folder {
        let dir = tempfile::tempdir().unwrap();
        connect(dir.path(), url).unwrap();
        Folder { dir, url: Some(url.into()) }
    }

    /// How to reach the database.
    pub fn url(&self) -> &str {
        self.url.as_deref().unwrap()
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The bytes that a question to the store itself finds.
    pub fn blobs(&self, sql: &str) -> Vec<Vec<u8>> {
        match &self.url {
            None => {
                let db = rusqlite::Connection::open(self.path().join("journal.db")).unwrap();
                let mut statement = db.prepare(sql).unwrap();
                let rows = statement.query_map([], |row| row.get(0)).unwrap();
                rows.map(Result::unwrap).collect()
            }
            Some(url) => {
                let rows = postgres::Client::connect(url, NoTls).unwrap().query(sql, &[]).unwrap();
                rows.iter().map(|row| row.get(0)).collect()
            }
        }
    }

    /// Changes the store behind the journal's back.
    pub fn tamper(&self, sql: &str) {
        match &self.url {
            None => rusqlite::Connection::open(self.path().join("journal.db")).unwrap().execute_batch(sql).unwrap(),
            Some(url) => postgres::Client::connect(url, NoTls).unwrap().batch_execute(sql).unwrap(),
        }
    }

    /// Files of large parts, in the folder or the database.
    pub fn files(&self) -> usize {
        match &self.url {
            None => files_in(self.path()).iter().filter(|path| path.starts_with(self.path().join("blobs"))).count(),
            Some(_) => self.blobs("SELECT stored FROM chunks WHERE number = 0").len(),
        }
    }
}

/// Tests of the contract: each is run on every store.
macro_rules! contract {
    ($($name:ident)*) => {
        mod on_sqlite {
            $(#[test]
            fn $name() {
                super::$name::<crate::support::OnSqlite>();
            })*
        }
        mod on_postgres {
            use crate::support::{Fixture, OnPostgres};
            $(#[test]
            fn $name() {
                if OnPostgres::is_here() {
                    super::$name::<OnPostgres>();
                }
            })*
        }
    };
}
pub(crate) use contract;

pub fn open(dir: &Path) -> Writer {
    open_seeded(dir, 1)
}

pub fn open_seeded(dir: &Path, seed: u64) -> Writer {
    Writer::open_with(dir, &options(), hooks(seed)).unwrap()
}

/// All files below a folder.
pub fn files_in(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for item in fs::read_dir(dir).unwrap() {
        let path = item.unwrap().path();
        if path.is_dir() { files.extend(files_in(&path)) } else { files.push(path) }
    }
    files
}

pub fn copy_folder(from: &Path, to: &Path) {
    for file in files_in(from) {
        let target = to.join(file.strip_prefix(from).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(&file, &target).unwrap();
    }
}

pub fn entry(kind: &str, body: &str) -> NewEntry {
    NewEntry { kind: kind.into(), version: 1, body: body.as_bytes().to_vec(), parts: Vec::new() }
}

pub fn sealed(kind: &str, parts: &[(KeyId, Keep, &[u8])]) -> NewEntry {
    let parts = parts.iter().map(|(key, keep, content)| NewPart { key: *key, keep: *keep, content: content.to_vec() });
    NewEntry { parts: parts.collect(), ..entry(kind, r#"{"n":1}"#) }
}

/// Appends `count` plain entries, each a transaction, one commit for all.
pub fn fill(writer: &mut Writer, count: u64) {
    let from = writer.next_seq();
    let group = (from..from + count).map(|n| vec![entry("test.counted", &format!(r#"{{"n":{n}}}"#))]).collect();
    writer.append(group, 0).unwrap();
}

pub fn all(reader: &Reader) -> Vec<Stored> {
    let mut entries = Vec::new();
    reader
        .visit(0, &mut |stored| {
            entries.push(stored);
            ControlFlow::Continue(())
        })
        .unwrap();
    entries
}
