//! Splitting an incident, and merging it with another one.
//!
//! A merge moves nothing. The one that is merged keeps its lines, messages and audience; its reference leads to the other one, whose page
//! shows both, each as far as the reader may see it. So nobody gains sight by a merge, and taking it back is one fact.

use super::decide::{incidents, seen, team_held, text};
use super::{Change, Fact, decide};
use crate::Desk;
use crate::command::{Actor, Context, Decision, Outcome, Refusal};
use crate::fact;
use crate::ids::{AccountId, IncidentId, Named, ReportId};
use crate::intake::{self, Status, Verdict, fresh_reference};
use crate::lens::Leave;
use crate::sealed::Sealed;

pub(super) fn merge(desk: &Desk, leave: Leave<IncidentId>, into: Leave<IncidentId>) -> Result<Decision, Refusal> {
    let kept = team_held(desk, leave)?;
    team_held(desk, into)?;
    let into = Leave { id: desk.incidents.successor(into.id), by: into.by };
    let other = team_held(desk, into)?;
    if into.id == leave.id {
        return Err(Refusal::invalid("into", "itself"));
    }
    if kept.merged.is_some() {
        return Err(Refusal::TooLate { why: "merged" });
    }
    if kept.dropped || other.dropped {
        return Err(Refusal::TooLate { why: "dropped" });
    }
    decide::done(Fact::Merged { incident: leave.id, into: into.id, by: leave.by })
}

pub(super) fn part(desk: &Desk, leave: Leave<IncidentId>) -> Result<Decision, Refusal> {
    let kept = seen(desk, leave)?;
    desk.team_still_may(leave.by, kept.class)?;
    let (into, _) = kept.merged.ok_or(Refusal::TooLate { why: "undone" })?;
    desk.team_still_may(leave.by, desk.incidents.get(into).class)?;
    // Its own hold goes with it; one on what it goes on in would not.
    desk.may_leave(into, None)?;
    decide::done(Fact::Parted { incident: leave.id, by: leave.by })
}

/// An incident goes its own way again, while the fact `of` is the one that merged it.
pub(crate) fn undo_merge(desk: &Desk, incident: IncidentId, of: u64, by: AccountId) -> Result<Decision, Refusal> {
    match desk.incidents.get(incident).merged {
        Some((_, seq)) if seq == of => part(desk, Leave { id: incident, by }),
        _ => Err(Refusal::TooLate { why: "undone" }),
    }
}

pub(super) fn split(
    desk: &Desk,
    context: &mut Context<'_>,
    leave: Leave<IncidentId>,
    title: &str,
    mut reports: Vec<Leave<ReportId>>,
) -> Result<Decision, Refusal> {
    let kept = team_held(desk, leave)?;
    let title = text("title", title, decide::TITLE_CHARS_MAX)?;
    reports.sort_by_key(|r| r.id);
    reports.dedup_by_key(|r| r.id);
    if reports.is_empty() {
        return Err(Refusal::invalid("reports", "empty"));
    }
    for report in &reports {
        let of = desk.intake.reports.get(report.id.index()).ok_or(Refusal::NotFound)?;
        desk.team_still_may(report.by, of.class)?;
        let belongs = |verdict| matches!(verdict, Verdict::Incident { incident, .. } if incident == leave.id);
        if !matches!(of.status, Status::Decided(verdict) if belongs(verdict)) {
            return Err(Refusal::TooLate { why: "not-in-incident" });
        }
    }
    desk.may_leave(leave.id, None)?;
    let incident = IncidentId(desk.incidents.incidents.len() as u32);
    let reference = fresh_reference(desk, context, Named::Incident);
    let first = reports.iter().map(|r| desk.intake.get(r.id).happened_at()).min();
    let by = Actor::Person(leave.by);
    // The boards that its messages are from go with it, else those of the whole; what kind of thing it is goes with it as well.
    let mut boards: Vec<_> = reports.iter().filter_map(|r| desk.intake.get(r.id).appraisal.board).collect();
    boards.sort_unstable();
    boards.dedup();
    let boards = if boards.is_empty() { kept.boards.clone() } else { boards };
    let changes: Vec<Change> = boards
        .into_iter()
        .map(|board| Change::Board(board, true))
        .chain(kept.classes.iter().map(|class| Change::Class(class.clone(), true)))
        .collect();
    let mut facts = vec![incidents(Fact::Opened {
        incident,
        reference,
        by,
        since: first.unwrap_or(context.now),
        audience: kept.audience.clone(),
        severity: kept.severity,
        with: (changes.len() + reports.len()) as u32,
        from: Some(leave.id),
        title: Sealed::Open(title),
    })];
    facts.extend(changes.into_iter().map(|change| incidents(Fact::Changed { incident, by, change, undoes: None })));
    let moved = reports.iter().map(|r| intake::Fact::Moved { report: r.id, by, to: incident, undoes: None });
    facts.extend(moved.map(|fact| fact::Fact::Intake(fact).into()));
    Ok(Decision { facts, outcome: Outcome::Incident(reference) })
}
