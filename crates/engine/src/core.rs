//! The heart of the writer, without threads: decide a group, write it down, or fail as a whole. The simulation drives it too.

use desk::Desk;
use desk::command::{Actor, Command, Context, Decision, Refusal};
use desk::fact::{Fact, Recorded, Subject};
use desk::ids::{Random, ReportId, Timestamp};
use journal::{Keep, KeyId, NewEntry, NewPart};
use std::collections::HashMap;

/// Where facts are made durable.
pub trait Store: Send {
    /// Makes a group durable in one commit: every inner list as one transaction, or nothing at all.
    ///
    /// # Errors
    /// Whatever the store says; after an error nothing of the group counts as durable.
    fn append(&mut self, group: Vec<Vec<NewEntry>>, now: Timestamp) -> Result<(), String>;

    /// A key for a new subject.
    ///
    /// # Errors
    /// When no key could be made durable.
    fn new_key(&mut self) -> Result<KeyId, String>;

    /// Sequence number of the next entry.
    fn next_seq(&self) -> u64;

    /// Destroys keys and records that in an entry of its own.
    ///
    /// # Errors
    /// Whatever the store says.
    fn erase(&mut self, keys: &[KeyId], now: Timestamp) -> Result<(), String>;
}

impl Store for journal::Writer {
    fn append(&mut self, group: Vec<Vec<NewEntry>>, now: Timestamp) -> Result<(), String> {
        journal::Writer::append(self, group, now.0).map(drop).map_err(|e| e.to_string())
    }

    fn new_key(&mut self) -> Result<KeyId, String> {
        journal::Writer::new_key(self).map_err(|e| e.to_string())
    }

    fn next_seq(&self) -> u64 {
        journal::Writer::next_seq(self)
    }

    fn erase(&mut self, keys: &[KeyId], now: Timestamp) -> Result<(), String> {
        let entry =
            NewEntry { kind: journal::ERASED_KIND.to_owned(), version: 1, body: b"{}".to_vec(), parts: Vec::new() };
        journal::Writer::erase(self, keys, entry, now.0).map(drop).map_err(|e| e.to_string())
    }
}

/// A command that was decided, on its way to the disk.
#[derive(Debug)]
pub struct Decided {
    /// Its facts and outcome, or why not.
    pub answer: Result<Decision, Refusal>,
    /// Sequence number of its first fact.
    pub first: u64,
}

/// The writer's own state: nothing of it is more than what the journal says.
pub struct Core<S> {
    /// Where facts are made durable.
    pub store: S,
    /// Which key seals whose personal data.
    pub keys: HashMap<Subject, KeyId>,
    /// Sequence number of the next fact.
    pub next: u64,
    /// When the newest fact was recorded: time never runs backwards.
    pub last: Timestamp,
}

impl<S: Store> Core<S> {
    /// Decides commands one after the other, each on a desk that holds the facts of those before it.
    pub fn decide(
        &mut self,
        desk: &mut Desk,
        commands: impl Iterator<Item = (Actor, Command)>,
        clock: Timestamp,
        random: &mut dyn Random,
    ) -> Vec<Decided> {
        let now = clock.max(self.last);
        self.last = now;
        let decided = commands.map(|(actor, command)| {
            let first = self.next;
            let answer = desk.decide(&mut Context { actor, now, random }, command);
            if let Ok(decision) = &answer {
                for recorded in &decision.facts {
                    desk.apply(self.next, now, &recorded.fact);
                    self.next += 1;
                }
            }
            Decided { answer, first }
        });
        decided.collect()
    }

    /// Makes what was decided durable. `pass_on` sees raw messages before they are sealed.
    ///
    /// # Errors
    /// Whatever the store says: then nothing more may be acknowledged.
    pub fn commit(&mut self, group: &mut [Decided], mut pass_on: impl FnMut(ReportId, &[u8])) -> Result<(), String> {
        let mut lists = Vec::new();
        let mut erased = Vec::new();
        for decision in group.iter_mut().filter_map(|d| d.answer.as_mut().ok()).filter(|d| !d.facts.is_empty()) {
            let mut entries = Vec::with_capacity(decision.facts.len());
            for recorded in &mut decision.facts {
                entries.push(self.entry(recorded, &mut pass_on)?);
                erased.extend(recorded.fact.erases());
            }
            lists.push(entries);
        }
        if !lists.is_empty() {
            self.store.append(lists, self.last)?;
        }
        self.erase(&erased)
    }

    /// Destroys the keys of what the facts say is erased. Done again after a crash in between: see [`Core::catch_up`].
    fn erase(&mut self, subjects: &[Subject]) -> Result<(), String> {
        let keys: Vec<KeyId> = subjects.iter().filter_map(|s| self.keys.remove(s)).collect();
        if !keys.is_empty() {
            self.store.erase(&keys, self.last)?;
            self.next = self.store.next_seq();
        }
        Ok(())
    }

    /// After a start: an erasure that was recorded before a crash is carried out.
    ///
    /// # Errors
    /// Whatever the store says.
    pub fn catch_up(&mut self, desk: &Desk) -> Result<(), String> {
        let open: Vec<Subject> = self.keys.keys().copied().filter(|s| desk.is_erased(*s)).collect();
        self.erase(&open)
    }

    fn entry(
        &mut self,
        recorded: &mut Recorded,
        pass_on: &mut impl FnMut(ReportId, &[u8]),
    ) -> Result<NewEntry, String> {
        let written = recorded.fact.written();
        let mut parts = Vec::new();
        if written.sealed.is_some() || recorded.content.is_some() {
            let key = self.key(recorded.fact.subject())?;
            // The sealed part always comes first, so that content is part 1.
            let sealed = written.sealed.unwrap_or_else(|| b"[]".to_vec());
            parts.push(NewPart { key, keep: Keep::Replayed, content: sealed });
            if let Some(content) = recorded.content.take() {
                if let Fact::Intake(desk::intake::Fact::Received { report, via, .. }) = &recorded.fact
                    && via.is_mail()
                {
                    pass_on(*report, &content);
                }
                parts.push(NewPart { key, keep: Keep::OnDemand, content });
            }
        }
        Ok(NewEntry { kind: written.kind, version: written.version, body: written.body, parts })
    }

    fn key(&mut self, subject: Subject) -> Result<KeyId, String> {
        if let Some(key) = self.keys.get(&subject) {
            return Ok(*key);
        }
        let key = self.store.new_key()?;
        self.keys.insert(subject, key);
        Ok(key)
    }
}
