//! The one source of chance: xoshiro256** 1.0 (Blackman and Vigna, public domain), seeded by SplitMix64.
//!
//! A story is told again from its seed alone, on every machine: nothing here depends on time, addresses or the order of hash maps.

/// A seeded stream of chance.
#[derive(Clone, Debug)]
pub struct Chance {
    state: [u64; 4],
}

impl Chance {
    /// The stream of a seed.
    pub fn new(seed: u64) -> Chance {
        let mut mixed = seed;
        let mut next = || {
            mixed = mixed.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = mixed;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        };
        Chance { state: [next(), next(), next(), next()] }
    }

    /// A stream of its own for one part of the world: what happens there does not shift what happens elsewhere.
    pub fn apart(&mut self) -> Chance {
        Chance::new(self.bits())
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        let [a, b, c, d] = &mut self.state;
        let result = b.wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let shifted = *b << 17;
        *c ^= *a;
        *d ^= *b;
        *b ^= *c;
        *a ^= *d;
        *c ^= shifted;
        *d = d.rotate_left(45);
        result
    }

    /// A number below `bound` (0 when that is 0). The bias of the multiplication is below 2^-32 for the bounds used here.
    pub fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.bits()) * bound as u128) >> 64) as usize
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below((high - low + 1).max(0) as usize) as i64
    }

    /// True so many times out of a thousand.
    pub fn permille(&mut self, times: u32) -> bool {
        self.below(1000) < times as usize
    }

    /// One of these; `None` of none.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        of.get(self.below(of.len()))
    }

    /// The place of one of these weights, each as likely as it weighs.
    pub fn weighted(&mut self, weights: &[u32]) -> usize {
        let total: u32 = weights.iter().sum();
        let mut at = self.below(total as usize) as u32;
        for (n, weight) in weights.iter().enumerate() {
            if at < *weight {
                return n;
            }
            at -= weight;
        }
        0
    }
}

impl desk::ids::Random for Chance {
    fn fill(&mut self, out: &mut [u8]) {
        for chunk in out.chunks_mut(8) {
            let bytes = self.bits().to_be_bytes();
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_tells_the_same_story_and_the_next_one_another() {
        let tell = |seed| {
            let mut chance = Chance::new(seed);
            (0..5).map(|_| chance.bits()).collect::<Vec<_>>()
        };
        assert_eq!(tell(7), tell(7));
        assert_ne!(tell(7), tell(8));
    }

    #[test]
    fn the_first_numbers_are_those_of_the_published_algorithm() {
        // SplitMix64 of 0, as in Vigna's and many other implementations.
        assert_eq!(Chance::new(0).state[0], 0xe220_a839_7b1d_cdaf);
        let mut chance = Chance { state: [1, 2, 3, 4] };
        assert_eq!([chance.bits(), chance.bits(), chance.bits()], [11_520, 0, 1_509_978_240]);
    }

    #[test]
    fn weights_are_followed() {
        let mut chance = Chance::new(1);
        let mut counts = [0; 3];
        (0..10_000).for_each(|_| counts[chance.weighted(&[1, 0, 3])] += 1);
        assert!(counts[0] > 2000 && counts[1] == 0 && counts[2] > 7000, "{counts:?}");
        assert_eq!(chance.between(5, 5), 5);
        assert_eq!(chance.pick::<u8>(&[]), None);
    }
}
