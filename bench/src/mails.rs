//! Mails that are sent: read from a folder once, ready for the wire, a new Message-ID each time.

use crate::failure::{Failure, Tried};
use std::path::Path;

/// Recipient of every mail: the desk's one address.
pub const MAILBOX: &str = "cyberresponse@vlaanderen.example";
/// Envelope sender of a mail whose `From` cannot be used.
const NOBODY: &str = "afzender@example.org";

/// A mail as it goes over the wire, but for its Message-ID.
#[derive(Clone, Debug)]
pub struct Mail {
    /// The file's name.
    pub name: String,
    /// Envelope sender.
    pub from: String,
    /// Everything behind the Message-ID, dot-stuffed, with the final dot.
    rest: Vec<u8>,
    /// Bytes of the message without dot-stuffing and Message-ID.
    size: usize,
}

impl Mail {
    /// From raw bytes with any line ends; an mbox separator and the Message-ID are dropped.
    pub fn new(name: &str, raw: &[u8]) -> Mail {
        let lines = with_crlf(without_separator(raw));
        let message = without_message_id(&lines);
        let from = sender(&message).unwrap_or_else(|| NOBODY.to_owned());
        Mail { name: name.to_owned(), from, size: message.len(), rest: stuffed(&message) }
    }

    /// The same mail from another sender: `From` is written anew, a `Reply-To` and `Sender` go.
    pub fn from_sender(name: &str, raw: &[u8], from: &str) -> Mail {
        let lines = with_crlf(without_separator(raw));
        let dropped = without_fields(&without_message_id(&lines), &["from", "reply-to", "sender"]);
        Mail::new(name, &[format!("From: {from}\r\n").as_bytes(), &dropped].concat())
    }

    /// Appends the whole content for DATA to `out`.
    pub fn write(&self, message_id: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(b"Message-ID: <");
        out.extend_from_slice(message_id.as_bytes());
        out.extend_from_slice(b">\r\n");
        out.extend_from_slice(&self.rest);
    }

    /// Bytes of the message with such a Message-ID, as the desk keeps it.
    pub fn size(&self, message_id: &str) -> usize {
        "Message-ID: <>\r\n".len() + message_id.len() + self.size
    }
}

/// All `.eml` files of a folder, by name.
pub fn load(folder: &Path) -> Result<Vec<Mail>, Failure> {
    Ok(raw_files(folder)?.iter().map(|(name, raw)| Mail::new(name, raw)).collect())
}

/// Name and bytes of all `.eml` files of a folder, by name.
pub fn raw_files(folder: &Path) -> Result<Vec<(String, Vec<u8>)>, Failure> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).at(folder)? {
        let path = entry.at(folder)?.path();
        if path.extension().is_some_and(|e| e == "eml") {
            paths.push(path);
        }
    }
    paths.sort();
    if paths.is_empty() {
        return Err(Failure::usage(format!("{}: no .eml files", folder.display())));
    }
    let read = |path: &std::path::PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok((name, std::fs::read(path).at(path)?))
    };
    paths.iter().map(read).collect()
}

fn without_separator(raw: &[u8]) -> &[u8] {
    match (raw.starts_with(b"From "), raw.iter().position(|b| *b == b'\n')) {
        (true, Some(end)) => &raw[end + 1..],
        _ => raw,
    }
}

/// With CRLF at each line end, the last one too. A lone CR becomes one as well: SMTP has no other (RFC 5321, 2.3.8).
fn with_crlf(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len() + raw.len() / 40 + 2);
    let mut after_cr = false;
    for &byte in raw {
        match byte {
            b'\n' if after_cr => {}
            b'\n' | b'\r' => out.extend_from_slice(b"\r\n"),
            other => out.push(other),
        }
        after_cr = byte == b'\r';
    }
    if !out.ends_with(b"\r\n") {
        out.extend_from_slice(b"\r\n");
    }
    out
}

fn without_message_id(lines: &[u8]) -> Vec<u8> {
    without_fields(lines, &["message-id"])
}

/// Without these header fields and their continuation lines.
fn without_fields(lines: &[u8], names: &[&str]) -> Vec<u8> {
    let mut out = Vec::with_capacity(lines.len());
    let (mut in_head, mut dropping) = (true, false);
    for line in lines.split_inclusive(|b| *b == b'\n') {
        if in_head {
            let folded = line.starts_with(b" ") || line.starts_with(b"\t");
            in_head = line != b"\r\n";
            dropping = in_head && if folded { dropping } else { names.iter().any(|n| is_field(line, n)) };
        }
        if !dropping {
            out.extend_from_slice(line);
        }
    }
    out
}

fn is_field(line: &[u8], name: &str) -> bool {
    let colon = line.iter().position(|b| *b == b':').unwrap_or(0);
    line[..colon].trim_ascii_end().eq_ignore_ascii_case(name.as_bytes())
}

/// The address in `From`, when it is a plain one.
fn sender(message: &[u8]) -> Option<String> {
    let line = message.split(|b| *b == b'\n').take_while(|l| *l != b"\r").find(|l| is_field(l, "from"))?;
    let text = std::str::from_utf8(line).ok()?.split_once(':')?.1.trim();
    let address = match text.rsplit_once('<') {
        Some((_, angle)) => angle.split_once('>')?.0,
        None => text,
    };
    let (local, domain) = address.split_once('@')?;
    let plain = |part: &str, more: &str| {
        !part.is_empty()
            && part.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
            && !part.starts_with('.')
    };
    (plain(local, "._+-") && plain(domain, ".-")).then(|| address.to_owned())
}

/// RFC 5321, 4.5.2: a line that begins with a dot gets another one; then the line with one dot.
fn stuffed(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len() + 16);
    for line in message.split_inclusive(|b| *b == b'\n') {
        if line.starts_with(b".") {
            out.push(b'.');
        }
        out.extend_from_slice(line);
    }
    out.extend_from_slice(b".\r\n");
    out
}

/// Undoes [`stuffed`] for one line.
pub fn unstuffed(line: &[u8]) -> &[u8] {
    line.strip_prefix(b".").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn wire(mail: &Mail, id: &str) -> String {
        let mut out = Vec::new();
        mail.write(id, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_mail_goes_out_with_a_new_message_id_and_no_bare_line_ends() {
        let raw =
            b"From x@y Sat\nFrom: A <a@b.example>\nMessage-Id:\n <old@x>\nSubject: s\n\nMessage-ID: body\n.\n..x\nend";
        let mail = Mail::new("a.eml", raw);
        assert_eq!(mail.from, "a@b.example");
        let out = wire(&mail, "new@z");
        assert_eq!(
            out,
            "Message-ID: <new@z>\r\nFrom: A <a@b.example>\r\nSubject: s\r\n\r\nMessage-ID: body\r\n..\r\n...x\r\nend\r\n.\r\n"
        );
        // Two stuffed dots and the line with the final one are no part of the message.
        assert_eq!(mail.size("new@z"), out.len() - 2 - 3);
    }

    #[test]
    fn another_sender_replaces_all_that_say_who_wrote() {
        let raw = b"Reply-To: r@x.example\nFrom: A\n <a@b.example>\nSender: s@x.example\nSubject: s\n\nFrom: body\n";
        let out = wire(&Mail::from_sender("a", raw, "it@stad1.example"), "n@z");
        assert_eq!(out, "Message-ID: <n@z>\r\nFrom: it@stad1.example\r\nSubject: s\r\n\r\nFrom: body\r\n.\r\n");
    }

    #[test]
    fn a_sender_that_cannot_stand_in_an_envelope_is_not_taken() {
        for from in ["\"a b\"@c.example", "a@b@c", "a@[127.0.0.1]", "undisclosed", "<>", "a@b.example>\r\nRCPT"] {
            assert_eq!(Mail::new("a", format!("From: {from}\r\n\r\nx").as_bytes()).from, NOBODY, "{from}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_sent_ends_at_the_final_dot_and_arrives_whole(raw in "[ab.\r\n:]{0,60}") {
            let message = with_crlf(raw.as_bytes());
            let out = stuffed(&message);
            let lines: Vec<&[u8]> = out.split_inclusive(|b| *b == b'\n').collect();
            let end = lines.iter().position(|l| *l == b".\r\n").unwrap();
            prop_assert_eq!(end, lines.len() - 1);
            let back: Vec<u8> = lines[..end].iter().flat_map(|l| unstuffed(l).to_vec()).collect();
            prop_assert_eq!(back, message);
        }
    }
}
