//! Generated tampering: every change to any row of any table must be found, and the first bad entry named.

use std::ops::RangeInclusive;
use std::path::Path;

use super::{Scene, verify_scene};
use crate::entry::{Keep, NewEntry, NewPart};
use crate::leaf::{Leaf, commit_body};
use crate::note::Checkpoint;
use crate::reader::load_keys;
use crate::server::{self, Server};
use crate::store::{self, Cell, Store, TABLES, Value};
use crate::tree::hash_leaf;
use crate::writer::{KEYS, Options, Writer, check_keys};
use crate::{Error, Hooks};

/// Tamperings of a journal in PostgreSQL.
const SERVER_TAMPERINGS: u64 = 1000;
/// Tamperings in an ordinary test run; `BOLWERK_TAMPERINGS` asks for another number.
const TAMPERINGS: u64 = 10_000;

struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 11
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    fn within(&mut self, range: RangeInclusive<usize>) -> usize {
        range.start() + self.below(range.end() - range.start() + 1)
    }
}

/// A journal with entries of every sort: several to a transaction, every place for parts, erased and not.
fn build(dir: &Path, transactions: u64) {
    let mut rng = Rng(77);
    let hooks = Hooks { pool: 16, bulk_bytes_max: 100, ..Hooks::default() };
    let mut writer = Writer::open_with(dir, &Options { origin: "bolwerk/test".into() }, hooks).unwrap();
    for n in 0..transactions {
        let key = writer.new_key().unwrap();
        let part = |keep, len: usize| NewPart { key, keep, content: vec![n as u8; len] };
        let small = (0..n % 3).map(|_| part(Keep::Replayed, 30)).collect();
        let bulk = (0..n % 2).map(|_| part(Keep::OnDemand, 90)).collect();
        let entry = |parts| NewEntry { kind: "a.b".into(), version: 1, body: format!("{{\"n\":{n}}}").into(), parts };
        writer.append(vec![vec![entry(small), entry(bulk)]], n as i64).unwrap();
        if n == 4 || n == 9 {
            let large = entry(vec![part(Keep::OnDemand, 101), part(Keep::Replayed, 9)]);
            writer.append(vec![vec![large]], n as i64).unwrap();
        }
        if rng.below(8) == 0 || n == 4 {
            let fact = NewEntry { kind: "journal.erased".into(), version: 1, body: b"{}".to_vec(), parts: vec![] };
            writer.erase(&[key], fact, n as i64).unwrap();
        }
    }
}

type Row = Vec<Cell>;

/// A table read whole: the tampering changes a copy and writes the difference.
struct Table {
    name: &'static str,
    rows: Vec<Row>,
}

struct Bench {
    db: Box<dyn Store>,
    dir: tempfile::TempDir,
    tables: Vec<Table>,
}

/// A folder of its own, or one whose journal lies in `server`.
fn folder(server: Option<&Server>) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    if let Some(server) = server {
        crate::connect(dir.path(), &server.schema()).unwrap();
    }
    dir
}

/// Columns of a table; the first ones are its key.
fn columns(table: &str) -> &'static [&'static str] {
    match table {
        "meta" => &["name", "value"],
        "entries" => &["seq", "hash", "leaf", "body", "small"],
        "bulk" => &["id", "stored"],
        "sealed" => &["key", "seq", "number"],
        "files" => &["stored", "seq", "number"],
        "erased" => &["key", "seq"],
        "tiles" => &["id", "hashes"],
        other => panic!("no table {other}"),
    }
}

fn read(db: &dyn Store, table: &str) -> Vec<Row> {
    let names = columns(table).join(", ");
    db.all(&format!("SELECT {names} FROM {table} ORDER BY 1"), &[], |row| row.cells(columns(table).len())).unwrap()
}

impl Bench {
    fn new(dir: tempfile::TempDir, transactions: u64) -> Bench {
        build(dir.path(), transactions);
        let db = store::open_for_writing(dir.path(), &Hooks::default()).unwrap();
        let tables = TABLES.iter().map(|name| Table { name, rows: read(&*db, name) }).collect();
        db.begin().unwrap();
        Bench { db, dir, tables }
    }

    fn table(&self, name: &str) -> &Table {
        self.tables.iter().find(|table| table.name == name).unwrap()
    }

    fn verify(&self, with_keys: bool) -> Result<(), Error> {
        let (db, dir) = (&*self.db, self.dir.path());
        let keys = load_keys(dir, db)?;
        if with_keys {
            check_keys(keys.as_ref().unwrap(), &dir.join(KEYS), db)?;
        }
        let keys = keys.as_ref().filter(|_| with_keys);
        let scene = Scene { db, dir, keys, erased_since: &|_| Ok(false) };
        db.check_whole()?;
        verify_scene(&scene, None, &mut |_, _| {}).map(drop)
    }

    fn run(&self, sql: &str) -> Result<(), Error> {
        self.db.execute(sql, &[]).map(drop)
    }

    fn put(&self, table: &str, row: &Row) -> Result<(), Error> {
        let marks: Vec<String> = (1..=row.len()).map(|n| format!("${n}")).collect();
        let values: Vec<Value<'_>> = row.iter().map(Cell::value).collect();
        let sql = format!("INSERT INTO {table} ({}) VALUES ({})", columns(table).join(", "), marks.join(", "));
        self.db.execute(&sql, &values).map(drop)
    }

    fn remove(&self, table: &str, row: &Row) -> Result<(), Error> {
        let keys = if table == "sealed" { 3 } else { 1 };
        let names = columns(table).iter().take(keys).enumerate();
        let filter: Vec<String> = names.map(|(n, name)| format!("{name} = ${}", n + 1)).collect();
        let values: Vec<Value<'_>> = row.iter().take(keys).map(Cell::value).collect();
        self.db.execute(&format!("DELETE FROM {table} WHERE {}", filter.join(" AND ")), &values).map(drop)
    }

    /// Runs `tamper`, looks, and takes it back.
    fn with<T>(&self, tamper: impl FnOnce() -> Result<T, Error>, look: impl FnOnce(T)) {
        self.run("SAVEPOINT tampering").unwrap();
        if let Ok(done) = tamper() {
            look(done);
        }
        self.run("ROLLBACK TO SAVEPOINT tampering").unwrap();
        self.run("RELEASE SAVEPOINT tampering").unwrap();
    }
}

/// What was done, and the entry that must be named when it is certain which one that is.
struct Done {
    what: String,
    names: Option<u64>,
}

/// The entry that a row belongs to, where a change to it leaves no doubt.
fn entry_of(table: &str, row: &Row) -> Option<u64> {
    let int = |n: usize| if let Cell::Int(n) = row[n] { Some(n as u64) } else { None };
    match table {
        "entries" => int(0),
        "bulk" => int(0).map(|id| id >> 4),
        "sealed" | "files" => int(1),
        _ => None,
    }
}

fn flip(value: &mut Cell, rng: &mut Rng) -> &'static str {
    let mut bytes = match value {
        Cell::Int(n) => {
            *n = match rng.below(3) {
                0 => *n + 1,
                1 => *n - 1,
                _ => *n ^ (1 << rng.below(62)),
            };
            return "number changed";
        }
        Cell::Blob(bytes) => std::mem::take(bytes),
        Cell::Text(text) => std::mem::take(text).into_bytes(),
    };
    let text = matches!(value, Cell::Text(_));
    let what = match rng.below(8) {
        0 => {
            bytes.pop();
            "cut by a byte"
        }
        1 => {
            bytes.push(rng.next() as u8 & 127);
            "a byte added"
        }
        2 if !bytes.is_empty() => {
            let n = rng.below(bytes.len());
            bytes.remove(n);
            "a byte taken out"
        }
        3 => {
            bytes.clear();
            "emptied"
        }
        _ if !bytes.is_empty() => {
            let n = rng.below(bytes.len());
            bytes[n] ^= 1 << rng.below(if text { 6 } else { 8 });
            "a bit flipped"
        }
        _ => {
            bytes.push(0);
            "filled"
        }
    };
    *value = if text { Cell::Text(String::from_utf8(bytes).unwrap()) } else { Cell::Blob(bytes) };
    what
}

/// One change to one row.
fn change(bench: &Bench, rng: &mut Rng) -> Result<Done, Error> {
    let table = pick_table(bench, rng);
    let row = &table.rows[rng.below(table.rows.len())];
    let column = rng.below(row.len());
    let mut changed = row.clone();
    let how = flip(&mut changed[column], rng);
    bench.remove(table.name, row)?;
    bench.put(table.name, &changed)?;
    // A row whose number changed may be named as the one that is missing or as the one that is too many.
    let names = entry_of(table.name, row).filter(|_| column > 0 && matches!(table.name, "entries" | "bulk"));
    Ok(Done { what: format!("{} column {column}: {how}", table.name), names })
}

fn pick_table<'a>(bench: &'a Bench, rng: &mut Rng) -> &'a Table {
    loop {
        // Half of all tamperings go to the entries themselves.
        let n = rng.below(2 * bench.tables.len());
        let table = bench.tables.get(n).unwrap_or_else(|| bench.table("entries"));
        if !table.rows.is_empty() {
            return table;
        }
    }
}

fn delete(bench: &Bench, rng: &mut Rng) -> Result<Done, Error> {
    let table = pick_table(bench, rng);
    let row = &table.rows[rng.below(table.rows.len())];
    bench.remove(table.name, row)?;
    Ok(Done { what: format!("{} row deleted", table.name), names: entry_of(table.name, row) })
}

fn duplicate(bench: &Bench, rng: &mut Rng) -> Result<Done, Error> {
    let table = pick_table(bench, rng);
    let mut row = table.rows[rng.below(table.rows.len())].clone();
    match &mut row[0] {
        Cell::Int(n) => *n += rng.within(1..=2 * table.rows.len()) as i64,
        Cell::Text(text) => text.push('2'),
        Cell::Blob(bytes) => bytes[0] ^= 1,
    }
    bench.put(table.name, &row)?;
    Ok(Done { what: format!("{} row doubled", table.name), names: None })
}

/// Two rows change places, or one of their columns does.
fn swap(bench: &Bench, rng: &mut Rng) -> Result<Done, Error> {
    let table = pick_table(bench, rng);
    let (a, b) = (&table.rows[rng.below(table.rows.len())], &table.rows[rng.below(table.rows.len())]);
    let columns =
        if rng.below(2) == 0 { 0..1 } else { (1..a.len()).nth(rng.below(a.len() - 1)).map_or(0..1, |n| n..n + 1) };
    let (mut a2, mut b2) = (a.clone(), b.clone());
    for n in columns.clone() {
        std::mem::swap(&mut a2[n], &mut b2[n]);
    }
    bench.remove(table.name, a)?;
    bench.remove(table.name, b)?;
    bench.put(table.name, &a2)?;
    bench.put(table.name, &b2)?;
    Ok(Done { what: format!("{} rows swapped in {columns:?}", table.name), names: None })
}

/// The tail is cut off, with or without the rows that hang on it.
fn truncate(bench: &Bench, rng: &mut Rng) -> Result<Done, Error> {
    let size = bench.table("entries").rows.len();
    let from = rng.below(size) as i64;
    bench.run(&format!("DELETE FROM entries WHERE seq >= {from}"))?;
    if rng.below(2) == 0 {
        bench.run(&format!("DELETE FROM bulk WHERE id >> 4 >= {from}"))?;
        for table in ["sealed", "files", "erased"] {
            bench.run(&format!("DELETE FROM {table} WHERE seq >= {from}"))?;
        }
        bench.run(&format!("DELETE FROM tiles WHERE ((id & 16777215) + 1) << 8 > {from}"))?;
    }
    Ok(Done { what: format!("cut from {from}"), names: None })
}

fn forged(row: &Row, with: impl FnOnce(&mut Leaf, &mut Vec<u8>)) -> Row {
    let (Cell::Blob(leaf), Cell::Blob(body)) = (&row[2], &row[3]) else { panic!("entries have blobs") };
    let mut leaf = Leaf::decode(leaf).unwrap();
    let mut body = body.clone();
    with(&mut leaf, &mut body);
    let bytes = leaf.encode();
    vec![
        Cell::Int(leaf.seq as i64),
        Cell::Blob(hash_leaf(&bytes).to_vec()),
        Cell::Blob(bytes),
        Cell::Blob(body),
        row[4].clone(),
    ]
}

/// An entry is replaced by one that is sound in itself: leaf, hash and body fit each other.
fn forge(bench: &Bench, rng: &mut Rng) -> Result<Done, Error> {
    let rows = &bench.table("entries").rows;
    let n = rng.below(rows.len());
    let made = forged(&rows[n], |leaf, body| match rng.below(3) {
        0 => leaf.recorded_at += 1,
        1 => leaf.version += 1,
        _ => {
            body.push(b' ');
            let salt = std::array::from_fn(|n| body[n]);
            leaf.body = commit_body(&salt, &body[16..]);
        }
    });
    bench.remove("entries", &rows[n])?;
    bench.put("entries", &made)?;
    Ok(Done { what: format!("entry {n} forged"), names: None })
}

/// An entry is taken out and all later ones move up, sound in themselves.
fn close_gap(bench: &Bench, rng: &mut Rng) -> Result<Done, Error> {
    let rows = &bench.table("entries").rows;
    let n = rng.below(rows.len());
    bench.run(&format!("DELETE FROM entries WHERE seq >= {n}"))?;
    for row in &rows[n + 1..] {
        bench.put("entries", &forged(row, |leaf, _| leaf.seq -= 1))?;
    }
    Ok(Done { what: format!("entry {n} taken out, the rest moved up"), names: None })
}

/// An entry is added at the end, sound in itself.
fn extend(bench: &Bench, rng: &mut Rng) -> Result<Done, Error> {
    let rows = &bench.table("entries").rows;
    let made = forged(&rows[rng.below(rows.len())], |leaf, _| {
        leaf.seq = rows.len() as u64;
        leaf.parts.clear();
    });
    bench.put("entries", &made)?;
    Ok(Done { what: "an entry added".into(), names: Some(rows.len() as u64) })
}

/// A key is said to be erased that is not, with its stored bytes taken away.
fn pretend_erased(bench: &Bench, rng: &mut Rng) -> Result<Done, Error> {
    let rows = &bench.table("sealed").rows;
    let row = &rows[rng.below(rows.len())];
    let seq = rng.below(bench.table("entries").rows.len()) as i64;
    bench.put("erased", &vec![row[0].clone(), Cell::Int(seq)])?;
    bench.db.execute("DELETE FROM bulk WHERE id >> 4 = $1", &[row[1].value()])?;
    Ok(Done { what: "a key said to be erased".into(), names: None })
}

/// Another checkpoint: of another log key, or made by ours over another tree.
fn resign(bench: &Bench, rng: &mut Rng) -> Result<Done, Error> {
    let keys = load_keys(bench.dir.path(), &*bench.db).unwrap().unwrap();
    let (mut checkpoint, _) = crate::writer::stored_checkpoint(&*bench.db).unwrap();
    let mut public = None;
    let note = match rng.below(3) {
        0 => {
            checkpoint.size = checkpoint.size.wrapping_add_signed(rng.within(0..=2) as i64 * 2 - 3);
            checkpoint.sign(&keys.signer())
        }
        1 => {
            checkpoint.root[rng.below(32)] ^= 1;
            checkpoint.sign(&keys.signer())
        }
        _ => {
            let signer = ed25519_dalek::SigningKey::from_bytes(&[rng.next() as u8; 32]);
            public = Some(signer.verifying_key().to_bytes());
            Checkpoint { extensions: vec![], ..checkpoint }.sign(&signer)
        }
    };
    store::set_meta(&*bench.db, store::META_CHECKPOINT, note.unwrap().as_bytes())?;
    if let Some(public) = public {
        store::set_meta(&*bench.db, store::META_PUBLIC, &public)?;
    }
    Ok(Done { what: "another checkpoint".into(), names: None })
}

type Tampering = fn(&Bench, &mut Rng) -> Result<Done, Error>;
const KINDS: [Tampering; 14] = [
    change,
    change,
    change,
    change,
    delete,
    delete,
    duplicate,
    swap,
    truncate,
    forge,
    close_gap,
    extend,
    pretend_erased,
    resign,
];

/// Runs `count` tamperings that changed something; returns how many were made.
fn run(bench: &Bench, count: u64, seed: u64) {
    let mut rng = Rng(seed);
    bench.verify(true).unwrap();
    bench.verify(false).unwrap();
    let mut made = 0;
    while made < count {
        let before = rng.0;
        let tamper = KINDS[rng.below(KINDS.len())];
        // A stranger's key can only be told from ours by the key file.
        let mut with_keys = rng.below(4) > 0;
        bench.with(
            || tamper(bench, &mut rng),
            |done| {
                with_keys |= done.what == "another checkpoint";
                let what = format!("seed {before}, {}, keys {with_keys}", done.what);
                match bench.verify(with_keys) {
                    Ok(()) => {
                        let same = bench.tables.iter().all(|table| read(&*bench.db, table.name) == table.rows);
                        assert!(same, "not found: {what}");
                    }
                    Err(Error::Broken { seq, .. }) if done.names.is_some() => {
                        assert_eq!(seq, done.names, "another entry was named: {what}");
                        made += 1;
                    }
                    Err(_) => made += 1,
                }
            },
        );
    }
    bench.verify(true).unwrap();
}

#[test]
fn every_tampering_of_any_row_is_found() {
    let count = std::env::var("BOLWERK_TAMPERINGS").ok().and_then(|n| n.parse().ok()).unwrap_or(TAMPERINGS);
    run(&Bench::new(folder(None), 14), count * 9 / 10, 0x5eed);
    // With full tiles.
    run(&Bench::new(folder(None), 150), count / 10, 0x5eed2);
}

#[test]
fn every_tampering_of_any_row_in_postgresql_is_found() {
    let Some(server) = server::shared() else { return };
    run(&Bench::new(folder(Some(server)), 14), SERVER_TAMPERINGS, 0x5eed3);
}

#[test]
fn anything_that_is_not_ours_in_postgresql_is_found() {
    let Some(server) = server::shared() else { return };
    let bench = Bench::new(folder(Some(server)), 2);
    for sql in [
        "CREATE TABLE extra (a int)",
        "CREATE INDEX i ON entries (leaf)",
        "CREATE VIEW v AS SELECT 1",
        "CREATE SEQUENCE s",
        "CREATE RULE r AS ON DELETE TO bulk DO INSTEAD NOTHING",
        "CREATE TRIGGER t BEFORE UPDATE ON bulk FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        "CREATE POLICY p ON entries USING (seq > 3)",
        "ALTER TABLE entries ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE bulk ADD COLUMN extra bytea",
        "ALTER TABLE tiles ALTER COLUMN hashes DROP NOT NULL",
        "ALTER TABLE sealed DROP CONSTRAINT sealed_seq_number_key",
        "ALTER TABLE meta ADD CHECK (name <> 'x')",
        "ALTER TABLE nodes SET UNLOGGED",
        "CREATE TABLE heir () INHERITS (erased)",
        "DROP TABLE keys",
    ] {
        let mut found = None;
        bench.with(|| bench.run(sql), |()| found = Some(matches!(bench.verify(true), Err(Error::Broken { .. }))));
        assert_eq!(found, Some(true), "{sql}");
    }
}

#[test]
fn anything_that_is_not_ours_in_the_store_is_found() {
    let bench = Bench::new(folder(None), 2);
    for sql in [
        "CREATE TABLE extra (a)",
        "CREATE INDEX i ON entries (leaf)",
        "CREATE VIEW v AS SELECT 1",
        "CREATE TRIGGER t AFTER INSERT ON bulk BEGIN DELETE FROM bulk; END",
        "ALTER TABLE bulk ADD COLUMN extra BLOB",
    ] {
        let mut found = false;
        bench.with(|| bench.run(sql), |()| found = matches!(bench.verify(true), Err(Error::Broken { .. })));
        assert!(found, "{sql}");
    }
}
