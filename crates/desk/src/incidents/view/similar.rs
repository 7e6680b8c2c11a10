//! What may belong together, and why. Only what the viewer may see is looked at: hidden things leave no trace in it.

use crate::ids::{IncidentId, Reference, ReportId};
use crate::incidents::Phase;
use crate::intake::{Reason, Status, Verdict};
use crate::lens::Lens;
use std::collections::BTreeMap;

/// Incidents proposed, at most.
const SIMILAR_MAX: usize = 5;
/// Reasons named with each, at most.
const REASONS_MAX: usize = 4;

/// An incident that may belong to what one looks at.
#[derive(Clone, Debug, PartialEq)]
pub struct SimilarIncident {
    /// Its reference.
    pub reference: Reference,
    /// Its title; `None` when erased.
    pub title: Option<String>,
    /// How far it is.
    pub phase: Phase,
    /// Why: `same-observable`, `same-board`, `same-sender`, `same-subject`, with what they share.
    pub reasons: Vec<Reason>,
}

/// What speaks for a candidate: reasons and their weight.
#[derive(Default)]
pub(crate) struct For {
    weight: u32,
    reasons: Vec<Reason>,
}

impl For {
    pub(crate) fn add(&mut self, weight: u32, key: &str, found: &str) {
        self.weight += weight;
        if !self.reasons.iter().any(|r| r.key == key && r.found == found) {
            self.reasons.push(Reason { key: key.to_owned(), found: found.to_owned() });
        }
    }
}

const OBSERVABLE_WEIGHT: u32 = 10;
const SENDER_WEIGHT: u32 = 8;
const SUBJECT_WEIGHT: u32 = 6;
const BOARD_WEIGHT: u32 = 4;
/// Less than this is no reason to bother anybody: a board alone counts only while its incident is open.
const WEIGHT_MIN: u32 = 4;

impl Lens<'_> {
    /// Incidents that a report may belong to.
    pub fn similar(&self, report: Reference) -> Vec<SimilarIncident> {
        self.report_id(report).map(|r| self.similar_to_report(r)).unwrap_or_default()
    }

    pub(crate) fn similar_to_report(&self, report: ReportId) -> Vec<SimilarIncident> {
        let kept = self.desk.intake.get(report);
        let own = match kept.status {
            Status::Decided(Verdict::Incident { incident, .. }) => Some(incident),
            _ => None,
        };
        let mut found: BTreeMap<IncidentId, For> = BTreeMap::new();
        for (other, speaks) in self.reports_like(report) {
            if let Some(incident) = self.incident_behind(other) {
                let into = found.entry(incident).or_default();
                into.weight = into.weight.max(speaks.weight);
                speaks.reasons.iter().for_each(|r| into.add(0, &r.key, &r.found));
            }
        }
        for observable in kept.head().map_or(&[][..], |h| &h.observables).iter().filter(|o| o.links()) {
            for incident in self.desk.index.incidents_with(self, &observable.kind, &observable.value) {
                found.entry(incident).or_default().add(
                    OBSERVABLE_WEIGHT,
                    "same-observable",
                    &crate::observables::defanged(observable),
                );
            }
        }
        self.by_board(kept.appraisal.board.as_slice(), &mut found);
        found.retain(|incident, _| Some(*incident) != own);
        self.best(found)
    }

    pub(crate) fn similar_to_incident(&self, incident: IncidentId) -> Vec<SimilarIncident> {
        let kept = self.desk.incidents.get(incident);
        let mut found: BTreeMap<IncidentId, For> = BTreeMap::new();
        for report in kept.reports.iter().filter(|r| self.may_see(self.desk.intake.get(**r).class)) {
            for (other, speaks) in self.reports_like(*report) {
                if let Some(of) = self.incident_behind(other) {
                    let into = found.entry(of).or_default();
                    into.weight = into.weight.max(speaks.weight);
                    speaks.reasons.iter().for_each(|r| into.add(0, &r.key, &r.found));
                }
            }
        }
        let by_hand = kept.observed.iter().filter(|s| !s.withdrawn && self.may_see(s.class));
        let in_mail = kept.reports.iter().map(|r| self.desk.intake.get(*r)).filter(|r| self.may_see(r.class));
        let in_mail = in_mail.filter_map(|r| r.head()).flat_map(|h| &h.observables);
        for observable in by_hand.filter_map(|s| s.observable.open()).chain(in_mail).filter(|o| o.links()) {
            for other in self.desk.index.incidents_with(self, &observable.kind, &observable.value) {
                found.entry(other).or_default().add(
                    OBSERVABLE_WEIGHT,
                    "same-observable",
                    &crate::observables::defanged(observable),
                );
            }
        }
        self.by_board(&kept.boards, &mut found);
        found.remove(&incident);
        self.best(found)
    }

    fn by_board(&self, boards: &[crate::register::BoardId], found: &mut BTreeMap<IncidentId, For>) {
        for board in boards {
            let name = self.desk.board_link(*board).map(|b| b.name).unwrap_or_default();
            for incident in self.desk.incidents.by_board.get(board).into_iter().flatten() {
                if self.desk.incidents.get(*incident).phase != Phase::Closed {
                    found.entry(*incident).or_default().add(BOARD_WEIGHT, "same-board", &name);
                }
            }
        }
    }

    fn best(&self, found: BTreeMap<IncidentId, For>) -> Vec<SimilarIncident> {
        let visible = |(incident, speaks): &(IncidentId, For)| {
            let kept = self.desk.incidents.get(*incident);
            self.may_see(kept.class)
                && !self.desk.incidents.briefs[incident.index()].gone
                && speaks.weight >= WEIGHT_MIN
        };
        let mut found: Vec<(IncidentId, For)> = found.into_iter().filter(visible).collect();
        found.sort_by_key(|(incident, speaks)| std::cmp::Reverse((speaks.weight, *incident)));
        let view = |(incident, mut speaks): (IncidentId, For)| {
            let kept = self.desk.incidents.get(incident);
            speaks.reasons.truncate(REASONS_MAX);
            SimilarIncident {
                reference: kept.reference,
                title: kept.title.open().cloned(),
                phase: kept.phase,
                reasons: speaks.reasons,
            }
        };
        found.into_iter().take(SIMILAR_MAX).map(view).collect()
    }

    fn incident_behind(&self, report: ReportId) -> Option<IncidentId> {
        match self.desk.intake.get(report).status {
            Status::Decided(Verdict::Incident { incident, .. }) => Some(incident),
            Status::Decided(Verdict::FollowUp(of)) => match self.desk.intake.get(of).status {
                Status::Decided(Verdict::Incident { incident, .. }) => Some(incident),
                _ => None,
            },
            _ => None,
        }
    }

    /// Reports like this one that the viewer may see, the likeliest first.
    pub(crate) fn similar_reports(&self, report: ReportId) -> Vec<(ReportId, Vec<Reason>)> {
        let mut found: Vec<(ReportId, For)> = self.reports_like(report).into_iter().collect();
        found.sort_by_key(|(other, speaks)| std::cmp::Reverse((speaks.weight, *other)));
        found.into_iter().map(|(other, speaks)| (other, speaks.reasons)).collect()
    }

    fn reports_like(&self, report: ReportId) -> BTreeMap<ReportId, For> {
        let intake = &self.desk.intake;
        let kept = intake.get(report);
        let mut found: BTreeMap<ReportId, For> = BTreeMap::new();
        let head = kept.head();
        for observable in head.map_or(&[][..], |h| &h.observables).iter().filter(|o| o.links()) {
            for other in self.desk.index.reports_with(self, &observable.kind, &observable.value) {
                found.entry(other).or_default().add(
                    OBSERVABLE_WEIGHT,
                    "same-observable",
                    &crate::observables::defanged(observable),
                );
            }
        }
        if let Some(sender) = kept.sender {
            let address = head.and_then(|h| h.from_address.clone()).unwrap_or_default();
            for other in intake.by_sender.get(&sender).into_iter().flatten() {
                found.entry(*other).or_default().add(SENDER_WEIGHT, "same-sender", &address);
            }
        }
        if let Some(head) = head {
            for other in self.desk.index.reports_with_subject(self, &head.subject) {
                found.entry(other).or_default().add(SUBJECT_WEIGHT, "same-subject", &head.subject);
            }
        }
        found.retain(|other, _| *other != report && self.may_see(intake.get(*other).class));
        found
    }
}
