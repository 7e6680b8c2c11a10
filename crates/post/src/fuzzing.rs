//! One plain function for every parser of foreign bytes, for fuzz targets: each must return for any input.

use std::sync::Arc;

use crate::door::{Kept, Protocol, Reception};
use crate::read::ReadLimits;
use crate::session::{Action, Budget, Rules, Session};

/// [`crate::scan::scan`] and [`crate::scan::without_trace`].
pub fn scan(data: &[u8]) {
    crate::scan::scan(data);
    crate::scan::without_trace(data);
}

/// [`crate::read::read`] and the attachments it lists.
pub fn read(data: &[u8]) {
    let limits = ReadLimits::default();
    let reading = crate::read::read(data, &limits);
    for part in reading.attachments.iter().take(5) {
        let found = crate::read::attachment(data, part.index, &limits);
        assert!(
            found.is_some_and(|(again, _)| again.sha256 == part.sha256),
            "an attachment that is listed is not found"
        );
    }
}

/// A whole conversation, in pieces whose size is the first byte.
pub fn session(data: &[u8]) {
    let Some((&piece, talk)) = data.split_first() else { return };
    let protocol = if piece % 2 == 0 { Protocol::Smtp } else { Protocol::Lmtp };
    let reception =
        Reception { mailboxes: ["a@b.example"].into_iter().collect(), size_max: 64 * 1024, ..Reception::default() };
    let mut session = Session::new(Arc::new(Rules::new(&reception, protocol)), Budget::new(1 << 20), None);
    for mut rest in talk.chunks(usize::from(piece).max(1)) {
        while !rest.is_empty() {
            let (used, action) = session.take(rest);
            rest = &rest[used..];
            match action {
                Some(Action::Keep(envelope, raw)) => {
                    assert!(!envelope.to.is_empty() && raw.len() <= reception.size_max);
                    session.kept(&Kept::Kept { reference: "M-1".into() });
                }
                Some(Action::Close) => return,
                Some(Action::StartTls) => session.secured(),
                None => assert!(rest.is_empty(), "input left without a reason"),
            }
        }
        let replies = session.output();
        assert!(replies.is_empty() || replies.ends_with(b"\r\n"));
    }
}

/// Text, links and the sanitiser.
pub fn html(data: &[u8]) {
    let html = String::from_utf8_lossy(data);
    crate::html::html_to_text(&html);
    crate::html::links(&html, 100);
    let once = crate::html::sanitised(&html);
    assert!(!once.contains("<script") && !once.contains("<img"));
}
