//! PostgreSQL: one database for several nodes. Appends are serialised by the lock on one row, the stored checkpoint.
//!
//! An append is durable when `COMMIT` was answered without a warning: the server flushed it, and its synchronous standby did
//! where there is one. A wait for the standby that was cancelled answers with a warning, and is no acknowledgement. Before
//! `COMMIT` is sent nothing is ever unknown: a connection that breaks takes its transaction with it.

mod link;
mod schema;

use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use postgres::config::TargetSessionAttrs;
use postgres::error::SqlState;
use postgres::fallible_iterator::FallibleIterator;
use postgres::types::Type;
use postgres::{Config, Row as PgRow};
use sha2::{Digest, Sha256};

use self::link::{Link, Owned, Session, owned};
use self::schema::{CREATE, DESCRIBE, DESCRIBED, MARK, MARK_PREFIX};
use super::{Each, META_CHECKPOINT, Row, Rows, Server, Store, Value, text};
use crate::Error;
use crate::leaf::Hash;

/// Oldest server that is used, as the server counts versions.
const SERVER_VERSION_MIN: i64 = 150_000;
/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(10);
/// After this long without an answer to what was sent, or a sign of life, a connection counts as broken.
const BROKEN_AFTER: Duration = Duration::from_secs(30);
/// How long to wait for another node's append.
const LOCK_WAIT: Duration = Duration::from_secs(20);
/// How long to wait for this node's earlier connection to go.
const NODE_WAIT: Duration = Duration::from_secs(5);
/// The server ends a writer's transaction that says nothing for so long, so that one node cannot hold up the others.
const SILENT_MAX: Duration = Duration::from_secs(20);
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
        Postgres { dir: dir.to_path_buf(), server, writes, link: RefCell::new(None), within: Cell::new(false) }
    }

    /// The connection, made anew when there is none.
    fn link(&self) -> Result<Arc<Link>, Error> {
        if let Some(link) = &*self.link.borrow() {
            return Ok(Arc::clone(link));
        }
        if self.within.get() {
            return Err(Error::Away { why: "the connection broke in the middle of a transaction".into() });
        }
        let (config, writes, node) = (self.config()?, self.writes, self.server.node.clone());
        let link = Arc::new(Link::open(config, move |session| settle(session, writes, &node))?);
        *self.link.borrow_mut() = Some(Arc::clone(&link));
        Ok(link)
    }

    fn config(&self) -> Result<Config, Error> {
        let mut config: Config =
            self.server.url.parse().map_err(|_| Error::invalid("the connection string cannot be read"))?;
        if config.get_application_name().is_none() {
            config.application_name("bolwerk");
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(BROKEN_AFTER);
        }
        config.keepalives_idle(config.get_keepalives_idle().min(BROKEN_AFTER));
        // Of several hosts the one that can be written: a standby may lag, and tells nobody of new entries.
        if config.get_hosts().len() > 1 && config.get_target_session_attrs() == TargetSessionAttrs::Any {
            config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
        Ok(config)
    }

    /// Runs `work` once; a connection that breaks is dropped.
    fn once<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Session) -> Result<T, postgres::Error> + Send + 'static,
    ) -> Result<T, Error> {
        let link = self.link()?;
        let answer = link.run(move |session| work(session).map_err(|error| (said(&error), session.client.is_closed())));
        let lost = || Error::Away { why: "the connection was lost".into() };
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
                Err(lost())
            }
        }
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

/// Makes a new connection fit for us.
fn settle(session: &mut Session, writes: bool, node: &str) -> Result<(), Error> {
    let silent = if writes { SILENT_MAX.as_millis() } else { 0 };
    let broken = BROKEN_AFTER.as_secs();
    let ask = |session: &mut Session, sql: &str| session.client.batch_execute(sql).map_err(|error| said(&error));
    // Warnings must come, or a cancelled wait for the standby would look like an acknowledgement.
    ask(
        session,
        &format!(
            "SET client_min_messages = warning; SET statement_timeout = 0; \
             SET idle_in_transaction_session_timeout = {silent}; SET tcp_keepalives_idle = {broken}; \
             SET client_connection_check_interval = 5000; SET default_transaction_isolation = 'read committed'"
        ),
    )?;
    let show = |session: &mut Session, name: &str| -> Result<String, Error> {
        let rows = session.query(&format!("SELECT current_setting('{name}')"), &[]).map_err(|error| said(&error))?;
        Ok(rows.first().map(|row| row.get(0)).unwrap_or_default())
    };
    let version: i64 = show(session, "server_version_num")?.parse().unwrap_or(0);
    if version < SERVER_VERSION_MIN {
        return Err(Error::invalid(format!("PostgreSQL {} is too old: 15 or later is needed", version / 10_000)));
    }
    if !writes {
        return Ok(());
    }
    for name in ["fsync", "full_page_writes"] {
        if show(session, name)? != "on" {
            return Err(Error::invalid(format!("the server runs with {name} off: what it acknowledges may be lost")));
        }
    }
    if show(session, "transaction_read_only")? == "on" {
        return Err(Error::Away { why: "the server is a standby, or set read-only: it cannot be written now".into() });
    }
    // Neither less nor more than the server's own durability, unless it has less than its disk.
    if show(session, "synchronous_commit")? != "remote_apply" {
        ask(session, "SET synchronous_commit = on")?;
    }
    hold_node(session, node)
}

/// Holds the name of this node as long as the connection lives, so that it writes once only.
fn hold_node(session: &mut Session, node: &str) -> Result<(), Error> {
    let parameters: [Owned; 1] = [Box::new(node_lock(node))];
    wait_for_locks(session, NODE_WAIT)?;
    let held = session.query("SELECT pg_advisory_lock($1)", &parameters);
    match held {
        Ok(_) => wait_for_locks(session, LOCK_WAIT),
        Err(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => Err(Error::Away {
            why: format!(
                "the server still has a connection of node {node}: it waits for its standby, has not noticed that the \
                 connection broke, or another folder has the same name in its store.toml"
            ),
        }),
        Err(error) => Err(said(&error)),
    }
}

fn wait_for_locks(session: &mut Session, wait: Duration) -> Result<(), Error> {
    let sql = format!("SET lock_timeout = {}", wait.as_millis());
    session.client.batch_execute(&sql).map_err(|error| said(&error))
}

/// Number of the lock on the name of a node.
fn node_lock(node: &str) -> i64 {
    let hash = Sha256::new().chain_update(b"bolwerk/node\0").chain_update(node).finalize();
    i64::from_be_bytes(std::array::from_fn(|n| hash[n]))
}

/// What the server said, by what can be done about it.
fn said(error: &postgres::Error) -> Error {
    let Some(db) = error.as_db_error() else { return Error::Away { why: chain(error) } };
    let (code, what) = (db.code(), format!("{} ({})", db.message(), db.code().code()));
    let passing = [
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
        SqlState::CANNOT_CONNECT_NOW,
        SqlState::TOO_MANY_CONNECTIONS,
        SqlState::LOCK_NOT_AVAILABLE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
        SqlState::QUERY_CANCELED,
        SqlState::READ_ONLY_SQL_TRANSACTION,
    ];
    match code {
        _ if passing.contains(code) || code.code().starts_with("08") => Error::Away { why: what },
        code if *code == SqlState::DISK_FULL => Error::Full { what: format!("that of the database server: {what}") },
        code if *code == SqlState::DATA_CORRUPTED || *code == SqlState::INDEX_CORRUPTED => {
            Error::broken(None, format!("the store is damaged: {what}"))
        }
        _ => Error::Server { what },
    }
}

/// An error with its causes; the client's own words never hold a password.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
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
        let (mut from, mut page) = (from, PAGE_ROWS.0);
        loop {
            let rows = self.rows(sql, &[from.into(), page.into()])?;
            for row in &rows {
                if each(&Row::Postgres(row))?.is_break() {
                    return Ok(());
                }
            }
            let last = rows.last().map(|row| int(row, 0)).transpose()?.flatten();
            let Some(next) = last.and_then(|last| last.checked_add(1)).filter(|_| rows.len() as i64 == page) else {
                return Ok(());
            };
            let bytes = rows.iter().map(PgRow::raw_size_bytes).sum::<usize>();
            page = ((PAGE_BYTES * rows.len()).div_ceil(bytes.max(1)) as i64).clamp(1, PAGE_ROWS.1);
            from = next;
        }
    }

    fn execute(&self, sql: &str, parameters: &[Value<'_>]) -> Result<u64, Error> {
        let (sql, parameters) = (sql.to_owned(), owned(parameters));
        self.ask(move |session| session.execute(&sql, &parameters))
    }

    fn begin_snapshot(&self) -> Result<(), Error> {
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
            Some(_) if mark == MARK => Ok(()),
            Some(version) => Err(Error::invalid(format!("the store has version {version}, this program reads {MARK}"))),
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

    fn node(&self) -> Option<&str> {
        Some(&self.server.node)
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
