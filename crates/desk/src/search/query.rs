//! Asking: words, observables, references and boards, of what the viewer may see.

use super::index::{Field, Index};
use super::seen::Place;
use super::terms::TermId;
use crate::Desk;
use crate::folding::each_word;
use crate::ids::{IncidentId, Reference, ReportId, Timestamp};
use crate::incidents::Phase;
use crate::intake::{Observable, Status};
use crate::lens::Lens;
use crate::observables;
use crate::register::BoardId;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Words of a question that count.
const WORDS_MAX: usize = 10;
/// Longest question, characters.
const QUERY_CHARS_MAX: usize = 400;
/// Words that one beginning may stand for, at most.
const BEGINNINGS_MAX: usize = 500;
/// Boards among the hits, at most.
const BOARDS_MAX: usize = 5;
/// Observables among the hits, at most.
const OBSERVABLES_MAX: usize = 5;
/// Places in which a hit met the question that are named, at most.
const WHY_MAX: usize = 3;

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
    /// Make the text of a message findable: the engine calls it when it was read, and again after a start. At most the first
    /// 20,000 characters count. Of erased reports nothing is taken.
    pub fn index_text(&mut self, report: ReportId, text: &str) {
        if self.intake.reports.get(report.index()).is_some_and(|r| !r.is_erased()) {
            self.index.text(report, text);
        }
    }
}

/// How far a word may be from the one that was meant: short words are too near to each other.
pub(super) fn edits_for(word: &str) -> Option<u32> {
    match word.chars().count() {
        0..4 => None,
        4..8 => Some(1),
        _ => Some(2),
    }
}

/// One part of a question: everything found must have all parts.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Reference(Reference),
    Network(IpAddr, u8),
    Observable(Observable),
    Domain(String),
    Word(String),
}

fn parts(query: &str) -> Vec<Part> {
    let query: String = query.chars().take(QUERY_CHARS_MAX).collect();
    let mut parts = Vec::new();
    for piece in query.split_whitespace() {
        if parts.len() >= WORDS_MAX {
            break;
        }
        // Only what has the shape of one: `m0110000x` may be a word.
        if let Some(reference) = Reference::find_in(piece) {
            parts.push(Part::Reference(reference));
        } else if let Some((address, prefix)) = network(piece) {
            parts.push(Part::Network(address, prefix));
        } else if let Some(domain) =
            piece.strip_prefix("*.").or_else(|| piece.strip_prefix('.')).filter(|d| !d.is_empty())
        {
            parts.push(Part::Domain(domain.trim_end_matches('.').to_lowercase()));
        } else {
            match observables::single(piece) {
                Some(one) if one.kind == "domain" => parts.push(Part::Domain(one.value)),
                Some(one) => parts.push(Part::Observable(one)),
                None => each_word(piece, |word| parts.push(Part::Word(word.to_owned()))),
            }
        }
    }
    parts.truncate(WORDS_MAX);
    parts
}

fn network(piece: &str) -> Option<(IpAddr, u8)> {
    let (address, prefix) = piece.split_once('/')?;
    let (address, prefix): (IpAddr, u8) = (address.replace("[.]", ".").parse().ok()?, prefix.parse().ok()?);
    let longest = if address.is_ipv4() { 32 } else { 128 };
    (prefix <= longest).then_some((address, prefix))
}

/// Weights by place: one number for each report, one for each incident.
#[derive(Clone)]
struct Weights {
    reports: Vec<u32>,
    incidents: Vec<u32>,
}

impl Weights {
    fn none(desk: &Desk) -> Weights {
        Weights { reports: vec![0; desk.intake.reports.len()], incidents: vec![0; desk.incidents.incidents.len()] }
    }

    fn raise(&mut self, place: Place, weight: u32) {
        let slot = match place {
            Place::Report(report) => &mut self.reports[report.index()],
            Place::Incident(incident) => &mut self.incidents[incident.index()],
        };
        *slot = weight.max(*slot);
    }

    fn get(&self, place: Place) -> u32 {
        match place {
            Place::Report(report) => self.reports[report.index()],
            Place::Incident(incident) => self.incidents[incident.index()],
        }
    }

    /// What lacks a part is not found at all.
    fn and(&mut self, other: &Weights) {
        let both = |(a, b): (&mut u32, &u32)| *a = if *a == 0 || *b == 0 { 0 } else { *a + *b };
        self.reports.iter_mut().zip(&other.reports).for_each(both);
        self.incidents.iter_mut().zip(&other.incidents).for_each(both);
    }

    fn places(&self) -> impl Iterator<Item = Place> + '_ {
        let reports = self.reports.iter().enumerate().filter(|(_, w)| **w > 0);
        let incidents = self.incidents.iter().enumerate().filter(|(_, w)| **w > 0);
        let reports = reports.map(|(n, _)| Place::Report(ReportId(n as u32)));
        reports.chain(incidents.map(|(n, _)| Place::Incident(IncidentId(n as u32))))
    }
}

/// What one part met, so that a hit can say why.
#[derive(Default)]
struct Met {
    terms: Vec<TermId>,
    values: Vec<u32>,
    boards: Vec<BoardId>,
}

struct Asked<'l, 'a> {
    lens: &'l Lens<'a>,
    weights: Option<Weights>,
    met: Vec<Met>,
    corrected: Vec<(String, String)>,
}

impl<'l, 'a> Asked<'l, 'a> {
    fn ask(lens: &'l Lens<'a>, parts: &[Part]) -> Asked<'l, 'a> {
        let mut asked = Asked { lens, weights: None, met: Vec::new(), corrected: Vec::new() };
        for (n, part) in parts.iter().enumerate() {
            let weights = asked.part(part, n + 1 == parts.len());
            match &mut asked.weights {
                Some(all) => all.and(&weights),
                None => asked.weights = Some(weights),
            }
        }
        asked
    }

    fn index(&self) -> &'l Index {
        &self.lens.desk.index
    }

    fn part(&mut self, part: &Part, last: bool) -> Weights {
        let mut weights = Weights::none(self.lens.desk);
        let mut met = Met::default();
        let index = self.index();
        match part {
            Part::Reference(reference) => {
                if let Some(report) = self.lens.report_id(*reference) {
                    weights.raise(Place::Report(report), 100);
                }
                if let Some(incident) = self.lens.incident_id(*reference) {
                    weights.raise(Place::Incident(incident), 100);
                }
            }
            Part::Network(address, prefix) => met.values = index.seen.in_network(*address, *prefix),
            Part::Observable(one) => met.values = index.seen.exactly(&one.value),
            Part::Domain(domain) => {
                met.values = index.seen.at_domain(domain);
                // A domain is also what somebody's address ends with, or a word in a text.
                let mut words = Vec::new();
                each_word(domain, |w| words.push(w.to_owned()));
                let mut all: Option<Weights> = None;
                for word in &words {
                    let mut one = Weights::none(self.lens.desk);
                    if let Some(term) = index.terms.exact(word) {
                        self.term(term, 2, &mut one);
                    }
                    match &mut all {
                        Some(all) => all.and(&one),
                        None => all = Some(one),
                    }
                }
                if let Some(all) = all {
                    weights = all;
                }
            }
            Part::Word(word) => self.word(word, last, &mut weights, &mut met),
        }
        met.values.sort_unstable();
        met.values = index.seen.visit(&self.lens.visible, &met.values, |place| weights.raise(place, 20));
        self.met.push(met);
        weights
    }

    /// A word as it is, as a beginning when it is the last one, and with mistakes when nothing that may be seen bears it.
    fn word(&mut self, word: &str, last: bool, weights: &mut Weights, met: &mut Met) {
        let index = self.index();
        let mut any = false;
        if let Some(term) = index.terms.exact(word)
            && self.term(term, 4, weights)
        {
            met.terms.push(term);
            any = true;
        }
        if last && word.chars().count() >= 2 {
            // The limit counts what may be seen: hidden words must not push others out.
            let seen = index.terms.beginning(word).filter(|term| self.term(*term, 3, weights));
            met.terms.extend(seen.take(BEGINNINGS_MAX));
            any |= !met.terms.is_empty();
        }
        for (board, weight) in index.boards_like(word, last) {
            if weight >= 4 && self.board(board, weights) {
                met.boards.push(board);
                any = true;
            }
        }
        let Some(edits) = edits_for(word).filter(|_| !any) else { return };
        let mut near = index.terms.near(word, edits);
        near.sort_unstable_by_key(|(_, edits)| *edits);
        for (term, edits) in near {
            if self.term(term, 3 - edits.min(2), weights) {
                if met.terms.is_empty() {
                    self.corrected.push((word.to_owned(), index.terms.text(term).to_owned()));
                }
                met.terms.push(term);
            }
        }
    }

    /// Raises whatever bears a word and may be seen; whether there was any.
    fn term(&self, term: TermId, closeness: u32, weights: &mut Weights) -> bool {
        let index = self.index();
        let mut any = false;
        for posting in index.terms.postings(term) {
            let doc = &index.docs[posting.doc() as usize];
            if self.lens.may_see(doc.class) {
                let field = Field::ALL[usize::from(posting.field())];
                weights.raise(doc.place, closeness * field.weight());
                any = true;
            }
        }
        any
    }

    /// What is about a board bears its name.
    fn board(&self, board: BoardId, weights: &mut Weights) -> bool {
        let desk = self.lens.desk;
        let mut any = false;
        for (n, brief) in desk.intake.briefs.iter().enumerate() {
            if brief.board == Some(board) && self.lens.may_see(brief.class) {
                weights.raise(Place::Report(ReportId(n as u32)), 40);
                any = true;
            }
        }
        for incident in desk.incidents.by_board.get(&board).into_iter().flatten() {
            if self.lens.may_see(desk.incidents.get(*incident).class) {
                weights.raise(Place::Incident(*incident), 44);
                any = true;
            }
        }
        any
    }

    fn why(&self, parts: &[Part], place: Place) -> Vec<Why> {
        let mut why: Vec<Why> = Vec::new();
        let mut say = |field: &'static str, found: String| {
            let known = why.iter().any(|w| w.field == field && w.found == found);
            if !known && why.len() < WHY_MAX {
                why.push(Why { field, found });
            }
        };
        let index = self.index();
        let any_values = self.met.iter().any(|m| !m.values.is_empty());
        let here = if any_values { index.seen.values_at(&self.lens.visible, place) } else { Vec::new() };
        for (part, met) in parts.iter().zip(&self.met) {
            if let Part::Reference(reference) = part {
                say("reference", reference.to_string());
            }
            for value in &here {
                if met.values.binary_search(value).is_ok() {
                    let (kind, text) = index.seen.text(*value);
                    let one = Observable { kind: kind.to_owned(), value: text.to_owned(), benign: None };
                    say("observable", observables::defanged(&one));
                }
            }
            for board in &met.boards {
                if self.is_about(place, *board) {
                    say("board", self.lens.desk.board_link(*board).map(|b| b.name).unwrap_or_default());
                }
            }
            for term in &met.terms {
                let here = index.terms.postings(*term).iter().filter(|p| {
                    let doc = &index.docs[p.doc() as usize];
                    doc.place == place && self.lens.may_see(doc.class)
                });
                if let Some(field) = here.map(|p| p.field()).min() {
                    say(Field::ALL[usize::from(field)].key(place), index.terms.text(*term).to_owned());
                }
            }
        }
        why
    }

    fn is_about(&self, place: Place, board: BoardId) -> bool {
        match place {
            Place::Report(report) => self.lens.desk.intake.get(report).appraisal.board == Some(board),
            Place::Incident(incident) => self.lens.desk.incidents.get(incident).boards.contains(&board),
        }
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
        let page = ranked[from..].iter();
        hits.extend(page.map(|(_, _, place)| self.hit(*place, asked.why(&parts, *place))));
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
            Place::Incident(incident) => !self.desk.incidents.briefs[incident.index()].dropped,
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

impl Index {
    /// Reports with the same subject, but for what answers and forwards put before it.
    pub(crate) fn reports_with_subject(&self, lens: &Lens<'_>, subject: &str) -> Vec<ReportId> {
        let bare = bare_subject(subject);
        let mut words = Vec::new();
        each_word(bare, |word| words.push(word.to_owned()));
        words.sort_unstable();
        words.dedup();
        // One or two words are no sign of a shared matter.
        if words.len() < 3 {
            return Vec::new();
        }
        let rarest = words.iter().map(|w| self.terms.exact(w)).collect::<Option<Vec<_>>>();
        let Some(rarest) = rarest.and_then(|t| t.into_iter().min_by_key(|t| self.terms.postings(*t).len())) else {
            return Vec::new();
        };
        let candidates = self.terms.postings(rarest).iter().filter(|p| p.field() == Field::Title as u8);
        let visible = candidates.map(|p| &self.docs[p.doc() as usize]).filter(|d| lens.may_see(d.class));
        let reports = visible.filter_map(|d| match d.place {
            Place::Report(report) => Some(report),
            Place::Incident(_) => None,
        });
        let same = |report: &ReportId| {
            let head = lens.desk.intake.get(*report).head();
            head.is_some_and(|h| bare_subject(&h.subject).eq_ignore_ascii_case(bare))
        };
        reports.filter(same).collect()
    }
}

fn bare_subject(subject: &str) -> &str {
    const BEFORE: [&str; 8] = ["re:", "fw:", "fwd:", "aw:", "wg:", "antw:", "tr:", "doorst:"];
    let mut bare = subject.trim();
    loop {
        let cut = BEFORE.iter().find(|b| bare.get(..b.len()).is_some_and(|head| head.eq_ignore_ascii_case(b)));
        match cut {
            Some(before) => bare = bare[before.len()..].trim_start(),
            None => return bare,
        }
    }
}
