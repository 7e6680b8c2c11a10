//! One plain function for every parser of foreign bytes, for fuzz targets: each must return for any input.

use std::io::Cursor;
use std::sync::Arc;

use crate::door::{Kept, Protocol, Reception};
use crate::read::ReadLimits;
use crate::session::{Action, Budget, Rules, Session};
use crate::{date, words};

/// [`crate::scan::scan`] and [`crate::scan::without_trace`].
pub fn scan(data: &[u8]) {
    let found = crate::scan::scan(data);
    let lines = [found.message_id, found.from, found.from_address, found.subject];
    for line in lines.iter().flatten() {
        assert!(!line.chars().any(char::is_control), "a control character in {line:?}");
    }
    // A line end of one byte becomes one of two, and there is always one at the end.
    assert!(crate::scan::without_trace(data).len() <= 2 * data.len() + 2);
    let fields: usize = crate::scan::fields(data).map(|field| field.whole.len()).sum();
    assert!(fields <= data.len(), "the fields overlap");
}

/// [`crate::read::read`] and the attachments it lists.
pub fn read(data: &[u8]) {
    let limits = ReadLimits::default();
    let reading = crate::read::read(data, &limits);
    for part in reading.attachments.iter().take(5) {
        let found = crate::read::attachment(data, part.index, &limits);
        assert!(
            found.is_some_and(|(again, _)| again.sha256 == part.sha256),
            "an attachment that is listed is not found"
        );
    }
}

/// A report on a mail: a bounce (RFC 3464), a complaint (RFC 5965) or a receipt; `data` is the part that machines read.
pub fn report(data: &[u8]) {
    let Some((&sort, part)) = data.split_first() else { return };
    let (report, media_type) = [
        ("delivery-status", "message/delivery-status"),
        ("feedback-report", "message/feedback-report"),
        ("disposition-notification", "message/disposition-notification"),
        ("delivery-status", "text/rfc822-headers"),
        ("delivery-status", "message/rfc822"),
    ][usize::from(sort) % 5];
    let head = format!(
        "From: <>\r\nContent-Type: multipart/report; report-type={report}; boundary=b\r\n\r\n\
         --b\r\n\r\nNot delivered.\r\n--b\r\nContent-Type: {media_type}\r\n\r\n"
    );
    read(&[head.as_bytes(), part, b"\r\n--b--\r\n"].concat());
}

/// Encoded words, charsets and transfer encodings; the charset is the first line.
pub fn encoded(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    // No charset makes more than four bytes of one.
    let bound = |len: usize| 4 * len + 16;
    assert!(words::decode(&text).len() <= bound(text.len()));
    let (charset, bytes) = text.split_once('\n').unwrap_or_default();
    assert!(words::text_of(bytes.as_bytes(), charset).0.len() <= bound(bytes.len()));
    assert!(words::base64(data).0.len() <= data.len());
    for word in [false, true] {
        assert!(words::quoted(data, word).0.len() <= data.len());
    }
    crate::read::structured(&text);
}

/// Address lists.
pub fn addresses(data: &[u8]) {
    for one in crate::read::addresses(&String::from_utf8_lossy(data)) {
        assert!(!one.address.chars().chain(one.name.chars()).any(char::is_control));
    }
}

/// What a hop says of a sender (RFC 8601): only a field that bears its name is believed.
pub fn authenticity(data: &[u8]) {
    let fields: Vec<String> = String::from_utf8_lossy(data).lines().map(str::to_owned).collect();
    if let Some((field, checks)) = crate::authenticity::results_of(&fields, "mx.example") {
        assert!(field.to_ascii_lowercase().contains("mx.example") || field.contains(['"', '\\', '(']));
        crate::authenticity::standing("a@b.example", &checks);
    }
}

/// Dates: what is read is written, and read again.
pub fn date(data: &[u8]) {
    /// 1900-01-02 and 9999-12-30: what lies outside is of another year in UTC.
    const SURE: std::ops::Range<i64> = -2_208_902_400..253_402_128_000;
    let Some(seconds) = date::parse(&String::from_utf8_lossy(data)) else { return };
    let again = date::parse(&date::format(seconds));
    assert!(again == Some(seconds) || !SURE.contains(&seconds), "{seconds} became {again:?}");
}

/// Names and contents of attachments; the name is the first line.
pub fn attachment(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (name, _) = text.split_once('\n').unwrap_or((&text, ""));
    let bytes = data.iter().position(|b| *b == b'\n').map_or(&[][..], |end| &data[end + 1..]);
    let safe = crate::read::name_of(name, 0, "application/octet-stream");
    assert!(!safe.is_empty() && !safe.contains(['/', '\\']) && !safe.chars().any(char::is_control), "{safe:?}");
    crate::read::suspicious(&safe, "application/octet-stream", bytes);
    crate::read::suspicious(name, name, bytes);
    let limits = ReadLimits::default();
    let (part, _) = crate::read::file(0, name, "application/octet-stream", bytes, &limits);
    assert!(part.text.is_none_or(|text| text.len() <= limits.attachment_text_max));
}

/// An mbox: what comes out of it stood in it.
pub fn mbox(data: &[u8]) {
    let mails = crate::files::mails_of(data.to_vec());
    assert!(mails.iter().map(Vec::len).sum::<usize>() <= data.len());
}

/// A relay that says these bytes while a mail is handed to it.
pub fn relay(data: &[u8]) {
    crate::send::fuzz(Cursor::new(data.to_vec()));
}

/// A whole conversation, in pieces whose size is the first byte.
pub fn session(data: &[u8]) {
    let Some((&piece, talk)) = data.split_first() else { return };
    let protocol = if piece % 2 == 0 { Protocol::Smtp } else { Protocol::Lmtp };
    let in_pieces = converse(protocol, talk, usize::from(piece).max(1));
    let at_once = converse(protocol, talk, talk.len().max(1));
    if let (Some(in_pieces), Some(at_once)) = (in_pieces, at_once) {
        assert!(in_pieces == at_once, "what is kept depends on how the network cuts it");
    }
}

/// What was kept; `None` once TLS began, after which commands that came too early are thrown away.
fn converse(protocol: Protocol, talk: &[u8], piece: usize) -> Option<Vec<Vec<u8>>> {
    let reception =
        Reception { mailboxes: ["a@b.example"].into_iter().collect(), size_max: 64 * 1024, ..Reception::default() };
    let mut session = Session::new(Arc::new(Rules::new(&reception, protocol)), Budget::new(1 << 20), None);
    let (mut kept, mut secured) = (Vec::new(), false);
    'talk: for mut rest in talk.chunks(piece) {
        while !rest.is_empty() {
            let (used, action) = session.take(rest);
            rest = &rest[used..];
            match action {
                Some(Action::Keep(envelope, raw)) => {
                    assert!(!envelope.to.is_empty() && raw.len() <= reception.size_max);
                    kept.push(raw.to_vec());
                    session.kept(&Kept::Kept { reference: "M-1".into() });
                }
                Some(Action::Close) => break 'talk,
                Some(Action::StartTls) => {
                    secured = true;
                    session.secured();
                }
                None => assert!(rest.is_empty(), "input left without a reason"),
            }
        }
        let replies = session.output();
        assert!(replies.is_empty() || replies.ends_with(b"\r\n"));
    }
    (!secured).then_some(kept)
}

/// Text, links and the sanitiser.
pub fn html(data: &[u8]) {
    let html = String::from_utf8_lossy(data);
    crate::html::html_to_text(&html);
    crate::html::links(&html, 100);
    let once = crate::html::sanitised(&html);
    assert!(!once.contains("<script") && !once.contains("<img"));
}

/// A worker process that says these bytes.
pub fn worker(data: &[u8]) {
    crate::worker::fuzz(data);
}
