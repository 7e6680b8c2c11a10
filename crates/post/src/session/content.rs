//! The content of one mail while it comes in: where `DATA` ends, how large it is, how much memory all mails take.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use memchr::memchr;

/// Step in which memory is asked of the budget, in bytes.
const GRANT_STEP_BYTES: usize = 64 * 1024;
/// Room made for the first piece of a mail, in bytes: most mails never need more, and growing line by line costs copies.
const FIRST_BYTES: usize = 8 * 1024;

/// Finds the end of `DATA` and undoes dot stuffing (RFC 5321, 4.5.2).
///
/// Only CR LF `.` CR LF ends a mail. A bare CR or a bare LF is content, wherever it stands, and starts no line: that
/// is what keeps a second mail from being smuggled through a server that sees line ends differently.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ender {
    /// At the start of the content, or just after CR LF.
    #[default]
    LineStart,
    /// After a dot at the start of a line; the dot is held back.
    Dot,
    /// After that dot and a CR; both are held back.
    DotCr,
    /// Inside a line.
    Text,
    /// After a CR inside a line.
    Cr,
}

impl Ender {
    /// Passes content on to `sink` until the input or the mail ends. Returns how many bytes were used and whether
    /// the mail ended there.
    pub fn take(&mut self, input: &[u8], mut sink: impl FnMut(&[u8])) -> (usize, bool) {
        let mut at = 0;
        while at < input.len() {
            let byte = input[at];
            match (*self, byte) {
                (Ender::LineStart, b'.') => *self = Ender::Dot,
                (Ender::Dot, b'\r') => *self = Ender::DotCr,
                (Ender::DotCr, b'\n') => {
                    *self = Ender::LineStart;
                    return (at + 1, true);
                }
                (Ender::DotCr, _) => {
                    // The dot was stuffing, the CR was not the end: give the CR back and look at this byte again.
                    sink(b"\r");
                    *self = Ender::Cr;
                    continue;
                }
                (Ender::Cr, b'\n') => {
                    sink(b"\n");
                    *self = Ender::LineStart;
                }
                _ => {
                    let rest = &input[at..];
                    let line = memchr(b'\r', rest).map_or(rest.len(), |cr| cr + 1);
                    sink(&rest[..line]);
                    *self = if rest[line - 1] == b'\r' { Ender::Cr } else { Ender::Text };
                    at += line;
                    continue;
                }
            }
            at += 1;
        }
        (at, false)
    }
}

/// Bytes that all mails on their way in may take together.
#[derive(Debug)]
pub struct Budget {
    free: AtomicUsize,
}

impl Budget {
    /// A budget of so many bytes.
    pub fn new(bytes: usize) -> Arc<Self> {
        Arc::new(Self { free: AtomicUsize::new(bytes) })
    }

    /// Bytes that nobody holds.
    pub fn free(&self) -> usize {
        self.free.load(Ordering::Relaxed)
    }

    fn take(&self, bytes: usize) -> bool {
        self.free.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |free| free.checked_sub(bytes)).is_ok()
    }
}

/// What one mail holds of the budget; given back when dropped.
#[derive(Debug)]
pub(super) struct Grant {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Grant {
    fn cover(&mut self, bytes: usize) -> bool {
        if bytes <= self.bytes {
            return true;
        }
        let more = (bytes - self.bytes).next_multiple_of(GRANT_STEP_BYTES);
        let granted = self.budget.take(more);
        if granted {
            self.bytes += more;
        }
        granted
    }
}

impl Drop for Grant {
    fn drop(&mut self) {
        self.budget.free.fetch_add(self.bytes, Ordering::Relaxed);
    }
}

/// Why content is thrown away instead of gathered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spoiled {
    /// Larger than a mail may be.
    TooLarge,
    /// The budget is used up.
    NoMemory,
}

/// The content of one mail.
#[derive(Debug)]
pub(super) struct Content {
    bytes: Vec<u8>,
    grant: Grant,
    size_max: usize,
    spoiled: Option<Spoiled>,
    /// Bytes that came after it was spoiled.
    pub discarded: u64,
}

impl Content {
    pub fn new(budget: &Arc<Budget>, size_max: usize) -> Self {
        let grant = Grant { budget: budget.clone(), bytes: 0 };
        Self { bytes: Vec::new(), grant, size_max, spoiled: None, discarded: 0 }
    }

    pub fn push(&mut self, piece: &[u8]) {
        if self.spoiled.is_none() {
            let size = self.bytes.len() + piece.len();
            if size > self.size_max {
                self.spoil(Spoiled::TooLarge);
            } else if !self.grant.cover(size) {
                self.spoil(Spoiled::NoMemory);
            } else {
                if self.bytes.capacity() == 0 {
                    self.bytes.reserve_exact(FIRST_BYTES.min(self.size_max).max(piece.len()));
                }
                self.bytes.extend_from_slice(piece);
                return;
            }
        }
        self.discarded += piece.len() as u64;
    }

    fn spoil(&mut self, why: Spoiled) {
        self.spoiled = Some(why);
        self.bytes = Vec::new();
        self.grant = Grant { budget: self.grant.budget.clone(), bytes: 0 };
    }

    /// Why it is being thrown away, if it is.
    pub fn spoiled(&self) -> Option<Spoiled> {
        self.spoiled
    }

    /// The bytes, with the grant that has to live as long as they do.
    pub fn finish(self) -> Result<(Vec<u8>, Grant), Spoiled> {
        match self.spoiled {
            None => Ok((self.bytes, self.grant)),
            Some(why) => Err(why),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn whole(input: &[u8]) -> (Vec<u8>, Option<usize>) {
        let (mut ender, mut out) = (Ender::default(), Vec::new());
        let (used, done) = ender.take(input, |piece| out.extend_from_slice(piece));
        (out, done.then_some(used))
    }

    fn stuffed(content: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        for (at, &byte) in content.iter().enumerate() {
            if byte == b'.' && (at == 0 || content[..at].ends_with(b"\r\n")) {
                out.push(b'.');
            }
            out.push(byte);
        }
        out.extend_from_slice(b".\r\n");
        out
    }

    #[test]
    fn only_crlf_dot_crlf_ends_a_mail() {
        for end in
            ["\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r.\r\n", "\r\n.\r", "\r\n.\r\r\n", "\r\n\0.\r\n", "\n\r.\r\n"]
        {
            let mail = format!("a{end}b\r\n");
            let (_, done) = whole(mail.as_bytes());
            assert_eq!(done, None, "{end:?} ended a mail");
            let (out, done) = whole(format!("{mail}.\r\nRSET\r\n").as_bytes());
            assert_eq!(done, Some(mail.len() + 3), "{end:?}");
            assert!(out.ends_with(b"b\r\n"), "{end:?} lost content: {out:?}");
        }
    }

    #[test]
    fn a_mail_of_nothing_ends_too() {
        assert_eq!(whole(b".\r\nQUIT\r\n"), (vec![], Some(3)));
    }

    #[test]
    fn budget_comes_back_when_a_mail_is_gone() {
        let budget = Budget::new(3 * GRANT_STEP_BYTES);
        let mut content = Content::new(&budget, usize::MAX);
        content.push(&[b'x'; 2 * GRANT_STEP_BYTES + 1]);
        assert_eq!(budget.free(), 0);
        let mut other = Content::new(&budget, usize::MAX);
        other.push(b"x");
        assert_eq!(other.finish().unwrap_err(), Spoiled::NoMemory);
        drop(content.finish().unwrap());
        assert_eq!(budget.free(), 3 * GRANT_STEP_BYTES);
    }

    proptest! {
        #[test]
        fn stuffing_then_taking_in_any_pieces_gives_the_content_back(
            content in proptest::collection::vec(prop_oneof![Just(b'.'), Just(b'\r'), Just(b'\n'), Just(0), any::<u8>()], 0..200),
            cut in 1usize..20,
        ) {
            let mut content = content;
            if !content.is_empty() { content.extend_from_slice(b"\r\n"); }
            let mut wire = stuffed(&content);
            wire.extend_from_slice(b"NOOP\r\n");
            let (mut ender, mut out, mut used, mut done) = (Ender::default(), Vec::new(), 0, false);
            for piece in wire.chunks(cut) {
                let (n, end) = ender.take(piece, |bytes| out.extend_from_slice(bytes));
                used += n;
                if end { done = true; break; }
            }
            prop_assert!(done);
            prop_assert_eq!(used, wire.len() - 6);
            prop_assert_eq!(out, content);
        }
    }
}
