//! Erasing what came with a message: two people, or one and an open countersign. A legal hold stops it.

use super::decide::{held, intake};
use super::{Erasure, Fact, Report, Status};
use crate::Desk;
use crate::accounts::Role;
use crate::command::{Context, Decision, Outcome, Refusal};
use crate::ids::{AccountId, ReportId, Timestamp};
use crate::lens::Leave;

/// Longest reason, characters.
pub const REASON_CHARS_MAX: usize = 300;
/// After so long without a second person the question is stale and is asked again, seconds: a week.
pub const ERASURE_ASK_SECONDS: i64 = 7 * 24 * 3600;

/// A reason that is there, and short: it stays in the open.
pub(crate) fn erasure_reason(reason: &str) -> Result<String, Refusal> {
    let reason = reason.trim().to_owned();
    if reason.is_empty() {
        return Err(Refusal::invalid("reason", "empty"));
    }
    if reason.chars().count() > REASON_CHARS_MAX {
        return Err(Refusal::invalid("reason", "length"));
    }
    Ok(reason)
}

/// Who erases alone: an administrator.
pub(crate) fn may_erase_alone(desk: &Desk, by: AccountId) -> Result<(), Refusal> {
    if desk.viewer(by).is_none_or(|v| v.role < Role::Admin) { Err(Refusal::Forbidden) } else { Ok(()) }
}

impl Erasure {
    /// Who asked and why, if `second` may confirm it now.
    pub(crate) fn to_confirm(&self, second: AccountId, now: Timestamp) -> Result<(AccountId, String), Refusal> {
        let Erasure::Asked { by, at, reason } = self else {
            return Err(Refusal::TooLate { why: "not-asked" });
        };
        if *by == second {
            return Err(Refusal::Forbidden);
        }
        if now.seconds_since(*at) > ERASURE_ASK_SECONDS {
            return Err(Refusal::TooLate { why: "asked-long-ago" });
        }
        Ok((*by, reason.clone()))
    }

    /// Whether it was asked, and is still to be confirmed.
    pub(crate) fn to_withdraw(&self, now: Timestamp) -> Result<(), Refusal> {
        match self {
            Erasure::Asked { at, .. } if now.seconds_since(*at) <= ERASURE_ASK_SECONDS => Ok(()),
            _ => Err(Refusal::TooLate { why: "not-asked" }),
        }
    }

    /// Whether it was done alone, and `second` may countersign it.
    pub(crate) fn to_countersign(&self, second: AccountId) -> Result<(), Refusal> {
        match self {
            Erasure::Done { by, second: None, .. } if *by == second => Err(Refusal::Forbidden),
            Erasure::Done { second: None, .. } => Ok(()),
            _ => Err(Refusal::TooLate { why: "countersigned" }),
        }
    }
}

pub(super) fn ask(desk: &Desk, leave: Leave<ReportId>, reason: &str, alone: bool) -> Result<Decision, Refusal> {
    let kept = held(desk, leave)?;
    erasable(desk, leave.id, kept)?;
    let (report, by, reason) = (leave.id, leave.by, erasure_reason(reason)?);
    if !alone {
        return Ok(Decision::one(intake(Fact::ErasureAsked { report, by, reason }), Outcome::Done));
    }
    may_erase_alone(desk, by)?;
    Ok(Decision::one(intake(Fact::Erased { report, by, reason, second: None }), Outcome::Done))
}

pub(super) fn confirm(desk: &Desk, context: &Context<'_>, leave: Leave<ReportId>) -> Result<Decision, Refusal> {
    let kept = held(desk, leave)?;
    let (by, reason) = kept.erasure.to_confirm(leave.by, context.now)?;
    erasable(desk, leave.id, kept)?;
    let fact = Fact::Erased { report: leave.id, by, reason, second: Some(leave.by) };
    Ok(Decision::one(intake(fact), Outcome::Done))
}

pub(super) fn withdraw(desk: &Desk, context: &Context<'_>, leave: Leave<ReportId>) -> Result<Decision, Refusal> {
    held(desk, leave)?.erasure.to_withdraw(context.now)?;
    Ok(Decision::one(intake(Fact::ErasureWithdrawn { report: leave.id, by: leave.by }), Outcome::Done))
}

pub(super) fn countersign(desk: &Desk, leave: Leave<ReportId>) -> Result<Decision, Refusal> {
    held(desk, leave)?.erasure.to_countersign(leave.by)?;
    Ok(Decision::one(intake(Fact::Countersigned { report: leave.id, by: leave.by }), Outcome::Done))
}

/// Only what was decided, not yet erased, and on no legal hold.
fn erasable(desk: &Desk, report: ReportId, kept: &Report) -> Result<(), Refusal> {
    if kept.is_erased() {
        return Err(Refusal::Erased);
    }
    if !matches!(kept.status, Status::Decided(_)) {
        return Err(Refusal::invalid("report", "undecided"));
    }
    desk.report_may_leave(report, None)
}
