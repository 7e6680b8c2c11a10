//! SQLite's write-ahead log, moved into the store by a thread beside the writer, so that commits do not wait for it.
//!
//! SQLite would do this inside a commit, and would keep to itself that a sync failed meanwhile.

use std::cell::{Cell, OnceCell};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread::{Builder, JoinHandle};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::sqlite::BUSY;
use crate::Error;

/// Bytes that go into the log before the thread moves them.
const MOVE_BYTES: usize = 8 << 20;
/// Bytes after which the writer moves what the thread has left. Only when all is moved does the log begin anew.
const RENEW_BYTES: usize = 64 << 20;

/// The log of one writer.
pub(super) struct Log {
    path: PathBuf,
    /// Bytes since the thread was last asked, and since the writer last moved the rest.
    since: [Cell<usize>; 2],
    /// Why a move failed: from then on nobody knows what of the store is on the disk.
    failed: Arc<OnceLock<String>>,
    /// Started when there is something to move.
    thread: OnceCell<Option<Thread>>,
}

struct Thread {
    asked: SyncSender<()>,
    handle: JoinHandle<()>,
}

impl Log {
    pub fn new(database: &Path) -> Log {
        Log { path: database.to_path_buf(), since: Default::default(), failed: Arc::default(), thread: OnceCell::new() }
    }

    /// Refuses once a move has failed. What was committed is in the log, and is moved again after a restart.
    pub fn check(&self) -> Result<(), Error> {
        match self.failed.get() {
            Some(why) => Err(Error::Poisoned { why: why.clone() }),
            None => Ok(()),
        }
    }

    /// To be called after each commit, with the bytes it wrote.
    pub fn grew(&self, db: &Connection, bytes: usize) {
        let [asked, rest] = [&self.since[0], &self.since[1]].map(|since| {
            since.set(since.get().saturating_add(bytes));
            since.get()
        });
        if asked >= MOVE_BYTES {
            self.since[0].set(0);
            if let Some(thread) = self.thread.get_or_init(|| self.start()) {
                // Whoever is asked already looks again when it is done.
                let _ = thread.asked.try_send(());
            }
        }
        if rest >= RENEW_BYTES && self.move_now(db, Mode::Passive) {
            self.since[1].set(0);
        }
    }

    /// Moves all that lies in the log and empties it.
    pub fn empty(&self, db: &Connection) {
        self.move_now(db, Mode::Truncate);
    }

    fn move_now(&self, db: &Connection, mode: Mode) -> bool {
        move_log(db, mode).unwrap_or_else(|why| {
            drop(self.failed.set(why));
            false
        })
    }

    /// Where no thread can be started, the writer does all of it.
    fn start(&self) -> Option<Thread> {
        let (asked, asks) = sync_channel(1);
        let (path, failed) = (self.path.clone(), Arc::clone(&self.failed));
        let handle = Builder::new().name("log".into()).spawn(move || attend(&path, &asks, &failed)).ok()?;
        Some(Thread { asked, handle })
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        if let Some(Thread { asked, handle }) = self.thread.take().flatten() {
            drop(asked);
            drop(handle.join());
        }
    }
}

/// Moves the log whenever asked, until nobody is left to ask.
fn attend(path: &Path, asks: &Receiver<()>, failed: &OnceLock<String>) {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = Connection::open_with_flags(path, flags).and_then(|db| {
        db.busy_timeout(BUSY)?;
        db.pragma_update(None, "synchronous", "FULL")?;
        Ok(db)
    });
    // Without a connection (as many files as may be open) the writer does all of it.
    let Ok(db) = opened else { return };
    for () in asks {
        if let Err(why) = move_log(&db, Mode::Passive) {
            drop(failed.set(why));
            return;
        }
    }
}

#[derive(Clone, Copy)]
enum Mode {
    /// As much as nobody still reads or is writing.
    Passive,
    /// All, waiting for those who read.
    Truncate,
}

/// Whether nobody else was at it. An error says what failed for good: a full disk, or a lock, is no failure, as the log keeps all.
fn move_log(db: &Connection, mode: Mode) -> Result<bool, String> {
    let sql = match mode {
        Mode::Passive => "PRAGMA wal_checkpoint(PASSIVE)",
        Mode::Truncate => "PRAGMA wal_checkpoint(TRUNCATE)",
    };
    match db.query_row(sql, [], |row| row.get::<_, i64>(0)) {
        Ok(busy) => Ok(busy == 0),
        Err(error) => match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull | ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Ok(false),
            _ => Err(format!("the write-ahead log cannot be moved into the store: {error}")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(dir: &Path) -> Connection {
        let db = Connection::open(dir.join("journal.db")).unwrap();
        db.execute_batch("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; CREATE TABLE t (b BLOB)").unwrap();
        db
    }

    #[test]
    fn a_log_that_grows_is_moved_and_begins_anew() {
        let dir = tempfile::tempdir().unwrap();
        let db = store(dir.path());
        let log = Log::new(&dir.path().join("journal.db"));
        let bytes = 1 << 20;
        let mut longest = 0;
        for _ in 0..200 {
            db.execute("INSERT INTO t VALUES (zeroblob(?1))", [bytes as i64]).unwrap();
            log.grew(&db, bytes);
            log.check().unwrap();
            longest = longest.max(dir.path().join("journal.db-wal").metadata().unwrap().len());
        }
        assert!(longest < 2 * RENEW_BYTES as u64, "{longest} bytes for 200 MiB");
        assert!(log.thread.get().is_some());
        drop(log);
        assert_eq!(db.query_row("SELECT sum(length(b)) FROM t", [], |row| row.get::<_, i64>(0)).unwrap(), 200 << 20);
    }

    #[test]
    fn a_move_that_fails_is_remembered() {
        let dir = tempfile::tempdir().unwrap();
        let db = store(dir.path());
        let log = Log::new(&dir.path().join("journal.db"));
        log.check().unwrap();
        // Whoever still reads keeps the log from being emptied, which is no failure …
        let mut reading = db.prepare("SELECT 1 UNION SELECT 2").unwrap();
        let mut rows = reading.query([]).unwrap();
        rows.next().unwrap();
        log.empty(&db);
        log.check().unwrap();
        drop(rows);
        // … a store that cannot be written is one.
        db.execute("INSERT INTO t VALUES (zeroblob(10))", []).unwrap();
        let reader = Connection::open_with_flags(dir.path().join("journal.db"), OpenFlags::SQLITE_OPEN_READ_ONLY);
        log.empty(&reader.unwrap());
        let refused = log.check().unwrap_err().to_string();
        assert!(refused.contains("cannot be moved") && refused.contains("restart"), "{refused}");
    }
}
