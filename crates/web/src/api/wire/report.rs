//! Reports over the wire.

use super::{Board, Notice, Reason, SeenBy, Who, moment};
use crate::api::schema::{Bytes, Key, Moment, wire};
use crate::ticket::Tickets;
use desk::Desk;
use desk::house::Language;
use desk::ids::Reference;
use desk::incidents::{Phase, Severity, SimilarIncident};
use desk::intake::{self, Automatic, Completeness, ErasureView, Kind, Proof, ReportRow, ReportView, Status, Via};

wire! {
    /// One result of checking the sender (RFC 8601).
    out struct AuthenticityCheck {
        /// The trusted hop that says so; null: checked here.
        by: Option<String>,
        /// `dkim`, `spf`, `dmarc` or `arc`.
        method: String,
        /// `pass`, `fail`, `softfail`, `neutral`, `none`, `policy`, `temperror` or `permerror`.
        result: String,
        /// The domain that it is about.
        domain: Option<String>,
    }

    /// A report in a list.
    out struct Report {
        /// Its public name.
        reference: Reference,
        /// How it came.
        via: Via,
        /// When it came.
        received_at: Moment,
        /// When it happened, if that is another time.
        event_at: Option<Moment>,
        /// When the newest message of its conversation came.
        last_at: Moment,
        /// Name of the sender.
        from_name: Option<String>,
        /// Address of the sender.
        from_address: Option<String>,
        /// Subject; null when erased.
        subject: Option<String>,
        /// First words; null when erased or not read yet.
        snippet: Option<String>,
        /// What it is about.
        kind: Kind,
        /// A town is being hit now.
        hit_now: bool,
        /// The board that it concerns.
        board: Option<Board>,
        /// Whether that board is certain.
        board_certain: bool,
        /// Proposed severity.
        severity: Option<Severity>,
        /// Name of who works on it.
        claimed_by: Option<String>,
        /// Whether that is this token's account.
        claimed_by_me: bool,
        /// Where it stands.
        status: Key<Status>,
        /// Of a snoozed one: until when.
        snoozed_until: Option<Moment>,
        /// The incident that it belongs to.
        incident: Option<Reference>,
        /// Whether it was fully read.
        complete: bool,
        /// Whether it was read.
        read: bool,
        /// Whether a machine sent it.
        automatic: Automatic,
        /// How many attachments.
        attachments: usize,
        /// How many messages continue it.
        follow_ups: usize,
        /// A mail of ours about it may have arrived twice.
        unsure_mail: bool,
        /// A mail of ours about it could not be delivered.
        undelivered: bool,
        /// Its content was erased.
        erased: bool,
    }

    /// A page of reports, the newest first.
    out struct ReportPage {
        /// The reports.
        rows: Vec<Report>,
        /// Give this as `after` for the next page; null at the end.
        next: Option<Reference>,
        /// How many there are under the filter.
        total: usize,
    }

    /// An attachment, by name and shape.
    out struct Attachment {
        /// Its number.
        index: u32,
        /// Safe display name.
        name: String,
        /// Declared media type.
        media_type: String,
        /// Size, bytes.
        size: u64,
        /// SHA-256, hex.
        sha256: String,
        /// Why it is suspicious: key of the reason.
        suspicious: Option<String>,
    }

    /// An observable found in a message.
    out struct FoundObservable {
        /// `ipv4`, `domain`, `sha256` and so on.
        kind: String,
        /// Canonical value, not defanged.
        value: String,
        /// Set aside as well known: key of the reason.
        benign: Option<String>,
        /// Where it stands: `text`, `header`, `route` (a station that the mail came by) or `attachment`.
        source: String,
    }

    /// Something that happened to a report.
    out struct Event {
        /// When it was recorded.
        at: Moment,
        /// Who.
        who: Who,
        /// What.
        key: String,
        /// The report or incident that it leads to.
        reference: Option<Reference>,
        /// Of a snooze: until when.
        until: Option<Moment>,
    }

    /// An incident that may belong to what one looks at.
    out struct Similar {
        /// Its reference.
        reference: Reference,
        /// Its title; null when erased.
        title: Option<String>,
        /// How far it is.
        phase: Phase,
        /// Why.
        reasons: Vec<Reason>,
    }

    /// A report that may be the same.
    out struct Duplicate {
        /// Its reference.
        reference: Reference,
        /// Why.
        reasons: Vec<Reason>,
    }

    /// How far the erasure of a report is.
    out struct Erasure {
        /// Whether it is done; false: asked, and a second person confirms.
        done: bool,
        /// Who asked.
        who: Who,
        /// When.
        at: Moment,
        /// Why.
        reason: String,
        /// The second person.
        second: Option<Who>,
    }

    /// A report with everything around it.
    out struct ReportWhole {
        /// As in a list.
        report: Report,
        /// `Message-ID`, as written.
        message_id: Option<String>,
        /// SHA-256 of the raw bytes, hex; null when erased.
        raw_sha256: Option<String>,
        /// Size of the raw bytes.
        size: u64,
        /// Text of the message; null when erased, or not read yet.
        text: Option<String>,
        /// Its language, where sure.
        language: Option<Language>,
        /// Where an answer goes, when that is not the sender.
        reply_to: Option<String>,
        /// Number to call back.
        phone: Option<String>,
        /// Why it was not fully read: keys.
        incomplete: Vec<String>,
        /// Which board's name the writer gave, as typed.
        board_as_typed: Option<String>,
        /// Proposed incident type (RSIT).
        rsit: Option<String>,
        /// Attachments.
        attachments: Vec<Attachment>,
        /// Observables.
        observables: Vec<FoundObservable>,
        /// Why it is thought to be what it is thought to be.
        reasons: Vec<Reason>,
        /// `Authentication-Results` of the trusted hop.
        authentication: Vec<String>,
        /// Whether it is from whom it says: `verified`, `unproven`, `failed` or `unchecked`.
        authenticity: String,
        /// What was checked, by whom.
        authenticity_checks: Vec<AuthenticityCheck>,
        /// What happened, oldest first.
        history: Vec<Event>,
        /// Messages that continue it, oldest first.
        follow_ups: Vec<Reference>,
        /// The report that it continues or repeats.
        follows: Option<Reference>,
        /// The conversation that it may belong to; a person decides.
        thread: Option<Reference>,
        /// Mails of ours about it, oldest first.
        notices: Vec<Notice>,
        /// Incidents that it may belong to.
        similar: Vec<Similar>,
        /// Reports that may be the same.
        duplicates: Vec<Duplicate>,
        /// Who may see it.
        seen_by: SeenBy,
        /// My last act on it that can still be taken back: give it to `POST /api/v1/undo`.
        undo: Option<String>,
        /// How far its erasure is.
        erasure: Option<Erasure>,
    }

    /// A report was kept, durably. A partner's token may not see what became of it: the reference is all it gets.
    out struct Accepted {
        /// Its public name.
        reference: Reference,
        /// Whether it came for the first time.
        new: bool,
    }
}

wire! {
    /// Which reports.
    in struct ReportQuery {
        /// Where it stands: a status, or `open` for all undecided ones.
        status: Option<StatusFilter>,
        /// What it is about.
        kind: Option<Kind>,
        /// The board, by code or name.
        board: Option<String>,
        /// Only what hits a town now.
        hit_now: Option<bool>,
        /// Only what this token's account works on.
        mine: Option<bool>,
        /// Words that must occur.
        text: Option<String>,
        /// The last reference of the page before.
        after: Option<Reference>,
        /// Rows of a page, 1 to 500; 50 when left out.
        limit: Option<usize>,
    }

    /// A file of a new report.
    in struct NewFile {
        /// Its name.
        name: String,
        /// Declared media type.
        media_type: Option<String>,
        /// Its bytes.
        content: Bytes,
    }

    /// A new report.
    in struct NewReport {
        /// What happens. May be left out when `hit_now` is true and `phone` is given.
        what: Option<String>,
        /// Which board, by name, as the reporter says it.
        board: Option<String>,
        /// Who reports.
        name: Option<String>,
        /// Where an answer goes.
        email: Option<String>,
        /// Number to call back.
        phone: Option<String>,
        /// A town is being hit now.
        hit_now: Option<bool>,
        /// Since when, as far as known.
        since: Option<Moment>,
        /// Language of the reporter; Dutch when left out.
        language: Option<Language>,
        /// What it is about, when somebody said so.
        kind: Option<Kind>,
        /// Files, at most 10 and 20 MiB together.
        files: Option<Vec<NewFile>>,
    }

    /// What is decided about a report.
    in struct NewDecision {
        /// `incident` (part of the one in `of`), `follow_up`, `duplicate`, `no_incident`, `spam`, or `reopen`.
        verdict: VerdictKey,
        /// The incident or report that the verdict names.
        of: Option<Reference>,
        /// With `reopen`: it is meant that people see it who did not before; false when left out, and then such a decision stands.
        widen: Option<bool>,
    }

    /// The incident that a report is to belong to from now on.
    in struct NewMove {
        /// Which incident.
        to: Reference,
        /// It is meant that people see it who did not before; false when left out, and then such a move is refused.
        widen: Option<bool>,
    }

    /// Not before a moment.
    in struct NewSnooze {
        /// Until when; null: to be judged now after all.
        until: Option<Moment>,
    }

    /// An answer to a report's sender.
    in struct NewReply {
        /// Text of the mail.
        text: String,
        /// To whom; the sender when left out.
        to: Option<String>,
        /// Subject; the sender's when left out.
        subject: Option<String>,
        /// Language of the text; as the sender's when left out.
        language: Option<Language>,
        /// The report waits for an answer from now on.
        ask: Option<bool>,
    }

    /// What a report is about after all. Only what is given changes.
    in struct NewAppraisal {
        /// What it is about.
        kind: Option<Kind>,
        /// A town is being hit now.
        hit_now: Option<bool>,
        /// The board, by code or name; an empty text takes it away.
        board: Option<String>,
    }

    /// An act to take back.
    in struct NewUndo {
        /// The act, as `undo` named it.
        of: String,
    }
}

/// Defines a list of words that we take.
macro_rules! words {
    ($($(#[doc = $doc:literal])+ $name:ident { $($(#[doc = $about:literal])+ $variant:ident,)+ })+) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub(crate) enum $name { $($(#[doc = $about])+ $variant,)+ }
        impl $crate::api::schema::Schema for $name {
            fn schema(into: &mut $crate::api::schema::Components) -> serde_json::Value {
                into.named(stringify!($name), |_| serde_json::json!({
                    "type": "string",
                    "description": $crate::api::schema::about(&[$($doc),+]),
                    "enum": [$($name::$variant),+],
                }))
            }
        }
    )+};
}
pub(super) use words;

words! {
    /// Where a report stands; `open` is all that is undecided.
    StatusFilter {
        /// All undecided ones.
        Open,
        /// To judge.
        New,
        /// We asked and wait.
        Waiting,
        /// Not before a moment.
        Snoozed,
        /// Part of an incident.
        Incident,
        /// Continues another.
        FollowUp,
        /// Repeats another.
        Duplicate,
        /// Nothing more to do.
        NoIncident,
        /// Spam.
        Spam,
    }

    /// A verdict about a report.
    VerdictKey {
        /// Part of an incident.
        Incident,
        /// Continues another.
        FollowUp,
        /// Repeats another.
        Duplicate,
        /// Nothing more to do.
        NoIncident,
        /// Spam.
        Spam,
        /// To be judged again.
        Reopen,
    }
}

impl StatusFilter {
    pub(in crate::api) fn key(self) -> &'static str {
        match self {
            StatusFilter::Open => "open",
            StatusFilter::New => "new",
            StatusFilter::Waiting => "waiting",
            StatusFilter::Snoozed => "snoozed",
            StatusFilter::Incident => "incident",
            StatusFilter::FollowUp => "follow_up",
            StatusFilter::Duplicate => "duplicate",
            StatusFilter::NoIncident => "no_incident",
            StatusFilter::Spam => "spam",
        }
    }
}

impl Report {
    pub(in crate::api) fn of(desk: &Desk, row: ReportRow) -> Report {
        Report {
            reference: row.reference,
            via: row.via,
            received_at: Moment(row.received_at),
            event_at: moment(row.event_at),
            last_at: Moment(row.last_at),
            from_name: row.from_name,
            from_address: row.from_address,
            subject: row.subject,
            snippet: row.snippet,
            kind: row.kind,
            hit_now: row.hit_now,
            board: row.board_id.and_then(|b| Board::of(desk, b)),
            board_certain: row.board_certain,
            severity: row.severity,
            claimed_by: row.claimed_by,
            claimed_by_me: row.claimed_by_me,
            status: Key::new(row.status.key()),
            snoozed_until: match row.status {
                Status::Snoozed(until) => Some(Moment(until)),
                _ => None,
            },
            incident: row.incident,
            complete: row.complete,
            read: row.read,
            automatic: row.automatic,
            attachments: row.attachments,
            follow_ups: row.follow_ups,
            unsure_mail: row.unsure_mail,
            undelivered: row.undelivered,
            erased: row.erased,
        }
    }
}

impl From<SimilarIncident> for Similar {
    fn from(similar: SimilarIncident) -> Similar {
        Similar {
            reference: similar.reference,
            title: similar.title,
            phase: similar.phase,
            reasons: similar.reasons.into_iter().map(Reason::from).collect(),
        }
    }
}

impl From<ErasureView> for Erasure {
    fn from(view: ErasureView) -> Erasure {
        match view {
            ErasureView::Asked { who, at, reason, .. } => {
                Erasure { done: false, who: who.into(), at: Moment(at), reason, second: None }
            }
            ErasureView::Done { who, at, reason, second } => {
                Erasure { done: true, who: who.into(), at: Moment(at), reason, second: second.map(Who::from) }
            }
        }
    }
}

impl From<intake::Attachment> for Attachment {
    fn from(of: intake::Attachment) -> Attachment {
        let intake::Attachment { index, name, media_type, size, sha256, suspicious } = of;
        Attachment { index, name, media_type, size, sha256, suspicious }
    }
}

impl From<intake::Observable> for FoundObservable {
    fn from(of: intake::Observable) -> FoundObservable {
        let intake::Observable { kind, value, benign, source } = of;
        FoundObservable { kind, value, benign, source: source.key().to_owned() }
    }
}

fn references(rows: Vec<ReportRow>) -> Vec<Reference> {
    rows.into_iter().map(|r| r.reference).collect()
}

impl ReportWhole {
    /// `text` stands outside of memory and comes later.
    pub(in crate::api) fn of(desk: &Desk, view: ReportView, tickets: Tickets) -> ReportWhole {
        let head = view.head.unwrap_or_default();
        let arrival = view.arrival;
        ReportWhole {
            report: Report::of(desk, view.row),
            message_id: arrival.as_ref().and_then(|a| a.message_id.clone()),
            raw_sha256: arrival.map(|a| a.raw_sha256),
            size: view.size,
            text: None,
            language: view.language,
            reply_to: head.reply_to,
            phone: head.phone,
            incomplete: match view.completeness {
                Some(Completeness::Partial(reasons)) => reasons,
                _ => Vec::new(),
            },
            board_as_typed: head.board_as_typed,
            rsit: view.rsit,
            attachments: head.attachments.into_iter().map(Attachment::from).collect(),
            observables: head.observables.into_iter().map(FoundObservable::from).collect(),
            reasons: head.reasons.into_iter().map(Reason::from).collect(),
            authentication: head.authentication,
            authenticity: head.authenticity.as_ref().map_or(Proof::Unchecked, |a| a.standing).key().to_owned(),
            authenticity_checks: head
                .authenticity
                .map(|a| a.checks.into_iter().map(checked).collect())
                .unwrap_or_default(),
            history: view.history.into_iter().map(event).collect(),
            follow_ups: references(view.follow_ups),
            follows: view.follows.map(|r| r.reference),
            thread: view.thread.map(|r| r.reference),
            notices: view.notices.into_iter().map(Notice::from).collect(),
            similar: view.similar.into_iter().map(Similar::from).collect(),
            duplicates: view.duplicates.into_iter().map(duplicate).collect(),
            seen_by: view.seen_by.into(),
            undo: view.undo.map(|seq| tickets.seal(seq)),
            erasure: view.erasure.map(Erasure::from),
        }
    }
}

fn checked(check: intake::AuthenticityCheck) -> AuthenticityCheck {
    let intake::AuthenticityCheck { by, method, result, domain } = check;
    AuthenticityCheck { by, method, result, domain }
}

fn event(row: intake::EventRow) -> Event {
    Event {
        at: Moment(row.at),
        who: row.who.into(),
        key: row.key.to_owned(),
        reference: row.reference,
        until: moment(row.until),
    }
}

fn duplicate(of: intake::SimilarReport) -> Duplicate {
    Duplicate { reference: of.row.reference, reasons: of.reasons.into_iter().map(Reason::from).collect() }
}
