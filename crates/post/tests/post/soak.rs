//! Real mail, damaged at random, through every parser, for as long as `BOLWERK_SOAK_S` seconds say. Damage comes from a
//! seed that is printed, so a finding can be repeated.

use std::time::{Duration, Instant};

use post::files::mails_in;
use post::fuzzing;

use crate::support::corpus;

/// A parser that takes longer over one small mail, unoptimised, has a quadratic corner.
const SLOW: Duration = Duration::from_secs(3);

struct Random(u64);

impl Random {
    /// xorshift64*
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

const PIECES: [&str; 24] = [
    "\r\n",
    "\n",
    "\r\n\r\n",
    "--",
    "\0",
    "=?utf-8?B?",
    "?=",
    "Content-Type: message/rfc822\r\n\r\n",
    "boundary=",
    "\"",
    "(",
    "<",
    ">",
    "=",
    "=\r\n",
    "<a href=\"",
    "<!--",
    "&#x",
    ";",
    "*0*=",
    "Content-Transfer-Encoding: base64\r\n",
    "charset=utf-7\r\n",
    ".\r\n",
    "\u{202e}",
];

fn damaged(raw: &[u8], other: &[u8], random: &mut Random) -> Vec<u8> {
    let mut out = raw[..raw.len().min(200_000)].to_vec();
    for _ in 0..=random.below(8) {
        let at = random.below(out.len());
        let end = (at + random.below(200)).min(out.len());
        match random.below(7) {
            0 if !out.is_empty() => out[at] = random.next() as u8,
            1 => drop(out.drain(at..end)),
            2 => {
                let piece = out[at..end].repeat(1 + random.below(50));
                out.splice(at..at, piece);
            }
            3 => {
                let from = random.below(other.len());
                let piece = &other[from..(from + random.below(2_000)).min(other.len())];
                out.splice(at..end, piece.iter().copied());
            }
            4 => out.truncate(at),
            _ => {
                let piece = PIECES[random.below(PIECES.len())].repeat(1 + random.below(3) * random.below(300));
                out.splice(at..at, piece.into_bytes());
            }
        }
    }
    out
}

#[test]
#[ignore = "runs for as long as BOLWERK_SOAK_S says (10 s)"]
fn damaged_mail_breaks_no_parser() {
    let Some(folder) = corpus("mail") else { return };
    let mails: Vec<Vec<u8>> = mails_in(&[folder]).map(|mail| mail.unwrap().1).collect();
    let seconds = std::env::var("BOLWERK_SOAK_S").ok().and_then(|text| text.parse().ok()).unwrap_or(10);
    let seed = std::env::var("BOLWERK_SOAK_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let (mut random, begun, mut count, mut slowest) = (Random(seed), Instant::now(), 0_u64, Duration::ZERO);
    while begun.elapsed() < Duration::from_secs(seconds) {
        let at = random.0;
        let (one, other) = (random.below(mails.len()), random.below(mails.len()));
        let mail = damaged(&mails[one], &mails[other], &mut random);
        let started = Instant::now();
        for parser in [fuzzing::scan, fuzzing::read, fuzzing::session, fuzzing::html] {
            let survived = std::panic::catch_unwind(|| parser(&mail)).is_ok();
            assert!(survived, "BOLWERK_SOAK_SEED={at} breaks a parser");
        }
        assert!(
            started.elapsed() < SLOW,
            "BOLWERK_SOAK_SEED={at} took {:?} for {} bytes",
            started.elapsed(),
            mail.len()
        );
        slowest = slowest.max(started.elapsed());
        count += 1;
    }
    println!("{count} damaged mails in {:?}, the slowest took {slowest:?}", begun.elapsed());
}
