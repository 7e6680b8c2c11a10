//! How long what came in and what was written is kept. Terms are dated data with a source: some ship as proposals, an administrator decides
//! others, and the one that holds is the newest. What is past its term is listed, and erased by people in the usual way. Nothing is erased
//! by itself.

mod decide;
#[cfg(test)]
mod tests;

pub use decide::NewTerm;
pub(crate) use decide::{set, undo};

use crate::Desk;
use crate::ids::{AccountId, IncidentId, Reference, ReportId, TermId, Timestamp};
use crate::incidents::{Line, Phase};
use crate::intake::{Report, Status, Verdict};
use crate::lens::Lens;
use crate::view::Who;
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;

const DAY_SECONDS: i64 = 24 * 3600;
/// Rows of the list, at most: who erases so many comes back for the rest.
const DUE_MAX: usize = 500;

/// What is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kept {
    /// A message that was spam; from its decision.
    Spam,
    /// A message that needed nothing; from its decision.
    NoIncident,
    /// A message of an incident; from the day on which that was closed.
    Message,
    /// What was written in an incident; from the day on which it was closed.
    Incident,
}

impl Kept {
    /// All, in the order in which they are shown.
    pub const ALL: [Kept; 4] = [Kept::Spam, Kept::NoIncident, Kept::Message, Kept::Incident];

    /// Its name in the words and the API.
    pub fn key(self) -> &'static str {
        ["spam", "no_incident", "message", "incident"][self as usize]
    }

    /// By that name.
    pub fn from_key(key: &str) -> Option<Kept> {
        Kept::ALL.into_iter().find(|kind| kind.key() == key)
    }
}

/// How long something is kept, since when that holds, and who says so.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Term {
    /// What.
    pub kind: Kept,
    /// So many days.
    pub days: u32,
    /// When it begins to hold, until a later one for the same kind; of a term that ships, the beginning of that day in UTC.
    pub from: Day,
    /// Who decided it, or where it stands.
    pub source: String,
}

/// A day, as the moment at which it begins in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Day(pub Timestamp);

impl TryFrom<String> for Day {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Day, &'static str> {
        let wrong = "a day is written YYYY-MM-DD";
        let parts: Vec<i64> = text.split('-').map(str::parse).collect::<Result<_, _>>().map_err(|_| wrong)?;
        let [year @ 1970..=9999, month @ 1..=12, day @ 1..=31] = parts[..] else { return Err(wrong) };
        // Days since 1970-01-01 in the Gregorian calendar, counting years from March.
        let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
        let days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719_468;
        Ok(Day(Timestamp::from_seconds(days * DAY_SECONDS)))
    }
}

/// The terms that ship with the program, the oldest first.
static TERMS: LazyLock<Vec<Term>> = LazyLock::new(|| {
    let mut terms: Vec<Term> = serde_json::from_str(include_str!("shipped.json")).expect("a test reads it");
    terms.sort_by_key(|term| term.from);
    terms
});

/// A term that somebody decided, as the desk keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct SetTerm {
    pub(crate) term: TermId,
    pub(crate) seq: u64,
    pub(crate) at: Timestamp,
    pub(crate) by: AccountId,
    pub(crate) kind: Kept,
    pub(crate) days: u32,
    pub(crate) from: Timestamp,
    pub(crate) source: String,
    /// When whoever set it took it back.
    pub(crate) withdrawn: Option<Timestamp>,
}

impl SetTerm {
    fn term(&self) -> Term {
        Term { kind: self.kind, days: self.days, from: Day(self.from), source: self.source.clone() }
    }
}

/// The term that holds for a kind at a moment, among these; of two from the same moment the one that was decided last.
fn holds(terms: &[Term], kind: Kept, now: Timestamp) -> Option<&Term> {
    terms.iter().filter(|t| t.kind == kind && t.from.0 <= now).max_by_key(|t| t.from)
}

/// Something that is past its term.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// What kind.
    pub kind: Kept,
    /// The report or incident.
    pub reference: Reference,
    /// From when its term ran.
    pub since: Timestamp,
    /// When its term ended.
    pub due: Timestamp,
    /// It is on legal hold: it stays.
    pub held: bool,
}

/// Whether a term counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counts {
    /// It does.
    Now,
    /// It will, from its day.
    Later,
    /// No more: a newer one holds.
    NoMore,
    /// Whoever set it took it back: it never counted.
    Never,
}

impl Counts {
    /// Its name in the words and the API.
    pub fn key(self) -> &'static str {
        ["now", "later", "no_more", "never"][self as usize]
    }
}

/// A term, and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TermRow {
    /// The term.
    pub term: Term,
    /// Whether it counts.
    pub counts: Counts,
    /// When it was set, and by whom; `None`: it ships with the program, as a proposal.
    pub set: Option<(Timestamp, Who)>,
    /// When it was taken back.
    pub withdrawn: Option<Timestamp>,
    /// The fact by which the reader set it, where that can be taken back.
    pub undo: Option<u64>,
}

/// The terms, and what is past them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// All terms, by kind, the newest first: also those that do not hold yet, no more, or were taken back.
    pub terms: Vec<TermRow>,
    /// What is past its term, the longest first; at most 500.
    pub due: Vec<Due>,
    /// How much there is.
    pub total: usize,
}

impl Lens<'_> {
    /// The terms that hold, and what is past them. For the team; others read nothing.
    pub fn retention(&self, now: Timestamp) -> Retention {
        if !self.is_team() {
            return Retention::default();
        }
        self.past_terms(&self.desk.terms(), now)
    }

    fn past_terms(&self, terms: &[Term], now: Timestamp) -> Retention {
        let due = |kind, reference, since: Timestamp, held| {
            let term = holds(terms, kind, now)?;
            let due = since.plus_seconds(i64::from(term.days) * DAY_SECONDS);
            (due <= now).then_some(Due { kind, reference, since, due, held })
        };
        let reports = self.desk.intake.reports.iter().enumerate().filter(|(_, r)| self.may_see(r.class));
        let reports = reports.filter(|(_, r)| !r.is_erased()).filter_map(|(n, report)| {
            let (kind, since, held) = self.desk.kept_since(ReportId(n as u32), report)?;
            due(kind, report.reference, since, held)
        });
        let incidents = self.desk.incidents.incidents.iter().enumerate().filter(|(_, i)| self.may_see(i.class));
        let incidents = incidents.filter(|(_, i)| !i.is_erased()).filter_map(|(n, incident)| {
            let of = IncidentId(n as u32);
            due(Kept::Incident, incident.reference, self.desk.over_since(of)?, self.desk.incidents.is_held(of))
        });
        let mut found: Vec<Due> = reports.chain(incidents).collect();
        found.sort_by_key(|d| (d.due, d.reference));
        let total = found.len();
        found.truncate(DUE_MAX);
        Retention { terms: self.term_rows(terms, now), due: found, total }
    }

    fn term_rows(&self, terms: &[Term], now: Timestamp) -> Vec<TermRow> {
        let counts = |term: &Term| match holds(terms, term.kind, now) {
            Some(holds) if holds == term => Counts::Now,
            _ if term.from.0 > now => Counts::Later,
            _ => Counts::NoMore,
        };
        let shipped = TERMS.iter().map(|term| {
            (0, TermRow { counts: counts(term), term: term.clone(), set: None, withdrawn: None, undo: None })
        });
        let set = self.desk.house.terms.iter().map(|set| {
            let term = set.term();
            let counts = if set.withdrawn.is_some() { Counts::Never } else { counts(&term) };
            let mine =
                set.by == self.viewer.account && self.admin().is_some() && self.desk.undoable.contains_key(&set.seq);
            let undo = (mine && set.withdrawn.is_none()).then_some(set.seq);
            let who = Some((set.at, self.desk.person(set.by)));
            (set.seq, TermRow { term, counts, set: who, withdrawn: set.withdrawn, undo })
        });
        let mut rows: Vec<(u64, TermRow)> = shipped.chain(set).collect();
        rows.sort_by_key(|(seq, row)| (row.term.kind, std::cmp::Reverse((row.term.from, *seq))));
        rows.into_iter().map(|(_, row)| row).collect()
    }
}

impl Desk {
    /// The terms that ship and those that were decided and not taken back, in that order.
    fn terms(&self) -> Vec<Term> {
        let decided = self.house.terms.iter().filter(|set| set.withdrawn.is_none()).map(SetTerm::term);
        TERMS.iter().cloned().chain(decided).collect()
    }

    /// When an incident was over: closed where it goes on, or dropped.
    fn over_since(&self, incident: IncidentId) -> Option<Timestamp> {
        let kept = self.incidents.get(incident);
        if kept.dropped {
            // What is written in it afterwards, an erasure that is proposed too, does not begin its term anew.
            return kept.timeline.iter().rev().find(|line| matches!(line.what, Line::Dropped)).map(|l| l.recorded_at);
        }
        let root = self.incidents.get(self.incidents.successor(incident));
        if root.phase == Phase::Closed { root.phase_at[Phase::Closed as usize] } else { None }
    }

    /// What a decided message is kept as, from when its term runs, and whether it is held. What follows another message is kept as that.
    fn kept_since(&self, report: ReportId, kept: &Report) -> Option<(Kept, Timestamp, bool)> {
        let (mut at, mut kept, mut steps) = (report, kept, 0);
        loop {
            let Status::Decided(verdict) = kept.status else { return None };
            let decided = kept.history.iter().rev().find(|e| Some(e.seq) == kept.decided_seq).map(|e| e.at);
            match verdict {
                Verdict::Spam => return Some((Kept::Spam, decided?, false)),
                Verdict::NoIncident => return Some((Kept::NoIncident, decided?, false)),
                Verdict::Incident { incident, .. } => {
                    return Some((Kept::Message, self.over_since(incident)?, self.incidents.is_held(incident)));
                }
                Verdict::FollowUp(of) | Verdict::Duplicate(of) if steps < self.intake.reports.len() && of != at => {
                    (at, kept, steps) = (of, self.intake.get(of), steps + 1);
                }
                Verdict::FollowUp(_) | Verdict::Duplicate(_) => return None,
            }
        }
    }
}
