//! What a message is about, and whether a town is being hit now.

use super::Message;
use super::phrases::{For, Met};
use super::words::Word;
use crate::incidents::Severity;
use crate::intake::{Kind, Reason};

/// Words about a hit must weigh so much; the same word twice counts once.
const HIT_MIN: i32 = 3;
/// So much when nothing says that it is about the writer's own house or about now.
const HIT_ALONE_MIN: i32 = 5;
/// Single words of who does harm, of what it does and how far it reaches count so much, at most.
const CRIME_MAX: i32 = 4;
const HARM_MAX: i32 = 3;
const SCOPE_MAX: i32 = 2;
/// So much of them, with now and the own house, is a hit though no phrase for one was met.
const SIGNS_MIN: i32 = 6;
/// The same where nothing proves that a board writes.
const SIGNS_OF_STRANGERS_MIN: i32 = 8;
/// Words of a mail in which they are looked for, at most: a long one has some of everything, and who panics writes a short one.
const SIGNS_WORDS_MAX: usize = 120;
/// A type of incident that was named speaks for an incident so much.
const CLASS_WEIGHT: i32 = 2;
/// Different phrases for one thing that are added up, at most: more of them tell nothing new.
const SEEN_MAX: usize = 50;
/// Junk must weigh so much.
const JUNK_MIN: i32 = 3;
/// Reasons named for one opinion, at most.
const FOUND_MAX: usize = 3;

/// Parts of an address that tell press.
const PRESS_ADDRESS: [&str; 13] = [
    "redactie",
    "nieuws",
    "news",
    "krant",
    "press",
    "pers@",
    "journalist",
    "redaktion",
    "redaction",
    "vrt.be",
    "vtm.be",
    "hln.be",
    "standaard.be",
];
/// Parts of an address of machines that send advertisements and the like.
const JUNK_ADDRESS: [&str; 8] =
    ["newsletter", "nieuwsbrief", "marketing", "promo", "sales@", "noreply", "no-reply", "mailing"];

pub(super) struct Thought {
    pub(super) kind: Kind,
    pub(super) hit_now: bool,
    pub(super) severity: Option<Severity>,
    pub(super) rsit: Option<&'static str>,
    pub(super) reasons: Vec<Reason>,
}

/// Weight of everything that speaks for one thing: each phrase once, negated ones not at all.
fn weight(met: &[Met], what: For) -> i32 {
    let mut seen: Vec<String> = Vec::new();
    let mut sum = 0;
    for one in met.iter().filter(|m| m.what == what && !m.negated) {
        if seen.len() == SEEN_MAX {
            break;
        }
        let form = one.found.to_lowercase();
        if !seen.iter().any(|s| s.contains(&form) || form.contains(s.as_str())) {
            sum += one.weight;
            seen.push(form);
        }
    }
    sum
}

fn found(met: &[Met], what: For) -> impl Iterator<Item = &Met> {
    met.iter().filter(move |m| m.what == what && !m.negated)
}

pub(super) fn judge(message: &Message<'_>, words: &[Word<'_>], met: &[Met], from_board: bool) -> Thought {
    let kind = kind(message, words, met, from_board);
    let hit = weight(met, For::Hit);
    let hit_now = kind == Kind::Incident
        && !message.automatic
        && is_now(message, met, hit, from_board, words.len() <= SIGNS_WORDS_MAX);
    let (rsit, severity) = if kind == Kind::Incident { class(met) } else { (None, None) };
    let severity = if hit_now { Some(severity.unwrap_or(Severity::C3).min(Severity::C4)) } else { severity };
    let mut reasons = Vec::new();
    if hit_now {
        let signs = found(met, For::Crime).chain(found(met, For::Harm)).filter(|_| hit < HIT_MIN);
        reasons.extend(name("hit-now", found(met, For::Hit).chain(signs)));
    }
    reasons.extend(name("kind", found(met, speaks_for(kind))));
    if let Some(class) = rsit {
        let of_class = met.iter().filter(|m| matches!(m.what, For::Rsit(c, _) if c == class) && !m.negated);
        reasons.extend(name("rsit", of_class));
    }
    Thought { kind, hit_now, severity, rsit, reasons }
}

fn name<'m>(key: &'static str, met: impl Iterator<Item = &'m Met>) -> Vec<Reason> {
    let mut reasons: Vec<Reason> = Vec::new();
    for one in met {
        let said = |r: &Reason| r.found.eq_ignore_ascii_case(&one.found);
        if reasons.len() < FOUND_MAX && !reasons.iter().any(said) {
            reasons.push(Reason { key: key.to_owned(), found: one.found.clone() });
        }
    }
    reasons
}

fn speaks_for(kind: Kind) -> For {
    match kind {
        Kind::Incident => For::Incident,
        Kind::Question => For::Question,
        Kind::ContactRegistration => For::Contact,
        Kind::OfferOfHelp => For::Offer,
        Kind::Press => For::Press,
        Kind::Citizen => For::Citizen,
        Kind::Junk => For::Junk,
    }
}

/// A missed town is worse than a call too many; yet who only reads about it, or trains for it, is not called at night.
fn is_now(message: &Message<'_>, met: &[Met], hit: i32, from_board: bool, is_short: bool) -> bool {
    // Whoever types a board's name into a form, or writes from its domain, speaks of that board.
    let own = message.board_typed.is_some() || from_board || weight(met, For::Own) > 0;
    let now = weight(met, For::Now) > 0;
    let elsewhere = weight(met, For::Else);
    let enough = if own || now { hit >= HIT_MIN } else { hit >= HIT_ALONE_MIN };
    let signs = if own && is_short { signs(met, now) } else { 0 };
    let signs_min = if from_board { SIGNS_MIN } else { SIGNS_OF_STRANGERS_MIN };
    // Plain words about it outweigh one remark about something else.
    (enough || signs >= signs_min) && (elsewhere == 0 || hit.max(signs) > 2 * elsewhere)
}

/// What single words say together, of somebody's own house. Nobody's crime is an outage.
fn signs(met: &[Met], now: bool) -> i32 {
    let crime = weight(met, For::Crime).min(CRIME_MAX);
    let harm = weight(met, For::Harm).min(HARM_MAX);
    let scope = weight(met, For::Scope).min(SCOPE_MAX);
    if crime == 0 && (harm < HARM_MAX || scope < SCOPE_MAX) || harm + scope == 0 {
        return 0;
    }
    crime + harm + scope + 1 + i32::from(now)
}

fn kind(message: &Message<'_>, words: &[Word<'_>], met: &[Met], from_board: bool) -> Kind {
    let address = message.from_address.unwrap_or_default().to_lowercase();
    let sent_by = |parts: &[&str]| parts.iter().any(|p| address.contains(p));
    let press = weight(met, For::Press) + if sent_by(&PRESS_ADDRESS) { 4 } else { 0 };
    let junk = weight(met, For::Junk) + if sent_by(&JUNK_ADDRESS) { 2 } else { 0 };
    let elsewhere = weight(met, For::Else);
    let hit = weight(met, For::Hit);
    // What was read about, or trained for, is no incident of the writer's.
    let read_about = elsewhere > 0 && hit <= 2 * elsewhere;
    let named = if class(met).0.is_some() { CLASS_WEIGHT } else { 0 };
    let incident = weight(met, For::Incident) + named + if read_about { -elsewhere } else { hit };
    let contact = weight(met, For::Contact);
    let offer = weight(met, For::Offer);
    let citizen = weight(met, For::Citizen);
    let question =
        weight(met, For::Question) + if message.text.contains('?') || message.subject.contains('?') { 1 } else { 0 };
    // What was sent to many speaks of nobody's own house.
    let to_many = weight(met, For::Own) == 0 && junk > JUNK_MIN;
    if !from_board
        && junk >= JUNK_MIN
        && (junk > incident || to_many)
        && junk > contact
        && junk >= press
        && junk >= citizen
    {
        return Kind::Junk;
    }
    if !from_board && press >= 4 && press >= citizen {
        return Kind::Press;
    }
    if !from_board && citizen >= 3 && citizen >= hit {
        return Kind::Citizen;
    }
    if is_now(message, met, hit, from_board, words.len() <= SIGNS_WORDS_MAX) && hit.max(SIGNS_MIN) >= offer {
        return Kind::Incident;
    }
    if contact >= 4 && contact >= incident {
        return Kind::ContactRegistration;
    }
    if offer >= 3 && offer >= incident && offer >= question.min(offer) {
        return Kind::OfferOfHelp;
    }
    if !from_board && citizen >= 3 && citizen >= incident.min(citizen) {
        return Kind::Citizen;
    }
    if junk >= JUNK_MIN && junk > incident + question && !from_board {
        return Kind::Junk;
    }
    let several = words.len() > 1;
    if incident >= 2 && incident >= question && several {
        return Kind::Incident;
    }
    Kind::Question
}

fn class(met: &[Met]) -> (Option<&'static str>, Option<Severity>) {
    let mut best: Option<(i32, &'static str, Severity)> = None;
    for one in met.iter().filter(|m| !m.negated) {
        if let For::Rsit(class, severity) = one.what
            && best.is_none_or(|(weight, ..)| one.weight > weight)
        {
            best = Some((one.weight, class, severity));
        }
    }
    (best.map(|(_, class, _)| class), best.map(|(.., severity)| severity))
}
