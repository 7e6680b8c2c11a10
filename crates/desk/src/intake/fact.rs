//! Facts about messages.

use super::{Appraisal, Arrival, Automatic, Completeness, Head, Thread, Verdict, Via};
use crate::Digest;
use crate::command::Actor;
use crate::house::Language;
use crate::ids::{AccountId, IncidentId, Reference, ReportId, Timestamp};
use crate::sealed::Sealed;
use serde::{Deserialize, Serialize};

/// Facts about messages.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    /// A message came in and is kept. Its raw bytes are the fact's content.
    Received {
        /// The report it became.
        report: ReportId,
        /// Its reference.
        reference: Reference,
        /// How it came.
        via: Via,
        /// When the first byte of the acknowledgement could go out.
        received_at: Timestamp,
        /// When it happened, if that is another time (import, phone).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        event_at: Option<Timestamp>,
        /// Keyed digest of Message-ID and content without trace: the same message again is recognised by it.
        digest: Digest,
        /// Keyed digest of the sender's address: throttle and threading look at this, never at the address.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sender: Option<Digest>,
        /// Size of the raw bytes.
        size: u64,
        /// Who typed it (phone), or a rule.
        by: Actor,
        /// The bounded header scan.
        arrival: Sealed<Arrival>,
    },
    /// A message was read. The whole reading is the fact's content.
    Read {
        /// Which.
        report: ReportId,
        /// How far.
        completeness: Completeness,
        /// Whether a machine sent it.
        automatic: Automatic,
        /// Its language, where sure.
        language: Option<Language>,
        /// What is thought of it.
        appraisal: Appraisal,
        /// Its place in a conversation.
        thread: Option<Thread>,
        /// Head of the reading.
        head: Sealed<Head>,
    },
    /// Somebody works on it.
    Claimed {
        /// Which.
        report: ReportId,
        /// Who.
        by: AccountId,
    },
    /// Nobody works on it any more.
    Released {
        /// Which.
        report: ReportId,
        /// Who let go.
        by: AccountId,
    },
    /// A person corrected what it is about.
    Appraised {
        /// Which.
        report: ReportId,
        /// Who.
        by: AccountId,
        /// The new opinion.
        appraisal: Appraisal,
    },
    /// Decided.
    Decided {
        /// Which.
        report: ReportId,
        /// Who.
        by: Actor,
        /// What.
        verdict: Verdict,
        /// Decided together with others by one act: what is undone as one has one number.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        batch: Option<u64>,
    },
    /// The decision was taken back.
    Reopened {
        /// Which.
        report: ReportId,
        /// Who.
        by: Actor,
    },
    /// It belongs to another incident than the one that it belonged to.
    Moved {
        /// Which.
        report: ReportId,
        /// Who.
        by: Actor,
        /// The other incident.
        to: IncidentId,
        /// The fact that this takes back: then it was so from when that was, as what was taken back was so on no day.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        undoes: Option<u64>,
    },
    /// We asked the sender something and wait.
    Waits {
        /// Which.
        report: ReportId,
        /// Who asked.
        by: AccountId,
    },
    /// Not before this moment.
    Snoozed {
        /// Which.
        report: ReportId,
        /// Who.
        by: AccountId,
        /// Comes back then.
        until: Timestamp,
    },
    /// It is to be judged now after all.
    Woken {
        /// Which.
        report: ReportId,
        /// Who.
        by: Actor,
    },
    /// Somebody wants it erased; a second person confirms.
    ErasureAsked {
        /// Which.
        report: ReportId,
        /// Who.
        by: AccountId,
        /// Why; names nobody.
        reason: String,
    },
    /// It is not to be erased after all.
    ErasureWithdrawn {
        /// Which.
        report: ReportId,
        /// Who says so: whoever asked, or another one.
        by: AccountId,
    },
    /// Everything that came with it was erased: its key is destroyed together with this fact.
    Erased {
        /// Which.
        report: ReportId,
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
        report: ReportId,
        /// Who.
        by: AccountId,
    },
}

impl Fact {
    /// The report it is about.
    pub fn report(&self) -> ReportId {
        let (Fact::Received { report, .. }
        | Fact::Read { report, .. }
        | Fact::Claimed { report, .. }
        | Fact::Released { report, .. }
        | Fact::Appraised { report, .. }
        | Fact::Decided { report, .. }
        | Fact::Reopened { report, .. }
        | Fact::Moved { report, .. }
        | Fact::Waits { report, .. }
        | Fact::Snoozed { report, .. }
        | Fact::Woken { report, .. }
        | Fact::ErasureAsked { report, .. }
        | Fact::ErasureWithdrawn { report, .. }
        | Fact::Erased { report, .. }
        | Fact::Countersigned { report, .. }) = self;
        *report
    }

    /// Who did it.
    pub fn by(&self) -> Actor {
        match self {
            Fact::Read { .. } => Actor::Rule,
            Fact::Received { by, .. }
            | Fact::Decided { by, .. }
            | Fact::Reopened { by, .. }
            | Fact::Moved { by, .. }
            | Fact::Woken { by, .. } => *by,
            Fact::Claimed { by, .. }
            | Fact::Released { by, .. }
            | Fact::Appraised { by, .. }
            | Fact::Waits { by, .. }
            | Fact::Snoozed { by, .. }
            | Fact::ErasureAsked { by, .. }
            | Fact::ErasureWithdrawn { by, .. }
            | Fact::Erased { by, .. }
            | Fact::Countersigned { by, .. } => Actor::Person(*by),
        }
    }
}
