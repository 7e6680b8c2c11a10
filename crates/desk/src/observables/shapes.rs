//! What a piece of text without spaces is.

use super::Finder;
use super::checks::{is_base58_btc, is_eth, is_segwit_btc};
use super::punycode::ascii_label;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Longest address with a scheme, bytes.
const URL_BYTES_MAX: usize = 2000;
/// Longest mail address (RFC 5321 §4.5.3.1), bytes.
const EMAIL_BYTES_MAX: usize = 254;
/// Longest local part of a mail address, bytes.
const LOCAL_BYTES_MAX: usize = 64;
/// Longest host name (RFC 1035 §2.3.4), bytes.
const HOST_BYTES_MAX: usize = 253;
/// Longest label of a host name, bytes.
const LABEL_BYTES_MAX: usize = 63;
/// Longest word that may be anything else than an address with a scheme, bytes: a SHA-512 has 128 signs, a mail address 254.
const WORD_BYTES_MAX: usize = 320;
const SCHEMES: [&str; 8] = ["http", "https", "ftp", "ftps", "sftp", "ws", "wss", "ldap"];
/// Top-level domains that are also endings of files: with two labels a file is meant.
const FILE_ENDINGS: [&str; 14] =
    ["zip", "mov", "py", "sh", "md", "rs", "pl", "ps", "app", "so", "cab", "bar", "bz", "ai"];
/// Top-level domains that nobody can register.
const RESERVED: [&str; 2] = ["example", "test"];
/// After such a word four numbers with dots are a version.
const VERSION_WORDS: [&str; 8] = ["versie", "version", "v", "ver", "release", "build", "firmware", "versienummer"];

/// Looks at one piece without spaces; `before` is the piece before it.
pub(super) fn chunk(finder: &mut Finder<'_>, chunk: &str, before: &str) {
    let mut rest = chunk;
    while let Some(mark) = rest.find("://") {
        let scheme_from = rest[..mark].rfind(|c: char| !c.is_ascii_alphabetic()).map_or(0, |n| next_char(rest, n));
        let scheme = &rest[scheme_from..mark];
        let after = &rest[mark + 3..];
        if !SCHEMES.iter().any(|s| s.eq_ignore_ascii_case(scheme)) {
            words(finder, &rest[..mark], before);
            rest = after;
            continue;
        }
        words(finder, &rest[..scheme_from], before);
        let length = address_length(after);
        url(finder, scheme, trimmed(&after[..length]));
        rest = &after[length..];
    }
    words(finder, rest, before);
}

fn next_char(text: &str, at: usize) -> usize {
    at + text[at..].chars().next().map_or(0, char::len_utf8)
}

/// Where an address with a scheme ends inside a piece: at its end, or where another one begins after a comma.
fn address_length(after: &str) -> usize {
    let mut from = 0;
    while let Some(comma) = after[from..].find([',', ';']).map(|n| from + n) {
        let next = &after.as_bytes()[comma + 1..];
        if [&b"http"[..], b"ftp"].iter().any(|s| next.len() > s.len() && next[..s.len()].eq_ignore_ascii_case(s)) {
            return comma;
        }
        from = comma + 1;
    }
    after.len()
}

/// Without the signs that belong to the sentence around it. A closing bracket stays when it was opened inside.
fn trimmed(text: &str) -> &str {
    let count = |sign: u8| text.bytes().filter(|b| *b == sign).count() as isize;
    let mut round = count(b'(') - count(b')');
    let mut square = count(b'[') - count(b']');
    let mut end = text.len();
    while let Some(last) = text[..end].chars().next_back() {
        match last {
            ')' if round < 0 => round += 1,
            ']' if square < 0 => square += 1,
            '.' | ',' | ';' | ':' | '!' | '?' | '\'' | '*' | '_' | '…' => {}
            _ => break,
        }
        end -= last.len_utf8();
    }
    &text[..end]
}

fn url(finder: &mut Finder<'_>, scheme: &str, after: &str) {
    let authority_end = after.find(['/', '?', '#']).unwrap_or(after.len());
    let (authority, path) = after.split_at(authority_end);
    let (user, host_port) = match authority.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, authority),
    };
    let (host, port) = split_port(host_port);
    let Some((kind, host)) = canonical_host(host) else { return };
    let shown = if kind == "ipv6" { format!("[{host}]") } else { host.clone() };
    let user = user.map(|u| format!("{u}@")).unwrap_or_default();
    let port = port.map(|p| format!(":{p}")).unwrap_or_default();
    let path = if path == "/" { "" } else { path };
    let value = format!("{}://{user}{shown}{port}{path}", scheme.to_ascii_lowercase());
    if value.len() <= URL_BYTES_MAX {
        match unwrapped(&host, path) {
            Some(inner) => {
                finder.add_marked("url", value, Some("wrapper"));
                // One layer only: what is wrapped twice is rare, and depth is an attacker's toy.
                if let Some((scheme, after)) = inner.split_once("://")
                    && SCHEMES.contains(&scheme)
                    && !after.contains("safelinks.protection.outlook.com")
                {
                    url(finder, scheme, trimmed(after));
                }
                return;
            }
            None => finder.add("url", value),
        }
    }
    finder.add(kind, host);
}

/// The address inside one that a mail filter rewrote (Microsoft Safe Links).
fn unwrapped(host: &str, path: &str) -> Option<String> {
    if !host.ends_with("safelinks.protection.outlook.com") {
        return None;
    }
    let (_, query) = path.split_once('?')?;
    let value = query.split('&').find_map(|pair| pair.strip_prefix("url="))?;
    let mut bytes = Vec::with_capacity(value.len());
    let mut signs = value.bytes();
    while let Some(sign) = signs.next() {
        if sign != b'%' {
            bytes.push(sign);
            continue;
        }
        let (high, low) = (signs.next()?, signs.next()?);
        let digit = |b: u8| (b as char).to_digit(16);
        bytes.push((digit(high)? * 16 + digit(low)?) as u8);
    }
    let inner = String::from_utf8(bytes).ok()?;
    (!inner.contains(|c: char| c.is_whitespace() || super::is_fence(c))).then_some(inner)
}

/// The host of a canonical address with a scheme.
pub(crate) fn host_of(url: &str) -> Option<&str> {
    let after = url.split_once("://")?.1;
    let authority = &after[..after.find(['/', '?', '#']).unwrap_or(after.len())];
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    Some(split_port(host).0.trim_start_matches('[').trim_end_matches(']'))
}

fn split_port(host: &str) -> (&str, Option<&str>) {
    if host.ends_with(']') {
        return (host, None);
    }
    match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.len() <= 5 && port.bytes().all(|b| b.is_ascii_digit()) => {
            (name, Some(port))
        }
        _ => (host, None),
    }
}

/// Kind and canonical form of a host.
fn canonical_host(host: &str) -> Option<(&'static str, String)> {
    if let Some(inside) = host.strip_prefix('[') {
        let ip: Ipv6Addr = inside.strip_suffix(']')?.parse().ok()?;
        return Some(("ipv6", ip.to_string()));
    }
    if let Ok(ip) = host.parse::<Ipv4Addr>() {
        return Some(("ipv4", ip.to_string()));
    }
    domain(host).map(|name| ("domain", name))
}

/// A host name under a suffix of the public list, in lower case.
fn domain(text: &str) -> Option<String> {
    let name = text.strip_suffix('.').unwrap_or(text);
    if name.len() > HOST_BYTES_MAX || !name.contains('.') {
        return None;
    }
    let lower = name.to_lowercase();
    let label = |l: &str| {
        !l.is_empty()
            && !l.starts_with('-')
            && !l.ends_with('-')
            && l.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_')
    };
    if !lower.split('.').all(label) {
        return None;
    }
    let ascii = match lower.is_ascii() {
        true => lower,
        false => lower.split('.').map(ascii_label).collect::<Option<Vec<_>>>()?.join("."),
    };
    let well_formed = ascii.len() <= HOST_BYTES_MAX && ascii.split('.').all(|l| l.len() <= LABEL_BYTES_MAX);
    // Names that are kept for examples and tests (RFC 2606) are read too: they cannot be anybody's.
    let reserved = RESERVED.iter().any(|r| ascii.rsplit('.').next() == Some(r));
    let known = well_formed && (reserved || psl::suffix(ascii.as_bytes()).is_some_and(|s| s.is_known()));
    (known && psl::domain(ascii.as_bytes()).is_some()).then_some(ascii)
}

/// Everything in a piece that is no address with a scheme.
fn words(finder: &mut Finder<'_>, text: &str, before: &str) {
    let mut previous = before;
    let inside = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '@' | ':' | '+' | '%');
    for word in text.split(|c: char| !inside(c)).filter(|w| !w.is_empty()) {
        if word.len() <= WORD_BYTES_MAX && !finder.is_full() {
            classify(finder, word.trim_matches(['.', '-', ':', '_', '%', '+']), previous, word);
        }
        previous = word;
    }
}

fn classify(finder: &mut Finder<'_>, word: &str, before: &str, whole: &str) {
    if word.contains('@') {
        word.split(':').filter_map(email).for_each(|address| finder.add("email", address));
        return;
    }
    // The colons at the ends may belong to an address (`::1`, `fe80::`).
    if let Some(ip) = ipv6(whole.trim_matches(['.', '-', '_', '%', '+'])).or_else(|| ipv6(word)) {
        finder.add("ipv6", ip);
        return;
    }
    if word.contains(':') {
        word.split(':').for_each(|piece| plain(finder, piece.trim_matches(['.', '-', '_', '%', '+']), before));
        return;
    }
    plain(finder, word, before);
}

fn plain(finder: &mut Finder<'_>, word: &str, before: &str) {
    if let Some(number) = number_after_as(word, before) {
        finder.add("asn", format!("AS{number}"));
        return;
    }
    if word.len() < 4 {
        return;
    }
    if let Ok(ip) = word.parse::<Ipv4Addr>() {
        let before = before.trim_end_matches([':', '.', '=']).to_lowercase();
        if !VERSION_WORDS.contains(&before.as_str()) {
            finder.add("ipv4", ip.to_string());
        }
    } else if let Some(kind) = hash(word) {
        finder.add(kind, word.to_ascii_lowercase());
    } else if let Some(cve) = cve(word) {
        finder.add("cve", cve);
    } else if let Some(number) = asn(word) {
        finder.add("asn", format!("AS{number}"));
    } else if is_base58_btc(word) {
        finder.add("btc", word.to_owned());
    } else if is_segwit_btc(word) {
        finder.add("btc", word.to_ascii_lowercase());
    } else if let Some(hex) = word.strip_prefix("0x").filter(|hex| is_eth(hex)) {
        finder.add("eth", format!("0x{}", hex.to_ascii_lowercase()));
    } else if let Some(name) = bare_domain(word) {
        finder.add("domain", name);
    }
}

/// A host name in running text. Files and sentences that lack a space look alike; those are left out.
fn bare_domain(word: &str) -> Option<String> {
    let (front, last) = word.rsplit_once('.')?;
    let mut signs = last.chars();
    let new_sentence =
        signs.next().is_some_and(char::is_uppercase) && signs.clone().next().is_some() && signs.all(char::is_lowercase);
    if new_sentence || front.chars().all(|c| c.is_ascii_digit() || c == '.') {
        return None;
    }
    let file = !front.contains('.') && FILE_ENDINGS.iter().any(|e| e.eq_ignore_ascii_case(last));
    // One letter before the dot is an abbreviation (`a.u.b.`), not a name.
    let abbreviation = word.split('.').all(|label| label.chars().count() <= 2);
    if file || abbreviation { None } else { domain(word).filter(|_| !word.contains(['_', '%', '+'])) }
}

fn email(text: &str) -> Option<String> {
    let (local, host) = text.rsplit_once('@')?;
    // As at the beginning of a word ([`words`]).
    let local = local.trim_start_matches(['.', '-', '_', '%', '+']).trim_end_matches(['.', '-']);
    let fits = !local.is_empty()
        && local.len() <= LOCAL_BYTES_MAX
        && !local.contains('@')
        && !local.contains("..")
        && text.len() <= EMAIL_BYTES_MAX;
    let host = fits.then(|| domain(host.trim_matches(['.', '-', '_', '%', '+']))).flatten()?;
    Some(format!("{}@{host}", local.to_lowercase()))
}

fn ipv6(text: &str) -> Option<String> {
    if text.len() > 45 || text.bytes().filter(|b| *b == b':').count() < 2 {
        return None;
    }
    let ip: Ipv6Addr = text.parse().ok()?;
    let head = ip.segments()[0];
    // `a::b` in program text is no address: with few groups only ranges that are in use count.
    let in_use = head & 0xe000 == 0x2000 || head & 0xffc0 == 0xfe80 || head & 0xfe00 == 0xfc00 || ip.is_loopback();
    let groups = text.split(':').filter(|g| !g.is_empty()).count();
    (in_use || groups >= 5).then(|| ip.to_string())
}

fn hash(word: &str) -> Option<&'static str> {
    let kind = match word.len() {
        32 => "md5",
        40 => "sha1",
        64 => "sha256",
        128 => "sha512",
        _ => return None,
    };
    let bytes = word.as_bytes();
    let hex = bytes.iter().all(u8::is_ascii_hexdigit);
    // All digits is an account number, all letters a word.
    (hex && bytes.iter().any(u8::is_ascii_digit) && bytes.iter().any(u8::is_ascii_alphabetic)).then_some(kind)
}

fn cve(word: &str) -> Option<String> {
    let mut parts = word.split('-');
    let (prefix, year, number) = (parts.next()?, parts.next()?, parts.next()?);
    let digits = |text: &str, length: std::ops::RangeInclusive<usize>| {
        length.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
    };
    let fits = prefix.eq_ignore_ascii_case("cve") && digits(year, 4..=4) && digits(number, 4..=7);
    let in_use = fits && (1999..=2099).contains(&year.parse::<u32>().unwrap_or(0));
    (in_use && parts.next().is_none()).then(|| word.to_ascii_uppercase())
}

/// `AS64500`, `ASN64500`, `as64500`. In small letters only with three digits: `as13` may be a word with a slip in it.
fn asn(word: &str) -> Option<u32> {
    let letters = word.len() - word.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
    let (prefix, digits) = word.split_at(letters);
    let digits_min = match prefix {
        "AS" | "ASN" => 2,
        "as" | "asn" | "Asn" => 3,
        _ => return None,
    };
    as_number(digits, digits_min)
}

/// The same written apart: `AS 64500`, only in capitals, as everybody writes "as 100 people".
fn number_after_as(word: &str, before: &str) -> Option<u32> {
    let before = before.trim_start_matches(['(', '[']);
    ["AS", "ASN"].contains(&before).then(|| as_number(word, 3)).flatten()
}

fn as_number(digits: &str, digits_min: usize) -> Option<u32> {
    let fits = (digits_min..=10).contains(&digits.len())
        && digits.bytes().all(|b| b.is_ascii_digit())
        && !digits.starts_with('0');
    // The AS/400 is a machine that towns still have.
    let number: u32 = if fits { digits.parse().ok()? } else { return None };
    (number != 400).then_some(number)
}
