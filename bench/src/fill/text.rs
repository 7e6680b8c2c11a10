//! Invented text, with the spread of words that texts have: a few everywhere, most of them seldom.

use crate::chance::Chance;
use desk::intake::Observable;

/// Words of the field. Each stands in about one message of twenty: what people search for.
const FIELD: &[&str] = &[
    "server",
    "gebruiker",
    "account",
    "wachtwoord",
    "verdacht",
    "vanmorgen",
    "netwerk",
    "leverancier",
    "back-up",
    "versleuteld",
    "phishing",
    "ransomware",
    "factuur",
    "bijlage",
    "login",
    "mailbox",
    "firewall",
    "logboek",
    "hersteld",
    "geblokkeerd",
    "onderzoek",
    "toestel",
    "laptop",
    "domein",
    "webserver",
    "kwetsbaarheid",
    "patch",
    "losgeld",
    "aanvaller",
    "exfiltratie",
    "persoonsgegevens",
    "politiezone",
    "burgerzaken",
    "rijbewijs",
    "identiteitskaart",
    "bibliotheek",
    "containerpark",
    "spoofing",
    "botnet",
    "beacon",
    "webshell",
    "VPN",
    "MFA",
    "Kerberos",
    "hypervisor",
    "NAS",
    "archief",
    "printer",
    "loket",
    "nachtploeg",
    "draaiboek",
    "noodplan",
    "persbericht",
    "burgemeester",
    "schepen",
];
/// One word in so many is of the field.
const FIELD_ONE_IN: u64 = 20;
/// Different other words.
const OTHERS: u64 = 50_000;
/// One observable in so many is a shared one, and so many different ones are.
const SHARED_ONE_IN: u64 = 20;
const SHARED: u64 = 2000;

const SUBJECTS: &[&str] = &[
    "bestanden versleuteld",
    "verdachte mail ontvangen",
    "account misbruikt",
    "website onbereikbaar",
    "phishing in naam van de gemeente",
    "vraag over een melding",
    "scan van onze adressen",
    "datalek vermoed",
    "factuurfraude",
    "malware op een toestel",
    "spam vanaf onze server",
    "kwetsbaarheid gemeld",
];

/// So many words.
pub fn words(chance: &mut Chance, count: usize) -> String {
    let mut out = String::with_capacity(count * 8);
    for n in 0..count {
        if n > 0 {
            out.push(' ');
        }
        match chance.one_in(FIELD_ONE_IN) {
            true => out.push_str(chance.of::<&str>(FIELD)),
            false => other(chance, &mut out),
        }
    }
    out
}

/// An invented word. As in any language its chance is inverse to its rank (Zipf), and common words are short.
fn other(chance: &mut Chance, out: &mut String) {
    const HEADS: &[u8] = b"bdfghjklmnprstvwz";
    const VOWELS: &[u8] = b"aeiou";
    let mut rank = ranked(chance, OTHERS);
    while rank > 0 {
        out.push(char::from(HEADS[rank % HEADS.len()]));
        rank /= HEADS.len();
        out.push(char::from(VOWELS[rank % VOWELS.len()]));
        rank /= VOWELS.len();
    }
}

/// A subject line with a number of its own.
pub fn subject(chance: &mut Chance, number: usize) -> String {
    format!("{} {number}", chance.of(SUBJECTS))
}

/// An observable; one in twenty is one of those that many messages share, as those of a campaign are.
pub fn observable(chance: &mut Chance) -> Observable {
    let number = match chance.one_in(SHARED_ONE_IN) {
        true => Chance::new(ranked(chance, SHARED) as u64).bits(),
        false => chance.bits(),
    };
    let byte = |shift: u32| (number >> shift) & 255;
    let (kind, value) = match number % 5 {
        0 | 1 => ("ipv4", format!("{}.{}.{}.{}", 1 + byte(8) % 223, byte(16), byte(24), byte(32))),
        2 => ("domain", format!("{:x}.example", number >> 24)),
        3 => ("url", format!("https://{:x}.example/{:x}", number >> 40, number & 0xff_ffff)),
        _ => ("sha256", format!("{:064x}", u128::from(number).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C))),
    };
    Observable { kind: kind.to_owned(), value, ..Observable::default() }
}

/// A rank below `count`; its chance is inverse to it (Zipf).
fn ranked(chance: &mut Chance, count: u64) -> usize {
    let even = chance.below(1 << 30) as f64 / f64::from(1 << 30);
    (even * (count as f64).ln()).exp() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_of_the_field_stands_in_about_one_message_of_twenty() {
        let mut chance = Chance::new(1);
        let texts: Vec<String> = (0..2000).map(|_| words(&mut chance, 60)).collect();
        let with = texts.iter().filter(|t| t.split(' ').any(|w| w == "ransomware")).count();
        assert!((60..200).contains(&with), "{with}");
        let all: Vec<&str> = texts.iter().flat_map(|t| t.split(' ')).collect();
        let different: std::collections::HashSet<&str> = all.iter().copied().collect();
        assert!((15_000..40_000).contains(&different.len()), "{}", different.len());
        assert!(all.iter().all(|w| !w.is_empty()));
    }

    #[test]
    fn most_observables_are_seen_once_and_those_of_a_campaign_often() {
        let mut chance = Chance::new(1);
        let mut seen = std::collections::HashMap::<String, usize>::new();
        (0..20_000).for_each(|_| *seen.entry(observable(&mut chance).value).or_default() += 1);
        let most = seen.values().copied().max().unwrap();
        assert!((50..400).contains(&most), "{most}");
        assert!(seen.values().filter(|n| **n == 1).count() > 18_000);
    }
}
