//! Desks of earlier moments: built from the journal in the background, shared by everybody who looks at the same moment, and dropped when
//! nobody does. Rights are those of today's desk each time somebody looks.

use crate::engine::{Engine, Frozen, Inner, OpenError, WeakEngine};
use crate::replay::fact_of;
use desk::Desk;
use desk::ids::Timestamp;
use desk::past::{Moment, Past};
use journal::Reader;
use parking_lot::{RwLock, RwLockWriteGuard};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Facts in the past desks that are in memory, all together: one large desk, or a few small ones.
const FACTS_MAX: u64 = 250_000;
/// Past desks in memory, at most.
const DESKS_MAX: u64 = 4;
/// A past desk that nobody looked at for so long goes.
const IDLE: Duration = Duration::from_secs(600);
/// One that nobody looked at for so long makes room for another moment that somebody wants.
const REST: Duration = Duration::from_secs(20);
/// After so long of waiting for room it is made all the same, so that nobody waits for ever for those who read on.
const PATIENCE: Duration = Duration::from_secs(60);
/// Words of texts copied under one lock of today's desk: a few milliseconds.
const WORDS_AT_ONCE: u32 = 2000;

/// Why an earlier moment cannot be looked at now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PastFault {
    /// It is being built: ask again in a moment.
    #[error("the desk of that moment is being built: {percent} %")]
    Building {
        /// How far.
        percent: u8,
    },
    /// Others look at other moments, and there is room for no more: ask again in a moment.
    #[error("others look at other moments; this one is next")]
    Waiting,
    /// Nothing stands at that position yet.
    #[error("position {asked} is not in the journal: the newest is {newest}")]
    Beyond {
        /// The position that was asked for.
        asked: u64,
        /// The newest there is.
        newest: u64,
    },
    /// The journal could not be read.
    #[error("the journal could not be read: {0}")]
    Broken(String),
    /// Storage has failed.
    #[error(transparent)]
    Frozen(#[from] Frozen),
}

/// One past desk: being built, or there.
pub(crate) struct Slot {
    moment: Moment,
    /// Facts told so far.
    told: AtomicU64,
    /// Facts to be told.
    of: u64,
    built: OnceLock<Result<RwLock<Past>, String>>,
    ready: Notify,
}

struct Kept {
    slot: Arc<Slot>,
    used: Instant,
}

/// The past desks in memory.
#[derive(Default)]
pub(crate) struct Pasts {
    kept: Vec<Kept>,
    /// Since when somebody waits for room.
    waiting: Option<Instant>,
}

impl Pasts {
    /// The desk of a moment, if it is here or being built.
    fn find(&mut self, moment: Moment) -> Option<Arc<Slot>> {
        let kept = self.kept.iter_mut().find(|k| k.slot.moment == moment && !k.slot.failed())?;
        kept.used = Instant::now();
        Some(kept.slot.clone())
    }

    /// Makes room for one more; whether there is.
    fn room(&mut self, facts: u64) -> bool {
        let most = (FACTS_MAX / facts.max(1)).clamp(1, DESKS_MAX) as usize;
        self.kept.retain(|k| !k.slot.failed());
        if self.kept.len() >= most {
            let patient = self.waiting.get_or_insert_with(Instant::now).elapsed() < PATIENCE;
            let rests = |k: &Kept| k.slot.built.get().is_some() && (!patient || k.used.elapsed() >= REST);
            let oldest = self.kept.iter().enumerate().filter(|(_, k)| rests(k)).min_by_key(|(_, k)| k.used);
            let Some((place, _)) = oldest else { return false };
            self.kept.remove(place);
        }
        self.waiting = None;
        true
    }

    fn forget_idle(&mut self) -> bool {
        self.kept.retain(|k| k.slot.built.get().is_none() || k.used.elapsed() < IDLE);
        self.kept.is_empty()
    }
}

impl Slot {
    fn failed(&self) -> bool {
        matches!(self.built.get(), Some(Err(_)))
    }

    fn percent(&self) -> u8 {
        (self.told.load(Ordering::Relaxed) * 100 / self.of.max(1)).min(99) as u8
    }
}

/// Tells a past desk what stands in the journal from a position on, for as long as somebody wants it.
fn tell(
    past: &mut Past,
    reader: &Reader,
    from: u64,
    until: u64,
    told: &AtomicU64,
    wanted: &dyn Fn() -> bool,
) -> Result<(), OpenError> {
    let mut failed = None;
    if from >= until {
        return Ok(());
    }
    reader.visit(from, &mut |stored| {
        if stored.seq >= until || !wanted() {
            return ControlFlow::Break(());
        }
        told.store(stored.seq + 1, Ordering::Release);
        match fact_of(&stored) {
            Ok(Some(fact)) => past.apply(stored.seq, Timestamp(stored.recorded_at), &fact),
            Ok(None) => {}
            Err(error) => failed = Some(error),
        }
        if failed.is_none() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    failed.map_or(Ok(()), Err)
}

/// An earlier moment of a folder, with today's desk beside it: for lists, also while a server runs.
pub struct Glimpse {
    /// The desk of the moment, under the rights of today's.
    pub past: Past,
    /// Today's.
    pub today: Desk,
}

impl Engine {
    /// The desk of a folder at an earlier moment, without running it.
    pub fn glance_at(data: &Path, moment: Moment) -> Result<Glimpse, OpenError> {
        let today = Engine::glance(data)?;
        let reader = Reader::open(data)?;
        let until = moment.known_at.map_or(today.next_seq(), |last| last.saturating_add(1)).min(today.next_seq());
        let mut past = Past::new(moment);
        tell(&mut past, &reader, 0, until, &AtomicU64::new(0), &|| true)?;
        past.bear(&today);
        Ok(Glimpse { past, today })
    }

    /// Runs `view` on the desk of an earlier moment, and on today's beside it. Waits so long for a desk that is being built; what it saw
    /// is durable when this resolves.
    pub async fn read_past<T>(
        &self,
        moment: Moment,
        wait: Duration,
        view: impl FnOnce(&Desk, &Past) -> T,
    ) -> Result<T, PastFault> {
        let slot = self.slot(moment)?;
        let built = self.built(&slot, wait).await?;
        if moment.known_at.is_none() {
            self.catch_up(&slot).await?;
        }
        let seen = self.read(|today| {
            let past = built.read();
            if past.bears(today) {
                return view(today, &past);
            }
            drop(past);
            let mut past = built.write();
            past.bear(today);
            view(today, &RwLockWriteGuard::downgrade(past))
        });
        Ok(seen.await?)
    }

    /// The desk of a moment, of which the building has begun.
    fn slot(&self, moment: Moment) -> Result<Arc<Slot>, PastFault> {
        let size = *self.inner.durable.borrow();
        if let Some(asked) = moment.known_at.filter(|asked| *asked >= size) {
            return Err(PastFault::Beyond { asked, newest: size.saturating_sub(1) });
        }
        let mut pasts = self.inner.pasts.lock();
        if let Some(slot) = pasts.find(moment) {
            return Ok(slot);
        }
        if !pasts.room(size) {
            return Err(PastFault::Waiting);
        }
        let slot = Arc::new(Slot {
            moment,
            told: AtomicU64::new(0),
            of: moment.known_at.map_or(size, |last| last + 1),
            built: OnceLock::new(),
            ready: Notify::new(),
        });
        let first = pasts.kept.is_empty();
        pasts.kept.push(Kept { slot: slot.clone(), used: Instant::now() });
        drop(pasts);
        let (inner, of) = (Arc::downgrade(&self.inner), slot.clone());
        let started = std::thread::Builder::new().name("past".to_owned()).spawn(move || build(&inner, &of));
        started.map_err(|e| PastFault::Broken(e.to_string()))?;
        if first {
            tokio::spawn(forget_idle(self.downgrade()));
        }
        Ok(slot)
    }

    async fn built<'a>(&self, slot: &'a Slot, wait: Duration) -> Result<&'a RwLock<Past>, PastFault> {
        let until = Instant::now() + wait;
        loop {
            let ready = slot.ready.notified();
            match slot.built.get() {
                Some(Ok(past)) => return Ok(past),
                Some(Err(why)) => return Err(PastFault::Broken(why.clone())),
                None => {}
            }
            if tokio::time::timeout_at(until, ready).await.is_err() && slot.built.get().is_none() {
                return Err(PastFault::Building { percent: slot.percent() });
            }
        }
    }

    /// What was recorded since it was built may have been so at its moment.
    async fn catch_up(&self, slot: &Arc<Slot>) -> Result<(), PastFault> {
        let size = *self.inner.durable.borrow();
        if slot.told.load(Ordering::Acquire) >= size {
            return Ok(());
        }
        let (inner, slot) = (self.inner.clone(), slot.clone());
        let caught = tokio::task::spawn_blocking(move || {
            let Some(Ok(past)) = slot.built.get() else { return Ok(()) };
            let mut past = past.write();
            // Somebody else may have been first.
            let from = slot.told.load(Ordering::Acquire);
            let reader = inner.lend()?;
            let told = tell(&mut past, &reader, from, size, &slot.told, &|| true);
            inner.readers.lock().push(reader);
            told
        });
        let caught = caught.await.map_err(|e| PastFault::Broken(e.to_string()))?;
        caught.map_err(|e| PastFault::Broken(e.to_string()))
    }
}

impl Inner {
    fn lend(&self) -> Result<Reader, OpenError> {
        let pooled = self.readers.lock().pop();
        Ok(match pooled {
            Some(reader) => reader,
            None => Reader::open(&self.data)?,
        })
    }
}

/// Builds a past desk. Whoever closes the desk meanwhile does not wait for it.
fn build(inner: &Weak<Inner>, slot: &Slot) {
    let built = told(inner, slot).map(RwLock::new).map_err(|error| {
        eprintln!("bolwerk: the desk of an earlier moment could not be built: {error}");
        error.to_string()
    });
    // Nobody else sets it.
    drop(slot.built.set(built));
    slot.ready.notify_waiters();
}

fn told(inner: &Weak<Inner>, slot: &Slot) -> Result<Past, OpenError> {
    let mut past = Past::new(slot.moment);
    let Some(reader) = inner.upgrade().map(|inner| inner.lend()).transpose()? else { return Ok(past) };
    tell(&mut past, &reader, 0, slot.of, &slot.told, &|| inner.strong_count() > 0)?;
    let Some(inner) = inner.upgrade() else { return Ok(past) };
    inner.readers.lock().push(reader);
    past.bear(&inner.desk.read());
    let (mut from, mut words) = (0, 1);
    while from < words {
        words = past.take_texts(&inner.desk.read(), from..from + WORDS_AT_ONCE);
        from += WORDS_AT_ONCE;
    }
    Ok(past)
}

/// Drops what nobody looks at any more; ends when nothing is left.
async fn forget_idle(engine: WeakEngine) {
    loop {
        tokio::time::sleep(IDLE / 10).await;
        let Some(engine) = engine.upgrade() else { return };
        if engine.inner.pasts.lock().forget_idle() {
            return;
        }
    }
}
