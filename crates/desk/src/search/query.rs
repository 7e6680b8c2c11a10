//! Asking: words, observables, references and boards, of what the viewer may see.

use super::found::Why;
use super::index::{Field, Index};
use super::seen::Place;
use super::terms::TermId;
use crate::Desk;
use crate::folding::each_word;
use crate::ids::{IncidentId, Reference, ReportId};
use crate::intake::Observable;
use crate::lens::Lens;
use crate::observables;
use crate::register::BoardId;
use std::net::IpAddr;

/// Words of a question that count.
pub(super) const WORDS_MAX: usize = 10;
/// Longest question, characters.
const QUERY_CHARS_MAX: usize = 400;
/// Words that one beginning may stand for, at most.
const BEGINNINGS_MAX: usize = 500;
/// Signs of a hash that are enough to look for it.
const HASH_SIGNS_MIN: usize = 8;
/// Places in which a hit met the question that are named, at most.
const WHY_MAX: usize = 3;

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
pub(super) enum Part {
    Reference(Reference),
    Network(IpAddr, u8),
    Observable(Observable),
    Domain(String),
    Word(String),
}

pub(super) fn parts(query: &str) -> Vec<Part> {
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

/// People compare hashes by their first signs.
fn is_piece_of_hash(word: &str) -> bool {
    (HASH_SIGNS_MIN..64).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_hexdigit())
}

fn network(piece: &str) -> Option<(IpAddr, u8)> {
    let (address, prefix) = piece.split_once('/')?;
    let (address, prefix): (IpAddr, u8) = (address.replace("[.]", ".").parse().ok()?, prefix.parse().ok()?);
    let longest = if address.is_ipv4() { 32 } else { 128 };
    (prefix <= longest).then_some((address, prefix))
}

/// Weights by place: one number for each report, one for each incident.
#[derive(Clone)]
pub(super) struct Weights {
    pub(super) reports: Vec<u32>,
    pub(super) incidents: Vec<u32>,
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

    pub(super) fn get(&self, place: Place) -> u32 {
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

    pub(super) fn places(&self) -> impl Iterator<Item = Place> + '_ {
        let reports = self.reports.iter().enumerate().filter(|(_, w)| **w > 0);
        let incidents = self.incidents.iter().enumerate().filter(|(_, w)| **w > 0);
        let reports = reports.map(|(n, _)| Place::Report(ReportId(n as u32)));
        reports.chain(incidents.map(|(n, _)| Place::Incident(IncidentId(n as u32))))
    }
}

/// What one part met, so that a hit can say why.
#[derive(Default)]
pub(super) struct Met {
    terms: Vec<TermId>,
    pub(super) values: Vec<u32>,
    boards: Vec<BoardId>,
}

pub(super) struct Asked<'l, 'a> {
    lens: &'l Lens<'a>,
    pub(super) weights: Option<Weights>,
    pub(super) met: Vec<Met>,
    pub(super) corrected: Vec<(String, String)>,
}

impl<'l, 'a> Asked<'l, 'a> {
    /// Asks all parts; what is found has every one.
    pub(super) fn ask(lens: &'l Lens<'a>, parts: &[Part]) -> Asked<'l, 'a> {
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
        if is_piece_of_hash(word) {
            met.values = index.seen.hashes_beginning(word);
            any |= !met.values.is_empty();
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

    /// Where each of these hits met the question.
    pub(super) fn whys(&self, parts: &[Part], places: &[Place]) -> Vec<Vec<Why>> {
        let fields = self.fields(places);
        places.iter().enumerate().map(|(n, place)| self.why(parts, *place, n, &fields)).collect()
    }

    /// For each part, and each word that it met: the best field in which each of these places bears it. One walk for all of them,
    /// since a common word stands in thousands of texts.
    fn fields(&self, places: &[Place]) -> Vec<Vec<Vec<Option<u8>>>> {
        let index = self.index();
        let mut numbers = Weights::none(self.lens.desk);
        (1..).zip(places).for_each(|(n, place)| numbers.raise(*place, n));
        let of_term = |term: &TermId| {
            let mut best = vec![None; places.len()];
            for posting in index.terms.postings(*term) {
                let doc = &index.docs[posting.doc() as usize];
                let number = numbers.get(doc.place) as usize;
                if number > 0 && self.lens.may_see(doc.class) {
                    let field: &mut Option<u8> = &mut best[number - 1];
                    *field = Some(field.map_or(posting.field(), |f| f.min(posting.field())));
                }
            }
            best
        };
        self.met.iter().map(|met| met.terms.iter().map(of_term).collect()).collect()
    }

    fn why(&self, parts: &[Part], place: Place, number: usize, fields: &[Vec<Vec<Option<u8>>>]) -> Vec<Why> {
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
        for ((part, met), fields) in parts.iter().zip(&self.met).zip(fields) {
            if let Part::Reference(reference) = part {
                say("reference", reference.to_string());
            }
            for value in &here {
                if met.values.binary_search(value).is_ok() {
                    let (kind, text) = index.seen.text(*value);
                    let one = Observable { kind: kind.to_owned(), value: text.to_owned(), ..Observable::default() };
                    say("observable", observables::defanged(&one));
                }
            }
            for board in &met.boards {
                if self.is_about(place, *board) {
                    say("board", self.lens.desk.board_link(*board).map(|b| b.name).unwrap_or_default());
                }
            }
            for (term, fields) in met.terms.iter().zip(fields) {
                if let Some(field) = fields[number] {
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
