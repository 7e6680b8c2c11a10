//! The simulated store behaves as the journal does: both are given the same work, the same faults and the same restarts, and must
//! answer and keep the same. Otherwise the stories would be about another machine.

use desk::ids::Timestamp;
use engine::core::{Store, StoreError, Trouble};
use journal::{Content, Hooks, Keep, KeyId, NewEntry, NewPart, Options, REPLAYED_BYTES_MAX, Writer};
use sim::Flaw;
use sim::disk::Disk;
use sim::random::Chance;
use sim::store::{Fault, SimStore};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// Stories told to both; each commit of the real one waits for a disk.
const SEEDS: u64 = 6;
/// Steps of each.
const STEPS: u32 = 150;

/// A folder that is gone afterwards.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left in the temporary folder is no failure of the test.
        let _left = std::fs::remove_dir_all(&self.0);
    }
}

type Ordered = Arc<Mutex<Option<journal::Fault>>>;

fn open(dir: &Path, ordered: &Ordered) -> Writer {
    let next = ordered.clone();
    let before_commit = move || next.lock().unwrap().take().map_or(Ok(()), Err);
    let hooks = Hooks { before_commit: Some(Box::new(before_commit)), pool: 4, ..Hooks::default() };
    Writer::open_with(dir, &Options { origin: "bolwerk/sim".to_owned() }, hooks).unwrap()
}

fn entry(chance: &mut Chance, keys: &[KeyId]) -> NewEntry {
    let parts = (0..chance.below(3) * usize::from(!keys.is_empty())).map(|_| {
        let known = chance.pick(keys).copied().filter(|_| !chance.permille(30));
        let keep = if chance.permille(500) { Keep::Replayed } else { Keep::OnDemand };
        let bytes = match chance.permille(15) {
            true => REPLAYED_BYTES_MAX + 1,
            false => chance.below(300),
        };
        NewPart { key: known.unwrap_or(KeyId(9_999)), keep, content: vec![chance.bits() as u8; bytes] }
    });
    let parts = parts.collect();
    let kind = if chance.permille(20) { "journal.own" } else { "intake.read" };
    NewEntry {
        kind: kind.to_owned(),
        version: 1,
        body: format!("{{\"n\":{}}}", chance.below(1000)).into_bytes(),
        parts,
    }
}

/// Both hold the same.
fn compare(real: &Writer, kept: &Disk) {
    let reader = real.reader().unwrap();
    let mut entries = kept.entries.iter();
    let mut each = |stored: journal::Stored| {
        let entry = entries.next().expect("the simulated store has as many entries");
        let told = (stored.seq, stored.recorded_at, stored.first, stored.last, stored.kind.as_str(), stored.version);
        assert_eq!(told, (entry.seq, entry.at, entry.first, entry.last, entry.kind.as_str(), entry.version));
        let json = |body: &[u8]| serde_json::from_slice::<serde_json::Value>(body).unwrap();
        assert_eq!(json(&stored.body), json(&entry.body));
        assert_eq!(stored.parts.len(), entry.parts.len());
        for (number, (is, must)) in stored.parts.iter().zip(&entry.parts).enumerate() {
            assert_eq!(is.key, must.key);
            let content = match reader.part(stored.seq, number).unwrap() {
                Content::Open(content) => Some(content),
                Content::Erased => None,
                Content::NoKey => panic!("the keys are here"),
            };
            assert_eq!(content, must.content, "entry {} part {number}", stored.seq);
            assert_eq!(is.content, must.content.clone().filter(|_| must.keep == Keep::Replayed));
        }
        ControlFlow::Continue(())
    };
    reader.visit(0, &mut each).unwrap();
    assert_eq!(entries.next().map(|e| e.seq), None, "the journal has as many entries");
    kept.verify().unwrap();
}

/// Tells a story to both; how many entries and destroyed keys there are at its end.
fn tell(seed: u64) -> (u64, usize) {
    let folder = Folder(std::env::temp_dir().join(format!("bolwerk-sim-{}-{seed}", std::process::id())));
    let mut chance = Chance::new(seed);
    let ordered = Ordered::default();
    let mut real = open(&folder.0, &ordered);
    let mut simulated = SimStore::open(Disk::default(), Flaw::None, chance.apart());
    let mut keys: Vec<KeyId> = Vec::new();
    let mut now = 1_671_001_200_000_000;
    for step in 0..STEPS {
        now += chance.between(-40_000_000, 60_000_000);
        let fault = match chance.below(12) {
            0 => Some((journal::Fault::Full, Fault::Full)),
            1 => Some((journal::Fault::Lost, Fault::Lost)),
            2 => Some((journal::Fault::Written, Fault::Written)),
            _ => None,
        };
        *ordered.lock().unwrap() = fault.map(|f| f.0);
        (simulated.fault, simulated.erase_fault) = (fault.map(|f| f.1), fault.map(|f| f.1));
        let what = chance.weighted(&[5, 3, 2, 1]);
        let (is, must) = match what {
            0 => {
                let lists = 1 + chance.below(3);
                let mut list = || (0..1 + chance.below(3)).map(|_| entry(&mut chance, &keys)).collect::<Vec<_>>();
                let group: Vec<Vec<NewEntry>> = (0..lists).map(|_| list()).collect();
                let real = Store::append(&mut real, group.clone(), Timestamp(now));
                (real, simulated.append(group, Timestamp(now)))
            }
            1 => {
                let (is, must) = (Store::new_key(&mut real).unwrap(), simulated.new_key().unwrap());
                assert_eq!(is, must, "seed {seed}, step {step}");
                keys.push(is);
                (Ok(()), Ok(()))
            }
            2 => {
                let some: Vec<KeyId> = chance.pick(&keys).copied().into_iter().collect();
                let real = Store::erase(&mut real, &some, Timestamp(now));
                // Nobody asks for an erasure of nothing; the journal refuses it.
                let must = if some.is_empty() {
                    Err(StoreError::new(Trouble::Broken, ""))
                } else {
                    simulated.erase(&some, Timestamp(now))
                };
                (real, must)
            }
            _ => {
                let restart = || Err(StoreError::new(Trouble::Broken, "restart"));
                (restart(), restart())
            }
        };
        assert_eq!(is.is_ok(), must.is_ok(), "seed {seed}, step {step}, work {what}: {is:?} and {must:?}");
        *ordered.lock().unwrap() = None;
        (simulated.fault, simulated.erase_fault) = (None, None);
        let no_room = |result: &Result<(), StoreError>| matches!(result, Err(error) if error.trouble == Trouble::Full);
        assert_eq!(no_room(&is), no_room(&must), "seed {seed}, step {step}, work {what}: {is:?} and {must:?}");
        if is.is_err() && !no_room(&is) {
            // After any other error the engine goes on only after a restart.
            drop(real);
            real = open(&folder.0, &ordered);
            simulated = SimStore::open(simulated.disk, Flaw::None, chance.apart());
            let last = simulated.disk.last_key();
            keys.retain(|k| k.0 <= last);
        }
        assert_eq!(Store::next_seq(&real), simulated.next_seq(), "seed {seed}, step {step}");
    }
    compare(&real, &simulated.disk);
    assert_eq!(simulated.disk.checkpoint().size, Store::next_seq(&real));
    (simulated.disk.size(), simulated.disk.erased.len())
}

#[test]
fn the_simulated_store_answers_and_keeps_what_the_journal_does() {
    let (entries, erased) = (0..SEEDS).map(tell).fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1));
    assert!(entries > 200 && erased > 10, "the stories were too short: {entries} entries, {erased} keys destroyed");
}
