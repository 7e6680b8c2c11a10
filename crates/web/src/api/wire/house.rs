//! Retention and restored backups on the wire.

use super::Who;
use crate::api::schema::{Key, Moment, wire};
use desk::ids::Reference;
use desk::retention::{Counts, Kept};

wire! {
    /// How long something is kept, from when, and who says so.
    out struct RetentionTerm {
        /// What is kept.
        kind: Kept,
        /// So many days.
        days: u32,
        /// The day from which it holds, Europe/Brussels, ISO 8601; until a newer one for the same kind.
        from: String,
        /// Who decided it, or where it stands.
        source: String,
        /// Whether it counts.
        counts: Key<Counts>,
        /// When it was set; null: it ships with the program, as a proposal.
        set_at: Option<Moment>,
        /// Who set it.
        set_by: Option<Who>,
        /// When it was taken back.
        withdrawn_at: Option<Moment>,
    }

    /// Something that is past its term. Nothing is erased by itself: this is what is proposed.
    out struct RetentionDue {
        /// The report or incident.
        reference: Reference,
        /// What it is kept as.
        kind: Kept,
        /// From when its term ran.
        since: Moment,
        /// When its term ended.
        due: Moment,
        /// It is on legal hold: it stays.
        held: bool,
    }

    /// Terms of retention, and what is past them.
    out struct Retention {
        /// All terms by kind, the newest first: also those that hold later, no more, or were taken back.
        terms: Vec<RetentionTerm>,
        /// What is past its term, the longest first; at most 500.
        due: Vec<RetentionDue>,
        /// How much there is.
        total: usize,
    }

    /// A backup that was restored to see that it can be done.
    out struct Restore {
        /// Which backup: the name of its file.
        backup: String,
        /// When that backup was made.
        made_at: Moment,
        /// When it was said.
        said_at: Moment,
        /// Who said it.
        said_by: Who,
    }

    /// Backups that were restored as a test, the newest first.
    out struct Restores {
        /// The restores.
        rows: Vec<Restore>,
    }
}

wire! {
    /// A term that an administrator decides.
    in struct NewRetentionTerm {
        /// For what.
        kind: Kept,
        /// So many days, 1 to 36525.
        days: u32,
        /// The day from which it holds, Europe/Brussels, ISO 8601; also an earlier or a later one.
        from: String,
        /// Who decided it, or where it stands. It stays in the open for ever, so name nobody.
        source: String,
    }

    /// A backup that an administrator restored as a test.
    in struct NewRestore {
        /// The name of its file.
        backup: String,
        /// When it was made.
        made_at: Moment,
    }
}
