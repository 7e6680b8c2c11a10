//! Phrases of `data/hints.csv` and where they stand in a text.

use super::words::Word;
use crate::incidents::Severity;
use std::collections::HashMap;
use std::sync::LazyLock;

/// What a phrase speaks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum For {
    Hit,
    /// What a house cannot do without: only together with what has become of it.
    Thing,
    /// What has become of it.
    Broken,
    /// Who does harm, and how.
    Crime,
    /// What it does.
    Harm,
    /// How far it reaches.
    Scope,
    Own,
    Now,
    Else,
    Incident,
    Press,
    Offer,
    Contact,
    Citizen,
    Junk,
    Question,
    /// A type of incident and the severity that comes with it at first sight.
    Rsit(&'static str, Severity),
}

struct Phrase {
    what: For,
    weight: i32,
    words: Vec<&'static str>,
}

/// Phrases by their first word, or by the first letters of a stem.
struct Phrases {
    by_word: HashMap<&'static str, Vec<Phrase>>,
    by_stem: HashMap<&'static str, Vec<Phrase>>,
}

/// Letters of a stem by which it is looked up: no stem in the table is shorter.
const STEM_LETTERS: usize = 4;
/// After such a word, within so many words, a phrase says the opposite.
const NOT: [&str; 20] = [
    "niet", "geen", "nooit", "niets", "zonder", "noch", "not", "no", "never", "without", "pas", "aucun", "aucune",
    "sans", "jamais", "nicht", "kein", "keine", "keinen", "ohne",
];
const NOT_WORDS: usize = 3;

static PHRASES: LazyLock<Phrases> = LazyLock::new(|| {
    let mut phrases = Phrases { by_word: HashMap::new(), by_stem: HashMap::new() };
    let rows = include_str!("../../data/hints.csv").lines().skip(1);
    for row in rows.filter(|row| !row.trim().is_empty() && !row.starts_with('#')) {
        let mut fields = row.trim_end().splitn(3, ',');
        let mut next = || fields.next().expect("a row has three fields; a test reads them all");
        let (what, weight, words) = (what(next()), next(), next());
        let words: Vec<&'static str> = words.split(' ').collect();
        let phrase = Phrase { what, weight: weight.parse().expect("a weight is a number"), words };
        let first = phrase.words[0];
        match first.strip_suffix('*') {
            Some(stem) => phrases.by_stem.entry(&stem[..STEM_LETTERS]).or_default().push(phrase),
            None => phrases.by_word.entry(first).or_default().push(phrase),
        }
    }
    phrases
});

fn what(name: &'static str) -> For {
    match name {
        "hit" => For::Hit,
        "thing" => For::Thing,
        "broken" => For::Broken,
        "crime" => For::Crime,
        "harm" => For::Harm,
        "scope" => For::Scope,
        "own" => For::Own,
        "now" => For::Now,
        "else" => For::Else,
        "incident" => For::Incident,
        "press" => For::Press,
        "offer" => For::Offer,
        "contact" => For::Contact,
        "citizen" => For::Citizen,
        "junk" => For::Junk,
        "question" => For::Question,
        other => {
            let mut parts = other.strip_prefix("rsit ").expect("the table knows its own names").split(' ');
            let class = parts.next().expect("a type follows");
            let severity = parts.next().and_then(Severity::from_label).expect("a severity follows");
            For::Rsit(class, severity)
        }
    }
}

/// A phrase met in a text.
#[derive(Clone, Debug)]
pub(super) struct Met {
    pub(super) what: For,
    pub(super) weight: i32,
    /// As written.
    pub(super) found: String,
    /// Said of something that is not so.
    pub(super) negated: bool,
    /// Number of its first word.
    at: usize,
    sentence: u32,
}

/// A thing and what has become of it stand so many words apart, at most.
const APART_WORDS_MAX: usize = 8;

/// All phrases in a text, before them what they say together. Each word is looked at with the few phrases that begin with it.
pub(super) fn met(words: &[Word<'_>]) -> Vec<Met> {
    let mut found = Vec::new();
    for at in 0..words.len() {
        let word = words[at].folded.as_str();
        let stems = word.get(..STEM_LETTERS).and_then(|stem| PHRASES.by_stem.get(stem));
        for phrase in PHRASES.by_word.get(word).into_iter().chain(stems).flatten() {
            if let Some(length) = fits(&phrase.words, &words[at..]) {
                found.push(Met {
                    what: phrase.what,
                    weight: phrase.weight,
                    found: words[at..at + length].iter().map(|w| w.written).collect::<Vec<_>>().join(" "),
                    negated: negated(words, at),
                    at,
                    sentence: words[at].sentence,
                });
            }
        }
    }
    let mut all = together(&found);
    all.append(&mut found);
    all
}

/// Hits that are a thing and what has become of it. The phrases come in the order of the text: each looks at its few neighbours.
fn together(found: &[Met]) -> Vec<Met> {
    let near = |one: &Met, other: &Met| {
        other.what == For::Thing && other.sentence == one.sentence && other.at.abs_diff(one.at) <= APART_WORDS_MAX
    };
    let broken = found.iter().enumerate().filter(|(_, one)| one.what == For::Broken && !one.negated);
    let hits = broken.filter(|(n, one)| {
        let reach = |other: &&Met| other.at.abs_diff(one.at) <= APART_WORDS_MAX;
        found[..*n].iter().rev().take_while(reach).chain(found[*n..].iter().take_while(reach)).any(|o| near(one, o))
    });
    hits.map(|(_, one)| Met { what: For::Hit, ..one.clone() }).collect()
}

fn fits(phrase: &[&str], words: &[Word<'_>]) -> Option<usize> {
    if words.len() < phrase.len() || words[phrase.len() - 1].sentence != words[0].sentence {
        return None;
    }
    let same = |(form, word): (&&str, &Word<'_>)| match form.strip_suffix('*') {
        Some(stem) => word.folded.starts_with(stem),
        None => *form == "_" || **form == word.folded,
    };
    phrase.iter().zip(words).all(same).then_some(phrase.len())
}

fn negated(words: &[Word<'_>], at: usize) -> bool {
    let sentence = words[at].sentence;
    let before = words[..at].iter().rev().take(NOT_WORDS).take_while(|w| w.sentence == sentence);
    before.into_iter().any(|w| NOT.contains(&w.folded.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folding::squeezed;
    use crate::hints::words::words;

    #[test]
    fn the_table_that_ships_is_well_formed() {
        let all = PHRASES.by_word.values().chain(PHRASES.by_stem.values()).flatten();
        for phrase in all.clone() {
            assert!((1..=5).contains(&phrase.weight));
            for word in &phrase.words {
                let plain = word.trim_end_matches('*');
                assert!(*word == "_" || squeezed(plain) == plain, "{word} is not folded");
            }
        }
        assert!(all.count() > 300);
    }

    #[test]
    fn phrases_are_met_across_case_stems_and_gaps() {
        let said = words("", "De SERVERS zijn Versleuteld. Bij ons ligt alles plat; er is geen ransomware.");
        let met = met(&said);
        let hits: Vec<_> = met.iter().filter(|m| m.what == For::Hit).map(|m| (m.found.as_str(), m.negated)).collect();
        assert!(hits.contains(&("SERVERS zijn Versleuteld", false)));
        assert!(hits.contains(&("ligt alles plat", false)));
        assert!(hits.contains(&("ransomware", true)));
    }
}
