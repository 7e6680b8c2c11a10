//! The one clock of a desk. Everything that asks what time it is asks this one, so that a story can be told at its own pace.

use desk::ids::Timestamp;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::UNIX_EPOCH;

const RUNNING: i64 = i64::MIN;

/// The machine's clock, shifted or stopped.
#[derive(Debug)]
pub struct Clock {
    /// Microseconds added to the machine's clock.
    offset: AtomicI64,
    /// Stands still at this moment, unless `RUNNING`.
    still: AtomicI64,
}

impl Default for Clock {
    fn default() -> Clock {
        Clock { offset: AtomicI64::new(0), still: AtomicI64::new(RUNNING) }
    }
}

impl Clock {
    /// Now.
    pub fn now(&self) -> Timestamp {
        match self.still.load(Ordering::Relaxed) {
            RUNNING => Timestamp(machine().saturating_add(self.offset.load(Ordering::Relaxed))),
            still => Timestamp(still),
        }
    }

    /// Stands still at this moment until it is told otherwise.
    pub fn stand_at(&self, moment: Timestamp) {
        self.still.store(moment.0, Ordering::Relaxed);
    }

    /// Runs on from this moment.
    pub fn run_from(&self, moment: Timestamp) {
        self.offset.store(moment.0.saturating_sub(machine()), Ordering::Relaxed);
        self.still.store(RUNNING, Ordering::Relaxed);
    }
}

#[allow(clippy::disallowed_methods, reason = "the one place where the machine's clock is read")]
fn machine() -> i64 {
    match std::time::SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
        Err(before) => -i64::try_from(before.duration().as_micros()).unwrap_or(i64::MAX),
    }
}
