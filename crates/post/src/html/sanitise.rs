//! HTML that is safe to show.
//!
//! Two steps that have to fail together: a writer of our own that puts out nothing but balanced tags of a short list,
//! bounded in depth, with everything else escaped; then `ammonia` with the same list. The first also keeps a tree
//! builder away from what makes tree builders slow or deep.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use super::tokens::{Attributes, Token, Tokens, decoded};

/// A host is at most this long, bytes (RFC 1035, section 2.3.4), with its port.
const HOST_MAX_BYTES: usize = 261;
/// Elements inside one another; deeper ones lose their tags, not their text.
const DEPTH_MAX: usize = 100;

/// Tags that survive.
pub(super) const TAGS: [&str; 42] = [
    "abbr",
    "b",
    "blockquote",
    "br",
    "caption",
    "center",
    "code",
    "dd",
    "del",
    "div",
    "dl",
    "dt",
    "em",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "ins",
    "li",
    "ol",
    "p",
    "pre",
    "q",
    "s",
    "small",
    "span",
    "strong",
    "sub",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "tr",
    "u",
    "ul",
];
/// Attributes that survive, with their tags.
pub(super) const ATTRIBUTES: [(&str, &[&str]); 3] =
    [("td", &["colspan", "rowspan"]), ("th", &["colspan", "rowspan"]), ("ol", &["start"])];
/// Schemes of links of which is said where they lead.
const SCHEMES: [&str; 2] = ["http", "https"];
/// A link, which leads nowhere here: it is shown as this.
const LINK: &str = "u";
const VOID: [&str; 2] = ["br", "hr"];
/// An end outside of these does not end what is outside of them.
const CELLS: [&str; 2] = ["td", "th"];
const TABLE: [&str; 7] = ["table", "tbody", "thead", "tfoot", "tr", "td", "th"];

/// Safe to show: words, tables and lists, and nothing else. No scripts, forms, styles, pictures, frames or anything that
/// loads. A link leads nowhere, since a tired hand clicks: it is underlined, and says to which host it would have led.
pub fn sanitised(html: &str) -> String {
    SANITISER.clean(&tidy(html)).to_string()
}

static SANITISER: LazyLock<ammonia::Builder<'static>> = LazyLock::new(|| {
    let mut builder = ammonia::Builder::empty();
    let attributes: HashMap<_, _> =
        ATTRIBUTES.iter().map(|(tag, names)| (*tag, names.iter().copied().collect())).collect();
    builder
        .tags(TAGS.into_iter().collect())
        .clean_content_tags(["script", "style"].into_iter().collect())
        .tag_attributes(attributes)
        .generic_attributes(HashSet::new())
        .url_schemes(HashSet::new())
        .url_relative(ammonia::UrlRelative::Deny)
        .strip_comments(true);
    builder
});

/// Balanced tags of [`TAGS`] and escaped text. Linear: ends are found by position, not by search.
pub(super) fn tidy(html: &str) -> String {
    let mut tidy = Tidy {
        out: String::with_capacity(html.len()),
        open: Vec::new(),
        places: HashMap::new(),
        cell: None,
        host: None,
    };
    for token in Tokens::of(html) {
        match token {
            Token::Text(text) => escape(&decoded(text), &mut tidy.out),
            Token::Start { name, attributes } => tidy.start(&name, attributes),
            Token::End { name } => tidy.end(&name),
        }
    }
    tidy.close_from(0);
    tidy.out
}

struct Tidy {
    out: String,
    /// Open elements, outermost first, with the cell that was open before.
    open: Vec<(&'static str, Option<usize>)>,
    /// Where the open elements of a name lie in `open`.
    places: HashMap<&'static str, Vec<usize>>,
    /// The innermost open table cell.
    cell: Option<usize>,
    /// Where the open link would lead.
    host: Option<String>,
}

impl Tidy {
    fn start(&mut self, name: &str, attributes: &str) {
        if name == "a" {
            return self.link(attributes);
        }
        let Some(&tag) = TAGS.iter().find(|tag| **tag == name) else { return };
        if self.open.len() >= DEPTH_MAX {
            return;
        }
        self.out.push('<');
        self.out.push_str(tag);
        for (name, value) in Attributes::of(attributes) {
            self.attribute(tag, &name.to_ascii_lowercase(), &decoded(value));
        }
        self.out.push('>');
        if VOID.contains(&tag) {
            return;
        }
        let place = self.push(tag);
        if CELLS.contains(&tag) {
            self.cell = Some(place);
        }
    }

    fn push(&mut self, tag: &'static str) -> usize {
        let place = self.open.len();
        self.open.push((tag, self.cell));
        self.places.entry(tag).or_default().push(place);
        place
    }

    fn link(&mut self, attributes: &str) {
        // A link inside a link is none to any browser.
        self.end("a");
        if self.open.len() >= DEPTH_MAX {
            return;
        }
        let href = Attributes::of(attributes).find(|(name, _)| name.eq_ignore_ascii_case("href"));
        self.host = href.and_then(|(_, value)| host(&decoded(value)));
        self.push("a");
        self.out.push('<');
        self.out.push_str(LINK);
        self.out.push('>');
    }

    fn attribute(&mut self, tag: &str, name: &str, value: &str) {
        let kept = ATTRIBUTES.iter().any(|(of, names)| *of == tag && names.contains(&name));
        if kept && is_small_number(value) {
            self.out.push(' ');
            self.out.push_str(name);
            self.out.push_str("=\"");
            escape(value.trim(), &mut self.out);
            self.out.push('"');
        }
    }

    fn end(&mut self, name: &str) {
        let Some(&place) = self.places.get(name).and_then(|places| places.last()) else { return };
        if self.cell.is_some_and(|cell| place < cell) && !TABLE.contains(&name) {
            return;
        }
        self.close_from(place);
    }

    fn close_from(&mut self, place: usize) {
        for (tag, cell) in self.open.drain(place..).rev() {
            self.out.push_str("</");
            self.out.push_str(if tag == "a" { LINK } else { tag });
            self.out.push('>');
            if tag == "a"
                && let Some(host) = self.host.take()
            {
                self.out.push_str(" (");
                escape(&host, &mut self.out);
                self.out.push(')');
            }
            self.cell = cell;
            if let Some(places) = self.places.get_mut(tag) {
                places.pop();
            }
        }
    }
}

/// The host to which a link leads, defanged.
fn host(link: &str) -> Option<String> {
    let (scheme, rest) = link.trim().split_once("://")?;
    if !SCHEMES.iter().any(|s| scheme.eq_ignore_ascii_case(s)) {
        return None;
    }
    // A browser takes `\\` for `/`, and what stands before the last `@` for a name and a password.
    let authority = rest.split(['/', '\\', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?;
    let lawful =
        !host.is_empty() && host.len() <= HOST_MAX_BYTES && !host.contains(|c: char| c.is_control() || c == ' ');
    lawful.then(|| host.replace('.', "[.]"))
}

fn is_small_number(value: &str) -> bool {
    (1..=3).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_digit())
}

fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '`' => out.push_str("&#96;"),
            c if c.is_control() && !matches!(c, '\n' | '\t') => {}
            c => out.push(c),
        }
    }
}
