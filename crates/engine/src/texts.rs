//! The words that leave by themselves: receipts, first-hour advice, reply templates. Data, one file a language, no logic inside.

use crate::engine::Engine;
use desk::house::Language;
use desk::ids::Reference;
use desk::outbox::Draft;
use serde::Deserialize;
use std::sync::LazyLock;

fn phone_line(language: Language) -> &'static str {
    match language {
        Language::Nl => include_str!("../texts/nl/phone-line.txt"),
        Language::En => include_str!("../texts/en/phone-line.txt"),
        Language::Fr => include_str!("../texts/fr/phone-line.txt"),
        Language::De => include_str!("../texts/de/phone-line.txt"),
    }
}

fn receipt_text(language: Language) -> &'static str {
    match language {
        Language::Nl => include_str!("../texts/nl/receipt.txt"),
        Language::En => include_str!("../texts/en/receipt.txt"),
        Language::Fr => include_str!("../texts/fr/receipt.txt"),
        Language::De => include_str!("../texts/de/receipt.txt"),
    }
}

/// The receipt before anything is filled in. Without a phone number its line goes, and "do this at once" follows.
fn receipt_with(language: Language, phone: Option<&str>) -> String {
    let line = phone.map(|_| phone_line(language)).unwrap_or_default();
    receipt_text(language).replace("{phone_line}\n", line)
}

/// First-hour advice to read, print or read aloud.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
    /// A heading.
    Heading(&'static str),
    /// A step: its title, and the rest.
    Step(&'static str, &'static str),
    /// Not yet.
    NotYet(&'static str),
}

/// First-hour advice in a language, in order.
pub fn advice(language: Language) -> impl Iterator<Item = Advice> {
    let text = match language {
        Language::Nl => include_str!("../texts/nl/advice.txt"),
        Language::En => include_str!("../texts/en/advice.txt"),
        Language::Fr => include_str!("../texts/fr/advice.txt"),
        Language::De => include_str!("../texts/de/advice.txt"),
    };
    text.lines().map(str::trim).filter(|l| !l.is_empty()).map(|line| match line.split_once(' ') {
        Some(("#", heading)) => Advice::Heading(heading),
        Some(("-", what)) => Advice::NotYet(what),
        Some((_, step)) => match step.split_once(". ") {
            Some((title, rest)) => Advice::Step(title, rest),
            None => Advice::Step(step, ""),
        },
        None => Advice::Step(line, ""),
    })
}

/// A reply that is written often. `{name}`, `{reference}`, `{board}` and `{phone}` are filled in; nothing else happens in it.
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
    unknown: std::collections::BTreeMap<String, String>,
    reply: Vec<ReplyTemplate>,
}

fn templates(language: Language) -> &'static Templates {
    static NL: LazyLock<Templates> = LazyLock::new(|| parse(include_str!("../texts/nl/replies.toml")));
    static EN: LazyLock<Templates> = LazyLock::new(|| parse(include_str!("../texts/en/replies.toml")));
    match language {
        Language::Nl => &NL,
        _ => &EN,
    }
}

fn parse(text: &str) -> Templates {
    toml::from_str(text).expect("the templates that ship are read by a test")
}

/// The reply templates of a language (Dutch or English; others get English).
pub fn reply_templates(language: Language) -> &'static [ReplyTemplate] {
    &templates(language).reply
}

/// A template's text or subject with what is known filled in: pairs of placeholder and value, `None` where it is not known.
/// One pass over the template, so that a value is never read as a placeholder.
pub fn fill(template: &str, language: Language, values: &[(&str, Option<&str>)]) -> String {
    let unknown = &templates(language).unknown;
    let mut filled = String::with_capacity(template.len() + 64);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let known = after.split_once('}').and_then(|(name, tail)| {
            let (_, value) = values.iter().find(|(n, _)| *n == name)?;
            Some((value.or(unknown.get(name).map(String::as_str)).unwrap_or_default(), tail))
        });
        match known {
            Some((value, tail)) => {
                filled.push_str(value);
                rest = tail;
            }
            None => {
                filled.push('{');
                rest = after;
            }
        }
    }
    filled.push_str(rest);
    let lines: Vec<&str> = filled.lines().map(str::trim_end).collect();
    lines.join("\n").trim_end().to_owned()
}

impl Engine {
    /// The automatic receipt: reference, and what to do in the first hour. `None` for an address that no person reads, and for our own.
    pub(crate) fn receipt(
        &self,
        to: &str,
        language: Language,
        reference: Reference,
        in_reply_to: Vec<String>,
    ) -> Option<Draft> {
        let ours = post::door::Mailboxes::from_iter(self.address());
        if !to.contains('@') || !post::read::reads_answers(to) || ours.take(to) {
            return None;
        }
        let (address, phone) =
            (self.address().unwrap_or_default(), self.peek(|desk| desk.house_phone().map(str::to_owned)));
        let reference = reference.to_string();
        let values =
            [("reference", Some(reference.as_str())), ("address", Some(&*address)), ("phone", phone.as_deref())];
        let filled = fill(&receipt_with(language, phone.as_deref()), language, &values);
        let (head, text) = filled.split_once('\n').unwrap_or((&filled, ""));
        let subject = head.strip_prefix("Subject:").unwrap_or(head).trim();
        Some(self.draft(to, subject, text.trim_start_matches('\n'), language, in_reply_to))
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
            let steps = advice(language).filter(|a| matches!(a, Advice::Step(title, _) if !title.is_empty())).count();
            assert!(steps >= 5, "{language:?}: {steps} steps");
            assert!(reply_templates(language).len() >= 5, "{language:?}");
        }
    }

    #[test]
    fn a_receipt_reads_right_with_and_without_a_phone_number() {
        for language in Language::ALL {
            let (with, without) = (receipt_with(language, Some("1")), receipt_with(language, None));
            assert!(with.contains(phone_line(language).trim_end()), "{language:?}");
            for text in [with, without] {
                assert!(!text.contains("\n\n\n") && !text.contains("phone_line"), "{language:?}: {text}");
            }
        }
    }

    #[test]
    fn a_value_is_never_read_as_a_placeholder() {
        let values = [("name", Some("{reference}")), ("reference", Some("M-7KQ4-92XD")), ("board", None)];
        let text = "Dag {name}\n{board}: {reference} {other} {";
        assert_eq!(fill(text, Language::Nl, &values), "Dag {reference}\nuw bestuur: M-7KQ4-92XD {other} {");
    }
}
