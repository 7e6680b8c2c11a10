//! One door for writing: a command, decided against the desk, becomes facts or a refusal.

use crate::fact::{Fact, Recorded};
use crate::ids::{AccountId, NoticeId, Random, Reference, Timestamp};
use crate::{Desk, accounts, house, incidents, intake, outbox};
use serde::{Deserialize, Serialize};

/// Who does something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// Bolwerk itself, by a rule.
    Rule,
    /// A person who signed in (or a machine in that person's name).
    Person(AccountId),
}

/// What somebody wants.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Settings of the desk.
    Configure(house::Configured),
    /// An organisation that works on this desk.
    AddOrganisation {
        /// Its public name.
        name: String,
    },
    /// People.
    Accounts(accounts::Command),
    /// Messages that come in.
    Intake(intake::Command),
    /// Mail that leaves.
    Outbox(outbox::Command),
    /// Incidents.
    Incidents(incidents::Command),
    /// Take back what was done in the fact at this sequence number.
    Undo {
        /// Who takes it back.
        by: AccountId,
        /// The fact.
        of: u64,
    },
}

/// What a decision may use besides the desk.
pub struct Context<'a> {
    /// Who asks.
    pub actor: Actor,
    /// The moment, from the engine's clock.
    pub now: Timestamp,
    /// Chance, from the engine.
    pub random: &'a mut dyn Random,
}

/// Facts to record, and what to tell the person who asked.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Decision {
    /// Recorded as one transaction.
    pub facts: Vec<Recorded>,
    /// The answer once they are durable.
    pub outcome: Outcome,
}

impl Decision {
    /// One fact.
    pub fn one(fact: Fact, outcome: Outcome) -> Decision {
        Decision { facts: vec![fact.into()], outcome }
    }

    /// Nothing to record: it is so already.
    pub fn nothing(outcome: Outcome) -> Decision {
        Decision { facts: Vec::new(), outcome }
    }
}

/// What came of a command.
#[derive(Clone, Debug, PartialEq, Default)]
pub enum Outcome {
    /// It is recorded.
    #[default]
    Done,
    /// A message is a report; `new` is false when it was one already.
    Report {
        /// The report's reference.
        reference: Reference,
        /// Whether it came for the first time.
        new: bool,
    },
    /// An incident was opened.
    Incident(Reference),
    /// A mail stands in the outbox.
    Notice(NoticeId),
    /// An account exists.
    Account(AccountId),
}

/// Why not. The web has one table from these to HTTP status and words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such thing, or you may not see it: one answer for both.
    #[error("not found")]
    NotFound,
    /// You see it, and may not do this.
    #[error("not allowed")]
    Forbidden,
    /// Somebody else changed it since you looked.
    #[error("{field} was changed meanwhile")]
    Conflict {
        /// Which field.
        field: &'static str,
    },
    /// A field is not what it must be.
    #[error("{field}: {why}")]
    Invalid {
        /// Which field.
        field: &'static str,
        /// Key of the reason's words.
        why: &'static str,
    },
    /// It cannot be done in this state (already decided, already undone).
    #[error("too late: {why}")]
    TooLate {
        /// Key of the reason's words.
        why: &'static str,
    },
    /// Its content was erased.
    #[error("its content was erased")]
    Erased,
}

impl Refusal {
    pub(crate) fn invalid(field: &'static str, why: &'static str) -> Refusal {
        Refusal::Invalid { field, why }
    }
}

impl Desk {
    /// Decide what a command brings about. Pure: the same desk, command, moment and randomness give the same facts.
    pub fn decide(&self, context: &mut Context<'_>, command: Command) -> Result<Decision, Refusal> {
        match command {
            Command::Configure(configured) => {
                if configured.organisation.trim().is_empty() {
                    return Err(Refusal::invalid("organisation", "length"));
                }
                if !configured.address.contains('@') {
                    return Err(Refusal::invalid("address", "mailbox"));
                }
                Ok(Decision::one(Fact::House(house::Fact::Configured(configured)), Outcome::Done))
            }
            Command::AddOrganisation { name } => {
                let number = self.house.organisations.len().max(1);
                if number >= 64 {
                    return Err(Refusal::invalid("organisation", "too-many"));
                }
                let organisation = crate::ids::OrganisationId(number as u8);
                Ok(Decision::one(
                    Fact::House(house::Fact::OrganisationAdded { organisation, name }),
                    Outcome::Done,
                ))
            }
            Command::Accounts(command) => accounts::decide(self, context, command),
            Command::Intake(command) => intake::decide(self, context, command),
            Command::Outbox(command) => outbox::decide(self, context, command),
            Command::Incidents(command) => incidents::decide(self, context, command),
            Command::Undo { by, of } => self.decide_undo(context, by, of),
        }
    }

    fn decide_undo(&self, context: &mut Context<'_>, by: AccountId, of: u64) -> Result<Decision, Refusal> {
        let undoable = self.undoable.get(&of).ok_or(Refusal::TooLate { why: "undo-gone" })?;
        if undoable.by != by {
            return Err(Refusal::NotFound);
        }
        match &undoable.what {
            Inverse::Reopen(report) => intake::reopen(self, *report, context.actor),
            Inverse::Field(incident, change) => incidents::change_back(self, *incident, change.clone(), context.actor),
        }
    }
}

/// What takes an act back.
#[derive(Clone, Debug, PartialEq)]
pub enum Inverse {
    /// A report's decision.
    Reopen(crate::ids::ReportId),
    /// A field of an incident, to the value that it had.
    Field(crate::ids::IncidentId, incidents::Change),
}

/// An act that can still be taken back.
#[derive(Clone, Debug, PartialEq)]
pub struct Undoable {
    /// Who did it: only this person undoes it.
    pub by: AccountId,
    /// How.
    pub what: Inverse,
}
