//! Erasing, and saying that a backup was restored: what people do now and then.

use super::{Did, PAST_TERM};
use crate::model::{Erasure, Model};
use crate::random::Chance;
use desk::command::Command;
use desk::ids::Timestamp;
use desk::incidents::{self, Change, Phase};
use desk::intake;
use desk::lens::Lens;
use desk::sealed::Sealed;

/// Erasing takes two: whoever looks here asks, confirms what a colleague asked, or signs what was done alone.
pub(super) fn erase(chance: &mut Chance, lens: &Lens<'_>, model: &Model) -> Option<(Did, Command)> {
    if chance.permille(450) {
        return erase_over(chance, lens, model);
    }
    let asked = |n: &usize| matches!(model.reports[*n].erasure, Erasure::Asked(by) if by != lens.viewer().account);
    let decided = |n: &usize| model.reports[*n].is_decided();
    let of = |which: &dyn Fn(&usize) -> bool| (0..model.reports.len()).filter(which).collect::<Vec<usize>>();
    let asked = of(&asked);
    let some = if !asked.is_empty() && chance.permille(700) { asked } else { of(&decided) };
    let report = *chance.pick(&some)?;
    Some((Did::Other("erase"), erase_report(chance, lens, model, report, "op verzoek")?))
}

/// Only what is over: where nothing is, one is closed.
fn erase_over(chance: &mut Chance, lens: &Lens<'_>, model: &Model) -> Option<(Did, Command)> {
    let over = |n: &usize| model.is_over(*n);
    let some: Vec<usize> = (0..model.incidents.len()).filter(over).collect();
    if some.is_empty() || chance.permille(250) {
        let incident = lens.incident_leave(chance.pick(&model.incidents)?.reference)?;
        let change = Change::Phase(Phase::Closed, Sealed::Open("klaar".to_owned()));
        let close = incidents::Command::Change { incident, change, expected: None };
        return Some((Did::Change("phase"), Command::Incidents(close)));
    }
    let asked = |n: &usize| matches!(model.incidents[*n].erasure, Erasure::Asked(by) if by != lens.viewer().account);
    let asked: Vec<usize> = some.iter().copied().filter(asked).collect();
    let incident = *chance.pick(if asked.is_empty() { &some } else { &asked })?;
    Some((Did::Other("erase"), erase_incident(chance, lens, model, incident, "op verzoek")?))
}

/// Asks for the erasure of a report, confirms it, or countersigns it: whichever comes next.
fn erase_report(chance: &mut Chance, lens: &Lens<'_>, model: &Model, report: usize, reason: &str) -> Option<Command> {
    let kept = &model.reports[report];
    let leave = lens.report_leave(kept.reference)?;
    let (alone, reason) = (chance.permille(if lens.admin().is_some() { 500 } else { 50 }), reason.to_owned());
    Some(Command::Intake(match kept.erasure {
        // Nobody confirmed it for long: it is asked again.
        Erasure::Asked(_) if chance.permille(100) => intake::Command::Erase { report: leave, reason, alone },
        Erasure::Asked(_) if chance.permille(150) => intake::Command::WithdrawErasure(leave),
        Erasure::Asked(_) => intake::Command::ConfirmErasure(leave),
        Erasure::Done => intake::Command::Countersign(leave),
        Erasure::None => intake::Command::Erase { report: leave, reason, alone },
    }))
}

/// As [`erase_report`], of an incident.
fn erase_incident(
    chance: &mut Chance,
    lens: &Lens<'_>,
    model: &Model,
    incident: usize,
    reason: &str,
) -> Option<Command> {
    let kept = &model.incidents[incident];
    let leave = lens.incident_leave(kept.reference)?;
    let (alone, reason) = (chance.permille(if lens.admin().is_some() { 500 } else { 50 }), reason.to_owned());
    Some(Command::Incidents(match kept.erasure {
        Erasure::Asked(_) if chance.permille(100) => incidents::Command::Erase { incident: leave, reason, alone },
        Erasure::Asked(_) if chance.permille(150) => incidents::Command::WithdrawErasure(leave),
        Erasure::Asked(_) => incidents::Command::ConfirmErasure(leave),
        Erasure::Done => incidents::Command::Countersign(leave),
        Erasure::None => incidents::Command::Erase { incident: leave, reason, alone },
    }))
}

/// Somebody opens the list of what is past its term, and proposes or approves one erasure of it.
pub(super) fn erase_past_term(
    chance: &mut Chance,
    lens: &Lens<'_>,
    model: &Model,
    now: Timestamp,
) -> Option<(Did, Command)> {
    let due = lens.retention(now).due;
    // A colleague proposed it: it wants a second one.
    let proposed_by_another = |erasure| matches!(erasure, Erasure::Asked(by) if by != lens.viewer().account);
    let asked = |reference| {
        let report = model.reports.iter().find(|r| r.reference == reference).map(|r| r.erasure);
        let incident = model.incidents.iter().find(|i| i.reference == reference).map(|i| i.erasure);
        report.or(incident).is_some_and(proposed_by_another)
    };
    // That comes first.
    let proposed: Vec<_> = due.iter().filter(|d| asked(d.reference)).collect();
    let due = match proposed.is_empty() || chance.permille(200) {
        true => chance.pick(&due)?,
        false => chance.pick(&proposed)?,
    };
    let command = match model.reports.iter().position(|r| r.reference == due.reference) {
        Some(report) => erase_report(chance, lens, model, report, PAST_TERM)?,
        None => {
            let incident = model.incidents.iter().position(|i| i.reference == due.reference)?;
            erase_incident(chance, lens, model, incident, PAST_TERM)?
        }
    };
    Some((Did::Other("erase"), command))
}

/// An administrator restored a backup to see that it can be done, and says so; now and then with a slip of the pen.
pub(super) fn test_restore(chance: &mut Chance, lens: &Lens<'_>, now: Timestamp) -> Option<(Did, Command)> {
    let leave = lens.admin()?;
    let backup = if chance.permille(50) { String::new() } else { format!("bolwerk-{}.age", chance.below(100)) };
    let made_at = now.plus_seconds(chance.between(-400_000, 20_000));
    Some((Did::Other("restore"), Command::TestRestore { leave, backup, made_at }))
}
