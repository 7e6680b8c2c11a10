//! Erasing what was written in an incident: two people, or one and an open countersign. A legal hold stops it. Its messages have keys of
//! their own and are erased one by one.

use super::decide::{done, seen};
use super::{Fact, Incident, Line, Phase};
use crate::Desk;
use crate::command::{Context, Decision, Refusal};
use crate::ids::IncidentId;
use crate::intake::{Erasure, erasure_reason, may_erase_alone};
use crate::lens::Leave;
use crate::sealed::Sealed;

pub(super) fn ask(desk: &Desk, leave: Leave<IncidentId>, reason: &str, alone: bool) -> Result<Decision, Refusal> {
    erasable(desk, leave)?;
    let (incident, by, reason) = (leave.id, leave.by, erasure_reason(reason)?);
    if !alone {
        return done(Fact::ErasureAsked { incident, by, reason });
    }
    may_erase_alone(desk, by)?;
    done(Fact::Erased { incident, by, reason, second: None })
}

pub(super) fn confirm(desk: &Desk, context: &Context<'_>, leave: Leave<IncidentId>) -> Result<Decision, Refusal> {
    let (by, reason) = of_team(desk, leave)?.erasure.to_confirm(leave.by, context.now)?;
    erasable(desk, leave)?;
    done(Fact::Erased { incident: leave.id, by, reason, second: Some(leave.by) })
}

pub(super) fn withdraw(desk: &Desk, context: &Context<'_>, leave: Leave<IncidentId>) -> Result<Decision, Refusal> {
    of_team(desk, leave)?.erasure.to_withdraw(context.now)?;
    done(Fact::ErasureWithdrawn { incident: leave.id, by: leave.by })
}

pub(super) fn countersign(desk: &Desk, leave: Leave<IncidentId>) -> Result<Decision, Refusal> {
    of_team(desk, leave)?.erasure.to_countersign(leave.by)?;
    done(Fact::Countersigned { incident: leave.id, by: leave.by })
}

fn of_team(desk: &Desk, leave: Leave<IncidentId>) -> Result<&Incident, Refusal> {
    let kept = seen(desk, leave)?;
    desk.team_still_may(leave.by, kept.class)?;
    Ok(kept)
}

/// Only what is over (dropped, or closed where it goes on), not yet erased, and on no legal hold.
fn erasable(desk: &Desk, leave: Leave<IncidentId>) -> Result<(), Refusal> {
    let kept = of_team(desk, leave)?;
    if kept.is_erased() {
        return Err(Refusal::Erased);
    }
    let over = kept.dropped || desk.incidents.get(desk.incidents.successor(leave.id)).phase == Phase::Closed;
    if !over {
        return Err(Refusal::invalid("incident", "not-closed"));
    }
    desk.may_leave(leave.id, None)
}

impl Incident {
    /// Nothing that was written in it is left.
    pub(crate) fn erase(&mut self, erasure: &Erasure) {
        self.title = Sealed::Erased;
        self.tasks.iter_mut().for_each(|task| task.text = Sealed::Erased);
        self.observed.iter_mut().for_each(|seen| seen.observable = Sealed::Erased);
        if let Some(hold) = &mut self.hold {
            hold.reason = Sealed::Erased;
        }
        self.timeline.iter_mut().for_each(|line| line.what.erase());
        self.erasure = erasure.clone();
    }
}

impl Line {
    fn erase(&mut self) {
        use super::Change;
        match self {
            Line::Noted(_, note) => *note = Sealed::Erased,
            Line::Changed(Change::Title(text) | Change::Phase(_, text)) => *text = Sealed::Erased,
            Line::Held(text) | Line::HoldLifted(text) => *text = Sealed::Erased,
            Line::Observed(observable) => *observable = Sealed::Erased,
            _ => {}
        }
    }
}
