//! Address lists of headers (RFC 5322, 3.4), tolerantly.

use crate::scan::clean;
use crate::words;

/// Addresses of one field.
const ADDRESSES_MAX: usize = 200;
/// Longest name or address, in characters.
const TEXT_MAX: usize = 320;

/// One address, with the name that stands beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Address {
    pub name: String,
    pub address: String,
}

/// All addresses of an unfolded field value. A quoted name or a comment is never taken for an address.
pub fn addresses(value: &str) -> Vec<Address> {
    let mut list = Vec::new();
    let mut one = Draft::default();
    let (mut state, mut depth, mut escaped) = (State::Plain, 0_usize, false);
    for c in value.chars() {
        if std::mem::take(&mut escaped) {
            one.push(state, c);
            continue;
        }
        match (state, c) {
            (State::Quoted | State::Comment, '\\') => escaped = true,
            (State::Quoted, '"') => state = State::Plain,
            (State::Comment, '(') => depth += 1,
            (State::Comment, ')') => {
                depth -= 1;
                if depth == 0 {
                    state = State::Plain;
                }
            }
            (State::Angle, '>') => state = State::Plain,
            (State::Plain, '"') => {
                one.had_quotes = true;
                state = State::Quoted;
            }
            (State::Plain, '(') => (state, depth) = (State::Comment, 1),
            (State::Plain, '<') => state = State::Angle,
            (State::Plain, ',' | ';') => one.finish(&mut list),
            // The name of a group.
            (State::Plain, ':') if !one.plain.contains('@') => one = Draft::default(),
            _ => one.push(state, c),
        }
        if list.len() >= ADDRESSES_MAX {
            return list;
        }
    }
    one.finish(&mut list);
    list
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Plain,
    Quoted,
    Comment,
    Angle,
}

#[derive(Default)]
struct Draft {
    plain: String,
    angle: String,
    comment: String,
    had_quotes: bool,
}

impl Draft {
    fn push(&mut self, state: State, c: char) {
        match state {
            State::Plain | State::Quoted => self.plain.push(c),
            State::Angle => self.angle.push(c),
            State::Comment => self.comment.push(c),
        }
    }

    fn finish(&mut self, list: &mut Vec<Address>) {
        let one = std::mem::take(self);
        let text = |text: &str| clean(&words::decode(text.trim()), TEXT_MAX);
        let (name, address) = if !one.angle.is_empty() {
            let name = if one.plain.trim().is_empty() { &one.comment } else { &one.plain };
            (text(name), clean(&one.angle, TEXT_MAX))
        } else if !one.had_quotes && one.plain.contains('@') {
            let word = one.plain.split_ascii_whitespace().find(|word| word.contains('@')).unwrap_or_default();
            (text(&one.comment), clean(word, TEXT_MAX))
        } else {
            (text(&format!("{} {}", one.plain, one.comment)), String::new())
        };
        if !name.is_empty() || !address.is_empty() {
            list.push(Address { name, address });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: &str, expected: &[(&str, &str)]) {
        let found = addresses(value);
        let found: Vec<(&str, &str)> = found.iter().map(|one| (one.name.as_str(), one.address.as_str())).collect();
        assert_eq!(found, expected, "{value}");
    }

    #[test]
    fn lists_are_read_as_people_and_programs_write_them() {
        check("a@b.example", &[("", "a@b.example")]);
        check(
            r#""Peeters, An" <an@b.example>, c@d.example (Jan)"#,
            &[("Peeters, An", "an@b.example"), ("Jan", "c@d.example")],
        );
        check("=?utf-8?Q?J=C3=BCrgen?= <j@b.example>", &[("Jürgen", "j@b.example")]);
        check("Team: a@b.example, c@d.example;", &[("", "a@b.example"), ("", "c@d.example")]);
        check("undisclosed-recipients:;", &[]);
        check(r#""boss@x.example" <evil@y.example>"#, &[("boss@x.example", "evil@y.example")]);
        check(r#""boss@x.example""#, &[("boss@x.example", "")]);
        check("<a@b.example", &[("", "a@b.example")]);
        check("(((", &[]);
    }
}
