//! The text of a mail: which parts are it, decoded, cleaned and bounded.

use super::tree::{Encoding, Kind, Node, Tree};
use super::{ReadLimits, reason};
use crate::html;
use crate::scan::{self, clean};
use crate::words;

/// Mails inside the mail whose text is given.
const NESTED_MAX: usize = 20;
/// Links of the HTML that are kept.
const LINKS_MAX: usize = 1_000;

/// Bytes of text that may still be given.
pub(super) struct Budget {
    left: usize,
    /// Whether some text was not given, or not to its end.
    pub cut: bool,
}

impl Budget {
    pub fn new(bytes_max: usize) -> Self {
        Self { left: bytes_max, cut: false }
    }

    /// Cuts a text to what is left, and takes that.
    pub fn spend(&mut self, text: String, most: usize) -> String {
        let (text, whole) = cut(text, most.min(self.left));
        self.cut |= !whole;
        self.left -= text.len();
        text
    }
}

#[derive(Default)]
pub(super) struct Content {
    pub text: String,
    pub html: Option<String>,
    pub links: Vec<String>,
}

/// Text and HTML of the mail itself.
pub(super) fn content(raw: &[u8], tree: &Tree, limits: &ReadLimits, reasons: &mut Vec<&'static str>) -> Content {
    let texts = Texts::gather(raw, tree, 0, limits.text_max.max(limits.html_max) + 1, reasons);
    let mut content = Content::default();
    let (text, whole) = cut(texts.as_text(), limits.text_max);
    if !whole {
        reasons.push(reason::TEXT_CUT);
    }
    content.text = text;
    let markup: Vec<&str> = texts.pieces.iter().filter(|piece| piece.html).map(|piece| piece.text.as_str()).collect();
    if !markup.is_empty() {
        let (markup, whole) = cut(markup.join("\n"), limits.html_max);
        content.links = html::links(&markup, LINKS_MAX);
        if !whole {
            reasons.push(reason::HTML_CUT);
        }
        content.html = Some(html::sanitised(&markup)).filter(|markup| !markup.trim().is_empty());
    }
    content
}

/// The mails inside the mail, one level deep: a few fields and the text.
pub(super) fn nested(raw: &[u8], tree: &Tree, limits: &ReadLimits, budget: &mut Budget) -> Vec<String> {
    let mut found = Vec::new();
    for (number, node) in tree.nodes.iter().enumerate() {
        if found.len() >= NESTED_MAX || budget.left == 0 {
            budget.cut |= node.kind == Kind::Message && node.message_depth == 0;
            continue;
        }
        let text = match node.kind {
            Kind::Message if node.message_depth == 0 => summary(raw, tree, number + 1, limits),
            // Not lawful (RFC 2046, 5.2.1), and done: the mail as an encoded attachment.
            Kind::Leaf if node.message_depth == 0 && node.content_type.main == "message/rfc822" => {
                let inner = decoded(raw, node).0;
                summary(&inner, &Tree::of(&inner, limits), 0, limits)
            }
            _ => continue,
        };
        let text = budget.spend(text, limits.attachment_text_max);
        if !text.trim().is_empty() {
            found.push(text);
        }
    }
    found
}

/// What a mail inside the mail says: a few fields, a blank line, the text.
pub(super) fn summary(raw: &[u8], tree: &Tree, root: usize, limits: &ReadLimits) -> String {
    /// Whom, when and what, and which way it says to have come.
    const FIELDS: [&[u8]; 11] = [
        b"from",
        b"sender",
        b"reply-to",
        b"return-path",
        b"to",
        b"date",
        b"subject",
        b"message-id",
        b"received",
        b"x-originating-ip",
        b"x-sender-ip",
    ];
    /// Of one mail, at most.
    const FIELDS_MAX: usize = 60;
    let Some(node) = tree.nodes.get(root) else { return String::new() };
    let mut out = String::new();
    let fields = scan::fields_within(&raw[node.header.clone()], limits.header_bytes_max);
    for field in fields.filter(|f| FIELDS.contains(&&*f.name.to_ascii_lowercase())).take(FIELDS_MAX) {
        let name = String::from_utf8_lossy(field.name).into_owned();
        out.push_str(&format!("{name}: {}\n", clean(&words::decode(&field.value()), 1_000)));
    }
    out.push('\n');
    out.push_str(&Texts::gather(raw, tree, root, limits.attachment_text_max, &mut Vec::new()).as_text());
    out
}

/// Whether a part is text of its mail and not something that hangs on it.
pub(super) fn is_text(tree: &Tree, number: usize) -> bool {
    let node = &tree.nodes[number];
    let readable =
        node.kind == Kind::Leaf && ["", "text/plain", "text/html"].contains(&node.content_type.main.as_str());
    if !readable || node.disposition.main == "attachment" {
        return false;
    }
    let named = node.disposition.get("filename").is_some() || node.content_type.get("name").is_some();
    let alone = node.parent.is_none_or(|parent| tree.nodes[parent].kind == Kind::Message);
    !named || alone
}

/// One text part, decoded.
struct Piece {
    text: String,
    html: bool,
    /// It says the same as a plain part beside it.
    twin: bool,
}

struct Texts {
    pieces: Vec<Piece>,
}

impl Texts {
    /// The text parts of the mail whose root is `root`.
    fn gather(raw: &[u8], tree: &Tree, root: usize, bytes_max: usize, reasons: &mut Vec<&'static str>) -> Self {
        let depth = tree.nodes.get(root).map_or(0, |node| node.message_depth);
        let mut pieces: Vec<(usize, Piece)> = Vec::new();
        let mut left = bytes_max;
        for number in root..tree.nodes.len() {
            let node = &tree.nodes[number];
            if number > root && node.message_depth == depth && !tree.outwards(number).any(|at| at == root) {
                break;
            }
            if node.message_depth != depth || !is_text(tree, number) || left == 0 {
                continue;
            }
            let text = text_of(raw, node, left, reasons);
            left = left.saturating_sub(text.len());
            pieces.push((number, Piece { text, html: node.content_type.main == "text/html", twin: false }));
        }
        let plain: Vec<usize> = pieces
            .iter()
            .filter(|(_, piece)| !piece.html && !piece.text.trim().is_empty())
            .map(|(number, _)| *number)
            .collect();
        let alternative = |number: usize| {
            tree.outwards(number)
                .skip(1)
                .take_while(|&at| tree.nodes[at].kind == Kind::Multipart)
                .find(|&at| tree.nodes[at].content_type.main == "multipart/alternative")
        };
        let of_plain: Vec<usize> = plain.iter().filter_map(|&number| alternative(number)).collect();
        for (number, piece) in &mut pieces {
            piece.twin = piece.html && alternative(*number).is_some_and(|at| of_plain.contains(&at));
        }
        Self { pieces: pieces.into_iter().map(|(_, piece)| piece).collect() }
    }

    fn as_text(&self) -> String {
        let texts = self.pieces.iter().filter(|piece| !piece.twin).map(|piece| {
            let text = if piece.html { html::html_to_text(&piece.text) } else { piece.text.clone() };
            text.trim_end().to_owned()
        });
        let texts: Vec<String> = texts.filter(|text| !text.is_empty()).collect();
        let mut text = texts.join("\n\n");
        if !text.is_empty() {
            text.push('\n');
        }
        text
    }
}

/// The text of a part: decoded, line feeds only, no other control characters but tab. Of a body that is far longer than
/// `bytes_max` no more is decoded than that takes.
fn text_of(raw: &[u8], node: &Node, bytes_max: usize, reasons: &mut Vec<&'static str>) -> String {
    /// Bytes that an encoding makes of one, line ends included, at most.
    const ENCODED_BYTES: usize = 4;
    let body = &raw[node.body.clone()];
    let head = &body[..body.len().min(bytes_max.saturating_mul(ENCODED_BYTES))];
    if head.len() < body.len() {
        reasons.push(reason::TEXT_CUT);
    }
    let (bytes, clean) = undone(head, node.encoding);
    if !clean {
        reasons.push(reason::ENCODING);
    }
    let (text, known) = words::text_of(&bytes, node.content_type.get("charset").unwrap_or_default());
    // A cut may split a character.
    if !known && head.len() == body.len() {
        reasons.push(reason::CHARSET);
    }
    let flowed = node.content_type.get("format").is_some_and(|format| format.eq_ignore_ascii_case("flowed"));
    let text = readable(&text);
    if flowed && node.content_type.main != "text/html" { unflowed(&text) } else { text }
}

/// A body without its transfer encoding; false when that is broken.
pub(super) fn decoded(raw: &[u8], node: &Node) -> (Vec<u8>, bool) {
    undone(&raw[node.body.clone()], node.encoding)
}

fn undone(body: &[u8], encoding: Encoding) -> (Vec<u8>, bool) {
    match encoding {
        Encoding::Identity => (body.to_vec(), true),
        Encoding::Base64 => words::base64(body),
        Encoding::QuotedPrintable => words::quoted(body, false),
        Encoding::Unknown => (body.to_vec(), false),
    }
}

/// Line feeds for all line ends, and no control characters but those and tabs.
pub(super) fn readable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' => {
                chars.next_if_eq(&'\n');
                out.push('\n');
            }
            '\n' | '\t' => out.push(c),
            '\u{feff}' if out.is_empty() => {}
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

/// Joins the soft line ends of RFC 3676 (without DelSp, which is for scripts without spaces).
fn unflowed(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut joining: Option<usize> = None;
    for line in text.split_inclusive('\n') {
        let text = line.strip_suffix('\n').unwrap_or(line);
        let depth = text.len() - text.trim_start_matches('>').len();
        if joining == Some(depth) {
            out.pop();
            let rest = &text[depth..];
            out.push_str(rest.strip_prefix(' ').unwrap_or(rest));
        } else {
            let rest = &text[depth..];
            out.push_str(&text[..depth]);
            out.push_str(if depth == 0 { rest.strip_prefix(' ').unwrap_or(rest) } else { rest });
        }
        out.push('\n');
        joining = (text.ends_with(' ') && text != "-- ").then_some(depth);
    }
    out
}

/// At most so many bytes, at a character's end; false when something was cut.
pub(super) fn cut(mut text: String, bytes_max: usize) -> (String, bool) {
    if text.len() <= bytes_max {
        return (text, true);
    }
    let mut end = bytes_max;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    (text, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flowed_lines_are_joined_and_quotes_kept_apart() {
        let text = "een \ntwee\n> drie \n> vier\n-- \nnaam\n";
        assert_eq!(unflowed(text), "een twee\n> drie vier\n-- \nnaam\n");
    }

    #[test]
    fn text_has_no_control_characters() {
        assert_eq!(readable("\u{feff}a\0\r\nb\rc\t\u{1b}[31m\u{85}"), "a\nb\nc\t[31m");
    }
}
