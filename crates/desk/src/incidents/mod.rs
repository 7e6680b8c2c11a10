//! Incidents: what is known, what was decided, who does what.

mod decide;
mod view;

pub(crate) use decide::{change_back, decide};
pub use view::*;

use crate::command::Actor;
use crate::ids::{AccountId, EntryId, IncidentId, NoticeId, Reference, ReportId, TaskId, Timestamp};
use crate::intake::Observable;
use crate::lens::{Audience, ClassId, Leave, Tlp};
use crate::register::BoardId;
use crate::sealed::Sealed;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// National incident severity, NCSC UK categories.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Severity {
    /// National emergency.
    C1,
    /// Highly significant.
    C2,
    /// Significant: names local government.
    C3,
    /// Substantial.
    C4,
    /// Moderate.
    C5,
    /// Localised.
    C6,
}

impl Severity {
    /// All, the gravest first.
    pub const ALL: [Severity; 6] =
        [Severity::C1, Severity::C2, Severity::C3, Severity::C4, Severity::C5, Severity::C6];

    /// `C1` to `C6`.
    pub fn label(self) -> &'static str {
        ["C1", "C2", "C3", "C4", "C5", "C6"][self as usize]
    }

    /// By its label.
    pub fn from_label(label: &str) -> Option<Severity> {
        Severity::ALL.into_iter().find(|s| s.label() == label)
    }
}

/// Permissible Actions Protocol: what one may do with what one knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Pap {
    /// No limit.
    #[serde(rename = "CLEAR")]
    Clear,
    /// Active measures allowed.
    #[serde(rename = "GREEN")]
    Green,
    /// Passive look-ups only.
    #[serde(rename = "AMBER")]
    #[default]
    Amber,
    /// Nothing an adversary could notice.
    #[serde(rename = "RED")]
    Red,
}

impl Pap {
    /// All, the most open first.
    pub const ALL: [Pap; 4] = [Pap::Clear, Pap::Green, Pap::Amber, Pap::Red];

    /// Without the prefix `PAP:`.
    pub fn label(self) -> &'static str {
        ["CLEAR", "GREEN", "AMBER", "RED"][self as usize]
    }

    /// By its label.
    pub fn from_label(label: &str) -> Option<Pap> {
        Pap::ALL.into_iter().find(|p| p.label() == label)
    }
}

/// How far an incident is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Somebody says so.
    Reported,
    /// It is so.
    Confirmed,
    /// It does not spread any more.
    Contained,
    /// Services come back.
    Recovery,
    /// Lessons, letters, follow-up.
    Aftercare,
    /// Nothing more to do.
    Closed,
}

impl Phase {
    /// All, in order.
    pub const ALL: [Phase; 6] =
        [Phase::Reported, Phase::Confirmed, Phase::Contained, Phase::Recovery, Phase::Aftercare, Phase::Closed];

    /// Its name in the words, the API and forms.
    pub fn key(self) -> &'static str {
        ["reported", "confirmed", "contained", "recovery", "aftercare", "closed"][self as usize]
    }

    /// By its key.
    pub fn from_key(key: &str) -> Option<Phase> {
        Phase::ALL.into_iter().find(|p| p.key() == key)
    }
}

/// One field of an incident, with its new value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// The title.
    Title(Sealed<String>),
    /// Severity of this incident.
    Severity(Option<Severity>),
    /// Severity for the sector as a whole.
    SectorSeverity(Option<Severity>),
    /// Label.
    Tlp(Tlp),
    /// Permissible actions.
    Pap(Pap),
    /// Phase, with the reason.
    Phase(Phase, Sealed<String>),
    /// Who leads.
    Lead(Option<AccountId>),
    /// An RSIT type is so, or not any more.
    Class(String, bool),
    /// A board is concerned, or not any more.
    Board(BoardId, bool),
    /// An organisation works on it, or not any more.
    Organisation(crate::ids::OrganisationId, bool),
}

impl Change {
    /// Name of the field, in the words, the API and forms.
    pub fn field(&self) -> &'static str {
        match self {
            Change::Title(_) => "title",
            Change::Severity(_) => "severity",
            Change::SectorSeverity(_) => "sector_severity",
            Change::Tlp(_) => "tlp",
            Change::Pap(_) => "pap",
            Change::Phase(..) => "phase",
            Change::Lead(_) => "lead",
            Change::Class(..) => "class",
            Change::Board(..) => "board",
            Change::Organisation(..) => "organisation",
        }
    }
}

/// What kind of line somebody wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoteKind {
    /// Something known.
    Note,
    /// Something decided.
    Decision,
}

/// What somebody wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// The text.
    pub text: String,
    /// Of a decision: why, and what follows.
    #[serde(default)]
    pub why: String,
}

/// Facts about incidents.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    /// An incident was opened.
    Opened {
        /// Which.
        incident: IncidentId,
        /// Its reference.
        reference: Reference,
        /// Who.
        by: Actor,
        /// Since when it is going on, as far as known.
        since: Timestamp,
        /// Who may see it.
        audience: Audience,
        /// Severity at first sight.
        severity: Option<Severity>,
        /// Its title.
        title: Sealed<String>,
    },
    /// One field got a new value.
    Changed {
        /// Which.
        incident: IncidentId,
        /// Who.
        by: Actor,
        /// What.
        change: Change,
    },
    /// Somebody wrote a line.
    Noted {
        /// Which.
        incident: IncidentId,
        /// The line.
        entry: EntryId,
        /// Who.
        by: AccountId,
        /// What kind of line.
        kind: NoteKind,
        /// When it happened; the journal knows when it was written down.
        event_at: Timestamp,
        /// Whether that time is certain.
        certain: bool,
        /// A stricter label than the incident's, or the same.
        tlp: Tlp,
        /// What it says.
        note: Sealed<Note>,
    },
    /// There is something to do.
    TaskAdded {
        /// Which.
        incident: IncidentId,
        /// The task.
        task: TaskId,
        /// Who asks.
        by: AccountId,
        /// Who does it.
        assignee: Option<AccountId>,
        /// Until when.
        due: Option<Timestamp>,
        /// What it says.
        text: Sealed<String>,
    },
    /// It is done, or open again.
    TaskSet {
        /// Which.
        incident: IncidentId,
        /// The task.
        task: TaskId,
        /// Who.
        by: AccountId,
        /// Done, or open again.
        done: bool,
    },
    /// An observable was added by hand.
    Observed {
        /// Which.
        incident: IncidentId,
        /// Who.
        by: AccountId,
        /// Its label.
        tlp: Tlp,
        /// What.
        observable: Sealed<Observable>,
    },
}

impl Fact {
    /// The incident it is about.
    pub fn incident(&self) -> IncidentId {
        let (Fact::Opened { incident, .. }
        | Fact::Changed { incident, .. }
        | Fact::Noted { incident, .. }
        | Fact::TaskAdded { incident, .. }
        | Fact::TaskSet { incident, .. }
        | Fact::Observed { incident, .. }) = self;
        *incident
    }
}

/// What may be asked about incidents.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Open one, with the reports it begins with.
    Open {
        /// Who.
        by: AccountId,
        /// Its title.
        title: String,
        /// Severity at first sight.
        severity: Option<Severity>,
        /// Its label.
        tlp: Tlp,
        /// Since when; `None`: since the first report.
        since: Option<Timestamp>,
        /// Boards concerned.
        boards: Vec<BoardId>,
        /// RSIT types.
        classes: Vec<String>,
        /// The reports it begins with.
        reports: Vec<Leave<ReportId>>,
    },
    /// Give one field a new value. `expected` is the value that the person saw: another one now is a conflict.
    Change {
        /// Which.
        incident: Leave<IncidentId>,
        /// What.
        change: Change,
        /// What the person saw.
        expected: Option<Change>,
    },
    /// Write a line.
    Note {
        /// Which.
        incident: Leave<IncidentId>,
        /// What kind of line.
        kind: NoteKind,
        /// When it happened; `None`: now.
        event_at: Option<Timestamp>,
        /// Whether that time is certain.
        certain: bool,
        /// Its label.
        tlp: Tlp,
        /// What it says.
        note: Note,
    },
    /// There is something to do.
    AddTask {
        /// Which.
        incident: Leave<IncidentId>,
        /// What.
        text: String,
        /// Who does it.
        assignee: Option<AccountId>,
        /// Until when.
        due: Option<Timestamp>,
    },
    /// It is done, or open again.
    SetTask {
        /// Which.
        incident: Leave<IncidentId>,
        /// The task.
        task: TaskId,
        /// Done, or open again.
        done: bool,
    },
    /// Add an observable by hand.
    Observe {
        /// Which.
        incident: Leave<IncidentId>,
        /// Its label.
        tlp: Tlp,
        /// What.
        observable: Observable,
    },
    /// Write to somebody who takes part.
    Reply {
        /// Which.
        incident: Leave<IncidentId>,
        /// The mail.
        draft: crate::outbox::Draft,
    },
}

/// A line of the timeline as the desk keeps it.
#[derive(Clone, Debug)]
pub struct Entry {
    pub(crate) seq: u64,
    pub(crate) recorded_at: Timestamp,
    pub(crate) event_at: Timestamp,
    pub(crate) certain: bool,
    pub(crate) by: Actor,
    pub(crate) class: ClassId,
    pub(crate) what: Line,
}

/// What a line of the timeline is.
#[derive(Clone, Debug, PartialEq)]
pub enum Line {
    /// It was opened.
    Opened,
    /// Somebody wrote.
    Noted(NoteKind, Sealed<Note>),
    /// A field changed.
    Changed(Change),
    /// A message belongs to it.
    Report(ReportId),
    /// A message does not belong to it any more.
    ReportGone(ReportId),
    /// A mail went out.
    Notice(NoticeId),
    /// Something to do.
    Task(TaskId),
    /// Done, or open again.
    TaskSet(TaskId, bool),
    /// An observable was added.
    Observed(Sealed<Observable>),
}

/// Something to do, as the desk keeps it.
#[derive(Clone, Debug)]
pub struct Task {
    pub(crate) by: AccountId,
    pub(crate) at: Timestamp,
    pub(crate) assignee: Option<AccountId>,
    pub(crate) due: Option<Timestamp>,
    pub(crate) text: Sealed<String>,
    pub(crate) done: Option<(Timestamp, AccountId)>,
}

/// An incident as the desk keeps it.
#[derive(Clone, Debug)]
pub struct Incident {
    pub(crate) reference: Reference,
    pub(crate) opened_at: Timestamp,
    pub(crate) since: Timestamp,
    pub(crate) title: Sealed<String>,
    pub(crate) severity: Option<Severity>,
    pub(crate) sector_severity: Option<Severity>,
    pub(crate) audience: Audience,
    pub(crate) class: ClassId,
    pub(crate) pap: Pap,
    pub(crate) phase: Phase,
    pub(crate) phase_at: [Option<Timestamp>; 6],
    pub(crate) lead: Option<AccountId>,
    pub(crate) classes: Vec<String>,
    pub(crate) boards: Vec<BoardId>,
    pub(crate) reports: Vec<ReportId>,
    pub(crate) notices: Vec<NoticeId>,
    pub(crate) timeline: Vec<Entry>,
    pub(crate) tasks: Vec<Task>,
    pub(crate) observed: Vec<(Sealed<Observable>, ClassId)>,
    pub(crate) changed_at: Timestamp,
}

/// All incidents.
#[derive(Clone, Debug, Default)]
pub struct Incidents {
    pub(crate) incidents: Vec<Incident>,
    pub(crate) by_reference: HashMap<Reference, IncidentId>,
    /// Newest change first: what the list looks at.
    pub(crate) by_change: std::collections::BTreeSet<(Timestamp, IncidentId)>,
}

impl Incidents {
    pub(crate) fn get(&self, incident: IncidentId) -> &Incident {
        &self.incidents[incident.index()]
    }

    /// A line at the end of the timeline; what was changed when is kept in order.
    pub(crate) fn line(&mut self, incident: IncidentId, entry: Entry) -> &mut Incident {
        let kept = &mut self.incidents[incident.index()];
        self.by_change.remove(&(kept.changed_at, incident));
        kept.changed_at = kept.changed_at.max(entry.recorded_at);
        self.by_change.insert((kept.changed_at, incident));
        kept.timeline.push(entry);
        kept
    }

    pub(crate) fn open(&mut self, incident: IncidentId, kept: Incident) {
        self.by_reference.insert(kept.reference, incident);
        self.by_change.insert((kept.changed_at, incident));
        self.incidents.push(kept);
    }
}

impl Incident {
    /// The present value of the field that a change is about, to compare and to undo.
    pub(crate) fn current(&self, change: &Change) -> Change {
        match change {
            Change::Title(_) => Change::Title(self.title.clone()),
            Change::Severity(_) => Change::Severity(self.severity),
            Change::SectorSeverity(_) => Change::SectorSeverity(self.sector_severity),
            Change::Tlp(_) => Change::Tlp(self.audience.tlp),
            Change::Pap(_) => Change::Pap(self.pap),
            Change::Phase(..) => Change::Phase(self.phase, Sealed::Open(String::new())),
            Change::Lead(_) => Change::Lead(self.lead),
            Change::Class(class, _) => Change::Class(class.clone(), self.classes.contains(class)),
            Change::Board(board, _) => Change::Board(*board, self.boards.contains(board)),
            Change::Organisation(organisation, _) => {
                Change::Organisation(*organisation, self.audience.organisations >> organisation.0 & 1 == 1)
            }
        }
    }

    pub(crate) fn change(&mut self, at: Timestamp, change: &Change) {
        fn set<T: PartialEq + Clone>(list: &mut Vec<T>, item: &T, present: bool) {
            list.retain(|i| i != item);
            if present {
                list.push(item.clone());
            }
        }
        match change {
            Change::Title(title) => self.title = title.clone(),
            Change::Severity(severity) => self.severity = *severity,
            Change::SectorSeverity(severity) => self.sector_severity = *severity,
            Change::Tlp(tlp) => self.audience.tlp = *tlp,
            Change::Pap(pap) => self.pap = *pap,
            Change::Phase(phase, _) => {
                self.phase = *phase;
                self.phase_at[*phase as usize] = Some(at);
            }
            Change::Lead(lead) => self.lead = *lead,
            Change::Class(class, present) => set(&mut self.classes, class, *present),
            Change::Board(board, present) => set(&mut self.boards, board, *present),
            Change::Organisation(organisation, present) => {
                let bit = 1u64 << (organisation.0 & 63);
                if *present { self.audience.organisations |= bit } else { self.audience.organisations &= !bit }
            }
        }
    }
}
