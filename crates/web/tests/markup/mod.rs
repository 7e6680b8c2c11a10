//! Reads markup as strictly as our own pages must be: every tag closed, every attribute in double quotes, every sign escaped.

/// Elements that have no end.
const VOID: [&str; 7] = ["meta", "link", "input", "br", "hr", "img", "source"];

/// Elements that hold words and no blocks: a browser would tear them apart.
const PHRASES: [&str; 9] = ["p", "h1", "h2", "h3", "span", "b", "button", "label", "small"];
/// Elements that are blocks.
const BLOCKS: [&str; 16] = [
    "div",
    "form",
    "ul",
    "ol",
    "dl",
    "table",
    "p",
    "h1",
    "h2",
    "h3",
    "pre",
    "blockquote",
    "details",
    "section",
    "fieldset",
    "nav",
];

/// An element.
#[derive(Clone, Debug)]
pub struct Element {
    pub name: String,
    pub attributes: Vec<(String, String)>,
    /// Names of the elements around it.
    pub inside: Vec<String>,
}

impl Element {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    pub fn classes(&self) -> impl Iterator<Item = &str> {
        self.get("class").unwrap_or_default().split_whitespace()
    }
}

/// A page.
#[derive(Debug, Default)]
pub struct Markup {
    pub elements: Vec<Element>,
    /// Its text, tags taken out, not unescaped.
    pub text: String,
}

impl Markup {
    pub fn read(page: &str) -> Result<Markup, String> {
        let mut markup = Markup::default();
        let mut open: Vec<String> = Vec::new();
        let mut rest = page.strip_prefix("<!DOCTYPE html>").unwrap_or(page);
        while let Some(at) = rest.find('<') {
            markup.text.push_str(&rest[..at]);
            if rest[..at].contains('>') {
                return Err(format!("a > that is not escaped: {}", &rest[..at]));
            }
            let end = end_of_tag(&rest[at..]).ok_or("a tag that does not end")?;
            let tag = &rest[at + 1..at + end];
            rest = &rest[at + end + 1..];
            if let Some(name) = tag.strip_prefix('/') {
                match open.pop() {
                    Some(of) if of == name => {}
                    other => return Err(format!("</{name}> closes {other:?}")),
                }
                continue;
            }
            let (name, attributes) = attributes(tag)?;
            if BLOCKS.contains(&name.as_str()) && open.last().is_some_and(|of| PHRASES.contains(&of.as_str())) {
                return Err(format!("a browser closes <{}> before <{name}>", open[open.len() - 1]));
            }
            markup.elements.push(Element { name: name.clone(), attributes, inside: open.clone() });
            // Shapes of SVG may close themselves.
            if !VOID.contains(&name.as_str()) && !tag.ends_with('/') {
                open.push(name);
            }
        }
        markup.text.push_str(rest);
        if open.is_empty() { Ok(markup) } else { Err(format!("not closed: {open:?}")) }
    }
}

fn end_of_tag(tag: &str) -> Option<usize> {
    let mut quoted = false;
    tag.char_indices().find_map(|(at, c)| {
        if c == '"' {
            quoted = !quoted;
        }
        (c == '>' && !quoted).then_some(at)
    })
}

fn attributes(tag: &str) -> Result<(String, Vec<(String, String)>), String> {
    let tag = tag.strip_suffix('/').unwrap_or(tag);
    let (name, mut rest) = tag.split_once(' ').unwrap_or((tag, ""));
    let mut list: Vec<(String, String)> = Vec::new();
    while !rest.trim().is_empty() {
        rest = rest.trim_start();
        let end = rest.find(['=', ' ']).unwrap_or(rest.len());
        let attribute = rest[..end].to_owned();
        rest = &rest[end..];
        let mut value = String::new();
        if let Some(after) = rest.strip_prefix('=') {
            let inner = after.strip_prefix('"').ok_or_else(|| format!("{attribute} is not quoted"))?;
            let end = inner.find('"').ok_or_else(|| format!("{attribute} does not end"))?;
            value = inner[..end].to_owned();
            if value.contains('<') {
                return Err(format!("{attribute} holds a <"));
            }
            rest = &inner[end + 1..];
        }
        if list.iter().any(|(n, _)| *n == attribute) {
            return Err(format!("<{name}> has {attribute} twice"));
        }
        list.push((attribute, value));
    }
    Ok((name.to_owned(), list))
}
