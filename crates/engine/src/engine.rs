//! The handle that everybody holds: read, submit, listen.

use crate::clock::Clock;
use crate::core::{Core, StoreError, Trouble};
use crate::intake::PassedOn;
use crate::nodes::{self, OnDuty};
use crate::outgoing::{self, MailState, Outbound, SinkMail};
use crate::replay::{Replayed, replay};
use crate::senders::Senders;
use crate::snapshots::{self, Keeper, Unfit};
use crate::store::JournalStore;
use crate::writer::{Follows, Job, QUEUE_MAX, Scribe, Task};
use desk::command::{Actor, Command, Outcome, Refusal};
use desk::fact::{Fact, Unreadable};
use desk::house::Language;
use desk::ids::{IncidentId, NoticeId, ReportId, Timestamp};
use desk::outbox::Draft;
use desk::{Desk, Digest};
use hmac::{Hmac, KeyInit, Mac};
use journal::Reader;
use parking_lot::{Mutex, RwLock};
use post::worker::Workers;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, Semaphore, broadcast, mpsc, oneshot, watch};

/// Time before what the storage did not take is tried again.
pub(crate) const AGAIN: Duration = Duration::from_secs(1);
/// Events kept for a listener that is slow; beyond it the listener is told that it missed some and reads afresh.
const EVENTS_MAX: usize = 4096;
/// A mail that was not read after so long is given up on by the worker, which is then killed.
const READ_TIMEOUT: Duration = Duration::from_secs(20);

/// How to run a desk.
pub struct Options {
    /// The folder; created when it is not there.
    pub data: PathBuf,
    /// The desk's clock.
    pub clock: Arc<Clock>,
    /// The mailbox that this desk answers, before first run says so (and whatever it says later).
    pub address: Option<String>,
    /// How mail leaves.
    pub outbound: Outbound,
    /// Who says whether mail is from whom it says.
    pub senders: Senders,
    /// Program and arguments of the process that reads foreign mail.
    pub worker: (PathBuf, Vec<String>),
    /// Such processes at once.
    pub workers: usize,
    /// Program and arguments of the process that makes a snapshot of a folder (which follows as last argument) while the desk runs;
    /// `None`: no snapshots are made.
    pub snapshots: Option<(PathBuf, Vec<String>)>,
}

/// Why a desk cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The journal says why.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// A fact that this program does not know.
    #[error("entry {seq}: {why}")]
    Fact {
        /// Which entry.
        seq: u64,
        /// Why.
        why: Unreadable,
    },
    /// An erasure that a crash interrupted could not be finished.
    #[error("an erasure could not be finished: {0}")]
    Erasure(StoreError),
    /// A thread could not be started.
    #[error("cannot start the writer: {0}")]
    Thread(#[from] std::io::Error),
}

impl From<OpenError> for StoreError {
    fn from(error: OpenError) -> StoreError {
        match error {
            OpenError::Journal(error) => error.into(),
            OpenError::Erasure(error) => error,
            error => StoreError::new(Trouble::Broken, error),
        }
    }
}

/// Storage takes nothing now, so nothing is acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {why}", trouble.plainly())]
pub struct Frozen {
    /// Since when.
    pub since: Timestamp,
    /// What it means, and when it ends.
    pub trouble: Trouble,
    /// What it said.
    pub why: String,
}

/// Why a command was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// By the rules of the desk.
    #[error(transparent)]
    Refused(Refusal),
    /// By the storage.
    #[error(transparent)]
    Frozen(#[from] Frozen),
}

/// A command was carried out, durably.
#[derive(Clone, Debug, PartialEq)]
pub struct Done {
    /// What came of it.
    pub outcome: Outcome,
    /// Sequence number of its last fact; `None` when nothing had to change.
    pub seq: Option<u64>,
    /// When.
    pub at: Timestamp,
}

/// What a fact is about, for those who look at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Touched {
    /// A report.
    Report(ReportId),
    /// An incident.
    Incident(IncidentId),
    /// A mail that leaves.
    Notice(NoticeId),
    /// Accounts, settings.
    Other,
}

impl Touched {
    pub(crate) fn of(fact: &Fact) -> Touched {
        match fact {
            Fact::Intake(fact) => Touched::Report(fact.report()),
            Fact::Incidents(fact) => Touched::Incident(fact.incident()),
            Fact::Outbox(fact) => Touched::Notice(fact.notice()),
            _ => Touched::Other,
        }
    }
}

/// A durable fact, for listeners: they read the desk through their lens to learn what it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its place.
    pub seq: u64,
    /// When it was recorded.
    pub at: Timestamp,
    /// What it is about.
    pub touched: Touched,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Standing {
    Up,
    Frozen(Frozen),
}

/// What the handle, the writer and the tasks share.
pub(crate) struct Inner {
    pub(crate) data: PathBuf,
    pub(crate) desk: RwLock<Desk>,
    /// How often the desk in memory went back to what is durable. Changes only while the desk is locked for writing.
    pub(crate) epoch: AtomicU64,
    /// Number of facts that the desk in memory holds.
    pub(crate) applied: AtomicU64,
    /// Number of facts that are durable.
    pub(crate) durable: watch::Sender<u64>,
    pub(crate) standing: watch::Sender<Standing>,
    /// What the store said when it took nothing, since the first time, until it takes something again.
    pub(crate) trouble: Mutex<Option<Frozen>>,
    pub(crate) events: broadcast::Sender<Event>,
    pub(crate) clock: Arc<Clock>,
    pub(crate) readers: Mutex<Vec<Reader>>,
    pub(crate) pasts: Mutex<crate::past::Pasts>,
    pub(crate) workers: Workers,
    pub(crate) fetching: Semaphore,
    pub(crate) passed_on: PassedOn,
    pub(crate) on_duty: OnDuty,
    pub(crate) to_read: Notify,
    /// About how many mails came with the last commits: many means that more are at the door.
    pub(crate) at_the_door: AtomicUsize,
    pub(crate) to_send: Notify,
    pub(crate) outbound: Outbound,
    pub(crate) senders: Senders,
    pub(crate) dns_rests_until: Mutex<Option<tokio::time::Instant>>,
    /// Mails whose sender is being checked.
    pub(crate) checks: Semaphore,
    /// Whose turn it is to be read in a flood.
    pub(crate) turn: Semaphore,
    /// Domains whose servers could not be reached since a mail last got through.
    pub(crate) unreachable: Mutex<BTreeSet<String>>,
    pub(crate) mail_failure: Mutex<Option<(Timestamp, String)>>,
    pub(crate) mailbox: Mutex<Option<outgoing::MailboxState>>,
    pub(crate) digest_key: [u8; 32],
    pub(crate) address: Option<String>,
}

impl Inner {
    pub(crate) fn frozen(&self) -> Option<Frozen> {
        match &*self.standing.borrow() {
            Standing::Up => None,
            Standing::Frozen(frozen) => Some(frozen.clone()),
        }
    }

    /// Something may be there to read or to send.
    pub(crate) fn wake(&self) {
        self.to_read.notify_one();
        self.to_send.notify_one();
    }
}

/// A running desk. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    pub(crate) inner: Arc<Inner>,
    queue: mpsc::Sender<Job>,
}

impl Engine {
    /// Opens a folder's desk and starts its writer and its tasks (on the current tokio runtime).
    pub fn open(options: Options) -> Result<Engine, OpenError> {
        let mut journal = JournalStore::open(&options.data)?;
        let reader = journal.reader()?;
        let mut replayed = replay(&reader, &options.data, Unfit::Remove)?;
        let keeper = options.snapshots.map(|program| {
            let began = snapshots::at_start(&mut journal, &mut replayed);
            Keeper::new(&options.data, program, began)
        });
        // What other nodes wrote meanwhile.
        replayed.go_on(&reader, None)?;
        let Replayed { desk, keys, snapshot_keys, last, position: next, .. } = replayed;
        let several = journal.is_shared();
        let digest_key = reader.secret("digest");
        let (queue, jobs) = mpsc::channel(QUEUE_MAX);
        let (program, arguments) = options.worker;
        let inner = Arc::new(Inner {
            data: options.data,
            desk: RwLock::new(desk),
            epoch: AtomicU64::new(0),
            applied: AtomicU64::new(next),
            durable: watch::Sender::new(next),
            standing: watch::Sender::new(Standing::Up),
            trouble: Mutex::new(None),
            events: broadcast::Sender::new(EVENTS_MAX),
            clock: options.clock,
            readers: Mutex::new(vec![reader]),
            pasts: Default::default(),
            workers: Workers::new(program, arguments, options.workers.max(1), READ_TIMEOUT),
            fetching: Semaphore::new(crate::content::FETCHES_MAX),
            passed_on: PassedOn::default(),
            on_duty: OnDuty::new(several),
            to_read: Notify::new(),
            at_the_door: AtomicUsize::new(0),
            to_send: Notify::new(),
            outbound: options.outbound,
            senders: options.senders,
            dns_rests_until: Mutex::default(),
            checks: Semaphore::new(crate::senders::CHECKS_MAX),
            turn: Semaphore::new(1),
            unreachable: Mutex::default(),
            mail_failure: Mutex::new(None),
            mailbox: Mutex::new(None),
            digest_key,
            address: options.address,
        });
        let mut core = Core { store: journal, keys, snapshot_keys, owed: Default::default(), next, last };
        let (read_elsewhere, to_index) = mpsc::unbounded_channel();
        let follows = match several {
            true => Some(Follows { reader: core.store.reader()?, read_elsewhere }),
            false => core.catch_up(&inner.desk.read()).map(|()| None).map_err(OpenError::Erasure)?,
        };
        let scribe = Scribe::new(inner.clone(), core, keeper, queue.downgrade(), follows);
        std::thread::Builder::new().name("writer".to_owned()).spawn(move || scribe.run(jobs))?;
        let engine = Engine { inner, queue };
        if several {
            nodes::start(&engine.inner, engine.queue.downgrade())?;
            tokio::spawn(nodes::index(engine.downgrade(), to_index));
        }
        tokio::spawn(crate::reading::read_all(engine.downgrade()));
        tokio::spawn(crate::reading::index_all(engine.downgrade()));
        tokio::spawn(outgoing::send_all(engine.downgrade()));
        Ok(engine)
    }

    /// The desk of a folder as it is on disk now, without running it: for lists and exports, also beside a running server.
    pub fn glance(data: &Path) -> Result<Desk, OpenError> {
        Ok(replay(&Reader::open(data)?, data, Unfit::Leave)?.desk)
    }

    /// The folder.
    pub fn data(&self) -> &Path {
        &self.inner.data
    }

    /// The desk's clock.
    pub fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    /// Now, by the desk's clock.
    pub fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// Whether storage has failed.
    pub fn frozen(&self) -> Option<Frozen> {
        self.inner.frozen()
    }

    /// What the store said when it took nothing, and since when, until it takes something again: for whoever only reads.
    pub fn trouble(&self) -> Option<Frozen> {
        self.inner.trouble.lock().clone()
    }

    /// Whether this node is the one that sends and reads mail: always, where no other runs.
    pub fn is_on_duty(&self) -> bool {
        self.inner.on_duty.is_now()
    }

    /// Resolves when this node is off duty.
    pub async fn off_duty(&self) {
        self.inner.on_duty.ended().await;
    }

    /// Runs `view` on the desk. What it saw is durable when this resolves.
    pub async fn read<T>(&self, view: impl FnOnce(&Desk) -> T) -> Result<T, Frozen> {
        let inner = &*self.inner;
        let (value, seen, epoch) = {
            let desk = inner.desk.read();
            (view(&desk), inner.applied.load(Ordering::Acquire), inner.epoch.load(Ordering::Acquire))
        };
        let mut durable = inner.durable.subscribe();
        loop {
            // The number first: an epoch that is still the same then says that it counts the facts that were seen.
            let count = *durable.borrow_and_update();
            if inner.epoch.load(Ordering::Acquire) != epoch {
                return Err(self.frozen().unwrap_or_else(|| self.unwell("what was seen could not be kept")));
            }
            if count >= seen {
                return Ok(value);
            }
            if let Some(frozen) = self.frozen() {
                return Err(frozen);
            }
            if durable.changed().await.is_err() {
                return Err(self.unwell("the desk is closing"));
            }
        }
    }

    /// Runs `view` on the desk for work of its own that shows nothing to anybody.
    pub(crate) fn peek<T>(&self, view: impl FnOnce(&Desk) -> T) -> T {
        view(&self.inner.desk.read())
    }

    /// Carries out a command. Resolves when its facts are durable.
    pub async fn submit(&self, actor: Actor, command: Command) -> Result<Done, Fault> {
        let (reply, answer) = oneshot::channel();
        let closing = || Fault::Frozen(self.unwell("the desk is closing"));
        self.queue.send(Job::Do(Task { actor, command, reply })).await.map_err(|_| closing())?;
        answer.await.map_err(|_| closing())?
    }

    fn unwell(&self, why: &str) -> Frozen {
        Frozen { since: self.now(), trouble: Trouble::Away, why: why.to_owned() }
    }

    /// Durable facts from now on.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.inner.events.subscribe()
    }

    /// Keyed digest of a mail address. Neither case nor `+anything` counts: it is one mailbox, which gets one receipt an hour.
    pub fn digest_of_address(&self, address: &str) -> Digest {
        let address = address.trim();
        match address.rsplit_once('@').and_then(|(local, domain)| Some((local.split_once('+')?.0, domain))) {
            Some((local, domain)) if !local.is_empty() => self.digest(&format!("{local}@{domain}")),
            _ => self.digest(address),
        }
    }

    /// Keyed digest of another short thing that must not be guessable from its hash. Case does not count.
    pub fn digest(&self, what: &str) -> Digest {
        keyed(&self.inner.digest_key, what.trim().to_lowercase().as_bytes())
    }

    /// The mailbox that the desk answers.
    pub fn address(&self) -> Option<String> {
        self.inner.address.clone().or_else(|| self.peek(|desk| desk.house_address().map(str::to_owned)))
    }

    /// A mail to be written, with its one Message-ID.
    pub fn draft(&self, to: &str, subject: &str, text: &str, language: Language, in_reply_to: Vec<String>) -> Draft {
        let address = self.address().unwrap_or_else(|| "bolwerk@localhost".to_owned());
        let domain = address.rsplit_once('@').map_or("localhost", |(_, domain)| domain);
        let mut random = [0; 16];
        getrandom::fill(&mut random).expect("the machine's random source works, or nothing secret can be made");
        let random: String = random.iter().map(|b| format!("{b:02x}")).collect();
        Draft {
            to: to.trim().to_owned(),
            to_digest: self.digest_of_address(to),
            subject: subject.to_owned(),
            text: text.to_owned(),
            language,
            in_reply_to,
            message_id: format!("{random}@{domain}"),
        }
    }

    /// How mail stands.
    pub fn mail_state(&self) -> MailState {
        outgoing::state(&self.inner)
    }

    /// How the mailbox stands that is emptied into the desk; its task says so.
    pub fn tell_mailbox(&self, state: outgoing::MailboxState) {
        *self.inner.mailbox.lock() = Some(state);
    }

    /// The newest mails that left, at most `limit`, where they go into the built-in sink.
    pub fn sink(&self, limit: usize) -> Option<Vec<SinkMail>> {
        let mail = |(at, letter, message_id): (Timestamp, &desk::outbox::Letter, &str)| SinkMail {
            at,
            to: letter.to.clone(),
            subject: letter.subject.clone(),
            text: letter.text.clone(),
            message_id: message_id.to_owned(),
        };
        matches!(self.inner.outbound, Outbound::Sink)
            .then(|| self.peek(|desk| desk.sent().take(limit).map(mail).collect()))
    }

    pub(crate) fn downgrade(&self) -> WeakEngine {
        WeakEngine::new(&self.inner, self.queue.downgrade())
    }
}

/// What a task holds, so that it ends when the last handle is gone.
pub(crate) struct WeakEngine {
    inner: std::sync::Weak<Inner>,
    queue: mpsc::WeakSender<Job>,
}

impl WeakEngine {
    pub(crate) fn new(inner: &Arc<Inner>, queue: mpsc::WeakSender<Job>) -> WeakEngine {
        WeakEngine { inner: Arc::downgrade(inner), queue }
    }

    pub(crate) fn upgrade(&self) -> Option<Engine> {
        Some(Engine { inner: self.inner.upgrade()?, queue: self.queue.upgrade()? })
    }
}

pub(crate) fn keyed(key: &[u8; 32], what: &[u8]) -> Digest {
    let mut mac = <Hmac<sha2::Sha256> as KeyInit>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(what);
    Digest(mac.finalize().into_bytes().into())
}
