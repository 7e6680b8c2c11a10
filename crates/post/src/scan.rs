//! A first look at a mail's header, before anything is parsed: linear, bounded, and content with any junk.

use memchr::memchr;

use crate::{date, words};

/// Header bytes that are looked at.
pub const SCAN_MAX_BYTES: usize = 256 * 1024;
/// Longest value that is kept, in bytes after unfolding.
const VALUE_MAX_BYTES: usize = 4 * 1024;
/// Longest Message-ID that is kept, in characters (a line of mail has 998).
const MESSAGE_ID_MAX: usize = 998;
/// Longest name, subject or address that is kept, in characters.
const TEXT_MAX: usize = 998;

/// What the header says of itself; nothing of it is proven.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scan {
    /// As written, with its angle brackets where it has them.
    pub message_id: Option<String>,
    /// The whole field `From`, decoded.
    pub from: Option<String>,
    /// The first address in it.
    pub from_address: Option<String>,
    /// Decoded.
    pub subject: Option<String>,
    /// Seconds since 1970-01-01 UTC.
    pub date: Option<i64>,
}

/// Looks at the first [`SCAN_MAX_BYTES`] of the header. Where a field occurs twice, the first counts.
pub fn scan(raw: &[u8]) -> Scan {
    let (mut message_id, mut from, mut subject, mut date) = (None, None, None, None);
    for field in fields(raw) {
        let slot = match field.name.to_ascii_lowercase().as_slice() {
            b"message-id" => &mut message_id,
            b"from" => &mut from,
            b"subject" => &mut subject,
            b"date" => &mut date,
            _ => continue,
        };
        if slot.is_none() {
            *slot = Some(field.value()).filter(|value| !value.is_empty());
        }
    }
    Scan {
        message_id: message_id.as_deref().and_then(message_id_in),
        from_address: from.as_deref().and_then(address_in),
        from: from.map(|value| clean(&words::decode(&value), TEXT_MAX)),
        subject: subject.map(|value| clean(&words::decode(&value), TEXT_MAX)),
        date: date.as_deref().and_then(date::parse),
    }
}

/// One header field, as it stands in the mail.
#[derive(Clone, Copy, Debug)]
pub struct Field<'a> {
    /// Without colon.
    pub name: &'a [u8],
    /// After the colon, still folded, without its last line end.
    pub raw_value: &'a [u8],
    /// The whole field with its line ends.
    pub whole: &'a [u8],
}

impl Field<'_> {
    /// The value unfolded, trimmed and bounded; bytes beyond UTF-8 read as Windows' Latin.
    pub fn value(&self) -> String {
        let cut = &self.raw_value[..self.raw_value.len().min(VALUE_MAX_BYTES)];
        unfolded(cut)
    }
}

/// A header value without its folding; bytes beyond UTF-8 read as Windows' Latin.
pub fn unfolded(raw_value: &[u8]) -> String {
    let bytes: Vec<u8> = raw_value.iter().copied().filter(|&b| b != b'\r' && b != b'\n' && b != 0).collect();
    words::text_of(&bytes, "").0.trim().to_owned()
}

/// The fields of the header at the start of `raw`, at most [`SCAN_MAX_BYTES`] of them. Lines that are no field are
/// skipped; an mbox's `From ` line before the first is, too.
pub fn fields(raw: &[u8]) -> impl Iterator<Item = Field<'_>> {
    fields_within(raw, SCAN_MAX_BYTES)
}

/// As [`fields`], with another bound.
pub fn fields_within(raw: &[u8], bytes_max: usize) -> impl Iterator<Item = Field<'_>> {
    let mut rest = &raw[..header_len(raw, bytes_max)];
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            let mut end = line_len(rest);
            while matches!(rest.get(end), Some(b' ' | b'\t')) {
                end += line_len(&rest[end..]);
            }
            let (whole, after) = rest.split_at(end);
            rest = after;
            if let Some(field) = field_of(whole) {
                return Some(field);
            }
        }
        None
    })
}

fn field_of(whole: &[u8]) -> Option<Field<'_>> {
    let colon = memchr(b':', whole)?;
    let name = whole[..colon].trim_ascii_end();
    let lawful = !name.is_empty() && name.iter().all(|&b| b.is_ascii_graphic());
    lawful.then(|| Field { name, raw_value: whole[colon + 1..].trim_ascii_end(), whole })
}

/// Length of the header with its last line end and without the blank line, at most `bytes_max`.
pub fn header_len(raw: &[u8], bytes_max: usize) -> usize {
    let mut at = 0;
    while at < raw.len() && at < bytes_max {
        let line = line_len(&raw[at..]);
        if matches!(&raw[at..at + line], b"\n" | b"\r\n") {
            return at;
        }
        at += line;
    }
    at.min(bytes_max)
}

/// Length of the first line with its LF; all, where there is none.
pub(crate) fn line_len(bytes: &[u8]) -> usize {
    memchr(b'\n', bytes).map_or(bytes.len(), |lf| lf + 1)
}

/// The first `<…>`, or the whole value where there is none.
pub(crate) fn message_id_in(value: &str) -> Option<String> {
    let id = match (value.find('<'), value) {
        (Some(open), value) => {
            let close = value[open..].find('>').map_or(value.len(), |at| open + at + 1);
            &value[open..close]
        }
        (None, value) => value,
    };
    let id = clean(id, MESSAGE_ID_MAX);
    (!id.is_empty()).then_some(id)
}

/// The first address of an address list, tolerantly: `Name <a@b>`, `a@b (Name)`, `"a, b" <c@d>`.
pub(crate) fn address_in(value: &str) -> Option<String> {
    let plain = without_quotes_and_comments(value);
    let inside = plain.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map(|(address, _)| address);
    let found = inside
        .filter(|address| address.contains('@'))
        .or_else(|| plain.split([' ', '\t', ',', ';', '<', '>', ':']).find(|word| word.contains('@')))?;
    let address = clean(found, TEXT_MAX);
    (address.len() > 2 && !address.contains([' ', '"'])).then_some(address)
}

/// Quoted display names and comments may hold anything, an address of somebody else included.
fn without_quotes_and_comments(value: &str) -> String {
    let (mut quoted, mut escaped, mut depth) = (false, false, 0_usize);
    value
        .chars()
        .filter(|&c| {
            if std::mem::take(&mut escaped) {
                return false;
            }
            match c {
                '\\' if quoted || depth > 0 => {
                    escaped = true;
                    return false;
                }
                '"' if depth == 0 => {
                    quoted = !quoted;
                    return false;
                }
                '(' if !quoted => depth += 1,
                ')' if !quoted && depth > 0 => {
                    depth -= 1;
                    return false;
                }
                _ => {}
            }
            !quoted && depth == 0
        })
        .collect()
}

/// One line of text without control characters, trimmed, of bounded length.
pub(crate) fn clean(text: &str, chars_max: usize) -> String {
    let line: String = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).take(chars_max).collect();
    line.trim().to_owned()
}

/// Fields that each station on the way adds, so that they differ between two copies of one mail (RFC 5321, 4.4;
/// RFC 8601; RFC 8617; what mail boxes and mbox files add).
const TRACE: [&[u8]; 20] = [
    b"received",
    b"return-path",
    b"delivered-to",
    b"x-delivered-to",
    b"x-original-to",
    b"envelope-to",
    b"x-envelope-to",
    b"x-envelope-from",
    b"delivery-date",
    b"authentication-results",
    b"received-spf",
    b"x-received",
    b"arc-seal",
    b"arc-message-signature",
    b"arc-authentication-results",
    b"status",
    b"x-status",
    b"x-keywords",
    b"x-uid",
    b"x-mozilla-status",
];

/// The same of later days: signatures, what filters and the mail systems of large houses write. Apart from the first ones, so that what
/// was formed with those alone can still be formed ([`without_first_trace`]).
const LATER_TRACE: [&[u8]; 22] = [
    b"authentication-results-original",
    b"dkim-signature",
    b"domainkey-signature",
    b"dkim-filter",
    b"x-google-dkim-signature",
    b"x-gm-message-state",
    b"x-google-smtp-source",
    b"x-uidl",
    b"x-forwarded-encrypted",
    b"x-authentication-warning",
    b"x-sender-ip",
    b"x-spamd-bar",
    b"x-scanned-by",
    b"x-spam",
    b"x-virus-scanned",
    b"x-virus-status",
    b"x-amavis-alert",
    b"x-quarantine-id",
    b"x-greylist",
    b"x-eopattributedmessage",
    b"x-eoptenantattributedmessage",
    b"x-originatororg",
];
/// Beginnings of the names of such fields.
const LATER_TRACE_BEGINS: [&[u8]; 13] = [
    b"arc-",
    b"x-spam-",
    b"x-ms-exchange-",
    b"x-ms-publictraffictype",
    b"x-ms-traffictypediagnostic",
    b"x-ms-office365-",
    b"x-forefront",
    b"x-microsoft-",
    b"x-rspamd-",
    b"x-mailscanner-",
    b"x-proofpoint-",
    b"x-ironport-",
    b"x-mozilla-",
];

fn is_later_trace(name: &[u8]) -> bool {
    let later = LATER_TRACE.contains(&name) || LATER_TRACE_BEGINS.iter().any(|begin| name.starts_with(begin));
    later && !TRACE.contains(&name)
}

/// The mail without what its way added, every line end CR LF, exactly one at its end: two copies of one mail are equal.
pub fn without_trace(raw: &[u8]) -> Vec<u8> {
    without(raw, |name| TRACE.contains(&name) || is_later_trace(name))
}

/// The mail as [`without_trace`] gave it while it knew fewer fields: what was kept then is recognised by it. `None`: as it is given now.
pub fn without_first_trace(raw: &[u8]) -> Option<Vec<u8>> {
    let later = fields_within(raw, usize::MAX).any(|field| is_later_trace(&field.name.to_ascii_lowercase()));
    later.then(|| without(raw, |name| TRACE.contains(&name)))
}

fn without(raw: &[u8], is_trace: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len() + raw.len() / 32);
    let body = header_len(raw, usize::MAX);
    let (mut rest, mut skipping, mut first) = (&raw[..body], false, true);
    while !rest.is_empty() {
        let (line, after) = rest.split_at(line_len(rest));
        rest = after;
        if !matches!(line.first(), Some(b' ' | b'\t')) {
            let name = line[..memchr(b':', line).unwrap_or(0)].trim_ascii_end().to_ascii_lowercase();
            skipping = is_trace(&name) || (first && line.starts_with(b"From "));
        }
        first = false;
        if !skipping {
            push_line(&mut out, line);
        }
    }
    let mut rest = &raw[body..];
    while !rest.is_empty() {
        let (line, after) = rest.split_at(line_len(rest));
        push_line(&mut out, line);
        rest = after;
    }
    while out.ends_with(b"\r\n") {
        out.truncate(out.len() - 2);
    }
    out.extend_from_slice(b"\r\n");
    out
}

fn push_line(out: &mut Vec<u8>, line: &[u8]) {
    let text = line.strip_suffix(b"\n").unwrap_or(line);
    out.extend_from_slice(text.strip_suffix(b"\r").unwrap_or(text));
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_header_is_found_under_junk() {
        let raw = b"From MAILER Thu Dec 15 03:04:05 2022\njunk without colon\nfrom: =?utf-8?Q?J=C3=BCrgen?=\r\n\t<J@diest.example>\n\
            SUBJECT : =?utf-8?Q?gehackt?=\r\nMessage-ID:\r\n <a@b.example> (x)\r\nDate: Thu, 15 Dec 2022 03:04:05 +0100\r\n\
            Subject: second\r\n\r\nFrom: nobody\r\n";
        let scan = scan(raw);
        assert_eq!(scan.from.as_deref(), Some("Jürgen\t<J@diest.example>".replace('\t', " ").as_str()));
        assert_eq!(scan.from_address.as_deref(), Some("J@diest.example"));
        assert_eq!(scan.subject.as_deref(), Some("gehackt"));
        assert_eq!(scan.message_id.as_deref(), Some("<a@b.example>"));
        assert_eq!(scan.date, Some(1_671_069_845));
    }

    #[test]
    fn no_header_is_no_scan() {
        for raw in [&b""[..], b"\r\nalleen tekst\r\n", b"\n", b"\0\0\0", b":\r\n:\r\n"] {
            assert_eq!(scan(raw), Scan::default(), "{raw:?}");
        }
    }

    #[test]
    fn an_address_in_a_name_is_not_the_address() {
        for (value, address) in [
            (r#""minister@vlaanderen.example" <x@evil.example>"#, "x@evil.example"),
            ("a@b.example (c@d.example)", "a@b.example"),
            ("a@b.example, c@d.example", "a@b.example"),
            ("Team: a@b.example, c@d.example;", "a@b.example"),
            ("a@b <c@d.example>", "c@d.example"),
        ] {
            assert_eq!(address_in(value).as_deref(), Some(address), "{value}");
        }
        assert_eq!(address_in("nobody"), None);
    }

    #[test]
    fn copies_of_one_mail_are_equal_and_others_are_not() {
        let one = b"From: a@b.example\r\nReceived: was:\r\n\there\r\nSubject: x\r\n\r\ntext\r\n";
        let same = [
            &b"Received: from y\n by z\nReturn-Path: <a@b.example>\nFrom: a@b.example\nSubject: x\n\ntext"[..],
            b"From a@b.example Thu Dec 15 03:04:05 2022\r\nFrom: a@b.example\r\nARC-Seal: i=1\r\nSubject: x\r\n\r\ntext\r\n\r\n",
        ];
        for copy in same {
            assert_eq!(without_trace(one), without_trace(copy));
        }
        assert_ne!(without_trace(one), without_trace(b"From: a@b.example\r\nSubject: x\r\n\r\nReceived: text\r\n"));
        assert_ne!(without_trace(one), without_trace(b"From: a@b.example\r\nSubject: y\r\n\r\ntext\r\n"));
    }

    #[test]
    fn what_filters_and_signers_add_makes_no_other_mail() {
        let one = b"From: a@b.example\r\nX-Mailer: Y\r\nSubject: x\r\n\r\ntext\r\n";
        assert_eq!(without_first_trace(one), None, "nothing that is known since");
        for field in [
            "DKIM-Signature: v=1; a=rsa-sha256;\r\n\tb=abc",
            "X-Spam-Status: No, score=-1",
            "ARC-Seal: i=1",
            "ARC-Whatever: i=2",
            "X-MS-Exchange-Organization-SCL: 1",
            "Authentication-Results: mx.example; dkim=pass",
            "X-Forefront-Antispam-Report: CIP:192.0.2.1",
            "X-Microsoft-Antispam: BCL:0",
        ] {
            let copy = format!("{field}\r\n{}", String::from_utf8_lossy(one));
            assert_eq!(without_trace(copy.as_bytes()), without_trace(one), "{field}");
            if let Some(before) = without_first_trace(copy.as_bytes()) {
                assert_eq!(String::from_utf8_lossy(&before), copy, "as it was formed before");
            }
        }
        for field in
            ["X-Mailer: Z", "X-Priority: 1", "List-Id: <x>", "Reply-To: c@d.example", "X-Originating-IP: 192.0.2.1"]
        {
            let other = format!("{field}\r\n{}", String::from_utf8_lossy(one));
            assert_ne!(without_trace(other.as_bytes()), without_trace(one), "{field}");
        }
    }

    #[test]
    fn endless_headers_are_cut() {
        let raw =
            [b"Subject: early\r\n".to_vec(), b"X: y\r\n".repeat(100_000), b"Message-ID: <late@x>\r\n\r\n".to_vec()]
                .concat();
        let scan = scan(&raw);
        assert_eq!((scan.subject.as_deref(), scan.message_id), (Some("early"), None));
    }

    proptest! {
        #[test]
        fn any_bytes_are_scanned(raw in proptest::collection::vec(prop_oneof![
            Just(b"\r\n".to_vec()), Just(b"From: ".to_vec()), Just(b"Message-ID: <".to_vec()), Just(b"=?utf-8?b?".to_vec()),
            Just(b" ".to_vec()), Just(b"\n".to_vec()), proptest::collection::vec(any::<u8>(), 0..9)], 0..30)) {
            let raw = raw.concat();
            let scan = scan(&raw);
            for text in [scan.message_id, scan.from, scan.from_address, scan.subject].into_iter().flatten() {
                prop_assert!(!text.chars().any(char::is_control));
            }
            let once = without_trace(&raw);
            prop_assert_eq!(without_trace(&once), once);
        }
    }
}
