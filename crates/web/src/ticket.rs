//! Acts as they are named outside, for taking them back. The number of a fact counts everything that happens, also what the
//! reader may not see; so it leaves only as a ticket: a keyed permutation of all numbers (Luby and Rackoff, 1988), different for
//! each account.

use crate::Web;
use desk::ids::AccountId;
use sha2::{Digest as _, Sha256};

/// Rounds: four make a permutation that cannot be told from a random one, also by who may ask for inverses.
const ROUNDS: u8 = 4;

/// Writes and reads the tickets of one account.
#[derive(Clone, Copy)]
pub struct Tickets([u8; 32]);

impl Tickets {
    /// Those of an account on this desk.
    pub(crate) fn of(web: &Web, account: AccountId) -> Tickets {
        Tickets(web.engine().digest(&format!("tickets {}", account.0)).0)
    }

    /// Some, for samples of pages.
    pub(crate) fn sample() -> Tickets {
        Tickets([7; 32])
    }

    fn round(self, n: u8, half: u32) -> u32 {
        let hash = Sha256::new().chain_update(self.0).chain_update([n]).chain_update(half.to_be_bytes()).finalize();
        u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]])
    }

    /// The ticket of an act.
    pub fn seal(self, seq: u64) -> String {
        let halves = ((seq >> 32) as u32, seq as u32);
        let (left, right) = (0..ROUNDS).fold(halves, |(left, right), n| (right, left ^ self.round(n, right)));
        format!("{left:08x}{right:08x}")
    }

    /// The act of a ticket. What is no ticket of ours names an act that never was.
    pub fn open(self, ticket: &str) -> Option<u64> {
        let ticket = (ticket.len() == 16).then(|| u64::from_str_radix(ticket, 16).ok())??;
        let halves = ((ticket >> 32) as u32, ticket as u32);
        let (left, right) = (0..ROUNDS).rev().fold(halves, |(left, right), n| (right ^ self.round(n, left), left));
        Some(u64::from(left) << 32 | u64::from(right))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_opens_for_its_owner_and_says_nothing_about_what_happened_between() {
        let (mine, other) = (Tickets::sample(), Tickets([8; 32]));
        let numbers = [0, 1, 2, 3, 1000, u64::from(u32::MAX), u64::MAX - 1, u64::MAX];
        for seq in numbers {
            assert_eq!(mine.open(&mine.seal(seq)), Some(seq));
            assert_ne!(other.open(&mine.seal(seq)), Some(seq));
        }
        // Half of the bits differ between neighbours: nothing can be subtracted.
        for seq in 0..100 {
            let bits = |n| u64::from_str_radix(&mine.seal(n), 16).unwrap();
            assert!((bits(seq) ^ bits(seq + 1)).count_ones() > 10);
        }
        for no_ticket in ["", "7", "zzzzzzzzzzzzzzzz", "+123456789abcdef", "00000000000000000"] {
            assert!(mine.open(no_ticket).is_none_or(|n| n > u64::from(u32::MAX)), "{no_ticket}");
        }
    }
}
