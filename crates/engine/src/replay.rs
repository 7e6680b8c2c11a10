//! From a folder to the desk in memory: the newest snapshot that fits, then every fact after it. One thread reads, opens and understands
//! the entries, another lets them happen.

use crate::engine::OpenError;
use crate::snapshots::{self, Unfit};
use desk::Desk;
use desk::fact::{Fact, Subject};
use desk::ids::Timestamp;
use desk::register::Register;
use journal::{KeyId, Reader, SNAPSHOTS_KIND, Stored};
use std::collections::{BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::mpsc::{SyncSender, sync_channel};

/// Entries handed from the reading thread to the other one at a time.
const BATCH_ENTRIES: usize = 512;
/// Such batches on their way, at most.
const BATCHES_MAX: usize = 8;

/// The desk of a folder and what the writer must know to go on.
pub(crate) struct Replayed {
    pub(crate) desk: Desk,
    /// Which key seals whose personal data.
    pub(crate) keys: HashMap<Subject, KeyId>,
    /// Which keys seal snapshots.
    pub(crate) snapshot_keys: BTreeSet<KeyId>,
    /// When the newest entry was recorded.
    pub(crate) last: Timestamp,
    /// Number of entries that it is made of.
    pub(crate) position: u64,
    /// Number of entries of the snapshot that it began with; 0 without one.
    pub(crate) began: u64,
}

/// An entry, understood.
struct Understood {
    seq: u64,
    at: Timestamp,
    /// The key of its sealed part, when that could be opened.
    key: Option<KeyId>,
    what: What,
}

enum What {
    Fact(Box<Fact>),
    SnapshotKey,
    /// The journal's own.
    Other,
}

type Batch = Result<Vec<Understood>, OpenError>;

impl Replayed {
    /// Of no entries.
    pub(crate) fn nothing() -> Replayed {
        Replayed {
            desk: Desk::new(Register::default()),
            keys: HashMap::new(),
            snapshot_keys: BTreeSet::new(),
            last: Timestamp(0),
            position: 0,
            began: 0,
        }
    }

    /// Lets the entries up to number `until` (all without one) happen too.
    pub(crate) fn go_on(&mut self, reader: &Reader, until: Option<u64>) -> Result<(), OpenError> {
        let from = self.position;
        let (send, batches) = sync_channel::<Batch>(BATCHES_MAX);
        std::thread::scope(|scope| {
            let applying = std::thread::Builder::new().name("replay".to_owned()).spawn_scoped(scope, || {
                let replayed = &mut *self;
                batches.into_iter().try_for_each(|batch| {
                    batch?.into_iter().for_each(|entry| replayed.take(entry));
                    Ok::<(), OpenError>(())
                })
            })?;
            let read = read_ahead(reader, from, until.unwrap_or(u64::MAX), send);
            let applied = applying.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            applied.and(read)
        })
    }

    fn take(&mut self, entry: Understood) {
        let Understood { seq, at, key, what } = entry;
        (self.last, self.position) = (at, seq + 1);
        match (what, key) {
            (What::Fact(fact), key) => {
                if let Some(key) = key {
                    self.keys.insert(fact.subject(), key);
                }
                self.desk.apply(seq, at, &fact);
            }
            (What::SnapshotKey, Some(key)) => drop(self.snapshot_keys.insert(key)),
            (What::SnapshotKey, None) | (What::Other, _) => {}
        }
    }
}

/// Reads and understands the entries `from..until`. Ends early when nobody takes them any more.
fn read_ahead(reader: &Reader, from: u64, until: u64, send: SyncSender<Batch>) -> Result<(), OpenError> {
    let mut batch = Vec::with_capacity(BATCH_ENTRIES);
    reader.visit(from, &mut |stored| {
        if stored.seq >= until {
            return ControlFlow::Break(());
        }
        match understood(stored) {
            Ok(entry) => batch.push(entry),
            // Whoever lets things happen meets it in its turn, and says so.
            Err(error) => {
                drop(send.send(Ok(std::mem::take(&mut batch))).and_then(|()| send.send(Err(error))));
                return ControlFlow::Break(());
            }
        }
        let full = batch.len() >= BATCH_ENTRIES;
        if full && send.send(Ok(std::mem::replace(&mut batch, Vec::with_capacity(BATCH_ENTRIES)))).is_err() {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    })?;
    // Nobody there: the other side failed, and tells.
    drop(send.send(Ok(batch)));
    Ok(())
}

fn understood(stored: Stored) -> Result<Understood, OpenError> {
    let what = match fact_of(&stored)? {
        Some(fact) => What::Fact(Box::new(fact)),
        None if stored.kind == SNAPSHOTS_KIND => What::SnapshotKey,
        None => What::Other,
    };
    Ok(Understood { seq: stored.seq, at: Timestamp(stored.recorded_at), key: open_key(&stored), what })
}

/// The fact of an entry; `None` for the journal's own entries.
pub(crate) fn fact_of(stored: &Stored) -> Result<Option<Fact>, OpenError> {
    if stored.kind.starts_with("journal.") {
        return Ok(None);
    }
    let sealed = stored.parts.first().and_then(|part| part.content.as_deref());
    let fact = Fact::from_written(&stored.kind, stored.version, &stored.body, sealed);
    fact.map(Some).map_err(|why| OpenError::Fact { seq: stored.seq, why })
}

/// The key of an entry's sealed part. One that does not open was erased: its key must never seal anything again.
pub(crate) fn open_key(stored: &Stored) -> Option<KeyId> {
    stored.parts.first().filter(|part| part.content.is_some()).map(|part| part.key)
}

/// The desk of a folder as it is on disk now. A snapshot that does not fit is thrown away, or left to whoever runs the desk.
pub(crate) fn replay(reader: &Reader, dir: &Path, unfit: Unfit) -> Result<Replayed, OpenError> {
    let mut replayed = snapshots::newest(reader, dir, unfit).unwrap_or_else(Replayed::nothing);
    replayed.go_on(reader, None)?;
    Ok(replayed)
}
