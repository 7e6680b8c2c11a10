//! Invented text: a small vocabulary, drawn so that common words are common and rare ones rare.

use crate::chance::Chance;
use desk::intake::Observable;

/// The frequent first; a word's chance falls with its place.
const WORDS: &[&str] = &[
    "de",
    "het",
    "een",
    "van",
    "op",
    "in",
    "wij",
    "is",
    "zijn",
    "niet",
    "met",
    "voor",
    "server",
    "mail",
    "bestanden",
    "dienst",
    "gemeente",
    "gebruiker",
    "account",
    "wachtwoord",
    "verdacht",
    "bericht",
    "sinds",
    "vanmorgen",
    "netwerk",
    "telefoon",
    "leverancier",
    "back-up",
    "versleuteld",
    "phishing",
    "ransomware",
    "factuur",
    "link",
    "bijlage",
    "login",
    "mailbox",
    "firewall",
    "logboek",
    "hersteld",
    "geblokkeerd",
    "gemeld",
    "onderzoek",
    "toestel",
    "laptop",
    "domein",
    "webserver",
    "kwetsbaarheid",
    "update",
    "patch",
    "losgeld",
    "aanvaller",
    "exfiltratie",
    "persoonsgegevens",
    "zorg",
    "politiezone",
    "burgerzaken",
    "rijbewijs",
    "identiteitskaart",
    "scholen",
    "bibliotheek",
    "containerpark",
    "raadhuis",
    "spoofing",
    "botnet",
    "scanner",
    "beacon",
    "webshell",
    "VPN",
    "MFA",
    "token",
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
        // The smaller of two draws: the word in front comes most often, the last one seldom.
        let place = chance.below(WORDS.len() as u64).min(chance.below(WORDS.len() as u64));
        out.push_str(WORDS[place as usize]);
    }
    out
}

/// A subject line with a number of its own.
pub fn subject(chance: &mut Chance, number: usize) -> String {
    format!("{} {number}", chance.of(SUBJECTS))
}

/// An observable; one in twenty is a well-known one that many messages share.
pub fn observable(chance: &mut Chance) -> Observable {
    let shared = chance.one_in(20);
    let number = if shared { chance.below(200) } else { chance.bits() };
    let byte = |shift: u32| (number >> shift) & 255;
    let (kind, value) = match number % 5 {
        0 | 1 => ("ipv4", format!("{}.{}.{}.{}", 1 + byte(8) % 223, byte(16), byte(24), byte(32))),
        2 => ("domain", format!("{:x}.example", number >> 24)),
        3 => ("url", format!("https://{:x}.example/{:x}", number >> 40, number & 0xff_ffff)),
        _ => ("sha256", format!("{:064x}", u128::from(number).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C))),
    };
    Observable { kind: kind.to_owned(), value, benign: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_words_are_common_and_observables_differ() {
        let mut chance = Chance::new(1);
        let text = words(&mut chance, 5000);
        let count = |word: &str| text.split(' ').filter(|w| *w == word).count();
        assert!(count("de") > 5 * count("schepen").max(1), "{} {}", count("de"), count("schepen"));
        let seen: std::collections::HashSet<String> = (0..1000).map(|_| observable(&mut chance).value).collect();
        assert!(seen.len() > 900, "{}", seen.len());
    }
}
