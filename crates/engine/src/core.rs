//! The heart of the writer, without threads: decide a group, write it down, or fail as a whole. The simulation drives it too.

use crate::replay::{fact_of, open_key};
use desk::Desk;
use desk::command::{Actor, Command, Context, Decision, Refusal};
use desk::fact::{Fact, Recorded, Subject};
use desk::ids::{Random, ReportId, Timestamp};
use journal::{Keep, KeyId, NewEntry, NewPart, SNAPSHOTS_KIND, Stored};
use std::collections::{BTreeSet, HashMap};

pub use crate::store::{Store, StoreError, Trouble};

/// A command that was decided, on its way to the disk.
#[derive(Debug)]
pub struct Decided {
    /// Its facts and outcome, or why not.
    pub answer: Result<Decision, Refusal>,
    /// Sequence number of its first fact.
    pub first: u64,
}

impl Decided {
    fn facts(&self) -> &[Recorded] {
        self.answer.as_ref().map_or(&[], |decision| &decision.facts)
    }

    /// Whether anything has to be written.
    pub fn wrote(&self) -> bool {
        !self.facts().is_empty()
    }

    /// Whether it erases something.
    pub fn erases(&self) -> bool {
        self.facts().iter().any(|recorded| recorded.fact.erases().is_some())
    }
}

/// The writer's own state: nothing of it is more than what the journal says.
pub struct Core<S> {
    /// Where facts are made durable.
    pub store: S,
    /// Which key seals whose personal data.
    pub keys: HashMap<Subject, KeyId>,
    /// Which keys seal snapshots: they hold what is erased, and go with it.
    pub snapshot_keys: BTreeSet<KeyId>,
    /// What another node erased and whose keys it did not destroy yet: it may have died in between.
    pub owed: BTreeSet<Subject>,
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
        let decided = commands.map(|(actor, command)| {
            let decided = self.decide_only(desk, actor, command, clock, random);
            self.apply(desk, &decided);
            decided
        });
        decided.collect()
    }

    /// Decides one command and leaves the desk as it is: [`Core::apply`] follows once it is durable. Slower than a group, and
    /// nothing has to be taken back when the store fails.
    pub fn decide_only(
        &mut self,
        desk: &Desk,
        actor: Actor,
        command: Command,
        clock: Timestamp,
        random: &mut dyn Random,
    ) -> Decided {
        let now = clock.max(self.last);
        self.last = now;
        Decided { answer: desk.decide(&mut Context { actor, now, random }, command), first: self.next }
    }

    /// Applies what was decided to the desk.
    pub fn apply(&mut self, desk: &mut Desk, decided: &Decided) {
        for recorded in decided.facts() {
            desk.apply(self.next, self.last, &recorded.fact);
            self.next += 1;
        }
    }

    /// Makes what was decided durable. `pass_on` sees raw messages before they are sealed. Keys of what is erased by it are
    /// destroyed by [`Core::destroy`] afterwards.
    ///
    /// # Errors
    /// Whatever the store says: then nothing of it may be acknowledged.
    pub fn commit(
        &mut self,
        group: &mut [Decided],
        mut pass_on: impl FnMut(ReportId, &[u8]),
    ) -> Result<(), StoreError> {
        let mut lists = Vec::new();
        for decision in group.iter_mut().filter_map(|d| d.answer.as_mut().ok()).filter(|d| !d.facts.is_empty()) {
            let facts = decision.facts.iter_mut();
            lists.push(facts.map(|recorded| self.entry(recorded, &mut pass_on)).collect::<Result<_, _>>()?);
        }
        if lists.is_empty() { Ok(()) } else { self.store.append(lists, self.last) }
    }

    /// Destroys the keys of what a durable group erases. Where that fails or a crash comes first, [`Core::catch_up`] does it.
    ///
    /// # Errors
    /// Whatever the store says.
    pub fn destroy(&mut self, group: &[Decided]) -> Result<(), StoreError> {
        let facts = group.iter().flat_map(Decided::facts);
        let erased: Vec<Subject> = facts.filter_map(|recorded| recorded.fact.erases()).collect();
        self.erase(&erased)
    }

    fn erase(&mut self, subjects: &[Subject]) -> Result<(), StoreError> {
        let mut keys: Vec<KeyId> = subjects.iter().filter_map(|s| self.keys.get(s).copied()).collect();
        if !keys.is_empty() {
            // Snapshots hold what is erased.
            keys.extend(&self.snapshot_keys);
            self.store.erase(&keys, self.last)?;
            self.keys.retain(|subject, _| !subjects.contains(subject));
            self.snapshot_keys.clear();
            self.next = self.store.next_seq();
        }
        Ok(())
    }

    /// After a start, or a failure in between: an erasure that was recorded is carried out.
    ///
    /// # Errors
    /// Whatever the store says.
    pub fn catch_up(&mut self, desk: &Desk) -> Result<(), StoreError> {
        let open: Vec<Subject> = self.keys.keys().copied().filter(|s| desk.is_erased(*s)).collect();
        self.erase(&open)?;
        self.owed.clear();
        Ok(())
    }

    /// Carries out what another node erased and may not have lived to carry out. True when there was something, which took the lead
    /// with it.
    ///
    /// # Errors
    /// Whatever the store says; then it is still owed.
    pub fn pay(&mut self) -> Result<bool, StoreError> {
        let owed: Vec<Subject> = self.owed.iter().copied().filter(|s| self.keys.contains_key(s)).collect();
        self.erase(&owed)?;
        self.owed.clear();
        Ok(!owed.is_empty())
    }

    /// Applies an entry that another node wrote; its fact, where it is one of the desk.
    ///
    /// # Errors
    /// When this program does not know the fact.
    pub fn follow(&mut self, desk: &mut Desk, stored: &Stored) -> Result<Option<Fact>, StoreError> {
        let at = Timestamp(stored.recorded_at);
        let fact = fact_of(stored)?;
        (self.next, self.last) = (stored.seq + 1, self.last.max(at));
        if let Some(fact) = &fact {
            if let Some(key) = open_key(stored) {
                self.keys.insert(fact.subject(), key);
            }
            self.owed.extend(fact.erases().filter(|subject| self.keys.contains_key(subject)));
            desk.apply(stored.seq, at, fact);
        } else if let Some(erased) = journal::keys_erased(stored) {
            self.keys.retain(|_, key| !erased.contains(key));
            self.owed.retain(|subject| self.keys.contains_key(subject));
            self.snapshot_keys.retain(|key| !erased.contains(key));
        } else if stored.kind == SNAPSHOTS_KIND {
            self.snapshot_keys.extend(open_key(stored));
        }
        Ok(fact)
    }

    /// Makes sure of a key for snapshots: a new one unless nothing was erased since the last.
    ///
    /// # Errors
    /// Whatever the store says.
    pub fn ready_for_snapshot(&mut self) -> Result<(), StoreError> {
        if self.snapshot_keys.is_empty() {
            self.snapshot_keys.insert(self.store.new_snapshot_key(self.last)?);
            self.next = self.store.next_seq();
        }
        Ok(())
    }

    fn entry(
        &mut self,
        recorded: &mut Recorded,
        pass_on: &mut impl FnMut(ReportId, &[u8]),
    ) -> Result<NewEntry, StoreError> {
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

    fn key(&mut self, subject: Subject) -> Result<KeyId, StoreError> {
        if let Some(key) = self.keys.get(&subject) {
            return Ok(*key);
        }
        let key = self.store.new_key()?;
        self.keys.insert(subject, key);
        Ok(key)
    }
}
