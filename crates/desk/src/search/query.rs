//! Asking.

use crate::Desk;
use crate::ids::{ReportId, Timestamp};
use crate::lens::Lens;
use crate::register::BoardId;

/// What a hit is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HitKind {
    /// A report.
    Report,
    /// An incident.
    Incident,
    /// A board of the register.
    Board(BoardId),
    /// An observable: searching for its value finds where it was seen.
    Observable,
}

impl HitKind {
    /// Its name in the words, the API and filters.
    pub fn key(&self) -> &'static str {
        match self {
            HitKind::Report => "report",
            HitKind::Incident => "incident",
            HitKind::Board(_) => "board",
            HitKind::Observable => "observable",
        }
    }
}

/// Where a hit met the question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why {
    /// Key of the field: `reference`, `title`, `subject`, `sender`, `text`, `body`, `attachment`, `observable`, `board`.
    pub field: &'static str,
    /// What was met there.
    pub found: String,
}

/// Something found.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// What it is.
    pub kind: HitKind,
    /// Its reference; boards and observables have none.
    pub reference: Option<crate::ids::Reference>,
    /// Title, subject, name or value; `None` when erased.
    pub title: Option<String>,
    /// First words.
    pub snippet: String,
    /// When it came or changed.
    pub at: Option<Timestamp>,
    /// Where it met the question.
    pub why: Vec<Why>,
}

/// How many hits there are by what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facets {
    /// By kind of hit (keys of [`HitKind`]).
    pub kinds: Vec<(&'static str, usize)>,
    /// Reports by status, incidents by phase: keys.
    pub states: Vec<(&'static str, usize)>,
}

/// What a search found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// The best first.
    pub hits: Vec<Hit>,
    /// Give this as cursor to get the hits after these; `None` at the end.
    pub next: Option<u32>,
    /// How many there are.
    pub total: usize,
    /// Counts of all of them.
    pub facets: Facets,
    /// The word that was read as another one, because nothing bears the one that was typed: `(typed, read as)`.
    pub corrected: Vec<(String, String)>,
}

impl Desk {
    /// Make the text of a message findable: the engine calls it when it was read, and again after a start. At most the first
    /// 20,000 characters count. Of erased reports nothing is taken.
    pub fn index_text(&mut self, report: ReportId, text: &str) {
        if self.intake.reports.get(report.index()).is_some_and(|r| !r.is_erased()) {
            self.index.text(report, text);
        }
    }
}

impl Lens<'_> {
    /// Everything the viewer may see that speaks of this. `cursor` is `next` of the page before, 0 at first.
    pub fn search(&self, query: &str, cursor: u32, limit: usize) -> Found {
        let _ = (query, cursor, limit);
        Found::default()
    }

    pub(crate) fn reports_matching(&self, text: &str) -> Vec<bool> {
        let _ = text;
        Vec::new()
    }

    pub(crate) fn incidents_matching(&self, text: &str) -> Vec<bool> {
        let _ = text;
        Vec::new()
    }
}
