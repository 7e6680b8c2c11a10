//! Defanged forms made plain: `hxxp`, `[.]`, `(dot)`, `[at]`, `[:]`, `[://]`.

use std::borrow::Cow;

/// What stands between brackets, and what it means. The words take the spaces around them along.
const INSIDE: [(&str, &str, bool); 8] = [
    (".", ".", false),
    ("@", "@", false),
    (":", ":", false),
    ("://", "://", false),
    ("//", "//", false),
    ("dot", ".", true),
    ("punt", ".", true),
    ("at", "@", true),
];
/// Longest content between brackets that is looked at, bytes.
const INSIDE_BYTES_MAX: usize = 4;

/// The text with defanged forms made plain. One pass.
pub(super) fn refanged(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let mut out = String::new();
    let (mut copied, mut at) = (0, 0);
    while at < bytes.len() {
        let (plain, length, word) = match bytes[at] {
            b'[' | b'(' | b'{' => match bracket(text, at) {
                Some(found) => found,
                None => {
                    at += 1;
                    continue;
                }
            },
            b'h' | b'H' | b'f' | b'F' => match scheme(bytes, at) {
                Some((plain, length)) => (plain, length, false),
                None => {
                    at += 1;
                    continue;
                }
            },
            _ => {
                at += 1;
                continue;
            }
        };
        out.push_str(&text[copied..at]);
        at += length;
        if word {
            out.truncate(out.trim_end_matches(' ').len());
            at += text[at..].bytes().take_while(|b| *b == b' ').count();
        }
        out.push_str(plain);
        copied = at;
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[copied..]);
    Cow::Owned(out)
}

/// Plain form, length in the text, whether it takes spaces along.
fn bracket(text: &str, at: usize) -> Option<(&'static str, usize, bool)> {
    let bytes = text.as_bytes();
    let close = match bytes[at] {
        b'[' => b']',
        b'(' => b')',
        _ => b'}',
    };
    let end = (at + 2..=at + 1 + INSIDE_BYTES_MAX).find(|n| bytes.get(*n) == Some(&close))?;
    let inside = text.get(at + 1..end)?;
    let (_, plain, word) = INSIDE.iter().find(|(form, ..)| form.eq_ignore_ascii_case(inside))?;
    Some((plain, end + 1 - at, *word))
}

/// `hxxp`, `hXXps`, `fxp` at the beginning of a word.
fn scheme(bytes: &[u8], at: usize) -> Option<(&'static str, usize)> {
    if at > 0 && bytes[at - 1].is_ascii_alphanumeric() {
        return None;
    }
    let is = |form: &[u8]| bytes.get(at..at + form.len()).is_some_and(|b| b.eq_ignore_ascii_case(form));
    let (plain, length) = if is(b"hxxps") {
        ("https", 5)
    } else if is(b"hxxp") {
        ("http", 4)
    } else if is(b"fxp") {
        ("ftp", 3)
    } else {
        return None;
    };
    // A scheme is followed by a colon, bare or between brackets; any other word may be called so.
    matches!(bytes.get(at + length), Some(b':' | b'[' | b'(' | b'{')).then_some((plain, length))
}
