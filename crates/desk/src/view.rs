//! What views of all capabilities share: names already looked up, links, pages.
//!
//! Wherever a text may have been erased it is an `Option`; `None` says that it was. There are no words here, only keys.

use crate::Desk;
use crate::accounts::Role;
use crate::command::Actor;
use crate::house::Language;
use crate::ids::{AccountId, OrganisationId, Reference, TEAM, Timestamp};
use crate::lens::{Audience, ClassId, Leave, Lens, Tlp, Viewer};
use crate::register::{BoardId, Which};

/// Who did something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// Bolwerk itself, by a rule.
    Rule,
    /// A person.
    Person {
        /// The account.
        account: AccountId,
        /// Name; `None` when erased.
        name: Option<String>,
        /// Name of the person's organisation.
        organisation: String,
    },
}

/// A board, by place and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BoardLink {
    /// Its place in the register.
    pub id: BoardId,
    /// Its name.
    pub name: String,
}

/// A part of a list, with the way to the next part.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Give this as cursor to get the rows after these; `None` at the end.
    pub next: Option<Reference>,
    /// How many rows there are under this filter, on all pages.
    pub total: usize,
}

/// An incident to go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncidentLink {
    /// Its reference.
    pub reference: Reference,
    /// Its title; `None` when erased.
    pub title: Option<String>,
}

/// Who may see a thing, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenBy {
    /// The label.
    pub tlp: Tlp,
    /// Organisations addressed.
    pub organisations: Vec<String>,
    /// Under RED: the named persons.
    pub persons: Vec<Option<String>>,
    /// Organisations of this desk that do not see it. Empty for readers outside the team: they need not know who else works here.
    pub not: Vec<String>,
}

/// Whose desk it is, and how. Nothing of it is secret: the public page shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HouseView {
    /// Whether first run is done.
    pub configured: bool,
    /// The team's public name.
    pub organisation: String,
    /// The one address.
    pub address: String,
    /// Phone number, if there is one.
    pub phone: Option<String>,
    /// Languages of the public page, first is the default.
    pub languages: Vec<Language>,
    /// A demonstration: every page says so.
    pub demo: bool,
    /// Which register is loaded.
    pub register: Option<Which>,
}

/// A backup that was restored to see that it can be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestoreRow {
    /// When it was said.
    pub at: Timestamp,
    /// Who.
    pub who: Who,
    /// Which backup: the name of its file.
    pub backup: String,
    /// When that backup was made.
    pub made_at: Timestamp,
    /// What takes it back: the viewer said it, and may still.
    pub undo: Option<u64>,
}

/// An organisation that works on this desk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrganisationRow {
    /// Its number.
    pub id: OrganisationId,
    /// Its name.
    pub name: String,
    /// How many people of it may sign in.
    pub people: usize,
}

/// A line of the journal, as far as the viewer may know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecentRow {
    /// Its place in the journal; only for the team: to others it would tell how much happens that they do not see.
    pub seq: Option<u64>,
    /// When it was recorded.
    pub at: Timestamp,
    /// Who.
    pub who: Who,
    /// `capability.fact`: key of its words.
    pub key: &'static str,
    /// Report or incident that it is about.
    pub reference: Option<Reference>,
}

impl Desk {
    /// What the public page shows: there is no viewer yet.
    pub fn front(&self) -> HouseView {
        let which = self.register.which();
        match &self.house.configured {
            None => HouseView { register: which, ..HouseView::default() },
            Some(configured) => HouseView {
                configured: true,
                organisation: configured.organisation.clone(),
                address: configured.address.clone(),
                phone: configured.phone.clone(),
                languages: configured.languages.clone(),
                demo: configured.demo,
                register: which,
            },
        }
    }

    pub(crate) fn organisation_name(&self, organisation: OrganisationId) -> String {
        self.house.organisations.get(organisation.index()).cloned().unwrap_or_default()
    }

    pub(crate) fn who(&self, actor: Actor) -> Who {
        match actor {
            Actor::Rule => Who::Rule,
            Actor::Person(account) => Who::Person {
                account,
                name: self.accounts.name(account).map(str::to_owned),
                organisation: self
                    .accounts
                    .accounts
                    .get(account.index())
                    .map(|a| self.organisation_name(a.organisation))
                    .unwrap_or_default(),
            },
        }
    }

    pub(crate) fn person(&self, account: AccountId) -> Who {
        self.who(Actor::Person(account))
    }

    pub(crate) fn board_link(&self, board: BoardId) -> Option<BoardLink> {
        self.register.get(board).map(|b| BoardLink { id: board, name: b.name.clone() })
    }
}

impl Lens<'_> {
    /// Whose desk it is, and how.
    pub fn house(&self) -> HouseView {
        self.desk.front()
    }

    /// Backups that were restored as a test, the newest first. For the team.
    pub fn restore_tests(&self) -> Vec<RestoreRow> {
        let tests = self.desk.house.restores.iter().rev().filter(|t| self.is_team() && t.withdrawn.is_none());
        let mine = |test: &crate::house::RestoreTest| {
            test.by == self.viewer.account && self.admin().is_some() && self.desk.undoable.contains_key(&test.seq)
        };
        let row = |test: &crate::house::RestoreTest| RestoreRow {
            at: test.at,
            who: self.desk.person(test.by),
            backup: test.backup.clone(),
            made_at: test.made_at,
            undo: mine(test).then_some(test.seq),
        };
        tests.map(row).collect()
    }

    /// Whether the viewer belongs to the response team.
    pub fn is_team(&self) -> bool {
        self.viewer.organisation == TEAM
    }

    /// Whether the viewer may change things at all.
    pub fn may_act(&self) -> bool {
        self.viewer.role >= Role::Duty
    }

    /// Leave for what only an administrator of the team does: accounts, organisations, settings.
    pub fn admin(&self) -> Option<Leave<AccountId>> {
        (self.viewer.role == Role::Admin && self.is_team()).then(|| self.own())
    }

    /// Organisations of this desk: all for the team, the team and one's own for others.
    pub fn organisations(&self) -> Vec<OrganisationRow> {
        let organisations = self.desk.house.organisations.iter().enumerate();
        let people = |id: OrganisationId| {
            self.desk.accounts.accounts.iter().filter(|a| a.organisation == id && !a.disabled).count()
        };
        organisations
            .map(|(n, name)| (OrganisationId(n as u8), name))
            .filter(|(id, _)| self.is_team() || *id == TEAM || *id == self.viewer.organisation)
            .map(|(id, name)| OrganisationRow {
                id,
                name: name.clone(),
                people: if self.is_team() || id == self.viewer.organisation { people(id) } else { 0 },
            })
            .collect()
    }

    /// Who may see things of this class, in words.
    pub(crate) fn seen_by(&self, class: ClassId) -> SeenBy {
        self.audience(self.desk.classes.get(class))
    }

    /// Who would see a thing with this audience, in words: for the sentence under a composer.
    pub fn audience(&self, audience: &Audience) -> SeenBy {
        let addressed = |n: usize| audience.organisations >> (n & 63) & 1 == 1;
        let mut seen = SeenBy { tlp: audience.tlp, organisations: Vec::new(), persons: Vec::new(), not: Vec::new() };
        for (n, name) in self.desk.house.organisations.iter().enumerate() {
            match addressed(n) {
                true => seen.organisations.push(name.clone()),
                false if self.is_team() => seen.not.push(name.clone()),
                false => {}
            }
        }
        if audience.tlp == Tlp::Red {
            seen.persons = audience.persons.iter().map(|p| self.desk.accounts.name(*p).map(str::to_owned)).collect();
        }
        seen
    }

    /// The last facts that the viewer may know of, newest first.
    pub fn recent(&self, limit: usize) -> Vec<RecentRow> {
        self.desk.log.newest(self, limit)
    }

    /// What was recorded since, as far as the viewer may know of it, newest first; at most so many facts are looked at.
    pub fn recent_since(&self, since: Timestamp, looked_at_max: usize) -> Vec<RecentRow> {
        self.desk.log.since(self, since, looked_at_max)
    }

    /// When the newest fact was recorded that the viewer may know of, among those from a sequence number on.
    pub fn newest_from(&self, from: u64) -> Option<Timestamp> {
        self.desk.log.newest_from(self, from)
    }
}

impl Viewer {
    /// Whether this viewer belongs to the response team.
    pub fn is_team(&self) -> bool {
        self.organisation == TEAM
    }
}
