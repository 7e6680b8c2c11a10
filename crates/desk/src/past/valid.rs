//! When something was so, apart from when it was recorded.
//!
//! What has a time of its own has that one: a message, a line of a timeline, an incident's beginning, a term of retention. What was read in a message, or
//! corrected about it, is as old as the message. Taking back has the time of what it takes back: what was undone was not so on any day.
//! Everything else was so from when it was recorded.

use super::Past;
use crate::command::Actor;
use crate::fact::Fact;
use crate::house;
use crate::ids::{IncidentId, ReportId, Timestamp};
use crate::incidents;
use crate::intake::{self, Status, Verdict};
use crate::lens::ClassId;
use crate::outbox::{self, About};

impl Past {
    /// Whether what a fact says was so before `end`.
    pub(super) fn was_so(&self, seq: u64, at: Timestamp, fact: &Fact, end: Timestamp) -> bool {
        match fact {
            // The desk's own settings, its people and its register are today's; a restore was so when it was recorded.
            Fact::House(house::Fact::TermSet { from, .. }) => (*from).min(at) < end,
            Fact::House(house::Fact::TermWithdrawn { term, .. }) => {
                self.desk.house.terms.iter().any(|t| t.term == *term)
            }
            Fact::House(house::Fact::RestoreWithdrawn { restore, .. }) => {
                (*restore as usize) < self.desk.house.restores.len()
            }
            Fact::House(_) | Fact::Accounts(_) => at < end,
            Fact::Intake(fact) => self.message_was_so(at, fact, end),
            Fact::Outbox(fact) => at < end && self.mail_is_there(fact),
            Fact::Incidents(fact) => self.incident_was_so(seq, at, fact, end),
        }
    }

    fn report_is_there(&self, report: ReportId) -> bool {
        self.desk.intake.get(report).class != ClassId::NOBODY
    }

    fn incident_is_there(&self, incident: IncidentId) -> bool {
        self.desk.incidents.get(incident).class != ClassId::NOBODY
    }

    fn mail_is_there(&self, fact: &outbox::Fact) -> bool {
        let about = match fact.about() {
            About::Report(report) => self.report_is_there(report),
            About::Incident(incident) => self.incident_is_there(incident),
        };
        about && (matches!(fact, outbox::Fact::Queued { .. }) || self.desk.outbox.get(fact.notice()).there)
    }

    fn message_was_so(&self, at: Timestamp, fact: &intake::Fact, end: Timestamp) -> bool {
        match fact {
            intake::Fact::Received { received_at, event_at, .. } => event_at.unwrap_or(*received_at).min(at) < end,
            _ if !self.report_is_there(fact.report()) => false,
            intake::Fact::Read { .. }
            | intake::Fact::Appraised { .. }
            | intake::Fact::Erased { .. }
            | intake::Fact::Countersigned { .. } => true,
            intake::Fact::Decided { by, verdict, .. } => self.decision_was_so(at, *by, *verdict, end),
            intake::Fact::Reopened { report, .. } => {
                !self.left_out.contains_key(report)
                    && matches!(self.desk.intake.get(*report).status, Status::Decided(_))
            }
            intake::Fact::Moved { report, to, undoes, .. } => {
                let so = match undoes {
                    Some(of) => self.desk.intake.get(*report).decided_seq == Some(*of),
                    None => at < end,
                };
                so && self.incident_is_there(*to) && !self.left_out.contains_key(report)
            }
            intake::Fact::Claimed { .. }
            | intake::Fact::Released { .. }
            | intake::Fact::Waits { .. }
            | intake::Fact::Snoozed { .. }
            | intake::Fact::Woken { .. }
            | intake::Fact::ErasureAsked { .. }
            | intake::Fact::ErasureWithdrawn { .. } => at < end,
        }
    }

    /// What a rule decides follows from the message itself; an incident that began with a message began when both were there.
    fn decision_was_so(&self, at: Timestamp, by: Actor, verdict: Verdict, end: Timestamp) -> bool {
        match verdict {
            Verdict::Incident { incident, opened } => {
                self.incident_is_there(incident) && (at < end || opened || by == Actor::Rule)
            }
            Verdict::FollowUp(of) => self.report_is_there(of) && (at < end || by == Actor::Rule),
            Verdict::Duplicate(_) | Verdict::NoIncident | Verdict::Spam => at < end || by == Actor::Rule,
        }
    }

    fn incident_was_so(&self, seq: u64, at: Timestamp, fact: &incidents::Fact, end: Timestamp) -> bool {
        if let incidents::Fact::Opened { since, .. } = fact {
            return (*since).min(at) < end;
        }
        let incident = fact.incident();
        if !self.incident_is_there(incident) {
            return false;
        }
        let kept = self.desk.incidents.get(incident);
        match fact {
            incidents::Fact::Changed { .. } if kept.opening.contains(&seq) => true,
            incidents::Fact::Changed { change, undoes: Some(of), .. } => kept.last_set(change) == Some(*of),
            incidents::Fact::TaskSet { task, undoes: Some(of), .. } => {
                kept.tasks.get(task.index()).is_some_and(|task| task.set == Some(*of))
            }
            incidents::Fact::Noted { event_at, .. } => *event_at < end,
            incidents::Fact::Withdrawn { entry, .. } => {
                kept.timeline.get(entry.index()).is_some_and(|line| line.class != ClassId::NOBODY)
            }
            incidents::Fact::Dropped { .. }
            | incidents::Fact::Erased { .. }
            | incidents::Fact::Countersigned { .. } => true,
            incidents::Fact::Merged { into, .. } => at < end && self.incident_is_there(*into),
            incidents::Fact::Parted { .. } => at < end && kept.merged.is_some(),
            incidents::Fact::TaskSet { task, .. } => {
                at < end && kept.tasks.get(task.index()).is_some_and(|task| !is_blank(kept, task.entry))
            }
            incidents::Fact::Opened { .. }
            | incidents::Fact::Changed { .. }
            | incidents::Fact::TaskAdded { .. }
            | incidents::Fact::Observed { .. }
            | incidents::Fact::ErasureAsked { .. }
            | incidents::Fact::ErasureWithdrawn { .. }
            | incidents::Fact::Held { .. }
            | incidents::Fact::HoldLifted { .. } => at < end,
        }
    }
}

fn is_blank(kept: &incidents::Incident, entry: crate::ids::EntryId) -> bool {
    kept.timeline.get(entry.index()).is_none_or(|line| line.class == ClassId::NOBODY)
}
