//! Messages as the desk keeps them.

use super::{Appraisal, Arrival, Automatic, Completeness, Fact, Head, Kind, Thread, Verdict, Via};
use crate::command::Actor;
use crate::house::Language;
use crate::ids::{AccountId, IncidentId, NoticeId, Reference, ReportId, Timestamp};
use crate::incidents::Severity;
use crate::lens::ClassId;
use crate::register::BoardId;
use crate::sealed::Sealed;
use crate::{ByDigest, Digest};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Bulk acts that can still be undone as one, at most.
const BATCHES_MAX: usize = 100;

/// Where a message stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// To judge.
    New,
    /// We asked something and wait.
    Waiting,
    /// Not before this moment.
    Snoozed(Timestamp),
    /// Decided.
    Decided(Verdict),
}

impl Status {
    /// Every key that a status can have, in the order in which they are offered.
    pub const KEYS: [&'static str; 8] =
        ["new", "waiting", "snoozed", "incident", "follow_up", "duplicate", "no_incident", "spam"];

    /// Its name in the words, the API and listings.
    pub fn key(self) -> &'static str {
        match self {
            Status::New => "new",
            Status::Waiting => "waiting",
            Status::Snoozed(_) => "snoozed",
            Status::Decided(Verdict::Incident { .. }) => "incident",
            Status::Decided(Verdict::FollowUp(_)) => "follow_up",
            Status::Decided(Verdict::Duplicate(_)) => "duplicate",
            Status::Decided(Verdict::NoIncident) => "no_incident",
            Status::Decided(Verdict::Spam) => "spam",
        }
    }
}

/// What the reader made of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    pub(crate) seq: u64,
    pub(crate) at: Timestamp,
    pub(crate) completeness: Completeness,
    pub(crate) automatic: Automatic,
    pub(crate) language: Option<Language>,
    pub(crate) thread: Option<Thread>,
    pub(crate) head: Sealed<Head>,
}

/// Something that happened to a report, for its history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When it was recorded.
    pub at: Timestamp,
    /// Its place in the journal.
    pub seq: u64,
    /// Who.
    pub by: Actor,
    /// What.
    pub what: Happened,
}

/// What happened to a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Happened {
    /// It came in.
    Received,
    /// It was read.
    Read,
    /// Somebody took it.
    Claimed,
    /// Somebody let go.
    Released,
    /// Its kind, board or urgency was corrected.
    Appraised,
    /// It was decided.
    Decided(Verdict),
    /// It belongs to another incident.
    Moved(IncidentId),
    /// The decision was taken back.
    Reopened,
    /// We asked and wait.
    Waits,
    /// It sleeps.
    Snoozed(Timestamp),
    /// It is to be judged now after all.
    Woken,
    /// A mail was written about it.
    Wrote(NoticeId),
    /// Another message continued it.
    Continued(ReportId),
    /// Somebody wants it erased.
    ErasureAsked,
    /// It is not to be erased after all.
    ErasureWithdrawn,
    /// It was erased.
    Erased,
    /// A second person agreed afterwards.
    Countersigned,
}

/// How far the erasure of a message is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Erasure {
    /// Nobody asked for it.
    #[default]
    None,
    /// Asked; a second person confirms.
    Asked {
        /// Who.
        by: AccountId,
        /// When.
        at: Timestamp,
        /// Why.
        reason: String,
    },
    /// Done.
    Done {
        /// Who wanted it.
        by: AccountId,
        /// When.
        at: Timestamp,
        /// Why.
        reason: String,
        /// Who confirmed or countersigned it; `None`: not yet.
        second: Option<AccountId>,
    },
}

/// A report as the desk keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub(crate) reference: Reference,
    pub(crate) via: Via,
    pub(crate) received_at: Timestamp,
    pub(crate) event_at: Option<Timestamp>,
    pub(crate) seq: u64,
    pub(crate) size: u64,
    pub(crate) sender: Option<Digest>,
    pub(crate) arrival: Sealed<Arrival>,
    pub(crate) reading: Option<Box<Reading>>,
    pub(crate) appraisal: Appraisal,
    pub(crate) status: Status,
    /// The fact that decided it, while it is decided: an undo that comes too late is known by it.
    pub(crate) decided_seq: Option<u64>,
    pub(crate) claimed_by: Option<AccountId>,
    pub(crate) class: ClassId,
    pub(crate) history: Vec<Event>,
    pub(crate) follow_ups: Vec<ReportId>,
    pub(crate) notices: Vec<NoticeId>,
    pub(crate) erasure: Erasure,
    /// When the newest message of its conversation came in.
    pub(crate) last_at: Timestamp,
}

/// What lists and counts look at, packed: a pass over all reports stays in the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Brief {
    pub(crate) class: ClassId,
    pub(crate) board: Option<BoardId>,
    pub(crate) kind: Kind,
    pub(crate) severity: Option<Severity>,
    pub(crate) hit_now: bool,
    pub(crate) status: Place,
    pub(crate) received_at: Timestamp,
}

/// [`Status`] without what it points to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Place {
    New,
    Waiting,
    Snoozed,
    Incident,
    FollowUp,
    Duplicate,
    NoIncident,
    Spam,
}

impl Place {
    pub(crate) fn of(status: Status) -> Place {
        match status {
            Status::New => Place::New,
            Status::Waiting => Place::Waiting,
            Status::Snoozed(_) => Place::Snoozed,
            Status::Decided(Verdict::Incident { .. }) => Place::Incident,
            Status::Decided(Verdict::FollowUp(_)) => Place::FollowUp,
            Status::Decided(Verdict::Duplicate(_)) => Place::Duplicate,
            Status::Decided(Verdict::NoIncident) => Place::NoIncident,
            Status::Decided(Verdict::Spam) => Place::Spam,
        }
    }

    /// Not decided yet.
    pub(crate) fn is_open(self) -> bool {
        matches!(self, Place::New | Place::Waiting | Place::Snoozed)
    }

    /// The same key as [`Status::key`].
    pub(crate) fn key(self) -> &'static str {
        Status::KEYS[self as usize]
    }
}

impl Report {
    pub(crate) fn brief(&self) -> Brief {
        Brief {
            class: self.class,
            board: self.appraisal.board,
            kind: self.appraisal.kind,
            severity: self.appraisal.severity,
            hit_now: self.appraisal.hit_now,
            status: Place::of(self.status),
            received_at: self.received_at,
        }
    }

    pub(crate) fn head(&self) -> Option<&Head> {
        self.reading.as_ref()?.head.open()
    }

    pub(crate) fn is_erased(&self) -> bool {
        matches!(self.erasure, Erasure::Done { .. })
    }

    /// Whether the fact `of` was the last one by which a person said what this is about, and nothing else was learned since.
    pub(crate) fn appraised_by(&self, of: u64, appraisal: &Appraisal) -> bool {
        let last = self.history.iter().rev().find(|event| event.what == Happened::Appraised);
        last.is_some_and(|event| event.seq == of) && self.appraisal == *appraisal
    }

    /// When it happened, as far as known.
    pub(crate) fn happened_at(&self) -> Timestamp {
        self.event_at.unwrap_or(self.received_at)
    }
}

/// What was learned of a sender: the board, and from which report. `None` as board: two corrections disagree, so nothing is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Learned {
    pub(crate) board: Option<BoardId>,
    pub(crate) report: ReportId,
}

/// All messages.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Intake {
    pub(crate) reports: Vec<Report>,
    /// One for each report, kept true by [`Intake::refresh`].
    pub(crate) briefs: Vec<Brief>,
    pub(crate) by_digest: ByDigest<ReportId>,
    pub(crate) by_reference: HashMap<Reference, ReportId>,
    pub(crate) by_sender: ByDigest<Vec<ReportId>>,
    /// Undecided reports, in order of arrival: what the queue looks at.
    pub(crate) open: BTreeSet<ReportId>,
    /// Received and not yet read.
    pub(crate) unread: BTreeSet<ReportId>,
    /// Decisions in order of time; one that was taken back is no longer its report's `decided_seq`.
    pub(crate) decisions: Vec<(Timestamp, u64, ReportId)>,
    /// Reports that one act decided and the facts that did it, by that act's number.
    pub(crate) batches: BTreeMap<u64, Vec<(u64, ReportId)>>,
    /// Last automatic answer per sender.
    pub(crate) answered: ByDigest<Timestamp>,
    /// Whose board a sender's is, from what people corrected.
    pub(crate) learned: ByDigest<Learned>,
}

impl Intake {
    pub(crate) fn get(&self, report: ReportId) -> &Report {
        &self.reports[report.index()]
    }

    pub(crate) fn apply(&mut self, seq: u64, at: Timestamp, team: ClassId, fact: &Fact) {
        match fact {
            Fact::Received { .. } => self.receive(seq, at, team, fact),
            Fact::Read { report, completeness, automatic, language, appraisal, thread, head } => {
                self.unread.remove(report);
                let kept = self.note(*report, at, seq, Actor::Rule, Happened::Read);
                kept.appraisal = appraisal.clone();
                kept.reading = Some(Box::new(Reading {
                    seq,
                    at,
                    completeness: completeness.clone(),
                    automatic: *automatic,
                    language: *language,
                    thread: *thread,
                    head: head.clone(),
                }));
            }
            Fact::Claimed { report, by } => {
                self.note(*report, at, seq, Actor::Person(*by), Happened::Claimed).claimed_by = Some(*by);
            }
            Fact::Released { report, by } => {
                self.note(*report, at, seq, Actor::Person(*by), Happened::Released).claimed_by = None;
            }
            Fact::Appraised { report, by, appraisal } => {
                let kept = self.note(*report, at, seq, Actor::Person(*by), Happened::Appraised);
                let before = std::mem::replace(&mut kept.appraisal, appraisal.clone());
                self.learn(*report, &before, appraisal);
            }
            Fact::Decided { report, by, verdict, batch } => self.decided(seq, at, *report, *by, *verdict, *batch),
            Fact::Reopened { report, by } => {
                self.open.insert(*report);
                let kept = self.note(*report, at, seq, *by, Happened::Reopened);
                kept.decided_seq = None;
                let before = std::mem::replace(&mut kept.status, Status::New);
                if let Status::Decided(Verdict::FollowUp(of)) = before {
                    self.reports[of.index()].follow_ups.retain(|r| r != report);
                }
            }
            Fact::Moved { report, by, to, .. } => {
                self.decisions.push((at, seq, *report));
                let kept = self.note(*report, at, seq, *by, Happened::Moved(*to));
                kept.status = Status::Decided(Verdict::Incident { incident: *to, opened: false });
                kept.decided_seq = Some(seq);
            }
            Fact::Waits { report, by } => {
                self.note(*report, at, seq, Actor::Person(*by), Happened::Waits).status = Status::Waiting;
            }
            Fact::Snoozed { report, by, until } => {
                self.note(*report, at, seq, Actor::Person(*by), Happened::Snoozed(*until)).status =
                    Status::Snoozed(*until);
            }
            Fact::Woken { report, by } => {
                self.note(*report, at, seq, *by, Happened::Woken).status = Status::New;
            }
            Fact::ErasureAsked { report, by, reason } => {
                let kept = self.note(*report, at, seq, Actor::Person(*by), Happened::ErasureAsked);
                kept.erasure = Erasure::Asked { by: *by, at, reason: reason.clone() };
            }
            Fact::ErasureWithdrawn { report, by } => {
                self.note(*report, at, seq, Actor::Person(*by), Happened::ErasureWithdrawn).erasure = Erasure::None;
            }
            Fact::Erased { report, by, reason, second } => {
                let kept = self.note(*report, at, seq, Actor::Person(second.unwrap_or(*by)), Happened::Erased);
                kept.arrival = Sealed::Erased;
                if let Some(reading) = &mut kept.reading {
                    reading.head = Sealed::Erased;
                }
                kept.erasure = Erasure::Done { by: *by, at, reason: reason.clone(), second: *second };
                self.unread.remove(report);
            }
            Fact::Countersigned { report, by } => {
                let kept = self.note(*report, at, seq, Actor::Person(*by), Happened::Countersigned);
                if let Erasure::Done { second, .. } = &mut kept.erasure {
                    *second = Some(*by);
                }
            }
        }
        self.refresh(fact.report());
    }

    fn receive(&mut self, seq: u64, at: Timestamp, team: ClassId, fact: &Fact) {
        let Fact::Received { report, reference, via, received_at, event_at, digest, sender, size, by, arrival } = fact
        else {
            return;
        };
        self.by_digest.insert(*digest, *report);
        self.by_reference.insert(*reference, *report);
        if let Some(sender) = sender {
            self.by_sender.entry(*sender).or_default().push(*report);
        }
        self.open.insert(*report);
        self.unread.insert(*report);
        let kept = Report {
            reference: *reference,
            via: *via,
            received_at: *received_at,
            event_at: *event_at,
            seq,
            size: *size,
            sender: *sender,
            arrival: arrival.clone(),
            reading: None,
            appraisal: Appraisal::unknown(),
            status: Status::New,
            decided_seq: None,
            claimed_by: None,
            class: team,
            history: vec![Event { at, seq, by: *by, what: Happened::Received }],
            follow_ups: Vec::new(),
            notices: Vec::new(),
            erasure: Erasure::None,
            last_at: *received_at,
        };
        self.briefs.push(kept.brief());
        self.reports.push(kept);
    }

    /// A message that is not there at the moment that is looked at: only its place.
    pub(crate) fn receive_unseen(&mut self, seq: u64, at: Timestamp, fact: &Fact) {
        let mut aside = Intake::default();
        aside.receive(seq, at, ClassId::NOBODY, fact);
        self.briefs.append(&mut aside.briefs);
        self.reports.extend(aside.reports.into_iter().map(|report| Report { arrival: Sealed::Erased, ..report }));
    }

    fn decided(&mut self, seq: u64, at: Timestamp, report: ReportId, by: Actor, verdict: Verdict, batch: Option<u64>) {
        self.open.remove(&report);
        self.decisions.push((at, seq, report));
        if let Some(batch) = batch {
            self.batches.entry(batch).or_default().push((seq, report));
            while self.batches.len() > BATCHES_MAX {
                self.batches.pop_first();
            }
        }
        let kept = self.note(report, at, seq, by, Happened::Decided(verdict));
        kept.status = Status::Decided(verdict);
        kept.decided_seq = Some(seq);
        let (hit_now, came) = (kept.appraisal.hit_now, kept.received_at);
        if let Verdict::FollowUp(of) = verdict {
            self.reports[of.index()].follow_ups.push(report);
            let earlier = self.note(of, at, seq, by, Happened::Continued(report));
            earlier.last_at = earlier.last_at.max(came);
            // Whoever writes again because the servers go down now must not hide behind yesterday's question.
            earlier.appraisal.hit_now |= hit_now;
            // An answer to what we asked wakes the report that waited for it.
            if matches!(earlier.status, Status::Waiting | Status::Snoozed(_)) {
                earlier.status = Status::New;
            }
            self.refresh(of);
        }
    }

    /// A person said whose board this sender's is: the next message of the same address starts from there.
    fn learn(&mut self, report: ReportId, before: &Appraisal, after: &Appraisal) {
        let said = (after.board, after.board_certain) != (before.board, before.board_certain);
        let (Some(sender), Some(board)) = (self.get(report).sender, after.board) else { return };
        if !said || !after.board_certain {
            return;
        }
        let learned = self.learned.entry(sender).or_insert(Learned { board: Some(board), report });
        if learned.report == report {
            learned.board = Some(board);
        } else if learned.board != Some(board) {
            // The same address writes for several boards, a supplier's say: no board follows from it.
            learned.board = None;
        }
    }

    fn note(&mut self, report: ReportId, at: Timestamp, seq: u64, by: Actor, what: Happened) -> &mut Report {
        let kept = &mut self.reports[report.index()];
        kept.history.push(Event { at, seq, by, what });
        kept
    }

    /// Its packed form follows the report.
    pub(crate) fn refresh(&mut self, report: ReportId) {
        self.briefs[report.index()] = self.reports[report.index()].brief();
    }

    /// A report and what continues it are seen by the same people.
    pub(crate) fn readdress(&mut self, report: ReportId, class: ClassId) -> BTreeSet<ReportId> {
        let (mut todo, mut done) = (vec![report], BTreeSet::new());
        while let Some(next) = todo.pop() {
            if done.insert(next) {
                self.reports[next.index()].class = class;
                self.refresh(next);
                todo.extend(&self.reports[next.index()].follow_ups);
            }
        }
        done
    }

    pub(crate) fn wrote(&mut self, report: ReportId, at: Timestamp, seq: u64, by: Actor, notice: NoticeId) {
        self.note(report, at, seq, by, Happened::Wrote(notice)).notices.push(notice);
    }
}

impl Appraisal {
    /// Of a message that was not read yet.
    pub fn unknown() -> Appraisal {
        Appraisal {
            kind: Kind::Question,
            hit_now: false,
            board: None,
            board_certain: false,
            severity: None,
            rsit: None,
        }
    }
}
