//! What was typed, and what is wrong with it: in words, beside the field.

use crate::parts::Mistake;
use crate::secret;
use crate::words::{Words, n};
use engine::FormFile;
use sha2::{Digest as _, Sha256};

/// Longest short field, characters.
pub const LINE_CHARS_MAX: usize = 200;
/// Longest account of what happens, characters.
pub const WHAT_CHARS_MAX: usize = 20_000;
/// Fewest digits of a number that can be called.
const PHONE_DIGITS_MIN: usize = 6;

/// What was typed, as it was typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Typed {
    /// Which board.
    pub board: String,
    /// Who writes.
    pub name: String,
    /// Number to call back.
    pub phone: String,
    /// Where an answer goes.
    pub email: String,
    /// It goes on now.
    pub hit_now: bool,
    /// What happens.
    pub what: String,
    /// Random token of the page that the form came from.
    pub once: String,
    /// The field that people do not see.
    pub trap: String,
}

impl Typed {
    /// The same, with a token when the page had none.
    pub(super) fn with_token(mut self) -> Typed {
        if self.once.is_empty() {
            self.once = secret::new_secret().0;
        }
        self
    }

    /// What makes two presses the same one: the page and everything in it. Changed and sent again it is another report, so that
    /// nothing added is ever swallowed.
    pub(super) fn same_press(&self, files: &[FormFile]) -> Option<String> {
        if self.once.is_empty() {
            return None;
        }
        let mut hash = Sha256::new();
        let hit = if self.hit_now { "1" } else { "" };
        for part in [&self.once, &self.board, &self.name, &self.phone, &self.email, hit, &self.what] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        for file in files {
            hash.update((file.name.len() as u64).to_be_bytes());
            hash.update(file.name.as_bytes());
            hash.update(Sha256::digest(&file.bytes));
        }
        Some(desk::Digest(hash.finalize().into()).to_string())
    }
}

/// Whether a number can be dialled: digits and what people write between them.
pub(crate) fn is_phone(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_digit() || c.is_whitespace() || "+/.-()".contains(c))
        && text.chars().filter(char::is_ascii_digit).count() >= PHONE_DIGITS_MIN
}

/// Whether a text has the shape of a mail address. More than the shape only a mail can tell.
pub(crate) fn is_mailbox(text: &str) -> bool {
    text.rsplit_once('@')
        .is_some_and(|(local, domain)| !local.is_empty() && domain.contains('.') && !domain.ends_with('.'))
        && !text.chars().any(|c| c.is_whitespace() || c.is_control() || "<>,;\"?%#".contains(c))
}

/// What is wrong with what was typed, in the order of the fields. Only what would keep us from helping is wrong.
pub fn mistakes(w: &Words, typed: &Typed) -> Vec<Mistake> {
    let mut wrong = Vec::new();
    let mut add = |field: &str, words: String| wrong.push(Mistake { field: field.to_owned(), words });
    let long = |text: &str| text.chars().count() > LINE_CHARS_MAX;
    let too_long = |label: &str| format!("{} {}", w.t(label), w.f("public-err-long", &[("n", n(LINE_CHARS_MAX))]));
    if long(&typed.board) {
        add("board", too_long("public-board"));
    }
    if long(&typed.name) {
        add("name", too_long("public-name"));
    }
    if typed.phone.is_empty() && typed.email.is_empty() {
        add("phone", w.t("public-err-reach"));
    }
    if long(&typed.phone) || !(typed.phone.is_empty() || is_phone(&typed.phone)) {
        add("phone", w.t("public-err-phone"));
    }
    if long(&typed.email) || !(typed.email.is_empty() || is_mailbox(&typed.email)) {
        add("email", w.t("public-err-email"));
    }
    // Who is being hit and gives a number has said enough: somebody calls.
    let called = typed.hit_now && !typed.phone.is_empty();
    if typed.what.is_empty() && !called {
        add("what", w.t("public-err-what"));
    }
    if typed.what.chars().count() > WHAT_CHARS_MAX {
        add("what", w.f("public-err-what-long", &[("n", n(WHAT_CHARS_MAX))]));
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_taken_as_people_write_them() {
        for number in ["0470 00 00 00", "+32 (0)470/00.00.00", "014 58-00-00", "112112"] {
            assert!(is_phone(number), "{number}");
        }
        for other in ["", "bel mij", "0470 00 00 OO", "12", "+32"] {
            assert!(!is_phone(other), "{other}");
        }
    }

    #[test]
    fn mailboxes_have_a_shape() {
        for address in ["a@b.be", "r&d@b.be", "an.peeters+x@mail.gemeente.example", "\u{e9}@b.example"] {
            assert!(is_mailbox(address), "{address}");
        }
        for other in [
            "a@b.be?bcc=c@d.be",
            "a%b@c.be",
            "a@b.be#c",
            "",
            "a@b",
            "a b@c.be",
            "@b.be",
            "a@",
            "a@b.be,c@d.be",
            "a@b.be\r\nBcc: c@d.be",
            "<a@b.be>",
            "a@b.",
        ] {
            assert!(!is_mailbox(other), "{other}");
        }
    }

    #[test]
    fn the_same_press_is_the_same_and_anything_added_is_another() {
        let typed = Typed { once: "t".into(), what: "servers plat".into(), ..Typed::default() };
        assert_eq!(typed.same_press(&[]), typed.clone().same_press(&[]));
        let more = Typed { what: "servers plat, losgeldbrief".into(), ..typed.clone() };
        assert_ne!(typed.same_press(&[]), more.same_press(&[]));
        let moved = Typed { board: "servers plat".into(), what: String::new(), ..typed.clone() };
        assert_ne!(typed.same_press(&[]), moved.same_press(&[]));
        let file = FormFile { name: "a".into(), media_type: String::new(), bytes: vec![1] };
        assert_ne!(typed.same_press(&[]), typed.same_press(&[file]));
        assert_eq!(Typed { once: String::new(), ..typed }.same_press(&[]), None);
    }
}
