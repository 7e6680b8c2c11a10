//! HTML of strangers: as text, as a list of what it points to, or sanitised. Nothing here recurses on its depth.

mod sanitise;
mod tokens;

use std::collections::HashSet;

pub use self::sanitise::sanitised;
pub(crate) use self::tokens::decoded;
use self::tokens::{Attributes, Token, Tokens};

/// Longest link that is kept, in bytes.
const LINK_MAX_BYTES: usize = 2_048;

/// The text of HTML as a reader would see it, links written out behind their words.
pub fn html_to_text(html: &str) -> String {
    let mut text = Text::default();
    for token in Tokens::of(html) {
        match token {
            Token::Text(piece) => text.words(&decoded(piece)),
            Token::Start { name, attributes } => text.start(&name, attributes),
            Token::End { name } => text.end(&name),
        }
    }
    text.close_link();
    text.out.trim().to_owned()
}

/// Addresses in any attribute that can hold one, as written, each once.
pub fn links(html: &str, most: usize) -> Vec<String> {
    const HOLDERS: [&str; 13] = [
        "href",
        "src",
        "action",
        "background",
        "formaction",
        "data",
        "poster",
        "cite",
        "srcset",
        "longdesc",
        "xlink:href",
        "lowsrc",
        "content",
    ];
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    for token in Tokens::of(html) {
        let Token::Start { attributes, .. } = token else { continue };
        for (name, value) in Attributes::of(attributes) {
            let value = decoded(value);
            let value: String = value.trim().chars().filter(|c| !c.is_control()).collect();
            let points = HOLDERS.contains(&name.to_ascii_lowercase().as_str())
                && value.contains(':')
                && !value.starts_with("data:")
                && !value.starts_with("cid:");
            // `content` holds anything; only a refresh points somewhere.
            let points =
                points && (!name.eq_ignore_ascii_case("content") || value.to_ascii_lowercase().contains("url="));
            if points && value.len() <= LINK_MAX_BYTES && found.len() < most && seen.insert(value.clone()) {
                found.push(value);
            }
        }
    }
    found
}

const BLOCKS: [&str; 26] = [
    "address",
    "article",
    "aside",
    "blockquote",
    "center",
    "dd",
    "div",
    "dl",
    "dt",
    "fieldset",
    "figure",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hr",
    "ol",
    "p",
    "section",
    "table",
    "ul",
];

#[derive(Default)]
struct Text {
    out: String,
    space: bool,
    preformatted: usize,
    link: Option<(String, usize)>,
    /// A picture inside the link: without words, the address is all that it says.
    link_has_picture: bool,
}

impl Text {
    fn words(&mut self, piece: &str) {
        for c in piece.chars() {
            if self.preformatted > 0 && c == '\n' {
                self.out.push('\n');
            } else if c.is_whitespace() || c.is_control() {
                self.space = true;
            } else {
                if std::mem::take(&mut self.space) && !self.out.ends_with(['\n', '\t']) && !self.out.is_empty() {
                    self.out.push(' ');
                }
                self.out.push(c);
            }
        }
    }

    fn start(&mut self, name: &str, attributes: &str) {
        match name {
            "br" => self.line(),
            "li" => {
                self.fresh_line(1);
                self.out.push_str("- ");
            }
            "tr" => self.fresh_line(1),
            "td" | "th" => self.cell(),
            "pre" => {
                self.fresh_line(1);
                self.preformatted += 1;
            }
            "a" => {
                self.close_link();
                let href = Attributes::of(attributes).find(|(name, _)| name.eq_ignore_ascii_case("href"));
                let href = href.map(|(_, value)| decoded(value).trim().to_owned()).filter(|href| is_link(href));
                self.link = href.map(|href| (href, self.out.len()));
                self.link_has_picture = false;
            }
            "img" => {
                self.link_has_picture = true;
                let alt = Attributes::of(attributes).find(|(name, _)| name.eq_ignore_ascii_case("alt"));
                if let Some((_, alt)) = alt {
                    self.words(&decoded(alt));
                }
            }
            "p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "blockquote" | "table" => self.fresh_line(2),
            name if BLOCKS.contains(&name) => self.fresh_line(1),
            _ => {}
        }
    }

    fn end(&mut self, name: &str) {
        match name {
            "a" => self.close_link(),
            "pre" => {
                self.preformatted = self.preformatted.saturating_sub(1);
                self.fresh_line(1);
            }
            "p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "blockquote" | "table" => self.fresh_line(2),
            "li" | "tr" => self.fresh_line(1),
            name if BLOCKS.contains(&name) => self.fresh_line(1),
            _ => {}
        }
    }

    fn line(&mut self) {
        self.space = false;
        self.out.push('\n');
    }

    /// Ends the line that has been begun, and leaves so many line feeds at most and at least.
    fn fresh_line(&mut self, feeds: usize) {
        self.space = false;
        if self.out.is_empty() {
            return;
        }
        let there = self.out.bytes().rev().take(feeds).take_while(|&b| b == b'\n').count();
        for _ in there..feeds {
            self.out.push('\n');
        }
    }

    fn cell(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with('\n') {
            self.space = false;
            self.out.push('\t');
        }
    }

    fn close_link(&mut self) {
        let Some((href, from)) = self.link.take() else { return };
        let words = self.out.get(from..).unwrap_or_default().trim();
        let bare = href.strip_prefix("mailto:").unwrap_or(&href);
        let tells = if words.is_empty() { self.link_has_picture } else { words != href && words != bare };
        if tells && href.len() <= LINK_MAX_BYTES {
            let href: String = href.chars().filter(|c| !c.is_control()).collect();
            self.words(&format!(" <{href}>"));
        }
    }
}

fn is_link(href: &str) -> bool {
    let scheme = href.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase()).unwrap_or_default();
    ["http", "https", "mailto", "ftp"].contains(&scheme.as_str())
}

#[cfg(test)]
pub(crate) mod tests;
