//! Words as people type them: without case, accents and compatibility forms, so that `Löwen`, `LOWEN` and `lo\u{308}wen` meet.

/// Longest word that is looked at, characters: what is longer is no word (and no search would spell it).
pub(crate) const WORD_CHARS_MAX: usize = 40;

/// Appends the folded form of a character: lower case, accents gone, ligatures spelled out. Combining marks add nothing.
pub(crate) fn fold_char(c: char, out: &mut String) {
    if c.is_ascii() {
        out.push(c.to_ascii_lowercase());
        return;
    }
    match c {
        'à'..='å' | 'À'..='Å' | 'ā' | 'Ā' | 'ă' | 'Ă' | 'ą' | 'Ą' => out.push('a'),
        'æ' | 'Æ' => out.push_str("ae"),
        'ç' | 'Ç' | 'ć' | 'Ć' | 'č' | 'Č' => out.push('c'),
        'ď' | 'Ď' | 'đ' | 'Đ' | 'ð' | 'Ð' => out.push('d'),
        'è'..='ë' | 'È'..='Ë' | 'ē' | 'Ē' | 'ė' | 'Ė' | 'ę' | 'Ę' | 'ě' | 'Ě' => out.push('e'),
        'ğ' | 'Ğ' => out.push('g'),
        'ì'..='ï' | 'Ì'..='Ï' | 'ī' | 'Ī' | 'į' | 'Į' | 'ı' | 'İ' => out.push('i'),
        'ĳ' | 'Ĳ' => out.push_str("ij"),
        'ł' | 'Ł' => out.push('l'),
        'ñ' | 'Ñ' | 'ń' | 'Ń' | 'ň' | 'Ň' => out.push('n'),
        'ò'..='ö' | 'Ò'..='Ö' | 'ø' | 'Ø' | 'ō' | 'Ō' | 'ő' | 'Ő' => out.push('o'),
        'œ' | 'Œ' => out.push_str("oe"),
        'ř' | 'Ř' => out.push('r'),
        'ś' | 'Ś' | 'š' | 'Š' | 'ş' | 'Ş' => out.push('s'),
        'ß' | 'ẞ' => out.push_str("ss"),
        'ť' | 'Ť' | 'ţ' | 'Ţ' => out.push('t'),
        'ù'..='ü' | 'Ù'..='Ü' | 'ū' | 'Ū' | 'ů' | 'Ů' | 'ű' | 'Ű' => out.push('u'),
        'ý' | 'ÿ' | 'Ý' | 'Ÿ' => out.push('y'),
        'ź' | 'Ź' | 'ż' | 'Ż' | 'ž' | 'Ž' => out.push('z'),
        '\u{300}'..='\u{36f}' | '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{feff}' => {}
        // Full-width forms of ASCII.
        '\u{ff01}'..='\u{ff5e}' => {
            let ascii = char::from_u32(c as u32 - 0xfee0).expect("full-width forms are ASCII moved by 0xFEE0");
            out.push(ascii.to_ascii_lowercase());
        }
        other => out.extend(other.to_lowercase()),
    }
}

/// A name squeezed to letters and digits: how a board's name stands in a domain (`Sint-Niklaas` is `sintniklaas`).
pub(crate) fn squeezed(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    text.chars().for_each(|c| fold_char(c, &mut out));
    out.retain(char::is_alphanumeric);
    out
}

/// Calls `each` with every folded word of a text, in order. Words are runs of letters and digits; longer ones than
/// [`WORD_CHARS_MAX`] are passed over. One buffer is reused: the cost is one pass.
pub(crate) fn each_word(text: &str, mut each: impl FnMut(&str)) {
    let mut word = String::with_capacity(WORD_CHARS_MAX * 4);
    let mut length = 0usize;
    for c in text.chars() {
        if c.is_alphanumeric() || matches!(c, '\u{300}'..='\u{36f}' | '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{feff}') {
            length += 1;
            if length <= WORD_CHARS_MAX {
                fold_char(c, &mut word);
            }
        } else {
            finish(&mut word, &mut length, &mut each);
        }
    }
    finish(&mut word, &mut length, &mut each);
}

fn finish(word: &mut String, length: &mut usize, each: &mut impl FnMut(&str)) {
    if !word.is_empty() && *length <= WORD_CHARS_MAX {
        each(word);
    }
    word.clear();
    *length = 0;
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(text: &str) -> Vec<String> {
        let mut words = Vec::new();
        each_word(text, |w| words.push(w.to_owned()));
        words
    }

    #[test]
    fn spellings_of_one_word_meet() {
        assert_eq!(words("Löwen LOWEN lo\u{308}wen Ｌöwen"), ["lowen", "lowen", "lowen", "lowen"]);
        assert_eq!(words("Sint-Pieters-Leeuw, œuvre; straße"), ["sint", "pieters", "leeuw", "oeuvre", "strasse"]);
        assert_eq!(squeezed("Sint-Genesius-Rode"), "sintgenesiusrode");
        assert_eq!(squeezed("Rhode-Saint-Genèse"), "rhodesaintgenese");
    }

    #[test]
    fn what_is_too_long_is_no_word() {
        assert_eq!(words(&format!("a {} b", "x".repeat(WORD_CHARS_MAX + 1))), ["a", "b"]);
        assert_eq!(words(&"x".repeat(WORD_CHARS_MAX)).len(), 1);
    }

    proptest! {
        #[test]
        fn any_text_folds_without_panic(text in "\\PC{0,200}") {
            for word in words(&text) {
                prop_assert!(!word.is_empty());
            }
            squeezed(&text);
        }
    }
}
