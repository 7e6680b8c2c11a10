//! A mail of ours, written so that nothing in it can become a header or an address of its own (RFC 5322, 2045, 2047).

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::date;

/// Longest subject or name, in characters.
const TEXT_MAX: usize = 500;
/// Longest address, in bytes.
const ADDRESS_MAX_BYTES: usize = 512;
/// Longest Message-ID that is quoted, in bytes.
const MESSAGE_ID_MAX_BYTES: usize = 500;
/// Message-IDs in `References`: the first, and the newest.
const REFERENCES_MAX: usize = 20;
/// Bytes of UTF-8 in one encoded word: base64 makes 60 characters of them, a word may have 75 (RFC 2047, 2).
const WORD_BYTES: usize = 45;
/// Characters of a line of quoted-printable, without the `=` that joins it to the next.
const LINE_MAX: usize = 75;

/// A mail to write. Every text may be foreign: line ends, control characters and the like are taken out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outgoing {
    /// With or without angle brackets.
    pub message_id: String,
    pub from_name: String,
    pub from: String,
    pub to: String,
    pub subject: String,
    /// Plain text with any line ends.
    pub text: String,
    pub in_reply_to: Vec<String>,
    /// Oldest first.
    pub references: Vec<String>,
    /// Seconds since 1970-01-01 UTC.
    pub date: i64,
    /// Written by the machine as an answer: RFC 3834 marks it so that no machine answers it.
    pub auto_replied: bool,
    /// `nl`, `fr`, `de`, `en`.
    pub language: String,
}

/// Writes the mail: 7-bit, lines of at most 998 characters, CR LF. Only an address beyond ASCII leaves UTF-8 in a
/// header (RFC 6532).
pub fn compose(mail: &Outgoing) -> Vec<u8> {
    let mut out = String::with_capacity(mail.text.len() + 1_024);
    let mut header = |name: &str, value: &str| {
        if !value.is_empty() {
            let _ = write!(out, "{name}: {value}\r\n");
        }
    };
    header("Date", &date::format(mail.date));
    header("From", &mailbox(&mail.from_name, &mail.from));
    header("To", &format!("<{}>", address(&mail.to)));
    header("Message-ID", &message_ids(std::slice::from_ref(&mail.message_id)));
    header("Subject", &unstructured(&mail.subject, "Subject: ".len()));
    header("In-Reply-To", &message_ids(&mail.in_reply_to));
    header("References", &message_ids(&mail.references));
    if mail.auto_replied {
        header("Auto-Submitted", "auto-replied");
        header("X-Auto-Response-Suppress", "All");
    }
    header("MIME-Version", "1.0");
    header("Content-Language", &token(&mail.language));
    header("Content-Type", "text/plain; charset=utf-8");
    header("Content-Transfer-Encoding", "quoted-printable");
    out.push_str("\r\n");
    quoted_printable(&mail.text, &mut out);
    out.into_bytes()
}

/// The address without anything that could end it or start another.
fn address(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars().filter(|&c| !c.is_control() && !c.is_whitespace() && !"<>,;:()[]\\\"".contains(c)) {
        if out.len() + c.len_utf8() > ADDRESS_MAX_BYTES {
            break;
        }
        out.push(c);
    }
    out
}

fn mailbox(name: &str, from: &str) -> String {
    let name = one_line(name);
    let address = address(from);
    if name.is_empty() {
        return format!("<{address}>");
    }
    let plain = name.len() <= 60 && name.chars().all(|c| c.is_ascii_alphanumeric() || c == ' ' || c == '-');
    let name = if plain { name } else { encoded_words(&name) };
    format!("{name}\r\n <{address}>")
}

/// Text of a field: as it is where that is safe on one line, else encoded words.
fn unstructured(text: &str, used: usize) -> String {
    let text = one_line(text);
    let plain =
        text.len() + used <= 78 && text.chars().all(|c| c.is_ascii_graphic() || c == ' ') && !text.contains("=?");
    if plain { text } else { encoded_words(&text) }
}

fn encoded_words(text: &str) -> String {
    let mut words = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let mut end = rest.len().min(WORD_BYTES);
        while !rest.is_char_boundary(end) {
            end -= 1;
        }
        words.push(format!("=?utf-8?B?{}?=", STANDARD.encode(&rest[..end])));
        rest = &rest[end..];
    }
    words.join("\r\n ")
}

fn one_line(text: &str) -> String {
    let line: String =
        text.chars().take(TEXT_MAX).map(|c| if c.is_control() || is_line_end(c) { ' ' } else { c }).collect();
    line.trim().to_owned()
}

fn is_line_end(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}')
}

fn token(text: &str) -> String {
    text.chars().filter(|&c| c.is_ascii_alphanumeric() || c == '-').take(35).collect()
}

/// Well-formed ids only, each on a line of its own.
fn message_ids(ids: &[String]) -> String {
    let lawful: Vec<&str> = ids
        .iter()
        .map(|id| id.trim().trim_start_matches('<').trim_end_matches('>'))
        .filter(|id| {
            let graphic = id.chars().all(|c| !c.is_control() && !c.is_whitespace() && !"<>".contains(c));
            !id.is_empty() && id.len() <= MESSAGE_ID_MAX_BYTES && graphic
        })
        .collect();
    let newest = lawful.len().saturating_sub(REFERENCES_MAX - 1).max(1).min(lawful.len());
    let kept: Vec<String> =
        lawful[..lawful.len().min(1)].iter().chain(&lawful[newest..]).map(|id| format!("<{id}>")).collect();
    kept.join("\r\n ")
}

/// RFC 2045, 6.7, with every line end CR LF and no other control character but tab. A dot or `From ` that starts a line is escaped, so that no server on the
/// way has a reason to touch it.
fn quoted_printable(text: &str, out: &mut String) {
    let text: String = text.replace("\r\n", "\n").replace('\r', "\n");
    let text: String = text.chars().filter(|&c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
    for line in text.trim_end_matches('\n').split('\n') {
        let mut length = 0;
        let bytes = line.as_bytes();
        for (at, &byte) in bytes.iter().enumerate() {
            let starts = at == 0 && (byte == b'.' || line.starts_with("From "));
            let ends = at + 1 == bytes.len() && matches!(byte, b' ' | b'\t');
            let plain = (byte.is_ascii_graphic() && byte != b'=' || matches!(byte, b' ' | b'\t')) && !starts && !ends;
            let width = if plain { 1 } else { 3 };
            if length + width > LINE_MAX {
                out.push_str("=\r\n");
                length = 0;
            }
            // A soft break may have put a dot at the start of a line.
            if plain && !(length == 0 && byte == b'.') {
                out.push(char::from(byte));
                length += 1;
            } else {
                let _ = write!(out, "={byte:02X}");
                length += 3;
            }
        }
        out.push_str("\r\n");
    }
}

#[cfg(test)]
mod tests {
    use mail_parser::MessageParser;
    use proptest::prelude::*;

    use super::*;

    fn outgoing() -> Outgoing {
        Outgoing {
            message_id: "n1@desk.example".into(),
            from_name: "Cyberresponse".into(),
            from: "noreply@desk.example".into(),
            to: "it@diest.example".into(),
            subject: "Ontvangen: M-7KQ4-92XD".into(),
            text: "Dag,\nwij hebben uw melding ontvangen.\n".into(),
            in_reply_to: vec!["<ask@diest.example>".into()],
            references: vec!["<ask@diest.example>".into()],
            date: 1_671_069_845,
            auto_replied: true,
            language: "nl".into(),
        }
    }

    #[test]
    fn an_answer_looks_like_this() {
        let expected = "Date: Thu, 15 Dec 2022 02:04:05 +0000\r\nFrom: Cyberresponse\r\n <noreply@desk.example>\r\n\
            To: <it@diest.example>\r\nMessage-ID: <n1@desk.example>\r\nSubject: Ontvangen: M-7KQ4-92XD\r\n\
            In-Reply-To: <ask@diest.example>\r\nReferences: <ask@diest.example>\r\nAuto-Submitted: auto-replied\r\n\
            X-Auto-Response-Suppress: All\r\nMIME-Version: 1.0\r\nContent-Language: nl\r\n\
            Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
            Dag,\r\nwij hebben uw melding ontvangen.\r\n";
        assert_eq!(String::from_utf8(compose(&outgoing())).unwrap(), expected);
    }

    #[test]
    fn long_threads_keep_their_root_and_their_newest() {
        let references = (0..100).map(|n| format!("<{n}@x.example>")).collect();
        let raw = String::from_utf8(compose(&Outgoing { references, ..outgoing() })).unwrap();
        assert!(
            raw.contains("References: <0@x.example>\r\n <81@x.example>\r\n") && raw.contains(" <99@x.example>\r\n")
        );
    }

    const HEADERS: [&str; 13] = [
        "Date",
        "From",
        "To",
        "Message-ID",
        "Subject",
        "In-Reply-To",
        "References",
        "Auto-Submitted",
        "X-Auto-Response-Suppress",
        "MIME-Version",
        "Content-Language",
        "Content-Type",
        "Content-Transfer-Encoding",
    ];

    /// Every field holds the same foreign text; the mail still has our headers only, and says that text.
    pub(crate) fn holds(text: &str) {
        let mail = Outgoing {
            message_id: text.into(),
            from_name: text.into(),
            from: text.into(),
            to: text.into(),
            subject: text.into(),
            text: text.into(),
            in_reply_to: vec![text.into()],
            references: vec![text.into(), text.into()],
            date: 0,
            auto_replied: true,
            language: text.into(),
        };
        let raw = compose(&mail);
        let whole = String::from_utf8(raw.clone()).unwrap();
        assert!(!whole.replace("\r\n", "").contains(['\r', '\n', '\0']), "{text:?}");
        let (header, body) = whole.split_once("\r\n\r\n").unwrap();
        for line in header.split("\r\n") {
            assert!(line.len() <= 998, "{text:?}: {line}");
            let lawful =
                line.starts_with(' ') || line.split_once(": ").is_some_and(|(name, _)| HEADERS.contains(&name));
            assert!(lawful, "{text:?} made a header: {line}");
        }
        assert!(body.split("\r\n").all(|line| line.len() <= 76 && !line.starts_with('.') && line.is_ascii()));
        let parsed = MessageParser::default().parse(&raw).unwrap();
        assert!(parsed.parts.len() == 1 && parsed.attachment_count() == 0);
        let said = parsed.body_text(0).unwrap().replace("\r\n", "\n");
        let meant = text.replace("\r\n", "\n").replace('\r', "\n");
        assert_eq!(said.trim_end_matches('\n'), meant.trim_end_matches('\n'));
        let subject: String = one_line(text);
        assert_eq!(parsed.subject().unwrap_or_default().trim(), subject.trim(), "{text:?}");
        assert_eq!(parsed.to().map_or(0, |to| to.iter().count()).max(1), 1, "{text:?} made a recipient");
    }

    #[test]
    fn hostile_strings_stay_text() {
        for text in [
            "x\r\nBcc: all@x.example\r\n\r\nbody",
            "a@b.example, c@d.example",
            "=?utf-8?Q?=0D=0ABcc:x?=",
            ".\r\n.\r\nQUIT",
            "From me",
            "é\u{2028}x",
        ] {
            holds(text);
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_a_header(text in "[\\PC\r\n\t. ]{0,200}") {
            holds(&text);
        }
    }
}
