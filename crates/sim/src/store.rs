//! The simulated store: as the journal's writer behaves towards the engine, with faults and flaws on order.

use crate::disk::{Disk, Entry};
use crate::random::Chance;
use desk::ids::Timestamp;
use engine::core::{Store, StoreError, Trouble};
use journal::{BODY_BYTES_MAX, ERASED_KIND, KIND_BYTES_MAX, Keep, KeyId, NewEntry, PART_BYTES_MAX, PARTS_MAX};

/// What happens to the next write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No room: an error, nothing is written.
    Full,
    /// An error, and nobody knows; in truth nothing was written.
    Lost,
    /// An error, and nobody knows; in truth all was written.
    Written,
    /// The machine dies before the write is durable.
    CrashBefore,
    /// The machine dies after the write is durable, before anybody is told.
    CrashAfter,
}

impl Fault {
    /// All faults.
    pub const ALL: [Fault; 5] = [Fault::Full, Fault::Lost, Fault::Written, Fault::CrashBefore, Fault::CrashAfter];

    fn is_written(self) -> bool {
        matches!(self, Fault::Written | Fault::CrashAfter)
    }

    fn is_crash(self) -> bool {
        matches!(self, Fault::CrashBefore | Fault::CrashAfter)
    }
}

/// How a store or an engine is broken on purpose, so that the simulation can show that it would notice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flaw {
    /// Not at all.
    #[default]
    None,
    /// Says that a group is durable one group too early.
    AckBeforeDurable,
    /// Loses the newest entry at a restart, and says nothing.
    DropOnRestart,
    /// Leaves an entry out when it is read back.
    SkipAtReplay,
    /// Hands an entry out twice when it is read back.
    DoubleApply,
    /// Of a group that was cut off by a fault, a part is durable.
    TornGroup,
    /// Says that keys are destroyed, and keeps them.
    KeepErased,
    /// A byte changes at a restart.
    Rot,
    /// Two entries change their places at a restart.
    Swap,
    /// Records the time of the machine, even when it was set back.
    ClockBack,
    /// The engine answers before it is durable.
    AnswerEarly,
    /// The engine sends mail before the fact that it is to leave is durable.
    SendEarly,
    /// The engine forgets what it sent when it comes up again.
    ForgetSent,
    /// Of two nodes, one decides without what the other wrote.
    StaleLead,
}

impl Flaw {
    /// Every flaw.
    pub const ALL: [Flaw; 13] = [
        Flaw::AckBeforeDurable,
        Flaw::DropOnRestart,
        Flaw::SkipAtReplay,
        Flaw::DoubleApply,
        Flaw::TornGroup,
        Flaw::KeepErased,
        Flaw::Rot,
        Flaw::Swap,
        Flaw::ClockBack,
        Flaw::AnswerEarly,
        Flaw::SendEarly,
        Flaw::ForgetSent,
        Flaw::StaleLead,
    ];
}

/// A store on a simulated disk.
#[derive(Debug)]
pub struct SimStore {
    /// What survives.
    pub disk: Disk,
    /// What happens to the next append.
    pub fault: Option<Fault>,
    /// What happens to the next erasure.
    pub erase_fault: Option<Fault>,
    /// The next key cannot be had.
    pub no_key: bool,
    /// Something was asked that no journal takes: a mistake of the caller.
    pub refused: Option<String>,
    /// The machine died inside a write.
    pub crashed: bool,
    /// What a clock that is not held back says, for [`Flaw::ClockBack`].
    pub raw_now: i64,
    volatile: Vec<Entry>,
    next_key: u64,
    poisoned: Option<String>,
    flaw: Flaw,
    chance: Chance,
}

impl SimStore {
    /// Opens a disk, as after a start.
    pub fn open(mut disk: Disk, flaw: Flaw, mut chance: Chance) -> SimStore {
        let size = disk.size();
        match flaw {
            Flaw::DropOnRestart if size > 1 => disk.cut(size - 1),
            Flaw::Rot if size > 0 => {
                let entry = &mut disk.entries[chance.below(size as usize)];
                let at = chance.below(entry.body.len());
                entry.body[at] ^= 1;
            }
            Flaw::Swap if size > 1 => {
                let at = chance.below(size as usize - 1);
                disk.entries.swap(at, at + 1);
            }
            _ => {}
        }
        let next_key = disk.last_key() + 1;
        SimStore {
            disk,
            fault: None,
            erase_fault: None,
            no_key: false,
            refused: None,
            crashed: false,
            raw_now: 0,
            volatile: Vec::new(),
            next_key,
            poisoned: None,
            flaw,
            chance,
        }
    }

    /// The disk that two nodes share, and its next key, are at the other one's hand from now on.
    pub fn hand_over(&mut self, other: &mut SimStore) {
        other.next_key = other.next_key.max(self.next_key);
        other.disk = std::mem::take(&mut self.disk);
    }

    /// A disk that another node left behind when it died.
    pub fn take_over(&mut self, disk: Disk) {
        self.next_key = self.next_key.max(disk.last_key() + 1);
        self.disk = disk;
    }

    /// Places of the entries in the order in which a replay hands them out.
    pub fn order(&mut self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.disk.entries.len()).collect();
        let at = self.chance.below(order.len());
        match self.flaw {
            Flaw::SkipAtReplay if !order.is_empty() => drop(order.remove(at)),
            Flaw::DoubleApply if !order.is_empty() => order.insert(at, at),
            _ => {}
        }
        order
    }

    fn check(&self, group: &[Vec<NewEntry>]) -> Result<(), String> {
        for entry in group.iter().flatten() {
            let kind = (1..=KIND_BYTES_MAX).contains(&entry.kind.len());
            if !kind || !entry.kind.bytes().all(|b| b.is_ascii_graphic()) || entry.kind.starts_with("journal.") {
                return Err(format!("{:?} cannot be the kind of an entry", entry.kind));
            }
            if entry.body.len() > BODY_BYTES_MAX || entry.parts.len() > PARTS_MAX {
                return Err(format!("{}: {} bytes of body, {} parts", entry.kind, entry.body.len(), entry.parts.len()));
            }
            for part in &entry.parts {
                let most = match part.keep {
                    Keep::Replayed => journal::REPLAYED_BYTES_MAX,
                    Keep::OnDemand => PART_BYTES_MAX,
                };
                if part.content.len() > most {
                    return Err(format!("{}: a part of {} bytes, at most {most}", entry.kind, part.content.len()));
                }
                if !self.is_usable(part.key) {
                    return Err(format!("{}: key {} cannot be used", entry.kind, part.key.0));
                }
            }
        }
        Ok(())
    }

    fn is_usable(&self, key: KeyId) -> bool {
        key.0 > 0 && key.0 < self.next_key && !self.disk.erased.contains(&key)
    }

    fn refuse<T>(&mut self, why: String) -> Result<T, StoreError> {
        self.refused = Some(why.clone());
        Err(StoreError::new(Trouble::Broken, why))
    }

    /// Ends a write as the fault says: where there is no room nothing is unknown, and the store goes on.
    fn fail(&mut self, fault: Fault) -> StoreError {
        let why = format!("injected: {fault:?}");
        if fault == Fault::Full {
            return StoreError::new(Trouble::Full, why);
        }
        self.crashed |= fault.is_crash();
        self.poisoned = Some(why.clone());
        StoreError::new(Trouble::Broken, why)
    }

    fn alive(&self) -> Result<(), StoreError> {
        match &self.poisoned {
            Some(why) => Err(StoreError::new(Trouble::Broken, format!("poisoned: {why}"))),
            None => Ok(()),
        }
    }

    /// Makes durable what was only said to be, once the next write comes.
    fn flush(&mut self) {
        let late = std::mem::take(&mut self.volatile);
        self.disk.write(late);
    }
}

impl Store for SimStore {
    fn append(&mut self, group: Vec<Vec<NewEntry>>, now: Timestamp) -> Result<(), StoreError> {
        self.alive()?;
        self.flush();
        if let Err(why) = self.check(&group) {
            return self.refuse(why);
        }
        let at = match self.flaw {
            Flaw::ClockBack => self.raw_now,
            _ => now.0.max(self.disk.last_at()),
        };
        let lists = group.len();
        let mut entries: Vec<Entry> = Vec::new();
        let mut first_list = 0;
        for list in group {
            entries.extend(Disk::transaction(list, self.disk.size() + entries.len() as u64, at, &mut self.chance));
            first_list = if first_list == 0 { entries.len() } else { first_list };
        }
        match self.fault.take() {
            None if self.flaw == Flaw::AckBeforeDurable => self.volatile = entries,
            None => self.disk.write(entries),
            Some(fault) => {
                if self.flaw == Flaw::TornGroup && (lists > 1 || entries.len() > 1) {
                    let part = if lists > 1 { first_list } else { entries.len() / 2 };
                    entries.truncate(part);
                    self.disk.write(entries);
                } else if fault.is_written() {
                    self.disk.write(entries);
                }
                return Err(self.fail(fault));
            }
        }
        Ok(())
    }

    fn new_key(&mut self) -> Result<KeyId, StoreError> {
        self.alive()?;
        if std::mem::take(&mut self.no_key) {
            return Err(self.fail(Fault::Full));
        }
        self.next_key += 1;
        Ok(KeyId(self.next_key - 1))
    }

    fn next_seq(&self) -> u64 {
        self.disk.size() + self.volatile.len() as u64
    }

    fn erase(&mut self, keys: &[KeyId], now: Timestamp) -> Result<(), StoreError> {
        self.alive()?;
        self.flush();
        if let Some(key) = keys.iter().find(|k| !self.is_usable(**k)) {
            return self.refuse(format!("key {} cannot be destroyed: it is not here", key.0));
        }
        // In order, as the journal writes them: the engine hands them over as its hash map has them.
        let ordered: std::collections::BTreeSet<u64> = keys.iter().map(|k| k.0).collect();
        let body = format!("{{\"keys\":{:?}}}", ordered.into_iter().collect::<Vec<_>>()).into_bytes();
        let entry = NewEntry { kind: ERASED_KIND.to_owned(), version: 1, body, parts: Vec::new() };
        let at = now.0.max(self.disk.last_at());
        let fault = self.erase_fault.take();
        if fault.is_none_or(Fault::is_written) {
            let entries = Disk::transaction(vec![entry], self.disk.size(), at, &mut self.chance);
            self.disk.write(entries);
            if self.flaw != Flaw::KeepErased {
                self.disk.destroy(keys);
            }
        }
        match fault {
            None => Ok(()),
            Some(fault) => Err(self.fail(fault)),
        }
    }
}
