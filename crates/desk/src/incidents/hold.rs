//! A legal hold: what belongs to an incident that is held stays there, and stays, while the hold stands.

use crate::Desk;
use crate::command::Refusal;
use crate::ids::{IncidentId, ReportId};
use crate::intake::{Status, Verdict};

impl Desk {
    /// Every way out asks here: whether what belongs to an incident may come to belong to another one, or to none. Each hold that stands
    /// over it must do so afterwards too, for any of them may be lifted alone.
    pub(crate) fn may_leave(&self, from: IncidentId, to: Option<IncidentId>) -> Result<(), Refusal> {
        let stays = |hold| to.is_some_and(|to| self.incidents.holds(to).any(|after| after == hold));
        if self.incidents.holds(from).all(stays) { Ok(()) } else { Err(Refusal::TooLate { why: "held" }) }
    }

    /// As [`Desk::may_leave`], for a message, which is held with what it continues or repeats.
    pub(crate) fn report_may_leave(&self, report: ReportId, to: Option<IncidentId>) -> Result<(), Refusal> {
        self.kept_with(report).map_or(Ok(()), |from| self.may_leave(from, to))
    }

    /// The incident that a message belongs to: by itself, or by what it continues or repeats.
    fn kept_with(&self, report: ReportId) -> Option<IncidentId> {
        let mut at = report;
        // Reports that repeat each other in a circle belong to nothing.
        for _ in 0..=self.intake.reports.len() {
            match self.intake.get(at).status {
                Status::Decided(Verdict::Incident { incident, .. }) => return Some(incident),
                Status::Decided(Verdict::FollowUp(of) | Verdict::Duplicate(of)) => at = of,
                _ => return None,
            }
        }
        None
    }
}
