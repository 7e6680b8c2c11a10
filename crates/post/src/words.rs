//! Encoded words (RFC 2047), and the two encodings they share with bodies.

use std::borrow::Cow;

use mail_parser::decoders::charsets::map::charset_decoder;

/// Longest charset name that is looked up, in bytes.
const CHARSET_MAX_BYTES: usize = 45;

/// Text of bytes in a charset. The second value tells whether that charset is known and the bytes fit it.
pub fn text_of(bytes: &[u8], charset: &str) -> (String, bool) {
    let charset = charset.trim();
    let name = charset.split_once('*').map_or(charset, |(name, _language)| name);
    let is_utf8 =
        name.is_empty() || ["utf-8", "utf8", "us-ascii", "ascii"].contains(&name.to_ascii_lowercase().as_str());
    if is_utf8 {
        return match str::from_utf8(bytes) {
            Ok(text) => (text.to_owned(), true),
            // Mail that says nothing, or lies, is most often Windows' Latin here.
            Err(_) if name.is_empty() || name.to_ascii_lowercase().contains("ascii") => (latin(bytes), false),
            Err(_) => (String::from_utf8_lossy(bytes).into_owned(), false),
        };
    }
    let decoder = if name.len() <= CHARSET_MAX_BYTES { charset_decoder(name.as_bytes()) } else { None };
    match decoder {
        Some(decode) => {
            let text = decode(bytes);
            // What does not fit is replaced.
            let fits = !text.contains(char::REPLACEMENT_CHARACTER);
            (text, fits)
        }
        None => (str::from_utf8(bytes).map_or_else(|_| latin(bytes), str::to_owned), false),
    }
}

fn latin(bytes: &[u8]) -> String {
    charset_decoder(b"windows-1252").map_or_else(|| String::from_utf8_lossy(bytes).into_owned(), |decode| decode(bytes))
}

/// Decodes every encoded word of an unfolded header value; anything else stays as it is. Linear.
pub fn decode(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let (mut rest, mut after_word) = (value, false);
    // Neighbours in one charset may share a character: their bytes are joined before they are decoded.
    let mut pending: Option<(String, Vec<u8>)> = None;
    while !rest.is_empty() {
        let space = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        if let Some((charset, bytes, length)) = encoded_word(&rest[space..]).filter(|_| space == 0 || after_word) {
            // White space between two encoded words belongs to neither.
            match &mut pending {
                Some((name, joined)) if name.eq_ignore_ascii_case(charset) => joined.extend_from_slice(&bytes),
                _ => {
                    flush(&mut pending, &mut out);
                    pending = Some((charset.to_owned(), bytes));
                }
            }
            (rest, after_word) = (&rest[space + length..], true);
            continue;
        }
        flush(&mut pending, &mut out);
        after_word = false;
        let step = if space > 0 { space } else { next_stop(rest) };
        out.push_str(&rest[..step]);
        rest = &rest[step..];
    }
    flush(&mut pending, &mut out);
    out
}

fn flush(pending: &mut Option<(String, Vec<u8>)>, out: &mut String) {
    if let Some((charset, bytes)) = pending.take() {
        out.push_str(&text_of(&bytes, &charset).0);
    }
}

/// Length of plain text up to the next place where a word may begin; at least one character.
fn next_stop(text: &str) -> usize {
    let first = text.chars().next().map_or(0, char::len_utf8);
    text[first..].find([' ', '\t', '=']).map_or(text.len(), |at| first + at)
}

/// `=?charset?B|Q?text?=` at the start: charset, bytes, length. RFC 2047 allows 75 bytes; longer ones exist.
fn encoded_word(text: &str) -> Option<(&str, Vec<u8>, usize)> {
    const WORD_MAX_BYTES: usize = 4 * 1024;
    let inner = text.strip_prefix("=?")?;
    let mut end = inner.len().min(WORD_MAX_BYTES);
    while !inner.is_char_boundary(end) {
        end -= 1;
    }
    let inner = &inner[..end];
    let charset_end =
        inner.find(['?', ' ', '\t']).filter(|&at| inner.as_bytes()[at] == b'?' && at > 0 && at <= CHARSET_MAX_BYTES)?;
    let (charset, rest) = (&inner[..charset_end], &inner[charset_end + 1..]);
    let mut parts = rest.splitn(3, '?');
    let (encoding, data, tail) = (parts.next()?, parts.next()?, parts.next()?);
    if !tail.starts_with('=') {
        return None;
    }
    let bytes = match encoding {
        "B" | "b" => base64(data.as_bytes()).0,
        "Q" | "q" => quoted(&as_bytes_in(data, charset), true).0,
        _ => return None,
    };
    Some((charset, bytes, 2 + charset_end + 1 + encoding.len() + 1 + data.len() + 2))
}

/// The bytes of a word. Letters beyond ASCII are not lawful in one and stand for themselves all the same: as a byte of
/// its charset where they were read as Latin.
fn as_bytes_in<'a>(data: &'a str, charset: &str) -> Cow<'a, [u8]> {
    if data.is_ascii() || charset.to_ascii_lowercase().starts_with("utf") {
        return Cow::Borrowed(data.as_bytes());
    }
    let mut bytes = Vec::with_capacity(data.len());
    for c in data.chars() {
        match u8::try_from(c) {
            Ok(byte) => bytes.push(byte),
            Err(_) => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Cow::Owned(bytes)
}

/// Base64, tolerantly: foreign bytes are skipped, padding ends a group. The second value is false when anything but
/// white space was skipped or the end is cut.
pub fn base64(text: &[u8]) -> (Vec<u8>, bool) {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut group, mut bits, mut clean, mut padded) = (0_u32, 0, true, false);
    for &byte in text {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => {
                padded = true;
                (group, bits) = (0, 0);
                continue;
            }
            b' ' | b'\t' | b'\r' | b'\n' => continue,
            _ => {
                clean = false;
                continue;
            }
        };
        // Two base64 texts behind one another are read as such, but that is not how it is written.
        clean &= !padded;
        group = group << 6 | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            out.push((group >> bits) as u8);
            group &= (1 << bits) - 1;
        }
    }
    (out, clean && bits < 6)
}

/// Quoted-printable (RFC 2045, 6.7), or Q of RFC 2047 when `word`. What is no escape stays as it is; the second value
/// tells whether all were.
pub fn quoted(text: &[u8], word: bool) -> (Vec<u8>, bool) {
    let mut out = Vec::with_capacity(text.len());
    let (mut at, mut clean) = (0, true);
    while at < text.len() {
        match text[at] {
            b'_' if word => out.push(b' '),
            b'=' => {
                let rest = &text[at + 1..];
                match rest {
                    [high, low, ..] if hex(*high).is_some() && hex(*low).is_some() => {
                        out.push(hex(*high).unwrap_or(0) << 4 | hex(*low).unwrap_or(0));
                        at += 2;
                    }
                    _ if word => {
                        out.push(b'=');
                        clean = false;
                    }
                    _ => match soft_break(rest) {
                        Some(length) => at += length,
                        None => {
                            out.push(b'=');
                            clean = false;
                        }
                    },
                }
            }
            byte => out.push(byte),
        }
        at += 1;
    }
    (out, clean)
}

/// Length of white space and line end after a `=` that joins lines; the end of the text counts as one.
fn soft_break(rest: &[u8]) -> Option<usize> {
    /// White space before the line end that is looked at, in bytes: more is no soft break, and the search stays linear.
    const BLANKS_MAX: usize = 100;
    let blanks = rest.iter().take(BLANKS_MAX).take_while(|&&b| b == b' ' || b == b'\t').count();
    match &rest[blanks..] {
        [] => Some(blanks),
        [b'\r', b'\n', ..] => Some(blanks + 2),
        [b'\n', ..] => Some(blanks + 1),
        _ => None,
    }
}

fn hex(byte: u8) -> Option<u8> {
    (byte as char).to_digit(16).map(|digit| digit as u8)
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn encoded_words_as_rfc_2047_shows_them() {
        for (value, text) in [
            ("=?ISO-8859-1?Q?Andr=E9?= Pirard", "André Pirard"),
            ("=?utf-8?B?QmVzdGFuZGVuIHZlcnNsZXV0ZWxk?=", "Bestanden versleuteld"),
            ("(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)", "(ab)"),
            ("(=?ISO-8859-1?Q?a?= b)", "(a b)"),
            ("=?ISO-8859-1?Q?a_b?=", "a b"),
            ("=?utf-8?Q?=E2=82?= =?utf-8?Q?=AC?= 5", "€ 5"),
            ("=?utf-8?X?a?= =?utf-8?Q?a", "=?utf-8?X?a?= =?utf-8?Q?a"),
            ("1 = 2 =? ", "1 = 2 =? "),
            ("a=?utf-8?q?b?=c", "abc"),
            ("=?iso-8859-1?Q?Fr\u{f6}sche?=", "Frösche"),
            ("=?utf-8?Q?Fr\u{f6}sche?=", "Frösche"),
            ("=?no-such-charset?Q?a?=", "a"),
        ] {
            assert_eq!(decode(value), text, "{value}");
        }
    }

    #[test]
    fn bytes_that_are_not_of_their_charset_are_told() {
        for (bytes, charset, fits) in [
            ("é".as_bytes(), "utf-8", true),
            (b"\xe9", "utf-8", false),
            (b"\xe9", "iso-8859-1", true),
            (b"\x83\x65", "shift_jis", true),
            (b"\x83\xff", "shift_jis", false),
            (b"\x00\xd8a\x00", "utf-16le", false),
            (b"\x1b$B%F\x1b(B", "iso-2022-jp", true),
            (b"\x1b$B%F\x1b$", "iso-2022-jp", false),
            (b"a", "no-such-charset", false),
        ] {
            assert_eq!(text_of(bytes, charset).1, fits, "{bytes:?} as {charset}");
        }
    }

    #[test]
    fn broken_encodings_give_what_they_hold() {
        assert_eq!(base64(b"aGFsbG8=\r\n"), (b"hallo".to_vec(), true));
        assert_eq!(base64(b"%%%%aGFs%%bG8"), (b"hallo".to_vec(), false));
        assert_eq!(base64(b"aGFsbG8"), (b"hallo".to_vec(), true));
        assert!(!base64(b"aGFsb").1);
        assert_eq!(quoted(b"a=20b=\r\nc=  \r\nd=zz=4", false), (b"a bcd=zz=4".to_vec(), false));
    }

    proptest! {
        #[test]
        fn base64_agrees_with_the_library(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let text = base64::engine::general_purpose::STANDARD.encode(&bytes);
            prop_assert_eq!(base64(text.as_bytes()), (bytes, true));
        }

        #[test]
        fn no_header_breaks_it(value in "([=?a-zA-Z0-9_ é]|=\\?utf-8\\?[qb]\\?|\\?=){0,60}") {
            let _ = decode(&value);
        }
    }
}
