//! The one writer: takes what is queued, decides, makes durable, acknowledges, repeats.

use crate::core::{Core, Decided};
use crate::engine::{Done, Event, Fault, Frozen, Inner, Standing, Touched};
use desk::command::{Actor, Command};
use desk::ids::{Random, Timestamp};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::{mpsc, oneshot};

/// Commands decided and committed together, at most.
const GROUP_MAX: usize = 256;
/// Content committed together, bytes, at most; a single larger message still goes through.
const GROUP_BYTES_MAX: usize = 32 << 20;
/// Commands waiting for the writer; beyond it senders wait.
pub(crate) const QUEUE_MAX: usize = 4096;
/// Raw messages up to this size, bytes, go to the reader without a way back through the store.
const PASS_ON_BYTES_MAX: usize = 1 << 20;

type Reply = oneshot::Sender<Result<Done, Fault>>;

/// A command on its way to the writer.
pub(crate) struct Job {
    pub(crate) actor: Actor,
    pub(crate) command: Command,
    pub(crate) reply: Reply,
}

/// The writer's thread.
pub(crate) struct Scribe {
    pub(crate) inner: Arc<Inner>,
    pub(crate) core: Core<journal::Writer>,
}

/// Chance from the machine.
struct Machine;

impl Random for Machine {
    fn fill(&mut self, out: &mut [u8]) {
        getrandom::fill(out).expect("the machine's random source works, or nothing secret can be made");
    }
}

impl Scribe {
    pub(crate) fn run(mut self, mut queue: mpsc::Receiver<Job>) {
        while let Some(first) = queue.blocking_recv() {
            let mut bytes = weight(&first);
            let mut group = vec![first];
            while group.len() < GROUP_MAX && bytes < GROUP_BYTES_MAX {
                let Ok(job) = queue.try_recv() else { break };
                bytes += weight(&job);
                group.push(job);
            }
            match self.inner.frozen() {
                Some(frozen) => refuse(group.into_iter().map(|job| job.reply), &frozen),
                None => self.commit(group),
            }
        }
    }

    fn commit(&mut self, group: Vec<Job>) {
        // A group of readings alone, between two of mails, does not end a flood.
        let mails = group.iter().filter(|job| weight(job) > 0).count();
        let before = self.inner.at_the_door.load(Ordering::Relaxed);
        self.inner.at_the_door.store(mails.max(before / 2), Ordering::Relaxed);
        let (replies, commands): (Vec<Reply>, Vec<_>) =
            group.into_iter().map(|job| (job.reply, (job.actor, job.command))).unzip();
        let mut decided = {
            let mut desk = self.inner.desk.write();
            let decided = self.core.decide(&mut desk, commands.into_iter(), self.inner.clock.now(), &mut Machine);
            self.inner.applied.store(self.core.next, Ordering::Release);
            decided
        };
        let now = self.core.last;
        let passed_on = &self.inner.passed_on;
        let committed = self.core.commit(&mut decided, |report, raw| {
            if raw.len() <= PASS_ON_BYTES_MAX {
                passed_on.put(report, raw);
            }
        });
        if let Err(why) = committed {
            return self.freeze(replies, why, now);
        }
        self.inner.durable.send_replace(self.core.next);
        for (reply, decided) in replies.into_iter().zip(decided) {
            // Whoever asked may have gone away; the facts stand all the same.
            drop(reply.send(self.tell(decided, now)));
        }
        self.inner.wake();
    }

    /// Tells the listeners, and makes the answer for whoever asked.
    fn tell(&self, decided: Decided, now: Timestamp) -> Result<Done, Fault> {
        let decision = decided.answer.map_err(Fault::Refused)?;
        for (seq, recorded) in (decided.first..).zip(&decision.facts) {
            // Nobody listening is no failure.
            drop(self.inner.events.send(Event { seq, at: now, touched: Touched::of(&recorded.fact) }));
        }
        let seq = (!decision.facts.is_empty()).then(|| decided.first + decision.facts.len() as u64 - 1);
        Ok(Done { outcome: decision.outcome, seq, at: now })
    }

    fn freeze(&self, replies: Vec<Reply>, why: String, since: Timestamp) {
        eprintln!("bolwerk: storage failed, nothing more is acknowledged until a checked restart: {why}");
        let frozen = Frozen { since, why };
        self.inner.standing.send_replace(Standing::Frozen(frozen.clone()));
        self.inner.durable.send_modify(|_| {});
        refuse(replies.into_iter(), &frozen);
    }
}

fn refuse(replies: impl Iterator<Item = Reply>, frozen: &Frozen) {
    replies.for_each(|reply| drop(reply.send(Err(Fault::Frozen(frozen.clone())))));
}

fn weight(job: &Job) -> usize {
    match &job.command {
        Command::Intake(desk::intake::Command::Receive(incoming)) => incoming.raw.len(),
        _ => 0,
    }
}
