//! Which board a message is from or about. Certain only on proof: unsure is allowed, wrong and certain is not.

use super::words::Word;
use crate::folding::squeezed;
use crate::intake::Reason;
use crate::register::{Board, BoardId, Named, Register};

/// A board and how sure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Guess {
    pub(super) board: Option<BoardId>,
    pub(super) certain: bool,
    pub(super) reasons: Vec<Reason>,
}

/// Before a name: that it is a municipality which is meant.
const TOWN: [&str; 16] = [
    "gemeente",
    "gemeentebestuur",
    "stad",
    "stadsbestuur",
    "lokaal",
    "bestuur",
    "besturen",
    "commune",
    "ville",
    "gemeinde",
    "stadt",
    "municipality",
    "town",
    "city",
    "administration",
    "gemeenteraad",
];
/// Before a name: another legal person of the same place. It is not certain that the municipality is meant.
const RELATED: [&str; 12] = [
    "ocmw",
    "cpas",
    "politiezone",
    "politie",
    "pz",
    "hulpverleningszone",
    "brandweer",
    "brandweerzone",
    "agb",
    "zorgbedrijf",
    "school",
    "woonzorgcentrum",
];
/// Words that may stand between who speaks and the name: whose they are says who speaks.
const ROLES: [&str; 74] = [
    "de",
    "het",
    "van",
    "voor",
    "bij",
    "in",
    "en",
    "een",
    "der",
    "den",
    "the",
    "of",
    "for",
    "from",
    "at",
    "a",
    "le",
    "la",
    "de",
    "du",
    "d",
    "l",
    "des",
    "pour",
    "fur",
    "die",
    "von",
    "ben",
    "zijn",
    "it",
    "ict",
    "ict'er",
    "er",
    "dienst",
    "diensthoofd",
    "hoofd",
    "wacht",
    "informatica",
    "informaticadienst",
    "verantwoordelijke",
    "systeembeheerder",
    "systeembeheer",
    "helpdesk",
    "algemeen",
    "directeur",
    "secretaris",
    "secretariaat",
    "burgemeester",
    "schepen",
    "ciso",
    "dpo",
    "functionaris",
    "gegevensbescherming",
    "informatieveiligheidsconsulent",
    "manager",
    "team",
    "responsable",
    "informatique",
    "service",
    "head",
    "officer",
    "head",
    "leiter",
    "leiterin",
    "verantwortliche",
    "mayor",
    "bourgmestre",
    "directrice",
    "directeur",
    "general",
    "dans",
    "beheerder",
    "medewerker",
    "collega",
];
/// How somebody begins who says where they are from.
const SELF: [&[&str]; 22] = [
    &["namens"],
    &["ik", "ben"],
    &["ben", "ik"],
    &["ik", "werk"],
    &["wij", "zijn"],
    &["we", "zijn"],
    &["hier"],
    &["onze"],
    &["ons"],
    &["met", "de"],
    &["on", "behalf"],
    &["i", "am"],
    &["i", "work"],
    &["we", "are"],
    &["our"],
    &["je", "suis"],
    &["nous", "sommes"],
    &["notre"],
    &["au", "nom"],
    &["ich", "bin"],
    &["wir", "sind"],
    &["im", "namen"],
];
/// How far back one looks for it, words.
const SELF_WORDS: usize = 10;
/// A line of so few words that names a board is a signature.
const SIGNATURE_WORDS: usize = 7;
/// Beginnings of signature lines besides the town words.
const DESKS: [&str; 26] = [
    "ict",
    "it",
    "informatica",
    "informaticadienst",
    "dienst",
    "helpdesk",
    "secretariaat",
    "secretaris",
    "systeembeheer",
    "burgerzaken",
    "financien",
    "burgemeester",
    "algemeen",
    "directeur",
    "ad",
    "dpo",
    "ciso",
    "personeelsdienst",
    "aankoop",
    "aankoopdienst",
    "onthaal",
    "functionaris",
    "service",
    "stadhuis",
    "gemeentehuis",
    "ocmw",
];
/// Names that are also words of daily language: they count only as a name when something beside them says so.
const ALSO_WORDS: [&str; 42] = [
    "as", "asse", "balen", "bever", "beveren", "boom", "bree", "bruges", "duffel", "essen", "gand", "geel", "hal",
    "halen", "halle", "ham", "heers", "herne", "hove", "kapellen", "landen", "lede", "lier", "lierre", "lille", "lint",
    "linter", "malle", "meise", "menen", "mol", "niel", "olen", "peer", "putte", "schelle", "staden", "stekene",
    "temse", "tienen", "voeren", "wellen",
];
/// Top-level domains under which a board's own name is its own.
const OWN_SUFFIXES: [&str; 3] = ["be", "vlaanderen", "example"];
/// Top-level domains that are a town's name: what boards put before their name stands alone there.
const TOWN_SUFFIXES: [&str; 1] = ["gent"];
/// Top-level domains under which a board's name may also be somebody else's.
const OTHERS_SUFFIXES: [&str; 1] = ["brussels"];
/// What boards put before their name in a domain.
const DOMAIN_TOWN: [&str; 8] =
    ["gemeente", "gemeente-", "stad", "stad-", "stadsbestuur", "gemeentebestuur", "lokaalbestuur", "bestuur"];
/// The same for other legal persons of the place.
const DOMAIN_RELATED: [&str; 8] = ["ocmw", "ocmw-", "pz", "politie", "politiezone", "zorgbedrijf", "cpas", "agb"];
/// Parts of a board's domain that are the municipality's own.
const DOMAIN_HOSTS: [&str; 4] = ["www", "mail", "mx", "smtp"];

/// A board named in a text.
#[derive(Clone, Debug)]
struct Mention {
    board: BoardId,
    /// The name as written.
    found: String,
    former: bool,
    /// The writer says to be of it.
    own: bool,
    /// Another legal person of the place is named.
    related: bool,
}

/// What the domain of an address says.
pub(super) fn by_domain(register: &Register, address: &str, day: &str) -> Option<(BoardId, bool, String)> {
    let (_, host) = address.rsplit_once('@')?;
    let host = host.trim().trim_end_matches('.').to_lowercase();
    let mut above = host.as_str();
    loop {
        if let Some(board) = register.by_domain(above) {
            return Some((board.id, above == host || is_mail_host(&host, above), above.to_owned()));
        }
        match above.split_once('.') {
            Some((_, rest)) if rest.contains('.') => above = rest,
            _ => break,
        }
    }
    let named = |name: &str| register.find_on(name, day).filter(|b| b.index() < register.len());
    let under = |s: &&&str| host.strip_suffix(**s).is_some_and(|rest| rest.ends_with('.'));
    if let Some(town) = TOWN_SUFFIXES.iter().find(under) {
        let rest = &host[..host.len() - town.len() - 1];
        let label = rest.rsplit('.').next().unwrap_or_default();
        let own_host = rest.strip_suffix(label).is_some_and(|below| {
            let below = below.trim_end_matches('.');
            below.is_empty() || DOMAIN_HOSTS.contains(&below)
        });
        let is_town = DOMAIN_TOWN.contains(&label);
        let of_place = is_town || DOMAIN_RELATED.contains(&label);
        return named(town).filter(|_| of_place).map(|b| (b, is_town && own_host, format!("{label}.{town}")));
    }
    let suffix = OWN_SUFFIXES.iter().chain(&OTHERS_SUFFIXES).find(under)?;
    let is_others = OTHERS_SUFFIXES.contains(suffix);
    let rest = &host[..host.len() - suffix.len() - 1];
    let (below, label) = rest.rsplit_once('.').map_or(("", rest), |(below, label)| (below, label));
    let own_host = !is_others && (below.is_empty() || DOMAIN_HOSTS.contains(&below));
    if let Some(board) = named(label) {
        let word = ALSO_WORDS.contains(&squeezed(label).as_str());
        return Some((board, own_host && !word, format!("{label}.{suffix}")));
    }
    let prefixed = |prefixes: &[&str]| {
        // The longest prefix first: `gemeente-x` is not a board called `-x`.
        prefixes.iter().rev().find_map(|p| named(label.strip_prefix(p)?))
    };
    if let Some(board) = prefixed(&DOMAIN_TOWN) {
        return Some((board, own_host, format!("{label}.{suffix}")));
    }
    prefixed(&DOMAIN_RELATED).map(|board| (board, false, format!("{label}.{suffix}")))
}

fn is_mail_host(host: &str, domain: &str) -> bool {
    let below = host.strip_suffix(domain).map(|b| b.trim_end_matches('.'));
    below.is_some_and(|b| DOMAIN_HOSTS.contains(&b))
}

/// Boards named in a text, in order.
fn mentions(register: &Register, words: &[Word<'_>], day: &str) -> Vec<Mention> {
    let folded: Vec<&str> = words.iter().map(|w| w.folded.as_str()).collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let Some(Named { length, boards, former }) = register.named_at(&folded[at..], day) else {
            at += 1;
            continue;
        };
        let same_line = words[at..at + length].iter().all(|w| w.line == words[at].line || length > 1);
        if same_line && !is_person(words, at) {
            let before = before_name(words, at);
            let common = length == 1 && ALSO_WORDS.contains(&folded[at]);
            let meant = words[at].is_capital() && (!common || before.town || before.related)
                || (!common && !words[at].is_capital());
            if meant {
                let own =
                    (before.town || before.desk || before.related) && (before.own || is_signature(words, at, length));
                for board in boards {
                    found.push(Mention {
                        board,
                        found: words[at..at + length].iter().map(|w| w.written).collect::<Vec<_>>().join(" "),
                        former,
                        own,
                        related: before.related && !before.town,
                    });
                }
            }
        }
        at += length;
    }
    found
}

/// `Jan Van Hasselt` is a person, not a town.
fn is_person(words: &[Word<'_>], at: usize) -> bool {
    let Some(before) = at.checked_sub(1).map(|n| &words[n]) else { return false };
    let line = words[at].line;
    // `An De Pinte`: the name itself begins as a surname does.
    if words[at].written == "De" && before.line == line && before.is_capital() {
        let word = before.folded.as_str();
        return !(TOWN.contains(&word) || RELATED.contains(&word) || DESKS.contains(&word));
    }
    let particle = matches!(before.written, "Van" | "De" | "Vande" | "Vander" | "VAN") && before.line == line;
    particle && at >= 2 && words[at - 2].is_capital() && words[at - 2].line == line
}

#[derive(Default)]
struct Before {
    /// `gemeente`, `stad`, …
    town: bool,
    /// `ocmw`, `politiezone`, …
    related: bool,
    /// `ict`, `secretariaat`, … right before the name.
    desk: bool,
    /// The writer says to be of it.
    own: bool,
}

fn before_name(words: &[Word<'_>], at: usize) -> Before {
    let mut before = Before::default();
    let sentence = words[at].sentence;
    let back: Vec<&Word<'_>> =
        words[..at].iter().rev().take(SELF_WORDS).take_while(|w| w.sentence == sentence).collect();
    let mut steps = back.iter().peekable();
    // Right before the name: kinds of bodies, joined by "and", and the articles of other languages.
    while let Some(word) = steps.peek() {
        let word = word.folded.as_str();
        if TOWN.contains(&word) {
            before.town = true;
        } else if RELATED.contains(&word) {
            before.related = true;
        } else if DESKS.contains(&word) && !before.town && !before.related {
            before.desk = true;
        } else if !(["en", "and", "et", "und", "of", "de", "d", "van"].contains(&word))
            || !(before.town || before.related) && word == "van"
        {
            break;
        }
        steps.next();
    }
    let rest: Vec<&str> = back.iter().map(|w| w.folded.as_str()).collect();
    before.own = says_self(&rest);
    before
}

/// Whether, going back from a name, only roles stand between it and somebody who speaks of themselves.
fn says_self(back: &[&str]) -> bool {
    for (n, word) in back.iter().enumerate() {
        let begins = |form: &&[&str]| {
            let last = form[form.len() - 1];
            *word == last && form.len() == 1 || (*word == last && form.len() == 2 && back.get(n + 1) == Some(&form[0]))
        };
        if SELF.iter().any(begins) {
            return true;
        }
        if !(ROLES.contains(word) || TOWN.contains(word) || RELATED.contains(word) || DESKS.contains(word)) {
            return false;
        }
    }
    false
}

/// A short line that is hardly more than an office and a name.
fn is_signature(words: &[Word<'_>], at: usize, length: usize) -> bool {
    let line = words[at].line;
    if line == 0 {
        return false;
    }
    let of_line = words.iter().filter(|w| w.line == line);
    let few = of_line.clone().take(SIGNATURE_WORDS + 1).count() <= SIGNATURE_WORDS;
    let office = |w: &Word<'_>| {
        let word = w.folded.as_str();
        TOWN.contains(&word) || RELATED.contains(&word) || DESKS.contains(&word) || ROLES.contains(&word)
    };
    let before = words[..at].iter().rev().take_while(|w| w.line == line);
    let after = words[at + length..].iter().take_while(|w| w.line == line);
    few && before.into_iter().all(office)
        && after.into_iter().take(3).all(|w| office(w) || w.folded.bytes().all(|b| b.is_ascii_digit()))
}

/// What is known of a message besides its words.
pub(super) struct Known<'a> {
    pub(super) register: &'a Register,
    /// The day, ISO 8601.
    pub(super) day: &'a str,
    pub(super) learned: Option<BoardId>,
    pub(super) typed: Option<&'a str>,
    pub(super) address: Option<&'a str>,
    /// The words speak of a board that the writer is not of: press, citizens, offers, junk.
    pub(super) outsider: bool,
}

pub(super) fn recognise(known: &Known<'_>, words: &[Word<'_>]) -> Guess {
    let register = known.register;
    let name = |board: BoardId| register.get(board).map(|b: &Board| b.name.clone()).unwrap_or_default();
    let reason = |key: &str, found: &str| Reason { key: key.to_owned(), found: found.to_owned() };
    if let Some(board) = known.learned {
        return Guess { board: Some(board), certain: true, reasons: vec![reason("board-learned", &name(board))] };
    }
    let domain = known.address.and_then(|a| by_domain(register, a, known.day));
    if let Some(typed) = known.typed.filter(|t| !t.trim().is_empty())
        && let Some((board, related)) = by_typed(register, typed, known.day)
    {
        let agrees = domain.as_ref().is_none_or(|(d, ..)| *d == board);
        return Guess {
            board: Some(board),
            certain: agrees && !related,
            reasons: vec![reason("board-typed", typed.trim())],
        };
    }
    let mentions = mentions(register, words, known.day);
    let own: Vec<&Mention> = mentions.iter().filter(|m| m.own).collect();
    if let Some((board, certain, found)) = domain {
        let other = own.iter().any(|m| m.board != board);
        let mut reasons = vec![reason("board-domain", &found)];
        reasons.extend(own.iter().filter(|m| m.board == board).take(1).map(|m| of_mention(m)));
        return Guess { board: Some(board), certain: certain && !other, reasons };
    }
    by_mentions(known, &mentions)
}

fn of_mention(mention: &Mention) -> Reason {
    let key = if mention.former { "board-former-name" } else { "board-name" };
    Reason { key: key.to_owned(), found: mention.found.clone() }
}

fn by_mentions(known: &Known<'_>, mentions: &[Mention]) -> Guess {
    let boards = |of: &mut dyn Iterator<Item = &Mention>| {
        let mut boards: Vec<BoardId> = of.map(|m| m.board).collect();
        boards.sort_unstable();
        boards.dedup();
        boards
    };
    let own = boards(&mut mentions.iter().filter(|m| m.own));
    if let [board] = own[..] {
        let of_it = || mentions.iter().filter(|m| m.board == board && m.own);
        let related = of_it().all(|m| m.related);
        let reasons = of_it().take(1).map(of_mention).collect();
        return Guess { board: Some(board), certain: !related && !known.outsider, reasons };
    }
    if own.len() > 1 {
        return Guess::default();
    }
    let named = boards(&mut mentions.iter());
    match named[..] {
        [board] => {
            let reasons = mentions.iter().filter(|m| m.board == board).take(1).map(of_mention).collect();
            Guess { board: Some(board), certain: false, reasons }
        }
        _ => Guess::default(),
    }
}

/// What somebody typed into a field for it: a name, perhaps with what stands before it.
fn by_typed(register: &Register, typed: &str, day: &str) -> Option<(BoardId, bool)> {
    if let Some(board) = register.find_on(typed, day) {
        return Some((board, false));
    }
    let words = super::words::words("", typed);
    let name_from = words.iter().position(|w| {
        let word = w.folded.as_str();
        !(TOWN.contains(&word) || RELATED.contains(&word) || ["van", "de", "en", "of", "d"].contains(&word))
    })?;
    let related = words[..name_from].iter().any(|w| RELATED.contains(&w.folded.as_str()))
        && !words[..name_from].iter().any(|w| TOWN.contains(&w.folded.as_str()));
    // "De Haan" begins with an article: try from each word on.
    (0..=name_from).rev().find_map(|from| {
        let name: String = words[from..].iter().map(|w| w.folded.as_str()).collect();
        Some((register.find_on(&name, day)?, related))
    })
}
