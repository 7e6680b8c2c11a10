//! One incident, whole: what do we know, and what is next?

use super::list::IncidentRow;
use super::similar::SimilarIncident;
use crate::command::{Actor, Inverse};
use crate::ids::{AccountId, EntryId, IncidentId, NoticeId, Reference, TaskId, Timestamp};
use crate::incidents::{Change, Entry, Incident, Line, Note, NoteKind, Phase};
use crate::intake::{ContentRef, ErasureView, ReportRow};
use crate::lens::{Leave, Lens, Seen, Tlp};
use crate::observables;
use crate::outbox::NoticeView;
use crate::view::{BoardLink, IncidentLink, SeenBy, Who};
use std::collections::BTreeMap;

/// An incident with everything around it.
#[derive(Clone, Debug)]
pub struct IncidentView {
    /// As in a list.
    pub row: IncidentRow,
    /// When each phase began; later ones are `None`.
    pub phases: Vec<PhaseStep>,
    /// Who leads.
    pub lead: Option<AccountId>,
    /// Boards concerned.
    pub boards: Vec<BoardLink>,
    /// Boards of what goes on in it, besides.
    pub joined_boards: Vec<BoardLink>,
    /// RSIT types of what goes on in it, besides.
    pub joined_classes: Vec<String>,
    /// What happened, the latest event first.
    pub timeline: Vec<EntryView>,
    /// Messages in and out, oldest first.
    pub conversation: Vec<Message>,
    /// Observables from its messages and by hand; benign ones last.
    pub observables: Vec<ObservableView>,
    /// How many of them are set aside as well known.
    pub benign: usize,
    /// Things to do: open ones first, by due time.
    pub tasks: Vec<TaskView>,
    /// Who may see it.
    pub seen_by: SeenBy,
    /// Who would see a line under each label, the most open first: for the sentence under the composer.
    pub seen_by_label: Vec<SeenBy>,
    /// Other incidents that may belong to this one, with the reasons.
    pub similar: Vec<SimilarIncident>,
    /// Leave to work on it.
    pub leave: Option<Leave<IncidentId>>,
    /// Whether the viewer may change who sees it.
    pub may_address: bool,
    /// My acts that I can still take back, the last one first.
    pub undo: Vec<UndoRow>,
    /// Legal hold.
    pub hold: Option<HoldView>,
    /// It was opened by mistake, and is listed no more.
    pub dropped: bool,
    /// Whether the viewer may split it, merge it and erase it.
    pub may_join: bool,
    /// It goes on there.
    pub merged: Option<IncidentLink>,
    /// These go on in it, as far as the viewer may see them.
    pub took_over: Vec<IncidentLink>,
    /// It was split off from this one.
    pub from: Option<IncidentLink>,
    /// How far its erasure is.
    pub erasure: Option<ErasureView>,
}

/// A phase and when it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PhaseStep {
    /// Which.
    pub phase: Phase,
    /// When; `None`: not yet.
    pub at: Option<Timestamp>,
    /// Whether it is the present one.
    pub present: bool,
}

/// A legal hold.
#[derive(Clone, Debug, PartialEq)]
pub struct HoldView {
    /// Who.
    pub who: Who,
    /// When.
    pub at: Timestamp,
    /// Why; `None` when erased.
    pub reason: Option<String>,
}

/// A line of the timeline.
#[derive(Clone, Debug, PartialEq)]
pub struct EntryView {
    /// Its place.
    pub entry: EntryId,
    /// The incident in which it stands, where that is another one that goes on in this one.
    pub of: Option<Reference>,
    /// When it happened.
    pub event_at: Timestamp,
    /// Whether that time is certain.
    pub certain: bool,
    /// When it was written down.
    pub recorded_at: Timestamp,
    /// Who.
    pub who: Who,
    /// Its label, only where it differs from the incident's.
    pub tlp: Option<Tlp>,
    /// What.
    pub what: LineView,
    /// When its writer took it back; what it said is not shown any more.
    pub withdrawn: Option<Timestamp>,
    /// Whether the viewer may take it back.
    pub mine: bool,
}

/// What a line of the timeline says.
#[derive(Clone, Debug, PartialEq)]
pub enum LineView {
    /// It was opened.
    Opened,
    /// Somebody wrote; `None` when erased or taken back.
    Noted(NoteKind, Option<Note>),
    /// A field got a new value.
    Changed {
        /// Name of the field.
        field: &'static str,
        /// What stood there before, of a field with one value; `None`: nothing, or it is not known any more.
        was: Option<String>,
        /// The value: a label or key for fields with such, else text; `None`: empty, or erased.
        value: Option<String>,
        /// Of fields with several values: whether this one came or went.
        present: bool,
        /// The reason, of a phase.
        reason: Option<String>,
    },
    /// A message belongs to it.
    Report(Box<ReportRow>),
    /// A message does not belong to it any more; `None` when the viewer may not see it.
    ReportGone(Option<Box<ReportRow>>),
    /// A mail went out.
    Notice(Box<NoticeView>),
    /// Something to do; `None` when erased or taken back.
    Task(TaskId, Option<String>),
    /// Done, or open again.
    TaskSet(TaskId, bool, Option<String>),
    /// An observable was added; `None` when erased or taken back.
    Observed(Option<ObservableView>),
    /// Legal hold, with the reason.
    Held(Option<String>),
    /// The hold ended, with the reason.
    HoldLifted(Option<String>),
    /// It was opened by mistake.
    Dropped,
    /// It goes on in another one, which the viewer may not see when it is `None`.
    MergedInto(Option<IncidentLink>),
    /// Another one goes on in it.
    TookOver(Option<IncidentLink>),
    /// It and another one go their own ways again.
    Parted(Option<IncidentLink>),
    /// Somebody wants it erased, with the reason.
    ErasureAsked(String),
    /// It is not to be erased after all.
    ErasureWithdrawn,
    /// What was written in it was erased, with the reason.
    Erased(String),
    /// A second person agreed afterwards.
    Countersigned,
}

/// A message of the conversation.
#[derive(Clone, Debug)]
pub enum Message {
    /// It came in.
    In {
        /// As in a list.
        row: Box<ReportRow>,
        /// Its whole reading.
        body: Option<Seen<ContentRef>>,
        /// Its raw content.
        raw: Seen<ContentRef>,
    },
    /// It went out.
    Out(Box<NoticeView>),
}

impl Message {
    /// When it came or went.
    pub fn at(&self) -> Timestamp {
        match self {
            Message::In { row, .. } => row.received_at,
            Message::Out(notice) => notice.at,
        }
    }

    /// The address at its other end; `None` when there is none, or it was erased.
    fn address(&self) -> Option<&str> {
        match self {
            Message::In { row, .. } => row.from_address.as_deref(),
            Message::Out(notice) => notice.to.as_deref(),
        }
    }
}

impl IncidentView {
    /// Addresses that take part in the conversation, the one of the newest message first.
    pub fn addresses(&self) -> Vec<&str> {
        let mut seen = std::collections::HashSet::new();
        let newest = self.conversation.iter().rev().filter_map(Message::address);
        newest.filter(|address| seen.insert(address.to_lowercase())).collect()
    }

    /// What a mail to an address goes on from: the newest message from it, and the Message-ID of our newest mail to it.
    pub fn continued(&self, to: &str) -> (Option<Reference>, Option<&str>) {
        let (mut came, mut went) = (None, None);
        for message in &self.conversation {
            match message {
                _ if !message.address().is_some_and(|a| a.eq_ignore_ascii_case(to.trim())) => {}
                Message::In { row, .. } => came = Some(row.reference),
                Message::Out(notice) => went = Some(notice.message_id.as_str()),
            }
        }
        (came, went)
    }
}

/// An observable and where it was seen.
#[derive(Clone, Debug, PartialEq)]
pub struct ObservableView {
    /// `ipv4`, `domain`, …
    pub kind: String,
    /// Canonical value, not defanged.
    pub value: String,
    /// As it is shown.
    pub defanged: String,
    /// Set aside as well known: key of the reason.
    pub benign: Option<String>,
    /// Messages in which it was found.
    pub reports: Vec<Reference>,
    /// Lines by which it was added.
    pub entries: Vec<EntryId>,
    /// The strictest label under which it was added by hand, where it differs from the incident's.
    pub tlp: Option<Tlp>,
}

/// Something to do.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskView {
    /// Which.
    pub task: TaskId,
    /// The incident in which it stands, where that is another one that goes on in this one.
    pub of: Option<Reference>,
    /// What; `None` when erased.
    pub text: Option<String>,
    /// Who asked for it.
    pub who: Who,
    /// When.
    pub at: Timestamp,
    /// Who does it.
    pub assignee: Option<Who>,
    /// Whether that is the viewer.
    pub mine: bool,
    /// Until when.
    pub due: Option<Timestamp>,
    /// When it was done and by whom.
    pub done: Option<(Timestamp, Who)>,
}

/// An act that the viewer can take back.
#[derive(Clone, Debug, PartialEq)]
pub struct UndoRow {
    /// Give this to [`crate::command::Command::Undo`].
    pub of: u64,
    /// Key of what: a field's name, `line`, `task`, `opening`, `merge`, `move`.
    pub key: &'static str,
}

impl Lens<'_> {
    /// One incident, whole.
    pub fn incident(&self, reference: Reference) -> Option<IncidentView> {
        let incident = self.incident_id(reference)?;
        let kept = self.desk.incidents.get(incident);
        let leave = self.leave_on_incident(incident, kept.class);
        let family = self.family(incident);
        let observables = self.observables_of(&family);
        let link = |i: IncidentId| self.incident_link(self.desk.incidents.get(i).reference);
        Some(IncidentView {
            row: self.incident_row(incident),
            phases: Phase::ALL.map(|p| step(kept, p)).to_vec(),
            lead: kept.lead,
            boards: kept.boards.iter().filter_map(|b| self.desk.board_link(*b)).collect(),
            joined_boards: joined(&family, |kept| &kept.boards)
                .iter()
                .filter_map(|b| self.desk.board_link(*b))
                .collect(),
            joined_classes: joined(&family, |kept| &kept.classes),
            timeline: self.timeline(&family),
            conversation: self.conversation(&family),
            benign: observables.iter().filter(|o| o.benign.is_some()).count(),
            observables,
            tasks: self.tasks_of(&family),
            seen_by: self.seen_by(kept.class),
            seen_by_label: self.seen_by_label(kept),
            similar: self.similar_to_incident(incident),
            may_address: leave.is_some() && self.is_team(),
            may_join: leave.is_some() && self.is_team(),
            leave,
            undo: family.iter().flat_map(|(i, of)| self.undo_of_incident(*i, of)).collect(),
            merged: kept.merged.and_then(|(into, _)| link(into)),
            took_over: kept.took_over.iter().filter_map(|i| link(*i)).collect(),
            from: kept.from.and_then(link),
            erasure: self.erasure_view(&kept.erasure),
            hold: kept.hold.as_ref().map(|h| HoldView {
                who: self.desk.person(h.by),
                at: h.at,
                reason: h.reason.open().cloned(),
            }),
            dropped: kept.dropped,
        })
    }

    /// An incident and what goes on in it, as far as the viewer may see; the incident itself first.
    pub(crate) fn family(&self, incident: IncidentId) -> Vec<(IncidentId, &Incident)> {
        let family = self.desk.incidents.family(incident).into_iter();
        family.map(|i| (i, self.desk.incidents.get(i))).filter(|(_, kept)| self.may_see(kept.class)).collect()
    }

    fn timeline(&self, family: &[(IncidentId, &Incident)]) -> Vec<EntryView> {
        let own = family.first().map(|(incident, _)| *incident);
        let mut views = Vec::new();
        for (incident, kept) in family {
            let of = (Some(*incident) != own).then_some(kept.reference);
            let lines = kept.timeline.iter().enumerate().filter(|(_, line)| self.may_see(line.class));
            views.extend(lines.map(|(n, line)| EntryView { of, ..self.entry_view(kept, EntryId(n as u32), line) }));
        }
        views.sort_by_key(|l| std::cmp::Reverse((l.event_at, l.recorded_at, l.entry)));
        views
    }

    fn entry_view(&self, kept: &Incident, entry: EntryId, line: &Entry) -> EntryView {
        let tlp = self.desk.classes.get(line.class).tlp;
        let mine = line.by == Actor::Person(self.viewer.account)
            && line.withdrawn.is_none()
            && matches!(line.what, Line::Noted(..) | Line::Task(_) | Line::Observed(_));
        EntryView {
            of: None,
            entry,
            event_at: line.event_at,
            certain: line.certain,
            recorded_at: line.recorded_at,
            who: self.desk.who(line.by),
            tlp: (tlp != kept.audience.tlp).then_some(tlp),
            what: self.line_view(kept, line),
            withdrawn: line.withdrawn,
            mine: mine && self.may_act(),
        }
    }

    fn line_view(&self, kept: &Incident, line: &Entry) -> LineView {
        let stands = line.withdrawn.is_none();
        match &line.what {
            Line::Opened => LineView::Opened,
            Line::Noted(kind, note) => LineView::Noted(*kind, note.open().filter(|_| stands).cloned()),
            Line::Changed(change) => self.change_view(kept, line.seq, change),
            Line::Report(report) => match self.may_see(self.desk.intake.get(*report).class) {
                true => LineView::Report(Box::new(self.report_row(*report))),
                // It was reopened since: it is the team's again, and a line of its own says that it is gone.
                false => LineView::ReportGone(None),
            },
            Line::ReportGone(report) => {
                let seen = self.may_see(self.desk.intake.get(*report).class);
                LineView::ReportGone(seen.then(|| Box::new(self.report_row(*report))))
            }
            Line::Notice(notice) => {
                let about = self.desk.outbox.get(*notice).about;
                match self.may_see(self.desk.class_of(about)) {
                    true => LineView::Notice(Box::new(self.notice_view(*notice))),
                    false => LineView::ReportGone(None),
                }
            }
            Line::Task(task) => LineView::Task(*task, kept.tasks[task.index()].text.open().filter(|_| stands).cloned()),
            Line::TaskSet(task, done) => {
                let of = &kept.tasks[task.index()];
                LineView::TaskSet(*task, *done, of.text.open().filter(|_| !of.withdrawn).cloned())
            }
            Line::Observed(observable) => {
                let shown = observable.open().filter(|_| stands);
                LineView::Observed(shown.map(|o| ObservableView {
                    kind: o.kind.clone(),
                    value: o.value.clone(),
                    defanged: observables::defanged(o),
                    benign: o.benign.clone(),
                    reports: Vec::new(),
                    entries: Vec::new(),
                    tlp: None,
                }))
            }
            Line::Held(reason) => LineView::Held(reason.open().cloned()),
            Line::HoldLifted(reason) => LineView::HoldLifted(reason.open().cloned()),
            Line::Dropped => LineView::Dropped,
            Line::MergedInto(other) => LineView::MergedInto(self.link_to(*other)),
            Line::TookOver(other) => LineView::TookOver(self.link_to(*other)),
            Line::Parted(other) => LineView::Parted(self.link_to(*other)),
            Line::ErasureAsked(reason) => LineView::ErasureAsked(reason.clone()),
            Line::ErasureWithdrawn => LineView::ErasureWithdrawn,
            Line::Erased(reason) => LineView::Erased(reason.clone()),
            Line::Countersigned => LineView::Countersigned,
        }
    }

    fn link_to(&self, incident: IncidentId) -> Option<IncidentLink> {
        self.incident_link(self.desk.incidents.get(incident).reference)
    }

    fn change_view(&self, kept: &Incident, seq: u64, change: &Change) -> LineView {
        let (value, present, reason) = self.value_view(change);
        let before = kept.before(seq, change).map(|before| self.value_view(&before).0);
        LineView::Changed { field: change.field(), was: before.flatten(), value, present, reason }
    }

    /// The value of a field, whether it is there, and the reason for it.
    fn value_view(&self, change: &Change) -> (Option<String>, bool, Option<String>) {
        let name = |a: AccountId| self.desk.accounts.name(a).map(str::to_owned);
        match change {
            Change::Title(title) => (title.open().cloned(), true, None),
            Change::Severity(s) | Change::SectorSeverity(s) => (s.map(|s| s.label().to_owned()), s.is_some(), None),
            Change::Tlp(tlp) => (Some(tlp.label().to_owned()), true, None),
            Change::Pap(pap) => (Some(pap.label().to_owned()), true, None),
            Change::Phase(phase, reason) => {
                let reason = reason.open().filter(|r| !r.trim().is_empty()).cloned();
                (Some(phase.key().to_owned()), true, reason)
            }
            Change::Lead(lead) => (lead.and_then(name), lead.is_some(), None),
            Change::Class(class, present) => (Some(class.clone()), *present, None),
            Change::Board(board, present) => (self.desk.board_link(*board).map(|b| b.name), *present, None),
            Change::Organisation(o, present) => (Some(self.desk.organisation_name(*o)), *present, None),
            Change::Person(person, present) => (name(*person), *present, None),
        }
    }

    fn conversation(&self, family: &[(IncidentId, &Incident)]) -> Vec<Message> {
        let mut messages = Vec::new();
        let reports = || family.iter().flat_map(|(_, kept)| &kept.reports);
        for report in reports() {
            let of = self.desk.intake.get(*report);
            for one in std::iter::once(report).chain(&of.follow_ups) {
                let message = self.desk.intake.get(*one);
                if !self.may_see(message.class) {
                    continue;
                }
                let body = message.reading.as_ref().filter(|_| !message.is_erased());
                messages.push(Message::In {
                    row: Box::new(self.report_row(*one)),
                    body: body.map(|r| Seen::new(ContentRef { seq: r.seq })),
                    raw: Seen::new(ContentRef { seq: message.seq }),
                });
            }
        }
        let mut notices: Vec<NoticeId> = family.iter().flat_map(|(_, kept)| &kept.notices).copied().collect();
        for report in reports() {
            let of = self.desk.intake.get(*report);
            notices.extend(&of.notices);
            notices.extend(of.follow_ups.iter().flat_map(|f| &self.desk.intake.get(*f).notices));
        }
        notices.sort_unstable();
        notices.dedup();
        let visible = |n: &crate::ids::NoticeId| self.may_see(self.desk.class_of(self.desk.outbox.get(*n).about));
        messages.extend(notices.into_iter().filter(visible).map(|n| Message::Out(Box::new(self.notice_view(n)))));
        messages.sort_by_key(Message::at);
        messages
    }

    fn observables_of(&self, family: &[(IncidentId, &Incident)]) -> Vec<ObservableView> {
        let mut found: BTreeMap<(String, String), ObservableView> = BTreeMap::new();
        fn at<'m>(
            found: &'m mut BTreeMap<(String, String), ObservableView>,
            o: &crate::intake::Observable,
        ) -> &'m mut ObservableView {
            found.entry((o.kind.clone(), o.value.clone())).or_insert_with(|| ObservableView {
                kind: o.kind.clone(),
                value: o.value.clone(),
                defanged: observables::defanged(o),
                benign: o.benign.clone(),
                reports: Vec::new(),
                entries: Vec::new(),
                tlp: None,
            })
        }
        for report in family.iter().flat_map(|(_, kept)| &kept.reports) {
            let of = self.desk.intake.get(*report);
            for one in std::iter::once(report).chain(&of.follow_ups) {
                let message = self.desk.intake.get(*one);
                if !self.may_see(message.class) {
                    continue;
                }
                for observable in message.head().map_or(&[][..], |h| &h.observables) {
                    at(&mut found, observable).reports.push(message.reference);
                }
            }
        }
        let by_hand =
            family.iter().enumerate().flat_map(|(n, (_, kept))| kept.observed.iter().map(move |s| (n, *kept, s)));
        for (n, kept, seen) in by_hand.filter(|(_, _, s)| !s.withdrawn && self.may_see(s.class)) {
            let Some(observable) = seen.observable.open() else { continue };
            let tlp = self.desk.classes.get(seen.class).tlp;
            let view = at(&mut found, observable);
            view.entries.extend((n == 0).then_some(seen.entry));
            // Whoever adds it by hand means it: it is not set aside any more.
            view.benign.clone_from(&observable.benign);
            view.tlp = view.tlp.max((tlp != kept.audience.tlp).then_some(tlp));
        }
        let mut list: Vec<ObservableView> = found.into_values().collect();
        list.sort_by_key(|o| (o.benign.is_some(), observables::order(&o.kind)));
        list
    }

    fn tasks_of(&self, family: &[(IncidentId, &Incident)]) -> Vec<TaskView> {
        let own = family.first().map(|(incident, _)| *incident);
        let tasks = family.iter().flat_map(|(i, kept)| {
            let of = (Some(*i) != own).then_some(kept.reference);
            kept.tasks.iter().enumerate().map(move |(n, t)| (of, n, t))
        });
        let mut tasks: Vec<TaskView> = tasks
            .filter(|(_, _, t)| !t.withdrawn)
            .map(|(of, n, t)| TaskView {
                task: TaskId(n as u32),
                of,
                text: t.text.open().cloned(),
                who: self.desk.person(t.by),
                at: t.at,
                assignee: t.assignee.map(|a| self.desk.person(a)),
                mine: t.assignee == Some(self.viewer.account),
                due: t.due,
                done: t.done.map(|(at, by)| (at, self.desk.person(by))),
            })
            .collect();
        tasks.sort_by_key(|t| (t.done.is_some(), t.due.unwrap_or(Timestamp(i64::MAX)), t.task));
        tasks
    }

    fn seen_by_label(&self, kept: &Incident) -> Vec<SeenBy> {
        let stricter = Tlp::ALL.into_iter().filter(|t| *t >= kept.audience.tlp);
        stricter
            .map(|tlp| {
                let mut audience = kept.audience.clone();
                if tlp == Tlp::Red && audience.tlp != Tlp::Red {
                    audience.persons = vec![self.viewer.account];
                }
                audience.tlp = tlp;
                self.audience(&audience)
            })
            .collect()
    }

    fn undo_of_incident(&self, incident: IncidentId, kept: &Incident) -> Vec<UndoRow> {
        let mine = self.desk.undoable.iter().rev().filter(|(_, u)| u.by == self.viewer.account);
        let key = |seq: u64, what: &Inverse| match what {
            Inverse::Field(of, _, after, _) if *of == incident && kept.last_set(after) == Some(seq) => {
                Some(after.field())
            }
            Inverse::Line(of, entry) if *of == incident => {
                kept.timeline[entry.index()].withdrawn.is_none().then_some("line")
            }
            Inverse::Task(of, task, _) if *of == incident => {
                let task = &kept.tasks[task.index()];
                (task.set == Some(seq) && !task.withdrawn).then_some("task")
            }
            Inverse::Opening(of) if *of == incident && kept.untouched() => Some("opening"),
            Inverse::Merge(of) if *of == incident && kept.merged.is_some_and(|(_, by)| by == seq) => Some("merge"),
            Inverse::Move(report, _) if kept.reports.contains(report) => {
                (self.desk.intake.get(*report).decided_seq == Some(seq)).then_some("move")
            }
            _ => None,
        };
        let mut rows: Vec<UndoRow> =
            mine.filter_map(|(seq, u)| key(*seq, &u.what).map(|key| UndoRow { of: *seq, key })).collect();
        // Opening was one act of several facts: it is offered once.
        let mut opening = false;
        rows.retain(|row| row.key != "opening" || !std::mem::replace(&mut opening, true));
        rows
    }
}

/// What the others of a family have and the first one has not, each once.
fn joined<T: Clone + PartialEq>(family: &[(IncidentId, &Incident)], of: impl Fn(&Incident) -> &Vec<T>) -> Vec<T> {
    let own = family.first().map_or(&[][..], |(_, kept)| of(kept));
    let mut others: Vec<T> = Vec::new();
    for one in family.iter().skip(1).flat_map(|(_, kept)| of(kept)) {
        if !own.contains(one) && !others.contains(one) {
            others.push(one.clone());
        }
    }
    others
}

fn step(kept: &Incident, phase: Phase) -> PhaseStep {
    PhaseStep { phase, at: kept.phase_at[phase as usize], present: kept.phase == phase }
}
