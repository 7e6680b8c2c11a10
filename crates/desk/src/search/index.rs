//! The index beside the state: built while facts happen, never written to disk, and not part of what replay must give again.

use super::seen::{Place, Sightings};
use super::terms::{Posting, Terms};
use crate::folding::each_word;
use crate::ids::{EntryId, IncidentId, ReportId};
use crate::incidents::Note;
use crate::intake::{Observable, Report};
use crate::lens::{ClassId, Lens};
use crate::outbox::{About, Letter};
use crate::register::{BoardId, Register};
use crate::sealed::Sealed;
use std::collections::{BTreeSet, HashMap};

/// Characters of a text that can be found.
pub(super) const TEXT_CHARS_MAX: usize = 20_000;

/// Where a word stands in a document. The lower, the weightier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Title = 0,
    Sender = 1,
    Text = 2,
    Attachment = 3,
    Body = 4,
}

impl Field {
    pub(super) const ALL: [Field; 5] = [Field::Title, Field::Sender, Field::Text, Field::Attachment, Field::Body];

    pub(super) fn weight(self) -> u32 {
        [16, 12, 8, 7, 6][self as usize]
    }

    pub(super) fn key(self, of: Place) -> &'static str {
        match (self, of) {
            (Field::Title, Place::Report(_)) => "subject",
            (Field::Title, Place::Incident(_)) => "title",
            (Field::Sender, _) => "sender",
            (Field::Text, _) => "text",
            (Field::Attachment, _) => "attachment",
            (Field::Body, _) => "body",
        }
    }
}

/// A piece of text with one class: a report with its attachments' names, a line, a letter.
#[derive(Clone, Copy, Debug)]
pub(super) struct Doc {
    pub(super) place: Place,
    pub(super) class: ClassId,
    /// Whether any word of it is in the dictionary.
    pub(super) indexed: bool,
}

/// Everything that can be found.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    pub(super) terms: Terms,
    pub(super) docs: Vec<Doc>,
    pub(super) seen: Sightings,
    /// Names of boards: words to places in the register.
    pub(super) boards: Terms,
    /// The document that a report itself is, and the letters written about it.
    pub(super) of_report: Vec<Vec<u32>>,
    /// Documents of an incident; the line that each is, if it is one.
    pub(super) of_incident: Vec<Vec<(u32, Option<EntryId>)>>,
    /// Whether the text of each report was taken in.
    pub(super) has_text: Vec<bool>,
    /// The document that an incident's present title is.
    pub(super) title_of: Vec<u32>,
}

impl PartialEq for Index {
    /// It differs once something was erased, and says nothing that the state does not.
    fn eq(&self, _: &Index) -> bool {
        true
    }
}

impl Index {
    pub(crate) fn boards(&mut self, register: &Register) {
        self.boards = Terms::default();
        for board in register.iter() {
            let own = std::iter::once((&board.name, Field::Title));
            for (name, field) in own.chain(board.former_names.iter().map(|n| (n, Field::Text))) {
                each_word(name, |word| self.boards.add(word, Posting::new(board.id.0, field as u8)));
            }
        }
    }

    pub(crate) fn received(&mut self, report: ReportId, class: ClassId) {
        let doc = self.doc(Place::Report(report), class);
        self.of_report.push(vec![doc]);
        self.has_text.push(false);
    }

    pub(crate) fn read(&mut self, report: ReportId, kept: &Report) {
        let Some(head) = kept.head() else { return };
        let doc = self.of_report[report.index()][0];
        self.words(doc, Field::Title, &head.subject);
        for name in head.from_name.iter().chain(&head.from_address).chain(&head.phone).chain(&head.board_as_typed) {
            self.words(doc, Field::Sender, name);
        }
        self.words(doc, Field::Text, &head.snippet);
        for attachment in &head.attachments {
            self.words(doc, Field::Attachment, &attachment.name);
        }
        let observables = head.observables.iter();
        let observables = observables.map(|o| (o.kind.as_str(), o.value.as_str(), o.benign.is_some()));
        let hashes = head.attachments.iter().filter(|a| a.sha256.len() == 64);
        let hashes = hashes.map(|a| ("sha256", a.sha256.as_str(), false));
        let known: BTreeSet<&str> = head.observables.iter().map(|o| o.value.as_str()).collect();
        let hashes: Vec<_> = hashes.filter(|(_, value, _)| !known.contains(value)).collect();
        self.seen.in_report(report, kept.class, observables.chain(hashes));
    }

    pub(crate) fn text(&mut self, report: ReportId, text: &str) {
        let doc = self.of_report[report.index()][0];
        if std::mem::replace(&mut self.has_text[report.index()], true) {
            return;
        }
        let end = text.char_indices().nth(TEXT_CHARS_MAX).map_or(text.len(), |(at, _)| at);
        self.words(doc, Field::Body, &text[..end]);
    }

    /// Whether a report's text was taken in.
    pub(super) fn has_text(&self, report: ReportId) -> bool {
        self.has_text.get(report.index()).copied().unwrap_or(true)
    }

    /// Takes over from another index of the same reports where these of its words stand in the texts of messages; how many words it has.
    pub(crate) fn take_texts(&mut self, from: &Index, words: std::ops::Range<u32>) -> u32 {
        let all = from.terms.len();
        for term in words.start..words.end.min(all) {
            for posting in from.terms.postings(term).iter().filter(|p| p.field() == Field::Body as u8) {
                let Place::Report(report) = from.docs[posting.doc() as usize].place else { continue };
                let Some(doc) = self.of_report.get(report.index()).map(|docs| docs[0]) else { continue };
                if self.docs[doc as usize].class != ClassId::NOBODY {
                    self.terms.add(from.terms.text(term), Posting::new(doc, Field::Body as u8));
                    self.docs[doc as usize].indexed = true;
                }
            }
        }
        all
    }

    /// Nothing of what came with a report can be found any more, nor is it in memory.
    pub(crate) fn erase(&mut self, report: ReportId) {
        let docs = self.of_report[report.index()].iter().copied().collect();
        self.purge(docs);
        self.seen.forget_report(report);
    }

    /// These documents are seen by nobody, and their words are gone.
    fn purge(&mut self, docs: BTreeSet<u32>) {
        let mut indexed = false;
        for doc in &docs {
            let doc = &mut self.docs[*doc as usize];
            doc.class = ClassId::NOBODY;
            indexed |= std::mem::take(&mut doc.indexed);
        }
        // At replay the words are gone already, and a pass over the index for nothing would be felt.
        if indexed {
            self.terms.purge(|doc| docs.contains(&doc));
        }
    }

    pub(crate) fn readdress_report(&mut self, report: ReportId, class: ClassId) {
        for doc in &self.of_report[report.index()] {
            self.docs[*doc as usize].class = class;
        }
        self.seen.readdress_report(report, class);
    }

    pub(crate) fn wrote(&mut self, about: About, class: ClassId, letter: &Sealed<Letter>) {
        // Also when nothing can be read any more: documents are numbered alike by whoever lived through it and whoever replays.
        let doc = match about {
            About::Report(report) => {
                let doc = self.doc(Place::Report(report), class);
                self.of_report[report.index()].push(doc);
                doc
            }
            About::Incident(incident) => self.line(incident, None, class),
        };
        if let Some(letter) = letter.open() {
            self.words(doc, Field::Text, &letter.text);
        }
    }

    pub(crate) fn opened(&mut self, incident: IncidentId, class: ClassId, title: &Sealed<String>) {
        self.of_incident.push(Vec::new());
        let doc = self.line(incident, None, class);
        self.title_of.push(doc);
        if let Some(title) = title.open() {
            self.words(doc, Field::Title, title);
        }
    }

    pub(crate) fn retitled(&mut self, incident: IncidentId, title: &Sealed<String>) {
        // The old title stays where it is, seen by nobody: taking its words out costs a pass over the index.
        let before = self.title_of[incident.index()];
        let class = std::mem::replace(&mut self.docs[before as usize].class, ClassId::NOBODY);
        let doc = self.line(incident, None, class);
        self.title_of[incident.index()] = doc;
        if let Some(title) = title.open() {
            self.words(doc, Field::Title, title);
        }
    }

    pub(crate) fn noted(&mut self, incident: IncidentId, entry: EntryId, class: ClassId, note: &Sealed<Note>) {
        let doc = self.line(incident, Some(entry), class);
        if let Some(note) = note.open() {
            self.words(doc, Field::Text, &note.text);
            self.words(doc, Field::Text, &note.why);
        }
    }

    pub(crate) fn task(&mut self, incident: IncidentId, entry: EntryId, class: ClassId, text: &Sealed<String>) {
        let doc = self.line(incident, Some(entry), class);
        if let Some(text) = text.open() {
            self.words(doc, Field::Text, text);
        }
    }

    pub(crate) fn observed(
        &mut self,
        incident: IncidentId,
        entry: EntryId,
        class: ClassId,
        observable: &Sealed<Observable>,
    ) {
        if let Some(observable) = observable.open() {
            self.seen.in_entry(incident, entry, class, observable);
        }
    }

    pub(crate) fn withdraw(&mut self, incident: IncidentId, entry: EntryId) {
        for (doc, of) in &self.of_incident[incident.index()] {
            if *of == Some(entry) {
                self.docs[*doc as usize].class = ClassId::NOBODY;
            }
        }
        self.seen.forget_entry(incident, entry);
    }

    /// Nothing of what was written in an incident can be found any more, nor is it in memory.
    pub(crate) fn erase_incident(&mut self, incident: IncidentId) {
        let docs = self.of_incident[incident.index()].iter().map(|(doc, _)| *doc).collect();
        self.purge(docs);
        self.seen.forget_incident(incident);
    }

    pub(crate) fn drop_incident(&mut self, incident: IncidentId) {
        for (doc, _) in &self.of_incident[incident.index()] {
            self.docs[*doc as usize].class = ClassId::NOBODY;
        }
    }

    /// `class`: of the incident; `lines`: of each line of its timeline. What nobody sees any more stays so.
    pub(crate) fn readdress_incident(&mut self, incident: IncidentId, class: ClassId, lines: &[ClassId]) {
        for (doc, entry) in &self.of_incident[incident.index()] {
            let doc = &mut self.docs[*doc as usize];
            if doc.class != ClassId::NOBODY {
                doc.class = entry.map_or(class, |entry| lines[entry.index()]);
            }
        }
        self.seen.readdress_entries(incident, lines);
    }

    fn line(&mut self, incident: IncidentId, entry: Option<EntryId>, class: ClassId) -> u32 {
        let doc = self.doc(Place::Incident(incident), class);
        self.of_incident[incident.index()].push((doc, entry));
        doc
    }

    fn doc(&mut self, place: Place, class: ClassId) -> u32 {
        self.docs.push(Doc { place, class, indexed: false });
        u32::try_from(self.docs.len() - 1).expect("documents are far fewer than 2^29")
    }

    fn words(&mut self, doc: u32, field: Field, text: &str) {
        let terms = &mut self.terms;
        let mut indexed = false;
        each_word(text, |word| {
            terms.add(word, Posting::new(doc, field as u8));
            indexed = true;
        });
        self.docs[doc as usize].indexed |= indexed;
    }

    /// Incidents in which a value was seen by hand, as far as the viewer may see.
    pub(crate) fn incidents_with(&self, lens: &Lens<'_>, kind: &str, value: &str) -> Vec<IncidentId> {
        let places = self.seen.places_of(&lens.visible, kind, value);
        places
            .filter_map(|p| match p {
                Place::Incident(incident) => Some(incident),
                Place::Report(_) => None,
            })
            .collect()
    }

    /// Reports in which a value was seen, as far as the viewer may see.
    pub(crate) fn reports_with(&self, lens: &Lens<'_>, kind: &str, value: &str) -> Vec<ReportId> {
        let places = self.seen.places_of(&lens.visible, kind, value);
        places
            .filter_map(|p| match p {
                Place::Report(report) => Some(report),
                Place::Incident(_) => None,
            })
            .collect()
    }

    /// Boards of the register with such a word in their name; own names before former ones.
    pub(super) fn boards_like(&self, word: &str, last: bool) -> Vec<(BoardId, u32)> {
        let mut found: HashMap<BoardId, u32> = HashMap::new();
        let mut take = |term, weight: u32| {
            for posting in self.boards.postings(term) {
                let weight = if posting.field() == Field::Title as u8 { weight } else { weight / 2 };
                let kept = found.entry(BoardId(posting.doc())).or_default();
                *kept = weight.max(*kept);
            }
        };
        if let Some(term) = self.boards.exact(word) {
            take(term, 8);
        }
        if last && word.chars().count() >= 2 {
            self.boards.beginning(word).for_each(|term| take(term, 4));
        }
        if found.is_empty()
            && let Some(edits) = super::query::edits_for(word)
        {
            for (term, edits) in self.boards.near(word, edits) {
                for posting in self.boards.postings(term) {
                    found.entry(BoardId(posting.doc())).or_insert(3 - edits);
                }
            }
        }
        found.into_iter().collect()
    }
}
