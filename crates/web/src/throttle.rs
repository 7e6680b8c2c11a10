//! Sign-in is slowed down per account and per address: ever longer waits, never a lock-out for ever.

use desk::ids::Timestamp;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;

/// Wrong tries that cost nothing: people mistype.
const FREE_TRIES: u32 = 3;
/// Longest wait, seconds.
const WAIT_SECONDS_MAX: i64 = 15 * 60;
/// After so long without a wrong try it is forgotten, seconds.
const FORGET_SECONDS: i64 = 3600;
/// Accounts and addresses remembered; beyond it the oldest go first.
const REMEMBERED_MAX: usize = 20_000;

/// Who is slowed down.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Who {
    Login(String),
    Address(IpAddr),
}

#[derive(Clone, Copy, Debug)]
struct Record {
    wrong: u32,
    last: Timestamp,
}

/// Remembers wrong tries, in memory only.
#[derive(Debug, Default)]
pub struct Throttle {
    records: Mutex<HashMap<Who, Record>>,
}

/// Addresses of one household or attacker: an IPv6 network counts as one.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => IpAddr::V4(v4),
            None => {
                let mut segments = v6.segments();
                segments[4..].fill(0);
                IpAddr::V6(segments.into())
            }
        },
    }
}

fn wait(record: &Record, free: u32) -> i64 {
    let beyond = record.wrong.saturating_sub(free);
    if beyond == 0 { 0 } else { (1i64 << beyond.min(20)).min(WAIT_SECONDS_MAX) }
}

impl Throttle {
    /// Seconds until the next try may be made; 0: now.
    pub fn wait_seconds(&self, login: &str, address: IpAddr, now: Timestamp) -> i64 {
        let records = self.records.lock().expect("nothing panics while it is held");
        let left =
            |who: Who, free: u32| records.get(&who).map_or(0, |r| (wait(r, free) - now.seconds_since(r.last)).max(0));
        let login = left(Who::Login(login.trim().to_lowercase()), FREE_TRIES);
        // Many people sit behind one address of an office.
        login.max(left(Who::Address(network(address)), FREE_TRIES * 5))
    }

    /// A wrong try was made.
    pub fn wrong(&self, login: &str, address: IpAddr, now: Timestamp) {
        let mut records = self.records.lock().expect("nothing panics while it is held");
        if records.len() >= REMEMBERED_MAX {
            records.retain(|_, r| now.seconds_since(r.last) < FORGET_SECONDS);
            if records.len() >= REMEMBERED_MAX {
                let mut times: Vec<Timestamp> = records.values().map(|r| r.last).collect();
                times.sort_unstable();
                let half = times[times.len() / 2];
                records.retain(|_, r| r.last > half);
            }
        }
        for who in [Who::Login(login.trim().to_lowercase()), Who::Address(network(address))] {
            let record = records.entry(who).or_insert(Record { wrong: 0, last: now });
            if now.seconds_since(record.last) > FORGET_SECONDS {
                record.wrong = 0;
            }
            record.wrong = record.wrong.saturating_add(1);
            record.last = now;
        }
    }

    /// The right password was given: the account's wrong tries are forgotten, the address's are not.
    pub fn right(&self, login: &str) {
        self.records.lock().expect("nothing panics while it is held").remove(&Who::Login(login.trim().to_lowercase()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7));
    const AWAY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 9));

    #[test]
    fn waits_grow_and_end() {
        let throttle = Throttle::default();
        let mut now = Timestamp::from_seconds(1_000_000);
        let mut waits = Vec::new();
        for _ in 0..20 {
            throttle.wrong("an", HOME, now);
            waits.push(throttle.wait_seconds("an", AWAY, now));
            now = now.plus_seconds(waits[waits.len() - 1]);
        }
        assert_eq!(&waits[..6], &[0, 0, 0, 2, 4, 8]);
        assert!(waits.windows(2).all(|w| w[0] <= w[1]), "{waits:?}");
        assert!(waits.iter().all(|w| *w <= WAIT_SECONDS_MAX), "never locked out for ever");
        throttle.right("AN");
        assert_eq!(throttle.wait_seconds("an", AWAY, now), 0);
    }

    #[test]
    fn guessing_many_accounts_from_one_address_is_slowed_too() {
        let throttle = Throttle::default();
        let now = Timestamp::from_seconds(1_000_000);
        (0..30).for_each(|n| throttle.wrong(&format!("person{n}"), HOME, now));
        assert!(throttle.wait_seconds("somebody else", HOME, now) > 0);
        assert_eq!(throttle.wait_seconds("somebody else", AWAY, now), 0);
    }

    #[test]
    fn memory_is_bounded() {
        let throttle = Throttle::default();
        for n in 0..(REMEMBERED_MAX * 2) {
            throttle.wrong(&n.to_string(), HOME, Timestamp::from_seconds(n as i64));
        }
        assert!(throttle.records.lock().unwrap().len() <= REMEMBERED_MAX + 2);
    }
}
