//! The next hop: takes mail, defers it, refuses it, breaks; and remembers what it took.

use crate::invariant::{Check, Invariant, holds};
use crate::random::Chance;
use desk::outbox::{Letter, Sending, Tried};
use std::collections::HashMap;

/// What the next hop does with a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// 250.
    Takes,
    /// 451.
    Defers,
    /// 550.
    Refuses,
    /// No connection.
    Unreachable,
    /// The connection breaks after the final dot; the mail was taken.
    BreaksAfter,
    /// The connection breaks after the final dot; the mail was not taken.
    BreaksBefore,
}

impl Answer {
    /// An answer by chance: the more trouble (permille), the less is taken.
    pub fn by(chance: &mut Chance, trouble: u32) -> Answer {
        let other = [Answer::Defers, Answer::Refuses, Answer::Unreachable, Answer::BreaksAfter, Answer::BreaksBefore];
        match chance.permille(trouble) {
            true => other[chance.weighted(&[5, 2, 3, 3, 2])],
            false => Answer::Takes,
        }
    }

    /// Whether the mail went on.
    pub fn is_taken(self) -> bool {
        matches!(self, Answer::Takes | Answer::BreaksAfter)
    }

    /// As the engine tells it to the desk.
    pub fn tried(self) -> Tried {
        let later = |code, said: &str, unsure| Tried::Later { code, said: said.to_owned(), unsure };
        match self {
            Answer::Takes => Tried::Taken { said: "250 2.0.0 taken".to_owned() },
            Answer::Defers => later(451, "451 4.7.1 greylisted", false),
            Answer::Refuses => Tried::Refused { code: 550, said: "550 5.1.1 nobody here".to_owned() },
            Answer::Unreachable => later(0, "connection refused", false),
            Answer::BreaksAfter | Answer::BreaksBefore => later(0, "connection lost", true),
        }
    }
}

#[derive(Debug, Default)]
struct Seen {
    letter: Option<Letter>,
    times: u32,
    /// How often something happened after which it may come once more.
    excuses: u32,
}

/// The next hop's memory, by Message-ID.
#[derive(Debug, Default)]
pub struct Peer {
    seen: HashMap<String, Seen>,
    /// Mails that came more than once.
    pub repeated: u64,
}

impl Peer {
    /// It takes a mail.
    pub(super) fn take(&mut self, sending: &Sending) -> Check {
        let seen = self.seen.entry(sending.message_id.clone()).or_default();
        if let Some(before) = &seen.letter {
            holds(*before == sending.letter, Invariant::OneMessageId, || {
                format!("{} came again as another mail: {before:?}, then {:?}", sending.message_id, sending.letter)
            })?;
        }
        seen.letter = Some(sending.letter.clone());
        seen.times += 1;
        self.repeated += u64::from(seen.times > 1);
        let (times, excuses) = (seen.times, seen.excuses);
        holds(times <= 1 + excuses, Invariant::ResentOnlyAfterBreak, || {
            format!("{} came {times} times, and only {excuses} breaks explain it", sending.message_id)
        })
    }

    /// Something happened after which this mail may come once more.
    pub fn excuse(&mut self, message_id: &str) {
        self.seen.entry(message_id.to_owned()).or_default().excuses += 1;
    }

    /// How often a mail was taken.
    pub fn times(&self, message_id: &str) -> u32 {
        self.seen.get(message_id).map_or(0, |s| s.times)
    }
}
