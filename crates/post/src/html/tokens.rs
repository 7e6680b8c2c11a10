//! HTML cut into pieces as a browser would (WHATWG HTML, 13.2.5): one pass, no tree.

use std::borrow::Cow;

use mail_parser::decoders::html::add_html_token;
use memchr::{memchr, memmem};

/// Elements whose content is never shown, and is no markup.
const RAW_TEXT: [&str; 6] = ["script", "style", "title", "template", "iframe", "textarea"];

/// Character references decoded (`&amp;`, `&#8364;`, `&#x20ac;`); what is none stays.
pub(crate) fn decoded(text: &str) -> Cow<'_, str> {
    /// Longest reference that is looked up, in bytes with `&` and `;`.
    const REFERENCE_MAX_BYTES: usize = 34;
    if memchr(b'&', text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr(b'&', rest.as_bytes()) {
        out.push_str(&rest[..at]);
        let head = &rest.as_bytes()[at..rest.len().min(at + REFERENCE_MAX_BYTES)];
        let end = head.iter().skip(1).position(|b| !b.is_ascii_alphanumeric() && *b != b'#').map(|end| end + 1);
        match end.filter(|&end| head[end] == b';') {
            Some(end) => {
                add_html_token(&mut out, &head[..=end], false);
                rest = &rest[at + end + 1..];
            }
            None => {
                out.push('&');
                rest = &rest[at + 1..];
            }
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// A piece of HTML.
pub(super) enum Token<'a> {
    Text(&'a str),
    Start { name: Cow<'a, str>, attributes: &'a str },
    End { name: Cow<'a, str> },
}

/// The pieces of HTML. Comments, declarations and what is inside [`RAW_TEXT`] are left out.
pub(super) struct Tokens<'a> {
    rest: &'a str,
    /// The element whose text is skipped until its end.
    raw: Option<Cow<'a, str>>,
}

impl<'a> Tokens<'a> {
    pub fn of(html: &'a str) -> Self {
        Self { rest: html, raw: None }
    }

    fn skip_raw(&mut self, name: &str) {
        let bytes = self.rest.as_bytes();
        let mut at = 0;
        while let Some(found) = memmem::find(&bytes[at..], b"</") {
            let start = at + found + 2;
            let ends =
                bytes.get(start..start + name.len()).is_some_and(|end| end.eq_ignore_ascii_case(name.as_bytes()));
            if ends && bytes.get(start + name.len()).is_none_or(|b| !b.is_ascii_alphanumeric()) {
                self.rest = &self.rest[start - 2..];
                return;
            }
            at = start;
        }
        self.rest = "";
    }

    fn skip_to(&mut self, from: usize, end: &str) {
        let found = memmem::find(&self.rest.as_bytes()[from..], end.as_bytes());
        self.rest = found.map_or("", |at| &self.rest[from + at + end.len()..]);
    }

    fn tag(&mut self, name_start: usize) -> Token<'a> {
        let rest = self.rest;
        let bytes = rest.as_bytes();
        let name_end = bytes[name_start..]
            .iter()
            .position(|b| b.is_ascii_whitespace() || *b == b'/' || *b == b'>')
            .map_or(bytes.len(), |end| name_start + end);
        let end = tag_end(bytes, name_end);
        let name = lower(&rest[name_start..name_end]);
        self.rest = rest.get(end + 1..).unwrap_or("");
        if name_start == 2 {
            return Token::End { name };
        }
        if RAW_TEXT.contains(&name.as_ref()) {
            self.raw = Some(name.clone());
        }
        Token::Start { name, attributes: &rest[name_end..end] }
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            if let Some(name) = self.raw.take() {
                self.skip_raw(&name);
            }
            let bytes = self.rest.as_bytes();
            match bytes {
                [] => return None,
                [b'<', b'!', b'-', b'-', b'>', ..] => self.rest = &self.rest[5..],
                [b'<', b'!', b'-', b'-', ..] => self.skip_to(4, "-->"),
                [b'<', b'!' | b'?', ..] => self.skip_to(2, ">"),
                [b'<', b'/', letter, ..] if letter.is_ascii_alphabetic() => return Some(self.tag(2)),
                [b'<', b'/', ..] => self.skip_to(2, ">"),
                [b'<', letter, ..] if letter.is_ascii_alphabetic() => return Some(self.tag(1)),
                _ => {
                    let end = memchr(b'<', &bytes[1..]).map_or(bytes.len(), |at| at + 1);
                    // A `<` that starts no tag is a character; what follows may be any length in UTF-8.
                    let (text, rest) = self.rest.split_at(end);
                    self.rest = rest;
                    return Some(Token::Text(text));
                }
            }
        }
    }
}

fn lower(name: &str) -> Cow<'_, str> {
    if name.bytes().any(|b| b.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}

/// The `>` that ends a tag: one inside a quoted value does not.
fn tag_end(bytes: &[u8], from: usize) -> usize {
    let (mut quote, mut after_equals) = (None, false);
    for (at, &byte) in bytes.iter().enumerate().skip(from) {
        match (quote, byte) {
            (Some(open), byte) if byte == open => quote = None,
            (Some(_), _) => {}
            (None, b'>') => return at,
            (None, b'"' | b'\'') if after_equals => quote = Some(byte),
            _ => {}
        }
        after_equals = byte == b'=' || (after_equals && byte.is_ascii_whitespace());
    }
    bytes.len()
}

/// Names and values inside a tag.
pub(super) struct Attributes<'a> {
    rest: &'a str,
}

impl<'a> Attributes<'a> {
    pub fn of(attributes: &'a str) -> Self {
        Self { rest: attributes }
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<(&'a str, &'a str)> {
        let rest = self.rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        if rest.is_empty() {
            return None;
        }
        let name_end = rest
            .char_indices()
            .skip(1)
            .find(|(_, c)| c.is_ascii_whitespace() || matches!(c, '=' | '/'))
            .map_or(rest.len(), |(at, _)| at);
        let (name, after) = rest.split_at(name_end);
        let Some(value) = after.trim_start().strip_prefix('=') else {
            self.rest = after;
            return Some((name, ""));
        };
        let value = value.trim_start();
        let (value, rest) = match value.chars().next() {
            Some(quote @ ('"' | '\'')) => value[1..].split_once(quote).unwrap_or((&value[1..], "")),
            _ => value.split_at(value.find(|c: char| c.is_ascii_whitespace()).unwrap_or(value.len())),
        };
        self.rest = rest;
        Some((name, value))
    }
}
