//! What a question found, as a page shows it.

use super::query::{Asked, Part, parts};
use super::seen::Place;
use crate::Desk;
use crate::ids::{Reference, ReportId, Timestamp};
use crate::incidents::Phase;
use crate::intake::{Observable, Status};
use crate::lens::Lens;
use crate::observables;
use crate::register::BoardId;
use std::collections::BTreeMap;

/// Boards among the hits, at most.
const BOARDS_MAX: usize = 5;
/// Observables among the hits, at most.
const OBSERVABLES_MAX: usize = 5;

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
    pub reference: Option<Reference>,
    /// Title, subject, name or value; `None` when erased.
    pub title: Option<String>,
    /// First words.
    pub snippet: String,
    /// Key of the state: a report's status, an incident's phase.
    pub state: Option<&'static str>,
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
    /// How many reports and incidents there are.
    pub total: usize,
    /// Counts of all of them.
    pub facets: Facets,
    /// Words that were read as others, because nothing that the viewer may see bears them: `(typed, read as)`.
    pub corrected: Vec<(String, String)>,
}

impl Desk {
    /// Make the text of a message findable: the engine calls it when it was read, and after a start with what [`Desk::texts_to_index`]
    /// names. Once for each report; at most the first 20,000 characters count. Of erased reports nothing is taken.
    pub fn index_text(&mut self, report: ReportId, text: &str) {
        if self.intake.reports.get(report.index()).is_some_and(|r| !r.is_erased()) {
            self.index.text(report, text);
        }
    }

    /// Reports that were read and whose text cannot be found yet, with the place of their reading, the newest first.
    pub fn texts_to_index(&self) -> impl Iterator<Item = (ReportId, u64)> + '_ {
        let reports = self.intake.reports.iter().enumerate().rev();
        let readings = reports.filter(|(_, r)| !r.is_erased()).filter_map(|(n, r)| Some((n, r.reading.as_ref()?.seq)));
        readings.map(|(n, seq)| (ReportId(n as u32), seq)).filter(|(report, _)| !self.index.has_text(*report))
    }
}

impl Lens<'_> {
    /// Everything the viewer may see that speaks of this, the best first: by field, then by time. `cursor` is `next` of the page before,
    /// 0 at first. No figure about the whole of the desk takes part in the order: it would tell of what is hidden.
    pub fn search(&self, query: &str, cursor: u32, limit: usize) -> Found {
        let parts = parts(query);
        if parts.is_empty() {
            return Found::default();
        }
        let asked = Asked::ask(self, &parts);
        let weights = asked.weights.as_ref().expect("there is a part");
        let mut ranked: Vec<(u32, Timestamp, Place)> =
            weights.places().filter(|p| self.is_listed(*p)).map(|p| (weights.get(p), self.when(p), p)).collect();
        let facets = self.facets(&ranked);
        let total = ranked.len();
        // Only the page that is asked for is put in order.
        let from = (cursor as usize).min(total);
        let shown = from.saturating_add(limit).min(total);
        if shown < total {
            ranked.select_nth_unstable_by(shown, |a, b| b.cmp(a));
            ranked.truncate(shown);
        }
        ranked.sort_unstable_by(|a, b| b.cmp(a));
        let mut hits = if cursor == 0 { self.hits_beside(&parts, &asked) } else { Vec::new() };
        let page: Vec<Place> = ranked[from..].iter().map(|(_, _, place)| *place).collect();
        let whys = asked.whys(&parts, &page);
        hits.extend(page.iter().zip(whys).map(|(place, why)| self.hit(*place, why)));
        Found { hits, next: (shown < total).then_some(shown as u32), total, facets, corrected: asked.corrected.clone() }
    }

    /// What to type on: titles and names, as the viewer types. Only from what may be seen.
    pub fn suggest(&self, query: &str, limit: usize) -> Vec<Hit> {
        let mut hits = self.search(query, 0, limit).hits;
        hits.truncate(limit);
        hits
    }

    fn is_listed(&self, place: Place) -> bool {
        match place {
            Place::Report(_) => true,
            Place::Incident(incident) => !self.desk.incidents.get(incident).dropped,
        }
    }

    fn when(&self, place: Place) -> Timestamp {
        match place {
            Place::Report(report) => self.desk.intake.briefs[report.index()].received_at,
            Place::Incident(incident) => self.desk.incidents.briefs[incident.index()].changed_at,
        }
    }

    fn state(&self, place: Place) -> &'static str {
        match place {
            Place::Report(report) => self.desk.intake.briefs[report.index()].status.key(),
            Place::Incident(incident) => self.desk.incidents.briefs[incident.index()].phase.key(),
        }
    }

    fn facets(&self, ranked: &[(u32, Timestamp, Place)]) -> Facets {
        let mut kinds = [0usize; 2];
        let mut states: BTreeMap<&'static str, usize> = BTreeMap::new();
        for (_, _, place) in ranked {
            kinds[usize::from(matches!(place, Place::Incident(_)))] += 1;
            *states.entry(self.state(*place)).or_default() += 1;
        }
        let order = |key: &str| {
            let of_report = Status::KEYS.iter().position(|k| *k == key);
            of_report.or_else(|| Phase::ALL.iter().position(|p| p.key() == key).map(|n| n + Status::KEYS.len()))
        };
        let mut states: Vec<_> = states.into_iter().collect();
        states.sort_by_key(|(key, _)| order(key));
        let kinds = [("report", kinds[0]), ("incident", kinds[1])];
        Facets { kinds: kinds.into_iter().filter(|(_, n)| *n > 0).collect(), states }
    }

    /// Boards and observables that the question names.
    fn hits_beside(&self, parts: &[Part], asked: &Asked<'_, '_>) -> Vec<Hit> {
        let mut hits = self.board_hits(parts);
        let mut values: Vec<u32> = asked.met.iter().flat_map(|m| m.values.iter().copied()).collect();
        values.sort_unstable();
        values.dedup();
        for value in values.into_iter().take(OBSERVABLES_MAX) {
            let (kind, text) = self.desk.index.seen.text(value);
            let one = Observable { kind: kind.to_owned(), value: text.to_owned(), benign: None };
            hits.push(Hit {
                kind: HitKind::Observable,
                reference: None,
                title: Some(observables::defanged(&one)),
                snippet: kind.to_owned(),
                state: None,
                at: None,
                why: Vec::new(),
            });
        }
        hits
    }

    /// Boards whose name has all the words.
    fn board_hits(&self, parts: &[Part]) -> Vec<Hit> {
        let mut found: Option<BTreeMap<BoardId, u32>> = None;
        for (n, part) in parts.iter().enumerate() {
            let Part::Word(word) = part else { return Vec::new() };
            let like: BTreeMap<BoardId, u32> =
                self.desk.index.boards_like(word, n + 1 == parts.len()).into_iter().collect();
            found = Some(match found {
                None => like,
                Some(before) => before.into_iter().filter_map(|(b, w)| Some((b, w + like.get(&b)?))).collect(),
            });
        }
        let register = &self.desk.register;
        let mut found: Vec<(u32, BoardId)> = found.unwrap_or_default().into_iter().map(|(b, w)| (w, b)).collect();
        // A board that exists before one that is gone.
        let gone = |b: BoardId| register.get(b).is_some_and(|b| b.valid_to.is_some());
        let name = |b: BoardId| register.get(b).map(|b| b.name.as_str());
        found.sort_by_key(|(weight, board)| (std::cmp::Reverse(*weight), gone(*board), name(*board)));
        let hit = |(_, board): (u32, BoardId)| {
            let board = register.get(board)?;
            Some(Hit {
                kind: HitKind::Board(board.id),
                reference: None,
                title: Some(board.name.clone()),
                snippet: board.province.clone(),
                state: None,
                at: None,
                why: Vec::new(),
            })
        };
        found.into_iter().take(BOARDS_MAX).filter_map(hit).collect()
    }

    fn hit(&self, place: Place, why: Vec<Why>) -> Hit {
        let state = Some(self.state(place));
        match place {
            Place::Report(report) => {
                let row = self.report_row(report);
                let from = row.from_name.or(row.from_address);
                let snippet = [from, row.snippet].into_iter().flatten().collect::<Vec<_>>().join(" · ");
                let (title, at) = (row.subject, Some(row.received_at));
                Hit { kind: HitKind::Report, reference: Some(row.reference), title, snippet, state, at, why }
            }
            Place::Incident(incident) => {
                let row = self.incident_row(incident);
                let (title, at) = (row.title, Some(row.changed_at));
                let snippet = row.boards.join(", ");
                Hit { kind: HitKind::Incident, reference: Some(row.reference), title, snippet, state, at, why }
            }
        }
    }

    /// How many observables of each kind were seen in what the viewer may see: `(kind, seen, of these set aside)`.
    pub fn observable_counts(&self) -> Vec<(&'static str, usize, usize)> {
        let counts = self.desk.index.seen.counts(&self.visible);
        counts.into_iter().map(|(kind, seen, aside)| (kind, seen + aside, aside)).collect()
    }

    pub(crate) fn reports_matching(&self, text: &str) -> Vec<bool> {
        let parts = parts(text);
        let weights = Asked::ask(self, &parts).weights;
        weights.map(|w| w.reports.iter().map(|w| *w > 0).collect()).unwrap_or_default()
    }

    /// Incidents that speak of a text themselves, or by a report of theirs.
    pub(crate) fn incidents_matching(&self, text: &str) -> Vec<bool> {
        let parts = parts(text);
        let Some(weights) = Asked::ask(self, &parts).weights else { return Vec::new() };
        let mut found: Vec<bool> = weights.incidents.iter().map(|w| *w > 0).collect();
        for (n, weight) in weights.reports.iter().enumerate() {
            if *weight > 0
                && let Status::Decided(crate::intake::Verdict::Incident { incident, .. }) =
                    self.desk.intake.get(ReportId(n as u32)).status
            {
                found[incident.index()] = true;
            }
        }
        found
    }
}
