//! What the header of a mail names: who sent it, where an answer goes, which way it came.

use super::find;
use crate::intake::{Observable, Source};

/// Fields that are read, most telling first.
const FIELDS: [&str; 11] = [
    "from",
    "sender",
    "reply-to",
    "return-path",
    "x-originating-ip",
    "x-sender-ip",
    "x-source-ip",
    "x-client-ip",
    "x-envelope-from",
    "disposition-notification-to",
    "received",
];
/// Observables of one header, at most.
const FOUND_MAX: usize = 60;

/// Observables in a header, each once, at most 60. Of a `Received` only what the station says of its peer counts: its own name is known, and
/// whom the mail was for, too. What `is_known` says to be the address of a board is set aside.
pub fn in_header(fields: &[(String, String)], own: Option<&str>, is_known: impl Fn(&str) -> bool) -> Vec<Observable> {
    let mut all: Vec<Observable> = Vec::new();
    for wanted in FIELDS {
        for (_, value) in fields.iter().filter(|(name, _)| name.eq_ignore_ascii_case(wanted)) {
            let (value, source) = match wanted {
                "received" => (peer(value), Source::Route),
                _ => (value.as_str(), Source::Header),
            };
            for mut found in find(&literal(value), own) {
                if all.len() >= FOUND_MAX {
                    return all;
                }
                if all.iter().any(|o| (&o.kind, &o.value) == (&found.kind, &found.value)) {
                    continue;
                }
                if found.benign.is_none() && found.kind == "email" && is_known(&found.value) {
                    found.benign = Some("board".to_owned());
                }
                found.source = source;
                all.push(found);
            }
        }
    }
    all
}

/// The part of a `Received` before the station names itself (RFC 5321, 4.4).
fn peer(value: &str) -> &str {
    let value = value.trim_start();
    let lower = value.to_ascii_lowercase();
    if !lower.starts_with("from ") {
        return "";
    }
    let end = [" by ", "\tby ", ";"].iter().filter_map(|mark| lower.find(mark)).min();
    &value[..end.unwrap_or(value.len())]
}

/// Without the mark of an IPv6 address in brackets (RFC 5321, 4.1.3).
fn literal(value: &str) -> String {
    value.replace("[IPv6:", "[").replace("[ipv6:", "[")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_sent_it_and_which_way_it_came_are_found_each_with_its_place() {
        let fields: Vec<(String, String)> = [
            ("Received", "from mail.kwaad.be (mail.kwaad.be [203.0.113.7]) by mx.provider.be with ESMTP id x for <it@stad.be>; Thu"),
            ("Received", "from [IPv6:2001:db8::7] (localhost [127.0.0.1])\tby mail.kwaad.be"),
            ("Received", "by 10.1.2.3 with SMTP id y.5.6; from 198.51.100.1"),
            ("X-Originating-IP", "[203.0.113.44]"),
            ("From", "\"Microsoft\" <dienst@kwaad.be>"),
            ("Reply-To", "Baas <baas@elders.be>"),
            ("Return-Path", "<dienst@kwaad.be>"),
            ("Sender", "it@stad.be"),
            ("X-Mailer", "nergens.be 192.0.2.1"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
        let found = in_header(&fields, Some("csirt@desk.be"), |address| address == "it@stad.be");
        let found: Vec<(&str, &str, Source, Option<&str>)> =
            found.iter().map(|o| (o.kind.as_str(), o.value.as_str(), o.source, o.benign.as_deref())).collect();
        assert_eq!(
            found,
            [
                ("email", "dienst@kwaad.be", Source::Header, None),
                ("email", "it@stad.be", Source::Header, Some("board")),
                ("email", "baas@elders.be", Source::Header, None),
                ("ipv4", "203.0.113.44", Source::Header, None),
                ("domain", "mail.kwaad.be", Source::Route, None),
                ("ipv4", "203.0.113.7", Source::Route, None),
                ("ipv6", "2001:db8::7", Source::Route, None),
                ("ipv4", "127.0.0.1", Source::Route, Some("private")),
            ]
        );
    }

    #[test]
    fn a_header_of_any_length_gives_few() {
        let many: Vec<(String, String)> = (0..2_000)
            .map(|n| ("Received".to_owned(), format!("from a{n}.kwaad.be (203.0.{}.{})", n / 250, n % 250)))
            .collect();
        assert_eq!(in_header(&many, None, |_| false).len(), FOUND_MAX);
    }
}
