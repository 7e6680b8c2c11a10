//! The machine while it runs: the engine's heart on a simulated store, its queue, and what its tasks hold in their hands. All of it
//! but the disk is gone after a crash.
//!
//! The order of steps is that of `engine::writer`: take what is queued, decide, make durable, answer, repeat.

use crate::disk::{Disk, Entry};
use crate::people::Act;
use crate::random::Chance;
use crate::reader::InHand;
use crate::store::{Fault, Flaw, SimStore};
use crate::world::Coming;
use desk::Desk;
use desk::command::{Actor, Command};
use desk::fact::{Fact, Subject};
use desk::ids::{ReportId, Timestamp};
use desk::outbox::{Sending, Tried};
use desk::register::Register;
use engine::core::{Core, Decided, Store, StoreError};
use journal::KeyId;
use std::collections::{HashMap, VecDeque};

/// Who waits for the answer to a command.
#[derive(Clone, Debug)]
pub enum Reply {
    /// Nobody: the machine's own first steps.
    Nobody,
    /// A mail server, or a form in a browser.
    Outside(Coming),
    /// A person at the desk.
    Person(Act),
    /// The reader; it makes the text findable then.
    Reader(ReportId, String),
    /// The sender of mail.
    Sender(String),
}

/// A command on its way to the writer.
#[derive(Debug)]
pub struct Job {
    /// Who asks.
    pub actor: Actor,
    /// What.
    pub command: Command,
    /// Who waits.
    pub reply: Reply,
}

/// Commands that were decided together and are not written yet.
#[derive(Debug)]
pub struct Group {
    /// Who waits, one for each.
    pub replies: Vec<Reply>,
    /// What was decided, one for each.
    pub decided: Vec<Decided>,
}

/// A mail of ours in the hands of the sender.
#[derive(Clone, Debug)]
pub struct Conversation {
    /// What is sent.
    pub sending: Sending,
    /// Facts that the desk held when it was picked: they must be durable before it leaves.
    pub seen: u64,
    /// What the peer made of it, and whether it was taken, once it was handed over.
    pub came: Option<(Tried, bool)>,
    /// It is submitted; the answer is awaited.
    pub submitted: bool,
}

/// After the store refused a group, so many commands are written one at a time.
const CAREFUL_COMMANDS: usize = 6;

/// The machine while it runs.
pub struct Machine {
    /// The engine's heart.
    pub core: Core<SimStore>,
    /// The desk in memory.
    pub desk: Desk,
    /// Facts that the desk in memory holds.
    pub applied: u64,
    /// Facts that are durable.
    pub durable: u64,
    /// Why nothing is acknowledged any more.
    pub frozen: Option<String>,
    /// Commands that are still written one at a time, and applied once they are durable.
    pub careful: usize,
    /// Commands that wait.
    pub queue: VecDeque<Job>,
    /// What is decided and not yet written.
    pub group: Option<Group>,
    /// Raw content on its way from the writer to the reader.
    pub passed_on: HashMap<ReportId, Vec<u8>>,
    /// Mails that are being read.
    pub reading: Vec<InHand>,
    /// Mails that are being sent.
    pub sending: Vec<Conversation>,
    /// It reads and sends: of two nodes only one does.
    pub on_duty: bool,
    /// What its clock adds to everybody's, µs.
    pub skew: i64,
}

/// What a start ended in, when it did not succeed.
pub enum NoStart {
    /// The machine died again, or its disk failed.
    Crash(Box<Disk>),
    /// The desk does not open.
    Closed(String),
}

/// What an entry is read back as; `None` for the journal's own.
pub fn read_back(entry: &Entry) -> Result<Option<Fact>, String> {
    if entry.kind.starts_with("journal.") {
        return Ok(None);
    }
    let sealed = entry.parts.first().and_then(|p| p.content.as_deref());
    let fact = Fact::from_written(&entry.kind, entry.version, &entry.body, sealed);
    fact.map(Some).map_err(|why| format!("entry {}: {why}", entry.seq))
}

/// The desk of a disk, and what the writer must know to go on.
struct Replayed {
    desk: Desk,
    keys: HashMap<Subject, KeyId>,
    last: Timestamp,
}

/// A desk as a snapshot keeps it.
pub fn written(desk: &Desk) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    desk.write(&(), &mut bytes).map(|()| bytes).map_err(|why| format!("the desk cannot be written: {why}"))
}

fn read_again(desk: &Desk) -> Result<Desk, String> {
    let read = Desk::read::<()>(&written(desk)?[..]);
    read.map(|((), desk)| desk).map_err(|why| format!("the desk that was written cannot be read: {why}"))
}

/// `snapshot`: goes through a snapshot of the desk before this entry.
fn replay(
    store: &mut SimStore,
    flaw: Flaw,
    snapshot: Option<usize>,
    each: &mut dyn FnMut(&Entry, &Fact),
) -> Result<Replayed, String> {
    let mut replayed = Replayed { desk: Desk::new(Register::default()), keys: HashMap::new(), last: Timestamp(0) };
    for (n, place) in store.order().into_iter().enumerate() {
        if snapshot == Some(n) {
            replayed.desk = read_again(&replayed.desk)?;
        }
        let entry = &store.disk.entries[place];
        replayed.last = Timestamp(entry.at);
        let Some(fact) = read_back(entry)? else { continue };
        if flaw == Flaw::ForgetSent && matches!(fact, Fact::Outbox(desk::outbox::Fact::Sent { .. })) {
            continue;
        }
        if let Some(part) = entry.parts.first().filter(|p| p.content.is_some()) {
            replayed.keys.insert(fact.subject(), part.key);
        }
        replayed.desk.apply(entry.seq, replayed.last, &fact);
        each(entry, &fact);
    }
    Ok(replayed)
}

impl Machine {
    /// Starts on a disk as `engine::engine` does: replay, every other time with a snapshot, then what a crash left undone.
    /// `erase_fault` strikes there.
    pub fn start(
        disk: Disk,
        flaw: Flaw,
        chance: &mut Chance,
        erase_fault: Option<Fault>,
        mut each: impl FnMut(&Entry, &Fact),
    ) -> Result<Machine, NoStart> {
        let own = chance.apart();
        let mut snapshots = own.clone();
        let mut store = SimStore::open(disk, flaw, own);
        let snapshot = snapshots.permille(500).then(|| snapshots.below(store.order().len()));
        let Replayed { desk, keys, last } = replay(&mut store, flaw, snapshot, &mut each).map_err(NoStart::Closed)?;
        let next = store.next_seq();
        store.erase_fault = erase_fault;
        let mut core = Core { store, keys, snapshot_keys: Default::default(), owed: Default::default(), next, last };
        let caught_up = core.catch_up(&desk);
        core.store.erase_fault = None;
        match (caught_up, core.store.refused.take()) {
            (Err(_), Some(why)) => return Err(NoStart::Closed(why)),
            (Err(_), None) => return Err(NoStart::Crash(Box::new(core.store.disk))),
            (Ok(()), _) => {}
        }
        Ok(Machine {
            core,
            desk,
            applied: next,
            durable: next,
            frozen: None,
            careful: 0,
            queue: VecDeque::new(),
            group: None,
            passed_on: HashMap::new(),
            reading: Vec::new(),
            sending: Vec::new(),
            on_duty: true,
            skew: 0,
        })
    }

    /// Applies what another node wrote, as `engine::writer` does, up to this entry.
    pub fn follow(&mut self, until: u64, mut each: impl FnMut(&Entry, &Fact)) -> Result<(), String> {
        while self.core.next < until {
            let place = usize::try_from(self.core.next).map_err(|why| why.to_string())?;
            let entry = self.core.store.disk.entries.get(place).ok_or_else(|| format!("entry {place} is missing"))?;
            let followed = self.core.follow(&mut self.desk, &entry.stored()).map_err(|error| error.to_string())?;
            let entry = &self.core.store.disk.entries[place];
            followed.iter().for_each(|fact| each(entry, fact));
            (self.applied, self.durable) = (self.core.next, self.core.next);
        }
        Ok(())
    }

    /// With the lead: carries out what another node erased and did not live to carry out.
    pub fn pay(&mut self) -> Result<bool, StoreError> {
        let paid = self.core.pay()?;
        (self.applied, self.durable) = (self.core.next, self.core.next);
        Ok(paid)
    }

    /// Whether it holds everything that is on the disk, which it has in its hand.
    pub fn is_up_to_date(&self) -> bool {
        self.core.next >= self.core.store.next_seq()
    }

    /// Whether everything that the desk in memory holds is durable: only then does a page show.
    pub fn is_settled(&self) -> bool {
        self.durable >= self.applied && self.frozen.is_none()
    }

    /// Takes at most `most` commands from the queue and decides them.
    pub fn decide(&mut self, most: usize, clock: Timestamp, chance: &mut Chance) {
        let most = if self.careful > 0 { 1 } else { most };
        let jobs: Vec<Job> = self.queue.drain(..most.min(self.queue.len())).collect();
        let (replies, commands): (Vec<Reply>, Vec<_>) =
            jobs.into_iter().map(|job| (job.reply, (job.actor, job.command))).unzip();
        let mut commands = commands.into_iter();
        let decided = match (self.careful > 0, commands.next()) {
            (true, Some((actor, command))) => vec![self.core.decide_only(&self.desk, actor, command, clock, chance)],
            (_, first) => self.core.decide(&mut self.desk, first.into_iter().chain(commands), clock, chance),
        };
        self.applied = self.core.next;
        self.group = Some(Group { replies, decided });
    }

    /// Makes the group durable; where it was decided with care, the desk learns of it then.
    pub fn commit(&mut self, group: &mut Group) -> Result<(), StoreError> {
        let passed_on = &mut self.passed_on;
        self.core.commit(&mut group.decided, |report, raw| drop(passed_on.insert(report, raw.to_vec())))?;
        if self.careful > 0 {
            self.careful -= 1;
            self.core.apply(&mut self.desk, &group.decided[0]);
        }
        self.core.destroy(&group.decided)?;
        (self.applied, self.durable) = (self.core.next, self.core.next);
        Ok(())
    }

    /// There was no room: the desk in memory becomes what is durable, and what erasures left undone is done.
    pub fn go_back(&mut self, flaw: Flaw, mut each: impl FnMut(&Entry, &Fact)) -> Result<(), String> {
        let Replayed { desk, keys, last } = replay(&mut self.core.store, flaw, None, &mut each)?;
        (self.desk, self.core.keys, self.core.last) = (desk, keys, last);
        self.core.next = self.core.store.next_seq();
        self.passed_on.clear();
        self.careful = CAREFUL_COMMANDS;
        self.core.catch_up(&self.desk).map_err(|error| error.to_string())?;
        (self.applied, self.durable) = (self.core.next, self.core.next);
        Ok(())
    }

    /// The raw content of a report: passed on, or fetched from the store.
    pub fn raw(&mut self, report: ReportId, seq: u64) -> Option<Vec<u8>> {
        if let Some(raw) = self.passed_on.remove(&report) {
            return Some(raw);
        }
        let entry = self.core.store.disk.entries.get(usize::try_from(seq).ok()?)?;
        entry.parts.get(1)?.content.clone()
    }
}
