//! The one writer: takes what is queued, decides, makes durable, acknowledges, repeats.

use crate::engine::{Done, Event, Fault, Frozen, Inner, Standing, Touched};
use desk::command::{Actor, Command, Context, Decision};
use desk::fact::{Fact, Recorded, Subject};
use desk::ids::{Random, Timestamp};
use journal::{Keep, KeyId, NewEntry, NewPart, Writer};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::{mpsc, oneshot};

/// Commands decided and committed together, at most.
const GROUP_MAX: usize = 256;
/// Content committed together, bytes, at most; a single larger message still goes through.
const GROUP_BYTES_MAX: usize = 32 << 20;
/// Commands waiting for the writer; beyond it senders wait.
pub(crate) const QUEUE_MAX: usize = 4096;
/// Raw messages up to this size, bytes, go to the reader without a way back through the store.
const PASS_ON_BYTES_MAX: usize = 1 << 20;

/// A command on its way to the writer.
pub(crate) struct Job {
    pub(crate) actor: Actor,
    pub(crate) command: Command,
    pub(crate) reply: oneshot::Sender<Result<Done, Fault>>,
}

/// What the writer needs besides the desk.
pub(crate) struct Scribe {
    pub(crate) inner: Arc<Inner>,
    pub(crate) journal: Writer,
    pub(crate) keys: HashMap<Subject, KeyId>,
    pub(crate) next: u64,
    pub(crate) last: Timestamp,
}

/// Chance from the machine.
struct Machine;

impl Random for Machine {
    fn fill(&mut self, out: &mut [u8]) {
        getrandom::fill(out).expect("the machine's random source works, or nothing secret can be made");
    }
}

struct Waiting {
    reply: oneshot::Sender<Result<Done, Fault>>,
    answer: Result<Decision, desk::command::Refusal>,
    first: u64,
}

impl Scribe {
    pub(crate) fn run(mut self, mut queue: mpsc::Receiver<Job>) {
        while let Some(first) = queue.blocking_recv() {
            let mut bytes = weight(&first);
            let mut group = vec![first];
            while group.len() < GROUP_MAX && bytes < GROUP_BYTES_MAX {
                let Ok(job) = queue.try_recv() else { break };
                bytes += weight(&job);
                group.push(job);
            }
            if let Some(frozen) = self.inner.frozen() {
                group.into_iter().for_each(|job| drop(job.reply.send(Err(Fault::Frozen(frozen.clone())))));
                continue;
            }
            self.commit(group);
        }
    }

    fn commit(&mut self, group: Vec<Job>) {
        let now = self.inner.clock.now().max(self.last);
        self.last = now;
        let mut waiting = self.decide(group, now);
        let mut lists = Vec::new();
        for decided in waiting.iter_mut().filter_map(|w| w.answer.as_mut().ok()).filter(|d| !d.facts.is_empty()) {
            let entries = decided.facts.iter_mut().map(|f| self.entry(f)).collect::<Result<Vec<_>, _>>();
            match entries {
                Ok(entries) => lists.push(entries),
                Err(error) => return self.freeze(waiting, &error.to_string(), now),
            }
        }
        if !lists.is_empty() {
            if let Err(error) = self.journal.append(lists, now.0) {
                return self.freeze(waiting, &error.to_string(), now);
            }
            debug_assert_eq!(self.journal.next_seq(), self.next, "the desk and the journal count alike");
        }
        self.inner.durable.send_replace(self.next);
        for Waiting { reply, answer, first } in waiting {
            let answer = match answer {
                Ok(decision) => {
                    for (n, recorded) in decision.facts.iter().enumerate() {
                        let touched = Touched::of(&recorded.fact);
                        drop(self.inner.events.send(Event { seq: first + n as u64, at: now, touched }));
                    }
                    let seq = (!decision.facts.is_empty()).then(|| first + decision.facts.len() as u64 - 1);
                    Ok(Done { outcome: decision.outcome, seq, at: now })
                }
                Err(refusal) => Err(Fault::Refused(refusal)),
            };
            // Whoever asked may have gone away; the facts stand all the same.
            drop(reply.send(answer));
        }
        self.inner.wake();
    }

    fn decide(&mut self, group: Vec<Job>, now: Timestamp) -> Vec<Waiting> {
        let mut desk = self.inner.desk.write();
        let mut waiting = Vec::with_capacity(group.len());
        for Job { actor, command, reply } in group {
            let first = self.next;
            let answer = desk.decide(&mut Context { actor, now, random: &mut Machine }, command);
            if let Ok(decision) = &answer {
                for recorded in &decision.facts {
                    desk.apply(self.next, now, &recorded.fact);
                    self.next += 1;
                }
            }
            waiting.push(Waiting { reply, answer, first });
        }
        self.inner.applied.store(self.next, Ordering::Release);
        waiting
    }

    fn entry(&mut self, recorded: &mut Recorded) -> Result<NewEntry, journal::Error> {
        let written = recorded.fact.written();
        let mut parts = Vec::new();
        if written.sealed.is_some() || recorded.content.is_some() {
            let subject = recorded.fact.subject();
            let key = match self.keys.get(&subject) {
                Some(key) => *key,
                None => {
                    let key = self.journal.new_key()?;
                    self.keys.insert(subject, key);
                    key
                }
            };
            // The sealed part always comes first, so that content is part 1.
            let sealed = written.sealed.unwrap_or_else(|| b"[]".to_vec());
            parts.push(NewPart { key, keep: Keep::Replayed, content: sealed });
            if let Some(content) = recorded.content.take() {
                self.pass_on(&recorded.fact, &content);
                parts.push(NewPart { key, keep: Keep::OnDemand, content });
            }
        }
        Ok(NewEntry { kind: written.kind, version: written.version, body: written.body, parts })
    }

    /// The reader gets a small message without asking the store for it.
    fn pass_on(&self, fact: &Fact, content: &[u8]) {
        if let Fact::Intake(desk::intake::Fact::Received { report, via, .. }) = fact
            && via.is_mail()
            && content.len() <= PASS_ON_BYTES_MAX
        {
            self.inner.passed_on.put(*report, content);
        }
    }

    fn freeze(&self, waiting: Vec<Waiting>, why: &str, since: Timestamp) {
        let frozen = Frozen { since, why: why.to_owned() };
        eprintln!("bolwerk: storage failed, nothing more is acknowledged until a checked restart: {why}");
        self.inner.standing.send_replace(Standing::Frozen(frozen.clone()));
        self.inner.durable.send_modify(|_| {});
        waiting.into_iter().for_each(|w| drop(w.reply.send(Err(Fault::Frozen(frozen.clone())))));
    }
}

fn weight(job: &Job) -> usize {
    match &job.command {
        Command::Intake(desk::intake::Command::Receive(incoming)) => incoming.raw.len(),
        _ => 0,
    }
}
