//! Facts about incidents.

use super::{Change, Note, NoteKind, Severity};
use crate::command::Actor;
use crate::ids::{AccountId, EntryId, IncidentId, Reference, TaskId, Timestamp};
use crate::intake::Observable;
use crate::lens::{Audience, Tlp};
use crate::sealed::Sealed;
use serde::{Deserialize, Serialize};

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
        /// How many facts after this one belong to the same act: boards, classes and the reports that it begins with.
        #[serde(default, skip_serializing_if = "is_zero")]
        with: u32,
        /// The incident that it was split off from.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<IncidentId>,
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
        /// The fact that this takes back: then it was so from when that was, as what was taken back was so on no day.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        undoes: Option<u64>,
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
        /// The fact that this takes back: then it was so from when that was, as what was taken back was so on no day.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        undoes: Option<u64>,
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
    /// A line was taken back by its writer.
    Withdrawn {
        /// Which.
        incident: IncidentId,
        /// The line.
        entry: EntryId,
        /// Who.
        by: AccountId,
    },
    /// It was opened by mistake: it is listed no more.
    Dropped {
        /// Which.
        incident: IncidentId,
        /// Who.
        by: Actor,
    },
    /// It goes on in another one. Nothing moves: each stays under its own audience, and the other one shows both.
    Merged {
        /// Which.
        incident: IncidentId,
        /// Where it goes on.
        into: IncidentId,
        /// Who.
        by: AccountId,
    },
    /// It goes its own way again.
    Parted {
        /// Which.
        incident: IncidentId,
        /// Who.
        by: AccountId,
    },
    /// Somebody wants what was written in it erased; a second person confirms.
    ErasureAsked {
        /// Which.
        incident: IncidentId,
        /// Who.
        by: AccountId,
        /// Why; names nobody.
        reason: String,
    },
    /// It is not to be erased after all.
    ErasureWithdrawn {
        /// Which.
        incident: IncidentId,
        /// Who says so: whoever asked, or another one.
        by: AccountId,
    },
    /// Everything that was written in it was erased: its key is destroyed together with this fact.
    Erased {
        /// Which.
        incident: IncidentId,
        /// Who wanted it.
        by: AccountId,
        /// Why; names nobody.
        reason: String,
        /// Who confirmed it; `None`: erased alone, to be countersigned.
        second: Option<AccountId>,
    },
    /// A second person looked at what was erased alone.
    Countersigned {
        /// Which.
        incident: IncidentId,
        /// Who.
        by: AccountId,
    },
    /// Legal hold: nothing of it may be erased.
    Held {
        /// Which.
        incident: IncidentId,
        /// Who.
        by: AccountId,
        /// Why.
        reason: Sealed<String>,
    },
    /// The hold ended.
    HoldLifted {
        /// Which.
        incident: IncidentId,
        /// Who.
        by: AccountId,
        /// Why.
        reason: Sealed<String>,
    },
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Fact {
    /// The incident it is about.
    pub fn incident(&self) -> IncidentId {
        let (Fact::Opened { incident, .. }
        | Fact::Changed { incident, .. }
        | Fact::Noted { incident, .. }
        | Fact::TaskAdded { incident, .. }
        | Fact::TaskSet { incident, .. }
        | Fact::Observed { incident, .. }
        | Fact::Withdrawn { incident, .. }
        | Fact::Dropped { incident, .. }
        | Fact::Merged { incident, .. }
        | Fact::Parted { incident, .. }
        | Fact::ErasureAsked { incident, .. }
        | Fact::ErasureWithdrawn { incident, .. }
        | Fact::Erased { incident, .. }
        | Fact::Countersigned { incident, .. }
        | Fact::Held { incident, .. }
        | Fact::HoldLifted { incident, .. }) = self;
        *incident
    }

    /// Who did it.
    pub fn by(&self) -> Actor {
        match self {
            Fact::Opened { by, .. } | Fact::Changed { by, .. } | Fact::Dropped { by, .. } => *by,
            Fact::Noted { by, .. }
            | Fact::TaskAdded { by, .. }
            | Fact::TaskSet { by, .. }
            | Fact::Observed { by, .. }
            | Fact::Withdrawn { by, .. }
            | Fact::Merged { by, .. }
            | Fact::Parted { by, .. }
            | Fact::ErasureAsked { by, .. }
            | Fact::ErasureWithdrawn { by, .. }
            | Fact::Erased { by, .. }
            | Fact::Countersigned { by, .. }
            | Fact::Held { by, .. }
            | Fact::HoldLifted { by, .. } => Actor::Person(*by),
        }
    }
}
