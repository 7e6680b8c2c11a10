//! The one writer: takes what is queued, decides, makes durable, acknowledges, repeats. Where the store takes nothing, it
//! refuses, goes back to what is durable, and goes on as soon as it can.

use crate::core::{Core, Decided, Store, StoreError, Trouble};
use crate::engine::{Done, Event, Fault, Frozen, Inner, Standing, Touched, WeakEngine};
use crate::replay::{Replayed, replay};
use crate::snapshots::{Keeper, Unfit};
use crate::store::JournalStore;
use desk::command::{Actor, Command};
use desk::fact::Fact;
use desk::ids::{Random, ReportId, Timestamp};
use desk::intake;
use journal::{Reader, Stored};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

/// Commands decided and committed together, at most.
const GROUP_MAX: usize = 256;
/// Content committed together, bytes, at most; a single larger message still goes through.
const GROUP_BYTES_MAX: usize = 32 << 20;
/// Commands waiting for the writer; beyond it senders wait.
pub(crate) const QUEUE_MAX: usize = 4096;
/// Raw messages up to this size, bytes, go to the reader without a way back through the store.
const PASS_ON_BYTES_MAX: usize = 1 << 20;
/// After the store refused a group, so many commands are written one at a time: then nothing has to be taken back.
const CAREFUL_COMMANDS: usize = 64;
/// Entries of other nodes applied under one lock of the desk, at most.
const FOLLOW_ENTRIES: usize = 512;
/// Time between two attempts to go on.
const MEND_AGAIN: Duration = Duration::from_secs(1);

type Reply = oneshot::Sender<Result<Done, Fault>>;

/// What the writer is asked.
pub(crate) enum Job {
    /// To carry out a command.
    Do(Task),
    /// To look whether it can go on, and whether other nodes wrote something.
    Look,
}

/// A command on its way to the writer.
pub(crate) struct Task {
    pub(crate) actor: Actor,
    pub(crate) command: Command,
    pub(crate) reply: Reply,
}

/// What is left to do before anything is written again, the first step first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mending {
    /// Open the store again, which checks it.
    Reopen,
    /// Bring the desk in memory back to what is durable.
    Replay,
    /// Finish what an erasure left undone.
    CatchUp,
}

/// How a writer among others hears of what those wrote.
pub(crate) struct Follows {
    pub(crate) reader: Reader,
    /// Reports that another node read, and the place of that.
    pub(crate) read_elsewhere: mpsc::UnboundedSender<(ReportId, u64)>,
}

/// The writer's thread.
pub(crate) struct Scribe {
    inner: Arc<Inner>,
    core: Core<JournalStore>,
    /// For the writer's own reminders.
    queue: mpsc::WeakSender<Job>,
    runtime: Handle,
    /// Where several nodes write.
    follows: Option<Follows>,
    mending: Option<Mending>,
    /// Commands that are still written one at a time.
    careful: usize,
    /// What the store said last, so that the log says it once.
    said: Option<String>,
    /// `None` where no snapshots are made.
    keeper: Option<Keeper>,
}

/// Chance from the machine.
struct Machine;

impl Random for Machine {
    fn fill(&mut self, out: &mut [u8]) {
        getrandom::fill(out).expect("the machine's random source works, or nothing secret can be made");
    }
}

impl Scribe {
    pub(crate) fn new(
        inner: Arc<Inner>,
        core: Core<JournalStore>,
        keeper: Option<Keeper>,
        queue: mpsc::WeakSender<Job>,
        follows: Option<Follows>,
    ) -> Scribe {
        // Among others, what a crash left undone is done with the lead.
        let mending = follows.is_some().then_some(Mending::CatchUp);
        Scribe { inner, core, queue, runtime: Handle::current(), follows, mending, careful: 0, said: None, keeper }
    }

    pub(crate) fn run(mut self, mut queue: mpsc::Receiver<Job>) {
        while let Some(first) = queue.blocking_recv() {
            let group = gather(first, &mut queue);
            match self.mending {
                Some(_) => self.mend(),
                None if group.is_empty() => self.look(),
                None => {}
            }
            match self.inner.frozen() {
                Some(frozen) => refuse(group.into_iter().map(|task| task.reply), &frozen),
                None if self.careful > 0 => self.write_singly(group),
                None => self.write(group),
            }
            self.snapshot();
        }
    }

    /// Has a snapshot made when one is due: the writer makes sure of its key, no more.
    fn snapshot(&mut self) {
        let position = self.core.next;
        let due = self.keeper.as_ref().is_some_and(|keeper| keeper.is_due(position));
        if !due || self.inner.frozen().is_some() || self.careful > 0 {
            return;
        }
        let ready = self.take_lead().and_then(|()| self.core.ready_for_snapshot());
        self.step_down();
        let Some(keeper) = &mut self.keeper else { return };
        match ready {
            Ok(()) => keeper.begin(position),
            // Nothing was written and nobody was promised anything: a later one will do.
            Err(error) if matches!(error.trouble, Trouble::Full | Trouble::Away) => keeper.later(position),
            Err(error) => self.fail(Vec::new(), error),
        }
    }

    fn write(&mut self, group: Vec<Task>) {
        // A group of readings alone, between two of mails, does not end a flood.
        let mails = group.iter().filter(|task| weight(task) > 0).count();
        let before = self.inner.at_the_door.load(Ordering::Relaxed);
        self.inner.at_the_door.store(mails.max(before / 2), Ordering::Relaxed);
        let (replies, commands): (Vec<Reply>, Vec<_>) =
            group.into_iter().map(|task| (task.reply, (task.actor, task.command))).unzip();
        if let Err(error) = self.take_lead() {
            return self.put_off(replies, &error);
        }
        let mut decided = {
            let mut desk = self.inner.desk.write();
            let decided = self.core.decide(&mut desk, commands.into_iter(), self.inner.clock.now(), &mut Machine);
            self.inner.applied.store(self.core.next, Ordering::Release);
            decided
        };
        match self.make_durable(&mut decided) {
            Ok(()) => self.done(replies, decided),
            Err(error) => self.fail(replies, error),
        }
    }

    /// Each command is decided, made durable, and only then applied: what the store refuses leaves no trace.
    fn write_singly(&mut self, group: Vec<Task>) {
        let mut tasks = group.into_iter();
        while let Some(Task { actor, command, reply }) = tasks.next() {
            match self.decide_and_commit(actor, command) {
                Ok(decided) => self.apply(reply, decided),
                Err(error) => {
                    let replies = std::iter::once(reply).chain(tasks.map(|task| task.reply));
                    return self.put_off(replies.collect(), &error);
                }
            }
            if self.inner.frozen().is_some() || self.careful == 0 {
                break;
            }
        }
        let rest: Vec<Task> = tasks.collect();
        match self.inner.frozen() {
            Some(frozen) => refuse(rest.into_iter().map(|task| task.reply), &frozen),
            None if rest.is_empty() => {}
            None => self.write(rest),
        }
    }

    fn decide_and_commit(&mut self, actor: Actor, command: Command) -> Result<[Decided; 1], StoreError> {
        self.take_lead()?;
        let clock = self.inner.clock.now();
        let decided = self.core.decide_only(&self.inner.desk.read(), actor, command, clock, &mut Machine);
        let mut decided = [decided];
        self.commit(&mut decided)?;
        Ok(decided)
    }

    /// One command is durable, and the desk learns of it.
    fn apply(&mut self, reply: Reply, decided: [Decided; 1]) {
        {
            let mut desk = self.inner.desk.write();
            self.core.apply(&mut desk, &decided[0]);
            self.inner.applied.store(self.core.next, Ordering::Release);
        }
        match self.destroy(&decided) {
            Ok(()) => {
                if decided[0].wrote() {
                    self.careful -= 1;
                }
                self.done(vec![reply], decided.into());
            }
            Err(error) => self.fail(vec![reply], error),
        }
    }

    fn make_durable(&mut self, decided: &mut [Decided]) -> Result<(), StoreError> {
        self.commit(decided)?;
        self.destroy(decided)
    }

    fn destroy(&mut self, decided: &[Decided]) -> Result<(), StoreError> {
        if !decided.iter().any(Decided::erases) {
            return Ok(());
        }
        self.take_lead()?;
        let destroyed = self.core.destroy(decided);
        self.core.store.step_down();
        destroyed
    }

    fn commit(&mut self, decided: &mut [Decided]) -> Result<(), StoreError> {
        let (passed_on, reads) = (&self.inner.passed_on, self.inner.on_duty.is_now());
        let committed = self.core.commit(decided, |report, raw| {
            if reads && raw.len() <= PASS_ON_BYTES_MAX {
                passed_on.put(report, raw);
            }
        });
        // Where nothing was decided nothing was written.
        self.core.store.step_down();
        committed
    }

    /// Where several nodes write: none of the others does from here to the end of the commit, and the desk holds what they wrote.
    fn take_lead(&mut self) -> Result<(), StoreError> {
        if self.follows.is_none() {
            return Ok(());
        }
        loop {
            let size = self.core.store.lead()?;
            self.follow(size).inspect_err(|_| self.core.store.step_down())?;
            // A node that erased something may have died before it destroyed the keys: whoever leads next does it. That ends the lead.
            if !self.core.pay()? {
                return Ok(());
            }
        }
    }

    /// Others may write again; all that the desk holds is durable.
    fn step_down(&mut self) {
        self.core.store.step_down();
        self.inner.applied.store(self.core.next, Ordering::Release);
        self.inner.durable.send_replace(self.core.next);
    }

    /// Looks whether other nodes wrote something.
    fn look(&mut self) {
        let Some(follows) = &self.follows else { return };
        let followed = follows.reader.size().map_err(StoreError::from).and_then(|size| self.follow(size));
        match followed {
            Err(error) => self.put_off(Vec::new(), &error),
            // The server answers again.
            Ok(()) if self.inner.trouble.lock().as_ref().is_some_and(|f| f.trouble == Trouble::Away) => {
                self.takes_again()
            }
            Ok(()) => {}
        }
    }

    /// Applies what other nodes wrote, up to entry `until`.
    fn follow(&mut self, until: u64) -> Result<(), StoreError> {
        while self.core.next < until {
            let Some(follows) = &self.follows else { return Ok(()) };
            let mut news = Vec::new();
            follows.reader.visit(self.core.next, &mut |stored| {
                if stored.seq >= until || news.len() == FOLLOW_ENTRIES {
                    return ControlFlow::Break(());
                }
                news.push(stored);
                ControlFlow::Continue(())
            })?;
            if news.first().is_none_or(|first| first.seq != self.core.next) {
                return Err(StoreError::new(Trouble::Broken, format!("entry {} is missing", self.core.next)));
            }
            self.apply_news(&news)?;
        }
        Ok(())
    }

    fn apply_news(&mut self, news: &[Stored]) -> Result<(), StoreError> {
        let applied: Result<Vec<_>, StoreError> = {
            let mut desk = self.inner.desk.write();
            let applied = news.iter().map(|stored| Ok((stored, self.core.follow(&mut desk, stored)?))).collect();
            self.inner.applied.store(self.core.next, Ordering::Release);
            applied
        };
        self.inner.durable.send_replace(self.core.next);
        for (stored, fact) in applied? {
            self.heard(stored, fact.as_ref())?;
        }
        self.inner.wake();
        Ok(())
    }

    /// What follows from an entry of another node.
    fn heard(&self, stored: &Stored, fact: Option<&Fact>) -> Result<(), StoreError> {
        let Some(follows) = &self.follows else { return Ok(()) };
        match fact {
            None if stored.kind == journal::ERASED_KIND => follows.reader.confirm(self.core.next)?,
            None => {}
            Some(Fact::Intake(intake::Fact::Erased { report, .. })) => drop(self.inner.passed_on.take(*report)),
            // Where nobody listens the desk is closing.
            Some(Fact::Intake(intake::Fact::Read { report, .. })) => {
                let _closing = follows.read_elsewhere.send((*report, stored.seq));
            }
            Some(_) => {}
        }
        if let Some(fact) = fact {
            let (at, touched) = (Timestamp(stored.recorded_at), Touched::of(fact));
            drop(self.inner.events.send(Event { seq: stored.seq, at, touched }));
        }
        Ok(())
    }

    /// What was decided is durable: whoever asked is told.
    fn done(&mut self, replies: Vec<Reply>, decided: Vec<Decided>) {
        self.inner.durable.send_replace(self.core.next);
        if decided.iter().any(Decided::wrote) {
            self.takes_again();
        }
        for (reply, decided) in replies.into_iter().zip(decided) {
            // Whoever asked may have gone away; the facts stand all the same.
            drop(reply.send(self.tell(decided, self.core.last)));
        }
        self.inner.wake();
    }

    fn takes_again(&mut self) {
        *self.inner.trouble.lock() = None;
        if self.said.take().is_some() {
            eprintln!("bolwerk: the storage takes what is written again");
        }
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

    /// Nothing was applied in memory and nothing was written: whoever asked is refused, and the desk stays as it is.
    fn put_off(&mut self, replies: Vec<Reply>, error: &StoreError) {
        if !matches!(error.trouble, Trouble::Full | Trouble::Away) {
            return self.fail(replies, error.clone());
        }
        if error.trouble == Trouble::Full {
            self.careful = CAREFUL_COMMANDS;
        }
        self.inner.passed_on.clear();
        let frozen = self.frozen_by(error);
        refuse(replies.into_iter(), &frozen);
    }

    /// Of a group that is applied in memory it is not certain that it is durable: nothing of it is shown or acknowledged.
    fn fail(&mut self, replies: Vec<Reply>, error: StoreError) {
        self.mending = match error.trouble {
            Trouble::Full | Trouble::Away => Some(Mending::Replay),
            Trouble::Unsure => Some(Mending::Reopen),
            Trouble::Broken => None,
        };
        self.careful = CAREFUL_COMMANDS;
        let frozen = self.frozen_by(&error);
        self.inner.standing.send_replace(Standing::Frozen(frozen.clone()));
        self.inner.durable.send_modify(|_| {});
        refuse(replies.into_iter(), &frozen);
        if self.mending.is_some() {
            self.mend();
        }
    }

    /// What is said of an error; the log has it once.
    fn frozen_by(&mut self, error: &StoreError) -> Frozen {
        let StoreError { trouble, why } = error.clone();
        if self.said.as_ref() != Some(&why) {
            let then = match trouble {
                Trouble::Full | Trouble::Away => "nothing of it was written, and nothing is taken until this ends",
                Trouble::Unsure => "nothing more is acknowledged until the storage is checked",
                Trouble::Broken => "nothing more is acknowledged until a checked restart",
            };
            eprintln!("bolwerk: storage failed, {then}: {why}");
            self.said = Some(why.clone());
        }
        let mut known = self.inner.trouble.lock();
        let since = known.as_ref().map_or_else(|| self.inner.clock.now(), |frozen| frozen.since);
        known.insert(Frozen { since, trouble, why }).clone()
    }

    /// Tries to go on, and has itself reminded when that does not work yet.
    fn mend(&mut self) {
        match self.try_to_mend() {
            Ok(()) => {
                self.mending = None;
                // Whether there is room again only a write says.
                if self.inner.trouble.lock().as_ref().is_some_and(|frozen| frozen.trouble != Trouble::Full) {
                    self.takes_again();
                }
                self.inner.standing.send_replace(Standing::Up);
                self.inner.durable.send_modify(|_| {});
                self.inner.wake();
            }
            Err(error) => {
                let frozen = self.frozen_by(&error);
                match error.trouble {
                    Trouble::Broken => self.mending = None,
                    Trouble::Unsure => self.mending = Some(Mending::Reopen),
                    Trouble::Full | Trouble::Away => {}
                }
                self.inner.standing.send_replace(Standing::Frozen(frozen));
                self.look_again();
            }
        }
    }

    fn try_to_mend(&mut self) -> Result<(), StoreError> {
        if self.mending == Some(Mending::Reopen) {
            self.core.store.reopen()?;
            self.mending = Some(Mending::Replay);
        }
        if self.mending == Some(Mending::Replay) {
            self.go_back()?;
            self.mending = Some(Mending::CatchUp);
        }
        self.take_lead()?;
        let caught_up = self.core.catch_up(&self.inner.desk.read());
        self.step_down();
        caught_up
    }

    /// The desk in memory becomes what is durable.
    fn go_back(&mut self) -> Result<(), StoreError> {
        let reader = self.core.store.reader()?;
        let Replayed { desk, keys, snapshot_keys, last, position, .. } =
            replay(&reader, &self.inner.data, Unfit::Leave)?;
        (self.core.keys, self.core.snapshot_keys) = (keys, snapshot_keys);
        (self.core.last, self.core.next) = (last, position);
        if let Some(follows) = &mut self.follows {
            follows.reader = reader;
            // What was opened with the journal has keys that nobody keeps up to date now.
            self.inner.readers.lock().clear();
        }
        self.inner.passed_on.clear();
        let mut now = self.inner.desk.write();
        *now = desk;
        self.inner.epoch.fetch_add(1, Ordering::AcqRel);
        self.inner.applied.store(self.core.next, Ordering::Release);
        drop(now);
        self.runtime.spawn(crate::reading::index_all(WeakEngine::new(&self.inner, self.queue.clone())));
        Ok(())
    }

    fn look_again(&self) {
        let queue = self.queue.clone();
        self.runtime.spawn(async move {
            tokio::time::sleep(MEND_AGAIN).await;
            if let Some(queue) = queue.upgrade() {
                // Where the writer is gone there is nothing to mend.
                drop(queue.send(Job::Look).await);
            }
        });
    }
}

/// What waits, as much as goes together.
fn gather(first: Job, queue: &mut mpsc::Receiver<Job>) -> Vec<Task> {
    let (mut group, mut bytes, mut next) = (Vec::new(), 0, Some(first));
    while let Some(job) = next {
        if let Job::Do(task) = job {
            bytes += weight(&task);
            group.push(task);
        }
        next = if group.len() < GROUP_MAX && bytes < GROUP_BYTES_MAX { queue.try_recv().ok() } else { None };
    }
    group
}

fn refuse(replies: impl Iterator<Item = Reply>, frozen: &Frozen) {
    replies.for_each(|reply| drop(reply.send(Err(Fault::Frozen(frozen.clone())))));
}

fn weight(task: &Task) -> usize {
    match &task.command {
        Command::Intake(desk::intake::Command::Receive(incoming)) => incoming.raw.len(),
        _ => 0,
    }
}
