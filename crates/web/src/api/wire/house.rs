//! Retention and restored backups on the wire.

use super::Who;
use crate::api::schema::{Key, Moment, wire};
use desk::house::Language;
use desk::ids::Reference;
use desk::retention::{Counts, Kept};

wire! {
    /// Replies that are written often: the team's own, then those that ship.
    out struct Templates {
        /// One after the other.
        rows: Vec<Template>,
    }

    /// A reply that is written often.
    out struct Template {
        /// Its name in this list.
        id: String,
        /// It ships with the program, and is not changed.
        shipped: bool,
        /// Language of the mail.
        language: Language,
        /// What the duty officer reads.
        title: String,
        /// Subject of the mail.
        subject: String,
        /// Text of the mail.
        text: String,
        /// When it was written so; null when it ships.
        set_at: Option<Moment>,
        /// Who wrote it so; null when it ships.
        set_by: Option<Who>,
    }
}

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

    /// A reply that is written often.
    in struct NewTemplate {
        /// Which one says something else, by its `id`; a new one when left out.
        id: Option<String>,
        /// `nl` or `en`.
        language: Language,
        /// What the duty officer reads.
        title: String,
        /// Subject of the mail. `{name}`, `{reference}`, `{board}` and `{phone}` are filled in, here and in the text.
        subject: String,
        /// Text of the mail. It stays in the open, so name nobody.
        text: String,
    }

    /// A backup that an administrator restored as a test.
    in struct NewRestore {
        /// The name of its file.
        backup: String,
        /// When it was made.
        made_at: Moment,
    }
}
