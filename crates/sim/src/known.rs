//! What is known to be broken elsewhere and not mended yet: it is counted, and does not end a story. Empty is how it should be.

use crate::invariant::{Broken, Invariant};

/// A defect that is known.
pub struct Known {
    /// What it breaks.
    pub invariant: Invariant,
    /// Words by which it is recognised.
    pub sign: &'static str,
    /// Where it is.
    pub defect: &'static str,
}

/// All known defects.
pub const KNOWN: &[Known] = &[
    known(
        Invariant::UndoTakesBackThat,
        "is dropped: worked on true",
        "desk::incidents::Incident::untouched tells the opening's own lines by recorded_at: while the clock is behind the newest fact, all later lines have the same",
    ),
    known(
        Invariant::UndoTakesBackThat,
        "withdrawn: true",
        "desk::incidents::decide::undo_task sets a task that was taken back",
    ),
    known(
        Invariant::UndoTakesBackThat,
        "which dropped the incident",
        "desk::apply::incident::changed takes a later change of a board or class for part of the opening, by the same recorded_at: its undo drops the incident",
    ),
    known(
        Invariant::UndoTakesBackThat,
        "is undone though fact",
        "desk: an undo compares values, not facts: what was changed away and back since, by somebody else too, is taken for unchanged",
    ),
    known(
        Invariant::OnlyWhoMay,
        ": Reopened",
        "desk::intake::decide::undo_batch reopens reports of incidents that the person may not see any more",
    ),
    known(
        Invariant::StrangerStaysOutside,
        "takes part: false",
        "desk::apply::reopened leaves the mails about a report in Incident::notices: whoever they went to takes part in an incident that the report left",
    ),
];

const fn known(invariant: Invariant, sign: &'static str, defect: &'static str) -> Known {
    Known { invariant, sign, defect }
}

/// The known defect that explains this, by its place in [`KNOWN`].
pub fn defect(broken: &Broken) -> Option<usize> {
    KNOWN.iter().position(|k| k.invariant == broken.invariant && broken.what.contains(k.sign))
}
