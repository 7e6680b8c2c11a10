//! A text as words with their places, and without what was quoted.

use crate::folding::{WORD_CHARS_MAX, fold_char};

/// Characters of a text that are judged: nobody hides "we are being attacked" behind a hundred pages.
pub(super) const CHARS_MAX: usize = 20_000;

/// Characters of a subject that are judged.
const SUBJECT_CHARS_MAX: usize = 500;

/// A word of a text.
#[derive(Clone, Debug)]
pub(super) struct Word<'a> {
    /// Without case and accents.
    pub(super) folded: String,
    /// As written.
    pub(super) written: &'a str,
    /// Number of its line.
    pub(super) line: u32,
    /// Number of its sentence.
    pub(super) sentence: u32,
}

impl Word<'_> {
    /// Whether it begins with a capital letter.
    pub(super) fn is_capital(&self) -> bool {
        self.written.chars().next().is_some_and(char::is_uppercase)
    }
}

/// The words of a text, in order. Subject first, when there is one: it is line 0.
pub(super) fn words<'a>(subject: &'a str, text: &'a str) -> Vec<Word<'a>> {
    let mut words = Vec::new();
    let mut sentence = 0;
    let end = subject.char_indices().nth(SUBJECT_CHARS_MAX).map_or(subject.len(), |(at, _)| at);
    for (n, line) in std::iter::once(&subject[..end]).chain(text.lines()).enumerate() {
        let line_number = u32::try_from(n).unwrap_or(u32::MAX);
        // Lines of one paragraph are one sentence, until a sign ends it; an empty line always does.
        if line.trim().is_empty() || n <= 1 {
            sentence += 1;
        }
        of_line(line, line_number, &mut sentence, &mut words);
    }
    words
}

fn of_line<'a>(line: &'a str, number: u32, sentence: &mut u32, words: &mut Vec<Word<'a>>) {
    let mut from = None;
    let mut signs = line.char_indices().peekable();
    while let Some((at, c)) = signs.next() {
        if c.is_alphanumeric() || matches!(c, '\u{300}'..='\u{36f}' | '\u{ad}') {
            from = from.or(Some(at));
            continue;
        }
        push(line, from.take(), at, number, *sentence, words);
        let ends = matches!(c, '.' | '!' | '?' | ';') && signs.peek().is_none_or(|(_, next)| next.is_whitespace());
        if ends {
            *sentence += 1;
        }
    }
    push(line, from, line.len(), number, *sentence, words);
}

fn push<'a>(line: &'a str, from: Option<usize>, to: usize, number: u32, sentence: u32, words: &mut Vec<Word<'a>>) {
    let Some(from) = from else { return };
    let written = &line[from..to];
    if written.len() > WORD_CHARS_MAX * 4 {
        return;
    }
    let mut folded = String::with_capacity(written.len());
    written.chars().for_each(|c| fold_char(c, &mut folded));
    words.push(Word { folded, written, line: number, sentence });
}

/// Beginnings of a line after which everything is quoted.
const QUOTED_AFTER: [&str; 14] = [
    "-----oorspronkelijk bericht",
    "-----original message",
    "-----message d'origine",
    "-----ursprüngliche nachricht",
    "---------- forwarded message",
    "---------- doorgestuurd bericht",
    "________________________________",
    "van: ",
    "from: ",
    "de : ",
    "von: ",
    "begin forwarded message",
    "verzonden: ",
    "sent: ",
];

/// What the writer wrote, without what was quoted below or between; at most [`CHARS_MAX`] characters.
pub(super) fn fresh(text: &str) -> String {
    let mut fresh = String::new();
    let mut left = CHARS_MAX;
    let mut own_words = false;
    for line in text.lines() {
        let trimmed = line.trim_start();
        if trimmed.starts_with('>') {
            continue;
        }
        let lower = trimmed.chars().take(40).collect::<String>().to_lowercase();
        let begins = ["op ", "on ", "le ", "am "].iter().any(|w| lower.starts_with(w));
        let wrote = begins
            && trimmed.trim_end().ends_with(':')
            && [" schreef", " wrote", " a écrit", " schrieb"].iter().any(|w| trimmed.contains(w));
        // A quoted head begins below something: a message that is nothing but a forward is read whole.
        let quotes = wrote || QUOTED_AFTER.iter().any(|q| lower.starts_with(q));
        if quotes && own_words {
            break;
        }
        own_words |= !quotes && !trimmed.is_empty();
        let length = line.chars().count();
        if length > left {
            fresh.extend(line.chars().take(left));
            break;
        }
        left -= length;
        fresh.push_str(line);
        fresh.push('\n');
    }
    fresh
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_quoted_is_not_what_was_written() {
        let text =
            "Bedankt, de servers werken weer.\n\nOp wo 14 dec 2022 om 03:04 schreef Cyberresponse:\n> alles ligt plat";
        assert_eq!(fresh(text), "Bedankt, de servers werken weer.\n\n");
        let forward = "-----Oorspronkelijk bericht-----\nVan: x\nalles ligt plat";
        assert!(fresh(forward).contains("alles ligt plat"), "a bare forward is read whole");
    }

    #[test]
    fn words_know_line_and_sentence() {
        let words = words("Hulp", "Alles plat. Bel\nons!\n\nGroeten");
        let seen: Vec<_> = words.iter().map(|w| (w.folded.as_str(), w.line, w.sentence)).collect();
        assert_eq!(
            seen,
            [("hulp", 0, 1), ("alles", 1, 2), ("plat", 1, 2), ("bel", 1, 3), ("ons", 2, 3), ("groeten", 4, 5)]
        );
    }
}
