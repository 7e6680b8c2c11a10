//! Reading a mail: what it says, what hangs on it, whether it may be answered.
//!
//! The structure is found by a walk of our own that cannot recurse ([`tree`]); charsets are decoded by `mail-parser`.
//! Whatever a limit cuts off, the rest is still given, with the reason. Meant to run in a worker process
//! ([`crate::worker`]); it is a pure function all the same.

mod address;
mod automatic;
mod body;
mod office;
mod params;
mod parts;
mod tree;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use self::automatic::{Automatic, reads_answers};
use self::body::Budget;
use self::tree::Tree;
use crate::scan::{self, Scan, clean};
use crate::words;

/// Longest value of a header field in a reading, in characters.
const VALUE_MAX: usize = 2_000;
/// `Authentication-Results` fields that are kept.
const AUTHENTICATION_MAX: usize = 10;
/// Message-IDs in `References` and the like.
const IDS_MAX: usize = 100;

/// Why a reading is not complete. Keys, for words in the reader's language.
pub mod reason {
    /// The mail is larger than is read.
    pub const SIZE: &str = "size";
    /// A header is longer than is read.
    pub const HEADER_SIZE: &str = "header-size";
    /// A header has more fields than are read.
    pub const HEADER_FIELDS: &str = "header-fields";
    /// Parts inside parts, or mails inside mails, too deep.
    pub const NESTING: &str = "nesting";
    /// More parts than are read.
    pub const PARTS: &str = "parts";
    /// The parts contradict themselves: no boundary where one is announced.
    pub const STRUCTURE: &str = "structure";
    /// A text in a charset that nobody knows, or that it is not in.
    pub const CHARSET: &str = "charset";
    /// Base64 or quoted-printable that is broken, or an encoding that nobody knows.
    pub const ENCODING: &str = "encoding";
    /// The text is longer than is shown.
    pub const TEXT_CUT: &str = "text-cut";
    /// The HTML is longer than is shown; its text is there.
    pub const HTML_CUT: &str = "html-cut";
    /// The text of an attachment, or of a mail inside the mail, is longer than is read.
    pub const ATTACHMENT_CUT: &str = "attachment-cut";
    /// The process that read it died (memory, CPU time, a fault).
    pub const WORKER_DIED: &str = "worker-died";
    /// The process that read it took too long.
    pub const WORKER_TIMEOUT: &str = "worker-timeout";

    /// All of them, so that a test finds the words that are missing.
    pub const ALL: [&str; 13] = [
        SIZE,
        HEADER_SIZE,
        HEADER_FIELDS,
        NESTING,
        PARTS,
        STRUCTURE,
        CHARSET,
        ENCODING,
        TEXT_CUT,
        HTML_CUT,
        ATTACHMENT_CUT,
        WORKER_DIED,
        WORKER_TIMEOUT,
    ];
}

pub(crate) use self::address::addresses;
pub use self::parts::{name_of, suspicion, suspicious};

/// Reads a structured field; for fuzzing.
pub(crate) fn structured(value: &str) {
    params::Structured::parse(value);
}

/// Bounds of what is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadLimits {
    /// Bytes of the mail.
    pub size_max: usize,
    /// Bytes of one header.
    pub header_bytes_max: usize,
    /// Fields of one header.
    pub header_fields_max: usize,
    /// Parts in all.
    pub parts_max: usize,
    /// Multiparts inside one another.
    pub multipart_depth_max: usize,
    /// Mails inside one another.
    pub message_depth_max: usize,
    /// Bytes of the text that is shown.
    pub text_max: usize,
    /// Bytes of the HTML that is shown.
    pub html_max: usize,
    /// Bytes of the text of one attachment.
    pub attachment_text_max: usize,
    /// Bytes of the texts of all attachments and mails inside the mail.
    pub attachment_texts_max: usize,
}

impl Default for ReadLimits {
    fn default() -> Self {
        Self {
            size_max: 64 * 1024 * 1024,
            header_bytes_max: 256 * 1024,
            header_fields_max: 2_000,
            parts_max: 1_000,
            multipart_depth_max: 50,
            message_depth_max: 20,
            text_max: 1024 * 1024,
            html_max: 1024 * 1024,
            attachment_text_max: 1024 * 1024,
            attachment_texts_max: 2 * 1024 * 1024,
        }
    }
}

/// What a mail says. Texts have no control characters but line feed and tab; lists are bounded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reading {
    /// Keys of [`reason`] why it is not complete; empty when all was read.
    pub complete: Vec<String>,
    /// With angle brackets, as written.
    pub message_id: Option<String>,
    pub from_name: Option<String>,
    pub from_address: Option<String>,
    /// The first address of `Reply-To`.
    pub reply_to: Option<String>,
    /// Decoded; empty when there is none.
    pub subject: String,
    /// Seconds since 1970-01-01 UTC.
    pub date: Option<i64>,
    /// Addresses of `To` and `Cc`.
    pub to: Vec<String>,
    /// With angle brackets.
    pub in_reply_to: Vec<String>,
    /// With angle brackets, oldest first.
    pub references: Vec<String>,
    /// The text as a person would read it: plain parts, and HTML parts that have no plain twin.
    pub text: String,
    /// The HTML parts, already sanitised ([`crate::html::sanitised`]).
    pub html: Option<String>,
    /// Addresses that the HTML names anywhere (links, images, forms), as written.
    pub links: Vec<String>,
    /// The header, decoded, in order.
    pub headers: Vec<(String, String)>,
    /// Mails inside the mail, one level deep, as text.
    pub nested: Vec<String>,
    pub attachments: Vec<Part>,
    pub automatic: Automatic,
    /// Whether RFC 3834 lets a machine answer. The envelope has a say, too: never answer the null sender.
    pub may_answer: bool,
    /// Message-IDs of the mails that a bounce or a feedback report is about, with angle brackets.
    pub returned_message_ids: Vec<String>,
    /// Addresses that a mail did not reach, as a bounce says.
    pub returned_recipients: Vec<String>,
    /// Addresses of which a report says anything else: that the mail is late, that it arrived, that somebody complained.
    pub noted_recipients: Vec<String>,
    /// `Authentication-Results` (RFC 8601), verbatim, newest first. Anybody can write one: trust only your own hop's.
    pub authentication: Vec<String>,
    /// `Content-Language`.
    pub language_hint: Option<String>,
}

/// Something that hangs on a mail.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Part {
    /// Counted from 0; what [`attachment`] takes.
    pub index: u32,
    /// Safe to show and to save under: no path, no control or direction characters, at most 120 characters.
    pub name: String,
    /// As the mail claims, lower case.
    pub media_type: String,
    /// Decoded, in bytes.
    pub size: u64,
    /// Of the decoded bytes, in hex.
    pub sha256: String,
    /// The text of a text-like part.
    pub text: Option<String>,
    /// Why to be careful; a key, see [`suspicion`].
    pub suspicious: Option<String>,
}

impl Part {
    /// A file that came by another way than mail, without its text.
    pub fn unread(index: u32, name: &str, media_type: &str, bytes: &[u8]) -> Self {
        Self {
            index,
            name: name_of(name, index as usize, media_type),
            media_type: media_type.to_owned(),
            size: bytes.len() as u64,
            sha256: parts::hex(&Sha256::digest(bytes)),
            text: None,
            suspicious: suspicious(name, media_type, bytes).map(str::to_owned),
        }
    }
}

impl Reading {
    /// A mail that could not be read: what its header says at a glance, and why there is no more.
    pub fn unread(raw: &[u8], why: &str) -> Self {
        let Scan { message_id, from, from_address, subject, date } = scan::scan(raw);
        let from_name =
            from.as_deref().and_then(|from| address::addresses(from).into_iter().next()).map(|one| one.name);
        Self {
            complete: vec![why.to_owned()],
            message_id,
            from_name: from_name.filter(|name| !name.is_empty()),
            from_address,
            subject: subject.unwrap_or_default(),
            date,
            // Nobody knows what it was: better no answer than one to a machine.
            may_answer: false,
            ..Self::default()
        }
    }
}

/// Reads a mail. Total: whatever the bytes are, something comes back.
pub fn read(raw: &[u8], limits: &ReadLimits) -> Reading {
    let mut reasons = Vec::new();
    let raw = within(raw, limits, &mut reasons);
    let tree = Tree::of(raw, limits);
    reasons.extend_from_slice(&tree.reasons);
    let header = Header::of(raw, limits);
    let mut budget = Budget::new(limits.attachment_texts_max);
    let content = body::content(raw, &tree, limits, &mut reasons);
    let nested = body::nested(raw, &tree, limits, &mut budget);
    let attachments = parts::attachments(raw, &tree, limits, &content.text, &mut budget);
    if budget.cut {
        reasons.push(reason::ATTACHMENT_CUT);
    }
    let judged = automatic::judge(raw, &tree, &header, &content.text);
    let from = header.addresses("from").into_iter().find(|one| !one.address.is_empty());
    let from_name = from.as_ref().map(|from| from.name.clone()).filter(|name| !name.is_empty());
    let mut complete: Vec<String> = Vec::new();
    for why in reasons {
        if !complete.iter().any(|known| known == why) {
            complete.push(why.to_owned());
        }
    }
    Reading {
        complete,
        message_id: header.get("message-id").and_then(scan::message_id_in),
        from_address: from.map(|from| from.address).or_else(|| header.get("from").and_then(scan::address_in)),
        from_name,
        reply_to: header.addresses("reply-to").into_iter().map(|one| one.address).find(|address| !address.is_empty()),
        subject: header.decoded("subject").unwrap_or_default(),
        date: header.get("date").and_then(crate::date::parse),
        to: ["to", "cc"]
            .iter()
            .flat_map(|name| header.addresses(name))
            .map(|one| one.address)
            .filter(|a| !a.is_empty())
            .collect(),
        in_reply_to: header.ids("in-reply-to"),
        references: header.ids("references"),
        text: content.text,
        html: content.html,
        links: content.links,
        nested,
        attachments,
        automatic: judged.automatic,
        may_answer: judged.may_answer,
        returned_message_ids: judged.returned,
        returned_recipients: judged.returned_recipients,
        noted_recipients: judged.noted_recipients,
        authentication: header
            .all("authentication-results")
            .take(AUTHENTICATION_MAX)
            .map(|value| clean(value, VALUE_MAX))
            .collect(),
        language_hint: header.get("content-language").map(|value| clean(value, 35)).filter(|value| !value.is_empty()),
        headers: header.shown(),
    }
}

/// The bytes of one attachment, as [`read`] numbers them.
pub fn attachment(raw: &[u8], index: u32, limits: &ReadLimits) -> Option<(Part, Vec<u8>)> {
    let raw = within(raw, limits, &mut Vec::new());
    let tree = Tree::of(raw, limits);
    parts::one(raw, &tree, index, limits)
}

/// Reads a file that came by another way than mail, the one with this index (from 0): as [`read`] does what hangs on a mail. With it
/// the keys of [`reason`] why it is not complete.
pub fn file(index: u32, name: &str, media_type: &str, bytes: &[u8], limits: &ReadLimits) -> (Part, Vec<String>) {
    let mut budget = Budget::new(limits.attachment_texts_max);
    let text = parts::text_in(name, media_type, "", bytes, limits, &mut budget);
    let part = Part { text, ..Part::unread(index, name, media_type, bytes) };
    (part, budget.cut.then(|| reason::ATTACHMENT_CUT.to_owned()).into_iter().collect())
}

fn within<'a>(raw: &'a [u8], limits: &ReadLimits, reasons: &mut Vec<&'static str>) -> &'a [u8] {
    if raw.len() > limits.size_max {
        reasons.push(reason::SIZE);
    }
    &raw[..raw.len().min(limits.size_max)]
}

/// The fields of the mail's own header, unfolded, names in lower case beside the written ones.
struct Header {
    fields: Vec<(String, String, String)>,
}

impl Header {
    fn of(raw: &[u8], limits: &ReadLimits) -> Self {
        let fields = scan::fields_within(raw, limits.header_bytes_max).take(limits.header_fields_max);
        let name = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
        Self {
            fields: fields
                .map(|field| (name(field.name).to_ascii_lowercase(), name(field.name), scan::unfolded(field.raw_value)))
                .collect(),
        }
    }

    fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.fields.iter().filter(move |(key, ..)| key == name).map(|(_, _, value)| value.as_str())
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.all(name).find(|value| !value.is_empty())
    }

    fn decoded(&self, name: &str) -> Option<String> {
        self.get(name).map(|value| clean(&words::decode(value), VALUE_MAX))
    }

    fn addresses(&self, name: &str) -> Vec<address::Address> {
        self.get(name).map(address::addresses).unwrap_or_default()
    }

    /// All `<…>` of a field.
    fn ids(&self, name: &str) -> Vec<String> {
        let value = self.get(name).unwrap_or_default();
        let pieces = value.split('<').skip(1).filter_map(|piece| piece.split_once('>').map(|(id, _)| id));
        pieces.map(|id| format!("<{}>", clean(id, VALUE_MAX))).filter(|id| id.len() > 2).take(IDS_MAX).collect()
    }

    fn shown(&self) -> Vec<(String, String)> {
        let shown =
            |(_, name, value): &(String, String, String)| (clean(name, 100), clean(&words::decode(value), VALUE_MAX));
        self.fields.iter().map(shown).collect()
    }
}

#[cfg(test)]
mod tests;
