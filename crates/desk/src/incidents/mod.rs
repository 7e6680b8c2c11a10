//! Incidents: what is known, what was decided, who does what.

mod decide;
mod fact;
mod state;
mod view;

mod erase;
mod hold;
mod join;

pub(crate) use decide::{decide, undo_field, undo_line, undo_opening, undo_task};
pub use fact::Fact;
pub(crate) use join::undo_merge;
pub(crate) use state::{Boards, Seen};
pub use state::{Entry, Hold, Incident, Incidents, Line, Task};
pub use view::*;

use crate::ids::{AccountId, EntryId, IncidentId, ReportId, TaskId, Timestamp};
use crate::intake::Observable;
use crate::lens::{Leave, Tlp};
use crate::register::BoardId;
use crate::sealed::Sealed;
use serde::{Deserialize, Serialize};

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
    pub const ALL: [Severity; 6] = [Severity::C1, Severity::C2, Severity::C3, Severity::C4, Severity::C5, Severity::C6];

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
    /// Under RED: a person may see it, or not any more.
    Person(AccountId, bool),
}

impl Change {
    /// Whether two changes give a field the same value; the reason of a phase is no part of it.
    pub(crate) fn same_value(&self, other: &Change) -> bool {
        match (self, other) {
            (Change::Phase(a, _), Change::Phase(b, _)) => a == b,
            (a, b) => a == b,
        }
    }

    /// Whether two changes are about the same field; of fields with several values, about the same one of them.
    pub(crate) fn same_field(&self, other: &Change) -> bool {
        match (self, other) {
            (Change::Class(a, _), Change::Class(b, _)) => a == b,
            (Change::Board(a, _), Change::Board(b, _)) => a == b,
            (Change::Organisation(a, _), Change::Organisation(b, _)) => a == b,
            (Change::Person(a, _), Change::Person(b, _)) => a == b,
            (a, b) => std::mem::discriminant(a) == std::mem::discriminant(b),
        }
    }

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
            Change::Person(..) => "person",
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
    /// A new incident for some of its messages: they leave this one. The same people see it.
    Split {
        /// Which.
        incident: Leave<IncidentId>,
        /// Title of the new one.
        title: String,
        /// The messages that leave.
        reports: Vec<Leave<ReportId>>,
    },
    /// It goes on in another one, which shows both; each stays under its own audience.
    Merge {
        /// Which.
        incident: Leave<IncidentId>,
        /// Where it goes on.
        into: Leave<IncidentId>,
    },
    /// It goes its own way again.
    Part(Leave<IncidentId>),
    /// Erase what was written in it: asks a second person to confirm, or at once with an open countersign.
    Erase {
        /// Which.
        incident: Leave<IncidentId>,
        /// Why. Kept for ever, in the open: it names nobody.
        reason: String,
        /// Do not wait for a second person; an administrator only.
        alone: bool,
    },
    /// The second person: erase what another one asked to erase.
    ConfirmErasure(Leave<IncidentId>),
    /// Whoever asked, or another one: it is not to be erased after all.
    WithdrawErasure(Leave<IncidentId>),
    /// The second person, afterwards: it was right to erase it alone.
    Countersign(Leave<IncidentId>),
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
    /// Take a line back that I wrote: a note, a task, an observable. It stays in the timeline as taken back.
    Withdraw {
        /// Which.
        incident: Leave<IncidentId>,
        /// The line.
        entry: EntryId,
    },
    /// Nothing of it may be erased.
    Hold {
        /// Which.
        incident: Leave<IncidentId>,
        /// Why.
        reason: String,
    },
    /// It may be erased again.
    LiftHold {
        /// Which.
        incident: Leave<IncidentId>,
        /// Why.
        reason: String,
    },
}
