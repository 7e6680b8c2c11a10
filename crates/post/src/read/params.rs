//! `Content-Type` and `Content-Disposition`: a value and its parameters (RFC 2045, 5.1; RFC 2183; RFC 2231).

use crate::words;

/// Parameters of one field.
const PARAMETERS_MAX: usize = 64;
/// Pieces of one parameter (RFC 2231, 3).
const PIECES_MAX: usize = 64;

/// A structured field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Structured {
    /// `text/plain`, `attachment`: lower case.
    pub main: String,
    parameters: Vec<(String, String)>,
}

impl Structured {
    /// A parameter by its lower-case name, decoded; the first where there are several.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Reads an unfolded value. Never fails: what is not understood is left out.
    pub fn parse(value: &str) -> Self {
        let mut pieces = pieces(value);
        let main = pieces.next().map(|(main, _)| main.to_ascii_lowercase()).unwrap_or_default();
        let mut parameters = Vec::new();
        let mut split: Vec<Piece> = Vec::new();
        for (piece, quoted) in pieces.take(PARAMETERS_MAX) {
            let Some((key, value)) = piece.split_once('=') else { continue };
            let key = key.trim().to_ascii_lowercase();
            match key.split_once('*') {
                None => {
                    let value = if quoted { unquoted(value) } else { value.trim().to_owned() };
                    // Not lawful, and what most programs write.
                    let value = if value.contains("=?") { words::decode(&value) } else { value };
                    parameters.push((key, value));
                }
                Some((name, mark)) => {
                    let (number, encoded) =
                        mark.strip_suffix('*').map_or((mark, mark.is_empty()), |number| (number, true));
                    let number = if number.is_empty() {
                        Some(0)
                    } else {
                        number.parse().ok().filter(|&n: &usize| n < PIECES_MAX)
                    };
                    let value = if quoted { unquoted(value) } else { value.trim().to_owned() };
                    split.extend(number.map(|number| Piece { name: name.to_owned(), number, encoded, value }));
                }
            }
        }
        split.sort_by(|a, b| (&a.name, a.number).cmp(&(&b.name, b.number)));
        let joined = split.chunk_by(|a, b| a.name == b.name).map(|pieces| (pieces[0].name.clone(), joined(pieces)));
        // The extended form is the better one where both are given (RFC 6266 says so, and mail means it).
        parameters = joined.chain(parameters).collect();
        Self { main, parameters }
    }
}

struct Piece {
    name: String,
    number: usize,
    encoded: bool,
    value: String,
}

/// Joins `name*0*=utf-8''a%20`, `name*1=b`.
fn joined(pieces: &[Piece]) -> String {
    let mut bytes = Vec::new();
    let mut charset = String::new();
    for (at, piece) in pieces.iter().enumerate() {
        let mut value = piece.value.as_str();
        if at == 0
            && piece.encoded
            && let [name, _language, text] = value.splitn(3, '\'').collect::<Vec<_>>()[..]
        {
            charset = name.to_owned();
            value = text;
        }
        if piece.encoded { bytes.extend(percent_decoded(value)) } else { bytes.extend_from_slice(value.as_bytes()) }
    }
    words::text_of(&bytes, &charset).0
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while at < bytes.len() {
        let digit = |at: usize| bytes.get(at).and_then(|&b| (b as char).to_digit(16));
        match (bytes[at], digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 3;
            }
            (byte, ..) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    out
}

/// Splits at `;` outside quotes and comments; tells whether a piece held quotes.
fn pieces(value: &str) -> impl Iterator<Item = (String, bool)> {
    let mut chars = value.chars();
    let mut ended = false;
    std::iter::from_fn(move || {
        if std::mem::replace(&mut ended, true) {
            return None;
        }
        let (mut piece, mut had_quotes, mut quoted, mut escaped, mut depth) =
            (String::new(), false, false, false, 0_usize);
        for c in chars.by_ref() {
            if std::mem::take(&mut escaped) {
                if depth == 0 {
                    piece.push(c);
                }
                continue;
            }
            match c {
                '\\' if quoted => {
                    piece.push(c);
                    escaped = true;
                }
                '"' if depth == 0 => {
                    (quoted, had_quotes) = (!quoted, true);
                    piece.push(c);
                }
                '(' if !quoted && !piece.contains('=') => depth += 1,
                ')' if !quoted && depth > 0 => depth -= 1,
                ';' if !quoted && depth == 0 => {
                    ended = false;
                    break;
                }
                c if depth == 0 => piece.push(c),
                _ => {}
            }
        }
        Some((piece.trim().to_owned(), had_quotes))
    })
}

/// The text between the first quote and the next, with escapes undone. A backslash before anything but a quote or a
/// backslash is a path of somebody's disk, not an escape.
fn unquoted(value: &str) -> String {
    let Some((_, inner)) = value.split_once('"') else { return value.trim().to_owned() };
    let mut out = String::new();
    let mut chars = inner.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' => break,
            '\\' => out.push(chars.next_if(|next| matches!(next, '"' | '\\')).unwrap_or('\\')),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(value: &str, main: &str, name: &str, expected: Option<&str>) {
        let structured = Structured::parse(value);
        assert_eq!((structured.main.as_str(), structured.get(name)), (main, expected), "{value}");
    }

    #[test]
    fn parameters_in_all_their_spellings() {
        check("Text/Plain; Charset=\"UTF-8\"", "text/plain", "charset", Some("UTF-8"));
        check("text/plain; charset=us-ascii (Plain text)", "text/plain", "charset", Some("us-ascii (Plain text)"));
        check("multipart/mixed; boundary=\"a;b=\\\"c\"; x=y", "multipart/mixed", "boundary", Some("a;b=\"c"));
        check("application/x; name*=iso-8859-1'en'%A3%20rates", "application/x", "name", Some("£ rates"));
        check(
            "application/x; name*1=\"b.pdf\"; name*0*=utf-8''%c3%a9; name=x",
            "application/x",
            "name",
            Some("éb.pdf"),
        );
        check("attachment; filename=\"=?utf-8?Q?=C3=A9.pdf?=\"", "attachment", "filename", Some("é.pdf"));
        check("attachment; filename=two words.pdf", "attachment", "filename", Some("two words.pdf"));
        check("attachment; filename=\"C:\\temp\\x.exe\"", "attachment", "filename", Some("C:\\temp\\x.exe"));
        check("attachment; filename=\"open", "attachment", "filename", Some("open"));
        check("", "", "x", None);
        check(";;;=;*=;x*99999999999999999=1", "", "x", None);
    }

    proptest! {
        #[test]
        fn no_value_breaks_it(value in "([;=*'\"\\\\%()a-z0-9é ]|name\\*[0-9]\\*?=){0,60}") {
            Structured::parse(&value);
        }
    }
}
