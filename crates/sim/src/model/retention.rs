//! What is past its term, and which backups were restored as a test, told again.

use super::{Erasure, Model};
use crate::invariant::{Check, Invariant, holds};
use desk::accounts::Role;
use desk::ids::{AccountId, Timestamp};
use desk::incidents::Phase;
use desk::intake::{Status, Verdict};
use desk::lens::Lens;
use desk::retention::{Counts, Due, Kept, Retention};

/// A backup that somebody restored to see that it can be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restore {
    /// When it was said.
    pub at: Timestamp,
    /// Which backup.
    pub backup: String,
    /// When that was made.
    pub made_at: Timestamp,
}

impl Model {
    pub(super) fn restored(&mut self, seq: u64, at: Timestamp, by: AccountId, backup: &str, made_at: Timestamp) {
        let admin = self.is_active(by) && self.accounts[by.index()].role == Role::Admin;
        self.expect(admin, Invariant::OnlyWhoMay, || format!("fact {seq}: {by:?} may not say that it was restored"));
        let sane = made_at <= at && !backup.is_empty();
        self.expect(sane, Invariant::OnlyWhoMay, || {
            format!("fact {seq}: at {at:?} {backup:?} was restored, made at {made_at:?}")
        });
        self.restores.push(Restore { at, backup: backup.to_owned(), made_at });
    }

    /// Whether an incident is over: dropped, or closed where it goes on.
    pub fn is_over(&self, incident: usize) -> bool {
        self.over_since(incident).is_some()
    }

    fn over_since(&self, incident: usize) -> Option<Timestamp> {
        let root = &self.incidents[self.root(incident)];
        let closed = root.closed_at.filter(|_| root.phase == Phase::Closed);
        self.incidents[incident].dropped_at.or(closed)
    }

    /// As what a report is kept, since when, and whether it is held.
    fn kept_since(&self, report: usize) -> Option<(Kept, Timestamp, bool)> {
        let last = &self.reports[*self.chain(report).last()?];
        match last.status {
            Status::Decided(Verdict::Spam) => Some((Kept::Spam, last.decided?.0, false)),
            Status::Decided(Verdict::NoIncident) => Some((Kept::NoIncident, last.decided?.0, false)),
            Status::Decided(Verdict::Incident { incident, .. }) => {
                Some((Kept::Message, self.over_since(incident.index())?, self.is_held(incident.index())))
            }
            _ => None,
        }
    }

    /// The team reads what is past its term, as far as each may see it; others read nothing.
    pub(super) fn compare_retention(&self, lens: &Lens<'_>, account: AccountId, now: Timestamp) -> Check {
        let shown = lens.retention(now);
        let counted = Invariant::CountsAreRecounted;
        if !self.is_team(account) {
            let nothing = shown == Retention::default() && lens.restore_tests().is_empty();
            return holds(nothing, Invariant::OthersAreKeptOut, || format!("{account:?} reads what is past its term"));
        }
        let past = |kind, reference, since: Timestamp, held| {
            let term = &shown.terms.iter().find(|t| t.term.kind == kind && t.counts == Counts::Now)?.term;
            let due = since.plus_seconds(i64::from(term.days) * 24 * 3600);
            (due <= now).then_some(Due { kind, reference, since, due, held })
        };
        let mut must = Vec::new();
        for (n, report) in self.reports.iter().enumerate() {
            if report.erasure != Erasure::Done && self.sees_report(account, n) {
                must.extend(self.kept_since(n).and_then(|(kind, at, held)| past(kind, report.reference, at, held)));
            }
        }
        for (n, incident) in self.incidents.iter().enumerate() {
            if incident.erasure != Erasure::Done && self.sees_incident(account, n) {
                let held = self.is_held(n);
                must.extend(self.over_since(n).and_then(|at| past(Kept::Incident, incident.reference, at, held)));
            }
        }
        must.sort_by_key(|d| (d.due, d.reference));
        holds(shown.due == must && shown.total == must.len(), counted, || {
            let extra: Vec<&Due> = shown.due.iter().filter(|d| !must.contains(d)).collect();
            let missing: Vec<&Due> = must.iter().filter(|d| !shown.due.contains(d)).collect();
            format!("at {now:?} {account:?} reads as past its term {extra:?} too many, and not {missing:?}")
        })?;
        let rows = lens.restore_tests().into_iter().rev();
        let rows: Vec<Restore> =
            rows.map(|row| Restore { at: row.at, backup: row.backup, made_at: row.made_at }).collect();
        holds(rows == self.restores, counted, || format!("restored as a test: {rows:?}, must be {:?}", self.restores))
    }
}
