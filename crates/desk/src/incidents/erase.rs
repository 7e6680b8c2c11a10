//! Erasing what was written in an incident: two people, or one and an open countersign. A legal hold stops it. Its messages have keys of
//! their own and are erased one by one.

use super::decide::{done, seen};
use super::{Fact, Incident, Line, Phase};
use crate::Desk;
use crate::accounts::Role;
use crate::command::{Context, Decision, Refusal};
use crate::ids::IncidentId;
use crate::intake::{ERASURE_ASK_SECONDS, Erasure, erasure_reason};
use crate::lens::Leave;
use crate::sealed::Sealed;

pub(super) fn ask(desk: &Desk, leave: Leave<IncidentId>, reason: &str, alone: bool) -> Result<Decision, Refusal> {
    erasable(desk, leave)?;
    let (incident, by, reason) = (leave.id, leave.by, erasure_reason(reason)?);
    if !alone {
        return done(Fact::ErasureAsked { incident, by, reason });
    }
    if desk.viewer(by).is_none_or(|v| v.role < Role::Admin) {
        return Err(Refusal::Forbidden);
    }
    done(Fact::Erased { incident, by, reason, second: None })
}

pub(super) fn confirm(desk: &Desk, context: &Context<'_>, leave: Leave<IncidentId>) -> Result<Decision, Refusal> {
    let Erasure::Asked { by, at, reason } = &of_team(desk, leave)?.erasure else {
        return Err(Refusal::TooLate { why: "not-asked" });
    };
    if *by == leave.by {
        return Err(Refusal::Forbidden);
    }
    if context.now.seconds_since(*at) > ERASURE_ASK_SECONDS {
        return Err(Refusal::TooLate { why: "asked-long-ago" });
    }
    erasable(desk, leave)?;
    done(Fact::Erased { incident: leave.id, by: *by, reason: reason.clone(), second: Some(leave.by) })
}

pub(super) fn countersign(desk: &Desk, leave: Leave<IncidentId>) -> Result<Decision, Refusal> {
    match of_team(desk, leave)?.erasure {
        Erasure::Done { by, second: None, .. } if by == leave.by => Err(Refusal::Forbidden),
        Erasure::Done { second: None, .. } => done(Fact::Countersigned { incident: leave.id, by: leave.by }),
        _ => Err(Refusal::TooLate { why: "countersigned" }),
    }
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
    if desk.incidents.is_held(leave.id) { Err(Refusal::TooLate { why: "held" }) } else { Ok(()) }
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
