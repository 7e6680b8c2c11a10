//! What a question found, as a page shows it.

use super::query::{Asked, Part, parts};
use super::seen::Place;
use crate::Desk;
use crate::ids::{Reference, ReportId, Timestamp};
use crate::incidents::Phase;
use crate::intake::{ContentRef, Observable, Status};
use crate::lens::{Lens, Seen, Tlp};
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

/// What the hits are narrowed to. Boards and observables beside them are shown only when they are not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Narrow {
    kind: Option<&'static str>,
    state: Option<&'static str>,
}

impl Narrow {
    /// By a kind of [`HitKind`] that has facets and a state: keys, as facets name them. `None` when there is no such.
    pub fn to(kind: Option<&str>, state: Option<&str>) -> Option<Narrow> {
        let known = |keys: &[&'static str], asked: Option<&str>| match asked {
            None => Some(None),
            Some(asked) => keys.iter().copied().find(|key| *key == asked).map(Some),
        };
        let states = [Status::KEYS.as_slice(), &Phase::ALL.map(Phase::key)].concat();
        let kinds = [HitKind::Report.key(), HitKind::Incident.key()];
        Some(Narrow { kind: known(&kinds, kind)?, state: known(&states, state)? })
    }

    /// The kind.
    pub fn kind(&self) -> Option<&'static str> {
        self.kind
    }

    /// The state.
    pub fn state(&self) -> Option<&'static str> {
        self.state
    }

    fn has_kind(&self, place: Place) -> bool {
        self.kind.is_none_or(|kind| kind == kind_of(place).key())
    }

    fn has_state(&self, state: &str) -> bool {
        self.state.is_none_or(|key| key == state)
    }
}

fn kind_of(place: Place) -> HitKind {
    match place {
        Place::Report(_) => HitKind::Report,
        Place::Incident(_) => HitKind::Incident,
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
    /// Whom it is from, or whom it concerns; empty when nobody knows.
    pub who: String,
    /// First words of a report; of others, what tells them apart.
    pub snippet: String,
    /// Its label; boards and observables have none.
    pub tlp: Option<Tlp>,
    /// The whole text of a report, to show the place that was met.
    pub body: Option<Seen<ContentRef>>,
    /// Key of the state: a report's status, an incident's phase.
    pub state: Option<&'static str>,
    /// When it came or changed.
    pub at: Option<Timestamp>,
    /// Where it met the question.
    pub why: Vec<Why>,
}

impl Hit {
    /// What stands beside the hits, as good as empty.
    fn beside(kind: HitKind) -> Hit {
        Hit {
            kind,
            reference: None,
            title: None,
            who: String::new(),
            snippet: String::new(),
            tlp: None,
            body: None,
            state: None,
            at: None,
            why: Vec::new(),
        }
    }
}

/// How many hits there are by what: each list counts what the other one leaves.
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
    /// How many reports and incidents there are, once narrowed.
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
        self.search_in(query, Narrow::default(), cursor, limit)
    }

    /// As [`Lens::search`], narrowed to a kind or a state.
    pub fn search_in(&self, query: &str, narrow: Narrow, cursor: u32, limit: usize) -> Found {
        let parts = parts(query);
        if parts.is_empty() {
            return Found::default();
        }
        let asked = Asked::ask(self, &parts);
        let weights = asked.weights.as_ref().expect("there is a part");
        let mut ranked: Vec<(u32, Timestamp, Place)> =
            weights.places().filter(|p| self.is_listed(*p)).map(|p| (weights.get(p), self.when(p), p)).collect();
        let facets = self.facets(&ranked, narrow);
        ranked.retain(|(_, _, place)| narrow.has_kind(*place) && narrow.has_state(self.state(*place)));
        let total = ranked.len();
        // Only the page that is asked for is put in order.
        let from = (cursor as usize).min(total);
        let shown = from.saturating_add(limit).min(total);
        if shown < total {
            ranked.select_nth_unstable_by(shown, |a, b| b.cmp(a));
            ranked.truncate(shown);
        }
        ranked.sort_unstable_by(|a, b| b.cmp(a));
        let mut hits =
            if cursor == 0 && narrow == Narrow::default() { self.hits_beside(&parts, &asked) } else { Vec::new() };
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

    fn facets(&self, ranked: &[(u32, Timestamp, Place)], narrow: Narrow) -> Facets {
        let mut kinds = [0usize; 2];
        let mut states: BTreeMap<&'static str, usize> = BTreeMap::new();
        for (_, _, place) in ranked {
            let state = self.state(*place);
            if narrow.has_state(state) {
                kinds[usize::from(matches!(place, Place::Incident(_)))] += 1;
            }
            if narrow.has_kind(*place) {
                *states.entry(state).or_default() += 1;
            }
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
        // A value's number tells of what was there before it, also of what is erased: the order is that of the texts.
        let text = |value: &u32| self.desk.index.seen.text(*value);
        if values.len() > OBSERVABLES_MAX {
            values.select_nth_unstable_by_key(OBSERVABLES_MAX, text);
            values.truncate(OBSERVABLES_MAX);
        }
        values.sort_unstable_by_key(text);
        for value in values {
            let (kind, text) = self.desk.index.seen.text(value);
            let one = Observable { kind: kind.to_owned(), value: text.to_owned(), ..Observable::default() };
            hits.push(Hit {
                title: Some(observables::defanged(&one)),
                snippet: kind.to_owned(),
                ..Hit::beside(HitKind::Observable)
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
                title: Some(board.name.clone()),
                snippet: board.province.clone(),
                ..Hit::beside(HitKind::Board(board.id))
            })
        };
        found.into_iter().take(BOARDS_MAX).filter_map(hit).collect()
    }

    fn hit(&self, place: Place, why: Vec<Why>) -> Hit {
        let state = Some(self.state(place));
        match place {
            Place::Report(report) => {
                let row = self.report_row(report);
                let kept = self.desk.intake.get(report);
                let certain = row.board.filter(|_| row.board_certain);
                let reading = kept.reading.as_ref().filter(|_| !kept.is_erased());
                Hit {
                    kind: HitKind::Report,
                    reference: Some(row.reference),
                    title: row.subject,
                    who: certain.or(row.from_name).or(row.from_address).unwrap_or_default(),
                    snippet: row.snippet.unwrap_or_default(),
                    tlp: Some(self.desk.classes.get(kept.class).tlp),
                    body: reading.map(|r| Seen::new(ContentRef { seq: r.seq })),
                    state,
                    at: Some(row.received_at),
                    why,
                }
            }
            Place::Incident(incident) => {
                let row = self.incident_row(incident);
                Hit {
                    reference: Some(row.reference),
                    title: row.title,
                    who: row.boards.join(", "),
                    tlp: Some(row.tlp),
                    state,
                    at: Some(row.changed_at),
                    why,
                    ..Hit::beside(HitKind::Incident)
                }
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
