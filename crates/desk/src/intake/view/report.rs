//! One report, whole.

use super::ContentRef;
use super::rows::ReportRow;
use crate::command::Inverse;
use crate::house::Language;
use crate::ids::{Reference, ReportId, Timestamp};
use crate::incidents::SimilarIncident;
use crate::intake::{
    Arrival, Automatic, Completeness, Erasure, Event, Happened, Head, Kind, Reason, Report, Status, Thread, Verdict,
};
use crate::lens::{Audience, Leave, Lens, Seen};
use crate::outbox::{About, NoticeView};
use crate::view::{BoardLink, IncidentLink, SeenBy, Who};

/// Duplicates proposed, at most.
const DUPLICATES_MAX: usize = 10;

/// A line of a report's history.
#[derive(Clone, Debug, PartialEq)]
pub struct EventRow {
    /// When it was recorded.
    pub at: Timestamp,
    /// Who.
    pub who: Who,
    /// Key of what: `received`, `read`, `claimed`, `released`, `appraised`, `decided-incident`, `decided-follow_up`,
    /// `decided-duplicate`, `decided-no_incident`, `decided-spam`, `reopened`, `waits`, `snoozed`, `woken`, `wrote`, `continued`,
    /// `erasure-asked`, `erased`, `countersigned`.
    pub key: &'static str,
    /// The incident or report that it leads to, where the viewer may see it.
    pub reference: Option<Reference>,
    /// Until when, of `snoozed`.
    pub until: Option<Timestamp>,
}

/// A report that may be the same.
#[derive(Clone, Debug, PartialEq)]
pub struct SimilarReport {
    /// Which.
    pub row: ReportRow,
    /// Why: `same-sender`, `same-subject`, `same-observable`, `same-board`.
    pub reasons: Vec<Reason>,
}

/// How far the erasure of a report is.
#[derive(Clone, Debug, PartialEq)]
pub enum ErasureView {
    /// Asked; a second person confirms.
    Asked {
        /// Who asked.
        who: Who,
        /// When.
        at: Timestamp,
        /// Why.
        reason: String,
        /// Whether the viewer may be the second person.
        confirmable: bool,
    },
    /// Done.
    Done {
        /// Who wanted it.
        who: Who,
        /// When.
        at: Timestamp,
        /// Why.
        reason: String,
        /// Who confirmed or countersigned; `None`: still open.
        second: Option<Who>,
    },
}

/// A report with everything around it.
#[derive(Clone, Debug)]
pub struct ReportView {
    /// As in a list.
    pub row: ReportRow,
    /// What the receiver knew; `None` when erased.
    pub arrival: Option<Arrival>,
    /// What was read: observables, attachments, reasons, authentication; `None` when erased or not read yet.
    pub head: Option<Head>,
    /// How far it was read; `None`: not yet.
    pub completeness: Option<Completeness>,
    /// Whether a machine sent it.
    pub automatic: Automatic,
    /// Its language, where sure.
    pub language: Option<Language>,
    /// The board.
    pub board: Option<BoardLink>,
    /// Proposed incident type (RSIT).
    pub rsit: Option<String>,
    /// Size of the raw bytes.
    pub size: u64,
    /// What happened, oldest first.
    pub history: Vec<EventRow>,
    /// Messages that continue it, oldest first.
    pub follow_ups: Vec<ReportRow>,
    /// The report that it continues or repeats.
    pub follows: Option<ReportRow>,
    /// Mails of ours about it, oldest first.
    pub notices: Vec<NoticeView>,
    /// The conversation that it may belong to; a person decides.
    pub thread: Option<ReportRow>,
    /// Whether that is proven by our Message-ID and a sender who takes part; false: it is only quoted.
    pub thread_proven: bool,
    /// The incident that it belongs to.
    pub incident: Option<IncidentLink>,
    /// Incidents that it may belong to, with the reasons.
    pub similar: Vec<SimilarIncident>,
    /// Reports that may be the same, with the reasons.
    pub duplicates: Vec<SimilarReport>,
    /// Leave to act on it.
    pub leave: Option<Leave<ReportId>>,
    /// The raw message.
    pub raw: Seen<ContentRef>,
    /// The whole reading.
    pub body: Option<Seen<ContentRef>>,
    /// Who may see it.
    pub seen_by: SeenBy,
    /// Who sees it once it is judged anew, where others do then.
    pub reopened_seen_by: Option<SeenBy>,
    /// My last act on it that I can still take back.
    pub undo: Option<u64>,
    /// How many other reports that would take back too.
    pub undo_others: usize,
    /// How far its erasure is.
    pub erasure: Option<ErasureView>,
}

impl Lens<'_> {
    /// One report, whole.
    pub fn report(&self, reference: Reference) -> Option<ReportView> {
        let report = self.report_id(reference)?;
        let kept = self.desk.intake.get(report);
        let reading = kept.reading.as_ref();
        let leave = self.leave_on_report(report, kept.class);
        let (undo, undo_others) = self.undo_of_report(report);
        let (thread, thread_proven) = self.thread_of(kept);
        let readable = !kept.is_erased();
        Some(ReportView {
            row: self.report_row(report),
            arrival: kept.arrival.open().cloned(),
            head: kept.head().cloned(),
            completeness: reading.map(|r| r.completeness.clone()),
            automatic: reading.map(|r| r.automatic).unwrap_or_default(),
            language: reading.and_then(|r| r.language),
            board: kept.appraisal.board.and_then(|b| self.desk.board_link(b)),
            rsit: kept.appraisal.rsit.clone(),
            size: kept.size,
            history: kept.history.iter().map(|e| self.event_row(e)).collect(),
            follow_ups: self.visible_rows(&kept.follow_ups),
            follows: match kept.status {
                Status::Decided(Verdict::FollowUp(of) | Verdict::Duplicate(of)) => self.visible_rows(&[of]).pop(),
                _ => None,
            },
            notices: kept.notices.iter().map(|n| self.notice_view(*n)).collect(),
            thread,
            thread_proven,
            incident: self.incident_of(kept).and_then(|r| self.incident_link(r)),
            similar: if leave.is_some() { self.similar_to_report(report) } else { Vec::new() },
            duplicates: if leave.is_some() { self.duplicates_of(report) } else { Vec::new() },
            leave,
            raw: Seen::new(ContentRef { seq: kept.seq }),
            body: reading.filter(|_| readable).map(|r| Seen::new(ContentRef { seq: r.seq })),
            seen_by: self.seen_by(kept.class),
            reopened_seen_by: (matches!(kept.status, Status::Decided(_))
                && self.desk.is_widened(report, &Audience::team()))
            .then(|| self.audience(&Audience::team())),
            undo,
            undo_others,
            erasure: self.erasure_view(&kept.erasure),
        })
    }

    fn visible_rows(&self, reports: &[ReportId]) -> Vec<ReportRow> {
        let visible = reports.iter().filter(|r| self.may_see(self.desk.intake.get(**r).class));
        visible.map(|r| self.report_row(*r)).collect()
    }

    fn visible_reference(&self, report: ReportId) -> Option<Reference> {
        let kept = self.desk.intake.get(report);
        self.may_see(kept.class).then_some(kept.reference)
    }

    fn event_row(&self, event: &Event) -> EventRow {
        let (key, reference, until) = match event.what {
            Happened::Received => ("received", None, None),
            Happened::Read => ("read", None, None),
            Happened::Claimed => ("claimed", None, None),
            Happened::Released => ("released", None, None),
            Happened::Appraised => ("appraised", None, None),
            Happened::Decided(verdict) => self.verdict_row(verdict),
            Happened::Moved(incident) => {
                let kept = self.desk.incidents.get(incident);
                ("moved", self.may_see(kept.class).then_some(kept.reference), None)
            }
            Happened::Reopened => ("reopened", None, None),
            Happened::Waits => ("waits", None, None),
            Happened::Snoozed(until) => ("snoozed", None, Some(until)),
            Happened::Woken => ("woken", None, None),
            Happened::Wrote(_) => ("wrote", None, None),
            Happened::Continued(report) => ("continued", self.visible_reference(report), None),
            Happened::ErasureAsked => ("erasure-asked", None, None),
            Happened::ErasureWithdrawn => ("erasure-withdrawn", None, None),
            Happened::Erased => ("erased", None, None),
            Happened::Countersigned => ("countersigned", None, None),
        };
        EventRow { at: event.at, who: self.desk.who(event.by), key, reference, until }
    }

    fn verdict_row(&self, verdict: Verdict) -> (&'static str, Option<Reference>, Option<Timestamp>) {
        match verdict {
            Verdict::Incident { incident, .. } => {
                let kept = self.desk.incidents.get(incident);
                ("decided-incident", self.may_see(kept.class).then_some(kept.reference), None)
            }
            Verdict::FollowUp(of) => ("decided-follow_up", self.visible_reference(of), None),
            Verdict::Duplicate(of) => ("decided-duplicate", self.visible_reference(of), None),
            Verdict::NoIncident => ("decided-no_incident", None, None),
            Verdict::Spam => ("decided-spam", None, None),
        }
    }

    fn thread_of(&self, kept: &Report) -> (Option<ReportRow>, bool) {
        if matches!(kept.status, Status::Decided(_)) {
            return (None, false);
        }
        match kept.reading.as_ref().and_then(|r| r.thread) {
            Some(Thread::Continues(of)) => (self.visible_rows(&[of]).pop(), true),
            Some(Thread::Mentions(of)) => (self.visible_rows(&[of]).pop(), false),
            Some(Thread::Returns(notice) | Thread::Notes(notice)) => match self.desk.outbox.get(notice).about {
                About::Report(of) => (self.visible_rows(&[of]).pop(), true),
                About::Incident(_) => (None, false),
            },
            Some(Thread::Answers(_)) | None => (None, false),
        }
    }

    fn undo_of_report(&self, report: ReportId) -> (Option<u64>, usize) {
        let intake = &self.desk.intake;
        let kept = intake.get(report);
        let mine = self.desk.undoable.iter().rev().filter(|(_, u)| u.by == self.viewer.account);
        for (seq, undoable) in mine {
            match &undoable.what {
                Inverse::Reopen(of) if *of == report && kept.decided_seq == Some(*seq) => return (Some(*seq), 0),
                Inverse::Opening(of) if kept.decided_seq == Some(*seq) && self.desk.incidents.get(*of).untouched() => {
                    return (Some(*seq), 0);
                }
                Inverse::Move(of, _) if *of == report && kept.decided_seq == Some(*seq) => return (Some(*seq), 0),
                Inverse::Batch(batch) if kept.decided_seq == Some(*seq) => {
                    let stands = |(s, r): &&(u64, ReportId)| {
                        let of = intake.get(*r);
                        of.decided_seq == Some(*s) && self.may_see(of.class)
                    };
                    let all = intake.batches.get(batch).map_or(0, |b| b.iter().filter(stands).count());
                    return (Some(*seq), all.saturating_sub(1));
                }
                Inverse::Appraisal(of, _, after) if *of == report && kept.appraised_by(*seq, after) => {
                    return (Some(*seq), 0);
                }
                _ => {}
            }
        }
        (None, 0)
    }

    pub(crate) fn erasure_view(&self, erasure: &Erasure) -> Option<ErasureView> {
        match erasure {
            Erasure::None => None,
            Erasure::Asked { by, at, reason } => Some(ErasureView::Asked {
                who: self.desk.person(*by),
                at: *at,
                reason: reason.clone(),
                confirmable: *by != self.viewer.account && self.is_team() && self.may_act(),
            }),
            Erasure::Done { by, at, reason, second } => Some(ErasureView::Done {
                who: self.desk.person(*by),
                at: *at,
                reason: reason.clone(),
                second: second.map(|s| self.desk.person(s)),
            }),
        }
    }

    /// Reports that may be the same: same sender, same subject, a shared observable. Junk is nobody's duplicate.
    fn duplicates_of(&self, report: ReportId) -> Vec<SimilarReport> {
        let intake = &self.desk.intake;
        if intake.get(report).appraisal.kind == Kind::Junk {
            return Vec::new();
        }
        let found = self.similar_reports(report);
        found
            .into_iter()
            .take(DUPLICATES_MAX)
            .map(|(r, reasons)| SimilarReport { row: self.report_row(r), reasons })
            .collect()
    }
}
