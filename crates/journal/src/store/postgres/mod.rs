//! PostgreSQL: one database for several nodes. Appends are serialised by the lock on one row, the stored checkpoint.
//!
//! An append is durable when `COMMIT` was answered without a warning: the server flushed it, and its synchronous standby did
//! where there is one. A wait for the standby that was cancelled answers with a warning, and is no acknowledgement. Before
//! `COMMIT` is sent nothing is ever unknown: a connection that breaks takes its transaction with it.

mod connect;
mod link;
mod schema;

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use postgres::Row as PgRow;
use postgres::fallible_iterator::FallibleIterator;
use postgres::types::Type;

use self::connect::{chain, config, node_lock, said, settle};
use self::link::{Link, Session, owned};
use self::schema::{CREATE, DESCRIBE, DESCRIBED, MARK, MARK_PREFIX, VERSION};
use super::{Each, META_CHECKPOINT, Row, Rows, Server, Store, Value, text};
use crate::Error;
use crate::leaf::Hash;

/// Entries whose rows in `sealed` are fetched at once.
const SEALED_ENTRIES: u64 = 4096;
/// Size of the pieces that a large part is kept in, bytes.
const CHUNK_BYTES: usize = 256 << 10;
/// Rows of a scan are fetched so many bytes at a time, about.
const PAGE_BYTES: usize = 4 << 20;
/// Rows of the first page of a scan, and of the largest.
const PAGE_ROWS: (i64, i64) = (64, 8192);

/// A database server that holds a journal.
pub(crate) struct Postgres {
    dir: PathBuf,
    server: Server,
    writes: bool,
    link: RefCell<Option<Arc<Link>>>,
    /// Whether a transaction was begun and not ended.
    within: Cell<bool>,
    /// The rows of `sealed` for some entries, in the state that is read.
    sealed: RefCell<Sealed>,
}

/// Rows of `sealed`, fetched for many entries at once.
#[derive(Default)]
struct Sealed {
    entries: Range<u64>,
    /// Key, sequence and number.
    rows: HashSet<(u64, u64, u64)>,
}

impl Postgres {
    /// Connects for writing, under the name of this node.
    pub fn open_for_writing(dir: &Path, server: Server) -> Result<Postgres, Error> {
        let store = Postgres::new(dir, server, true);
        store.link()?;
        Ok(store)
    }

    /// Connects for reading.
    pub fn open_for_reading(dir: &Path, server: Server) -> Result<Postgres, Error> {
        let store = Postgres::new(dir, server, false);
        if store.is_blank()? {
            return Err(Error::Absent { dir: dir.to_path_buf() });
        }
        store.check_version()?;
        Ok(store)
    }

    fn new(dir: &Path, server: Server, writes: bool) -> Postgres {
        Postgres {
            dir: dir.to_path_buf(),
            server,
            writes,
            link: RefCell::new(None),
            within: Cell::new(false),
            sealed: RefCell::default(),
        }
    }

    /// The connection, made anew when there is none.
    fn link(&self) -> Result<Arc<Link>, Error> {
        if let Some(link) = &*self.link.borrow() {
            return Ok(Arc::clone(link));
        }
        if self.within.get() {
            return Err(Error::Away { why: "the connection broke in the middle of a transaction".into() });
        }
        let (config, writes, node) = (config(&self.server.url)?, self.writes, self.server.node.clone());
        let link = Arc::new(Link::open(config, move |session| settle(session, writes, &node))?);
        *self.link.borrow_mut() = Some(Arc::clone(&link));
        Ok(link)
    }

    /// Runs `work` once; a connection that breaks is dropped.
    fn once<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Session) -> Result<T, postgres::Error> + Send + 'static,
    ) -> Result<T, Error> {
        let link = self.link()?;
        self.answered(link.run(move |session| answer(session, work)))
    }

    /// What came back from the connection; one that broke is dropped.
    fn answered<T>(&self, answer: Option<Answer<T>>) -> Result<T, Error> {
        match answer {
            Some(Ok(answer)) => Ok(answer),
            Some(Err((error, closed))) => {
                if closed {
                    self.link.replace(None);
                }
                Err(error)
            }
            None => {
                self.link.replace(None);
                Err(Error::Away { why: "the connection was lost".into() })
            }
        }
    }

    /// Begins to fetch a page of a scan.
    fn fetch(&self, sql: &str, from: i64, rows: i64) -> Result<Receiver<Answer<Vec<PgRow>>>, Error> {
        let (sql, parameters) = (sql.to_owned(), owned(&[from.into(), rows.into()]));
        Ok(self.link()?.start(move |session| answer(session, |session| session.query(&sql, &parameters))))
    }

    /// Runs `work`, outside a transaction once more when the connection turns out to be broken: it changes nothing, or the same
    /// when it is done twice.
    fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Session) -> Result<T, postgres::Error> + Clone + Send + 'static,
    ) -> Result<T, Error> {
        let had = self.link.borrow().is_some();
        match self.once(work.clone()) {
            Err(Error::Away { .. }) if had && !self.within.get() && self.link.borrow().is_none() => self.once(work),
            answer => answer,
        }
    }

    fn rows(&self, sql: &str, parameters: &[Value<'_>]) -> Result<Vec<PgRow>, Error> {
        let (sql, parameters) = (sql.to_owned(), owned(parameters));
        self.ask(move |session| session.query(&sql, &parameters))
    }

    fn batch(&self, sql: &'static str) -> Result<(), Error> {
        self.ask(move |session| session.client.batch_execute(sql))
    }

    /// The one text that a question to the server itself is answered with.
    fn told(&self, sql: &str) -> Result<String, Error> {
        let rows = self.rows(sql, &[])?;
        let row = rows.first().ok_or_else(|| Error::Server { what: "no answer".into() })?;
        Ok(Row::Postgres(row).text(0)?.to_owned())
    }
}

/// What a connection answers; with an error, whether it is closed.
type Answer<T> = Result<T, (Error, bool)>;

fn answer<T>(session: &mut Session, work: impl FnOnce(&mut Session) -> Result<T, postgres::Error>) -> Answer<T> {
    work(session).map_err(|error| (said(&error), session.client.is_closed()))
}

/// The number in a column of either size; `None` where there is nothing.
pub(super) fn int(row: &PgRow, n: usize) -> Result<Option<i64>, Error> {
    let narrow = row.columns().get(n).is_some_and(|column| *column.type_() == Type::INT4);
    let found = if narrow { row.try_get::<_, Option<i32>>(n).map(|n| n.map(i64::from)) } else { row.try_get(n) };
    found.map_err(|error| said(&error))
}

pub(super) fn blob(row: &PgRow, n: usize) -> Result<&[u8], Error> {
    row.try_get(n).map_err(|error| said(&error))
}

pub(super) fn words(row: &PgRow, n: usize) -> Result<&str, Error> {
    row.try_get(n).map_err(|error| said(&error))
}

impl Store for Postgres {
    fn query(&self, sql: &str, parameters: &[Value<'_>], each: Each<'_>) -> Result<(), Error> {
        for row in &self.rows(sql, parameters)? {
            if each(&Row::Postgres(row))?.is_break() {
                break;
            }
        }
        Ok(())
    }

    fn scan(&self, sql: &str, from: i64, each: Each<'_>) -> Result<(), Error> {
        let mut page = PAGE_ROWS.0;
        let mut rows = self.rows(sql, &[from.into(), page.into()])?;
        loop {
            let last = rows.last().map(|row| int(row, 0)).transpose()?.flatten();
            let next = last.and_then(|last| last.checked_add(1)).filter(|_| rows.len() as i64 == page);
            let bytes = rows.iter().map(PgRow::raw_size_bytes).sum::<usize>();
            page = ((PAGE_BYTES * rows.len()).div_ceil(bytes.max(1)) as i64).clamp(1, PAGE_ROWS.1);
            // The next page is on its way while this one is visited.
            let coming = next.map(|next| self.fetch(sql, next, page)).transpose()?;
            for row in &rows {
                if each(&Row::Postgres(row))?.is_break() {
                    return Ok(());
                }
            }
            match coming {
                None => return Ok(()),
                Some(coming) => rows = self.answered(coming.recv().ok())?,
            }
        }
    }

    fn execute(&self, sql: &str, parameters: &[Value<'_>]) -> Result<u64, Error> {
        self.sealed.take();
        let (sql, parameters) = (sql.to_owned(), owned(parameters));
        self.ask(move |session| session.execute(&sql, &parameters))
    }

    fn begin_snapshot(&self) -> Result<(), Error> {
        self.sealed.take();
        self.batch("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
        self.within.set(true);
        Ok(())
    }

    fn end_snapshot(&self) {
        drop(self.rollback());
    }

    fn is_blank(&self) -> Result<bool, Error> {
        let sql = "SELECT count(*), current_schema() IS NULL FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
                   WHERE n.nspname = current_schema()";
        let rows = self.rows(sql, &[])?;
        let Some(row) = rows.first() else { return Ok(true) };
        if row.get(1) {
            return Err(Error::invalid("the database has no schema of the name in its search path: create it first"));
        }
        Ok(int(row, 0)? == Some(0))
    }

    fn check_version(&self) -> Result<(), Error> {
        let mark = self.told("SELECT coalesce(obj_description(to_regclass('meta'), 'pg_class'), '')")?;
        match mark.strip_prefix(MARK_PREFIX) {
            None => Err(Error::broken(None, "the store is not a journal: it needs a schema of its own")),
            Some(_) if mark != MARK => {
                Err(Error::invalid(format!("the store is a {mark}; this program reads version {VERSION}")))
            }
            // Nobody writes to tables that somebody made less durable, or that act on their own.
            Some(_) if self.writes => self.check_whole(),
            Some(_) => Ok(()),
        }
    }

    fn check_whole(&self) -> Result<(), Error> {
        let rows = self.rows(DESCRIBE, &[])?;
        let found = rows.iter().map(|row| Ok((words(row, 0)?.to_owned(), words(row, 1)?.to_owned())));
        super::compare_schema(&found.collect::<Result<Vec<_>, Error>>()?, &DESCRIBED)
    }

    fn begin_tables(&self) -> Result<(), Error> {
        self.batch("BEGIN")?;
        self.within.set(true);
        // Two nodes must not make the tables at once.
        self.rows("SELECT pg_advisory_xact_lock($1)", &[node_lock("").into()])?;
        if !self.is_blank()? {
            return Err(Error::invalid(
                "another node made this journal meanwhile: copy its keys here, then open it again",
            ));
        }
        CREATE.into_iter().try_for_each(|sql| self.batch(sql))
    }

    fn begin(&self) -> Result<String, Error> {
        self.batch("BEGIN")?;
        self.within.set(true);
        let rows = self.rows("SELECT value FROM meta WHERE name = $1 FOR UPDATE", &[META_CHECKPOINT.into()])?;
        let lost = || Error::broken(None, "the store has lost its checkpoint");
        text(blob(rows.first().ok_or_else(lost)?, 0)?.to_vec(), META_CHECKPOINT)
    }

    fn put(&self, rows: Rows) -> Result<(), Error> {
        self.once(move |session| put(session, &rows))
    }

    fn commit(&self) -> Result<(), Error> {
        let unsure = |why: String| Error::Unsure { why };
        self.within.set(false);
        let link = self.link.borrow().clone().ok_or_else(|| unsure("the connection is gone".into()))?;
        let answer = link.run(|session| {
            session.warning();
            session.client.batch_execute("NOTIFY bolwerk_journal; COMMIT").map(|()| session.warning())
        });
        match answer {
            Some(Ok(None)) => return Ok(()),
            _ => drop(self.link.take()),
        }
        Err(unsure(match answer {
            Some(Ok(Some(warning))) => format!("the server committed with a warning: {warning}"),
            Some(Err(error)) => chain(&error),
            _ => "the connection was lost".into(),
        }))
    }

    fn rollback(&self) -> Result<(), Error> {
        if self.within.replace(false) {
            let link = self.link.borrow().clone();
            let done = link.is_some_and(|link| {
                link.run(|session| session.client.batch_execute("ROLLBACK").is_ok()).unwrap_or(false)
            });
            // A connection that is dropped takes its transaction with it: COMMIT was never sent.
            if !done {
                self.link.replace(None);
            }
        }
        Ok(())
    }

    fn put_blob(&self, stored: &Hash, bytes: Vec<u8>) -> Result<(), Error> {
        let stored = *stored;
        self.once(move |session| {
            let sql = "INSERT INTO chunks (stored, number, bytes) VALUES ($1, $2, $3)";
            let statement = session.statement(sql)?;
            for (number, chunk) in bytes.chunks(CHUNK_BYTES).enumerate() {
                session.client.execute(&statement, &[&stored.as_slice(), &(number as i64), &chunk])?;
            }
            Ok(())
        })
    }

    fn blob(&self, stored: &Hash, limit: u64) -> Result<Option<Vec<u8>>, Error> {
        let mut bytes = Vec::new();
        for number in 0i64.. {
            let sql = "SELECT bytes FROM chunks WHERE stored = $1 AND number = $2";
            let rows = self.rows(sql, &[stored.as_slice().into(), number.into()])?;
            let Some(row) = rows.first() else { return Ok((number > 0).then_some(bytes)) };
            bytes.extend_from_slice(blob(row, 0)?);
            if bytes.len() as u64 > limit {
                break;
            }
        }
        Err(Error::invalid(format!("a part in the store is larger than {limit} bytes")))
    }

    fn unlink(&self, _: &[Hash]) {}

    fn orphans(&self) -> Result<Vec<PathBuf>, Error> {
        Ok(Vec::new())
    }

    fn scrub(&self) {}

    fn again(&self) -> Result<Box<dyn Store>, Error> {
        Ok(Box::new(Postgres::open_for_reading(&self.dir, self.server.clone())?))
    }

    fn watch(&self, timeout: Duration) -> Result<(), Error> {
        self.ask(move |session| {
            if !session.listening {
                session.client.batch_execute("LISTEN bolwerk_journal")?;
                session.listening = true;
                return Ok(());
            }
            let mut notifications = session.client.notifications();
            let heard = notifications.timeout_iter(timeout).next()?;
            // One look at the journal answers all of them.
            while heard.is_some() && notifications.iter().next()?.is_some() {}
            Ok(())
        })
    }

    fn notes_part(&self, key: u64, seq: u64, number: u64) -> Result<bool, Error> {
        if !self.sealed.borrow().entries.contains(&seq) {
            let entries = seq..seq + SEALED_ENTRIES;
            let sql = "SELECT key, seq, number FROM sealed WHERE seq >= $1 AND seq < $2";
            let rows = self.rows(sql, &[entries.start.into(), entries.end.into()])?;
            let rows = rows.iter().map(|row| {
                let row = Row::Postgres(row);
                Ok((row.number(0)?, row.number(1)?, row.number(2)?))
            });
            let rows = rows.collect::<Result<_, Error>>()?;
            *self.sealed.borrow_mut() = Sealed { entries, rows };
        }
        Ok(self.sealed.borrow().rows.contains(&(key, seq, number)))
    }

    fn node(&self) -> Option<&str> {
        Some(&self.server.node)
    }

    fn runs(&self, node: &str) -> Result<bool, Error> {
        let sql = "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database \
                   WHERE d.datname = current_database() AND l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 \
                   AND l.classid::bigint << 32 | l.objid::bigint = $1";
        let rows = self.rows(sql, &[node_lock(node).into()])?;
        Ok(rows.first().map(|row| int(row, 0)).transpose()?.flatten() > Some(0))
    }

    fn hold_duty(&self) -> Result<bool, Error> {
        // The lock is the session's: one that was made anew meanwhile asks anew.
        let sql = "WITH duty AS (SELECT hashtextextended('bolwerk/duty ' || current_schema(), 0) AS n) \
                   SELECT EXISTS (SELECT 1 FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory' AND objsubid = 1 \
                   AND classid::bigint << 32 | objid::bigint = n) OR pg_try_advisory_lock(n) FROM duty";
        let rows = self.rows(sql, &[])?;
        rows.first().map_or(Ok(false), |row| row.try_get(0).map_err(|error| said(&error)))
    }

    fn put_keys(&self, batch: u64, rows: &[(u64, Vec<u8>)]) -> Result<(), Error> {
        let rows = rows.to_vec();
        self.once(move |session| {
            let sql =
                "INSERT INTO keys (id, batch, wrapped) SELECT a, $1, b FROM unnest($2::bigint[], $3::bytea[]) x (a, b)";
            let statement = session.statement(sql)?;
            let (ids, wrapped) = (ints(&rows, |row| row.0), blobs(&rows, |row| &row.1));
            session.client.execute(&statement, &[&(batch as i64), &ids, &wrapped]).map(drop)
        })
    }
}

fn ints<T>(rows: &[T], read: impl Fn(&T) -> u64) -> Vec<i64> {
    rows.iter().map(|row| read(row) as i64).collect()
}

fn blobs<T>(rows: &[T], read: impl Fn(&T) -> &[u8]) -> Vec<&[u8]> {
    rows.iter().map(read).collect()
}

/// One statement for all rows of a group.
fn put(session: &mut Session, rows: &Rows) -> Result<(), postgres::Error> {
    let sql = "
        WITH a AS (INSERT INTO entries (seq, hash, leaf, body, small)
                SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bytea[], $4::bytea[], $5::bytea[])),
            b AS (INSERT INTO bulk (id, stored) SELECT * FROM unnest($6::bigint[], $7::bytea[])),
            c AS (INSERT INTO sealed (key, seq, number) SELECT * FROM unnest($8::bigint[], $9::bigint[], $10::bigint[])),
            d AS (INSERT INTO files (stored, seq, number) SELECT * FROM unnest($11::bytea[], $12::bigint[], $13::bigint[]))
        INSERT INTO tiles (id, hashes) SELECT * FROM unnest($14::bigint[], $15::bytea[])";
    let statement = session.statement(sql)?;
    let (entries, bulk, sealed, files, tiles) = (&rows.entries, &rows.bulk, &rows.sealed, &rows.files, &rows.tiles);
    session.client.execute(
        &statement,
        &[
            &ints(entries, |row| row.seq),
            &blobs(entries, |row| &row.hash),
            &blobs(entries, |row| &row.leaf),
            &blobs(entries, |row| &row.body),
            &blobs(entries, |row| &row.small),
            &ints(bulk, |row| row.0 as u64),
            &blobs(bulk, |row| &row.1),
            &ints(sealed, |row| row.0),
            &ints(sealed, |row| row.1),
            &ints(sealed, |row| row.2),
            &blobs(files, |row| &row.0),
            &ints(files, |row| row.1),
            &ints(files, |row| row.2),
            &ints(tiles, |row| row.0 as u64),
            &blobs(tiles, |row| &row.1),
        ],
    )?;
    Ok(())
}
