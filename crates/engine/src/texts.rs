//! The words that leave by themselves: receipts, first-hour advice, reply templates. Data, one file a language, no logic inside.

use crate::engine::Engine;
use desk::house::Language;
use desk::ids::Reference;
use desk::outbox::Draft;
use serde::Deserialize;
use std::sync::LazyLock;

/// Longest part of a sender's subject that a receipt repeats, characters: the rest may be anything.
const SUBJECT_CHARS_MAX: usize = 100;

fn receipt_text(language: Language) -> &'static str {
    match language {
        Language::Nl => include_str!("../texts/nl/receipt.txt"),
        Language::En => include_str!("../texts/en/receipt.txt"),
        Language::Fr => include_str!("../texts/fr/receipt.txt"),
        Language::De => include_str!("../texts/de/receipt.txt"),
    }
}

/// First-hour advice to read, print or read aloud: one step a line.
pub fn advice(language: Language) -> &'static str {
    match language {
        Language::Nl => include_str!("../texts/nl/advice.txt"),
        Language::En => include_str!("../texts/en/advice.txt"),
        Language::Fr => include_str!("../texts/fr/advice.txt"),
        Language::De => include_str!("../texts/de/advice.txt"),
    }
}

/// A reply that is written often. `{name}`, `{reference}` and `{board}` are filled in; nothing else happens in it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplyTemplate {
    /// Its name in forms.
    pub id: String,
    /// What the duty officer reads.
    pub title: String,
    /// Subject of the mail.
    pub subject: String,
    /// Text of the mail.
    pub text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Templates {
    reply: Vec<ReplyTemplate>,
}

/// The reply templates of a language (Dutch or English; others get English).
pub fn reply_templates(language: Language) -> &'static [ReplyTemplate] {
    static NL: LazyLock<Vec<ReplyTemplate>> = LazyLock::new(|| parse(include_str!("../texts/nl/replies.toml")));
    static EN: LazyLock<Vec<ReplyTemplate>> = LazyLock::new(|| parse(include_str!("../texts/en/replies.toml")));
    match language {
        Language::Nl => &NL,
        _ => &EN,
    }
}

fn parse(text: &str) -> Vec<ReplyTemplate> {
    toml::from_str::<Templates>(text).expect("the templates that ship are read by a test").reply
}

impl Engine {
    /// The automatic receipt: reference, and what to do in the first hour.
    pub(crate) fn receipt(
        &self,
        to: &str,
        language: Language,
        reference: Reference,
        subject: &str,
        in_reply_to: Vec<String>,
    ) -> Draft {
        let (address, phone) =
            (self.address().unwrap_or_default(), self.peek(|desk| desk.house_phone().map(str::to_owned)));
        let phone_line = phone.map(|p| format!("Tel. {p}")).unwrap_or_default();
        let filled = receipt_text(language)
            .replace("{reference}", &reference.to_string())
            .replace("{address}", &address)
            .replace("{phone_line}", &phone_line);
        let (head, text) = filled.split_once('\n').unwrap_or((&filled, ""));
        let own = head.strip_prefix("Subject:").unwrap_or(head).trim();
        let about = crate::forms::first_words(subject, SUBJECT_CHARS_MAX);
        let subject = if about.is_empty() { own.to_owned() } else { format!("{own}: {about}") };
        self.draft(to, &subject, text.trim_start_matches('\n'), language, in_reply_to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_that_ships_can_be_read() {
        for language in Language::ALL {
            assert!(receipt_text(language).starts_with("Subject:"), "{language:?}");
            assert!(receipt_text(language).contains("{reference}"), "{language:?}");
            assert!(advice(language).lines().filter(|l| !l.trim().is_empty()).count() >= 5, "{language:?}");
            assert!(reply_templates(language).len() >= 5, "{language:?}");
        }
    }
}
