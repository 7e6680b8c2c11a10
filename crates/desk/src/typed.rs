//! A line that a person typed and that others read: only what can be seen, in the order in which it is seen.

use crate::command::Refusal;

/// The line without the signs that show nothing or turn the order of others around, or why there is none: nothing to see, or too long.
pub(crate) fn line(field: &'static str, typed: &str, chars_max: usize) -> Result<String, Refusal> {
    let seen = typed.chars().filter(|c| c.is_whitespace() || !is_unseen(*c));
    let line = seen.map(|c| if c.is_whitespace() { ' ' } else { c }).collect::<String>().trim().to_owned();
    if line.is_empty() || line.chars().count() > chars_max { Err(Refusal::invalid(field, "length")) } else { Ok(line) }
}

/// Controls, and what Unicode calls default ignorable (DerivedCoreProperties, as far as assigned) or shows as a blank.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}')
        || matches!(c, '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
        || matches!(c, '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_what_can_be_seen_of_it() {
        let said = |typed| line("source", typed, 20);
        assert_eq!(said(" besluit\t114 "), Ok("besluit 114".to_owned()));
        assert_eq!(said("nacht\u{202e}ega.\u{7}exe\u{200b}"), Ok("nachtega.exe".to_owned()));
        assert_eq!(said("Zoë & Åsa: één–twee"), Ok("Zoë & Åsa: één–twee".to_owned()));
        let none = Err(Refusal::Invalid { field: "source", why: "length" });
        for typed in
            ["", " \u{a0}\u{3000}", "\u{200b}", "\u{202e}\u{feff}\u{0}", "\u{3164}", "\u{2028}\u{ad}", "\u{e0041}"]
        {
            assert_eq!(said(typed), none, "{typed:?}");
        }
        assert_eq!(said(&"x".repeat(21)), none);
    }
}
