//! Names on the wire: folders in modified UTF-7 (RFC 3501, 5.1.3), strings in quotes (4.3).

use base64::Engine;
use base64::alphabet::IMAP_MUTF7;
use base64::engine::{GeneralPurpose, general_purpose::NO_PAD};

const MODIFIED: GeneralPurpose = GeneralPurpose::new(&IMAP_MUTF7, NO_PAD);

/// A folder's name as an argument. `None` where no folder can have that name.
pub(super) fn folder(name: &str) -> Option<String> {
    if name.is_empty() || name.chars().any(char::is_control) { None } else { quoted(&modified_utf7(name)) }
}

/// A string as an argument. `None` where only a literal could carry it.
pub(super) fn quoted(text: &str) -> Option<String> {
    if !text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return None;
    }
    Some(format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
}

fn modified_utf7(name: &str) -> String {
    let (mut out, mut shifted) = (String::with_capacity(name.len()), Vec::new());
    let unshift = |out: &mut String, shifted: &mut Vec<u8>| {
        if !shifted.is_empty() {
            *out += &format!("&{}-", MODIFIED.encode(&*shifted));
            shifted.clear();
        }
    };
    for char in name.chars() {
        if (' '..='~').contains(&char) {
            unshift(&mut out, &mut shifted);
            out.push(char);
            if char == '&' {
                out.push('-');
            }
        } else {
            shifted.extend(char.encode_utf16(&mut [0; 2]).iter().flat_map(|unit| unit.to_be_bytes()));
        }
    }
    unshift(&mut out, &mut shifted);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_written_as_rfc_3501_says() {
        for (name, written) in [
            ("INBOX", "\"INBOX\""),
            ("Verwerkt/été", "\"Verwerkt/&AOk-t&AOk-\""),
            ("~peter/mail/台北/日本語", "\"~peter/mail/&U,BTFw-/&ZeVnLIqe-\""),
            ("A & B", "\"A &- B\""),
            ("a\"b\\c", "\"a\\\"b\\\\c\""),
            ("🛟", "\"&2D3e3w-\""),
        ] {
            assert_eq!(folder(name).as_deref(), Some(written), "{name}");
        }
    }

    #[test]
    fn no_name_ends_a_command() {
        assert_eq!(folder("x\r\nA1 LOGOUT"), None);
        assert_eq!(folder(""), None);
        assert_eq!(quoted("pass\r\nword"), None);
        assert_eq!(quoted("pass\0word"), None);
        assert_eq!(quoted("pâss"), None);
    }
}
