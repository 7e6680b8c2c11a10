//! Incidents over the wire.

use super::report::words;
use super::{Board, Count, Notice, SeenBy, Similar, Who, moment};
use crate::api::schema::{Moment, wire};
use desk::Desk;
use desk::house::Language;
use desk::ids::Reference;
use desk::incidents::{
    EntryView, IncidentList, IncidentRow, IncidentView, LineView, Message as MessageView, NoteKind, ObservableView,
    Pap, Phase, Severity, TaskView,
};
use desk::intake::ErasureView;
use desk::lens::Tlp;
use desk::view::IncidentLink;

wire! {
    /// An incident in a list.
    out struct Incident {
        /// Its public name.
        reference: Reference,
        /// Its title; null when erased.
        title: Option<String>,
        /// Severity.
        severity: Option<Severity>,
        /// Severity for the sector.
        sector_severity: Option<Severity>,
        /// How far it is.
        phase: Phase,
        /// Its label.
        tlp: Tlp,
        /// What one may do with what one knows.
        pap: Pap,
        /// Name of who leads.
        lead: Option<String>,
        /// Whether that is this token's account.
        lead_me: bool,
        /// Names of the boards concerned.
        boards: Vec<String>,
        /// RSIT types.
        classes: Vec<String>,
        /// Since when it goes on, as far as known.
        since: Moment,
        /// When it was opened.
        opened_at: Moment,
        /// When something changed last.
        changed_at: Moment,
        /// How many messages belong to it.
        reports: usize,
        /// Tasks not done.
        tasks_open: usize,
        /// When the first of them is due.
        next_due: Option<Moment>,
        /// A mail of ours about it could not be delivered.
        undelivered: bool,
        /// The newest message came from outside, and nobody wrote or noted anything since.
        unanswered: bool,
        /// Nothing of it may be erased.
        held: bool,
    }

    /// A page of incidents, what changed last first.
    out struct IncidentPage {
        /// The incidents.
        rows: Vec<Incident>,
        /// Give this as `after` for the next page; null at the end.
        next: Option<Reference>,
        /// How many there are under the filter.
        total: usize,
        /// Of them, by phase.
        phases: Vec<Count>,
        /// Of them, by severity; an empty key is those without.
        severities: Vec<Count>,
    }

    /// A line of the timeline.
    out struct Line {
        /// Its place.
        entry: u32,
        /// When it happened.
        event_at: Moment,
        /// Whether that time is certain.
        certain: bool,
        /// When it was written down.
        recorded_at: Moment,
        /// Who.
        who: Who,
        /// Its label, only where it differs from the incident's.
        tlp: Option<Tlp>,
        /// What: `opened`, `note`, `decision`, `changed`, `report`, `report_gone`, `notice`, `task`, `task_done`, `task_open`,
        /// `observed`, `held`, `hold_lifted`, `dropped`, `merged_into`, `took_over`, `parted`, `erasure_asked`, `erasure_withdrawn`, `erased` or `countersigned`.
        what: String,
        /// What it says: the note, the task, the new value, the observable, the reason; null when erased or taken back.
        text: Option<String>,
        /// Of a decision or a phase: why.
        why: Option<String>,
        /// Of `changed`: the field.
        field: Option<String>,
        /// Of `changed` for a field with several values: whether this one came or went.
        present: Option<bool>,
        /// The report, mail's conversation or other incident.
        reference: Option<Reference>,
        /// The incident in which it stands, where that goes on in this one.
        of: Option<Reference>,
        /// When its writer took it back.
        withdrawn: Option<Moment>,
    }

    /// A message of the conversation: one of a report that came in or a mail that went out.
    out struct Message {
        /// When it came or went.
        at: Moment,
        /// The report, of one that came in.
        report: Option<Reference>,
        /// The mail, of one that went out.
        notice: Option<Notice>,
    }

    /// An observable and where it was seen.
    out struct Observable {
        /// `ipv4`, `domain` and so on.
        kind: String,
        /// Canonical value, not defanged.
        value: String,
        /// As it is safe to show.
        defanged: String,
        /// Set aside as well known: key of the reason.
        benign: Option<String>,
        /// Reports in which it was found.
        reports: Vec<Reference>,
    }

    /// Something to do.
    out struct Task {
        /// Its number, for `POST …/tasks/{task}`.
        task: u32,
        /// The incident in which it stands, where that goes on in this one: use its address.
        of: Option<Reference>,
        /// What; null when erased.
        text: Option<String>,
        /// Who asked for it.
        who: Who,
        /// When.
        at: Moment,
        /// Who does it.
        assignee: Option<Who>,
        /// Until when.
        due: Option<Moment>,
        /// When it was done; null: open.
        done_at: Option<Moment>,
    }

    /// An incident with everything around it. Its `ETag` changes with everything in here.
    out struct IncidentWhole {
        /// As in a list.
        incident: Incident,
        /// Account of who leads.
        lead: Option<u32>,
        /// Boards concerned.
        boards: Vec<Board>,
        /// What happened, the latest event first.
        timeline: Vec<Line>,
        /// Messages in and out, oldest first.
        conversation: Vec<Message>,
        /// Observables from its messages and by hand; benign ones last.
        observables: Vec<Observable>,
        /// Things to do: open ones first, by due time.
        tasks: Vec<Task>,
        /// Who may see it.
        seen_by: SeenBy,
        /// Other incidents that may belong to this one.
        similar: Vec<Similar>,
        /// It was opened by mistake, and is listed no more.
        dropped: bool,
        /// It goes on there.
        merged_into: Option<Reference>,
        /// These go on in it.
        took_over: Vec<Reference>,
        /// It was split off from this one.
        split_from: Option<Reference>,
        /// What was written in it was erased.
        erased: bool,
    }

    /// An incident was opened, durably.
    out struct Opened {
        /// Its public name.
        reference: Reference,
        /// When it was recorded.
        at: Moment,
        /// Give this to `POST /api/v1/undo` to take it back.
        undo: Option<String>,
    }
}

wire! {
    /// Which incidents.
    in struct IncidentQuery {
        /// Closed ones too.
        all: Option<bool>,
        /// How far.
        phase: Option<Phase>,
        /// Severity.
        severity: Option<Severity>,
        /// A board concerned, by code or name.
        board: Option<String>,
        /// Words that must occur.
        text: Option<String>,
        /// The last reference of the page before.
        after: Option<Reference>,
        /// Rows of a page, 1 to 500; 50 when left out.
        limit: Option<usize>,
    }

    /// A new incident.
    in struct NewIncident {
        /// Its title.
        title: String,
        /// Severity at first sight.
        severity: Option<Severity>,
        /// Its label; AMBER when left out.
        tlp: Option<Tlp>,
        /// Since when; since the first report when left out.
        since: Option<Moment>,
        /// Boards concerned, by code or name.
        boards: Option<Vec<String>>,
        /// RSIT types.
        classes: Option<Vec<String>>,
        /// Reports that it begins with.
        reports: Option<Vec<Reference>>,
    }

    /// One field's new value.
    in struct NewChange {
        /// Which field.
        field: ChangeField,
        /// Its new value: a label or key, a text, a code or name for a board, a number for an account or organisation. Null empties
        /// severity, sector_severity and lead.
        value: Option<String>,
        /// Of class, board, organisation and person: true adds the value, false takes it away; true when left out.
        present: Option<bool>,
        /// The value that you saw, written like `value`: another one now is a conflict (412).
        expected: Option<String>,
        /// Of a phase: why.
        reason: Option<String>,
    }

    /// A line of the timeline.
    in struct NewNote {
        /// What it says.
        text: String,
        /// What kind of line; a note when left out.
        kind: Option<NoteKind>,
        /// Of a decision: why, and what follows.
        why: Option<String>,
        /// When it happened; now when left out.
        event_at: Option<Moment>,
        /// Whether that time is certain; true when left out.
        certain: Option<bool>,
        /// Its label; the incident's when left out, and never more open than that.
        tlp: Option<Tlp>,
    }

    /// Something to do.
    in struct NewTask {
        /// What.
        text: String,
        /// Account of who does it.
        assignee: Option<u32>,
        /// Until when.
        due: Option<Moment>,
    }

    /// Whether a task is done.
    in struct SetTask {
        /// Done, or open again.
        done: bool,
    }

    /// An observable by hand.
    in struct NewObservable {
        /// Its value, defanged or not. What kind it is, is found out.
        value: String,
        /// Its label; the incident's when left out, and never more open than that.
        tlp: Option<Tlp>,
    }

    /// Where an incident goes on.
    in struct Merge {
        /// The other incident, which then shows both. What stands in either is seen by whom it was.
        into: Reference,
    }

    /// Messages that leave an incident for a new one.
    in struct Split {
        /// Title of the new one.
        title: String,
        /// The messages.
        reports: Vec<Reference>,
    }

    /// A legal hold: nothing of it may be erased.
    in struct NewHold {
        /// Whether it is held from now on.
        held: bool,
        /// Why.
        reason: String,
    }

    /// Erasing what was written in an incident, or what came with a message.
    in struct NewErasure {
        /// `ask`: a second person confirms; `alone`: now, by an administrator, to be countersigned; `confirm`; `withdraw`; `countersign`.
        act: ErasureAct,
        /// Of the first two: why. It stays in the open for ever, so name nobody.
        reason: Option<String>,
    }

    /// A mail to somebody who takes part.
    in struct NewMail {
        /// To whom.
        to: String,
        /// Subject.
        subject: String,
        /// Text.
        text: String,
        /// Language of the text; Dutch when left out.
        language: Option<Language>,
    }
}

words! {
    /// A step of an erasure.
    ErasureAct {
        /// Ask; a second person confirms.
        Ask,
        /// Now; a second person countersigns.
        Alone,
        /// The second person confirms.
        Confirm,
        /// It is not to be erased after all.
        Withdraw,
        /// The second person countersigns.
        Countersign,
    }

    /// A field of an incident.
    ChangeField {
        /// The title.
        Title,
        /// Severity of this incident.
        Severity,
        /// Severity for the sector.
        SectorSeverity,
        /// Label.
        Tlp,
        /// Permissible actions.
        Pap,
        /// Phase.
        Phase,
        /// Who leads, by account.
        Lead,
        /// An RSIT type.
        Class,
        /// A board, by code or name.
        Board,
        /// An organisation, by number.
        Organisation,
        /// Under RED, a person, by account.
        Person,
    }
}

impl From<IncidentRow> for Incident {
    fn from(row: IncidentRow) -> Incident {
        Incident {
            reference: row.reference,
            title: row.title,
            severity: row.severity,
            sector_severity: row.sector_severity,
            phase: row.phase,
            tlp: row.tlp,
            pap: row.pap,
            lead: row.lead,
            lead_me: row.lead_me,
            boards: row.boards,
            classes: row.classes,
            since: Moment(row.since),
            opened_at: Moment(row.opened_at),
            changed_at: Moment(row.changed_at),
            reports: row.reports,
            tasks_open: row.tasks_open,
            next_due: moment(row.next_due),
            undelivered: row.undelivered,
            unanswered: row.unanswered,
            held: row.held,
        }
    }
}

impl From<IncidentList> for IncidentPage {
    fn from(list: IncidentList) -> IncidentPage {
        let phases = list.facets.phases.into_iter().map(|(p, count)| Count { key: p.key().to_owned(), count });
        let severities = list.facets.severities.into_iter();
        IncidentPage {
            rows: list.rows.into_iter().map(Incident::from).collect(),
            next: list.next,
            total: list.total,
            phases: phases.collect(),
            severities: severities
                .map(|(s, count)| Count { key: s.map_or("", Severity::label).to_owned(), count })
                .collect(),
        }
    }
}

/// What a line says: its kind, text, reason, field, presence, reference.
#[derive(Default)]
struct Said {
    what: &'static str,
    text: Option<String>,
    why: Option<String>,
    field: Option<String>,
    present: Option<bool>,
    reference: Option<Reference>,
}

impl Said {
    fn of(what: &'static str, text: Option<String>) -> Said {
        Said { what, text, ..Said::default() }
    }
}

fn said(line: LineView) -> Said {
    match line {
        LineView::Opened => Said::of("opened", None),
        LineView::Noted(kind, note) => {
            let what = if kind == NoteKind::Decision { "decision" } else { "note" };
            let (text, why) = note.map(|n| (n.text, n.why)).unzip();
            Said { why: why.filter(|w| !w.is_empty()), ..Said::of(what, text) }
        }
        LineView::Changed { field, value, present, reason, was: _ } => {
            Said { why: reason, field: Some(field.to_owned()), present: Some(present), ..Said::of("changed", value) }
        }
        LineView::Report(row) => Said { reference: Some(row.reference), ..Said::of("report", row.subject) },
        LineView::ReportGone(row) => Said { reference: row.map(|r| r.reference), ..Said::of("report_gone", None) },
        LineView::Notice(view) => Said { reference: Some(view.reference), ..Said::of("notice", view.subject) },
        LineView::Task(_, text) => Said::of("task", text),
        LineView::TaskSet(_, true, text) => Said::of("task_done", text),
        LineView::TaskSet(_, false, text) => Said::of("task_open", text),
        LineView::Observed(seen) => Said::of("observed", seen.map(|o| o.value)),
        LineView::Held(reason) => Said::of("held", reason),
        LineView::HoldLifted(reason) => Said::of("hold_lifted", reason),
        LineView::Dropped => Said::of("dropped", None),
        LineView::MergedInto(other) => other_incident("merged_into", other),
        LineView::TookOver(other) => other_incident("took_over", other),
        LineView::Parted(other) => other_incident("parted", other),
        LineView::ErasureWithdrawn => Said::of("erasure_withdrawn", None),
        LineView::ErasureAsked(reason) => Said::of("erasure_asked", Some(reason)),
        LineView::Erased(reason) => Said::of("erased", Some(reason)),
        LineView::Countersigned => Said::of("countersigned", None),
    }
}

fn other_incident(what: &'static str, other: Option<IncidentLink>) -> Said {
    let (reference, title) = other.map(|o| (o.reference, o.title)).unzip();
    Said { reference, ..Said::of(what, title.flatten()) }
}

impl From<EntryView> for Line {
    fn from(view: EntryView) -> Line {
        let said = said(view.what);
        Line {
            entry: view.entry.0,
            event_at: Moment(view.event_at),
            certain: view.certain,
            recorded_at: Moment(view.recorded_at),
            who: view.who.into(),
            tlp: view.tlp,
            what: said.what.to_owned(),
            text: said.text,
            why: said.why,
            field: said.field,
            present: said.present,
            reference: said.reference,
            of: view.of,
            withdrawn: moment(view.withdrawn),
        }
    }
}

impl From<MessageView> for Message {
    fn from(view: MessageView) -> Message {
        let at = Moment(view.at());
        match view {
            MessageView::In { row, .. } => Message { at, report: Some(row.reference), notice: None },
            MessageView::Out(notice) => Message { at, report: None, notice: Some(Notice::from(*notice)) },
        }
    }
}

impl From<ObservableView> for Observable {
    fn from(view: ObservableView) -> Observable {
        let ObservableView { kind, value, defanged, benign, reports, .. } = view;
        Observable { kind, value, defanged, benign, reports }
    }
}

impl From<TaskView> for Task {
    fn from(view: TaskView) -> Task {
        Task {
            task: view.task.0,
            of: view.of,
            text: view.text,
            who: view.who.into(),
            at: Moment(view.at),
            assignee: view.assignee.map(Who::from),
            due: moment(view.due),
            done_at: view.done.map(|(at, _)| Moment(at)),
        }
    }
}

impl IncidentWhole {
    pub(in crate::api) fn of(desk: &Desk, view: IncidentView) -> IncidentWhole {
        IncidentWhole {
            incident: view.row.into(),
            lead: view.lead.map(|l| l.0),
            boards: Board::links(desk, &view.boards),
            timeline: view.timeline.into_iter().map(Line::from).collect(),
            conversation: view.conversation.into_iter().map(Message::from).collect(),
            observables: view.observables.into_iter().map(Observable::from).collect(),
            tasks: view.tasks.into_iter().map(Task::from).collect(),
            seen_by: view.seen_by.into(),
            similar: view.similar.into_iter().map(Similar::from).collect(),
            dropped: view.dropped,
            merged_into: view.merged.map(|to| to.reference),
            took_over: view.took_over.into_iter().map(|one| one.reference).collect(),
            split_from: view.from.map(|from| from.reference),
            erased: matches!(view.erasure, Some(ErasureView::Done { .. })),
        }
    }
}
