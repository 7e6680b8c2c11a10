//! Rows and lists of reports.

use crate::ids::{Reference, ReportId, Timestamp};
use crate::incidents::Severity;
use crate::intake::{Arrival, Automatic, Completeness, Happened, Head, Kind, Proof, Report, Status, Verdict, Via};
use crate::lens::{Leave, Lens};
use crate::outbox::Notice;
use crate::register::BoardId;
use crate::view::Page;

/// A report in a list.
#[derive(Clone, Debug, PartialEq)]
pub struct ReportRow {
    /// Which. A counter: never shown, never sent.
    pub id: ReportId,
    /// Its public name.
    pub reference: Reference,
    /// How it came.
    pub via: Via,
    /// When it came.
    pub received_at: Timestamp,
    /// When it happened, if that is another time.
    pub event_at: Option<Timestamp>,
    /// When the newest message of its conversation came.
    pub last_at: Timestamp,
    /// Name of the sender, or the whole `From` while it is not read.
    pub from_name: Option<String>,
    /// Address of the sender.
    pub from_address: Option<String>,
    /// Subject; `None` when erased.
    pub subject: Option<String>,
    /// First words; `None` when erased or not read yet.
    pub snippet: Option<String>,
    /// What it is about.
    pub kind: Kind,
    /// A town is being hit now.
    pub hit_now: bool,
    /// The board's name.
    pub board: Option<String>,
    /// The board.
    pub board_id: Option<BoardId>,
    /// Whether that board is certain.
    pub board_certain: bool,
    /// Nothing but words of the message speaks for the board: neither its sender nor a person.
    pub board_from_text: bool,
    /// Proposed severity.
    pub severity: Option<Severity>,
    /// Who works on it.
    pub claimed_by: Option<String>,
    /// Whether that is the viewer.
    pub claimed_by_me: bool,
    /// Where it stands.
    pub status: Status,
    /// The incident that it belongs to.
    pub incident: Option<Reference>,
    /// Whether it was fully read; false also while it is not read yet.
    pub complete: bool,
    /// Whether it was read.
    pub read: bool,
    /// Whether a machine sent it.
    pub automatic: Automatic,
    /// How many attachments.
    pub attachments: usize,
    /// How many messages continue it.
    pub follow_ups: usize,
    /// A mail of ours about it may have arrived twice.
    pub unsure_mail: bool,
    /// A mail of ours about it could not be delivered.
    pub undelivered: bool,
    /// Whether it is from whom it says.
    pub proof: Proof,
    /// Envelope sender, where that is another address than the sender's.
    pub brought_for: Option<String>,
    /// Its content was erased.
    pub erased: bool,
}

/// Which reports.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReportFilter {
    /// Key of the status ([`Status::KEYS`]), or `open` for all undecided ones.
    pub status: Option<String>,
    /// What it is about.
    pub kind: Option<Kind>,
    /// The board.
    pub board: Option<BoardId>,
    /// Only what hits a town now.
    pub hit_now: bool,
    /// Only what I work on.
    pub mine: bool,
    /// Words that must occur.
    pub text: String,
}

impl<'a> Lens<'a> {
    /// The report behind a reference, if the viewer may see it.
    pub fn report_id(&self, reference: Reference) -> Option<ReportId> {
        let report = *self.desk.intake.by_reference.get(&reference)?;
        self.may_see(self.desk.intake.get(report).class).then_some(report)
    }

    /// The rows of some reports, as far as the viewer may see them.
    pub fn report_rows(&self, references: &[Reference]) -> Vec<ReportRow> {
        references.iter().filter_map(|r| self.report_id(*r)).map(|r| self.report_row(r)).collect()
    }

    /// Leave to act on a report.
    pub fn report_leave(&self, reference: Reference) -> Option<Leave<ReportId>> {
        let report = self.report_id(reference)?;
        self.leave_on_report(report, self.desk.intake.get(report).class)
    }

    /// A report as a row. The caller has checked that it may be seen.
    pub(crate) fn report_row(&self, report: ReportId) -> ReportRow {
        let kept = self.desk.intake.get(report);
        let head = kept.head();
        let arrival = kept.arrival.open();
        let board = kept.appraisal.board.and_then(|b| self.desk.register.get(b));
        let notices = kept.notices.iter().map(|n| self.desk.outbox.get(*n));
        ReportRow {
            id: report,
            reference: kept.reference,
            via: kept.via,
            received_at: kept.received_at,
            event_at: kept.event_at,
            last_at: kept.last_at,
            from_name: match head {
                Some(head) => head.from_name.clone(),
                None => arrival.and_then(|a| a.from.clone()),
            },
            from_address: head.and_then(|h| h.from_address.clone()),
            subject: head.map(|h| h.subject.clone()).or_else(|| arrival.and_then(|a| a.subject.clone())),
            snippet: head.map(|h| h.snippet.clone()),
            kind: kept.appraisal.kind,
            hit_now: kept.appraisal.hit_now,
            board: board.map(|b| b.name.clone()),
            board_id: board.map(|b| b.id),
            board_certain: kept.appraisal.board_certain,
            board_from_text: board_from_text(kept),
            severity: kept.appraisal.severity,
            claimed_by: kept.claimed_by.and_then(|a| self.desk.accounts.name(a)).map(str::to_owned),
            claimed_by_me: kept.claimed_by == Some(self.viewer.account),
            status: kept.status,
            incident: self.incident_of(kept),
            complete: kept.reading.as_ref().is_some_and(|r| r.completeness == Completeness::Full),
            read: kept.reading.is_some(),
            automatic: kept.reading.as_ref().map(|r| r.automatic).unwrap_or_default(),
            attachments: head.map_or(0, |h| h.attachments.len()),
            follow_ups: kept.follow_ups.iter().filter(|r| self.may_see(self.desk.intake.get(**r).class)).count(),
            unsure_mail: notices.clone().any(|n| n.unsure),
            undelivered: notices.clone().any(Notice::is_undelivered),
            proof: head.and_then(|h| h.authenticity.as_ref()).map_or(Proof::Unchecked, |a| a.standing),
            brought_for: other_envelope(head, arrival),
            erased: kept.is_erased(),
        }
    }

    /// Reference of the incident that a report belongs to, itself or by what it continues.
    pub(crate) fn incident_of(&self, kept: &Report) -> Option<Reference> {
        let incident = match kept.status {
            Status::Decided(Verdict::Incident { incident, .. }) => incident,
            Status::Decided(Verdict::FollowUp(of)) => match self.desk.intake.get(of).status {
                Status::Decided(Verdict::Incident { incident, .. }) => incident,
                _ => return None,
            },
            _ => return None,
        };
        let incident = self.desk.incidents.get(incident);
        self.may_see(incident.class).then_some(incident.reference)
    }

    /// Reports under a filter, the newest first, after the row with reference `after`.
    pub fn reports(&self, filter: &ReportFilter, after: Option<Reference>, limit: usize) -> Page<ReportRow> {
        let intake = &self.desk.intake;
        let texts = (!filter.text.trim().is_empty()).then(|| self.reports_matching(&filter.text));
        let matches = |report: ReportId| {
            let brief = &intake.briefs[report.index()];
            self.may_see(brief.class)
                && filter.kind.is_none_or(|k| brief.kind == k)
                && filter.board.is_none_or(|b| brief.board == Some(b))
                && (!filter.hit_now || brief.hit_now)
                && filter.status.as_deref().is_none_or(|key| match key {
                    "open" => brief.status.is_open(),
                    key => brief.status.key() == key,
                })
                && (!filter.mine || intake.get(report).claimed_by == Some(self.viewer.account))
                && texts.as_ref().is_none_or(|t| t.get(report.index()).copied().unwrap_or(false))
        };
        let all = (0..intake.briefs.len() as u32).rev().map(ReportId).filter(|r| matches(*r));
        let from = after.and_then(|a| intake.by_reference.get(&a)).copied();
        let mut page = Page { rows: Vec::new(), next: None, total: 0 };
        for report in all {
            page.total += 1;
            if from.is_some_and(|f| report >= f) {
                continue;
            }
            if page.rows.len() < limit {
                page.rows.push(self.report_row(report));
            } else if page.next.is_none() {
                page.next = page.rows.last().map(|r| r.reference);
            }
        }
        page
    }
}

/// Whether a board is only named in a message. A person who appraised it saw the board and left it.
fn board_from_text(kept: &Report) -> bool {
    let said = |key: &str| kept.head().is_some_and(|head| head.reasons.iter().any(|reason| reason.key == key));
    let named = said("board-name") || said("board-former-name");
    let known = ["board-domain", "board-learned", "board-typed"].into_iter().any(said);
    named && !known && kept.history.iter().all(|event| event.what != Happened::Appraised)
}

/// The envelope sender, where it is none of the addresses of the mail: a list, a service that sends for others, or a forgery.
fn other_envelope(head: Option<&Head>, arrival: Option<&Arrival>) -> Option<String> {
    let (from, envelope) = (head?.from_address.as_deref()?, arrival?.envelope_from.as_deref()?);
    (!envelope.is_empty() && !envelope.eq_ignore_ascii_case(from)).then(|| envelope.to_owned())
}
