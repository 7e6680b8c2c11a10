//! What the engine asks of the desk for work of its own: nothing of it is shown to anybody, so no lens is in between.

use crate::fact::{Fact, Subject};
use crate::house::Language;
use crate::ids::{IncidentId, NoticeId, Reference, ReportId, Timestamp};
use crate::incidents;
use crate::intake::{self, Arrival, Completeness, Thread, Via};
use crate::lens::ClassId;
use crate::outbox::{About, Letter, Standing};
use crate::{Desk, Digest};

/// What a message carries that may tie it to an earlier one. `Message-ID`s stand without angle brackets.
#[derive(Clone, Copy, Debug, Default)]
pub struct Traces<'a> {
    /// What it says to answer, oldest first.
    pub answers: &'a [&'a str],
    /// Which mails it says came back.
    pub returned: &'a [&'a str],
    /// Keyed digests of those to whom they had gone, as the report of non-delivery says (`Final-Recipient`, `Original-Recipient`).
    pub returned_to: &'a [Digest],
    /// The same of those of whom a machine says anything else: that the mail is late, that it arrived, that they complained.
    pub noted_of: &'a [Digest],
    /// Its subject.
    pub subject: &'a str,
}

impl Desk {
    /// The mailbox that first run gave.
    pub fn house_address(&self) -> Option<&str> {
        self.house.configured.as_ref().map(|c| c.address.as_str())
    }

    /// The team's phone number.
    pub fn house_phone(&self) -> Option<&str> {
        self.house.configured.as_ref()?.phone.as_deref()
    }

    /// The team's public name.
    pub fn house_name(&self) -> Option<&str> {
        self.house.configured.as_ref().map(|c| c.organisation.as_str())
    }

    /// Reports that were received and not yet read, with the place of their raw content, in order of arrival.
    pub fn unread(&self) -> impl Iterator<Item = (ReportId, u64)> + '_ {
        self.intake.unread.iter().map(|r| (*r, self.intake.get(*r).seq))
    }

    /// The report behind a reference.
    pub fn report_of(&self, reference: Reference) -> Option<ReportId> {
        self.intake.by_reference.get(&reference).copied()
    }

    /// How a report came in.
    pub fn way_in(&self, report: ReportId) -> Option<Via> {
        self.intake.reports.get(report.index()).map(|r| r.via)
    }

    /// What the receiver knew of a report; empty once erased.
    pub fn arrival(&self, report: ReportId) -> Arrival {
        self.intake.get(report).arrival.open().cloned().unwrap_or_default()
    }

    /// Reference, envelope sender and keyed sender of a report.
    pub fn door_of(&self, report: ReportId) -> (Reference, Option<String>, Option<Digest>) {
        let kept = self.intake.get(report);
        let envelope_from = kept.arrival.open().and_then(|a| a.envelope_from.clone());
        (kept.reference, envelope_from, kept.sender)
    }

    /// What its traces say about an earlier conversation. Whether the sender takes part in it is checked when the reading is decided
    /// upon; a reference that anybody can quote only ever *mentions*, and so does a report of non-delivery that does not name the one
    /// whom our mail went to: its Message-ID is no secret.
    pub fn evidence(&self, report: ReportId, traces: &Traces<'_>) -> Option<Thread> {
        if let Some(notice) = traces.returned.iter().find_map(|id| self.notice_by_message_id(id)) {
            let to = &self.outbox.get(notice).to;
            return match (traces.returned_to.contains(to), traces.noted_of.contains(to)) {
                (true, _) => Some(Thread::Returns(notice)),
                (false, true) => Some(Thread::Notes(notice)),
                (false, false) => self.report_behind(notice).filter(|of| *of < report).map(Thread::Mentions),
            };
        }
        let ours = traces.answers.iter().rev().find_map(|id| self.notice_by_message_id(id));
        if let Some(notice) = ours {
            match (self.report_behind(notice), self.outbox.get(notice).about) {
                (Some(of), _) if of < report => return Some(Thread::Continues(of)),
                (None, About::Incident(incident)) => return Some(Thread::Answers(incident)),
                _ => {}
            }
        }
        let quoted = Reference::find_in(traces.subject).and_then(|r| self.report_or_incident(r));
        quoted.filter(|of| *of < report).map(Thread::Mentions)
    }

    fn report_behind(&self, notice: NoticeId) -> Option<ReportId> {
        match self.outbox.get(notice).about {
            About::Report(report) => Some(report),
            About::Incident(incident) => self.first_report(incident),
        }
    }

    /// The message that an incident's conversation begins with, also where that goes on in another one.
    fn first_report(&self, incident: IncidentId) -> Option<ReportId> {
        let family = self.incidents.family(self.incidents.successor(incident));
        std::iter::once(incident).chain(family).find_map(|i| self.incidents.get(i).reports.first().copied())
    }

    fn report_or_incident(&self, reference: Reference) -> Option<ReportId> {
        let report = self.intake.by_reference.get(&reference).copied();
        report.or_else(|| {
            let incident = self.incidents.by_reference.get(&reference)?;
            self.first_report(*incident)
        })
    }

    /// Mails that wait to leave.
    pub fn waiting_notices(&self) -> usize {
        self.outbox.due.len()
    }

    /// When the first mail is due that is not due yet.
    pub fn next_due_after(&self, now: Timestamp) -> Option<Timestamp> {
        let after = (std::ops::Bound::Excluded((now, NoticeId(u32::MAX))), std::ops::Bound::Unbounded);
        self.outbox.due.range(after).next().map(|(at, _)| *at)
    }
}

impl Desk {
    /// Of these reports: how many are not read yet, and how many could not be fully read.
    pub fn how_far_read(&self, references: &[Reference]) -> (usize, usize) {
        let reports = references.iter().filter_map(|r| self.intake.by_reference.get(r)).map(|r| self.intake.get(*r));
        reports.fold((0, 0), |(unread, partial), report| match &report.reading {
            None => (unread + 1, partial),
            Some(reading) => (unread, partial + usize::from(reading.completeness != Completeness::Full)),
        })
    }

    /// Which account signs in under this name.
    pub fn account_by_login(&self, login: &str) -> Option<crate::ids::AccountId> {
        self.accounts.by_login(&login.trim().to_lowercase())
    }

    /// What the operator of the machine may list: every report, as it was received.
    pub fn inventory(&self) -> impl Iterator<Item = Inventory<'_>> + '_ {
        let reports = self.intake.reports.iter().filter(|report| report.class != ClassId::NOBODY);
        reports.map(|report| Inventory {
            reference: report.reference,
            status: report.status.key(),
            received_at: report.received_at,
            via: report.via,
            kind: report.appraisal.kind.key(),
            hit_now: report.appraisal.hit_now,
            complete: report.reading.as_ref().map(|r| r.completeness == Completeness::Full),
            arrival: report.arrival.open(),
        })
    }
}

/// A report as the operator's list has it.
#[derive(Clone, Debug)]
pub struct Inventory<'a> {
    /// Its reference.
    pub reference: Reference,
    /// Key of where it stands.
    pub status: &'static str,
    /// When it was received.
    pub received_at: Timestamp,
    /// How it came.
    pub via: Via,
    /// Key of what it is about.
    pub kind: &'static str,
    /// A town is being hit now.
    pub hit_now: bool,
    /// Whether it was fully read; `None`: not read yet.
    pub complete: Option<bool>,
    /// What the receiver knew; `None` when erased.
    pub arrival: Option<&'a Arrival>,
}

/// An incident as the operator's list has it.
#[derive(Clone, Debug)]
pub struct IncidentInventory<'a> {
    /// Its reference.
    pub reference: Reference,
    /// Key of its phase.
    pub phase: &'static str,
    /// `C1` to `C6`.
    pub severity: Option<&'static str>,
    /// Its label.
    pub tlp: &'static str,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// Its title; `None` when erased.
    pub title: Option<&'a str>,
    /// How many messages belong to it.
    pub reports: usize,
}

impl Desk {
    /// What the operator of the machine may list: every incident.
    pub fn incident_inventory(&self) -> impl Iterator<Item = IncidentInventory<'_>> + '_ {
        let incidents = self.incidents.incidents.iter().filter(|incident| incident.class != ClassId::NOBODY);
        incidents.map(|incident| IncidentInventory {
            reference: incident.reference,
            phase: incident.phase.key(),
            severity: incident.severity.map(|s| s.label()),
            tlp: incident.audience.tlp.label(),
            opened_at: incident.opened_at,
            title: incident.title.open().map(String::as_str),
            reports: incident.reports.len(),
        })
    }
}

/// What an answer to a report needs.
#[derive(Clone, Debug)]
pub struct Answerable {
    /// Where the sender wants answers.
    pub to: String,
    /// The sender's subject.
    pub subject: String,
    /// Message-ID of the message, as written.
    pub message_id: Option<String>,
    /// Language to answer in: Dutch to a board, else the sender's.
    pub language: Language,
}

impl Desk {
    /// Where and how a report can be answered; `None` without an address, or when it was erased. Of a mail that is not read yet this is
    /// what its header was seen to say: whoever must answer at once does not wait for the reader.
    pub fn answerable(&self, reference: Reference) -> Option<Answerable> {
        let report = self.intake.get(self.report_of(reference)?);
        let arrival = report.arrival.open();
        let (to, subject) = match report.head() {
            Some(head) => (head.reply_to.as_ref().or(head.from_address.as_ref()), Some(&head.subject)),
            None => (arrival?.from_address.as_ref(), arrival?.subject.as_ref()),
        };
        let read_in = report.reading.as_ref().and_then(|reading| reading.language);
        Some(Answerable {
            to: to.filter(|address| address.contains('@'))?.clone(),
            subject: subject.cloned().unwrap_or_default(),
            message_id: arrival.and_then(|a| a.message_id.clone()),
            language: match report.appraisal.board {
                Some(_) => Language::Nl,
                None => read_in.unwrap_or_default(),
            },
        })
    }

    /// Message-ID of the newest mail of ours in a report's conversation, without angle brackets.
    pub fn last_message_id(&self, reference: Reference) -> Option<&str> {
        let report = self.intake.get(self.report_of(reference)?);
        report.notices.last().map(|n| self.outbox.get(*n).message_id.as_str())
    }

    /// When the fact at a position of the journal was recorded, or the last one before it. Of a time the desk keeps no secret.
    pub fn recorded_at(&self, seq: u64) -> Option<Timestamp> {
        self.log.recorded_at(seq)
    }

    /// When the newest fact was recorded.
    pub fn last_at(&self) -> Timestamp {
        self.last_at
    }

    /// Mails that left, newest first: recipient, subject, text, Message-ID, when.
    pub fn sent(&self) -> impl Iterator<Item = (Timestamp, &Letter, &str)> + '_ {
        self.outbox.notices.iter().rev().filter_map(|notice| match (notice.standing, notice.letter.open()) {
            (Standing::Sent(at), Some(letter)) => Some((at, letter, notice.message_id.as_str())),
            _ => None,
        })
    }
}

impl Fact {
    /// Whose key is to be destroyed once this fact is recorded.
    pub fn erases(&self) -> Option<Subject> {
        match self {
            Fact::Intake(intake::Fact::Erased { report, .. }) => Some(Subject::Report(*report)),
            Fact::Incidents(incidents::Fact::Erased { incident, .. }) => Some(Subject::Incident(*incident)),
            _ => None,
        }
    }
}

impl Desk {
    /// Whether a recorded fact says that this subject's key is to be destroyed.
    pub fn is_erased(&self, subject: Subject) -> bool {
        match subject {
            Subject::Report(report) => self.intake.reports.get(report.index()).is_some_and(|r| r.is_erased()),
            Subject::Incident(incident) => {
                self.incidents.incidents.get(incident.index()).is_some_and(|i| i.is_erased())
            }
            Subject::Account(_) | Subject::House => false,
        }
    }
}
