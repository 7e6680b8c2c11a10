//! Nobody gains sight of a message without it being said, where it goes somewhere else.

use super::{Report, Status, Verdict};
use crate::Desk;
use crate::command::Refusal;
use crate::ids::{IncidentId, ReportId};
use crate::incidents::{Change, Line};
use crate::lens::Audience;

impl Desk {
    /// Whether somebody would see a message who does not now.
    pub(crate) fn is_widened(&self, report: ReportId, to: &Audience) -> bool {
        to.admits_more_than(self.classes.get(self.intake.get(report).class))
    }

    /// The last decision about a message is taken back, and it goes back from where it `was` decided away to where that goes on. Whoever
    /// made a mistake a moment ago takes it back at once; but once anything was added to the message, or who may see it was changed, it
    /// may show what those people never saw, and is to be moved or judged anew by saying so.
    pub(crate) fn may_show_again(
        &self,
        report: ReportId,
        was: Option<IncidentId>,
        to: Option<IncidentId>,
    ) -> Result<(), Refusal> {
        let team = Audience::team();
        let audience = to.map_or(&team, |to| &self.incidents.get(to).audience);
        if !self.is_widened(report, audience) || (was == to && self.as_decided(report, to)) {
            return Ok(());
        }
        Err(Refusal::invalid("widen", "others-see"))
    }

    /// Whether nothing happened since the last decision about a message: to it, to what continues it, to what it follows, and to who may
    /// see the incidents that it comes from and goes to.
    fn as_decided(&self, report: ReportId, to: Option<IncidentId>) -> bool {
        let Some(of) = self.intake.get(report).decided_seq else { return false };
        let (mut todo, mut at) = (vec![report], 0);
        while let Some(next) = todo.get(at) {
            let kept = self.intake.get(*next);
            if kept.seq > of || kept.history.iter().any(|event| event.seq > of) {
                return false;
            }
            todo.extend(kept.follow_ups.iter().filter(|next| !todo.contains(next)).copied().collect::<Vec<_>>());
            at += 1;
        }
        let readdressed = |incident: IncidentId| {
            let says = |line: &Line| {
                matches!(line, Line::Changed(Change::Tlp(_) | Change::Organisation(..) | Change::Person(..)))
            };
            self.incidents.get(incident).timeline.iter().any(|line| line.seq > of && says(&line.what))
        };
        let mut kept: &Report = self.intake.get(report);
        let from = loop {
            match kept.status {
                _ if kept.decided_seq.is_none_or(|decided| decided > of) => return false,
                Status::Decided(Verdict::Incident { incident, .. }) => break incident,
                Status::Decided(Verdict::FollowUp(next)) => kept = self.intake.get(next),
                _ => return false,
            }
        };
        !readdressed(from) && !to.is_some_and(readdressed)
    }
}
