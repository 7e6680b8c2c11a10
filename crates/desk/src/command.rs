//! One door for writing: a command, decided against the desk, becomes facts or a refusal.

use crate::fact::{Fact, Recorded};
use crate::ids::{
    AccountId, EntryId, IncidentId, NoticeId, OrganisationId, Random, Reference, ReportId, TEAM, TaskId, TemplateId,
    TermId, Timestamp,
};
use crate::lens::Leave;
use crate::register::Which;
use crate::templates::{self, Template};
use crate::{Desk, accounts, house, incidents, intake, outbox, retention};
use serde::{Deserialize, Serialize};

/// Organisations on one desk, at most: an audience is a word of so many bits.
pub const ORGANISATIONS_MAX: usize = 64;

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
    /// An organisation gets another name; for an administrator.
    RenameOrganisation {
        /// Leave of an administrator.
        leave: Leave<AccountId>,
        /// Which; not the team, whose name is a setting.
        organisation: OrganisationId,
        /// Its public name.
        name: String,
    },
    /// Name boards from a register that ships with the program; once and for all.
    LoadRegister(Which),
    /// A backup was restored to see that it can be done; for an administrator to say.
    TestRestore {
        /// Leave of an administrator.
        leave: Leave<AccountId>,
        /// Which backup: the name of its file.
        backup: String,
        /// When it was made.
        made_at: Timestamp,
    },
    /// How long something is kept is decided; for an administrator to say.
    SetTerm {
        /// Leave of an administrator.
        leave: Leave<AccountId>,
        /// Which term.
        term: retention::NewTerm,
    },
    /// A reply that is written often; for an administrator.
    SetTemplate {
        /// Leave of an administrator.
        leave: Leave<AccountId>,
        /// Which one says something else; `None`: a new one.
        template: Option<TemplateId>,
        /// What it says.
        said: Template,
    },
    /// A template is offered no more; for an administrator.
    WithdrawTemplate {
        /// Leave of an administrator.
        leave: Leave<AccountId>,
        /// Which.
        template: TemplateId,
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
            Command::Configure(configured) => self.decide_configure(context, configured),
            Command::AddOrganisation { name } => self.decide_organisation(context, &name),
            Command::RenameOrganisation { leave, organisation, name } => {
                self.rename_organisation(leave, organisation, &name)
            }
            Command::LoadRegister(which) => match self.register.which() {
                Some(loaded) if loaded == which => Ok(Decision::nothing(Outcome::Done)),
                // Facts name boards by their place: another register would move them to other towns.
                Some(_) => Err(Refusal::TooLate { why: "register-loaded" }),
                None => {
                    self.admin_asks(context)?;
                    Ok(Decision::one(Fact::House(house::Fact::RegisterLoaded { which }), Outcome::Done))
                }
            },
            Command::TestRestore { leave, backup, made_at } => self.decide_restore(context, leave.by, &backup, made_at),
            Command::SetTerm { leave, term } => retention::set(self, context, leave.by, term),
            Command::SetTemplate { leave, template, said } => templates::set(self, leave, template, said),
            Command::WithdrawTemplate { leave, template } => templates::withdraw(self, leave, template),
            Command::Accounts(command) => accounts::decide(self, context, command),
            Command::Intake(command) => intake::decide(self, context, command),
            Command::Outbox(command) => outbox::decide(self, context, command),
            Command::Incidents(command) => incidents::decide(self, context, command),
            Command::Undo { by, of } => self.decide_undo(context, by, of),
        }
    }

    /// Settings are changed by first run and the machine's own command line, or by an administrator.
    fn admin_asks(&self, context: &Context<'_>) -> Result<(), Refusal> {
        match context.actor {
            Actor::Rule => Ok(()),
            Actor::Person(account) => self.accounts.is_admin(account),
        }
    }

    fn decide_configure(&self, context: &Context<'_>, mut set: house::Configured) -> Result<Decision, Refusal> {
        self.admin_asks(context)?;
        set.organisation = set.organisation.trim().to_owned();
        set.address = set.address.trim().to_owned();
        set.phone = set.phone.map(|p| p.trim().to_owned()).filter(|p| !p.is_empty());
        if set.organisation.is_empty() || set.organisation.chars().count() > accounts::NAME_CHARS_MAX {
            return Err(Refusal::invalid("organisation", "length"));
        }
        let mailbox =
            set.address.rsplit_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty());
        if !mailbox || set.address.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(Refusal::invalid("address", "mailbox"));
        }
        if self.house.configured.as_ref() == Some(&set) {
            return Ok(Decision::nothing(Outcome::Done));
        }
        Ok(Decision::one(Fact::House(house::Fact::Configured(set)), Outcome::Done))
    }

    fn decide_restore(
        &self,
        context: &Context<'_>,
        by: AccountId,
        backup: &str,
        made_at: Timestamp,
    ) -> Result<Decision, Refusal> {
        self.accounts.is_admin(by)?;
        let backup = crate::typed::line("backup", backup, accounts::NAME_CHARS_MAX)?;
        if made_at > context.now {
            return Err(Refusal::invalid("made-at", "future"));
        }
        Ok(Decision::one(Fact::House(house::Fact::RestoreTested { by, backup, made_at }), Outcome::Done))
    }

    fn withdraw_restore(&self, restore: u32, by: AccountId) -> Result<Decision, Refusal> {
        self.accounts.is_admin(by)?;
        match self.house.restores.get(restore as usize).ok_or(Refusal::NotFound)?.withdrawn {
            Some(_) => Err(Refusal::TooLate { why: "undone" }),
            None => Ok(Decision::one(Fact::House(house::Fact::RestoreWithdrawn { restore, by }), Outcome::Done)),
        }
    }

    fn rename_organisation(
        &self,
        leave: Leave<AccountId>,
        organisation: OrganisationId,
        name: &str,
    ) -> Result<Decision, Refusal> {
        self.accounts.is_admin(leave.by)?;
        let name = crate::typed::line("organisation", name, accounts::NAME_CHARS_MAX)?;
        // The team's own name is a setting of the desk.
        let known = self.house.organisations.get(organisation.index()).filter(|_| organisation != TEAM);
        if *known.ok_or(Refusal::NotFound)? == name {
            return Ok(Decision::nothing(Outcome::Done));
        }
        let fact = house::Fact::OrganisationRenamed { organisation, name, by: leave.by };
        Ok(Decision::one(Fact::House(fact), Outcome::Done))
    }

    fn decide_organisation(&self, context: &Context<'_>, name: &str) -> Result<Decision, Refusal> {
        self.admin_asks(context)?;
        let name = name.trim().to_owned();
        if name.is_empty() || name.chars().count() > accounts::NAME_CHARS_MAX {
            return Err(Refusal::invalid("organisation", "length"));
        }
        let number = self.house.organisations.len().max(1);
        if number >= ORGANISATIONS_MAX {
            return Err(Refusal::invalid("organisation", "too-many"));
        }
        let organisation = OrganisationId(number as u8);
        Ok(Decision::one(Fact::House(house::Fact::OrganisationAdded { organisation, name }), Outcome::Done))
    }

    fn decide_undo(&self, context: &Context<'_>, by: AccountId, of: u64) -> Result<Decision, Refusal> {
        let undoable = self.undoable.get(&of).ok_or(Refusal::TooLate { why: "undo-gone" })?;
        if undoable.by != by || context.actor != Actor::Person(by) {
            return Err(Refusal::NotFound);
        }
        let actor = Actor::Person(by);
        match &undoable.what {
            Inverse::Reopen(report) => {
                self.team_still_may(by, self.intake.get(*report).class)?;
                intake::undo_decision(self, *report, of, actor)
            }
            Inverse::Batch(batch) => intake::undo_batch(self, *batch, by),
            Inverse::Appraisal(report, before, after) => {
                self.team_still_may(by, self.intake.get(*report).class)?;
                intake::undo_appraisal(self, *report, of, before, after, by)
            }
            Inverse::Move(report, from) => {
                self.team_still_may(by, self.intake.get(*report).class)?;
                intake::undo_move(self, *report, *from, of, by)
            }
            Inverse::Term(term) => retention::undo(self, *term, by),
            Inverse::Template(template, before) => templates::undo(self, *template, before.as_ref(), of, by),
            Inverse::Restore(restore) => self.withdraw_restore(*restore, by),
            Inverse::Mail(notice) => {
                self.still_may(by, self.class_of(self.outbox.get(*notice).about))?;
                outbox::withdraw(self, *notice, by)
            }
            Inverse::Merge(incident) => incidents::undo_merge(self, *incident, of, by),
            Inverse::Opening(incident) => {
                let kept = self.incidents.get(*incident);
                self.still_may(by, kept.class)?;
                if let Some(from) = kept.from {
                    self.team_still_may(by, self.incidents.get(from).class)?;
                }
                incidents::undo_opening(self, *incident, by)
            }
            Inverse::Field(incident, before, after, _) => {
                self.still_may(by, self.incidents.get(*incident).class)?;
                incidents::undo_field(self, *incident, of, before, after, actor)
            }
            Inverse::Line(incident, entry) => {
                self.still_may(by, self.incidents.get(*incident).class)?;
                incidents::undo_line(self, *incident, *entry, by)
            }
            Inverse::Task(incident, task, before) => {
                self.still_may(by, self.incidents.get(*incident).class)?;
                incidents::undo_task(self, *incident, of, *task, before.is_some(), by)
            }
        }
    }
}

/// What takes an act back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Inverse {
    /// A report's decision.
    Reopen(ReportId),
    /// Decisions about many reports, by the number of the act.
    Batch(u64),
    /// What was thought of a report before, and what the act made of it.
    Appraisal(ReportId, intake::Appraisal, intake::Appraisal),
    /// A report that belonged to this incident before.
    Move(ReportId, IncidentId),
    /// An incident that was merged into another one.
    Merge(IncidentId),
    /// An incident that should not have been opened.
    Opening(IncidentId),
    /// A field of an incident: the value that it had, the one that the act gave it, and when each phase had been reached.
    Field(IncidentId, incidents::Change, incidents::Change, [Option<Timestamp>; 6]),
    /// A line that somebody wrote.
    Line(IncidentId, EntryId),
    /// When a task was done before, and by whom.
    Task(IncidentId, TaskId, Option<(Timestamp, AccountId)>),
    /// A term of retention that was set.
    Term(TermId),
    /// A restored backup that was told of, by its place.
    Restore(u32),
    /// A template, and what it said before.
    Template(TemplateId, Option<Template>),
    /// A mail that was written.
    Mail(NoticeId),
}

/// An act that can still be taken back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Undoable {
    /// Who did it: only this person undoes it.
    pub by: AccountId,
    /// How.
    pub what: Inverse,
}
