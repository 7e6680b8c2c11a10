//! Where the parts of a mail begin and end (RFC 2046): one pass over the lines, no recursion, every depth and number
//! bounded. Nothing is decoded here and nothing copied but the fields that describe a part.

use std::ops::Range;

use memchr::memmem;

use super::params::Structured;
use super::{ReadLimits, reason};
use crate::scan::{self, line_len};

/// How a body is written (RFC 2045, 6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    #[default]
    Identity,
    Base64,
    QuotedPrintable,
    /// Named in the mail, known to nobody.
    Unknown,
}

/// What a part is to the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Leaf,
    Multipart,
    /// A whole mail inside the mail, written plainly; its root is the next part.
    Message,
}

/// One part.
#[derive(Clone, Debug)]
pub struct Node {
    pub kind: Kind,
    pub parent: Option<usize>,
    /// The fields, without the blank line.
    pub header: Range<usize>,
    /// Without the line end that belongs to the boundary after it.
    pub body: Range<usize>,
    pub content_type: Structured,
    pub disposition: Structured,
    pub encoding: Encoding,
    /// How many mails it is inside of; 0 for the parts of the mail itself.
    pub message_depth: usize,
}

/// All parts, in the order of the mail; the first is the mail itself.
#[derive(Debug)]
pub struct Tree {
    pub nodes: Vec<Node>,
    /// Which limits were met; keys of [`reason`].
    pub reasons: Vec<&'static str>,
}

impl Tree {
    /// Finds the parts of a mail.
    pub fn of(raw: &[u8], limits: &ReadLimits) -> Self {
        let mut walk = Walk { raw, limits, nodes: Vec::new(), open: Vec::new(), in_header: true, reasons: Vec::new() };
        walk.begin(0, None, 0);
        walk.run();
        Tree { nodes: walk.nodes, reasons: walk.reasons }
    }

    /// The part itself, then what it is inside of, outwards.
    pub fn outwards(&self, node: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(Some(node), |&at| self.nodes[at].parent)
    }
}

/// A multipart that has not ended yet.
struct Open {
    node: usize,
    boundary: Vec<u8>,
}

struct Walk<'a> {
    raw: &'a [u8],
    limits: &'a ReadLimits,
    nodes: Vec<Node>,
    open: Vec<Open>,
    in_header: bool,
    reasons: Vec<&'static str>,
}

impl Walk<'_> {
    fn run(&mut self) {
        let mut at = 0;
        while at < self.raw.len() {
            if !self.in_header {
                at = self.next_mark(at);
                if at == self.raw.len() {
                    break;
                }
            }
            let end = at + line_len(&self.raw[at..]);
            let line = &self.raw[at..end];
            if let Some((open, last)) = self.boundary(line) {
                if !self.turn(at, end, open, last) {
                    return;
                }
            } else if self.in_header && matches!(line, b"\n" | b"\r\n") {
                self.end_header(at, end);
            }
            at = end;
        }
        if self.in_header {
            self.end_header(at, at);
        }
        self.close(0, self.raw.len());
        self.own_up();
    }

    /// The next line that may be a boundary; the end, where there is none.
    fn next_mark(&self, at: usize) -> usize {
        if self.open.is_empty() {
            return self.raw.len();
        }
        // `at` is the start of a line.
        if self.raw[at..].starts_with(b"--") {
            return at;
        }
        memmem::find(&self.raw[at..], b"\n--").map_or(self.raw.len(), |found| at + found + 1)
    }

    /// Which open multipart a line belongs to, innermost first, and whether it ends it.
    fn boundary(&self, line: &[u8]) -> Option<(usize, bool)> {
        let rest = line.strip_prefix(b"--")?.trim_ascii_end();
        self.open.iter().enumerate().rev().find_map(|(number, open)| {
            match rest.strip_prefix(open.boundary.as_slice())? {
                b"" => Some((number, false)),
                tail if tail.starts_with(b"--") => Some((number, true)),
                _ => None,
            }
        })
    }

    /// A boundary line: ends what is open inside, and begins the next part. False when there are too many parts.
    fn turn(&mut self, at: usize, end: usize, open: usize, last: bool) -> bool {
        let before = self.raw[..at].strip_suffix(b"\n").map_or(at, |cut| cut.strip_suffix(b"\r").unwrap_or(cut).len());
        if self.in_header {
            let started = self.nodes.last().map_or(0, |node| node.header.start);
            self.end_header(before.max(started), before.max(started));
        }
        let owner = self.open[open].node;
        self.close(open + usize::from(!last), before);
        self.in_header = false;
        if last {
            return true;
        }
        self.close_children(owner, before);
        if self.nodes.len() >= self.limits.parts_max {
            self.note(reason::PARTS);
            self.close(0, self.raw.len());
            self.own_up();
            return false;
        }
        let depth = self.nodes[owner].message_depth;
        self.begin(end, Some(owner), depth);
        true
    }

    fn begin(&mut self, at: usize, parent: Option<usize>, message_depth: usize) {
        self.nodes.push(Node {
            kind: Kind::Leaf,
            parent,
            header: at..at,
            body: at..self.raw.len(),
            content_type: Structured::default(),
            disposition: Structured::default(),
            encoding: Encoding::Identity,
            message_depth,
        });
        self.in_header = true;
    }

    /// The header of the newest part is complete: decide what it is.
    fn end_header(&mut self, header_end: usize, body_start: usize) {
        self.in_header = false;
        let Some(number) = self.nodes.len().checked_sub(1) else { return };
        let start = self.nodes[number].header.start;
        self.nodes[number].header = start..header_end;
        self.nodes[number].body = body_start..self.raw.len();
        self.describe(number);
        let main = self.nodes[number].content_type.main.clone();
        let plain = self.nodes[number].encoding == Encoding::Identity;
        if main.starts_with("multipart/") {
            self.open_multipart(number);
        } else if matches!(main.as_str(), "message/rfc822" | "message/global" | "message/news") && plain {
            self.open_message(number, body_start);
        }
    }

    fn open_multipart(&mut self, number: usize) {
        let boundary =
            self.nodes[number].content_type.get("boundary").unwrap_or_default().trim_end().as_bytes().to_vec();
        if boundary.is_empty() {
            self.nodes[number].content_type = Structured::parse("text/plain");
            return self.note(reason::STRUCTURE);
        }
        if self.open.len() >= self.limits.multipart_depth_max {
            return self.note(reason::NESTING);
        }
        self.nodes[number].kind = Kind::Multipart;
        self.open.push(Open { node: number, boundary });
    }

    fn open_message(&mut self, number: usize, body_start: usize) {
        let depth = self.nodes[number].message_depth + 1;
        if depth > self.limits.message_depth_max {
            return self.note(reason::NESTING);
        }
        if self.nodes.len() >= self.limits.parts_max {
            return self.note(reason::PARTS);
        }
        self.nodes[number].kind = Kind::Message;
        self.begin(body_start, Some(number), depth);
    }

    /// Reads the fields that describe a part; the first of each name counts.
    fn describe(&mut self, number: usize) {
        let header = self.nodes[number].header.clone();
        if header.len() > self.limits.header_bytes_max {
            self.note(reason::HEADER_SIZE);
        }
        let (mut content_type, mut disposition, mut encoding) = (None, None, None);
        let mut fields = scan::fields_within(&self.raw[header], self.limits.header_bytes_max);
        for field in fields.by_ref().take(self.limits.header_fields_max) {
            let slot = match field.name {
                name if name.eq_ignore_ascii_case(b"content-type") => &mut content_type,
                name if name.eq_ignore_ascii_case(b"content-disposition") => &mut disposition,
                name if name.eq_ignore_ascii_case(b"content-transfer-encoding") => &mut encoding,
                _ => continue,
            };
            if slot.is_none() {
                *slot = Some(field.value());
            }
        }
        if fields.next().is_some() {
            self.note(reason::HEADER_FIELDS);
        }
        let node = &mut self.nodes[number];
        node.content_type = content_type.as_deref().map(Structured::parse).unwrap_or_default();
        node.disposition = disposition.as_deref().map(Structured::parse).unwrap_or_default();
        let name = encoding.as_deref().unwrap_or_default();
        let name = name.split(['(', ';', ' ']).next().unwrap_or_default().to_ascii_lowercase();
        node.encoding = match name.as_str() {
            "" | "7bit" | "8bit" | "binary" => Encoding::Identity,
            "base64" => Encoding::Base64,
            "quoted-printable" => Encoding::QuotedPrintable,
            _ => Encoding::Unknown,
        };
        // A multipart may not be encoded (RFC 2045, 6.4); where it says so, the parts are plain all the same.
        if node.content_type.main.starts_with("multipart/") {
            node.encoding = Encoding::Identity;
        }
    }

    /// Ends the multiparts from this one inwards, and all that is inside of them.
    fn close(&mut self, from: usize, end: usize) {
        if let Some(open) = self.open.get(from) {
            let node = open.node;
            self.open.truncate(from);
            self.close_children(node, end);
            self.end_body(node, end);
        }
    }

    /// Ends every part after this one that is still open. Those that ended before are left as they are; a turn costs a
    /// look at every part, and both are bounded by the number of parts.
    fn close_children(&mut self, node: usize, end: usize) {
        for number in node + 1..self.nodes.len() {
            self.end_body(number, end);
        }
    }

    fn end_body(&mut self, number: usize, end: usize) {
        let body = &mut self.nodes[number].body;
        body.end = body.end.min(end).max(body.start);
    }

    /// A multipart whose boundary never came is a text that nobody may lose.
    fn own_up(&mut self) {
        let parents: Vec<Option<usize>> = self.nodes.iter().map(|node| node.parent).collect();
        for number in 0..self.nodes.len() {
            let childless = parents.get(number + 1).is_none_or(|parent| *parent != Some(number));
            if self.nodes[number].kind == Kind::Multipart && childless {
                self.nodes[number].kind = Kind::Leaf;
                self.nodes[number].content_type = Structured::parse("text/plain");
                self.note(reason::STRUCTURE);
            }
        }
    }

    fn note(&mut self, why: &'static str) {
        if !self.reasons.contains(&why) {
            self.reasons.push(why);
        }
    }
}
