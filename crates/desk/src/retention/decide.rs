//! A term is decided by an administrator of the team, and taken back by whoever decided it.

use super::{Kept, SetTerm};
use crate::Desk;
use crate::command::{Context, Decision, Outcome, Refusal};
use crate::fact::Fact;
use crate::house;
use crate::ids::{AccountId, TermId, Timestamp};
use crate::typed::line;

/// Longest term, days: a hundred years.
const DAYS_MAX: u32 = 36_525;
/// A term begins to hold at most so many seconds from now: ten years. Further on is a slip of the pen.
const AHEAD_SECONDS_MAX: i64 = 3653 * super::DAY_SECONDS;
/// A term begins to hold no earlier than with the year 1900, wherever that began first. Before is a slip of the pen too.
const EARLIEST: Timestamp = Timestamp::from_seconds(-2_208_988_800 - 14 * 3600);
/// Longest source, characters.
const SOURCE_CHARS_MAX: usize = 300;
/// Terms that were ever set, at most.
const TERMS_MAX: usize = 1000;

/// What a term is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTerm {
    /// For what.
    pub kind: Kept,
    /// So many days.
    pub days: u32,
    /// When it begins to hold; before today for what was decided earlier.
    pub from: Timestamp,
    /// Who decided it, or where it stands; names no person.
    pub source: String,
}

/// An administrator says which term holds for a kind, from a day on.
pub(crate) fn set(desk: &Desk, context: &Context<'_>, by: AccountId, new: NewTerm) -> Result<Decision, Refusal> {
    desk.accounts.is_admin(by)?;
    let NewTerm { kind, days, from, source } = new;
    if days == 0 || days > DAYS_MAX {
        return Err(Refusal::invalid("days", "days"));
    }
    if from > context.now.plus_seconds(AHEAD_SECONDS_MAX) {
        return Err(Refusal::invalid("from", "far"));
    }
    if from < EARLIEST {
        return Err(Refusal::invalid("from", "early"));
    }
    let source = line("source", &source, SOURCE_CHARS_MAX)?;
    let terms = &desk.house.terms;
    if terms.len() >= TERMS_MAX {
        return Err(Refusal::invalid("source", "too-many"));
    }
    let last = terms.iter().rev().find(|t| t.kind == kind && t.from == from && t.withdrawn.is_none());
    if last.is_some_and(|t: &SetTerm| t.days == days && t.source == source) {
        return Ok(Decision::nothing(Outcome::Done));
    }
    let term = TermId(terms.last().map_or(0, |t| t.term.0 + 1));
    Ok(Decision::one(Fact::House(house::Fact::TermSet { term, by, kind, days, from, source }), Outcome::Done))
}

/// Whoever set a term takes it back: it never counted.
pub(crate) fn undo(desk: &Desk, term: TermId, by: AccountId) -> Result<Decision, Refusal> {
    desk.accounts.is_admin(by)?;
    let set = desk.house.terms.iter().find(|t| t.term == term).ok_or(Refusal::NotFound)?;
    match set.withdrawn {
        Some(_) => Err(Refusal::TooLate { why: "undone" }),
        None => Ok(Decision::one(Fact::House(house::Fact::TermWithdrawn { term, by }), Outcome::Done)),
    }
}
