//! Incidents, told again.

use super::{Erasure, Model};
use crate::invariant::Invariant;
use crate::people::Saw;
use desk::command::Actor;
use desk::ids::{AccountId, Reference, Timestamp};
use desk::incidents::{Change, Fact, Phase, Severity};
use desk::intake::{Status, Verdict};
use desk::lens::Tlp;

/// A line that somebody wrote.
#[derive(Clone, Debug)]
pub struct Line {
    /// Who.
    pub by: AccountId,
    /// Its place in the timeline.
    pub entry: usize,
    /// Its own label, where that was stricter than the incident's when it was written.
    pub own: Option<Tlp>,
    /// What it says, of a note.
    pub text: String,
    /// Its writer took it back.
    pub withdrawn: bool,
}

/// A task.
#[derive(Clone, Copy, Debug)]
pub struct Task {
    entry: usize,
    /// It is done.
    pub done: bool,
    /// It was taken back.
    pub withdrawn: bool,
}

/// An incident, told again.
#[derive(Clone, Debug)]
pub struct Incident {
    /// Its reference.
    pub reference: Reference,
    /// Organisations that see it, a bit each.
    pub organisations: u64,
    /// Its label.
    pub tlp: Tlp,
    /// Under RED: who sees it.
    pub persons: Vec<AccountId>,
    /// Who leads.
    pub lead: Option<AccountId>,
    /// How far it is.
    pub phase: Phase,
    /// How grave.
    pub severity: Option<Severity>,
    /// On legal hold.
    pub held: bool,
    /// Opened by mistake.
    pub dropped: bool,
    /// When that was said.
    pub dropped_at: Option<Timestamp>,
    /// When it was closed last.
    pub closed_at: Option<Timestamp>,
    /// The incident in which it goes on.
    pub merged: Option<usize>,
    /// How far its erasure is.
    pub erasure: Erasure,
    /// Words that were written in it and stand nowhere else.
    pub words: Vec<String>,
    /// The first act that worked on it after the one that opened it.
    worked_on: Option<u64>,
    /// Tasks.
    pub tasks: Vec<Task>,
    /// Lines that people wrote.
    pub lines: Vec<Line>,
    /// Lines of its timeline so far.
    pub entries: usize,
    /// The act that opened it.
    opening: u64,
}

impl Incident {
    /// Whether a field has the value that somebody saw.
    pub fn has(&self, saw: Saw) -> bool {
        match saw {
            Saw::Severity(severity) => self.severity == severity,
            Saw::Tlp(tlp) => self.tlp == tlp,
            Saw::Phase(phase) => self.phase == phase,
            Saw::Lead(lead) => self.lead == lead,
        }
    }
}

impl Model {
    pub(super) fn feed_incident(&mut self, seq: u64, at: Timestamp, fact: &Fact) {
        let incident = fact.incident().index();
        if let Fact::Opened { reference, by, audience, severity, .. } = fact {
            let place = self.incidents.len();
            self.expect(incident == place, Invariant::NumbersCountUp, || {
                format!("incident {incident} is number {place}")
            });
            self.new_reference(*reference);
            self.incidents.push(Incident {
                reference: *reference,
                organisations: audience.organisations,
                tlp: audience.tlp,
                persons: audience.persons.clone(),
                lead: match by {
                    Actor::Person(account) => Some(*account),
                    Actor::Rule => None,
                },
                phase: Phase::Reported,
                severity: *severity,
                held: false,
                dropped: false,
                dropped_at: None,
                closed_at: None,
                merged: None,
                erasure: Erasure::None,
                words: Vec::new(),
                worked_on: None,
                tasks: Vec::new(),
                lines: Vec::new(),
                entries: 1,
                opening: self.act,
            });
        }
        let what = crate::brief(fact);
        let by = match fact {
            Fact::Erased { second: Some(second), .. } => Actor::Person(*second),
            _ => fact.by(),
        };
        self.may_incident(seq, by, incident, &what);
        let gone = self.incidents[incident].erasure == Erasure::Done;
        let after = matches!(fact, Fact::Countersigned { .. } | Fact::Parted { .. });
        self.expect(!gone || after, Invariant::ErasedIsGone, || {
            format!("fact {seq}: incident {incident} was erased, and this is recorded of it: {what}")
        });
        self.word_of(incident, fact);
        match fact {
            Fact::Opened { .. } => {}
            Fact::Merged { into, by, .. } => self.merged(seq, incident, into.index(), *by),
            Fact::Parted { by, .. } => {
                let into = self.incidents[incident].merged.take();
                let team = self.is_team(*by);
                let held = into.is_some_and(|into| self.is_held(into));
                self.expect(into.is_some() && team && !held, Invariant::UndoTakesBackThat, || {
                    format!("fact {seq}: incident {incident} parts from {into:?}, which is held: {held}")
                });
                into.into_iter().for_each(|into| self.timeline(into));
            }
            Fact::ErasureAsked { by, .. } => self.incidents[incident].erasure = Erasure::Asked(*by),
            Fact::ErasureWithdrawn { .. } => {
                let asked = matches!(self.incidents[incident].erasure, Erasure::Asked(_));
                self.expect(asked, Invariant::ErasedByTwo, || {
                    format!("fact {seq}: of incident {incident} no erasure was asked")
                });
                self.incidents[incident].erasure = Erasure::None;
            }
            Fact::Erased { by, second, .. } => self.incident_erased(seq, incident, *by, *second),
            Fact::Countersigned { .. } => {
                self.expect(gone, Invariant::ErasedByTwo, || format!("fact {seq}: incident {incident} was not erased"));
            }
            Fact::Changed { by, change, undoes, .. } => {
                let closed_at = self.incidents[incident].closed_at;
                self.closed_before.insert(seq, closed_at);
                self.changed(seq, at, incident, *by, change);
                if let (Change::Phase(..), Some(before)) = (change, undoes.and_then(|of| self.closed_before.get(&of))) {
                    // As if it had never been.
                    self.incidents[incident].closed_at = *before;
                }
            }
            Fact::Noted { by, tlp, note, .. } => {
                let text = note.open().map(|n| n.text.clone()).unwrap_or_default();
                self.line(incident, *by, *tlp, text);
            }
            Fact::TaskAdded { by, .. } => {
                let tlp = self.incidents[incident].tlp;
                self.line(incident, *by, tlp, String::new());
                let kept = &mut self.incidents[incident];
                kept.tasks.push(Task { entry: kept.entries, done: false, withdrawn: false });
            }
            Fact::TaskSet { task, done, .. } => {
                let Task { done: was, withdrawn, .. } = self.incidents[incident].tasks[task.index()];
                self.expect(was != *done && !withdrawn, Invariant::UndoTakesBackThat, || {
                    format!("fact {seq}: task {task:?} was {was}, becomes {done}, withdrawn: {withdrawn}")
                });
                self.incidents[incident].tasks[task.index()].done = *done;
            }
            Fact::Observed { by, tlp, .. } => self.line(incident, *by, *tlp, String::new()),
            Fact::Withdrawn { entry, by, .. } => self.withdrawn(seq, incident, entry.index(), *by),
            Fact::Dropped { .. } => {
                let kept = &self.incidents[incident];
                let (worked_on, dropped) = (kept.worked_on.is_some_and(|act| act != self.act), kept.dropped);
                let reports = self.reports_of(incident).len();
                self.expect(!worked_on && !dropped && reports == 0, Invariant::UndoTakesBackThat, || {
                    format!("fact {seq}: incident {incident} is dropped: worked on {worked_on}, already {dropped}, {reports} reports")
                });
                let kept = &mut self.incidents[incident];
                (kept.dropped, kept.dropped_at) = (true, Some(at));
            }
            Fact::Held { .. } => self.incidents[incident].held = true,
            Fact::HoldLifted { .. } => self.incidents[incident].held = false,
        }
        if !matches!(fact, Fact::Opened { .. } | Fact::Withdrawn { .. }) {
            self.timeline(incident);
        }
    }

    /// The word that a fact writes in an incident.
    fn word_of(&mut self, incident: usize, fact: &Fact) {
        let text = match fact {
            Fact::Opened { title, .. } => title.open(),
            Fact::Noted { note, .. } => note.open().map(|n| &n.text),
            Fact::TaskAdded { text, .. } => text.open(),
            _ => None,
        };
        // A pasted log is the same word again and again.
        let word = text.map(|t| t[2.min(t.len())..].find("ln").map_or(t.as_str(), |end| &t[..end + 2]).to_owned());
        self.incidents[incident].words.extend(word.filter(|w| w.starts_with("ln")));
    }

    fn merged(&mut self, seq: u64, incident: usize, into: usize, by: AccountId) {
        self.may_incident(seq, Actor::Person(by), into, "took over");
        let (team, root) = (self.is_team(by), self.root(into));
        let kept = &self.incidents[incident];
        let fine = team && kept.merged.is_none() && root == into && into != incident && !kept.dropped;
        self.expect(fine, Invariant::OnlyWhoMay, || {
            format!("fact {seq}: incident {incident} goes on in {into}, which goes on in {root}")
        });
        self.incidents[incident].merged = Some(into);
        self.timeline(into);
    }

    fn incident_erased(&mut self, seq: u64, incident: usize, by: AccountId, second: Option<AccountId>) {
        let kept = &self.incidents[incident];
        let by_two = match second {
            Some(second) => kept.erasure == Erasure::Asked(by) && second != by && self.is_team(second),
            None => self.accounts[by.index()].role == desk::accounts::Role::Admin,
        };
        let over = kept.dropped || self.incidents[self.root(incident)].phase == Phase::Closed;
        let (done, held) = (kept.erasure == Erasure::Done, self.is_held(incident));
        self.expect(over && !done && !held && by_two, Invariant::ErasedByTwo, || {
            format!("fact {seq}: incident {incident} erased: over {over}, already {done}, held {held}, by two {by_two}")
        });
        self.incidents[incident].erasure = Erasure::Done;
        let of = desk::ids::IncidentId(incident as u32);
        let letters = self.notices.iter_mut().filter(|n| n.about == desk::outbox::About::Incident(of));
        letters.for_each(super::Notice::erase);
    }

    /// Where an incident goes on in the end.
    pub fn root(&self, incident: usize) -> usize {
        let mut at = incident;
        for _ in 0..self.incidents.len() {
            match self.incidents[at].merged {
                Some(into) => at = into,
                None => break,
            }
        }
        at
    }

    /// Whether an incident, or what it goes on in, is on hold.
    pub fn is_held(&self, incident: usize) -> bool {
        !self.holds(incident).is_empty()
    }

    /// The incidents on hold among an incident and what it goes on in.
    pub fn holds(&self, incident: usize) -> Vec<usize> {
        let mut at = Some(incident);
        let mut holds = Vec::new();
        for _ in 0..=self.incidents.len() {
            let Some(n) = at else { break };
            if self.incidents[n].held {
                holds.push(n);
            }
            at = self.incidents[n].merged;
        }
        holds
    }

    /// An incident and all that go on in it.
    pub fn family(&self, incident: usize) -> Vec<usize> {
        let under = |n: &usize| {
            let mut at = Some(*n);
            (0..=self.incidents.len()).any(|_| {
                let is = at == Some(incident);
                at = at.and_then(|i| self.incidents[i].merged);
                is
            })
        };
        (0..self.incidents.len()).filter(under).collect()
    }

    /// A line more in the timeline.
    pub(super) fn timeline(&mut self, incident: usize) {
        let kept = &mut self.incidents[incident];
        kept.entries += 1;
        if self.act != kept.opening {
            kept.worked_on.get_or_insert(self.act);
        }
    }

    fn line(&mut self, incident: usize, by: AccountId, tlp: Tlp, text: String) {
        let kept = &mut self.incidents[incident];
        let own = (tlp > kept.tlp).then_some(tlp);
        kept.lines.push(Line { by, entry: kept.entries, own, text, withdrawn: false });
    }

    fn withdrawn(&mut self, seq: u64, incident: usize, entry: usize, by: AccountId) {
        let kept = &mut self.incidents[incident];
        kept.tasks.iter_mut().filter(|t| t.entry == entry).for_each(|t| t.withdrawn = true);
        let line = kept.lines.iter_mut().find(|l| l.entry == entry);
        let fine = line.as_ref().is_some_and(|l| l.by == by && !l.withdrawn);
        if let Some(line) = line {
            line.withdrawn = true;
        }
        self.expect(fine, Invariant::OnlyWhoMay, || {
            format!("fact {seq}: line {entry} of incident {incident} is not {by:?}'s to take back")
        });
    }

    fn changed(&mut self, seq: u64, at: Timestamp, incident: usize, by: Actor, change: &Change) {
        let kept = &self.incidents[incident];
        let before = match change {
            Change::Severity(_) => Some(Saw::Severity(kept.severity)),
            Change::Tlp(_) => Some(Saw::Tlp(kept.tlp)),
            Change::Phase(..) => Some(Saw::Phase(kept.phase)),
            Change::Lead(_) => Some(Saw::Lead(kept.lead)),
            _ => None,
        };
        self.before.extend(before.map(|before| (seq, before)));
        let addresses = matches!(change, Change::Tlp(_) | Change::Organisation(..) | Change::Person(..));
        if let (Actor::Person(account), true) = (by, addresses) {
            let team = self.is_team(account);
            self.expect(team, Invariant::OnlyWhoMay, || {
                format!("fact {seq}: {account:?} chose who sees incident {incident}")
            });
        }
        let kept = &mut self.incidents[incident];
        match change {
            Change::Severity(severity) => kept.severity = *severity,
            Change::Phase(phase, _) => {
                kept.phase = *phase;
                if *phase == Phase::Closed {
                    kept.closed_at = Some(at);
                }
            }
            Change::Lead(lead) => kept.lead = *lead,
            Change::Tlp(tlp) => {
                kept.tlp = *tlp;
                if *tlp == Tlp::Red && kept.persons.is_empty() {
                    let chose = match by {
                        Actor::Person(account) => Some(account),
                        Actor::Rule => None,
                    };
                    let lead = kept.lead.filter(|lead| Some(*lead) != chose);
                    kept.persons.extend(chose.into_iter().chain(lead));
                }
            }
            Change::Organisation(organisation, present) => {
                let bit = 1 << organisation.0;
                kept.organisations = if *present { kept.organisations | bit } else { kept.organisations & !bit };
            }
            Change::Person(person, present) => {
                kept.persons.retain(|p| p != person);
                kept.persons.extend(present.then_some(*person));
            }
            _ => {}
        }
    }

    /// Reports that belong to an incident.
    pub fn reports_of(&self, incident: usize) -> Vec<usize> {
        let belongs = |n: &usize| matches!(self.reports[*n].status, Status::Decided(Verdict::Incident { incident: of, .. }) if of.index() == incident);
        (0..self.reports.len()).filter(belongs).collect()
    }

    /// Whether an account sees an incident.
    pub fn sees_incident(&self, account: AccountId, incident: usize) -> bool {
        let Some(viewer) = self.accounts.get(account.index()) else { return false };
        let kept = &self.incidents[incident];
        let addressed = kept.organisations >> viewer.organisation.0 & 1 == 1;
        addressed && (kept.tlp != Tlp::Red || kept.persons.contains(&account))
    }

    /// Whether an account sees a line: as the incident, but what was written for its writer alone stays so.
    pub fn sees_line(&self, account: AccountId, incident: usize, line: &Line) -> bool {
        self.sees_incident(account, incident) && (line.own != Some(Tlp::Red) || line.by == account)
    }
}
