//! The desk of an earlier moment, by two times that are never mixed: *as of* a day (what was so then, as we know it now) and *known at* a
//! position of the journal (what we knew then).
//!
//! It is built from the facts once more, leaving out what was not known or not so yet. A numbered thing that is left out keeps its place,
//! addressed to nobody, so that whatever points to it still points to it and no lens shows it. Rights are today's: before anybody looks,
//! the past takes over today's audiences, labels, people and erasures ([`Past::bear`]).

mod rights;
mod valid;

use crate::Desk;
use crate::accounts::Role;
use crate::command::Actor;
use crate::fact::Fact;
use crate::ids::{IncidentId, ReportId, Timestamp};
use crate::incidents::{self, Entry, Incident, Line, Pap, Phase, Task};
use crate::intake::{self, Erasure, Status, Verdict};
use crate::lens::{Audience, ClassId, Lens, Viewer};
use crate::outbox::{self, About};
use crate::sealed::Sealed;
use std::collections::HashMap;

/// A moment to look at. Both empty is now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Moment {
    /// Valid time: what was so before this moment, the end of a day. `None`: whatever is so.
    pub as_of: Option<Timestamp>,
    /// Journal position: the last fact that was known. `None`: the newest.
    pub known_at: Option<u64>,
}

impl Moment {
    /// Whether this is no past moment.
    pub fn is_now(&self) -> bool {
        *self == Moment::default()
    }
}

/// The desk of an earlier moment.
#[derive(Clone, Debug)]
pub struct Past {
    desk: Desk,
    moment: Moment,
    /// Decisions that were left out: where a message stands in the whole story.
    left_out: HashMap<ReportId, Verdict>,
    /// Merges that were left out: where each incident goes on in the whole story.
    merges_left_out: HashMap<IncidentId, IncidentId>,
    /// How many facts today's desk held when its rights were taken over.
    rights_of: Option<u64>,
}

impl Past {
    /// An empty desk, to be told the facts up to this moment.
    pub fn new(moment: Moment) -> Past {
        Past {
            desk: Desk::default(),
            moment,
            left_out: HashMap::new(),
            merges_left_out: HashMap::new(),
            rights_of: None,
        }
    }

    /// The moment that it shows.
    pub fn moment(&self) -> Moment {
        self.moment
    }

    /// When the last fact was recorded that it holds; with a day, the last moment of that day.
    pub fn at(&self) -> Timestamp {
        self.desk.last_at
    }

    /// The desk as this viewer, by today's rights, may see it: to read only. [`Past::bear`] comes first.
    pub fn seen_by(&self, viewer: Viewer) -> Lens<'_> {
        Lens::new(&self.desk, Viewer { role: Role::Reader, ..viewer })
    }

    /// The desk itself, for what needs no lens (a register, the operator's list).
    pub fn desk(&self) -> &Desk {
        &self.desk
    }

    /// Tells it the next fact: lets it happen where it was known and so at the moment, and leaves it out otherwise.
    pub fn apply(&mut self, seq: u64, at: Timestamp, fact: &Fact) {
        if self.moment.known_at.is_some_and(|last| seq > last) {
            return;
        }
        let Some(end) = self.moment.as_of else { return self.desk.apply(seq, at, fact) };
        if !self.was_so(seq, at, fact, end) {
            self.leave_out(seq, at, fact);
        } else if at < end {
            self.desk.apply(seq, at, fact);
        } else {
            self.apply_late(seq, at, fact, end);
        }
    }

    /// Something that was so then and was recorded later. Lines that say when it was recorded are not part of that day.
    fn apply_late(&mut self, seq: u64, at: Timestamp, fact: &Fact, end: Timestamp) {
        let gone = match fact {
            Fact::Intake(intake::Fact::Reopened { report, .. }) => match self.desk.intake.get(*report).status {
                Status::Decided(Verdict::Incident { incident, .. }) => Some((incident, *report)),
                _ => None,
            },
            _ => None,
        };
        let touched = self.incident_touched(fact).into_iter().chain(self.incident_touched_too(fact));
        let incidents = &self.desk.incidents.incidents;
        let touched: Vec<(IncidentId, Option<Timestamp>)> =
            touched.map(|i| (i, incidents.get(i.index()).map(|kept| kept.changed_at))).collect();
        self.desk.apply(seq, at, fact);
        let undone = undone_by(fact);
        for (incident, before) in touched {
            let kept = &mut self.desk.incidents.incidents[incident.index()];
            let mut changed_at = before.unwrap_or(kept.since);
            for line in kept.timeline.iter_mut().rev().take_while(|line| line.seq == seq) {
                match line.event_at < end && undone.is_none() {
                    true => changed_at = changed_at.max(line.event_at),
                    false => line.class = ClassId::NOBODY,
                }
            }
            // What was taken back was so on no day: nothing says that it was.
            let said = kept.timeline.iter_mut().filter(|line| match gone {
                Some((_, report)) => line.what == Line::Report(report),
                None => Some(line.seq) == undone,
            });
            said.for_each(|line| line.class = ClassId::NOBODY);
            self.desk.incidents.changed(incident, changed_at);
        }
        if let Fact::Intake(intake::Fact::Moved { report, .. }) = fact {
            let never = |of: u64| of == seq || Some(of) == undone;
            self.desk.intake.reports[report.index()].history.retain(|event| !never(event.seq));
            self.desk.intake.decisions.retain(|(_, of, _)| !never(*of));
        }
    }

    /// The incident whose timeline a fact writes in.
    fn incident_touched(&self, fact: &Fact) -> Option<IncidentId> {
        match fact {
            Fact::Incidents(fact) => Some(fact.incident()),
            Fact::Intake(intake::Fact::Decided { verdict: Verdict::Incident { incident, .. }, .. }) => Some(*incident),
            Fact::Intake(intake::Fact::Reopened { report, .. } | intake::Fact::Moved { report, .. }) => {
                self.incident_of(*report)
            }
            Fact::Outbox(outbox::Fact::Queued { about: About::Incident(incident), .. }) => Some(*incident),
            Fact::Outbox(outbox::Fact::Queued { about: About::Report(report), .. }) => self.incident_of(*report),
            _ => None,
        }
    }

    /// The other one, of facts that write in two.
    fn incident_touched_too(&self, fact: &Fact) -> Option<IncidentId> {
        match fact {
            Fact::Intake(intake::Fact::Moved { to, .. }) => Some(*to),
            Fact::Incidents(incidents::Fact::Merged { into, .. }) => Some(*into),
            Fact::Incidents(incidents::Fact::Parted { incident, .. }) => {
                let left_out = self.merges_left_out.get(incident).copied();
                left_out.or(self.desk.incidents.get(*incident).merged.map(|(into, _)| into))
            }
            _ => None,
        }
    }

    /// The incident that a message belonged to when the fact at hand was recorded.
    fn incident_of(&self, report: ReportId) -> Option<IncidentId> {
        let status = self.desk.intake.get(report).status;
        let verdict = self.left_out.get(&report).copied().or(match status {
            Status::Decided(verdict) => Some(verdict),
            _ => None,
        });
        match verdict {
            Some(Verdict::Incident { incident, .. }) => Some(incident),
            _ => None,
        }
    }

    /// What is numbered keeps its place, seen by nobody; everything else did not happen.
    fn leave_out(&mut self, seq: u64, at: Timestamp, fact: &Fact) {
        self.desk.next = seq + 1;
        if !matches!(fact, Fact::Incidents(incidents::Fact::Opened { .. } | incidents::Fact::Withdrawn { .. })) {
            for incident in self.incident_touched(fact).into_iter().chain(self.incident_touched_too(fact)) {
                self.desk.incidents.incidents[incident.index()].timeline.push(blank(seq, at));
            }
        }
        match fact {
            Fact::Intake(fact @ intake::Fact::Received { report, .. }) => {
                self.desk.intake.receive_unseen(seq, at, fact);
                self.desk.index.received(*report, ClassId::NOBODY);
            }
            Fact::Intake(intake::Fact::Decided { report, verdict, .. }) => {
                self.left_out.insert(*report, *verdict);
            }
            Fact::Intake(intake::Fact::Reopened { report, .. }) => {
                self.left_out.remove(report);
            }
            Fact::Intake(intake::Fact::Moved { report, to, undoes, .. }) => {
                let stands = match self.desk.intake.get(*report).status {
                    Status::Decided(Verdict::Incident { incident, .. }) => incident == *to,
                    _ => false,
                };
                // Taken back to where the past has it: nothing is left out any more.
                if undoes.is_some() && stands {
                    self.left_out.remove(report);
                } else {
                    self.left_out.insert(*report, Verdict::Incident { incident: *to, opened: false });
                }
            }
            Fact::Incidents(incidents::Fact::Merged { incident, into, .. }) => {
                self.merges_left_out.insert(*incident, *into);
            }
            Fact::Incidents(incidents::Fact::Parted { incident, .. }) => {
                self.merges_left_out.remove(incident);
            }
            Fact::Outbox(fact) => self.desk.outbox.queue_unseen(at, fact),
            Fact::Incidents(incidents::Fact::Opened { incident, reference, since, .. }) => {
                self.desk.incidents.open_unseen(unseen(seq, at, *reference, *since));
                self.desk.index.opened(*incident, ClassId::NOBODY, &Sealed::Erased);
            }
            Fact::Incidents(incidents::Fact::TaskAdded { incident, by, .. }) => {
                let kept = &mut self.desk.incidents.incidents[incident.index()];
                let entry = kept.last_entry();
                kept.tasks.push(Task {
                    by: *by,
                    at,
                    assignee: None,
                    due: None,
                    text: Sealed::Erased,
                    done: None,
                    set: None,
                    entry,
                    withdrawn: true,
                });
            }
            _ => {}
        }
    }
}

/// The fact that another one takes back.
fn undone_by(fact: &Fact) -> Option<u64> {
    match fact {
        Fact::Intake(intake::Fact::Moved { undoes, .. })
        | Fact::Incidents(incidents::Fact::Changed { undoes, .. } | incidents::Fact::TaskSet { undoes, .. }) => *undoes,
        _ => None,
    }
}

/// A line that keeps the place of one that is left out.
fn blank(seq: u64, at: Timestamp) -> Entry {
    Entry {
        seq,
        recorded_at: at,
        event_at: at,
        certain: true,
        by: Actor::Rule,
        class: ClassId::NOBODY,
        what: Line::Opened,
        withdrawn: None,
        own_label: None,
    }
}

/// An incident that keeps the place of one that is left out.
fn unseen(seq: u64, at: Timestamp, reference: crate::ids::Reference, since: Timestamp) -> Incident {
    Incident {
        reference,
        opened_at: at,
        opening: seq..=seq,
        since,
        title: Sealed::Erased,
        severity: None,
        sector_severity: None,
        first: (None, crate::lens::Tlp::default()),
        audience: Audience::default(),
        class: ClassId::NOBODY,
        pap: Pap::default(),
        phase: Phase::Reported,
        phase_at: [None; 6],
        lead: None,
        classes: Vec::new(),
        boards: Vec::new(),
        reports: Vec::new(),
        notices: Vec::new(),
        timeline: vec![blank(seq, at)],
        tasks: Vec::new(),
        observed: Vec::new(),
        changed_at: since,
        hold: None,
        dropped: false,
        from: None,
        merged: None,
        took_over: Vec::new(),
        erasure: Erasure::None,
    }
}
