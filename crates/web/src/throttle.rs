//! Sign-in is slowed down: ever longer waits, never a lock-out for ever. Strangers share the tries of the login they type and of
//! the address they come from; a browser that signed in before has tries of its own ([`crate::device`]), so that nobody keeps a
//! person out by failing in their name.

use desk::ids::{AccountId, Timestamp};
use post::door::network;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;

/// Wrong tries that cost nothing: people mistype.
const FREE_TRIES: u32 = 3;
/// Wrong tries from one address that cost nothing: many people sit behind one address of an office.
const FREE_TRIES_ADDRESS: u32 = 5 * FREE_TRIES;
/// Longest wait, seconds.
const WAIT_SECONDS_MAX: i64 = 15 * 60;
/// After so long without a wrong try it is forgotten, seconds.
const FORGET_SECONDS: i64 = 3600;
/// Accounts and addresses remembered; beyond it the oldest go first.
const REMEMBERED_MAX: usize = 20_000;

/// Who tries a password or a code.
#[derive(Clone, Debug)]
pub enum Asker {
    /// A browser that this login never signed in from, and where it is.
    Stranger(String, IpAddr),
    /// A browser that signed in before, by the name on its cookie.
    Device(String),
    /// Somebody who is signed in and types the password again.
    Account(AccountId),
    /// Whoever has the code of the first run, or guesses it, and where from.
    Newcomer(IpAddr),
}

/// Whose tries are counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Who {
    Login(String),
    Address(IpAddr),
    Device(String),
    Account(AccountId),
}

impl Who {
    fn free(&self) -> u32 {
        if matches!(self, Who::Address(_)) { FREE_TRIES_ADDRESS } else { FREE_TRIES }
    }
}

impl Asker {
    fn counted(&self) -> Vec<Who> {
        match self {
            Asker::Stranger(login, address) => {
                vec![Who::Login(login.trim().to_lowercase()), Who::Address(network(*address))]
            }
            Asker::Device(name) => vec![Who::Device(name.clone())],
            Asker::Account(account) => vec![Who::Account(*account)],
            Asker::Newcomer(address) => vec![Who::Address(network(*address))],
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Record {
    wrong: u32,
    last: Timestamp,
}

/// A try that was let through. It counts as wrong from the beginning, so that many at once are no more than many in turn; whoever
/// gives up in the middle has tried.
#[derive(Debug)]
pub struct Try(Vec<Who>);

/// Remembers wrong tries, in memory only.
#[derive(Debug, Default)]
pub struct Throttle {
    records: Mutex<HashMap<Who, Record>>,
}

fn wait(record: &Record, free: u32) -> i64 {
    let beyond = record.wrong.saturating_sub(free);
    if beyond == 0 { 0 } else { (1i64 << beyond.min(20)).min(WAIT_SECONDS_MAX) }
}

/// Makes room: first what may be forgotten, then the older half.
fn make_room(records: &mut HashMap<Who, Record>, now: Timestamp) {
    if records.len() < REMEMBERED_MAX {
        return;
    }
    records.retain(|_, r| now.seconds_since(r.last) < FORGET_SECONDS);
    if records.len() >= REMEMBERED_MAX {
        let mut times: Vec<Timestamp> = records.values().map(|r| r.last).collect();
        times.sort_unstable();
        let half = times[times.len() / 2];
        records.retain(|_, r| r.last > half);
    }
}

impl Throttle {
    /// Lets a try through, or says in how many seconds the next may be made.
    ///
    /// # Errors
    /// The wait, seconds.
    pub fn begin(&self, asker: &Asker, now: Timestamp) -> Result<Try, i64> {
        let counted = asker.counted();
        let mut records = self.records.lock().expect("nothing panics while it is held");
        let left = |who: &Who| records.get(who).map_or(0, |r| wait(r, who.free()) - now.seconds_since(r.last).abs());
        let longest = counted.iter().map(left).max().unwrap_or(0);
        if longest > 0 {
            return Err(longest);
        }
        make_room(&mut records, now);
        for who in &counted {
            let record = records.entry(who.clone()).or_insert(Record { wrong: 0, last: now });
            if now.seconds_since(record.last) > FORGET_SECONDS {
                record.wrong = 0;
            }
            record.wrong = record.wrong.saturating_add(1);
            record.last = now;
        }
        Ok(Try(counted))
    }

    /// It was right: the wrong tries of the login, device or account are forgotten; those of the address are not, but this one.
    pub fn right(&self, attempt: Try) {
        let mut records = self.records.lock().expect("nothing panics while it is held");
        for who in attempt.0 {
            match who {
                Who::Address(_) => take_one(&mut records, &who),
                who => drop(records.remove(&who)),
            }
        }
    }

    /// It was not looked at.
    pub fn unused(&self, attempt: Try) {
        let mut records = self.records.lock().expect("nothing panics while it is held");
        attempt.0.iter().for_each(|who| take_one(&mut records, who));
    }
}

fn take_one(records: &mut HashMap<Who, Record>, who: &Who) {
    if let Some(record) = records.get_mut(who) {
        record.wrong = record.wrong.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7));
    const AWAY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 9));

    fn stranger(login: &str, address: IpAddr) -> Asker {
        Asker::Stranger(login.to_owned(), address)
    }

    #[test]
    fn waits_grow_and_end() {
        let throttle = Throttle::default();
        let mut now = Timestamp::from_seconds(1_000_000);
        let mut waits = Vec::new();
        for _ in 0..20 {
            let asker = stranger("an", HOME);
            let wait = throttle.begin(&asker, now).err().unwrap_or(0);
            waits.push(wait);
            now = now.plus_seconds(wait);
            if wait > 0 {
                throttle.begin(&asker, now).expect("the wait is over");
            }
        }
        assert_eq!(&waits[..7], &[0, 0, 0, 0, 2, 4, 8]);
        assert!(waits.windows(2).all(|w| w[0] <= w[1]), "{waits:?}");
        assert!(waits.iter().all(|w| *w <= WAIT_SECONDS_MAX), "never locked out for ever");
        let right = throttle.begin(&stranger("AN", AWAY), now.plus_seconds(WAIT_SECONDS_MAX)).unwrap();
        throttle.right(right);
        assert!(throttle.begin(&stranger("an", AWAY), now).is_ok());
    }

    #[test]
    fn many_tries_at_once_are_no_more_than_many_in_turn() {
        let throttle = Throttle::default();
        let now = Timestamp::from_seconds(1_000_000);
        let let_through: Vec<_> = (0..50).filter_map(|_| throttle.begin(&stranger("an", HOME), now).ok()).collect();
        assert_eq!(let_through.len() as u32, FREE_TRIES + 1);
    }

    #[test]
    fn guessing_many_accounts_from_one_address_is_slowed_too() {
        let throttle = Throttle::default();
        let now = Timestamp::from_seconds(1_000_000);
        let tries = (0..30).filter(|n| throttle.begin(&stranger(&format!("person{n}"), HOME), now).is_ok()).count();
        assert_eq!(tries as u32, FREE_TRIES_ADDRESS + 1);
        assert!(throttle.begin(&stranger("somebody else", HOME), now).is_err());
        assert!(throttle.begin(&stranger("somebody else", AWAY), now).is_ok());
    }

    #[test]
    fn whoever_signs_in_all_day_behind_one_address_is_not_slowed() {
        let throttle = Throttle::default();
        let now = Timestamp::from_seconds(1_000_000);
        for n in 0..100 {
            throttle.right(throttle.begin(&stranger(&format!("person{n}"), HOME), now).unwrap());
            throttle.unused(throttle.begin(&stranger("an", HOME), now).unwrap());
        }
    }

    #[test]
    fn nobody_keeps_a_person_out_by_failing_in_their_name() {
        let throttle = Throttle::default();
        let now = Timestamp::from_seconds(1_000_000);
        (0..40).for_each(|_| drop(throttle.begin(&stranger("an", HOME), now)));
        assert!(throttle.begin(&stranger("an", HOME), now).is_err());
        let known = Asker::Device("laptop".to_owned());
        throttle.right(throttle.begin(&known, now).expect("her own browser has tries of its own"));
        assert!((0..40).any(|_| throttle.begin(&known, now).is_err()), "a stolen browser guesses no faster");
        assert!(throttle.begin(&Asker::Account(AccountId(1)), now).is_ok());
    }

    #[test]
    fn memory_is_bounded() {
        let throttle = Throttle::default();
        for n in 0..(REMEMBERED_MAX * 2) {
            let asker = Asker::Device(n.to_string());
            throttle.begin(&asker, Timestamp::from_seconds(n as i64)).expect("the first try of each");
        }
        assert!(throttle.records.lock().unwrap().len() <= REMEMBERED_MAX + 2);
    }
}
