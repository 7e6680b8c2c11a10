//! The dictionary of words and where each stands.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// A word's number.
pub(super) type TermId = u32;

/// Where a word stands: a document and a field, packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Posting(u32);

const FIELD_BITS: u32 = 3;

impl Posting {
    pub(super) fn new(doc: u32, field: u8) -> Posting {
        Posting(doc << FIELD_BITS | u32::from(field))
    }

    pub(super) fn doc(self) -> u32 {
        self.0 >> FIELD_BITS
    }

    pub(super) fn field(self) -> u8 {
        (self.0 & ((1 << FIELD_BITS) - 1)) as u8
    }
}

#[derive(Clone, Debug)]
struct Term {
    text: Arc<str>,
    postings: Vec<Posting>,
}

/// What a word is made of, for a quick "cannot be near": letters that occur as bits, and the length.
#[derive(Clone, Copy, Debug, Default)]
struct Shape {
    letters: u64,
    length: u8,
}

impl Shape {
    fn of(word: &str) -> Shape {
        let mut shape = Shape::default();
        for c in word.chars() {
            let bit = match c {
                'a'..='z' => c as u32 - 'a' as u32,
                '0'..='9' => 26 + (c as u32 - '0' as u32),
                other => 36 + (other as u32) % 28,
            };
            shape.letters |= 1 << bit;
            shape.length = shape.length.saturating_add(1);
        }
        shape
    }

    /// One edit changes at most two of the letters that occur, and the length by one.
    fn may_be_within(self, other: Shape, edits: u32) -> bool {
        (self.letters ^ other.letters).count_ones() <= 2 * edits
            && u32::from(self.length.abs_diff(other.length)) <= edits
    }
}

/// All words of all documents.
#[derive(Clone, Debug, Default)]
pub(super) struct Terms {
    numbers: HashMap<Arc<str>, TermId>,
    sorted: BTreeMap<Arc<str>, TermId>,
    terms: Vec<Term>,
    shapes: Vec<Shape>,
    /// Numbers of words that went.
    free: Vec<TermId>,
}

impl Terms {
    pub(super) fn add(&mut self, word: &str, posting: Posting) {
        let term = match self.numbers.get(word) {
            Some(term) => *term,
            None => self.new_term(word),
        };
        let postings = &mut self.terms[term as usize].postings;
        if postings.last() != Some(&posting) {
            postings.push(posting);
        }
    }

    /// Every word with where it stands, by alphabet.
    pub(super) fn in_order(&self) -> impl Iterator<Item = (&str, &[Posting])> {
        self.sorted.iter().map(|(word, term)| (&**word, self.postings(*term)))
    }

    /// All words of a list that [`Terms::in_order`] gave.
    pub(super) fn of(words: Vec<(Box<str>, Vec<Posting>)>) -> Terms {
        let shapes = words.iter().map(|(word, _)| Shape::of(word)).collect();
        let terms: Vec<Term> = words.into_iter().map(|(word, postings)| Term { text: word.into(), postings }).collect();
        let numbered = || terms.iter().zip(0..).map(|(term, number)| (term.text.clone(), number));
        Terms { numbers: numbered().collect(), sorted: numbered().collect(), shapes, free: Vec::new(), terms }
    }

    /// Where any word stands.
    pub(super) fn all_postings(&self) -> impl Iterator<Item = Posting> {
        self.terms.iter().flat_map(|term| term.postings.iter().copied())
    }

    fn new_term(&mut self, word: &str) -> TermId {
        let text: Arc<str> = word.into();
        let term = Term { text: text.clone(), postings: Vec::new() };
        let number = match self.free.pop() {
            Some(number) => {
                self.terms[number as usize] = term;
                self.shapes[number as usize] = Shape::of(word);
                number
            }
            None => {
                self.terms.push(term);
                self.shapes.push(Shape::of(word));
                u32::try_from(self.terms.len() - 1).expect("words are far fewer than 2^32")
            }
        };
        self.numbers.insert(text.clone(), number);
        self.sorted.insert(text, number);
        number
    }

    pub(super) fn postings(&self, term: TermId) -> &[Posting] {
        &self.terms[term as usize].postings
    }

    /// How many numbers there are, also of words that went.
    pub(super) fn len(&self) -> u32 {
        self.terms.len() as u32
    }

    pub(super) fn text(&self, term: TermId) -> &str {
        &self.terms[term as usize].text
    }

    pub(super) fn exact(&self, word: &str) -> Option<TermId> {
        self.numbers.get(word).copied()
    }

    /// Words that begin so, but for the word itself.
    pub(super) fn beginning<'a>(&'a self, start: &'a str) -> impl Iterator<Item = TermId> + 'a {
        use std::ops::Bound::{Excluded, Unbounded};
        let from = self.sorted.range::<str, _>((Excluded(start), Unbounded));
        from.take_while(move |(text, _)| text.starts_with(start)).map(|(_, term)| *term)
    }

    /// Words within so many edits, but for the word itself, with the number of edits.
    pub(super) fn near(&self, word: &str, edits: u32) -> Vec<(TermId, u32)> {
        let shape = Shape::of(word);
        let letters: Vec<char> = word.chars().collect();
        let mut near = Vec::new();
        for (number, other) in self.shapes.iter().enumerate() {
            if other.length == 0 || !shape.may_be_within(*other, edits) {
                continue;
            }
            let text = &self.terms[number].text;
            if let Some(distance) = distance(&letters, text, edits)
                && distance > 0
            {
                near.push((number as TermId, distance));
            }
        }
        near
    }

    /// Takes documents out of every word; words that stand nowhere any more go. One pass over the index.
    pub(super) fn purge(&mut self, gone: impl Fn(u32) -> bool) {
        for (number, term) in self.terms.iter_mut().enumerate() {
            if term.postings.is_empty() {
                continue;
            }
            term.postings.retain(|p| !gone(p.doc()));
            if term.postings.is_empty() {
                let text = std::mem::replace(&mut term.text, "".into());
                term.postings = Vec::new();
                self.numbers.remove(&text);
                self.sorted.remove(&text);
                self.shapes[number] = Shape::default();
                self.free.push(number as TermId);
            }
        }
    }

    #[cfg(test)]
    pub(super) fn contains(&self, text: &str) -> bool {
        self.terms.iter().any(|t| t.text.contains(text))
    }
}

/// Edits (insert, delete, replace, swap of neighbours) from one word to another, if at most so many.
pub(super) fn distance(word: &[char], other: &str, edits_max: u32) -> Option<u32> {
    let other: Vec<char> = other.chars().collect();
    let max = edits_max as usize;
    if word.len().abs_diff(other.len()) > max {
        return None;
    }
    let (mut before, mut last, mut row) = (vec![0; other.len() + 1], Vec::new(), vec![0usize; other.len() + 1]);
    last.extend(0..=other.len());
    for (i, a) in word.iter().enumerate() {
        row[0] = i + 1;
        let mut least = row[0];
        for (j, b) in other.iter().enumerate() {
            let mut cost = (last[j] + usize::from(a != b)).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a == other[j - 1] && word[i - 1] == *b {
                cost = cost.min(before[j - 1] + 1);
            }
            row[j + 1] = cost;
            least = least.min(cost);
        }
        if least > max {
            return None;
        }
        std::mem::swap(&mut before, &mut last);
        std::mem::swap(&mut last, &mut row);
    }
    (last[other.len()] <= max).then_some(last[other.len()] as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn slow(a: &[char], b: &[char]) -> usize {
        match (a, b) {
            ([], rest) | (rest, []) => rest.len(),
            ([x, a @ ..], [y, b @ ..]) => {
                let replace = slow(a, b) + usize::from(x != y);
                let mut least = replace.min(slow(a, &[&[*y], b].concat()) + 1).min(slow(&[&[*x], a].concat(), b) + 1);
                if let ([x2, a2 @ ..], [y2, b2 @ ..]) = (a, b)
                    && (x, x2) == (y2, y)
                {
                    least = least.min(slow(a2, b2) + 1);
                }
                least
            }
        }
    }

    proptest! {
        #[test]
        fn the_distance_is_the_least_number_of_edits(a in "[ab]{0,5}", b in "[ab]{0,5}") {
            let (x, y): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
            let truth = slow(&x, &y) as u32;
            prop_assert_eq!(distance(&x, &b, 2), (truth <= 2).then_some(truth));
        }

        #[test]
        fn no_near_word_is_missed(words in proptest::collection::hash_set("[a-e]{3,9}", 1..60), asked in "[a-e]{4,9}", edits in 1u32..3) {
            let mut terms = Terms::default();
            words.iter().for_each(|w| terms.add(w, Posting::new(0, 0)));
            let letters: Vec<char> = asked.chars().collect();
            let mut truth: Vec<&str> = words.iter().map(String::as_str)
                .filter(|w| *w != asked && distance(&letters, w, edits).is_some()).collect();
            let near = terms.near(&asked, edits);
            let mut found: Vec<&str> = near.iter().map(|(t, _)| terms.text(*t)).collect();
            truth.sort_unstable();
            found.sort_unstable();
            prop_assert_eq!(found, truth);
        }
    }

    #[test]
    fn what_is_purged_is_nowhere() {
        let mut terms = Terms::default();
        terms.add("geheim", Posting::new(1, 0));
        terms.add("beide", Posting::new(1, 0));
        terms.add("beide", Posting::new(2, 0));
        terms.purge(|doc| doc == 1);
        assert!(terms.exact("geheim").is_none() && !terms.contains("geheim"));
        assert_eq!(terms.beginning("ge").count(), 0);
        assert!(terms.near("geheym", 2).is_empty());
        assert_eq!(terms.postings(terms.exact("beide").expect("it stands elsewhere")).len(), 1);
        terms.add("nieuw", Posting::new(3, 0));
        assert_eq!(terms.exact("nieuw"), Some(0), "its number is used again");
    }
}
