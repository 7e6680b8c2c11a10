//! Was this written by a machine, and may a machine answer it (RFC 3834)?

use serde::{Deserialize, Serialize};

use super::body::decoded;
use super::tree::{Kind, Tree};
use super::{Header, IDS_MAX};
use crate::scan;

/// Bytes of a returned header that are looked at.
const RETURNED_MAX_BYTES: usize = 64 * 1024;

/// Local parts under which mail systems themselves write.
const MAIL_SYSTEMS: [&str; 4] = ["mailer-daemon", "mailerdaemon", "mail-daemon", "postmaster"];

/// Who wrote a mail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Automatic {
    /// A person, as far as one can tell.
    #[default]
    No,
    /// A machine, to a mail of ours: out of office, receipts.
    Reply,
    /// A machine, of its own accord.
    Generated,
    /// A list or a bulk mailing.
    List,
    /// A mail of somebody's could not be delivered (RFC 3464).
    Bounce,
    /// A mail of somebody's is late, and is tried again (RFC 3464, `Action: delayed`).
    Delayed,
    /// A mail of somebody's arrived or was passed on (RFC 3464, `Action: delivered`, `relayed`, `expanded`).
    Delivered,
    /// A mail of somebody's was complained about (RFC 5965).
    Feedback,
}

pub(super) struct Judged {
    pub automatic: Automatic,
    pub may_answer: bool,
    pub returned: Vec<String>,
    pub returned_recipients: Vec<String>,
    pub noted_recipients: Vec<String>,
}

/// Judges by header, structure and, for old bounces, text.
pub(super) fn judge(raw: &[u8], tree: &Tree, header: &Header, text: &str) -> Judged {
    let mut automatic = kind(tree, header);
    let may_answer = automatic == Automatic::No && may_answer(header);
    let (mut returned, mut told) = (Vec::new(), Told::default());
    if matches!(automatic, Automatic::Bounce | Automatic::Feedback) {
        returned = returned_ids(raw, tree, text);
        told = Told::by(raw, tree);
        told.failed.extend(header.get("x-failed-recipients").and_then(scan::address_in));
    }
    if automatic == Automatic::Bounce && told.failed.is_empty() {
        automatic = told.others_are.unwrap_or(automatic);
    }
    told.failed.truncate(IDS_MAX);
    told.others.truncate(IDS_MAX);
    Judged { automatic, may_answer, returned, returned_recipients: told.failed, noted_recipients: told.others }
}

fn kind(tree: &Tree, header: &Header) -> Automatic {
    let root = tree.nodes.first();
    let is_report = root.is_some_and(|node| node.content_type.main == "multipart/report");
    let report = root.and_then(|node| node.content_type.get("report-type")).unwrap_or_default().to_ascii_lowercase();
    let has = |media_types: &[&str]| {
        tree.nodes.iter().any(|node| node.message_depth == 0 && media_types.contains(&node.content_type.main.as_str()))
    };
    if (is_report && report == "feedback-report") || has(&["message/feedback-report"]) {
        return Automatic::Feedback;
    }
    if (is_report && report == "delivery-status") || has(&["message/delivery-status", "message/global-delivery-status"])
    {
        return Automatic::Bounce;
    }
    let null_path = header.get("return-path").is_some_and(|path| path.trim() == "<>");
    if header.get("x-failed-recipients").is_some()
        || (from_mailer_daemon(header) && (null_path || says_undelivered(header)))
    {
        return Automatic::Bounce;
    }
    let submitted = word(header.get("auto-submitted"));
    let precedence = word(header.get("precedence"));
    if (is_report && report == "disposition-notification")
        || submitted == "auto-replied"
        || precedence == "auto_reply"
        || ["x-autoreply", "x-autorespond", "x-autoresponder", "x-auto-reply-from"]
            .iter()
            .any(|name| header.get(name).is_some())
    {
        return Automatic::Reply;
    }
    let lists = [
        "list-id",
        "list-post",
        "list-unsubscribe",
        "list-help",
        "list-owner",
        "list-archive",
        "list-subscribe",
        "mailing-list",
        "x-mailing-list",
    ];
    if ["bulk", "list", "junk"].contains(&precedence.as_str()) || lists.iter().any(|name| header.get(name).is_some()) {
        return Automatic::List;
    }
    if (!submitted.is_empty() && submitted != "no") || is_report {
        return Automatic::Generated;
    }
    Automatic::No
}

/// What keeps an answer back though a person may have written the mail.
fn may_answer(header: &Header) -> bool {
    let suppressed = header
        .get("x-auto-response-suppress")
        .is_some_and(|value| !word(Some(value)).is_empty() && word(Some(value)) != "none");
    let null_path = header.get("return-path").is_some_and(|path| path.trim() == "<>");
    !suppressed && !null_path && !from_mailer_daemon(header) && reads_answers(&sender(header))
}

/// Whether a person may read what is sent to this address: not a mail system, a list's own address or one that says that
/// nobody reads it. `+anything` and quotes around the local part do not hide what it is.
pub fn reads_answers(address: &str) -> bool {
    let address = address.trim().to_lowercase();
    let local = address.rsplit_once('@').map(|(local, _)| local.trim_matches('"')).unwrap_or_default();
    let plain = local.split_once('+').map_or(local, |(plain, _)| plain);
    let machine = [
        "noreply",
        "no-reply",
        "no_reply",
        "donotreply",
        "do-not-reply",
        "do_not_reply",
        "bounce",
        "bounces",
        "listserv",
        "majordomo",
    ]
    .contains(&plain)
        || MAIL_SYSTEMS.contains(&plain)
        || local.starts_with("owner-")
        || local.ends_with("-request")
        || local.ends_with("-bounces");
    !machine && !plain.is_empty()
}

fn sender(header: &Header) -> String {
    header.get("from").and_then(scan::address_in).unwrap_or_default().to_lowercase()
}

fn from_mailer_daemon(header: &Header) -> bool {
    let from = sender(header);
    let local = from.split('@').next().unwrap_or_default();
    MAIL_SYSTEMS.contains(&local)
        || (from.is_empty()
            && header.get("from").is_some_and(|from| from.to_ascii_lowercase().contains("mailer-daemon")))
}

fn says_undelivered(header: &Header) -> bool {
    const WORDS: [&str; 10] = [
        "undeliver",
        "delivery status",
        "delivery failure",
        "failure notice",
        "returned mail",
        "mail delivery",
        "onbestelbaar",
        "unzustellbar",
        "non remis",
        "delivery has failed",
    ];
    let subject = header.decoded("subject").unwrap_or_default().to_lowercase();
    WORDS.iter().any(|word| subject.contains(word))
}

/// The first word of a value, lower case, without parameters.
fn word(value: Option<&str>) -> String {
    value
        .unwrap_or_default()
        .split([';', ',', '(', ' '])
        .find(|word| !word.is_empty())
        .unwrap_or_default()
        .to_ascii_lowercase()
}

/// The Message-IDs of the mails that came back: of the mail inside, of its header, else of what an old bounce quotes.
fn returned_ids(raw: &[u8], tree: &Tree, text: &str) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    for (number, node) in tree.nodes.iter().enumerate().filter(|(_, node)| node.message_depth == 0) {
        let found = match (node.kind, node.content_type.main.as_str()) {
            (Kind::Message, _) => tree
                .nodes
                .get(number + 1)
                .and_then(|inner| scan::scan(&raw[inner.header.start..inner.body.end]).message_id),
            (Kind::Leaf, "text/rfc822-headers" | "message/global-headers" | "message/rfc822") => {
                let bytes = decoded(raw, node).0;
                scan::scan(&bytes[..bytes.len().min(RETURNED_MAX_BYTES)]).message_id
            }
            _ => None,
        };
        ids.extend(found);
    }
    if ids.is_empty() {
        let quoted =
            text.lines().filter(|line| line.get(..11).is_some_and(|name| name.eq_ignore_ascii_case("message-id:")));
        ids.extend(quoted.filter_map(|line| scan::message_id_in(&line[11..])));
    }
    ids.truncate(IDS_MAX);
    ids
}

/// Whom a report is about, and what it says of them.
#[derive(Default)]
struct Told {
    /// Whom the mail did not reach.
    failed: Vec<String>,
    /// Whom anything else is said of: late, delivered, complained.
    others: Vec<String>,
    /// What that is, where it is about delivery. Late goes before delivered: a person may wait for it.
    others_are: Option<Automatic>,
}

impl Told {
    /// `Final-Recipient` and `Original-Recipient` of each recipient with its `Action`, or where that is missing the class of its
    /// `Status` (RFC 3464, 2.3); `Original-Rcpt-To` of a complaint (RFC 5965, 3.2), which is about a mail that did arrive.
    fn by(raw: &[u8], tree: &Tree) -> Self {
        const REPORTS: [&str; 3] =
            ["message/delivery-status", "message/global-delivery-status", "message/feedback-report"];
        let mut told = Self::default();
        let outer = tree.nodes.iter().filter(|node| node.message_depth == 0);
        for node in outer.filter(|node| REPORTS.contains(&node.content_type.main.as_str())) {
            let bytes = decoded(raw, node).0;
            let mut rest = &bytes[..bytes.len().min(RETURNED_MAX_BYTES)];
            // Groups of fields, one for each recipient, with blank lines between them.
            while !rest.is_empty() {
                let group = scan::header_len(rest, rest.len());
                told.group(&rest[..group]);
                rest = &rest[group + scan::line_len(&rest[group..])..];
            }
        }
        told
    }

    fn group(&mut self, fields: &[u8]) {
        let (mut recipients, mut action, mut status) = (Vec::new(), String::new(), String::new());
        for field in scan::fields(fields) {
            let value = field.value();
            match field.name.to_ascii_lowercase().as_slice() {
                // An address type stands before the address: `rfc822; a@b.example`.
                b"final-recipient" | b"original-recipient" => {
                    recipients.extend(scan::address_in(value.split_once(';').map_or(&*value, |(_, address)| address)));
                }
                b"original-rcpt-to" => recipients.extend(scan::address_in(&value)),
                b"action" => action = word(Some(&value)),
                b"status" => status = value,
                _ => {}
            }
        }
        let is = match (action.as_str(), status.as_bytes().first()) {
            ("failed", _) => Some(Automatic::Bounce),
            ("delayed", _) => Some(Automatic::Delayed),
            ("delivered" | "relayed" | "expanded", _) => Some(Automatic::Delivered),
            (_, Some(b'5')) => Some(Automatic::Bounce),
            (_, Some(b'4')) => Some(Automatic::Delayed),
            (_, Some(b'2')) => Some(Automatic::Delivered),
            _ => None,
        };
        if is == Some(Automatic::Bounce) {
            self.failed.append(&mut recipients);
        } else if !recipients.is_empty() {
            self.others.append(&mut recipients);
            self.others_are = if self.others_are == Some(Automatic::Delayed) { self.others_are } else { is };
        }
    }
}
