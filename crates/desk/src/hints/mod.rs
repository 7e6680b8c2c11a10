//! Hints: what a message seems to be. Recognition only; a person decides. Words are data (`data/hints.csv`), rules stand here.

mod board;
#[cfg(test)]
mod evaluate;
mod kind;
mod language;
mod phrases;
mod words;

use crate::house::Language;
use crate::intake::{Appraisal, Kind, Reason};
use crate::register::day_of;
use crate::{Desk, Digest};

/// Reasons given, at most.
const REASONS_MAX: usize = 12;

/// A message to be judged.
#[derive(Clone, Copy, Debug, Default)]
pub struct Message<'a> {
    /// Subject, decoded.
    pub subject: &'a str,
    /// Text. The first 20,000 characters count.
    pub text: &'a str,
    /// Address of the sender.
    pub from_address: Option<&'a str>,
    /// Which board's name the writer gave, as typed (form, phone).
    pub board_typed: Option<&'a str>,
    /// Keyed digest of the sender's address.
    pub sender: Option<Digest>,
    /// A machine or a list sent it.
    pub automatic: bool,
}

/// What is thought of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opinion {
    /// Kind, urgency, board, severity, type.
    pub appraisal: Appraisal,
    /// Its language, where sure.
    pub language: Option<Language>,
    /// Why, the weightiest first. Keys: `hit-now`, `kind`, `rsit`, `board-learned`, `board-typed`, `board-domain`, `board-name`,
    /// `board-former-name`.
    pub reasons: Vec<Reason>,
}

/// Judge a message.
pub fn judge(desk: &Desk, message: &Message<'_>) -> Opinion {
    let fresh = words::fresh(message.text);
    // The subject of an answer is what was said before; it still names a board.
    let answers = ["re:", "aw:", "antw:", "ré:"].iter().any(|r| starts_with(message.subject, r));
    let words = words::words(message.subject, &fresh);
    let said_now = words.iter().position(|w| w.line > 0).filter(|_| answers).unwrap_or(0);
    let met = phrases::met(&words[said_now..]);
    let day = day_of(desk.last_at);
    let learned = message.sender.and_then(|s| desk.intake.learned.get(&s)).and_then(|l| l.board);
    let mut known = board::Known {
        register: &desk.register,
        day: &day,
        learned: learned.filter(|b| desk.register.get(*b).is_some()),
        typed: message.board_typed,
        address: message.from_address,
        outsider: false,
    };
    let from_board = board::recognise(&known, &words).certain;
    let thought = kind::judge(message, &words, &met, from_board);
    known.outsider = matches!(thought.kind, Kind::Press | Kind::Citizen | Kind::OfferOfHelp | Kind::Junk);
    let guess = board::recognise(&known, &words);
    let mut reasons = thought.reasons;
    reasons.extend(guess.reasons);
    reasons.truncate(REASONS_MAX);
    Opinion {
        appraisal: Appraisal {
            kind: thought.kind,
            hit_now: thought.hit_now,
            board: guess.board,
            board_certain: guess.certain,
            severity: thought.severity,
            rsit: thought.rsit.map(str::to_owned),
        },
        language: language::guess(&words),
        reasons,
    }
}

/// Whether an address is surely one of a board, by its domain.
pub fn is_of_board(desk: &Desk, address: &str) -> bool {
    board::by_domain(&desk.register, address, &day_of(desk.last_at)).is_some_and(|(_, certain, _)| certain)
}

fn starts_with(subject: &str, prefix: &str) -> bool {
    let head: String = subject.trim_start().chars().take(prefix.chars().count()).collect();
    head.to_lowercase() == prefix
}
