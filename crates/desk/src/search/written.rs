//! The index as snapshots keep it: what replay would build, and nothing of how it came to be.
//!
//! The words of whole texts are left out, as they are after a replay; so are what was erased or taken back and the order in which words
//! were first met. What can be computed from the rest is computed when it is read.

use super::index::{Doc, Field, Index};
use super::seen::{Place, Sightings};
use super::terms::{Posting, Terms};
use crate::ids::{EntryId, IncidentId};
use crate::lens::ClassId;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::{BTreeMap, HashMap};

fn is_of_whole_text(posting: Posting) -> bool {
    posting.field() == Field::Body as u8
}

impl Serialize for Index {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Index { terms, docs, seen, boards: _, of_report, of_incident, has_text: _, title_of } = self;
        let docs: Vec<(Place, ClassId)> = docs.iter().map(|doc| (doc.place, doc.class)).collect();
        (terms, docs, seen, of_report, of_incident, title_of).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Index {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Index, D::Error> {
        type Docs = Vec<(Place, ClassId)>;
        let (terms, docs, seen, of_report, of_incident, title_of): (Terms, Docs, _, Vec<_>, _, _) =
            Deserialize::deserialize(deserializer)?;
        let doc = |(place, class)| Doc { place, class, indexed: false };
        let mut docs: Vec<Doc> = docs.into_iter().map(doc).collect();
        for posting in terms.all_postings() {
            docs.get_mut(posting.doc() as usize).ok_or_else(|| D::Error::custom("a word stands nowhere"))?.indexed =
                true;
        }
        let has_text = vec![false; of_report.len()];
        Ok(Index { terms, docs, seen, boards: Terms::default(), of_report, of_incident, has_text, title_of })
    }
}

impl Serialize for Terms {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let kept = |posting: &&Posting| !is_of_whole_text(**posting);
        let words = self.in_order().filter_map(|(word, postings)| {
            let postings: Vec<&Posting> = postings.iter().filter(kept).collect();
            (!postings.is_empty()).then_some((word, postings))
        });
        // A list tells its length first.
        serializer.collect_seq(words.collect::<Vec<_>>())
    }
}

impl<'de> Deserialize<'de> for Terms {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Terms, D::Error> {
        Vec::<(Box<str>, Vec<Posting>)>::deserialize(deserializer).map(Terms::of)
    }
}

/// A sighting: its class, kind, value, place and, in an incident, the line.
type Row = (ClassId, u8, u32, Place, Option<EntryId>);

impl Serialize for Sightings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let lines: HashMap<u32, EntryId> = self.of_entry.iter().map(|((_, entry), number)| (*number, *entry)).collect();
        let (mut numbers, mut values) = (HashMap::new(), Vec::new());
        let mut rows: Vec<Row> = Vec::with_capacity(self.classes.len());
        for (number, class) in (0..).zip(&self.classes).filter(|(_, class)| **class != ClassId::NOBODY) {
            let (kind, value, place) = self.row(number);
            let value = *numbers.entry(value).or_insert_with(|| {
                values.push(self.known_as(value));
                values.len() as u32 - 1
            });
            rows.push((*class, kind, value, place, lines.get(&number).copied()));
        }
        (values, rows).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Sightings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Sightings, D::Error> {
        let (values, rows): (Vec<(u8, Box<str>)>, Vec<Row>) = Deserialize::deserialize(deserializer)?;
        let mut seen = Sightings::default();
        values.into_iter().for_each(|(kind, text)| seen.known_again(kind, &text));
        let mut lines: BTreeMap<(IncidentId, EntryId), u32> = BTreeMap::new();
        for (class, kind, value, place, entry) in rows {
            let number = seen.row_again(class, kind, value, place).ok_or_else(|| D::Error::custom("no such value"))?;
            if let (Place::Incident(incident), Some(entry)) = (place, entry) {
                lines.insert((incident, entry), number);
            }
        }
        seen.of_entry = lines;
        Ok(seen)
    }
}
