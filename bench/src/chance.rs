//! Chance from a seed, so that a run can be made again.

use crate::failure::Failure;
use clap::{Arg, ArgMatches, value_parser};
use std::time::Duration;

/// SplitMix64 (Steele, Lea, Flood 2014).
pub struct Chance(u64);

impl Chance {
    /// From a seed.
    pub fn new(seed: u64) -> Chance {
        Chance(seed)
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `end`; 0 when there is none.
    pub fn below(&mut self, end: u64) -> u64 {
        self.bits() % end.max(1)
    }

    /// Once in so many times.
    pub fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// One of these.
    pub fn of<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len() as u64) as usize]
    }

    /// A time up to this one, to the microsecond.
    pub fn up_to(&mut self, most: Duration) -> Duration {
        Duration::from_micros(self.below(most.as_micros() as u64))
    }
}

/// `--seed`.
pub fn seed() -> Arg {
    Arg::new("seed")
        .long("seed")
        .value_name("N")
        .value_parser(value_parser!(u64))
        .help("Chooses what is left to chance")
}

/// The seed that was given, or a new one.
pub fn seed_of(matches: &ArgMatches) -> Result<u64, Failure> {
    match matches.get_one::<u64>("seed") {
        Some(seed) => Ok(*seed),
        None => {
            let mut seed = [0; 8];
            getrandom::fill(&mut seed).map_err(|e| Failure::usage(format!("no chance from the machine: {e}")))?;
            Ok(u64::from_le_bytes(seed))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_story() {
        let draw = |seed| (0..5).map(|_| Chance::new(seed).below(1000)).collect::<Vec<_>>();
        assert_eq!(draw(7), draw(7));
        let mut chance = Chance::new(7);
        let seen: std::collections::HashSet<u64> = (0..200).map(|_| chance.below(10)).collect();
        assert_eq!(seen.len(), 10);
        assert_eq!(chance.below(0), 0);
    }
}
