//! The desk, told again naively: plain lists, nothing indexed, everything counted afresh. It is fed with durable facts, says which of
//! them should never have been, and what every view must show.

mod compare;
mod incidents;
mod intake;
mod outbox;
mod retention;

pub use incidents::Incident;
pub use intake::{Erasure, Report};
pub use outbox::Notice;
pub use retention::Restore;

use crate::invariant::{Broken, Invariant};
use crate::people::Saw;
use crate::world::World;
use desk::accounts::{self, Role};
use desk::command::Actor;
use desk::fact::Fact;
use desk::house;
use desk::ids::{AccountId, OrganisationId, Reference, TEAM, Timestamp};
use std::collections::{BTreeMap, HashMap, HashSet};

/// An account, as far as rights go.
#[derive(Clone, Copy, Debug)]
pub struct Account {
    /// Its organisation.
    pub organisation: OrganisationId,
    /// What it may do.
    pub role: Role,
    /// May not sign in any more.
    pub disabled: bool,
}

/// Something that an act changes, and that an undo must not take from somebody who changed it since.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Touched {
    /// What is thought of a report.
    Appraisal(usize),
    /// A field of an incident; of those with several values this one.
    Field(usize, String),
    /// A task.
    Task(usize, u32),
}

/// The desk, told again.
#[derive(Default)]
pub struct Model {
    /// Sequence number of the next fact.
    pub next: u64,
    /// When the newest fact was recorded.
    pub last: Timestamp,
    /// All accounts.
    pub accounts: Vec<Account>,
    /// All reports.
    pub reports: Vec<Report>,
    /// All incidents.
    pub incidents: Vec<Incident>,
    /// All mails of ours.
    pub notices: Vec<Notice>,
    /// Backups that were restored as a test, in order.
    pub restores: Vec<Restore>,
    /// A register is loaded: boards have names.
    pub boards: bool,
    references: HashSet<Reference>,
    message_ids: HashSet<String>,
    /// Number of the present transaction.
    act: u64,
    /// What a field was before the fact that changed it.
    pub before: BTreeMap<u64, Saw>,
    /// When an incident was closed last, before the fact that changed it.
    pub closed_before: BTreeMap<u64, Option<Timestamp>>,
    /// The fact that last changed something, by what it changed.
    pub latest: HashMap<Touched, u64>,
    /// What is wrong with the facts themselves.
    pub broken: Vec<Broken>,
}

impl Model {
    /// A durable fact, and whether a transaction begins with it. Facts known already (after a restart) are passed over.
    pub fn feed(&mut self, seq: u64, at: Timestamp, first: bool, fact: &Fact, world: &World) {
        if seq < self.next {
            return;
        }
        self.act += u64::from(first);
        if let Some(touched) = Model::touched(fact) {
            self.latest.insert(touched, seq);
        }
        self.expect(at >= self.last, Invariant::TimeNeverGoesBack, || {
            format!("fact {seq}: {at:?} follows a later one")
        });
        self.next = seq + 1;
        self.last = at;
        match fact {
            Fact::House(house::Fact::RegisterLoaded { .. }) => self.boards = true,
            Fact::House(house::Fact::RestoreTested { by, backup, made_at }) => {
                self.restored(seq, at, *by, backup, *made_at);
            }
            Fact::House(_) => {}
            Fact::Accounts(fact) => self.feed_account(fact),
            Fact::Intake(fact) => self.feed_intake(seq, at, fact, world),
            Fact::Incidents(fact) => self.feed_incident(seq, at, fact),
            Fact::Outbox(fact) => self.feed_outbox(seq, at, fact, world),
        }
    }

    /// What a fact touches, as far as an undo goes.
    pub fn touched(fact: &Fact) -> Option<Touched> {
        match fact {
            Fact::Intake(desk::intake::Fact::Appraised { report, .. }) => Some(Touched::Appraisal(report.index())),
            Fact::Incidents(desk::incidents::Fact::TaskSet { incident, task, .. }) => {
                Some(Touched::Task(incident.index(), task.0))
            }
            Fact::Incidents(desk::incidents::Fact::Changed { incident, change, .. }) => {
                use desk::incidents::Change;
                let which = match change {
                    Change::Class(class, _) => format!("class {class}"),
                    Change::Board(board, _) => format!("board {}", board.0),
                    Change::Organisation(organisation, _) => format!("organisation {}", organisation.0),
                    Change::Person(person, _) => format!("person {}", person.0),
                    other => other.field().to_owned(),
                };
                Some(Touched::Field(incident.index(), which))
            }
            _ => None,
        }
    }

    /// The journal's own entries take a number too.
    pub fn passed(&mut self, seq: u64) {
        self.next = self.next.max(seq + 1);
    }

    fn expect(&mut self, condition: bool, invariant: Invariant, what: impl FnOnce() -> String) {
        if !condition {
            self.broken.push(Broken { invariant, what: what() });
        }
    }

    fn feed_account(&mut self, fact: &accounts::Fact) {
        match fact {
            accounts::Fact::Created { account, organisation, role, .. } => {
                let place = self.accounts.len();
                self.expect(account.index() == place, Invariant::NumbersCountUp, || {
                    format!("{account:?} is number {place}")
                });
                self.accounts.push(Account { organisation: *organisation, role: *role, disabled: false });
            }
            accounts::Fact::Disabled { account, .. } => self.accounts[account.index()].disabled = true,
            accounts::Fact::Enabled { account, .. } => self.accounts[account.index()].disabled = false,
            accounts::Fact::RoleSet { account, role, .. } => self.accounts[account.index()].role = *role,
            _ => {}
        }
    }

    fn new_reference(&mut self, reference: Reference) {
        let new = self.references.insert(reference);
        self.expect(new, Invariant::NumbersCountUp, || format!("{reference} was given twice"));
    }

    /// Whether an account may act at all.
    fn is_active(&self, account: AccountId) -> bool {
        self.accounts.get(account.index()).is_some_and(|a| !a.disabled && a.role >= Role::Duty)
    }

    /// Whether an account belongs to the team.
    pub fn is_team(&self, account: AccountId) -> bool {
        self.accounts.get(account.index()).is_some_and(|a| a.organisation == TEAM)
    }

    /// A person did something to a report: only people on duty of the team may.
    fn may_report(&mut self, seq: u64, by: Actor, report: usize, what: &str) {
        if let Actor::Person(account) = by {
            let may = self.is_active(account) && self.is_team(account) && self.sees_report(account, report);
            self.expect(may, Invariant::OnlyWhoMay, || {
                format!("fact {seq}: {account:?} may not do this to report {report}: {what}")
            });
        }
    }

    fn may_incident(&mut self, seq: u64, by: Actor, incident: usize, what: &str) {
        if let Actor::Person(account) = by {
            let may = self.is_active(account) && self.sees_incident(account, incident);
            self.expect(may, Invariant::OnlyWhoMay, || {
                format!("fact {seq}: {account:?} may not do this to incident {incident}: {what}")
            });
        }
    }
}
